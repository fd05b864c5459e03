"""A kernel bound to data: the function that inference climbs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clvmodels.kernels.base import FloatArray, Kernel, weighted_sum


@dataclass(frozen=True)
class LogDensity:
    """Weighted log-likelihood of the data, with the log-prior or without, in coordinates.

    Attributes
    ----------
    columns
        The arrays that the kernel's likelihood takes, x first.
    weight : (n,)
        Customers behind each entry.
    scale
        The number that ties the coordinates to the data's unit.
    with_prior
        Whether the prior counts: maximum a posteriori if it does, else maximum likelihood.
    """

    kernel: Kernel
    columns: tuple[NDArray[Any], ...]
    weight: FloatArray
    scale: float
    with_prior: bool

    def value_and_gradient(self, z: FloatArray) -> tuple[float, FloatArray]:
        """Log-density at the coordinates and its gradient, shape (k,)."""
        theta = self.kernel.from_coordinates(z, self.scale)
        value, slope = self.kernel.log_likelihood_gradient(theta, *self.columns, weight=self.weight)
        gradient = slope @ self.kernel.jacobian(z, self.scale)
        if self.with_prior:
            prior, prior_slope = self.kernel.log_prior_gradient(z)
            value, gradient = value + prior, gradient + prior_slope
        return value, gradient

    def values(self, z: FloatArray) -> FloatArray:
        """Log-density at each of many coordinates (d, k), shape (d,)."""
        thetas = self.kernel.from_coordinates(z.T, self.scale).T
        values = self.kernel.log_likelihoods(thetas, *self.columns, weight=self.weight)
        return values + self.kernel.log_priors(z) if self.with_prior else values

    def hessian(self, z: FloatArray) -> FloatArray:
        """Second derivatives at the coordinates, from central differences of the gradient.

        Coordinates are logarithms, so one step size suits them all; the error is about 1e-9 of
        the curvature.
        """
        step = 1e-4
        rows = []
        for i in range(len(z)):
            shift = np.zeros(len(z))
            shift[i] = step
            _, up = self.value_and_gradient(z + shift)
            _, down = self.value_and_gradient(z - shift)
            rows.append((up - down) / (2.0 * step))
        hessian = np.array(rows)
        return 0.5 * (hessian + hessian.T)

    def coarse(self, cells_per_mean: float) -> LogDensity:
        """The same density on fewer entries: cells of equal x and nearly equal other columns.

        Each cell is replaced by its weighted mean, so only the curvature inside a cell is lost:
        a place to start from, never a result.
        """
        x, *others = self.columns
        key = x.astype(np.int64)
        for column in others:
            width = weighted_sum(self.weight, column) / float(self.weight.sum()) / cells_per_mean
            if width > 0.0:  # else all of them are 0
                cell = np.ceil(column / width).astype(np.int64)
                key = key * (int(cell.max()) + 1) + cell
        _, first, group = np.unique(key, return_index=True, return_inverse=True)
        weight = np.bincount(group, weights=self.weight).astype(np.float64)
        means = [np.bincount(group, weights=self.weight * column) / weight for column in others]
        return replace(self, columns=(x[first], *means), weight=weight)
