"""The posterior around its mode: weighted draws of a wider distribution, no Markov chain."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import gammaincinv, ndtri

from clvmodels.inference.density import LogDensity
from clvmodels.inference.optimum import Optimum
from clvmodels.inference.posterior import Posterior
from clvmodels.inference.psis import smooth_weights
from clvmodels.inference.surrogate import find_surrogate
from clvmodels.kernels.base import FloatArray

DRAWS = 4_000
# Weights whose tail is heavier than this cannot be relied on (Vehtari et al. 2024).
LARGEST_PARETO_K = 0.7
# The proposals are adapted until the tail is lighter than this, at most so many times.
_GOOD_PARETO_K, _ROUNDS = 0.3, 3
_DEGREES_OF_FREEDOM = 5.0
_WIDER = 3.0


def laplace_posterior(density: LogDensity, optimum: Optimum, seed: int) -> Posterior:
    """Draw from the posterior by importance sampling with multivariate t proposals.

    The first proposals follow the curvature at the mode; further ones, should they be needed,
    follow the draws before them, and all count together, each against the mixture of all
    proposals. Coordinates that are held at a bound stay there.

    Parameters
    ----------
    optimum
        The mode, with negative definite curvature in the coordinates that are not held.
    seed
        The same one gives the same draws.
    """
    # Draws of two kernels that share a seed have nothing else in common.
    rng = np.random.default_rng([seed, *density.kernel.name.encode()])
    mode, free = optimum.coordinates, ~optimum.held
    values, vectors = np.linalg.eigh(optimum.covariance[np.ix_(free, free)])
    root = np.zeros((len(mode), int(free.sum())))
    root[free] = vectors * np.sqrt(values)
    surrogate = find_surrogate(density, mode, optimum.hessian, root)
    covariance = optimum.covariance[np.ix_(free, free)]
    proposals = [_StudentT(mode[free], covariance)]
    uniform = _evenly(_ROUNDS * DRAWS, int(free.sum()) + 1, rng)
    z, target = np.empty((0, len(mode))), np.empty(0)
    while True:
        start = len(z)
        new = np.tile(mode, (DRAWS, 1))
        new[:, free] = proposals[-1].draws(uniform[start : start + DRAWS])
        z, target = np.concatenate([z, new]), np.concatenate([target, surrogate.values(new)])
        mixture = np.logaddexp.reduce([each.log_density(z[:, free]) for each in proposals])
        log_weights, pareto_k = smooth_weights(target - mixture)
        weights = np.exp(log_weights)
        if pareto_k <= _GOOD_PARETO_K or len(proposals) == _ROUNDS:
            break
        location = weights @ z[:, free]
        away = z[:, free] - location
        # Wider than the draws, as their tails are what was missed. Something of the one before
        # keeps it proper where few draws have all the weight.
        covariance = _WIDER * (away * weights[:, None]).T @ away + 0.1 * covariance
        proposals.append(_StudentT(location, covariance))
    return Posterior(
        kernel=density.kernel,
        coordinates=_resampled(z, weights, rng),
        scale=density.scale,
        method="laplace",
        diagnostics={
            "pareto_k": float(pareto_k),
            "effective_sample_size": 1.0 / float((weights**2).sum()),
            "rounds": len(proposals),
            "likelihood_error": surrogate.error,
        },
    )


@dataclass(frozen=True)
class _StudentT:
    """Multivariate t distribution with 5 degrees of freedom around a location."""

    location: FloatArray
    scale: FloatArray

    @cached_property
    def _root(self) -> FloatArray:
        return np.asarray(np.linalg.cholesky(self.scale), dtype=np.float64)

    def draws(self, uniform: FloatArray) -> FloatArray:
        """Turn points of the unit cube, one dimension more than its own, into draws."""
        half = 0.5 * _DEGREES_OF_FREEDOM
        shrink = np.sqrt(gammaincinv(half, uniform[:, -1]) / half)
        away: FloatArray = ndtri(uniform[:, :-1]) / shrink[:, None]
        draws: FloatArray = self.location + away @ self._root.T
        return draws

    def log_density(self, z: FloatArray) -> FloatArray:
        """Log-density up to a constant that all of the same dimension share."""
        u = np.linalg.solve(self._root, (z - self.location).T)
        power = 0.5 * (_DEGREES_OF_FREEDOM + len(self.location))
        density: FloatArray = -power * np.log1p((u**2).sum(axis=0) / _DEGREES_OF_FREEDOM)
        density -= np.log(np.diag(self._root)).sum()
        return density


def _evenly(n: int, dimensions: int, rng: np.random.Generator) -> FloatArray:
    """Points that fill the unit cube more evenly than random ones, shape (n, dimensions).

    Multiples of powers of a generalised golden ratio, without their whole parts, from a random
    start (Roberts 2018).
    """
    ratio = 2.0
    for _ in range(40):
        ratio = (1.0 + ratio) ** (1.0 / (dimensions + 1.0))
    step = ratio ** -np.arange(1.0, dimensions + 1.0)
    points = (rng.random(dimensions) + np.arange(n)[:, None] * step) % 1.0
    tiny = 1e-12
    evenly: FloatArray = np.clip(points, tiny, 1.0 - tiny)
    return evenly


def _resampled(z: FloatArray, weights: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Equally weighted draws, in random order.

    Taken at even steps of the summed weights along the direction that is known least, which keeps
    most of what the weights know.
    """
    away = z - weights @ z
    _, directions = np.linalg.eigh((away * weights[:, None]).T @ away)
    order = np.argsort(away @ directions[:, -1], kind="stable")
    steps = (np.arange(DRAWS) + rng.random()) / DRAWS
    at = np.minimum(np.searchsorted(np.cumsum(weights[order]), steps), len(z) - 1)
    chosen: FloatArray = z[order[at]][rng.permutation(DRAWS)]
    return chosen
