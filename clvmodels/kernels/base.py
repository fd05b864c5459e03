"""What inference and prediction ask of any model: a likelihood in scale-free coordinates."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# More purchases than anybody makes, and still exact as a float.
NEVER = 2**53


def weighted_sum(weight: FloatArray, values: FloatArray) -> float:
    """Sum of weight times value.

    Not a BLAS dot product: its threads cost more than they give on vectors that fit the cache, and
    its sum depends on their number.
    """
    return float(np.einsum("i,i->", weight, values))


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
        """Log-likelihood of each entry of the columns, shape (n,)."""

    @abstractmethod
    def log_likelihood_gradient(
        self, theta: FloatArray, *columns: NDArray[Any], weight: FloatArray
    ) -> tuple[float, FloatArray]:
        """Weighted sum of the log-likelihood and its gradient in ``theta``, shape (k,)."""

    @abstractmethod
    def from_coordinates(self, z: FloatArray, scale: float) -> FloatArray:
        """Parameters at the coordinates ``z``."""

    @abstractmethod
    def to_coordinates(self, theta: FloatArray, scale: float) -> FloatArray:
        """Coordinates of the parameters ``theta``; inverse of `from_coordinates`."""

    @abstractmethod
    def jacobian(self, z: FloatArray, scale: float) -> FloatArray:
        """Derivatives of the parameters in the coordinates, shape (k, k), [i, j] = dθ_i / dz_j."""

    def log_prior_gradient(self, z: FloatArray) -> tuple[float, FloatArray]:
        """Log-density of the prior at ``z``, normalised, and its gradient."""
        sd = np.array(self.prior_sd)
        u = (z - np.array(self.prior_mean)) / sd
        value = -0.5 * float(u @ u) - float(np.log(sd).sum()) - 0.5 * len(z) * np.log(2 * np.pi)
        return value, -u / sd


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
        self, theta: FloatArray, x: IntArray, T: FloatArray, horizon: float, discount: float = 0.0
    ) -> FloatArray:
        """Expected purchases in (T, T + horizon] of a customer active at T, shape (n,).

        Each purchase at T + s counts ``exp(-discount s)``. The horizon may be infinite if
        ``discount`` is above 0.
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
    def draw_traits(
        self, theta: FloatArray, x: IntArray, T: FloatArray, rng: np.random.Generator
    ) -> Traits:
        """Traits of customers who are active at T, one draw for each."""

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

        The edges ascend from 0; the result has the shape (draws, len(edges) - 1).
        """
        traits = self.draw_traits(theta, np.full(draws, x, dtype=np.int64), np.full(draws, T), rng)
        active = np.diff(np.minimum(edges, traits.life[:, None]), axis=1)
        bought = np.cumsum(rng.poisson(traits.rate[:, None] * active), axis=1)
        kept = np.minimum(bought, traits.purchases_left[:, None])
        return np.diff(kept, axis=1, prepend=0)
