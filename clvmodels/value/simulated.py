"""Simulated discounted spend, where the exact distribution does not reach."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np

from clvmodels.kernels.base import FloatArray, IntArray, PurchaseKernel
from clvmodels.kernels.spend_tables import given_alive

_DRAWS = 2048
_BINS = 40
# Share of the discounted lifetime that is left out.
_LIFETIME_REST = 1e-3


class SimulatedOutlook:
    """Draws of discounted spend and purchases of active customers, once per (x, T, n).

    The time ahead is cut into 40 bins that weigh equally after discounting; purchases within a
    bin get its mean discount factor. Each triple has a random stream of its own, made from the
    seed and the triple, so that results do not depend on who else is scored. With several sets of
    parameters the draws take turns with them.

    Parameters
    ----------
    theta : (k,) or (k, sets)
        Parameters of the purchase model.
    spend : pair of float, or (2, sets)
        (p, q) of Gamma-Gamma.
    horizon, force
        Time ahead (may be infinite) and discount rate per unit.
    days_per_unit
        Length of the unit of all these times.
    margin, cost_per_order
        What turns spend and purchases into value.
    """

    def __init__(
        self,
        kernel: PurchaseKernel,
        theta: FloatArray,
        spend: tuple[float, float] | FloatArray,
        horizon: float,
        force: float,
        days_per_unit: float,
        margin: float,
        cost_per_order: float,
        seed: int,
    ) -> None:
        self._kernel, self._theta, self._spend = kernel, theta, spend
        self._sets = 1 if theta.ndim == 1 else theta.shape[1]
        # Which set of parameters each draw has.
        self._turn = np.arange(_DRAWS) % self._sets
        if self._sets > 1:
            self._theta, self._spend = theta[:, self._turn], np.asarray(spend)[:, self._turn]
        self._days_per_unit = days_per_unit
        self._margin, self._cost, self._seed = margin, cost_per_order, seed
        self._edges, self._factors = _bins(horizon, force)
        self._row: dict[tuple[int, float, int], int] = {}
        self._lock = threading.Lock()
        self._totals: list[FloatArray] = []
        self._counts: list[FloatArray] = []

    def rows(self, x: IntArray, T: FloatArray, n: IntArray) -> IntArray:
        """Row of each customer's triple; new triples are simulated."""
        keys = list(zip(x.tolist(), T.tolist(), n.tolist(), strict=True))
        with self._lock:
            for key in keys:
                if key not in self._row:
                    total, count = self._simulate(*key)
                    self._row[key] = len(self._totals)
                    self._totals.append(total)
                    self._counts.append(count)
        return np.array([self._row[key] for key in keys], dtype=np.int64)

    def quantile(
        self, rows: IntArray, level: float, alive: FloatArray, scale: FloatArray, ratio: FloatArray
    ) -> FloatArray:
        """Quantile in money; ``ratio`` is not needed, as the draws are discounted already."""
        del ratio
        result = np.empty(len(rows))
        for row in np.unique(rows):
            who = np.flatnonzero(rows == row)
            total, count = self._totals[row], self._counts[row]
            if self._cost == 0.0:
                value = np.quantile(total, np.clip(given_alive(level, alive[who]), 0.0, 1.0))
                result[who] = self._margin * scale[who] * value
                continue
            for i in who:
                value = self._margin * scale[i] * total - self._cost * count
                result[i] = _mixed_quantile(np.sort(value), level, float(alive[i]))
        return result

    def mixed_quantile(
        self, rows: IntArray, level: float, alive: FloatArray, scale: FloatArray
    ) -> FloatArray:
        """Quantile in money where P(alive) and γ′ differ by set of parameters, (sets, n) each."""
        result = np.empty(len(rows))
        for i, (value, weight) in enumerate(self._weighted(rows, alive, scale)):
            order = np.argsort(value, kind="stable")
            reached = np.cumsum(weight[order])
            place = min(int(np.searchsorted(reached, level)), len(order) - 1)
            result[i] = value[order[place]]
        return result

    def mixed_cdf(
        self, rows: IntArray, amount: FloatArray, alive: FloatArray, scale: FloatArray
    ) -> FloatArray:
        """P(value ≤ amount), with arguments as in `mixed_quantile`."""
        result = np.empty(len(rows))
        for i, (value, weight) in enumerate(self._weighted(rows, alive, scale)):
            result[i] = weight[value <= amount[i]].sum()
        return result

    def _weighted(
        self, rows: IntArray, alive: FloatArray, scale: FloatArray
    ) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Values of each customer, the 0 of one who has left last, and their weights."""
        for i, row in enumerate(rows):
            given = self._margin * scale[self._turn, i] * self._totals[row]
            value = np.append(given - self._cost * self._counts[row], 0.0)
            weight = alive[self._turn, i] / _DRAWS
            yield value, np.append(weight, 1.0 - weight.sum())

    def mean_squares(
        self, rows: IntArray, n: IntArray, expected: FloatArray, ratio: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Second moments of the draws."""
        del n, expected, ratio
        moments = np.array(
            [
                (np.mean(s * s), np.mean(s * c), np.mean(c * c))
                for s, c in zip(self._totals, self._counts, strict=True)
            ]
        ).reshape(-1, 3)
        return moments[rows, 0], moments[rows, 1], moments[rows, 2]

    def _simulate(self, x: int, T: float, n: int) -> tuple[FloatArray, FloatArray]:
        p, q = self._spend
        # In days, so that a triple has the same stream in any unit.
        rng = np.random.default_rng([self._seed, x, round(T * self._days_per_unit), n])
        bought = self._kernel.simulate_alive_counts(self._theta, x, T, self._edges, _DRAWS, rng)
        some = bought > 0  # most bins hold nothing
        spent = np.zeros(bought.shape)
        spent[some] = rng.standard_gamma((np.reshape(p, (-1, 1)) * bought)[some])
        total = spent @ self._factors / rng.standard_gamma(q + p * n, size=_DRAWS)
        # With one set of parameters the draws are exchangeable, and looked up in this order.
        order = np.argsort(total) if self._sets == 1 else np.arange(_DRAWS)
        return total[order], (bought @ self._factors)[order]


def _bins(horizon: float, force: float) -> tuple[FloatArray, FloatArray]:
    """Edges of the bins, and the mean discount factor in each."""
    share = np.linspace(0.0, 1.0, _BINS + 1)
    if force == 0.0:
        return horizon * share, np.ones(_BINS)
    weight = -np.expm1(-force * horizon) if np.isfinite(horizon) else 1.0 - _LIFETIME_REST
    edges = -np.log1p(-weight * share) / force
    return edges, weight / _BINS / (force * np.diff(edges))


def _mixed_quantile(value: FloatArray, level: float, alive: float) -> float:
    """Quantile of ascending draws with weight ``alive`` mixed with 0."""
    loss = alive * float(np.searchsorted(value, 0.0, side="left")) / len(value)
    if level < loss:
        return float(np.quantile(value, level / alive))
    if level <= loss + 1.0 - alive:
        return 0.0
    return float(np.quantile(value, (level - (1.0 - alive)) / alive))
