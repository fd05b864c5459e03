"""Integrals over the time ahead, to a relative accuracy that is checked at run time."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from clvmodels.kernels.base import FloatArray, IntArray

_RELATIVE_ACCURACY = 1e-11
_FIRST_NODES = 16
_MOST_NODES = 1024
# e^-45 is far below the accuracy of a double; the tail beyond it cannot change a result.
_NEGLIGIBLE_EXPONENT = 45.0


@cache
def _gauss_legendre(nodes: int) -> tuple[FloatArray, FloatArray]:
    points, weights = np.polynomial.legendre.leggauss(nodes)
    return 0.5 * (points + 1.0), 0.5 * weights


def integrate_rate(
    rate: Callable[[IntArray, FloatArray], FloatArray],
    time_scale: FloatArray,
    horizon: float,
    discount: float,
) -> FloatArray:
    """Discounted integral of a purchase rate over (0, horizon], shape (n,).

    Parameters
    ----------
    rate
        ``rate(rows, s)`` gives the rate at the times ``s`` (len(rows), m) ahead, for those rows.
    time_scale : (n,)
        The scale α + T on which the rate decays. The integral runs in u = log(1 + s / scale),
        where the rates of all models here are analytic in a strip around the real line, so that
        Gauss-Legendre converges geometrically; nodes are doubled until the result stands still.
    """
    end = min(horizon, _NEGLIGIBLE_EXPONENT / discount) if discount > 0.0 else horizon
    width = np.log1p(end / time_scale)
    rows: IntArray = np.arange(len(time_scale))
    result = np.zeros(len(rows))
    previous = np.full(len(rows), np.nan)
    nodes = _FIRST_NODES
    while len(rows):
        points, weights = _gauss_legendre(nodes)
        scale = time_scale[rows, None]
        u = width[rows, None] * points
        s = scale * np.expm1(u)
        values = rate(rows, s) * np.exp(u - discount * s) * scale
        result[rows] = width[rows] * (values @ weights)
        settled = np.abs(result[rows] - previous[rows]) <= _RELATIVE_ACCURACY * result[rows]
        previous[rows] = result[rows]
        rows = rows[~settled]
        nodes *= 2
        if nodes > _MOST_NODES:
            break
    return result
