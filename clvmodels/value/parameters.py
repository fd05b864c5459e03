"""Points in the space of the parameters that stand for all that is known about them."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from clvmodels.kernels.base import FloatArray
from clvmodels.models.base import Model
from clvmodels.models.gamma_gamma import GammaGammaModel
from clvmodels.models.purchases import PurchaseModel

Pair = tuple[PurchaseModel, GammaGammaModel | None]


def has_draws(*models: Model | None) -> bool:
    """Whether any of the models knows its parameters as draws."""
    return any(model is not None and model.fit_.posterior is not None for model in models)


def parameter_pairs(
    purchases: PurchaseModel, spend: GammaGammaModel | None, m: int, *, by_curvature: bool = False
) -> list[Pair]:
    """Models at ``m`` points that stand for the posterior, each as likely as the next.

    One pair if the parameters are taken as known.

    The two posteriors are independent. The points are shifted and stretched to have the posterior's
    own mean and covariance, jointly: what is averaged over them is then off by the curvature's
    sampling error alone, not by the far larger one of the mean. A fit without draws stays at its
    mode or, ``by_curvature``, is taken as normal with the covariance that its curvature gives.
    """
    models: list[Model] = [purchases] if spend is None else [purchases, spend]
    blocks = [_points(model, m, which, by_curvature) for which, model in enumerate(models)]
    if not any(covariance.any() for _, _, covariance in blocks):
        return [(purchases, spend)]
    points = _matched(
        np.concatenate([points for points, _, _ in blocks], axis=1),
        np.concatenate([mean for _, mean, _ in blocks]),
        [covariance for _, _, covariance in blocks],
    )
    split = len(blocks[0][1])
    return [
        (purchases.at(z[:split]), None if spend is None else spend.at(z[split:])) for z in points
    ]


def _points(
    model: Model, m: int, which: int, by_curvature: bool
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Points of one model (m, k), and the mean and covariance that they should have."""
    fit = model.fit_
    mode = fit.coordinates
    if fit.posterior is not None:
        draws = fit.posterior.coordinates
        points = fit.posterior.spread(m)[np.arange(m) % len(draws)]
        # Two posteriors are thinned in the same order, which would tie one to the other.
        points = points[np.random.default_rng(which).permutation(m)]
        return points, draws.mean(axis=0), np.atleast_2d(np.cov(draws.T, bias=True))
    covariance = fit.coordinate_covariance
    if not by_curvature or not np.isfinite(covariance).all() or not covariance.any():
        return np.tile(mode, (m, 1)), mode, np.zeros_like(covariance)
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    return mode + _even_normals(m, len(mode), which) @ root.T, mode, root @ root.T


def _even_normals(m: int, k: int, which: int) -> FloatArray:
    """Standard normal points (m, k) that fill the space evenly, others for each ``which``."""
    # Roberts' sequence: powers of the root of g^(d+1) = g + 1, for both models' dimensions at once.
    dimensions = 8
    root = 2.0
    for _ in range(60):
        root = (1.0 + root) ** (1.0 / (dimensions + 1))
    powers = root ** -(1.0 + (np.arange(k) + which * dimensions // 2) % dimensions)
    normals: FloatArray = ndtri((0.5 + np.arange(m)[:, None] * powers) % 1.0)
    return normals


def _matched(points: FloatArray, mean: FloatArray, covariances: list[FloatArray]) -> FloatArray:
    """The points with the mean and the covariance that they stand for, where there are enough."""
    varying = np.concatenate([np.diag(covariance) > 0.0 for covariance in covariances])
    if len(points) < 2 * varying.sum() or not varying.any():
        return points
    size = len(mean)
    target = np.zeros((size, size))
    start = 0
    for covariance in covariances:
        stop = start + len(covariance)
        target[start:stop, start:stop] = covariance
        start = stop
    away = (points - points.mean(axis=0))[:, varying]
    try:
        own = np.linalg.cholesky(away.T @ away / len(points))
        wanted = np.linalg.cholesky(target[np.ix_(varying, varying)])
    except np.linalg.LinAlgError:
        return points
    matched = np.tile(mean, (len(points), 1))
    matched[:, varying] += np.linalg.solve(own, away.T).T @ wanted.T
    return matched
