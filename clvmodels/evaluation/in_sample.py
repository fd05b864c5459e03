"""Whether a fitted model reproduces the data it was fitted to."""

from __future__ import annotations

from typing import Any

import numpy as np

from clvmodels.evaluation.breakdown import LAST_CLASS
from clvmodels.models.purchases import PurchaseModel
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import DAYS_PER_UNIT, Duration

_GRID = 60
_MOST_FREQUENCIES = 30


def frequency_check(model: PurchaseModel, triples: CustomerColumns) -> list[dict[str, Any]]:
    """Customers by number of repeat purchases: counted, and expected of new customers of their age.

    Returns
    -------
    list of dict
        ``frequency`` ("0" … "7+"), ``actual`` and ``expected`` customers.
    """
    weight = triples.weights
    actual = np.bincount(np.minimum(triples.frequency, LAST_CLASS), weights=weight)
    expected = np.zeros(LAST_CLASS + 1)
    ages, which = np.unique(triples.age, return_inverse=True)
    for age, customers in zip(ages.tolist(), np.bincount(which, weights=weight), strict=True):
        pmf = np.zeros(LAST_CLASS)
        pmf[0] = 1.0
        if age > 0.0:
            days = age * DAYS_PER_UNIT[model.time_unit_]
            pmf = model.new_customer_pmf(Duration(days, f"{days}d"), LAST_CLASS - 1)
        expected += customers * np.append(pmf, max(1.0 - pmf.sum(), 0.0))
    counted = np.zeros(LAST_CLASS + 1)
    counted[: len(actual)] = actual
    return [
        {
            "frequency": f"{k}+" if k == LAST_CLASS else str(k),
            "actual": float(counted[k]),
            "expected": float(expected[k]),
        }
        for k in range(LAST_CLASS + 1)
    ]


def alive_grid(model: PurchaseModel, triples: CustomerColumns) -> dict[str, Any]:
    """P(alive) over frequency and recency for customers of the base's greatest age.

    Returns
    -------
    dict
        ``frequency`` (rows), ``recency`` and ``age`` in weeks, and ``probability`` (rows of
        columns; None where a repeat purchase cannot be at recency 0).
    """
    columns, grid = _grid(model, triples)
    shape = len(grid["frequency"]), len(grid["recency"])
    return {**grid, "probability": model.alive(columns).reshape(shape).tolist()}


def purchases_grid(
    model: PurchaseModel, triples: CustomerColumns, horizon: str | Duration
) -> dict[str, Any]:
    """Expected purchases over frequency and recency for customers of the base's greatest age.

    Returns
    -------
    dict
        As of `alive_grid`, with ``purchases`` within the ``horizon`` (as text) for ``probability``.
    """
    ahead = Duration.parse(horizon)
    columns, grid = _grid(model, triples)
    shape = len(grid["frequency"]), len(grid["recency"])
    purchases = model.expected_purchases(columns, ahead).to_numpy().reshape(shape)
    return {**grid, "purchases": purchases.tolist(), "horizon": str(ahead)}


def _grid(model: PurchaseModel, triples: CustomerColumns) -> tuple[CustomerColumns, dict[str, Any]]:
    """Customers at every point of a grid, and its axes in weeks."""
    to_weeks = DAYS_PER_UNIT[model.time_unit_] / 7.0
    age = float(triples.age.max())
    most = min(max(int(triples.frequency.max()), 1), _MOST_FREQUENCIES)
    x, t_x = np.meshgrid(
        np.arange(1, most + 1), np.linspace(0.0, age, _GRID + 1)[1:], indexing="ij"
    )
    columns = CustomerColumns(
        frequency=x.ravel(),
        recency=t_x.ravel(),
        age=np.full(x.size, age),
        monetary_value=np.full(x.size, np.nan),
        time_unit=model.time_unit_,
    )
    return columns, {
        "frequency": x[:, 0].tolist(),
        "recency": (t_x[0] * to_weeks).tolist(),
        "age": age * to_weeks,
    }
