"""Functions of a whole number x, tabulated as running sums.

Ratios of gamma functions such as Γ(r+x)/Γ(r) are sums over j < x. Taken as running sums they are
exact to rounding, need no cancellation of two large log-gammas and cost one pass for all x.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clvmodels.kernels.base import FloatArray


def log_rising(start: float, x_max: int) -> FloatArray:
    """Log of Γ(start + x) / Γ(start) for x = 0 … x_max, shape (x_max + 1,)."""
    return _running(np.log(start + np.arange(x_max)))


def harmonic(start: float, x_max: int) -> FloatArray:
    """ψ(start + x) - ψ(start) for x = 0 … x_max, shape (x_max + 1,)."""
    return _running(1.0 / (start + np.arange(x_max)))


def log_beta_step(a: float, b: float, x_max: int) -> FloatArray:
    """Log of B(a, b + x) / B(a, b) for x = 0 … x_max, shape (x_max + 1,)."""
    return _running(-np.log1p(a / (b + np.arange(x_max))))


def log_beta_step_slope_b(a: float, b: float, x_max: int) -> FloatArray:
    """Derivative in b of `log_beta_step`, shape (x_max + 1,)."""
    j = b + np.arange(x_max)
    return _running(a / (j * (a + j)))


def _running(terms: NDArray[np.floating[Any]]) -> FloatArray:
    return np.concatenate([[0.0], np.cumsum(terms)])
