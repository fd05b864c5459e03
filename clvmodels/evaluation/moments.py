"""Mean and mean square of the purchases ahead, for many horizons at once."""

from __future__ import annotations

import numpy as np

from clvmodels.kernels.base import FloatArray, IntArray, PurchaseKernel
from clvmodels.kernels.quadrature import gauss_legendre

# So short a time ahead that a rate of purchases stands still, in the model's unit.
_AT_ONCE = 1e-9
# Between two horizons the expectation is as smooth as a power of the time.
_NODES = 3


def purchase_moments(
    kernel: PurchaseKernel, theta: FloatArray, x: IntArray, T: FloatArray, ends: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """E[N] and E[N²] of the purchases N of active customers, (len(ends), n) each.

    Parameters
    ----------
    kernel, theta
        The model and its parameters.
    x, T
        Repeat purchases and ages, (n,) each.
    ends
        How far ahead, ascending.

    Notes
    -----
    While customers are active they buy at a rate of their own, as `Traits` has it. How densely
    pairs of purchases lie at u < s ahead then depends on s alone, and is what it is for u = 0: a
    purchase at once, after which the customer may stay, as one of x + 1 purchases, and buy at s.
    So E[N (N - 1)] = 2 ∫ s f(s) ds with f(s) = rate now · P(stays) · rate at s, which differs from
    a Gamma's square by those who leave on the way. With M the expectation of such a customer,
    ∫ s M'(s) ds up to h is h M(h) - ∫ M(s) ds.
    """

    def expected(count: IntArray, end: float) -> FloatArray:
        return kernel.alive_purchases(theta, count, T, end)

    rate = expected(x, _AT_ONCE) / _AT_ONCE
    after = rate * kernel.probability_alive(theta, x + 1, T, T)
    points, weights = gauss_legendre(_NODES)
    mean, square = np.empty((len(ends), len(x))), np.empty((len(ends), len(x)))
    area, start = np.zeros(len(x)), 0.0
    for row, end in enumerate(ends.tolist()):
        width = end - start
        for point, weight in zip(points.tolist(), weights.tolist(), strict=True):
            area += width * weight * expected(x + 1, start + width * point)
        pairs = after * (end * expected(x + 1, end) - area)
        mean[row] = expected(x, end)
        square[row] = mean[row] + 2.0 * pairs
        start = end
    return mean, square
