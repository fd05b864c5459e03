"""BG/NBD: a customer may leave after each repeat purchase (Fader, Hardie & Lee 2005).

λ ~ Gamma(r, rate α) is the purchase rate, p ~ Beta(a, b) the chance to leave after a purchase.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from clvmodels.kernels.base import (
    NEVER,
    FloatArray,
    IntArray,
    PurchaseKernel,
    Traits,
    softplus_logistic,
    weighted_sum,
)
from clvmodels.kernels.mixing import mean_power_decay
from clvmodels.kernels.quadrature import integrate_rate
from clvmodels.kernels.tables import (
    harmonic,
    idle_while_active,
    log_beta_step,
    log_beta_step_slope_b,
    log_rising,
    negative_binomial,
)

# Keeps the working set of one pass in the processor's cache.
_CHUNK = 4_096


class BetaGeo(PurchaseKernel):
    """Likelihood, predictions and simulator of BG/NBD.

    Everything is written in the number of chances to leave that a customer has had, so that
    MBG/NBD, where the first purchase is one too, differs in a single number.
    """

    name = "bgnbd"
    # Chances to leave that come before the first repeat purchase.
    first_chances: ClassVar[int] = 0
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
        r, alpha = theta[:2]
        by_x = self._log_by_x(theta, int(x.max(initial=0)))
        left, _ = softplus_logistic(self._log_odds_left(theta, x, t_x, T))
        total: FloatArray = np.take(by_x, x, axis=-1) - (r + x) * np.log1p(T / alpha) + left
        return total

    def log_likelihood_gradient(
        self, theta: FloatArray, *columns: NDArray[Any], weight: FloatArray
    ) -> tuple[float, FloatArray]:
        """Weighted sum of the log-likelihood and its gradient in (r, α, a, b)."""
        x, t_x, T = columns
        r, _, a, b = theta
        first, x_max = self.first_chances, int(x.max(initial=0))
        count = np.bincount(x, weights=weight, minlength=x_max + 1)
        sums = np.zeros(4)  # log-likelihood, d/dr, d/dα, and Σ w P(left)
        left_by_x = np.zeros(x_max + 1)
        log_chance = self._log_chance(theta, x_max)
        for start in range(0, len(x), _CHUNK):
            part = slice(start, start + _CHUNK)
            sums += self._chunk(
                theta, x[part], t_x[part], T[part], weight[part], log_chance, left_by_x
            )
        value = sums[0] + count @ self._log_by_x(theta, x_max)
        # d/db of the log of a / (b + chances - 1); a customer without a chance cannot have left.
        slope_chance = np.exp(log_chance) / a
        gradient = np.array(
            [
                sums[1] + count @ harmonic(r, x_max),
                sums[2],
                sums[3] / a - count @ harmonic(a + b, x_max + first)[first:],
                count @ log_beta_step_slope_b(a, b, x_max + first)[first:]
                - left_by_x @ slope_chance,
            ]
        )
        return float(value), gradient

    def _log_by_x(self, theta: FloatArray, x_max: int) -> FloatArray:
        """The part of the log-likelihood that depends on x alone, for x = 0 … x_max."""
        r, alpha, a, b = theta
        first = self.first_chances
        stayed = log_beta_step(a, b, x_max + first)[..., first:]
        by_x: FloatArray = log_rising(r, x_max) + stayed - np.arange(x_max + 1) * np.log(alpha)
        return by_x

    def _log_chance(self, theta: FloatArray, x_max: int) -> FloatArray:
        """Log of a / (b + chances - 1), leaving over staying at the last, for x = 0 … x_max."""
        a, b = theta[2:]
        first = self.first_chances
        some = np.log(a / (b + np.arange(x_max + first)))
        none = np.full((*some.shape[:-1], 1), -np.inf)
        return np.concatenate([none, some], axis=-1)[..., first:]

    def _b_prime(self, theta: FloatArray, x: IntArray) -> FloatArray:
        """Second shape of the chance to leave after x repeat purchases."""
        b_prime: FloatArray = theta[3] + x + self.first_chances
        return b_prime

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
        # From the log-odds of having left; a customer without repeat purchases has odds of 0.
        log_left, left = softplus_logistic(power * idle + log_chance[x])
        left *= weight
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

    def _log_odds_left(
        self, theta: FloatArray, x: IntArray, t_x: FloatArray, T: FloatArray
    ) -> FloatArray:
        """Log-odds of having left at t_x; -inf for a customer without a chance to."""
        r, alpha = theta[:2]
        chance = np.take(self._log_chance(theta, int(x.max(initial=0))), x, axis=-1)
        odds: FloatArray = chance + (r + x) * np.log1p((T - t_x) / (alpha + t_x))
        return odds

    def probability_alive(
        self, theta: FloatArray, x: IntArray, t_x: FloatArray, T: FloatArray
    ) -> FloatArray:
        """P(alive), Fader & Hardie's note 021: in BG/NBD 1 wherever x = 0, its premise."""
        alive: FloatArray = expit(-self._log_odds_left(theta, x, t_x, T))
        return alive

    def alive_purchases(
        self,
        theta: FloatArray,
        x: IntArray,
        T: FloatArray,
        horizon: float | FloatArray,
        discount: float = 0.0,
    ) -> FloatArray:
        """Expected (discounted) purchases of an active customer, by integrating the rate.

        The rate s ahead is (r+x)/(α+T) · ₂F₁(r+x+1, a; a+b+x; -s/(α+T)); unlike the closed form
        of the integral it has no singularity at a = 1 or for a + b < 1.
        """
        r, alpha, a = theta[:3]
        scale, power = alpha + T, (r + x)[:, None]
        b_prime = self._b_prime(theta, x)

        def rate(rows: IntArray, s: FloatArray) -> FloatArray:
            decay = mean_power_decay(
                a, b_prime[rows, None], power[rows] + 1.0, s / scale[rows, None]
            )
            here: FloatArray = power[rows] / scale[rows, None] * decay
            return here

        return integrate_rate(rate, scale, horizon, discount)

    def alive_survival(
        self, theta: FloatArray, x: IntArray, T: FloatArray, horizon: float, k_max: int
    ) -> FloatArray:
        """P(at least j purchases | active): negative binomial tail times the chance to stay."""
        _, bought = negative_binomial(k_max, theta[0] + x, horizon, theta[1] + T)
        return bought * self._stayed(theta, x, k_max)

    def alive_pmf(
        self, theta: FloatArray, x: IntArray, T: FloatArray, horizon: float, k_max: int
    ) -> FloatArray:
        """P(j purchases | active) as a sum of positive terms, exact in both tails."""
        r, alpha, a = theta[:3]
        exactly, bought = negative_binomial(k_max, r + x, horizon, alpha + T)
        last = self._b_prime(theta, x)[:, None] + np.arange(k_max)
        stayed = self._stayed(theta, x, k_max)
        buying = stayed * (last * exactly[:, 1:] + a * bought) / (a + last)
        return np.concatenate([exactly[:, :1], buying], axis=1)

    def _stayed(self, theta: FloatArray, x: IntArray, k_max: int) -> FloatArray:
        """B(a, b+x+n-1)/B(a, b+x) for n = 1 … k_max: still active before purchase n."""
        log_stay = -np.log1p(theta[2] / (self._b_prime(theta, x)[:, None] + np.arange(k_max - 1)))
        steps = np.concatenate([np.zeros((len(x), 1)), np.cumsum(log_stay, axis=1)], axis=1)
        stayed: FloatArray = np.exp(steps[:, :k_max])
        return stayed

    def alive_idle(
        self, theta: FloatArray, x: IntArray, T: FloatArray, ahead: FloatArray
    ) -> FloatArray:
        """P(no purchase | active): nobody leaves before the next purchase."""
        return idle_while_active(theta[0] + x, ahead, theta[1] + T)

    def alive_share(
        self, theta: FloatArray, x: IntArray, T: FloatArray, ahead: FloatArray
    ) -> FloatArray:
        """P(still active | active): E[exp(-λ p s)], as each purchase ends it with probability p."""
        r, alpha, a = theta[:3]
        return mean_power_decay(a, self._b_prime(theta, x), r + x, ahead / (alpha + T))

    def draw_traits(
        self, theta: FloatArray, x: IntArray, T: FloatArray, rng: np.random.Generator
    ) -> Traits:
        """Purchase rate, and the purchase after which the customer leaves."""
        r, alpha = theta[:2]
        rate = rng.gamma(r + x) / (alpha + T)
        # A gamma mixture of exponentials keeps p's far tail, where 1 / p exceeds any integer.
        leave = rng.beta(theta[2], self._b_prime(theta, x))
        with np.errstate(divide="ignore"):  # whoever leaves for certain leaves at once
            wait = rng.exponential(size=len(x)) / np.maximum(-np.log1p(-leave), 1e-15)
        last = 1 + np.minimum(wait, float(NEVER)).astype(np.int64)
        return Traits(rate, np.full(len(x), np.inf), last)
