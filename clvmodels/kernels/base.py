"""What inference and prediction ask of any model: a likelihood in scale-free coordinates."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Keeps the working set of one pass over many draws in the processor's cache.
_CELLS_AT_ONCE = 1 << 14

# More purchases than anybody makes, and still exact as a float.
NEVER = 2**53


def weighted_sum(weight: FloatArray, values: FloatArray) -> float:
    """Sum of weight times value.

    Not a BLAS dot product: its threads cost more than they give on vectors that fit the cache, and
    its sum depends on their number.
    """
    return float(np.einsum("i,i->", weight, values))


def softplus_logistic(u: FloatArray) -> tuple[FloatArray, FloatArray]:
    """log(1 + e^u) and 1 / (1 + e^-u) from one exponential; numpy's logaddexp is far slower."""
    small = np.exp(-np.abs(u))
    softplus: FloatArray = np.maximum(u, 0.0) + np.log1p(small)
    logistic: FloatArray = np.where(u >= 0.0, 1.0, small) / (1.0 + small)
    return softplus, logistic


def poisson_times(rate: FloatArray, end: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Events of Poisson processes in (0, end], ascending, padded with inf, shape (n, m)."""
    made = rng.poisson(rate * end)
    times = np.full((len(rate), int(made.max(initial=0))), np.inf)
    some = np.arange(times.shape[1]) < made[:, None]
    times[some] = np.repeat(end, made) * (1.0 - rng.random(int(made.sum())))
    times.sort(axis=1)
    return times


@dataclass(frozen=True)
class Traits:
    """What sets customers apart who are all active now, each array of shape (n,).

    Purchases come at ``rate`` until the time ``life`` from now, or until the purchase number
    ``purchases_left`` ahead (at least 1), whichever is first. A model that has no such end gives
    inf or `NEVER`.
    """

    rate: FloatArray
    life: FloatArray
    purchases_left: IntArray


class Kernel(ABC):
    """A likelihood with its gradient, its scale-free coordinates and its prior.

    ``theta`` is always the parameter vector in the order of `parameters`. The coordinates ``z``
    live on the whole real line and do not change with the unit of time or money; the prior is a
    product of normal distributions in them, and ``scale`` is the one number that ties them to the
    unit of the data (mean age, or mean order value).
    """

    name: ClassVar[str]
    parameters: ClassVar[tuple[str, ...]]
    coordinates: ClassVar[tuple[str, ...]]
    prior_mean: ClassVar[tuple[float, ...]]
    prior_sd: ClassVar[tuple[float, ...]]

    @abstractmethod
    def log_likelihood(self, theta: FloatArray, *columns: NDArray[Any]) -> FloatArray:
        """Log-likelihood of each entry of the columns, shape (n,).

        For parameter vectors of many draws, ``theta`` of shape (k, d, 1), the result is (d, n).
        """

    @abstractmethod
    def log_likelihood_gradient(
        self, theta: FloatArray, *columns: NDArray[Any], weight: FloatArray
    ) -> tuple[float, FloatArray]:
        """Weighted sum of the log-likelihood and its gradient in ``theta``, shape (k,)."""

    def log_likelihoods(
        self, thetas: FloatArray, *columns: NDArray[Any], weight: FloatArray
    ) -> FloatArray:
        """Weighted sum of the log-likelihood for each of many draws (d, k), shape (d,)."""
        total = np.zeros(len(thetas))
        for first in range(0, len(weight), _CELLS_AT_ONCE):
            part = slice(first, first + _CELLS_AT_ONCE)
            here = tuple(column[part] for column in columns)
            # A table over x, the first column, has as many cells as x is large.
            block = max(_CELLS_AT_ONCE // max(len(here[0]), int(here[0].max())), 1)
            for start in range(0, len(thetas), block):
                some = slice(start, start + block)
                each = self.log_likelihood(thetas[some].T[:, :, None], *here)
                total[some] += np.einsum("dn,n->d", each, weight[part])
        return total

    @abstractmethod
    def from_coordinates(self, z: FloatArray, scale: float) -> FloatArray:
        """Parameters at the coordinates ``z``, of shape (k,) or (k, d)."""

    @abstractmethod
    def to_coordinates(self, theta: FloatArray, scale: float) -> FloatArray:
        """Coordinates of the parameters ``theta``; inverse of `from_coordinates`."""

    @abstractmethod
    def jacobian(self, z: FloatArray, scale: float) -> FloatArray:
        """Derivatives of the parameters in the coordinates, shape (k, k), [i, j] = dθ_i / dz_j."""

    def log_prior_gradient(self, z: FloatArray) -> tuple[float, FloatArray]:
        """Log-density of the prior at ``z``, normalised, and its gradient."""
        u = (z - np.array(self.prior_mean)) / np.array(self.prior_sd)
        return float(self.log_priors(z[None, :])[0]), -u / np.array(self.prior_sd)

    def log_priors(self, z: FloatArray) -> FloatArray:
        """Log-density of the prior at each of many coordinates (d, k), normalised, shape (d,)."""
        sd = np.array(self.prior_sd)
        u = (z - np.array(self.prior_mean)) / sd
        constant = float(np.log(sd).sum()) + 0.5 * len(sd) * np.log(2 * np.pi)
        value: FloatArray = -0.5 * (u**2).sum(axis=1) - constant
        return value


class PurchaseKernel(Kernel):
    """A model of when customers buy and whether they are still customers.

    The columns of its likelihood are x (repeat purchases), t_x (recency) and T (age). Every
    prediction factors into P(alive), which needs t_x, and what an active customer will do, which
    depends on (x, T) alone; a new customer is x = 0, t_x = 0, T = 0.
    """

    @abstractmethod
    def probability_alive(
        self, theta: FloatArray, x: IntArray, t_x: FloatArray, T: FloatArray
    ) -> FloatArray:
        """Probability that the customer is still active at T, shape (n,)."""

    @abstractmethod
    def alive_purchases(
        self,
        theta: FloatArray,
        x: IntArray,
        T: FloatArray,
        horizon: float | FloatArray,
        discount: float = 0.0,
    ) -> FloatArray:
        """Expected purchases in (T, T + horizon] of a customer active at T, shape (n,).

        Each purchase at T + s counts ``exp(-discount s)``. The horizon is one for all or one for
        each, and may be infinite if ``discount`` is above 0.
        """

    @abstractmethod
    def alive_survival(
        self, theta: FloatArray, x: IntArray, T: FloatArray, horizon: float, k_max: int
    ) -> FloatArray:
        """P(at least j purchases in the horizon | active at T) for j = 1 … k_max, (n, k_max)."""

    @abstractmethod
    def alive_pmf(
        self, theta: FloatArray, x: IntArray, T: FloatArray, horizon: float, k_max: int
    ) -> FloatArray:
        """P(j purchases in the horizon | active at T) for j = 0 … k_max, (n, k_max + 1)."""

    @abstractmethod
    def alive_idle(
        self, theta: FloatArray, x: IntArray, T: FloatArray, ahead: FloatArray
    ) -> FloatArray:
        """P(no purchase within each customer's own time ``ahead`` | active at T), shape (n,)."""

    @abstractmethod
    def alive_share(
        self, theta: FloatArray, x: IntArray, T: FloatArray, ahead: FloatArray
    ) -> FloatArray:
        """P(still active after each customer's own time ``ahead`` | active at T), shape (n,)."""

    @abstractmethod
    def draw_traits(
        self, theta: FloatArray, x: IntArray, T: FloatArray, rng: np.random.Generator
    ) -> Traits:
        """Traits of customers who are active at T, one draw for each.

        ``theta`` may also have the shape (k, n), with a set of parameters for each customer.
        """

    def simulate_alive(
        self,
        theta: FloatArray,
        x: IntArray,
        T: FloatArray,
        horizon: float,
        rng: np.random.Generator,
    ) -> FloatArray:
        """Purchase times in (0, horizon] after T, ascending, padded with inf, shape (n, m)."""
        traits = self.draw_traits(theta, x, T, rng)
        times = poisson_times(traits.rate, np.minimum(traits.life, horizon), rng)
        times[np.arange(times.shape[1]) >= traits.purchases_left[:, None]] = np.inf
        kept = int(np.isfinite(times).sum(axis=1).max(initial=0))
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
        """Purchases of ``draws`` active customers between consecutive ``edges``.

        ``theta`` has the shape (k,) or, with a set of parameters for each draw, (k, draws). The
        edges ascend from 0; the result has the shape (draws, len(edges) - 1).
        """
        traits = self.draw_traits(theta, np.full(draws, x, dtype=np.int64), np.full(draws, T), rng)
        active = np.diff(np.minimum(edges, traits.life[:, None]), axis=1)
        bought = np.cumsum(rng.poisson(traits.rate[:, None] * active), axis=1)
        kept = np.minimum(bought, traits.purchases_left[:, None])
        return np.diff(kept, axis=1, prepend=0)
