"""Integrals over the time ahead, to a relative accuracy that is checked at run time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np

from clvmodels.kernels.base import FloatArray, IntArray

_RELATIVE_ACCURACY = 1e-11
_FIRST_NODES = 8
_MOST_NODES = 1024
# Rules that customers are sorted to by need; beyond the last the range is cut into panels of it.
_NODES = (6, 8, 12, 16, 20, 24, 32, 48, 64, 96, 128)
_LARGEST_PANEL = _NODES[-1]
# e^-45 is far below the accuracy of a double; the tail beyond it cannot change a result.
_NEGLIGIBLE_EXPONENT = 45.0


@cache
def gauss_legendre(nodes: int) -> tuple[FloatArray, FloatArray]:
    """Points and weights of Gauss-Legendre on (0, 1), in equal panels if there are many."""
    panels = -(-nodes // _LARGEST_PANEL)
    points, weights = np.polynomial.legendre.leggauss(nodes // panels)
    starts = np.arange(panels)[:, None]
    return ((starts + 0.5 * (points + 1.0)) / panels).ravel(), np.tile(
        0.5 * weights / panels, panels
    )


def in_blocks(need: FloatArray, cells: int) -> Iterator[tuple[IntArray, int]]:
    """Rows in blocks that share a number of nodes, with that number, at most ``cells`` a block.

    Rows that need none are left out.
    """
    several = _LARGEST_PANEL * np.ceil(need / _LARGEST_PANEL)
    ladder = np.array(_NODES)
    enough = ladder[np.minimum(np.searchsorted(ladder, need), len(ladder) - 1)]
    nodes = np.where(need > _LARGEST_PANEL, several, enough).astype(np.int64)
    nodes[need <= 0.0] = 0
    for some in (np.flatnonzero(np.bincount(nodes, minlength=1)[1:]) + 1).tolist():
        rows = np.flatnonzero(nodes == some)
        block = max(cells // some, 1)
        for start in range(0, len(rows), block):
            yield rows[start : start + block], some


def integrate_rate(
    rate: Callable[[IntArray, FloatArray], FloatArray],
    time_scale: FloatArray,
    horizon: float | FloatArray,
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
    end = np.minimum(horizon, _NEGLIGIBLE_EXPONENT / discount if discount > 0.0 else np.inf)
    width = np.log1p(end / time_scale)
    rows: IntArray = np.arange(len(time_scale))
    result = np.zeros(len(rows))
    previous = np.full(len(rows), np.nan)
    nodes = _FIRST_NODES
    while len(rows):
        points, weights = gauss_legendre(nodes)
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
