"""Ratios of gamma functions, exact to rounding.

For whole x a ratio such as Γ(r+x)/Γ(r) is a product over j < x. Taken as running sums, the
logarithms for all x cost one pass and need no cancellation of two large log-gammas; for other
steps Stirling's series serves. A start may be a number or a column of them, shape (d, 1), for
tables of shape (d, x_max + 1).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, digamma, gammaln

from clvmodels.kernels.base import FloatArray, IntArray

# From here on four terms of Stirling's series are exact to rounding.
_STIRLING_FROM = 30.0


def log_rising(start: float | FloatArray, x_max: int) -> FloatArray:
    """Log of Γ(start + x) / Γ(start) for x = 0 … x_max, shape (x_max + 1,)."""
    return _running(np.log(start + np.arange(x_max)))


def harmonic(start: float | FloatArray, x_max: int) -> FloatArray:
    """ψ(start + x) - ψ(start) for x = 0 … x_max, shape (x_max + 1,)."""
    return _running(1.0 / (start + np.arange(x_max)))


def log_beta_step(a: float | FloatArray, b: float | FloatArray, x_max: int) -> FloatArray:
    """Log of B(a, b + x) / B(a, b) for x = 0 … x_max, shape (x_max + 1,)."""
    return _running(-np.log1p(a / (b + np.arange(x_max))))


def log_beta_step_slope_b(a: float, b: float, x_max: int) -> FloatArray:
    """Derivative in b of `log_beta_step`, shape (x_max + 1,)."""
    j = b + np.arange(x_max)
    return _running(a / (j * (a + j)))


def log_gamma_step(a: FloatArray, q: float | FloatArray) -> FloatArray:
    """Log of Γ(a + q) / Γ(a), without cancellation where a is large; shape of ``a``."""
    far = np.maximum(a, _STIRLING_FROM)
    end = far + q

    def rest(z: FloatArray) -> FloatArray:
        w = 1.0 / z**2
        series: FloatArray = (1 / 12 - w * (1 / 360 - w * (1 / 1260 - w / 1680))) / z
        return series

    stirling = (far - 0.5) * np.log1p(q / far) + q * (np.log(end) - 1.0) + rest(end) - rest(far)
    return np.where(a < _STIRLING_FROM, gammaln(a + q) - gammaln(a), stirling)


def digamma_step(a: FloatArray, q: float) -> FloatArray:
    """ψ(a + q) - ψ(a), without cancellation where a is large; shape of ``a``."""
    far = np.maximum(a, _STIRLING_FROM)
    end = far + q

    def rest(z: FloatArray) -> FloatArray:
        w = 1.0 / z**2
        series: FloatArray = w * (1 / 12 - w * (1 / 120 - w * (1 / 252 - w / 240)))
        return series

    stirling = np.log1p(q / far) + 0.5 * q / (far * end) + rest(far) - rest(end)
    return np.where(a < _STIRLING_FROM, digamma(a + q) - digamma(a), stirling)


def idle_while_active(power: FloatArray, time: FloatArray, scale: FloatArray) -> FloatArray:
    """P(no purchase in ``time``) at a rate ~ Gamma(power, rate ``scale``), broadcast."""
    idle: FloatArray = np.exp(-power * np.log1p(time / scale))
    return idle


def log_negative_binomial(
    k: IntArray, power: FloatArray, time: FloatArray | float, scale: FloatArray
) -> FloatArray:
    """Log P(k purchases in ``time``) at a rate ~ Gamma(power, rate ``scale``), broadcast."""
    log_ways = gammaln(power + k) - gammaln(power) - gammaln(k + 1.0)
    log_pmf: FloatArray = (
        log_ways + k * np.log(time / (scale + time)) - power * np.log1p(time / scale)
    )
    return log_pmf


def negative_binomial(
    k_max: int, power: FloatArray, time: float, scale: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """P(k purchases in ``time``) for k = 0 … k_max, and P(at least k) for k = 1 … k_max, by row.

    The tail is summed from its far end, all terms positive; an incomplete beta function gives what
    lies beyond. One for every k would cost ten times as much.
    """
    k = np.arange(k_max + 1)
    exactly = np.exp(log_negative_binomial(k, power[:, None], time, scale[:, None]))
    beyond = betainc(k_max + 1, power, time / (scale + time))
    from_the_end = np.cumsum(np.column_stack([beyond, exactly[:, :0:-1]]), axis=1)
    return exactly, np.minimum(from_the_end[:, :0:-1], 1.0)


def _running(terms: NDArray[np.floating[Any]]) -> FloatArray:
    zero = np.zeros((*terms.shape[:-1], 1))
    return np.concatenate([zero, np.cumsum(terms, axis=-1)], axis=-1)
