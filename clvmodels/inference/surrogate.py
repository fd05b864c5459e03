"""A log-density that many draws can afford: of fewer entries, and right around the mode."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clvmodels.inference.density import LogDensity
from clvmodels.kernels.base import FloatArray

# Cells per mean that are tried, and the share of the entries from which a copy saves nothing.
_CELLS = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
_NOT_WORTH_IT = 0.7
# The surrogate is tested this many standard deviations from the mode; being cubic there, an error
# of so many nats moves no posterior mean by more than 0.02 standard deviations.
_TESTED_AT = 2.0
_MOST_WRONG = 0.03


@dataclass(frozen=True)
class Surrogate:
    """A coarse copy of a density, with the exact slope and curvature at the mode.

    Attributes
    ----------
    gradient, hessian
        What the copy lacks at the mode, shapes (k,) and (k, k).
    error
        Largest difference from the density, in nats, among points 2 standard deviations from the
        mode; 0 if the density is its own surrogate.
    """

    density: LogDensity
    mode: FloatArray
    gradient: FloatArray
    hessian: FloatArray
    error: float

    def values(self, z: FloatArray) -> FloatArray:
        """Log-density up to a constant at each of many coordinates (d, k), shape (d,)."""
        away = z - self.mode
        lacking = away @ self.gradient + 0.5 * ((away @ self.hessian) * away).sum(axis=1)
        result: FloatArray = self.density.values(z) + lacking
        return result


def find_surrogate(
    density: LogDensity, mode: FloatArray, hessian: FloatArray, root: FloatArray
) -> Surrogate:
    """Take the coarsest copy that passes the test, or the density itself if none does.

    Parameters
    ----------
    mode, hessian
        A point, shape (k,), and the density's second derivatives there, shape (k, k).
    root : (k, f)
        Directions of one standard deviation each.
    """
    tests = np.concatenate([mode[None, :], mode + _TESTED_AT * root.T, mode - _TESTED_AT * root.T])
    zero = Surrogate(density, mode, np.zeros_like(mode), np.zeros_like(hessian), 0.0)
    exact = None
    for cells in _CELLS:
        copy = density.coarse(cells)
        if len(copy.weight) > _NOT_WORTH_IT * len(density.weight):
            break
        if exact is None:
            exact = density.values(tests)
            _, slope = density.value_and_gradient(mode)
        _, copy_slope = copy.value_and_gradient(mode)
        found = Surrogate(copy, mode, slope - copy_slope, hessian - copy.hessian(mode), 0.0)
        miss = found.values(tests) - exact
        error = float(np.abs(miss - miss[0]).max())
        if error <= _MOST_WRONG:
            return Surrogate(copy, mode, found.gradient, found.hessian, error)
    return zero
