"""How far the distribution of a number of purchases reaches."""

from __future__ import annotations

import numpy as np

from clvmodels.kernels.base import FloatArray, IntArray, PurchaseKernel

_FIRST_REACH = 16
# Beyond this many purchases within a horizon the rest is left out whatever its probability.
MOST_PURCHASES = 1 << 16
_CELLS_AT_ONCE = 1 << 22


def count_reach(
    kernel: PurchaseKernel,
    theta: FloatArray,
    x: IntArray,
    T: FloatArray,
    horizon: float,
    rest: float,
) -> IntArray:
    """Smallest k with P(more than k purchases | active) < rest, for each (x, T), shape (n,)."""
    reach = np.full(len(x), MOST_PURCHASES, dtype=np.int64)
    rows, k = np.arange(len(x)), _FIRST_REACH
    while len(rows) and k <= MOST_PURCHASES:
        settled = np.zeros(len(rows), dtype=bool)
        block = max(_CELLS_AT_ONCE // k, 1)
        for start in range(0, len(rows), block):
            part = rows[start : start + block]
            survival = kernel.alive_survival(theta, x[part], T[part], horizon, k)
            within = survival[:, -1] < rest
            reach[part[within]] = (survival[within] >= rest).sum(axis=1)
            settled[start : start + block] = within
        rows, k = rows[~settled], 2 * k
    return reach
