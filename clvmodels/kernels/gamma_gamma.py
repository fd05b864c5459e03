"""Gamma-Gamma: how much customers spend per purchase (Fader, Hardie & Lee 2005; note 025).

Each purchase of a customer is Gamma(p, rate ν) and ν ~ Gamma(q, rate γ) across customers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln

from clvmodels.kernels.base import FloatArray, IntArray, Kernel, weighted_sum
from clvmodels.kernels.tables import digamma_step, log_gamma_step


class GammaGamma(Kernel):
    """Likelihood and conditional mean of Gamma-Gamma.

    The columns are x, the number of purchases averaged (at least 1), and m, their mean (above 0).
    The coordinates keep q above 1, so that the mean spend exists.
    """

    name = "gamma_gamma"
    parameters = ("p", "q", "gamma")
    coordinates = ("log p", "log(q - 1)", "log(mean spend / mean order)")
    prior_mean = (1.5, 1.0, 0.0)
    prior_sd = (1.2, 1.2, 0.5)

    def from_coordinates(self, z: FloatArray, scale: float) -> FloatArray:
        """Parameters at the coordinates; ``scale`` is the observed mean order value."""
        p, above_one = np.exp(z[0]), np.exp(z[1])
        return np.array([p, 1.0 + above_one, scale * np.exp(z[2]) * above_one / p])

    def to_coordinates(self, theta: FloatArray, scale: float) -> FloatArray:
        """Coordinates of the parameters; needs q > 1."""
        p, q, gamma = theta
        return np.log([p, q - 1.0, p * gamma / (q - 1.0) / scale])

    def jacobian(self, z: FloatArray, scale: float) -> FloatArray:
        """Derivatives of the parameters in the coordinates."""
        p, q, gamma = self.from_coordinates(z, scale)
        return np.array([[p, 0.0, 0.0], [0.0, q - 1.0, 0.0], [-gamma, gamma, gamma]])

    def log_likelihood(self, theta: FloatArray, *columns: NDArray[Any]) -> FloatArray:
        """Log-likelihood of each (x, m): equation 1a of note 025."""
        x, m = columns
        p, q, gamma = theta
        total = x * m
        # The slow functions are called once for each x that occurs.
        occurs = np.bincount(x) > 0
        orders, which = np.flatnonzero(occurs), np.cumsum(occurs)[x] - 1
        value: FloatArray = (
            log_gamma_step(p * orders, q)[..., which]
            - gammaln(q)
            - q * np.log1p(total / gamma)
            - p * x * np.log1p(gamma / total)
            - np.log(m)
        )
        return value

    def log_likelihood_gradient(
        self, theta: FloatArray, *columns: NDArray[Any], weight: FloatArray
    ) -> tuple[float, FloatArray]:
        """Weighted sum of the log-likelihood and its gradient in (p, q, γ)."""
        x, m = columns
        p, q, gamma = theta
        count = np.bincount(x, weights=weight)
        orders = np.flatnonzero(count)
        count = count[orders]
        total = x * m
        log_share, log_rest = np.log1p(total / gamma), np.log1p(gamma / total)
        weight_x = weight * x
        spent, bought = weighted_sum(weight, log_share), weighted_sum(weight_x, log_rest)
        value = (
            count @ (log_gamma_step(p * orders, q) - gammaln(q))
            - q * spent
            - p * bought
            - weighted_sum(weight, np.log(m))
        )
        gradient = np.array(
            [
                (count * orders) @ digamma_step(p * orders, q) - bought,
                count @ (digamma(p * orders + q) - digamma(q)) - spent,
                weighted_sum(weight, (q * total / gamma - p * x) / (gamma + total)),
            ]
        )
        return float(value), gradient

    @staticmethod
    def binning_error(theta: FloatArray, x: IntArray, weight: FloatArray, width: float) -> float:
        """Bound on the error of the log-likelihood, in nats, of spend put together in bins.

        The entries of a bin are the nodes of Gauss's rule with two nodes for what is in it, on
        the scale of log(x m). There the likelihood is linear but for (q + p x) log(1 + x m / γ),
        whose fourth derivative is at most (q + p x) / 8, and the rule's remainder is that over 4!
        times the square of the least quadratic, (width² / 8)².
        """
        p, q, _ = theta
        of_each = 0.125 / 24.0 * (width**2 / 8.0) ** 2
        return float(of_each * (weight * (q + p * x)).sum())

    def mean_spend(self, theta: FloatArray, x: IntArray, m: FloatArray) -> FloatArray:
        """Expected spend per purchase given x purchases of mean m, shape (n,).

        Equation 5 of note 025; where x = 0 it is the population's mean and m is not looked at.
        NaN everywhere if q ≤ 1 and x = 0, where the mean does not exist.
        """
        p, q, gamma = theta
        observed = np.where(x > 0, x * m, 0.0)
        shape = p * x + q - 1.0
        with np.errstate(divide="ignore"):
            return np.where(shape > 0.0, p * (gamma + observed) / shape, np.nan)
