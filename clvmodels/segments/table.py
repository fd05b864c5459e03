"""One row per segment: who they are, what they are worth, what is at risk, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clvmodels.segments.kinds import CLAIMS, DEFINITIONS
from clvmodels.segments.segmenter import Segmenter
from clvmodels.segments.totals import SegmentTotals, segment_totals
from clvmodels.storage import write_text
from clvmodels.units import DAYS_PER_UNIT
from clvmodels.value.scorer import Scorer
from clvmodels.value.shock import ASSUMED, CommonShock, CommonShocks
from clvmodels.value.totals import Total, ValueGroups
from clvmodels.wording import sheet

_CSV = (
    "segment", "kind", "definition", "customers", "customers_share", "clv", "clv_lower",
    "clv_upper", "clv_share", "purchases", "purchases_lower", "purchases_upper", "active",
    "probability_alive", "orders_per_customer", "clv_per_customer", "potential_value",
    "value_at_risk", "mean_order", "mean_age_days", "action",
)  # fmt: skip


def segment_table(
    by_segment: Sequence[ValueGroups],
    segmenter: Segmenter,
    scorer: Scorer,
    interval: float,
    shock: CommonShock | CommonShocks = ASSUMED,
) -> dict[str, Any]:
    """What ``run.json`` says of segments: the limits, a row for each and one for the base.

    Parameters
    ----------
    by_segment
        The histories of each segment's customers, in the order of the segmenter's names.
    interval
        Probability of the intervals, which carry parameters, customers and the common shock;
        segments share the first and the last, so that their bounds don't add up to the base's.
    """
    totals = segment_totals(by_segment, scorer, shock)
    everybody = range(len(by_segment))
    whole = _described(by_segment, everybody, totals, interval, None)
    rows = [
        {
            "kind": kind,
            "name": name,
            "definition": DEFINITIONS[kind],
            "claim": CLAIMS[kind],
            "action": segmenter.rules.actions[kind],
            **_described(by_segment, [code], totals, interval, whole),
        }
        for code, (kind, name) in enumerate(zip(segmenter.kinds, segmenter.names, strict=True))
    ]
    limits = segmenter.limits.to_dict()
    del limits["terms"]
    return {
        "horizon": str(scorer.terms.horizon),
        "interval": interval,
        "limits": limits,
        "rows": rows,
        "total": whole,
        "stability": None,
        "evidence": None,
    }


def write_segments_csv(path: Path, table: dict[str, Any]) -> None:
    """Write the rows of `segment_table` as CSV that a spreadsheet can open without harm."""
    rows = (*table["rows"], table["total"] | {"name": "total"})
    write_text(path, sheet(_CSV, map(_flat, rows)))


def _described(
    by_segment: Sequence[ValueGroups],
    segments: Sequence[int],
    totals: SegmentTotals,
    interval: float,
    whole: dict[str, Any] | None,
) -> dict[str, Any]:
    """A row for some segments together; shares are those of ``whole``, None for the base itself."""
    groups = [by_segment[code] for code in segments]
    customers = sum(float(each.columns.weights.sum()) for each in groups)
    active, purchases, clv, potential = (
        totals.total(quantity, segments, interval)
        for quantity in ("active", "purchases", "clv", "potential_value")
    )
    share, value_share = (1.0, 1.0) if whole is None else (
        _ratio(customers, whole["customers"]),
        _ratio(_expected(clv), _expected(whole["clv"])),
    )  # fmt: skip
    ages = sum(
        float((each.columns.weights * each.columns.age).sum())
        * DAYS_PER_UNIT[each.columns.time_unit]
        for each in groups
    )
    priced = sum(float(each.priced.sum()) for each in groups)
    at_risk = None if clv is None or potential is None else potential.expected - clv.expected
    return {
        "customers": round(customers),
        "customers_share": share,
        "active": _total(active),
        "purchases": _total(purchases),
        "clv": _total(clv),
        "clv_share": value_share if clv is not None else None,
        "potential_value": _total(potential),
        "value_at_risk": at_risk,
        "probability_alive": _ratio(_expected(active), customers),
        "orders_per_customer": _ratio(_expected(purchases), customers),
        "clv_per_customer": _ratio(_expected(clv), customers),
        "mean_order": _ratio(sum(float(each.sum_order.sum()) for each in groups), priced),
        "mean_age_days": _ratio(ages, customers),
    }


def _total(total: Total | None) -> dict[str, float] | None:
    if total is None:
        return None
    names = ("expected", "lower", "upper", "sd_parameters", "sd_customers")
    return {name: getattr(total, name) for name in names}


def _expected(total: Total | dict[str, float] | None) -> float | None:
    if total is None:
        return None
    return total["expected"] if isinstance(total, dict) else total.expected


def _ratio(part: float | None, whole: float | None) -> float | None:
    """A share or a mean; None where there is nothing to divide by."""
    if part is None or whole is None or not whole > 0.0:
        return None
    return part / whole


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    flat = {name: value for name, value in row.items() if not isinstance(value, dict)}
    flat["segment"] = row["name"]
    for name in ("clv", "purchases", "active", "potential_value"):
        total = row[name] or {}
        flat |= {name: total.get("expected")}
        flat |= {f"{name}_{bound}": total.get(bound) for bound in ("lower", "upper")}
    return flat
