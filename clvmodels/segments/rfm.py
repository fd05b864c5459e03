"""RFM by quintiles, the recipe that predictive segments are held against."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import DAYS_PER_UNIT
from clvmodels.value.simple_formula import order_values


def rfm_score(columns: CustomerColumns, *, with_money: bool) -> FloatArray:
    """Sum of the quintiles (1 to 5) of recency, frequency and money spent so far, (n,).

    Customers who are equal get the same quintile, that of their middle rank: no order of the log
    decides between them.
    """
    orders = columns.frequency + 1.0
    idle = columns.age - columns.recency
    last = -np.rint(idle * DAYS_PER_UNIT[columns.time_unit])
    parts = [quintile(last), quintile(orders)]
    if with_money:
        parts.append(quintile(np.nan_to_num(order_values(columns)) * orders))
    score: FloatArray = np.sum(parts, axis=0).astype(np.float64)
    return score


def quintile(values: NDArray[np.floating[Any]]) -> IntArray:
    """Fifth of the customers in which each is, 5 having the highest values, (n,)."""
    _, which, count = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - 0.5 * count
    fifth: IntArray = np.ceil(5.0 * middle / max(len(values), 1)).astype(np.int64)
    return np.clip(fifth, 1, 5)[which]
