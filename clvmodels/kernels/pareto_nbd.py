"""Pareto/NBD: a customer may leave at any time (Schmittlein, Morrison & Colombo 1987).

λ ~ Gamma(r, rate α) is the purchase rate, μ ~ Gamma(s, rate β) the rate of leaving.

The published likelihood has a difference of two hypergeometric functions that cancels. Here it is
the positive integral behind it, over the time at which the customer may have left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, expit, exprel

from clvmodels.kernels.base import (
    NEVER,
    FloatArray,
    IntArray,
    PurchaseKernel,
    Traits,
    softplus_logistic,
    weighted_sum,
)
from clvmodels.kernels.quadrature import gauss_legendre, in_blocks, integrate_rate
from clvmodels.kernels.tables import harmonic, log_negative_binomial, log_rising

# Keeps the working set of one pass in the processor's cache.
_CELLS_AT_ONCE = 1 << 14
# Nodes over the time at which a customer leaves before the next purchase.
_LEAVING_NODES = 128
# Nodes over the time at which customers may have left: a constant, and for each narrowness and
# logarithm of the range. Measured on integrands of every shape: the first for a relative error of
# 1e-11, the second for 1e-7, which no posterior feels.
_EXACT, _ROUGH = (7.0, 2.4, 2.0), (4.0, 1.5, 1.2)
# A share of e^-40 cannot change a double.
_NEGLIGIBLE_EXPONENT = 40.0


class ParetoNBD(PurchaseKernel):
    """Likelihood, predictions and simulator of Pareto/NBD."""

    name = "pareto_nbd"
    parameters = ("r", "alpha", "s", "beta")
    coordinates = ("log r", "log(r mean_T / alpha)", "log s", "log(s mean_T / beta)")
    prior_mean = (0.0, 0.0, -0.5, 0.0)
    prior_sd = (1.5, 2.0, 1.5, 2.0)
    _nodes = _EXACT

    def from_coordinates(self, z: FloatArray, scale: float) -> FloatArray:
        """Parameters at the coordinates; ``scale`` is the mean age."""
        return np.exp([z[0], z[0] - z[1] + np.log(scale), z[2], z[2] - z[3] + np.log(scale)])

    def to_coordinates(self, theta: FloatArray, scale: float) -> FloatArray:
        """Coordinates of the parameters."""
        r, alpha, s, beta = theta
        return np.log([r, r * scale / alpha, s, s * scale / beta])

    def jacobian(self, z: FloatArray, scale: float) -> FloatArray:
        """Derivatives of the parameters in the coordinates."""
        r, alpha, s, beta = self.from_coordinates(z, scale)
        return np.array(
            [
                [r, 0.0, 0.0, 0.0],
                [alpha, -alpha, 0.0, 0.0],
                [0.0, 0.0, s, 0.0],
                [0.0, 0.0, beta, -beta],
            ]
        )

    def log_likelihood(self, theta: FloatArray, *columns: NDArray[Any]) -> FloatArray:
        """Log-likelihood of each (x, t_x, T): Fader & Hardie (2005), by the positive integral."""
        x, t_x, T = columns
        r, alpha, s, beta = theta
        left, _ = softplus_logistic(self._log_odds_left(theta, x, t_x, T))
        stayed = -(r + x) * np.log1p(T / alpha) - s * np.log1p(T / beta)
        total: FloatArray = np.take(self._log_by_x(theta, x), x, axis=-1) + stayed + left
        return total

    def log_likelihoods(
        self, thetas: FloatArray, *columns: NDArray[Any], weight: FloatArray
    ) -> FloatArray:
        """Weighted sum for each of many draws (d, k), of log-likelihoods that are good to 1e-7."""
        return PurchaseKernel.log_likelihoods(_RoughParetoNBD(), thetas, *columns, weight=weight)

    def log_likelihood_gradient(
        self, theta: FloatArray, *columns: NDArray[Any], weight: FloatArray
    ) -> tuple[float, FloatArray]:
        """Weighted sum of the log-likelihood and its gradient in (r, α, s, β)."""
        x, t_x, T = columns
        r, alpha, s, beta = theta
        log_age, log_life = np.log1p(T / alpha), np.log1p(T / beta)
        by_x = self._log_by_x(theta, x)
        count = np.bincount(x, weights=weight, minlength=len(by_x))
        value = count @ by_x - weighted_sum(weight, (r + x) * log_age + s * log_life)
        gradient = np.array(
            [
                count @ harmonic(r, len(by_x) - 1) - weighted_sum(weight, log_age),
                weighted_sum(weight, (r * T / alpha - x) / (alpha + T)),
                -weighted_sum(weight, log_life),
                weighted_sum(weight, s * T / (beta * (beta + T))),
            ]
        )
        for rows, leaving in _leaving(theta, x, t_x, T, self._nodes):
            log_left, left = softplus_logistic(leaving.log_odds)
            value += weighted_sum(weight[rows], log_left)
            gone = weight[rows] * left
            gradient += [weighted_sum(gone, slope) for slope in leaving.slopes()]
        return float(value), gradient

    @staticmethod
    def _log_by_x(theta: FloatArray, x: IntArray) -> FloatArray:
        """The part of the log-likelihood that depends on x alone, for 0 … max(x)."""
        x_max = int(x.max(initial=0))
        by_x: FloatArray = log_rising(theta[0], x_max) - np.arange(x_max + 1) * np.log(theta[1])
        return by_x

    def probability_alive(
        self, theta: FloatArray, x: IntArray, t_x: FloatArray, T: FloatArray
    ) -> FloatArray:
        """P(alive), from the odds of having left since the last purchase."""
        alive: FloatArray = expit(-self._log_odds_left(theta, x, t_x, T))
        return alive

    def _log_odds_left(
        self, theta: FloatArray, x: IntArray, t_x: FloatArray, T: FloatArray
    ) -> FloatArray:
        """Log-odds of having left since t_x; -inf where there was no time to.

        For parameter vectors of many draws, (4, d, 1), the result is (d, n).
        """
        odds = np.full((*theta.shape[1:-1], len(x)), -np.inf)
        for rows, leaving in _leaving(theta, x, t_x, T, self._nodes):
            odds[..., rows] = leaving.log_odds
        return odds

    def alive_purchases(
        self,
        theta: FloatArray,
        x: IntArray,
        T: FloatArray,
        horizon: float | FloatArray,
        discount: float = 0.0,
    ) -> FloatArray:
        """Expected (discounted) purchases of an active customer.

        The rate t ahead is (r+x)/(α+T) · ((β+T)/(β+T+t))^s; s = 1 is no special case.
        """
        r, alpha, s, beta = theta
        rate, scale = (r + x) / (alpha + T), beta + T
        if discount == 0.0:
            length = np.log1p(horizon / scale)
            expected: FloatArray = rate * scale * length * exprel((1.0 - s) * length)
            return expected

        def decay(rows: IntArray, t: FloatArray) -> FloatArray:
            here: FloatArray = np.exp(-s * np.log1p(t / scale[rows, None]))
            return here

        discounted: FloatArray = rate * integrate_rate(decay, scale, horizon, discount)
        return discounted

    def alive_survival(
        self, theta: FloatArray, x: IntArray, T: FloatArray, horizon: float, k_max: int
    ) -> FloatArray:
        """P(at least j purchases | active), summed from the far end."""
        pmf = self.alive_pmf(theta, x, T, horizon, k_max - 1)
        for rows, time, log_weight in _buying_times(theta, x, T, horizon, k_max):
            power, scale = (theta[0] + x[rows])[:, None], (theta[1] + T[rows])[:, None]
            bought = betainc(k_max, power, time / (scale + time))
            pmf[rows, 0] = (np.exp(log_weight) * bought).sum(axis=1)
        # The tail takes the place of P(0), which no survival needs, and comes first.
        survival: FloatArray = np.cumsum(np.roll(pmf[:, ::-1], 1, axis=1), axis=1)[:, ::-1]
        return survival

    def alive_pmf(
        self, theta: FloatArray, x: IntArray, T: FloatArray, horizon: float, k_max: int
    ) -> FloatArray:
        """P(j purchases | active): NB until the horizon or the time of leaving, a positive sum."""
        k = np.arange(k_max + 1)
        pmf = np.zeros((len(x), k_max + 1))
        for rows, time, log_weight in _buying_times(theta, x, T, horizon, k_max):
            power, scale = (theta[0] + x[rows]), (theta[1] + T[rows])
            block = max(_CELLS_AT_ONCE // (len(rows) * len(k)), 1)
            for start in range(0, time.shape[1], block):
                part = slice(start, start + block)
                log_bought = log_negative_binomial(
                    k, power[:, None, None], time[:, part, None], scale[:, None, None]
                )
                pmf[rows] += np.exp(log_bought + log_weight[:, part, None]).sum(axis=1)
        return pmf

    def alive_idle(
        self, theta: FloatArray, x: IntArray, T: FloatArray, ahead: FloatArray
    ) -> FloatArray:
        """P(no purchase | active): either none came, or the customer left before it."""
        r, alpha, s, beta = theta
        power, scale, life = r + x, alpha + T, beta + T
        first = np.minimum(scale / np.maximum(power, 1.0), life / max(s, 1.0))
        length = np.log1p(ahead / first)
        points, weights = gauss_legendre(_LEAVING_NODES)
        log_time = length[:, None] * points
        time = first[:, None] * np.expm1(log_time)
        leaving = np.exp(
            log_time
            - (s + 1.0) * np.log1p(time / life[:, None])
            - power[:, None] * np.log1p(time / scale[:, None])
        )
        left: FloatArray = s * length * first / life * (leaving @ weights)
        stayed = np.exp(-s * np.log1p(ahead / life) - power * np.log1p(ahead / scale))
        idle: FloatArray = left + stayed
        return idle

    def alive_share(
        self, theta: FloatArray, x: IntArray, T: FloatArray, ahead: FloatArray
    ) -> FloatArray:
        """P(still active | active): E[exp(-μ s)], whatever the purchases."""
        del x
        s, beta = theta[2:]
        share: FloatArray = np.exp(-s * np.log1p(ahead / (beta + T)))
        return share

    def draw_traits(
        self, theta: FloatArray, x: IntArray, T: FloatArray, rng: np.random.Generator
    ) -> Traits:
        """Purchase rate, and time from T until the customer leaves."""
        r, alpha, s, beta = theta
        rate = rng.gamma(r + x) / (alpha + T)
        leaving = rng.gamma(s, size=len(x)) / (beta + T)
        life = rng.exponential(size=len(x)) / np.maximum(leaving, 1e-300)
        return Traits(rate, life, np.full(len(x), NEVER))


class _RoughParetoNBD(ParetoNBD):
    """The same in half the time, for what needs no more."""

    _nodes = _ROUGH


@dataclass(frozen=True)
class _Leaving:
    """The integral over the time at which customers may have left, all by the same rule.

    The odds of having left are s ∫ ((α+T)/(α+t))^(r+x) ((β+T)/(β+t))^s dt / (β+t) over t in
    (t_x, T). In the logarithm of the smaller of α + t and β + t, called near here, the integrand
    is analytic around the real line. Arrays over nodes, draws and customers have the nodes first;
    the parameters are numbers, or broadcast to draws and customers.

    Attributes
    ----------
    back_rate, back_life
        Logarithms of (α+T)/(α+t_x) and (β+T)/(β+t_x).
    length
        What is integrated over, in the logarithm of the near one.
    """

    theta: FloatArray
    x: IntArray
    t_x: FloatArray
    T: FloatArray
    back_rate: FloatArray
    back_life: FloatArray
    length: FloatArray
    nodes: int

    @cached_property
    def _rate_is_near(self) -> NDArray[np.bool_]:
        """Whether α is the smaller one."""
        return np.asarray(self.theta[1] <= self.theta[3])

    @cached_property
    def _since(self) -> tuple[FloatArray, FloatArray]:
        """Logarithms of the growth of the near and of the far one since t_x."""
        _, alpha, _, beta = self.theta
        near = np.multiply.outer(gauss_legendre(self.nodes)[0], self.length)
        ratio = (np.minimum(alpha, beta) + self.t_x) / (np.maximum(alpha, beta) + self.t_x)
        far = np.expm1(near)
        far *= ratio
        return near, np.log1p(far, out=far)

    @cached_property
    def _integrand(self) -> FloatArray:
        """Without the weights of the nodes."""
        r, _, s, _ = self.theta
        since_near, since_far = self._since
        rate_power, life_power = r + self.x, s + 1.0
        near_power = np.where(self._rate_is_near, rate_power, life_power)
        far_power = np.where(self._rate_is_near, life_power, rate_power)
        log_here = (1.0 - near_power) * since_near
        log_here -= far_power * since_far
        here: FloatArray = np.exp(log_here, out=log_here)
        return here

    @cached_property
    def _total(self) -> FloatArray:
        weights = gauss_legendre(self.nodes)[1]
        total: FloatArray = np.einsum("m,m...->...", weights, self._integrand)
        return total

    @cached_property
    def log_odds(self) -> FloatArray:
        """Log-odds of having left, shape (n,) or (d, n)."""
        r, alpha, s, beta = self.theta
        first = s * self.length * (np.minimum(alpha, beta) + self.t_x) / (beta + self.t_x)
        odds: FloatArray = np.log(first * self._total)
        odds += (r + self.x) * self.back_rate + s * self.back_life
        return odds

    def slopes(self) -> tuple[FloatArray, ...]:
        """Derivatives of the log-odds in (r, α, s, β), (n,) each."""
        r, alpha, s, beta = self.theta
        means = [self._mean(since) for since in self._since]
        shrunk = [self._mean(np.exp(-since)) for since in self._since]
        mean_rate, mean_life = self._rate_first(means)
        shrunk_rate, shrunk_life = self._rate_first(shrunk)
        return (
            self.back_rate - mean_rate,
            (r + self.x) * (1.0 / (alpha + self.T) - shrunk_rate / (alpha + self.t_x)),
            1.0 / s + self.back_life - mean_life,
            s / (beta + self.T) - (s + 1.0) * shrunk_life / (beta + self.t_x),
        )

    def _mean(self, values: FloatArray) -> FloatArray:
        """Mean over the time of leaving, (n,)."""
        weights = gauss_legendre(self.nodes)[1]
        mean: FloatArray = np.einsum("m,mn,mn->n", weights, self._integrand, values) / self._total
        return mean

    def _rate_first(self, near_and_far: list[FloatArray]) -> tuple[FloatArray, FloatArray]:
        near, far = near_and_far
        is_near = self._rate_is_near
        return np.where(is_near, near, far), np.where(is_near, far, near)


def _leaving(
    theta: FloatArray,
    x: IntArray,
    t_x: FloatArray,
    T: FloatArray,
    nodes: tuple[float, float, float],
) -> Iterator[tuple[IntArray, _Leaving]]:
    """Customers who had time to leave since t_x, in groups that need about as many nodes.

    ``theta`` has the shape (4,), (4, n) where each has parameters of their own, or (4, d, 1) for
    all of d draws.
    """
    r, alpha, s, beta = theta
    back_rate = np.log1p((T - t_x) / (alpha + t_x))
    back_life = np.log1p((T - t_x) / (beta + t_x))
    # What either factor alone leaves of the integral bounds what the range may leave out.
    most_rate, most_life = _reach(r + x), np.asarray(_reach(s + 1.0))
    since_rate, since_life = back_rate, back_life
    if (back_rate > most_rate).any() or (back_life > most_life).any():
        span = np.minimum((alpha + t_x) * np.expm1(most_rate), (beta + t_x) * np.expm1(most_life))
        span = np.minimum(T - t_x, span)
        since_rate, since_life = np.log1p(span / (alpha + t_x)), np.log1p(span / (beta + t_x))
    length = np.where(alpha <= beta, since_rate, since_life)
    few, by_width, by_length = nodes
    need = few + by_length * length
    need += by_width * np.sqrt((r + x) * since_rate + (s + 1.0) * since_life)
    draws = need.size // max(len(x), 1)
    if theta.ndim > 2:
        need = need.max(axis=0)
    need[t_x >= T] = 0.0
    for rows, m in in_blocks(need, max(_CELLS_AT_ONCE // max(draws, 1), 1)):
        own = theta[:, rows] if theta.ndim == 2 else theta
        back = back_rate[..., rows], back_life[..., rows]
        yield rows, _Leaving(own, x[rows], t_x[rows], T[rows], *back, length[..., rows], m)


def _reach(power: FloatArray | float) -> FloatArray:
    """Growth of the scale, as a logarithm, after which its power has a negligible share left."""
    reach: FloatArray = _NEGLIGIBLE_EXPONENT / np.maximum(np.asarray(power) - 1.0, 0.1)
    return reach


def _buying_times(
    theta: FloatArray, x: IntArray, T: FloatArray, horizon: float, k_max: int
) -> Iterator[tuple[IntArray, FloatArray, FloatArray]]:
    """Rows, times ahead until which customers buy, the horizon last, and the log of their weights.

    The logarithm in which the rule is laid out starts where the first purchase or leaving is due.
    """
    r, alpha, s, beta = theta
    power, life = r + x, beta + T
    first = np.minimum((alpha + T) / np.maximum(power, 1.0), life / max(s, 1.0))
    length = np.log1p(horizon / first)
    # Measured for 1e-11: the integrand of k purchases is as narrow as 1/√k and 1/√(r+x), and it
    # may press against the horizon.
    narrow = np.sqrt(np.minimum(power + s + 1.0, k_max + 1.0))
    need = 16.0 + 3.0 * np.sqrt(k_max) + 2.5 * length * narrow
    for rows, nodes in in_blocks(need, max(_CELLS_AT_ONCE // (k_max + 1), 1)):
        points, weights = gauss_legendre(nodes)
        log_ahead = length[rows, None] * points
        time = first[rows, None] * np.expm1(log_ahead)
        scale = life[rows, None]
        log_weight = np.log(s * (length * first / life)[rows, None] * weights) + log_ahead
        log_weight -= (s + 1.0) * np.log1p(time / scale)
        last = np.full((len(rows), 1), horizon)
        yield (
            rows,
            np.concatenate([time, last], axis=1),
            np.concatenate([log_weight, -s * np.log1p(last / scale)], axis=1),
        )
