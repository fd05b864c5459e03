"""A single split in time: learn up to an origin, then compare with what happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from clvmodels.errors import InputError
from clvmodels.evaluation.tracking import weekly_tracking
from clvmodels.kernels.base import FloatArray
from clvmodels.models.gamma_gamma import GammaGammaModel, spend_evidence
from clvmodels.models.purchases import PurchaseModel
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.transactions.log import TransactionLog
from clvmodels.units import DAYS_PER_YEAR, Duration, TimeUnit
from clvmodels.value.simple_formula import order_values, orders_per_year

# Frequencies from here on are one class in tables.
LAST_CLASS = 7
# With fewer repeat buyers before the origin there is nothing to learn from.
FEWEST_REPEATERS = 10


@dataclass(frozen=True)
class Forecast:
    """What one method said about the hold-out, against what happened.

    ``purchases`` and ``spend`` are sums over customers (spend None without amounts); ``mae`` and
    ``rmse`` are per customer, in purchases.
    """

    purchases: float
    spend: float | None
    mae: float
    rmse: float


@dataclass(frozen=True)
class HoldoutCheck:
    """The outcome of a split; every method predicts the same customers.

    Attributes
    ----------
    origin, end
        Last day that the models saw, and last day compared.
    actual_purchases, actual_spend
        Purchase days and amounts of these customers in between.
    forecasts
        By method: the model's name, and ``simple_formula``.
    by_frequency, tracking
        Rows of the two tables, as in ``backtest.json``.
    """

    origin: date
    end: date
    customers: int
    actual_purchases: int
    actual_spend: float | None
    model: str
    forecasts: dict[str, Forecast]
    by_frequency: list[dict[str, Any]]
    tracking: list[dict[str, Any]]

    @property
    def days(self) -> int:
        """Length of the hold-out in days."""
        return (self.end - self.origin).days


def default_origin(first: date, end: date, holdout: Duration | None) -> date:
    """Last day to learn from: a quarter of the span, at most a year, is held out by default."""
    days = round(holdout.days) if holdout else min((end - first).days // 4, round(DAYS_PER_YEAR))
    return end - timedelta(days=days)


def holdout_check(
    log: TransactionLog,
    origin: date,
    end: date,
    model_class: type[PurchaseModel],
    *,
    time_unit: TimeUnit,
    method: str,
) -> HoldoutCheck | None:
    """Fit up to the origin and compare with what happened until the end.

    Returns
    -------
    HoldoutCheck or None
        None if fewer than ten customers bought again before the origin.
    """
    if not log.first_date < origin < end:
        return None
    try:
        past = log.before(origin)
        customers = past.summarize(time_unit=time_unit)
    except InputError:
        # Whatever was bought up to the origin had been returned by then.
        return None
    columns = customers.columns()
    if int((columns.frequency > 0).sum()) < FEWEST_REPEATERS:
        return None
    purchases = model_class().fit(customers, method=method)
    horizon = Duration.parse(f"{(end - origin).days}d")
    happened = log.holdout(origin, end)
    actual = np.asarray(happened.column("holdout_purchases").to_numpy(), dtype=np.float64)
    expected = purchases.alive(columns) * purchases.alive_purchases(columns, horizon)
    formula = orders_per_year(columns) * horizon.years
    spend = _spend(columns, expected, formula, method) if log.has_amount else (None, None)
    return HoldoutCheck(
        origin=origin,
        end=end,
        customers=len(columns),
        actual_purchases=int(actual.sum()),
        actual_spend=float(np.sum(happened.column("holdout_amount").to_numpy()))
        if log.has_amount
        else None,
        model=purchases.kernel.name,
        forecasts={
            purchases.kernel.name: _forecast(expected, actual, spend[0]),
            "simple_formula": _forecast(formula, actual, spend[1]),
        },
        by_frequency=_by_frequency(columns, actual, expected, formula),
        tracking=weekly_tracking(log, past, purchases, origin, end),
    )


def _spend(
    columns: CustomerColumns, expected: FloatArray, formula: FloatArray, method: str
) -> tuple[float | None, float | None]:
    """Total spend predicted by the model and by the formula."""
    if not len(columns.orders()):
        return None, None
    spend = GammaGammaModel().fit(columns, method=method)
    per_order = spend.spend(*spend_evidence(columns))
    return float(expected @ per_order), float(formula @ np.nan_to_num(order_values(columns)))


def _forecast(predicted: FloatArray, actual: FloatArray, spend: float | None) -> Forecast:
    miss = predicted - actual
    return Forecast(
        purchases=float(predicted.sum()),
        spend=spend,
        mae=float(np.abs(miss).mean()),
        rmse=float(np.sqrt(np.mean(miss**2))),
    )


def _by_frequency(
    columns: CustomerColumns, actual: FloatArray, expected: FloatArray, formula: FloatArray
) -> list[dict[str, Any]]:
    """Mean purchases in the hold-out by frequency before it."""
    group = np.minimum(columns.frequency, LAST_CLASS)
    rows = []
    for value in np.unique(group).tolist():
        among = group == value
        rows.append(
            {
                "frequency": f"{value}+" if value == LAST_CLASS else str(value),
                "customers": int(among.sum()),
                "actual": float(actual[among].mean()),
                "model": float(expected[among].mean()),
                "simple_formula": float(formula[among].mean()),
            }
        )
    return rows
