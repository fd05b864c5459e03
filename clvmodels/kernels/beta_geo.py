"""BG/NBD: a customer may leave after each repeat purchase (Fader, Hardie & Lee 2005).

λ ~ Gamma(r, rate α) is the purchase rate, p ~ Beta(a, b) the chance to leave after a purchase.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, expit, gammaln

from clvmodels.kernels.base import FloatArray, IntArray, PurchaseKernel, weighted_sum
from clvmodels.kernels.mixing import mean_power_decay
from clvmodels.kernels.quadrature import integrate_rate
from clvmodels.kernels.tables import (
    harmonic,
    log_beta_step,
    log_beta_step_slope_b,
    log_rising,
)

# Keeps the working set of one pass in the processor's cache.
_CHUNK = 4_096


class BetaGeo(PurchaseKernel):
    """Likelihood, predictions and simulator of BG/NBD."""

    name = "bgnbd"
    parameters = ("r", "alpha", "a", "b")
    coordinates = ("log r", "log(r mean_T / alpha)", "log(a / b)", "log(a + b)")
    prior_mean = (0.0, 0.0, -1.5, 1.0)
    prior_sd = (1.5, 2.0, 1.5, 1.5)

    def from_coordinates(self, z: FloatArray, scale: float) -> FloatArray:
        """Parameters at the coordinates; ``scale`` is the mean age."""
        r, ratio, total = np.exp(z[0]), expit(z[2]), np.exp(z[3])
        return np.array([r, scale * np.exp(z[0] - z[1]), total * ratio, total * expit(-z[2])])

    def to_coordinates(self, theta: FloatArray, scale: float) -> FloatArray:
        """Coordinates of the parameters."""
        r, alpha, a, b = theta
        return np.log([r, r * scale / alpha, a / b, a + b])

    def jacobian(self, z: FloatArray, scale: float) -> FloatArray:
        """Derivatives of the parameters in the coordinates."""
        r, alpha, a, b = self.from_coordinates(z, scale)
        spread = a * expit(-z[2])
        return np.array(
            [
                [r, 0.0, 0.0, 0.0],
                [alpha, -alpha, 0.0, 0.0],
                [0.0, 0.0, spread, a],
                [0.0, 0.0, -spread, b],
            ]
        )

    def log_likelihood(self, theta: FloatArray, *columns: NDArray[Any]) -> FloatArray:
        """Log-likelihood of each (x, t_x, T): equation 6 of Fader, Hardie & Lee (2005)."""
        x, t_x, T = columns
        r, alpha, a, b = theta
        x_max = int(x.max(initial=0))
        by_x = (
            log_rising(r, x_max) + log_beta_step(a, b, x_max) - np.arange(x_max + 1) * np.log(alpha)
        )
        left = np.where(x > 0, np.logaddexp(0.0, self._log_odds_left(theta, x, t_x, T)), 0.0)
        total: FloatArray = by_x[x] - (r + x) * np.log1p(T / alpha) + left
        return total

    def log_likelihood_gradient(
        self, theta: FloatArray, *columns: NDArray[Any], weight: FloatArray
    ) -> tuple[float, FloatArray]:
        """Weighted sum of the log-likelihood and its gradient in (r, α, a, b)."""
        x, t_x, T = columns
        r, alpha, a, b = theta
        x_max = int(x.max(initial=0))
        count = np.bincount(x, weights=weight, minlength=x_max + 1)
        steps = np.arange(x_max + 1)
        sums = np.zeros(4)  # log-likelihood, d/dr, d/dα, and Σ w P(left)
        left_by_x = np.zeros(x_max + 1)
        # Log of a / (b + x - 1), the chance to leave over the chance to stay at purchase x.
        log_chance = np.concatenate([[-np.inf], np.log(a / (b + steps[:-1]))])
        for start in range(0, len(x), _CHUNK):
            part = slice(start, start + _CHUNK)
            sums += self._chunk(
                theta, x[part], t_x[part], T[part], weight[part], log_chance, left_by_x
            )
        value = sums[0] + count @ (
            log_rising(r, x_max) + log_beta_step(a, b, x_max) - steps * np.log(alpha)
        )
        slope_b = log_beta_step_slope_b(a, b, x_max)
        gradient = np.array(
            [
                sums[1] + count @ harmonic(r, x_max),
                sums[2],
                sums[3] / a - count @ harmonic(a + b, x_max),
                count @ slope_b - left_by_x[1:] @ (1.0 / (b + steps[:-1])),
            ]
        )
        return float(value), gradient

    @staticmethod
    def _chunk(
        theta: FloatArray,
        x: IntArray,
        t_x: FloatArray,
        T: FloatArray,
        weight: FloatArray,
        log_chance: FloatArray,
        left_by_x: FloatArray,
    ) -> FloatArray:
        """Sums over the entries whose terms are no function of x alone."""
        r, alpha = theta[:2]
        power = r + x
        log_age = np.log1p(T / alpha)
        idle = np.log1p((T - t_x) / (alpha + t_x))
        # Log-odds of having left, their softplus and their logistic from one exponential; a
        # customer without repeat purchases has odds of 0.
        odds = power * idle + log_chance[x]
        small = np.exp(-np.abs(odds))
        log_left = np.maximum(odds, 0.0) + np.log1p(small)
        left = np.where(odds >= 0.0, 1.0, small) / (1.0 + small) * weight
        left_by_x += np.bincount(x, weights=left, minlength=len(left_by_x))
        return np.array(
            [
                weighted_sum(weight, log_left - power * log_age),
                weighted_sum(left, idle) - weighted_sum(weight, log_age),
                weighted_sum(weight, (r * T / alpha - x) / (alpha + T))
                - weighted_sum(left, power * (T - t_x) / ((alpha + T) * (alpha + t_x))),
                left.sum(),
            ]
        )

    @staticmethod
    def _log_odds_left(
        theta: FloatArray, x: IntArray, t_x: FloatArray, T: FloatArray
    ) -> FloatArray:
        """Log-odds of having left at t_x; without meaning where x = 0."""
        r, alpha, a, b = theta
        last = np.where(x > 0, b + x - 1.0, 1.0)
        odds: FloatArray = np.log(a / last) + (r + x) * np.log1p((T - t_x) / (alpha + t_x))
        return odds

    def probability_alive(
        self, theta: FloatArray, x: IntArray, t_x: FloatArray, T: FloatArray
    ) -> FloatArray:
        """P(alive), Fader & Hardie's note 021: 1 wherever x = 0, which is the model's premise."""
        alive: FloatArray = np.where(x > 0, expit(-self._log_odds_left(theta, x, t_x, T)), 1.0)
        return alive

    def alive_purchases(
        self, theta: FloatArray, x: IntArray, T: FloatArray, horizon: float, discount: float = 0.0
    ) -> FloatArray:
        """Expected (discounted) purchases of an active customer, by integrating the rate.

        The rate s ahead is (r+x)/(α+T) · ₂F₁(r+x+1, a; a+b+x; -s/(α+T)); unlike the closed form
        of the integral it has no singularity at a = 1 or for a + b < 1.
        """
        r, alpha, a, b = theta
        scale, power = alpha + T, (r + x)[:, None]

        def rate(rows: IntArray, s: FloatArray) -> FloatArray:
            decay = mean_power_decay(
                a, (b + x[rows])[:, None], power[rows] + 1.0, s / scale[rows, None]
            )
            here: FloatArray = power[rows] / scale[rows, None] * decay
            return here

        return integrate_rate(rate, scale, horizon, discount)

    def alive_survival(
        self, theta: FloatArray, x: IntArray, T: FloatArray, horizon: float, k_max: int
    ) -> FloatArray:
        """P(at least j purchases | active): negative binomial tail times the chance to stay."""
        bought, stayed = self._count_factors(theta, x, T, horizon, k_max)
        return bought * stayed

    def alive_pmf(
        self, theta: FloatArray, x: IntArray, T: FloatArray, horizon: float, k_max: int
    ) -> FloatArray:
        """P(j purchases | active) as a sum of positive terms, exact in both tails."""
        r, alpha, a, b = theta
        n = np.arange(1, k_max + 1)
        bought, stayed = self._count_factors(theta, x, T, horizon, k_max)
        power = (r + x)[:, None]
        log_w = np.log(horizon / (alpha + T + horizon))[:, None]
        log_rest = np.log((alpha + T) / (alpha + T + horizon))[:, None]
        exactly = np.exp(
            gammaln(power + n) - gammaln(power) - gammaln(n + 1.0) + power * log_rest + n * log_w
        )
        last = (b + x)[:, None] + n - 1.0
        buying = stayed * (last * exactly + a * bought) / (a + last)
        return np.concatenate([np.exp(power * log_rest), buying], axis=1)

    @staticmethod
    def _count_factors(
        theta: FloatArray, x: IntArray, T: FloatArray, horizon: float, k_max: int
    ) -> tuple[FloatArray, FloatArray]:
        """P(NB ≥ n) and B(a, b+x+n-1)/B(a, b+x) for n = 1 … k_max."""
        r, alpha, a, b = theta
        n = np.arange(1, k_max + 1)
        bought = betainc(n, (r + x)[:, None], (horizon / (alpha + T + horizon))[:, None])
        log_stay = -np.log1p(a / ((b + x)[:, None] + n[:-1] - 1.0))
        stayed = np.exp(
            np.concatenate([np.zeros((len(x), 1)), np.cumsum(log_stay, axis=1)], axis=1)
        )
        return bought, stayed[:, :k_max]

    def simulate_alive(
        self,
        theta: FloatArray,
        x: IntArray,
        T: FloatArray,
        horizon: float,
        rng: np.random.Generator,
    ) -> FloatArray:
        """Purchase times in (0, horizon] after T of customers active at T."""
        rate, purchases_left = self._draw_traits(theta, x, T, rng)
        bought = rng.poisson(rate * horizon)
        times = np.full((len(x), int(bought.max(initial=0))), np.inf)
        made = np.arange(times.shape[1]) < bought[:, None]
        times[made] = horizon * (1.0 - rng.random(int(bought.sum())))
        times.sort(axis=1)
        times[np.arange(times.shape[1]) >= purchases_left[:, None]] = np.inf
        kept = int(np.minimum(bought, purchases_left).max(initial=0))
        return times[:, :kept]

    def simulate_alive_counts(
        self,
        theta: FloatArray,
        x: int,
        T: float,
        edges: FloatArray,
        draws: int,
        rng: np.random.Generator,
    ) -> IntArray:
        """Purchases of ``draws`` customers, all active at T, between consecutive edges."""
        rate, purchases_left = self._draw_traits(
            theta, np.full(draws, x, dtype=np.int64), np.full(draws, T), rng
        )
        bought = np.cumsum(rng.poisson(rate[:, None] * np.diff(edges)), axis=1)
        kept = np.minimum(bought, purchases_left[:, None])
        return np.diff(kept, axis=1, prepend=0)

    @staticmethod
    def _draw_traits(
        theta: FloatArray, x: IntArray, T: FloatArray, rng: np.random.Generator
    ) -> tuple[FloatArray, IntArray]:
        """Purchase rate, and the purchase after which the customer leaves (at least 1)."""
        r, alpha, a, b = theta
        rate = rng.gamma(r + x) / (alpha + T)
        # A gamma mixture of exponentials keeps p's far tail, where 1 / p exceeds any integer.
        leave = rng.beta(a, b + x)
        wait = rng.exponential(size=len(x)) / np.maximum(-np.log1p(-leave), 1e-15)
        return rate, 1 + np.minimum(wait, 2.0**53).astype(np.int64)
