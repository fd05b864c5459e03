"""The last run's forecast against what has happened since."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from clvmodels.errors import ClvError
from clvmodels.outlook.estimate import Estimate, estimate
from clvmodels.outlook.histories import groups_of
from clvmodels.outlook.predecessor import Predecessor, without_path
from clvmodels.outlook.prospect import Prospect
from clvmodels.outlook.scores import score_histories
from clvmodels.transactions.cohorts import bought_since
from clvmodels.transactions.database import Database
from clvmodels.units import Duration
from clvmodels.value.scorer import Scorer
from clvmodels.value.terms import ValueTerms
from clvmodels.wording import number, percent

if TYPE_CHECKING:
    from clvmodels.transactions.log import TransactionLog
    from clvmodels.transactions.summary import CustomerSummary


def last_forecast(
    before: Predecessor | None,
    log: TransactionLog | None,
    summary: CustomerSummary,
    interval: float,
    *,
    memory_limit: str | None = None,
    threads: int | None = None,
) -> dict[str, Any]:
    """Hold the last run's forecast for its customers against what they bought since.

    Parameters
    ----------
    before
        The last run, from `change`; None where there is none.
    log, summary
        The log of today and its summary.
    interval
        Probability of the interval; it carries the last run's own common shock.

    Returns
    -------
    dict
        As ``run.json`` has it under ``last_forecast``.
    """
    if before is None:
        return _nothing("none", None)
    if log is None:
        return _nothing("not_comparable", "The log itself is not at hand.", before)
    days = (summary.observation_end - before.observation_end).days
    if days < 1:
        return _nothing("not_comparable", "No day has gone by since the last run.", before)
    try:
        purchases, spend = before.models()
        database = Database(memory_limit, threads)
        table = score_histories(database, before.folder / "scores", purchases.time_unit_)
        groups = groups_of(table, purchases.time_unit_)
        terms = ValueTerms(Duration.parse(f"{days}d"), annual_discount_rate=0.0)
        scorer = Scorer(purchases, spend if summary.has_amount else None, terms, interval)
        prospect = Prospect(groups, scorer, float(days), draws=before.draws)
        shocks = before.shocks()
    except (ClvError, OSError) as error:
        reason = f"The last forecast cannot be made again: {without_path(error, before)}"
        return _nothing("not_comparable", reason, before)
    bought, amount = bought_since(log, summary, before.observation_end)
    found: dict[str, Any] = {"revenue": None}
    for name, actual, shock in (
        ("purchases", float(bought), shocks.purchases),
        ("revenue", amount, shocks.value),
    ):
        curves = prospect.curves("purchases" if name == "purchases" else "revenue",
                                 np.array([float(days)]))  # fmt: skip
        if curves is not None and actual is not None:
            forecast = estimate(curves, np.ones_like(curves.expected), interval, shock)
            found[name] = _held_against(forecast, actual)
    told = "revenue" if found["revenue"] is not None else "purchases"
    first = before.observation_end + timedelta(days=1)
    return {
        "status": "checked",
        "reason": None,
        "run": before.name,
        "from": first.isoformat(),
        "to": summary.observation_end.isoformat(),
        "days": days,
        "customers": before.customers,
        "interval": interval,
        **found,
        "trusted": before.trusted,
        "sentence": _sentence(told, found[told], days, interval),
    }


def _held_against(forecast: Estimate, actual: float) -> dict[str, Any]:
    expected = forecast["expected"]
    return {
        "forecast": forecast,
        "actual": actual,
        "inside": forecast["lower"] <= actual <= forecast["upper"],
        "off": actual / expected - 1.0 if expected > 0.0 else None,
    }


def _sentence(told: str, found: dict[str, Any], days: int, interval: float) -> str:
    forecast: Estimate = found["forecast"]
    what = "revenue" if told == "revenue" else "purchases"
    place = "inside" if found["inside"] else "outside"
    off = ""
    if found["off"] is not None:
        side = "more" if found["off"] >= 0.0 else "less"
        off = f", {percent(abs(found['off']))} {side} than expected"
    return (
        f"For the {days} days since, the last run expected {what} of "
        f"{number(forecast['expected'])} ({number(forecast['lower'])} to "
        f"{number(forecast['upper'])}); {number(found['actual'])} came{off}, {place} its "
        f"{percent(interval)} interval."
    )


def _nothing(status: str, reason: str | None, before: Predecessor | None = None) -> dict[str, Any]:
    return {"status": status, "reason": reason, "run": before and before.name}
