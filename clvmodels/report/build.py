"""From the files of a run to the summary that every report is rendered from."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from clvmodels.errors import ArtefactError
from clvmodels.report.aggregates import Scores, steady
from clvmodels.report.evidence import read_evidence
from clvmodels.report.outlook import read_outlook
from clvmodels.report.page_one import page_one
from clvmodels.report.summary import (
    Answer,
    Behaviour,
    Comparison,
    Contender,
    DataQuality,
    Estimate,
    Formula,
    Gate,
    Holdout,
    ModelRecord,
    NewCustomer,
    ReportSummary,
    Scope,
    Shocks,
    Spread,
    Trust,
)
from clvmodels.storage import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from _typeshed import DataclassInstance

Record = TypeVar("Record", bound="DataclassInstance")

RUN_SCHEMA = 1
BACKTEST_SCHEMA = 2
_GATE_ORDER = {"red": 0, "amber": 1, "grey": 2, "green": 3}


def build_summary(run_dir: str | Path) -> ReportSummary:
    """Give everything that the report of a run says.

    The scores are counted by DuckDB in one pass per table, with memory that does not depend on
    the number of customers. A run whose verdict is "untrusted" yields a summary without the
    value of the base and without amounts that add up to it.

    Parameters
    ----------
    run_dir : path
        What ``clvmodels run`` wrote: ``run.json``, ``backtest.json`` and ``scores/``.

    Raises
    ------
    ArtefactError
        If a file is missing, damaged, of another schema version, or its rows do not add up.
    """
    folder = Path(run_dir)
    run = read_json(folder / "run.json", schema=RUN_SCHEMA)
    try:
        backtest = _backtest(folder, run)
        summary = _summary(folder, run, backtest)
        return replace(summary, page_one=page_one(summary))
    except (KeyError, TypeError, ValueError) as error:
        message = (
            f"run.json or backtest.json in {folder} is damaged or from another version "
            f"({type(error).__name__}: {error}). Run clvmodels run again."
        )
        raise ArtefactError(message) from error


def _backtest(folder: Path, run: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the back-test; a job that only scored has none."""
    path = folder / "backtest.json"
    if run["holdout"] is None and not path.exists():
        return {"splits": [], "overlapping": False}
    return read_json(path, schema=BACKTEST_SCHEMA)


def _summary(folder: Path, run: Mapping[str, Any], backtest: Mapping[str, Any]) -> ReportSummary:
    scope = _scope(run)
    trust = _trust(run)
    tell_value = trust.verdict != "untrusted"
    scores = Scores(folder, "clv" if scope.has_money else "expected_purchases")
    split = _split(run["holdout"], backtest["splits"])
    return ReportSummary(
        scope=scope,
        trust=trust,
        answer=_answer(run["totals"]) if tell_value else None,
        formula=_formula(run, scores) if tell_value and scope.has_money else None,
        spread=_spread(scores, tell_value=tell_value),
        behaviour=Behaviour(
            tracking=tuple(split["tracking"]) if split else (),
            frequency_check=tuple(backtest.get("frequency_check") or ()),
            alive_grid=backtest.get("alive_grid"),
        ),
        holdout=_holdout(run["holdout"], split) if run["holdout"] else None,
        evidence=read_evidence(backtest),
        shocks=_shocks(run.get("common_shocks"), scope),
        outlook=read_outlook(run, tell_value=tell_value),
        data=_data_quality(run) if run["rows"] is not None else None,
        inputs=tuple(run["inputs"]),
        warnings=tuple(run["warnings"]),
        models=tuple(
            _model_record(role, run["models"][role])
            for role in ("purchases", "spend")
            if run["models"].get(role)
        ),
        configuration=run["config"],
        versions=run["versions"],
        seed=run.get("seed"),
    )


def _scope(run: Mapping[str, Any]) -> Scope:
    config = run["config"]
    return Scope(
        customers=run["customers"],
        repeat_customers=run["repeat_customers"],
        first_purchase=str(run["period"]["first_purchase"]),
        observation_end=str(run["period"]["observation_end"]),
        horizon=config["horizon"],
        interval=config["interval"],
        margin=config["margin"],
        annual_discount_rate=config["annual_discount_rate"],
        cost_per_order=config.get("cost_per_order", 0.0),
        cost_per_customer_year=config.get("cost_per_customer_year", 0.0),
        currency=config.get("currency") or None,
        has_money=run["models"]["spend"] is not None,
    )


def _trust(run: Mapping[str, Any]) -> Trust:
    gates = sorted((Gate(**gate) for gate in run["gates"]), key=lambda g: _GATE_ORDER[g.level])
    return Trust(verdict=run["trusted"], gates=tuple(gates))


def _answer(totals: Mapping[str, Any]) -> Answer:
    return Answer(
        value=_estimate(totals["clv"]),
        purchases=_estimate(totals["purchases"]),
        active_customers=_filled(Estimate, totals["active"]),
        potential_value=_estimate(totals["potential_value"]),
        new_customer=_picked(NewCustomer, totals["new_customer"]),
    )


def _estimate(total: Mapping[str, Any] | None) -> Estimate | None:
    return _picked(Estimate, total)


def _picked(record: type[Record], values: Mapping[str, Any] | None) -> Record | None:
    """Fill a record from the values of the same names; others are for other readers."""
    return None if values is None else _filled(record, values)


def _filled(record: type[Record], values: Mapping[str, Any]) -> Record:
    return record(**{field.name: values[field.name] for field in fields(record)})


def _formula(run: Mapping[str, Any], scores: Scores) -> Formula | None:
    totals, compared = run["totals"], run.get("formula_comparison")
    simple = totals["simple_formula"]
    if simple is None or totals["clv"] is None:
        return None
    model = totals["clv"]["expected"]
    groups = scores.by_frequency()
    return Formula(
        mean_order_value=simple["mean_order_value"],
        orders_per_year=simple["orders_per_year"],
        horizon_years=simple["horizon_years"],
        margin=simple["margin"],
        customers=simple["customers"],
        value=simple["value"],
        value_by_customer=steady(sum(group["simple_formula"] for group in groups)),
        model=model,
        difference=simple["value"] - model,
        by_frequency=groups,
        causes=tuple(compared["causes"]) if compared else (),
    )


def _spread(scores: Scores, *, tell_value: bool) -> Spread:
    bins = scores.bins()
    tell_value = tell_value and bool((bins.side != 0).any())
    return Spread(
        measure=scores.measure,
        concentration=bins.concentration(),
        histogram=bins.histogram(),
        not_positive=int(bins.customers[bins.side <= 0].sum()),
        quantiles={f"p{level}": bins.quantile(level / 100) for level in (10, 50, 90)},
        deciles=bins.deciles() if tell_value else (),
        top=scores.top() if tell_value else (),
    )


def _split(
    holdout: Mapping[str, Any] | None, splits: list[Mapping[str, Any]]
) -> Mapping[str, Any] | None:
    """Give the split of the back-test that the hold-out figures of the run came from."""
    if holdout is None:
        return None
    return next((split for split in splits if split["origin"] == holdout["origin"]), None)


def _holdout(holdout: Mapping[str, Any], split: Mapping[str, Any] | None) -> Holdout:
    return Holdout(
        origin=holdout["origin"],
        end=holdout["end"],
        days=holdout["days"],
        customers=holdout["customers"],
        purchases=_comparison(holdout["purchases"]),
        spend=_comparison(holdout["spend"]) if holdout["spend"] else None,
        mean_absolute_error=holdout["mae"],
        by_frequency=tuple(split["by_frequency"]) if split else (),
    )


def _comparison(figures: Mapping[str, float]) -> Comparison:
    actual = figures["actual"]
    errors = [abs(figures[name] - actual) for name in ("model", "simple_formula")]
    nearer: Contender = "model" if errors[0] < errors[1] else "simple_formula"
    if abs(errors[0] - errors[1]) <= 0.01 * abs(actual):
        nearer = "neither"
    return Comparison(actual, figures["model"], figures["simple_formula"], nearer)


def _shocks(learned: Mapping[str, Any] | None, scope: Scope) -> Shocks | None:
    """Give the windows that taught the common shock; None where there are none."""
    from clvmodels.value.shock import CommonShock

    if learned is None or not learned["windows"]:
        return None
    size = learned["value" if scope.has_money else "purchases"]
    shock = CommonShock(size["sd"], size["degrees_of_freedom"], size["windows"])
    quantity: Literal["purchases", "spend"] = "spend" if scope.has_money else "purchases"
    windows = tuple(
        {
            "origin": window["origin"],
            "end": window["end"],
            f"actual_{quantity}": window[f"actual_{quantity}"],
            f"predicted_{quantity}": window[f"predicted_{quantity}"],
        }
        for window in learned["windows"]
        if window[f"actual_{quantity}"] is not None
    )
    return Shocks(quantity, shock.factor(scope.interval), windows) if windows else None


def _data_quality(run: Mapping[str, Any]) -> DataQuality:
    rows = run["rows"]
    set_aside = {rule: count for rule, count in sorted(rows["quarantined"].items()) if count}
    quality = DataQuality(
        read=rows["read"],
        used=rows["used"],
        merged=rows["merged"],
        netted=rows["netted"],
        quarantined=set_aside,
    )
    total = quality.used + quality.merged + quality.netted + sum(set_aside.values())
    if total != quality.read:
        message = f"{quality.read} rows were read, but {total} are accounted for"
        raise ValueError(message)
    return quality


def _model_record(role: Literal["purchases", "spend"], fitted: Mapping[str, Any]) -> ModelRecord:
    return ModelRecord(
        role=role,
        model=fitted["model"],
        method=fitted["method"],
        time_unit=fitted.get("time_unit", ""),
        parameters=fitted["parameters"],
        standard_errors=fitted["standard_errors"] or {},
        log_likelihood=fitted["log_likelihood"],
        diagnostics=fitted["diagnostics"] or {},
    )
