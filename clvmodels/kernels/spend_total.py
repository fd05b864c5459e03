"""Exact predictive distribution of a customer's total spend over a horizon.

Given k purchases the total is γ′ · BetaPrime(p k, q + p n), with γ′ = γ + n m and n purchases of
mean m seen so far; the number of purchases mixes over k, and a customer who has left spends 0.
These are the reference functions; `spend_tables` serves the job.
"""

from __future__ import annotations

import numpy as np
from scipy.special import betainc, expit

from clvmodels.errors import ParameterError
from clvmodels.kernels.base import FloatArray

# Log of the smallest and largest total, in units of γ′, between which a quantile is looked for.
_LOWEST, _HIGHEST = -300.0, 300.0


def spend_cdf(
    s: FloatArray,
    alive: FloatArray,
    pmf: FloatArray,
    p: float,
    shape: FloatArray,
    scale: FloatArray,
) -> FloatArray:
    """P(total spend ≤ s), shape (n,).

    Parameters
    ----------
    s : (n,)
        Amounts, at least 0, in money.
    alive : (n,)
        P(alive).
    pmf : (n, K + 1)
        P(k purchases | alive) for k = 0 … K; what is missing to 1 counts as above every s.
    p : float
        Shape of one purchase.
    shape, scale : (n,)
        q + p n, and γ + n m in money.
    """
    with np.errstate(divide="ignore"):
        log_y = np.log(s / scale)
    return 1.0 - alive + alive * _alive_cdf(log_y, pmf, p, shape)


def spend_quantile(
    level: FloatArray | float,
    alive: FloatArray,
    pmf: FloatArray,
    p: float,
    shape: FloatArray,
    scale: FloatArray,
) -> FloatArray:
    """Smallest s with P(total spend ≤ s) ≥ level, in money, shape (n,).

    Arguments as in `spend_cdf`; found by root search on the mixture, to about 1e-12.

    Raises
    ------
    ParameterError
        If a level is not inside (0, 1) or lies in the part of ``pmf`` that was cut off.
    """
    from scipy.optimize.elementwise import find_root

    level = np.broadcast_to(np.asarray(level, dtype=np.float64), alive.shape)
    if not ((level > 0.0) & (level < 1.0)).all():
        raise ParameterError("level", level, "inside (0, 1)")
    if (level >= 1.0 - alive + alive * pmf.sum(axis=1)).any():
        raise ParameterError("level", level.max(), "below the total of the pmf; raise k_max")
    low, high = np.full(alive.shape, _LOWEST), np.full(alive.shape, _HIGHEST)
    target = (level - (1.0 - alive)) / alive
    positive = target > _alive_cdf(low, pmf, p, shape)
    quantile = np.zeros(alive.shape)
    if positive.any():
        rows = np.flatnonzero(positive)

        def miss(log_y: FloatArray, row: FloatArray) -> FloatArray:
            chosen = row.astype(np.int64)
            return _alive_cdf(log_y, pmf[chosen], p, shape[chosen]) - target[chosen]

        found = find_root(
            miss,
            (low[rows], high[rows]),
            args=(rows.astype(np.float64),),
            tolerances={"xatol": 1e-13, "xrtol": 0.0, "fatol": 0.0, "frtol": 0.0},
        )
        quantile[rows] = np.exp(found.x) * scale[rows]
    return quantile


def _alive_cdf(log_y: FloatArray, pmf: FloatArray, p: float, shape: FloatArray) -> FloatArray:
    """P(total / γ′ ≤ exp(log_y) | alive)."""
    w = expit(log_y)
    cdf = pmf[:, 0].copy()
    for k in range(1, pmf.shape[1]):
        cdf += pmf[:, k] * betainc(p * k, shape, w)
    return cdf
