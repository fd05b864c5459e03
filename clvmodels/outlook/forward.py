"""Three, six and twelve months ahead: purchases, revenue, margin and who will still be active."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np

from clvmodels.kernels.base import FloatArray
from clvmodels.outlook.estimate import Estimate, certain, estimate, of_total
from clvmodels.outlook.history import History
from clvmodels.outlook.prospect import Prospect
from clvmodels.transactions.cohorts import LAST_YEAR
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import DAYS_PER_YEAR
from clvmodels.value.scorer import Scorer
from clvmodels.value.shock import NO_SHOCK, CommonShocks
from clvmodels.value.terms import ValueTerms
from clvmodels.value.totals import Total, ValueGroups, ValueTotals, value_totals
from clvmodels.wording import number, percent

MONTHS = (3, 6, 12)
# Curves are asked for to a year, and a little beyond for whoever rounds to whole days.
REACH = DAYS_PER_YEAR + 1.0


def forward(
    groups: ValueGroups,
    scorer: Scorer,
    shocks: CommonShocks,
    interval: float,
    observation_end: date,
    history: History | None = None,
    *,
    totals: ValueTotals | None = None,
    prospect: Prospect | None = None,
) -> dict[str, Any]:
    """What today's customers are expected to do, and what must come from new ones.

    Parameters
    ----------
    groups
        The base.
    scorer
        What scored it.
    shocks
        What strikes everybody at once; learned over the horizon of value, and carried by every
        span ahead alike.
    interval
        Probability of the intervals.
    observation_end
        Last day observed.
    history
        What was bought; without it, what must come from new customers is null.
    totals
        Totals over the scorer's horizon, so that a span of the same length shows the same number.
    prospect
        The same base, if it has been prepared already.

    Returns
    -------
    dict
        As ``run.json`` has it under ``forward``.
    """
    prospect = prospect or Prospect(groups, scorer, REACH)
    days = np.array([months * DAYS_PER_YEAR / 12.0 for months in MONTHS])
    spans = [
        {
            "label": f"{months} months",
            "months": months,
            "days": float(day),
            "end": (observation_end + timedelta(days=int(day))).isoformat(),
        }
        for months, day in zip(MONTHS, days, strict=True)
    ]
    found: dict[str, list[Estimate] | None] = {
        "purchases": _totals(prospect, "purchases", days, interval, shocks),
        "revenue": _totals(prospect, "revenue", days, interval, shocks),
        "margin": _margins(prospect, scorer.terms, days, interval, shocks),
        "active_at_end": _totals(prospect, "active", days, interval, shocks),
    }
    bought = found["purchases"]
    if totals is not None and totals.purchases is not None and bought is not None:
        known = totals.purchases
        same = np.isclose(days, scorer.terms.horizon.days, rtol=0.0, atol=1e-9)
        for place in np.flatnonzero(same).tolist():
            bought[place] = Estimate(expected=known.expected, lower=known.lower, upper=known.upper)
    for place, span in enumerate(spans):
        span |= {name: each and each[place] for name, each in found.items()}
    active = totals.active if totals is not None else None
    new, reason = _new_customers(spans[-1], observation_end, history)
    return {
        "observation_end": observation_end.isoformat(),
        "interval": interval,
        "customers": round(float(prospect.customers.sum())),
        "shock": {
            "purchases_sd": shocks.purchases.sd,
            "value_sd": shocks.value.sd,
            "assumed": shocks.purchases.assumed,
            "windows": shocks.purchases.windows,
            "learned_over": getattr(shocks, "horizon", None),
        },
        "active_today": certain(float(prospect.alive.sum()))
        if active is None
        else Estimate(expected=active.expected, lower=active.lower, upper=active.upper),
        "spans": spans,
        "new_customer": _new_customer(scorer, interval, shocks),
        "new_customers": new,
        "new_customers_reason": reason,
    }


def _totals(
    prospect: Prospect, quantity: Any, days: FloatArray, interval: float, shocks: CommonShocks
) -> list[Estimate] | None:
    curves = prospect.curves(quantity, days)
    if curves is None:
        return None
    # No shock of the days ahead is known to make customers leave: the models' own dropout does.
    shock = {"purchases": shocks.purchases, "revenue": shocks.value, "active": NO_SHOCK}[quantity]
    return [
        estimate(curves, _only(curves.expected, place), interval, shock)
        for place in range(len(days))
    ]


def _margins(
    prospect: Prospect, terms: ValueTerms, days: FloatArray, interval: float, shocks: CommonShocks
) -> list[Estimate] | None:
    """Margin after order costs, and what is paid for every customer, undiscounted."""
    revenue, purchases = prospect.curves("revenue", days), prospect.curves("purchases", days)
    if revenue is None or purchases is None:
        return None
    margin = revenue.less(purchases, terms.margin, terms.cost_per_order)
    customers = float(prospect.customers.sum())
    return [
        estimate(
            margin, _only(margin.expected, place), interval, shocks.value,
            terms.cost_per_customer_year * customers * float(day) / DAYS_PER_YEAR,
        )
        for place, day in enumerate(days)
    ]  # fmt: skip


def _only(like: FloatArray, place: int) -> FloatArray:
    weight = np.zeros_like(like)
    weight[:, place] = 1.0
    return weight


def _new_customer(scorer: Scorer, interval: float, shocks: CommonShocks) -> Estimate | None:
    """Mean value of customers who have just bought for the first time, over the scorer's horizon.

    A mean over many: its interval covers parameters and the common shock, not the chance of one.
    """
    none, zero = np.zeros(1, dtype=np.int64), np.zeros(1)
    unit = scorer.purchases.time_unit_
    columns = CustomerColumns(none, zero, zero, np.full(1, np.nan), unit)
    one = value_totals(ValueGroups.of(columns), scorer, interval, shocks).clv
    if one is None:
        return None
    fixed = scorer.terms.fixed_cost
    return of_total(Total.of(one.expected, one.sd_parameters, 0.0, interval, shocks.value, fixed))


def _new_customers(
    year: dict[str, Any], end: date, history: History | None
) -> tuple[dict[str, Any] | None, str | None]:
    """What the last year brought against what today's customers are expected to bring."""
    if history is None:
        return None, "The log itself is not at hand."
    last = history.last_year
    if last.days < LAST_YEAR:
        return None, f"The log covers {last.days} days, less than a year."
    quantity, total, arrived = "purchases", last.purchases, last.purchases_of_new
    if year["revenue"] is not None and last.amount is not None:
        quantity, total, arrived = "revenue", last.amount, last.amount_of_new or 0.0
    if total <= 0.0:
        return None, "Nothing was sold in the last year."
    start = end - timedelta(days=LAST_YEAR - 1)
    existing: Estimate = year[quantity]
    gap = Estimate(
        expected=max(total - existing["expected"], 0.0),
        lower=max(total - existing["upper"], 0.0),
        upper=max(total - existing["lower"], 0.0),
    )
    share = Estimate(
        expected=gap["expected"] / total, lower=gap["lower"] / total, upper=gap["upper"] / total
    )
    return {
        "quantity": quantity,
        "last_year": {
            "start": start.isoformat(),
            "end": end.isoformat(),
            "total": total,
            "of_new_customers": arrived,
        },
        "existing": existing,
        "gap": gap,
        "share": share,
        "statement": _statement(quantity, total, existing, share),
    }, None


def _statement(quantity: str, total: float, existing: Estimate, share: Estimate) -> str:
    what = "revenue" if quantity == "revenue" else "purchases"
    opening = (
        f"The last year brought {what} of {number(total)}; today's customers are expected to "
        f"bring {number(existing['expected'])} in the next "
        f"({number(existing['lower'])} to {number(existing['upper'])})."
    )
    if share["upper"] <= 0.0:
        return f"{opening} That alone repeats the last year, even at the low end."
    if share["expected"] <= 0.0:
        return (
            f"{opening} That repeats the last year; at the low end {percent(share['upper'])} of it "
            "would be missing. Nothing is claimed about customers who have not come yet."
        )
    return (
        f"{opening} To repeat the last year, {percent(share['expected'])} of it "
        f"({percent(share['lower'])} to {percent(share['upper'])}) would have to come from "
        "customers who have not bought yet. Nothing is claimed about how many will come."
    )
