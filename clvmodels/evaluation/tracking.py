"""Repeat purchases of a cohort, week by week, against what is expected of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.polynomial import Chebyshev

from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.models.purchases import PurchaseModel, distinct_pairs
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.transactions.log import TransactionLog
from clvmodels.units import DAYS_PER_UNIT

# Purchases to come are a smooth curve in log(1 + weeks): so many points of it give each week to
# 1e-6, and to 1e-3 where customers buy many times a day.
_CURVE_POINTS = 16


@dataclass(frozen=True)
class Cohort:
    """The customers first seen up to an origin, by days since the first purchase of the log.

    ``born`` counts their first purchases and ``bought`` their repeat purchases, on each day.
    """

    first: date
    origin: date
    end: date
    born: FloatArray
    bought: FloatArray

    @classmethod
    def of(cls, log: TransactionLog, past: TransactionLog, origin: date, end: date) -> Cohort:
        """Count the purchases until the end; ``past`` is the log as it stood at the origin."""
        first = past.first_date
        span = (end - first).days
        born, bought = np.zeros(span + 1), np.zeros(span + 1)
        for row in past.purchases_by_day().to_pylist():
            born[(row["day"] - first).days] += row["new_customers"]
        for row in log.before(end).purchases_by_day(cohort_end=origin).to_pylist():
            bought[(row["day"] - first).days] += row["repeat_purchases"]
        return cls(first, origin, end, born, bought)

    @property
    def week_ends(self) -> IntArray:
        """Days of the hold-out, counted from the origin, on which its weeks end."""
        days = (self.end - self.origin).days
        return np.unique(np.append(np.arange(7, days + 1, 7), days))

    @property
    def weekly(self) -> FloatArray:
        """Purchases in each week of the hold-out."""
        since = np.cumsum(self.bought[(self.origin - self.first).days + 1 :])
        weekly: FloatArray = np.diff(np.append(0.0, since[self.week_ends - 1]))
        return weekly


def weekly_tracking(cohort: Cohort, model: PurchaseModel) -> list[dict[str, Any]]:
    """Actual and expected repeat purchases of the cohort since the beginning.

    Parameters
    ----------
    model
        Fitted up to the origin.

    Returns
    -------
    list of dict
        One row per week from the first purchase to the end, with ``week_end``, ``actual``,
        ``expected``, ``cumulative_actual`` and ``cumulative_expected``.
    """
    span = len(cohort.born) - 1
    # A customer of age τ days is expected to have bought again E[X(τ)] times.
    theta, kernel = model.fit_.parameters, model.kernel
    x, zero = np.zeros(span, dtype=np.int64), np.zeros(span)
    ages = np.arange(1, span + 1) / DAYS_PER_UNIT[model.time_unit_]
    alive = kernel.probability_alive(theta, x, zero, zero)
    by_age = np.append(0.0, alive * kernel.alive_purchases(theta, x, zero, ages))
    expected = np.convolve(cohort.born, by_age)[: span + 1]
    actual = np.cumsum(cohort.bought)
    ends = np.unique(np.append(np.arange(6, span + 1, 7), span))
    rows, before = [], (0.0, 0.0)
    for day in ends.tolist():
        now = (float(actual[day]), float(expected[day]))
        rows.append(
            {
                "week_end": (cohort.first + timedelta(days=day)).isoformat(),
                "actual": now[0] - before[0],
                "expected": now[1] - before[1],
                "cumulative_actual": now[0],
                "cumulative_expected": now[1],
            }
        )
        before = now
    return rows


def model_path(cohort: Cohort, model: PurchaseModel, columns: CustomerColumns) -> FloatArray:
    """Purchases that the model forecasts for each week of the hold-out, given each customer."""
    cumulated = expected_until(model, columns, cohort.week_ends.astype(np.float64))
    path: FloatArray = np.diff(np.append(0.0, cumulated))
    return path


def expected_until(model: PurchaseModel, columns: CustomerColumns, days: FloatArray) -> FloatArray:
    """Purchases of the customers that the model forecasts up to ascending days ahead, (days,)."""
    x, age, which = distinct_pairs(columns)
    alive = np.bincount(which, weights=model.alive(columns), minlength=len(x))
    theta, per_unit = model.fit_.parameters, DAYS_PER_UNIT[model.time_unit_]

    def expected(days: FloatArray) -> FloatArray:
        ahead = (model.kernel.alive_purchases(theta, x, age, day / per_unit) for day in days)
        return np.array([float(alive @ purchases) for purchases in ahead])

    if len(days) <= _CURVE_POINTS:
        return expected(days)
    curve = Chebyshev.interpolate(
        lambda u: expected(7.0 * np.expm1(u)),
        _CURVE_POINTS - 1,
        domain=[0.0, float(np.log1p(days[-1] / 7.0))],
    )
    return np.asarray(curve(np.log1p(days / 7.0)))


def even_path(cohort: Cohort, purchases: float) -> FloatArray:
    """Purchases in each week of the hold-out if they come evenly."""
    ends = cohort.week_ends
    path: FloatArray = np.diff(np.append(0, ends)) * (purchases / float(ends[-1]))
    return path


def path_error(forecast: FloatArray, actual: FloatArray) -> float | None:
    """Sum of the absolute misses of the weeks over all purchases; None where there were none."""
    total = float(actual.sum())
    return float(np.abs(forecast - actual).sum()) / total if total else None
