"""What the oracles of all purchase models share: two ways to the data, and what follows of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from tests.oracle.mixing import Number, exact, mp

# A step into the complex plane whose square is nothing beside 1 at 50 digits.
_STEP = mp.mpf("1e-30")


class PurchaseOracle(ABC):
    """A purchase model at 50 digits; a customer is (x, t_x, T) under the parameters ``theta``.

    x repeat purchases, the last at t_x, observed to T. Predictions are given for a customer who is
    active at T and has the time ``horizon`` ahead.
    """

    parameters: ClassVar[tuple[str, ...]]

    @abstractmethod
    def paths(
        self, theta: list[Number], x: int, t_x: Number, age: Number
    ) -> tuple[Number, Number | None]:
        """Log-likelihoods of the data together with being there at T, and with having left.

        None if the customer cannot have left. All arguments may be complex.
        """

    @abstractmethod
    def alive_purchases(
        self, theta: list[float], x: int, age: float, horizon: float, discount: float = 0.0
    ) -> Number:
        """Give the expected purchases, each at T + s counted as exp(−δ s)."""

    @abstractmethod
    def alive_pmf(
        self, theta: list[float], x: int, age: float, horizon: float, count: int
    ) -> Number:
        """Give P(``count`` purchases in the horizon)."""

    @abstractmethod
    def alive_survival(
        self, theta: list[float], x: int, age: float, horizon: float, count: int
    ) -> Number:
        """Give P(at least ``count`` purchases in the horizon)."""

    @abstractmethod
    def alive_share(self, theta: list[float], x: int, age: float, ahead: float) -> Number:
        """Give P(still active at T + ``ahead``)."""

    def log_likelihood(self, theta: list[float], x: int, t_x: float, age: float) -> Number:
        """Give log P(x purchases at their times, to T), without the times between."""
        return self._either(exact(*theta), x, *exact(t_x, age))

    def gradient(self, theta: list[float], x: int, t_x: float, age: float) -> list[Number]:
        """Give the derivative of `log_likelihood` in each parameter, by complex steps."""
        point = exact(*theta)
        t_x, age = exact(t_x, age)
        slopes = []
        for i, value in enumerate(point):
            beside = [*point[:i], mp.mpc(value, value * _STEP), *point[i + 1 :]]
            slopes.append(mp.im(self._either(beside, x, t_x, age)) / (value * _STEP))
        return slopes

    def probability_alive(self, theta: list[float], x: int, t_x: float, age: float) -> Number:
        """Give the probability of still being there at T."""
        alive, left = self.paths(exact(*theta), x, *exact(t_x, age))
        return mp.one if left is None else 1 / (1 + mp.exp(left - alive))

    def _either(self, theta: list[Number], x: int, t_x: Number, age: Number) -> Number:
        alive, left = self.paths(theta, x, t_x, age)
        return alive if left is None else alive + mp.log(1 + mp.exp(left - alive))
