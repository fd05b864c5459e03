"""Customers by when they came: what they brought by age, and will bring, with CAC and payback."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np

from clvmodels.config.economics import COHORT, EconomicsConfig
from clvmodels.kernels.base import IntArray
from clvmodels.outlook.history import History
from clvmodels.outlook.lives import Life, Steps, life
from clvmodels.outlook.payback import margin_life, payback_of
from clvmodels.outlook.periods import Cohort, cohorts_of, period
from clvmodels.outlook.prospect import Prospect
from clvmodels.value.shock import CommonShocks
from clvmodels.value.terms import ValueTerms

# Columns of a heat map that can still be read, and how wide they may be in months.
_MOST_PERIODS, _WIDTHS = 16, (1, 3, 6, 12)


def cohorts(
    history: History,
    prospect: Prospect,
    terms: ValueTerms,
    shocks: CommonShocks,
    interval: float,
    economics: EconomicsConfig | None = None,
) -> dict[str, Any]:
    """Cohorts of the base, seen so far and a year ahead.

    Parameters
    ----------
    history
        What was bought, by month of coming.
    prospect
        The base, with a reach of a year.
    terms
        Terms of value, for the margin that pays back what a customer cost.
    shocks
        What strikes everybody at once.
    interval
        Probability of the intervals.
    economics
        What customers cost to win; without it there is no payback.

    Returns
    -------
    dict
        As ``run.json`` has it under ``cohorts``.
    """
    unit, found, which = cohorts_of(history.keys)
    steps = Steps.of(prospect)
    revenue = prospect.curves("revenue", steps.days) if history.amount is not None else None
    purchases = prospect.curves("purchases", steps.days)
    quantity = "purchases" if revenue is None else "revenue"
    curves, shock = (purchases, shocks.purchases) if revenue is None else (revenue, shocks.value)
    if curves is None or purchases is None:
        msg = "There are no purchases ahead to show."
        raise ValueError(msg)
    seen = history.purchases if history.amount is None or revenue is None else history.amount
    margin = None
    if revenue is not None:
        margin = revenue.less(purchases, terms.margin, terms.cost_per_order)
    of_row = _cohort_of_rows(history, which, prospect)
    rows, lives = [], []
    for number, cohort in enumerate(found):
        mine = np.flatnonzero(of_row == number)
        observed = seen[which == number].sum(axis=0)
        lives.append(life(observed, curves, steps, prospect, mine, interval, shock))
        rows.append(_facts(cohort, lives[-1], prospect, mine))
        cac = cac_of_cohort(cohort, economics)
        rows[-1] |= {"cac": cac, "payback": None}
        if cac is not None and margin is not None:
            earned = history.margin(which == number, terms)
            money = margin_life(
                earned, margin, steps, prospect, mine, interval, shocks.value, terms
            )
            rows[-1]["payback"] = payback_of(money, cac)
    width = _width(max(each.months for each in lives))
    for row, each in zip(rows, lives, strict=True):
        row |= {"curve": _curve(each, width), "heat": _heat(each, width)}
    return {
        "by": unit,
        "quantity": quantity,
        "observation_end": history.observation_end.isoformat(),
        "interval": interval,
        "period_months": width,
        "periods": max(len(row["heat"]) for row in rows),
        "cac": any(row["payback"] is not None for row in rows),
        "rows": rows,
    }


def cac_of_cohort(cohort: Cohort, economics: EconomicsConfig | None) -> float | None:
    """What a customer of a cohort cost to win; the shortest period that holds it decides."""
    if economics is None:
        return None
    if economics.cac_label == COHORT:
        fitting = [key for key in economics.cac_values if cohort.is_within(key)]
        if fitting:
            return economics.cac_values[min(fitting, key=_length)]
    return economics.cac


def _length(key: str) -> timedelta:
    first, last = period(key)
    return last - first


def _cohort_of_rows(history: History, which: IntArray, prospect: Prospect) -> IntArray:
    """Cohort of each row of a prospect, by the day on which its customers came."""
    end = np.datetime64(history.observation_end)
    came = end - np.rint(prospect.age).astype("timedelta64[D]")
    months = np.array(history.keys, dtype="datetime64[M]")
    return np.asarray(which[np.searchsorted(months, came.astype("datetime64[M]"))])


def _facts(cohort: Cohort, found: Life, prospect: Prospect, rows: IntArray) -> dict[str, Any]:
    return {
        "cohort": cohort.name,
        "start": cohort.start and cohort.start.isoformat(),
        "end": cohort.end.isoformat(),
        "customers": round(found.customers),
        "active_share": float(prospect.alive[rows].sum()) / found.customers,
        "first": float(found.seen[0]),
        "to_date": float(found.seen[-1]),
        "to_year_ahead": found.at(found.months),
    }


def _width(months: int) -> int:
    fitting = (width for width in _WIDTHS if -(-months // width) <= _MOST_PERIODS)
    return next(fitting, -(-months // _MOST_PERIODS))


def _curve(found: Life, width: int) -> list[dict[str, Any]]:
    points = []
    for month in sorted({*range(0, found.months, width), found.months}):
        here, status = found.at(month), found.status[month]
        known = status == "observed"
        points.append(
            {
                "months": month,
                "value": here["expected"],
                "lower": None if known else here["lower"],
                "upper": None if known else here["upper"],
                "status": status,
            }
        )
    return points


def _heat(found: Life, width: int) -> list[dict[str, Any]]:
    """What was brought within each whole period of age; a last one that is shorter is left out."""
    cells = []
    for number in range(1, found.months // width + 1):
        before, month = (number - 1) * width, number * width
        kinds = set(found.status[before + 1 : month + 1])
        cells.append(
            {
                "period": number,
                "from_months": before,
                "to_months": month,
                "value": found.at(month)["expected"] - found.at(before)["expected"],
                "status": kinds.pop() if len(kinds) == 1 else "partly",
            }
        )
    return cells
