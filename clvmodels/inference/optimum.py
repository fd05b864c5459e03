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
_COARSE_FROM = 20_000
_SEARCH_CELLS, _CURVATURE_CELLS = 8.0, 30.0
_NEWTON_STEPS = 12
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
    evaluations
        Gradients that the search took, the Hessian's not counted.
    """

    coordinates: FloatArray
    value: float
    gradient: FloatArray
    hessian: FloatArray
    held: NDArray[np.bool_]
    distance: float
    starts: int
    agreeing_starts: int
    evaluations: int

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
    """Climb from every start, go on from the best, and finish with Newton steps.

    Large data are climbed on a coarse copy first; the result is always the mode of all of them.
    """
    from scipy.optimize import minimize

    search = curvature = density
    if len(density.weight) > _COARSE_FROM:
        search, curvature = density.coarse(_SEARCH_CELLS), density.coarse(_CURVATURE_CELLS)
    evaluations = 0

    def downhill(z: FloatArray) -> tuple[float, FloatArray]:
        nonlocal evaluations
        evaluations += 1
        value, gradient = search.value_and_gradient(z)
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            return 1e300, np.zeros_like(z)
        return -value, -gradient

    climbs = [
        minimize(
            downhill,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(*bounds, strict=True)),
            options={"maxiter": 500, "ftol": 1e-14, "gtol": 1e-7},
        )
        for start in starts
    ]
    best = min(climbs, key=lambda climb: climb.fun)
    agreeing = sum(bool(climb.fun - best.fun < _SAME_MODE) for climb in climbs)
    z, steps = _newton(density, curvature, np.asarray(best.x), bounds)
    hessian = density.hessian(z)
    value, gradient = density.value_and_gradient(z)
    held = _held(z, gradient, bounds)
    return Optimum(
        coordinates=z,
        value=value,
        gradient=gradient,
        hessian=hessian,
        held=held,
        distance=_newton_length(hessian, gradient, ~held),
        starts=len(starts),
        agreeing_starts=agreeing,
        evaluations=evaluations + steps,
    )


def _newton(
    density: LogDensity, curvature: LogDensity, z: FloatArray, bounds: Bounds
) -> tuple[FloatArray, int]:
    """Newton steps on the exact gradient with a nearly exact Hessian, none of them downhill."""
    hessian = curvature.hessian(z)
    value, gradient = density.value_and_gradient(z)
    for count in range(_NEWTON_STEPS):
        free = ~_held(z, gradient, bounds)
        distance = _newton_length(hessian, gradient, free)
        if not distance > _ARRIVED:  # arrived, or not a mode (NaN)
            return z, count + 1
        step = np.zeros_like(z)
        step[free] = -np.linalg.solve(hessian[np.ix_(free, free)], gradient[free])
        step *= min(1.0, 2.0 / float(np.abs(step).max()))
        candidate = np.clip(z + step, *bounds)
        new_value, new_gradient = density.value_and_gradient(candidate)
        if not new_value >= value - 1e-9 * abs(value):
            return z, count + 1
        z, value, gradient = candidate, new_value, new_gradient
    return z, _NEWTON_STEPS


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
