"""From the splits of a back-test to what a report shows of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clvmodels.report.summary import Evidence, Method, Row

FORMULA = "simple_formula"
_LOSS = "squared_error"
# A table with more columns than this is read by nobody.
_MOST_ORIGINS = 4
_MOST_LABELS = 2


def read_evidence(backtest: Mapping[str, Any]) -> Evidence | None:
    """Give what a report shows of ``backtest.json``; None where nothing was compared."""
    splits: list[Mapping[str, Any]] = backtest["splits"][-_MOST_ORIGINS:]
    if not splits:
        return None
    last = splits[-1]
    model = last["model"]
    counts = last["methods"][model]["counts"] or {}
    spends = last["methods"][model]["spends"] or {}
    differences = last["differences"]
    return Evidence(
        model=model,
        origins=tuple(_origin(split) for split in splits),
        overlapping=backtest["overlapping"],
        interval=differences[0]["interval"] if differences else 0.9,
        methods=tuple(_method(name, model, splits) for name in _in_order(last["methods"], model)),
        calibration=tuple(_calibration(row, model) for row in last["breakdowns"]["frequency"]),
        pit=tuple(counts.get("pit_histogram", ())),
        coverage=tuple(counts.get("coverage", ())),
        spend_coverage=tuple(spends.get("coverage", ())),
        ranked_by="spend" if last["methods"][model]["spend_deciles"] else "purchases",
        deciles=_deciles(last, model),
        groups=_groups(last["breakdowns"], model),
    )


def _origin(split: Mapping[str, Any]) -> Row:
    return {
        **{name: split[name] for name in ("origin", "end", "days", "customers")},
        "purchases": split["actual"]["purchases"],
        "newcomers": split["newcomers"]["customers"],
        "newcomer_purchases": split["newcomers"]["purchases"],
    }


def _in_order(methods: Mapping[str, Any], model: str) -> list[str]:
    return [model, *(name for name in methods if name != model)]


def _method(name: str, model: str, splits: Sequence[Mapping[str, Any]]) -> Method:
    """Give a method over all origins; all of them compare the same methods."""
    found = [split["methods"][name] for split in splits]
    sizes = [split["customers"] for split in splits]
    everyone = sum(sizes)
    squares = sum(size * one["rmse"] ** 2 for size, one in zip(sizes, found, strict=True))
    rankings = [one["gini"] for one in found if one["gini"] is not None]
    against = [_against(split, name, model) for split in splits]
    excess = _shares(against[-1], splits[-1]["methods"][model]["rmse"] ** 2)
    return Method(
        name=name,
        totals_off=tuple(one["bias"] for one in found),
        mean_absolute_error=sum(size * one["mae"] for size, one in zip(sizes, found, strict=True))
        / everyone,
        root_mean_squared_error=(squares / everyone) ** 0.5,
        ranking=sum(rankings) / len(rankings) if rankings else None,
        excess=excess[0],
        excess_lower=excess[1],
        excess_upper=excess[2],
        worse=sum(bounds is not None and bounds[1] > 0 for bounds in against),
        better=sum(bounds is not None and bounds[2] < 0 for bounds in against),
    )


def _against(split: Mapping[str, Any], name: str, model: str) -> tuple[float, float, float] | None:
    """Give how far a method's loss is above the model's, with bounds."""
    for row in split["differences"]:
        if row["measure"] != _LOSS or {row["method"], row["against"]} != {name, model}:
            continue
        if row["against"] == model:
            return row["difference"], row["lower"], row["upper"]
        return -row["difference"], -row["upper"], -row["lower"]
    return None


def _shares(
    bounds: tuple[float, float, float] | None, reference: float
) -> tuple[float | None, ...]:
    if bounds is None or reference <= 0:
        return None, None, None
    return tuple(bound / reference for bound in bounds)


def _calibration(row: Mapping[str, Any], model: str) -> Row:
    shown = {"model": model, FORMULA: FORMULA, "nbd": "nbd"}
    return {
        "frequency": row["group"],
        "customers": row["customers"],
        "actual": row["purchases"] / row["customers"],
        **{
            label: row["methods"][name]["purchases"] / row["customers"]
            for label, name in shown.items()
            if name in row["methods"]
        },
    }


def _deciles(split: Mapping[str, Any], model: str) -> dict[str, tuple[Row, ...]]:
    """Give the lift by spend where there are amounts, else by purchases."""
    prefix = "spend_" if split["methods"][model]["spend_deciles"] else ""
    found = {
        "model": split["methods"][model][f"{prefix}deciles"],
        FORMULA: split["methods"][FORMULA][f"{prefix}deciles"],
        "perfect": split[f"perfect_{prefix}deciles"],
    }
    return {
        label: tuple({"decile": row["decile"], "lift": row["lift"]} for row in rows)
        for label, rows in found.items()
    }


def _groups(
    breakdowns: Mapping[str, Sequence[Mapping[str, Any]]], model: str
) -> dict[str, tuple[Row, ...]]:
    """Give the groups of which there are at least two, so that they can differ."""
    labels = [name for name in breakdowns if name not in {"cohort", "frequency"}]
    chosen = ["cohort", *labels[:_MOST_LABELS]]
    return {
        name: tuple(
            {
                "cohort": "no label" if row["group"] is None else row["group"],
                "customers": row["customers"],
                "actual": row["purchases"],
                "model": row["methods"][model]["purchases"],
                FORMULA: row["methods"][FORMULA]["purchases"],
            }
            for row in breakdowns[name]
        )
        for name in chosen
        if len(breakdowns.get(name, ())) > 1
    }
