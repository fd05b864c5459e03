"""Finding the mode of a log-density, and saying whether it is one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clvmodels.inference.density import LogDensity
from clvmodels.kernels.base import FloatArray

# Above this many entries the search runs on a coarse copy, the curvature comes from a finer one,
# and only the last steps and the judgement see all of them. Both are in cells per mean.
_COARSE_FROM = 5_000
_SEARCH_CELLS, _CURVATURE_CELLS = 4.0, 10.0
_MOST_STEPS, _MOST_HALVINGS = 100, 20
# A step moves no coordinate, all of them logarithms, further than this.
_LONGEST_STEP = 2.0
# Curvature below this share of the largest counts as this share.
_FLATTEST = 1e-8
# Differences of log-densities below this share of them are rounding.
_ROUNDING = 1e-11
# Distance to the mode, in standard deviations, below which the search has arrived.
_ARRIVED = 1e-8
# The same, above which the point is not called a mode.
_CONVERGED = 1e-3
# Starts whose log-densities agree to this are the same mode.
_SAME_MODE = 1e-3

Bounds = tuple[FloatArray, FloatArray]


@dataclass(frozen=True)
class Optimum:
    """The best point found, and the evidence that it is the mode.

    Attributes
    ----------
    coordinates, gradient : (k,)
    hessian : (k, k)
    held : (k,) bool
        Coordinates that rest on a bound of the searched region, pressing outward.
    value
        Log-density at the point.
    distance
        Length of the remaining Newton step in standard deviations, in the coordinates that are
        not held; NaN if the Hessian is not negative definite there.
    starts, agreeing_starts
        Starting points, and how many of them led to this mode.
    steps
        Newton steps that all climbs took together.
    """

    coordinates: FloatArray
    value: float
    gradient: FloatArray
    hessian: FloatArray
    held: NDArray[np.bool_]
    distance: float
    starts: int
    agreeing_starts: int
    steps: int

    @property
    def largest_eigenvalue(self) -> float:
        """Largest eigenvalue of the Hessian in the free coordinates; below 0 at a proper mode."""
        return _largest_eigenvalue(self.hessian, ~self.held)

    @property
    def converged(self) -> bool:
        """Whether gradient and Hessian agree that this is the mode within the region."""
        return self.distance < _CONVERGED

    @property
    def covariance(self) -> FloatArray:
        """Inverse of the negative Hessian: 0 for held coordinates, NaN if it is not a mode."""
        covariance = np.zeros_like(self.hessian)
        free = np.ix_(~self.held, ~self.held)
        if not self.largest_eigenvalue < 0.0:
            return np.full_like(self.hessian, np.nan)
        covariance[free] = np.linalg.inv(-self.hessian[free])
        return covariance


def find_mode(density: LogDensity, starts: list[FloatArray], bounds: Bounds) -> Optimum:
    """Climb from every start, go on from the best, and judge where that ends.

    Large data are climbed on a coarse copy first; the result is always the mode of all of them.
    """
    search = curvature = density
    if len(density.weight) > _COARSE_FROM:
        search, curvature = density.coarse(_SEARCH_CELLS), density.coarse(_CURVATURE_CELLS)
    climbs = [_climb(search, search, start, bounds) for start in starts]
    best = max(climbs, key=lambda climb: climb.value)
    steps = sum(climb.steps for climb in climbs)
    agreeing = sum(climb.value > best.value - _SAME_MODE for climb in climbs)
    if search is not density:
        best = _climb(density, curvature, best.coordinates, bounds)
        steps += best.steps
    z = best.coordinates
    hessian = density.hessian(z)
    held = _held(z, best.gradient, bounds)
    return Optimum(
        coordinates=z,
        value=best.value,
        gradient=best.gradient,
        hessian=hessian,
        held=held,
        distance=_newton_length(hessian, best.gradient, ~held),
        starts=len(starts),
        agreeing_starts=agreeing,
        steps=steps,
    )


@dataclass(frozen=True)
class _Climb:
    """Where a climb ended."""

    coordinates: FloatArray
    value: float
    gradient: FloatArray
    steps: int


def _climb(density: LogDensity, curvature: LogDensity, start: FloatArray, bounds: Bounds) -> _Climb:
    """Climb by Newton steps on absolute curvature, which no saddle and no plateau attracts.

    The gradient is the density's own; the Hessian may come from a nearly equal, smaller one.
    """
    z = np.clip(start, *bounds)
    value, gradient = density.value_and_gradient(z)
    steps = 0
    while steps < _MOST_STEPS:
        steps += 1
        step = _uphill(curvature.hessian(z), gradient, ~_held(z, gradient, bounds))
        if float(gradient @ step) <= _ARRIVED**2:
            break
        step *= min(1.0, _LONGEST_STEP / float(np.abs(step).max()))
        for _ in range(_MOST_HALVINGS):
            candidate = np.clip(z + step, *bounds)
            new_value, new_gradient = density.value_and_gradient(candidate)
            if _is_better(new_value - value, value, new_gradient, gradient):
                break
            step *= 0.5
        else:
            break  # as flat as rounding allows
        z, value, gradient = candidate, new_value, new_gradient
    return _Climb(z, value, gradient, steps)


def _is_better(rise: float, value: float, new: FloatArray, old: FloatArray) -> bool:
    """Whether a step rose, or, where rounding hides that, at least flattened the slope."""
    if abs(rise) > _ROUNDING * abs(value):
        return rise > 0.0 and bool(np.isfinite(new).all())
    return bool(new @ new < old @ old)


def _uphill(hessian: FloatArray, gradient: FloatArray, free: NDArray[np.bool_]) -> FloatArray:
    """Newton step with the Hessian's eigenvalues replaced by their negative magnitude."""
    step = np.zeros_like(gradient)
    if free.any():
        values, vectors = np.linalg.eigh(hessian[np.ix_(free, free)])
        magnitude = np.maximum(np.abs(values), _FLATTEST * np.abs(values).max() + 1e-300)
        step[free] = vectors @ ((vectors.T @ gradient[free]) / magnitude)
    return step


def _held(z: FloatArray, gradient: FloatArray, bounds: Bounds) -> NDArray[np.bool_]:
    low, high = bounds
    held: NDArray[np.bool_] = ((z <= low) & (gradient < 0.0)) | ((z >= high) & (gradient > 0.0))
    return held


def _newton_length(hessian: FloatArray, gradient: FloatArray, free: NDArray[np.bool_]) -> float:
    if not free.any():
        return 0.0
    if not _largest_eigenvalue(hessian, free) < 0.0:
        return math.nan
    step = np.linalg.solve(-hessian[np.ix_(free, free)], gradient[free])
    return math.sqrt(max(float(gradient[free] @ step), 0.0))


def _largest_eigenvalue(hessian: FloatArray, free: NDArray[np.bool_]) -> float:
    if not free.any():
        return -math.inf
    return float(np.linalg.eigvalsh(hessian[np.ix_(free, free)]).max())
