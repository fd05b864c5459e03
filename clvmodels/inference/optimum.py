"""Finding the mode of a log-density, and saying whether it is one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from clvmodels.inference.density import LogDensity
from clvmodels.kernels.base import FloatArray

# The region where parameters still mean something: e^±20 in each coordinate.
_EDGE = 20.0
# Above this many entries the search runs on a coarse copy, the curvature comes from a finer one,
# and only the last steps and the judgement see all of them. Both are in cells per mean.
_COARSE_FROM = 20_000
_SEARCH_CELLS, _CURVATURE_CELLS = 8.0, 30.0
_NEWTON_STEPS = 12
# Distance to the mode, in standard deviations, below which the search has arrived.
_ARRIVED = 1e-8
# Starts whose log-densities agree to this are the same mode.
_SAME_MODE = 1e-3


@dataclass(frozen=True)
class Optimum:
    """The best point found, and the evidence that it is the mode.

    Attributes
    ----------
    coordinates, gradient : (k,)
    hessian : (k, k)
    value
        Log-density at the point.
    distance
        Length of the remaining Newton step in standard deviations; NaN if the Hessian is not
        negative definite.
    starts, agreeing_starts
        Starting points, and how many of them led to this mode.
    evaluations
        Gradients that the search took, the Hessian's not counted.
    """

    coordinates: FloatArray
    value: float
    gradient: FloatArray
    hessian: FloatArray
    distance: float
    starts: int
    agreeing_starts: int
    evaluations: int

    @property
    def curved(self) -> bool:
        """Whether the Hessian is negative definite, as it is at a proper mode."""
        return bool(np.linalg.eigvalsh(self.hessian).max() < 0.0)

    @property
    def at_edge(self) -> bool:
        """Whether a coordinate ran to the edge of the region that is searched."""
        return bool((np.abs(self.coordinates) > _EDGE - 0.5).any())

    @property
    def converged(self) -> bool:
        """Whether gradient and Hessian agree that this is a mode inside the region."""
        return self.curved and not self.at_edge and self.distance < 1e-3

    @property
    def covariance(self) -> FloatArray:
        """Inverse of the negative Hessian; NaN where it is not negative definite."""
        if not self.curved:
            return np.full_like(self.hessian, np.nan)
        return np.asarray(np.linalg.inv(-self.hessian), dtype=np.float64)


def find_mode(density: LogDensity, starts: list[FloatArray]) -> Optimum:
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
            bounds=[(-_EDGE, _EDGE)] * len(start),
            options={"maxiter": 500, "ftol": 1e-14, "gtol": 1e-7},
        )
        for start in starts
    ]
    best = min(climbs, key=lambda climb: climb.fun)
    agreeing = sum(bool(climb.fun - best.fun < _SAME_MODE) for climb in climbs)
    z, steps = _newton(density, curvature, np.asarray(best.x))
    hessian = density.hessian(z)
    value, gradient = density.value_and_gradient(z)
    return Optimum(
        coordinates=z,
        value=value,
        gradient=gradient,
        hessian=hessian,
        distance=_newton_length(hessian, gradient),
        starts=len(starts),
        agreeing_starts=agreeing,
        evaluations=evaluations + steps,
    )


def _newton(density: LogDensity, curvature: LogDensity, z: FloatArray) -> tuple[FloatArray, int]:
    """Newton steps on the exact gradient with a nearly exact Hessian, none of them downhill."""
    hessian = curvature.hessian(z)
    value, gradient = density.value_and_gradient(z)
    for count in range(_NEWTON_STEPS):
        distance = _newton_length(hessian, gradient)
        if not distance > _ARRIVED:  # arrived, or not a mode (NaN)
            return z, count + 1
        step = -np.linalg.solve(hessian, gradient)
        step *= min(1.0, 2.0 / float(np.abs(step).max()))
        candidate = np.clip(z + step, -_EDGE, _EDGE)
        new_value, new_gradient = density.value_and_gradient(candidate)
        if not new_value >= value - 1e-9 * abs(value):
            return z, count + 1
        z, value, gradient = candidate, new_value, new_gradient
    return z, _NEWTON_STEPS


def _newton_length(hessian: FloatArray, gradient: FloatArray) -> float:
    if np.linalg.eigvalsh(hessian).max() >= 0.0:
        return float("nan")
    square = float(gradient @ np.linalg.solve(-hessian, gradient))
    return math.sqrt(max(square, 0.0))
