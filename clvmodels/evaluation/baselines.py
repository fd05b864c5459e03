"""Methods without a model: what people do today, to be beaten.

Each gives one number per customer and no distribution. It may look at nothing but `Evidence`, all
of which lies before the origin.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import DAYS_PER_UNIT, DAYS_PER_YEAR, Duration
from clvmodels.value.formula_variants import yearly_churn
from clvmodels.value.simple_formula import order_values, orders_per_year


@dataclass(frozen=True)
class Recent:
    """What each customer bought in the window before the origin, (n,) each.

    ``spend`` is None without amounts. The window is as long as the hold-out, or as the log where
    that is shorter; ``share`` is its length over the hold-out's.
    """

    purchases: FloatArray
    spend: FloatArray | None
    share: float

    def some(self, rows: IntArray) -> Recent:
        """The same of some customers, or of all in another order."""
        spend = None if self.spend is None else self.spend[rows]
        return Recent(self.purchases[rows], spend, self.share)


@dataclass(frozen=True)
class Evidence:
    """What a method may look at.

    Attributes
    ----------
    columns
        The customers at the origin.
    horizon
        Length of the hold-out.
    recent
        The window before the origin.
    hiatus
        Most days since the last purchase at which a customer counts as active; see
        `hiatus_threshold`. NaN where the log is too short to learn it.
    """

    columns: CustomerColumns
    horizon: Duration
    recent: Recent
    hiatus: float


@dataclass(frozen=True)
class PointForecast:
    """Purchases and spend forecast for each customer; spend is None without amounts."""

    purchases: FloatArray
    spend: FloatArray | None


def hiatus_threshold(columns: CustomerColumns, bought: IntArray) -> float:
    """Days since the last purchase that best tells who bought afterwards from who did not.

    Parameters
    ----------
    columns
        Customers at an earlier day.
    bought : (n,)
        Their purchases after it.

    Returns
    -------
    float
        The threshold with the highest share of buyers at or below plus share of others above, so
        that rare buyers count as much as frequent others; the longest of equally good ones. NaN
        where all bought or none did.
    """
    idle, which = np.unique(_idle_days(columns), return_inverse=True)
    active = np.bincount(which, weights=bought > 0, minlength=len(idle))
    quiet = np.bincount(which, weights=bought == 0, minlength=len(idle))
    if not active.sum() or not quiet.sum():
        return float("nan")
    gain = np.cumsum(active) / active.sum() - np.cumsum(quiet) / quiet.sum()
    best = np.flatnonzero(gain >= gain.max() - 1e-12)[-1]
    return float(idle[best])


def _formula(evidence: Evidence) -> FloatArray:
    """Orders per year, the first counted and at least a year observed, times years."""
    return orders_per_year(evidence.columns) * evidence.horizon.years


def _formula_churn(evidence: Evidence) -> FloatArray:
    """The formula for as long as customers stay on average if churn goes on as observed."""
    columns, years = evidence.columns, evidence.horizon.years
    oldest = float(columns.age.max(initial=0.0)) * DAYS_PER_UNIT[columns.time_unit]
    churn = yearly_churn(columns, max(min(evidence.horizon.days, oldest / 2.0), 1.0))
    if churn > 0.0:
        years = -float(np.expm1(years * np.log1p(-churn)) / -np.log1p(-churn)) if churn < 1 else 0.0
    return orders_per_year(columns) * years


def _formula_lifespan(evidence: Evidence) -> FloatArray:
    """The formula for the mean time from first to last purchase so far, the horizon at most."""
    columns = evidence.columns
    lived = float(columns.recency.mean()) * DAYS_PER_UNIT[columns.time_unit] / DAYS_PER_YEAR
    return orders_per_year(columns) * min(evidence.horizon.years, lived)


def _repeat_rate(evidence: Evidence) -> FloatArray:
    """Repeat purchases per time observed, times the horizon; 0 on the first day."""
    columns = evidence.columns
    span = evidence.horizon.in_unit(columns.time_unit)
    rate: FloatArray = columns.frequency / np.where(columns.age > 0.0, columns.age, np.inf)
    return rate * span


def _hiatus(evidence: Evidence) -> FloatArray:
    """The repeat rate of those who bought recently enough; nothing of the others."""
    # Without a threshold everybody counts as active.
    active = ~(_idle_days(evidence.columns) > evidence.hiatus)
    result: FloatArray = _repeat_rate(evidence) * active
    return result


def _idle_days(columns: CustomerColumns) -> FloatArray:
    """Whole days since the last purchase; in weeks their differences would not be exact."""
    idle: FloatArray = np.rint((columns.age - columns.recency) * DAYS_PER_UNIT[columns.time_unit])
    return idle


# Purchases of each method by name; spend is their number times the customer's mean order.
_RATES: dict[str, Callable[[Evidence], FloatArray]] = {
    "simple_formula": _formula,
    "formula_churn": _formula_churn,
    "formula_lifespan": _formula_lifespan,
    "repeat_rate": _repeat_rate,
    "hiatus": _hiatus,
}
POINT_METHODS = (*_RATES, "last_period")
"""Names of the baselines that give a number and no distribution."""


def point_forecast(name: str, evidence: Evidence) -> PointForecast:
    """Forecast of one of `POINT_METHODS`.

    ``last_period`` repeats the window before the origin, first purchases included; a window that
    the log cut short is scaled up.
    """
    if name == "last_period":
        recent = evidence.recent
        spend = None if recent.spend is None else recent.spend / recent.share
        return PointForecast(recent.purchases / recent.share, spend)
    purchases = _RATES[name](evidence)
    if evidence.recent.spend is None:
        return PointForecast(purchases, None)
    return PointForecast(purchases, purchases * np.nan_to_num(order_values(evidence.columns)))
