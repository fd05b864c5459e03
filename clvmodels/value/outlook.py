"""What an active customer will be worth: the seam between exact tables and simulation.

Up to a year ahead and without a cost per order, the undiscounted spend has an exact distribution
that scales with γ′ = γ + n m, and a customer's expected discount factor brings it to today (off by
less than .5 %). Beyond a year, or where a cost per order breaks the scaling, the discounted sum is
simulated, once for each distinct (x, T, n).
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.kernels.spend_tables import SpendTables, given_alive

# The variance of spend is infinite where q + p n ≤ 2; its second moment is then taken this far
# above 2, which keeps the spread of a total finite and large.
_LEAST_ABOVE_TWO = 0.05


class Outlook(Protocol):
    """Distribution of discounted margin after order costs, for customers given as triples."""

    def rows(self, x: IntArray, T: FloatArray, n: IntArray) -> IntArray:
        """Row of each customer's triple."""

    def quantile(
        self, rows: IntArray, level: float, alive: FloatArray, scale: FloatArray, ratio: FloatArray
    ) -> FloatArray:
        """Quantile in money for customers who are active with probability ``alive``.

        ``scale`` is γ′ in money, ``ratio`` discounted over undiscounted expected purchases.
        """

    def mean_squares(
        self, rows: IntArray, n: IntArray, expected: FloatArray, ratio: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """E[S²], E[S N] and E[N²] of an active customer.

        S is the discounted spend in units of γ′, N the discounted number of purchases and
        ``expected`` the undiscounted one's mean.
        """


class ExactOutlook:
    """The exact mixture, from tables."""

    def __init__(self, tables: SpendTables, p: float, q: float, margin: float) -> None:
        self._tables, self._p, self._q, self._margin = tables, p, q, margin

    def rows(self, x: IntArray, T: FloatArray, n: IntArray) -> IntArray:
        """Row of each customer's triple."""
        return self._tables.rows(x, T, n)

    def quantile(
        self, rows: IntArray, level: float, alive: FloatArray, scale: FloatArray, ratio: FloatArray
    ) -> FloatArray:
        """Quantile in money, by inverting the mixture."""
        totals = self._tables.totals(rows, given_alive(level, alive))
        return self._margin * ratio * scale * totals

    def mean_squares(
        self, rows: IntArray, n: IntArray, expected: FloatArray, ratio: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Second moments in closed form; those with N are 0, as orders cost nothing here."""
        p, shape = self._p, self._q + self._p * n
        inverse_rate = (shape - 1.0) * np.maximum(shape - 2.0, _LEAST_ABOVE_TWO)
        counts = p * expected + p**2 * self._tables.mean_square_purchases(rows)
        none = np.zeros(len(rows))
        return ratio**2 * counts / inverse_rate, none, none
