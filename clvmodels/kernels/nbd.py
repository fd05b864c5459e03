"""NBD: customers buy at their own rate and never leave (Ehrenberg 1959); the null model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clvmodels.kernels.base import (
    NEVER,
    FloatArray,
    IntArray,
    PurchaseKernel,
    Traits,
    weighted_sum,
)
from clvmodels.kernels.tables import harmonic, idle_while_active, log_rising, negative_binomial


class NBD(PurchaseKernel):
    """Likelihood, predictions and simulator of the NBD; λ ~ Gamma(r, rate α)."""

    name = "nbd"
    parameters = ("r", "alpha")
    coordinates = ("log r", "log(r mean_T / alpha)")
    prior_mean = (0.0, 0.0)
    prior_sd = (1.5, 2.0)

    def from_coordinates(self, z: FloatArray, scale: float) -> FloatArray:
        """Parameters at the coordinates; ``scale`` is the mean age."""
        return np.array([np.exp(z[0]), scale * np.exp(z[0] - z[1])])

    def to_coordinates(self, theta: FloatArray, scale: float) -> FloatArray:
        """Coordinates of the parameters."""
        r, alpha = theta
        return np.log([r, r * scale / alpha])

    def jacobian(self, z: FloatArray, scale: float) -> FloatArray:
        """Derivatives of the parameters in the coordinates."""
        r, alpha = self.from_coordinates(z, scale)
        return np.array([[r, 0.0], [alpha, -alpha]])

    def log_likelihood(self, theta: FloatArray, *columns: NDArray[Any]) -> FloatArray:
        """Log-likelihood of each (x, t_x, T) as a sequence of purchases; t_x tells nothing."""
        x, _, T = columns
        r, alpha = theta
        rising = np.take(log_rising(r, int(x.max(initial=0))), x, axis=-1)
        total: FloatArray = rising - x * np.log(alpha) - (r + x) * np.log1p(T / alpha)
        return total

    def log_likelihood_gradient(
        self, theta: FloatArray, *columns: NDArray[Any], weight: FloatArray
    ) -> tuple[float, FloatArray]:
        """Weighted sum of the log-likelihood and its gradient in (r, α)."""
        x, _, T = columns
        r, alpha = theta
        log_age = np.log1p(T / alpha)
        steps = harmonic(r, int(x.max(initial=0)))[x]
        value = weighted_sum(weight, self.log_likelihood(theta, *columns))
        gradient = np.array(
            [
                weighted_sum(weight, steps - log_age),
                weighted_sum(weight, (r * T / alpha - x) / (alpha + T)),
            ]
        )
        return value, gradient

    def probability_alive(
        self, theta: FloatArray, x: IntArray, t_x: FloatArray, T: FloatArray
    ) -> FloatArray:
        """Nobody leaves: 1 for every customer."""
        del theta, t_x, T
        return np.ones(len(x))

    def alive_purchases(
        self,
        theta: FloatArray,
        x: IntArray,
        T: FloatArray,
        horizon: float | FloatArray,
        discount: float = 0.0,
    ) -> FloatArray:
        """Expected (discounted) purchases: the rate times the (discounted) horizon."""
        r, alpha = theta
        span = -np.expm1(-discount * horizon) / discount if discount > 0.0 else horizon
        expected: FloatArray = (r + x) / (alpha + T) * span
        return expected

    def alive_survival(
        self, theta: FloatArray, x: IntArray, T: FloatArray, horizon: float, k_max: int
    ) -> FloatArray:
        """P(at least j purchases): tail of a negative binomial."""
        return negative_binomial(k_max, theta[0] + x, horizon, theta[1] + T)[1]

    def alive_pmf(
        self, theta: FloatArray, x: IntArray, T: FloatArray, horizon: float, k_max: int
    ) -> FloatArray:
        """P(j purchases): negative binomial."""
        return negative_binomial(k_max, theta[0] + x, horizon, theta[1] + T)[0]

    def alive_idle(
        self, theta: FloatArray, x: IntArray, T: FloatArray, ahead: FloatArray
    ) -> FloatArray:
        """P(no purchase | active): nobody leaves before the next purchase."""
        return idle_while_active(theta[0] + x, ahead, theta[1] + T)

    def alive_share(
        self, theta: FloatArray, x: IntArray, T: FloatArray, ahead: FloatArray
    ) -> FloatArray:
        """Nobody leaves: 1 for every customer."""
        del theta, T, ahead
        return np.ones(len(x))

    def draw_traits(
        self, theta: FloatArray, x: IntArray, T: FloatArray, rng: np.random.Generator
    ) -> Traits:
        """Purchase rate."""
        rate = rng.gamma(theta[0] + x) / (theta[1] + T)
        return Traits(rate, np.full(len(x), np.inf), np.full(len(x), NEVER))
