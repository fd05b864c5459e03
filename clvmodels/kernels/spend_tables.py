"""Tables that give quantiles of purchases and spend for millions of customers.

Given that a customer is active, the number of purchases ahead and the total spend in units of
γ′ = γ + n m depend on (x, T, n) alone. The distributions are computed once for each such triple,
the spend cdf on a lattice of log(total / γ′) with its density, and inverted per customer by cubic
Hermite interpolation. The lattice depends on n alone and the rest on the triple alone, so that a
customer's numbers do not depend on who else is scored.
"""

from __future__ import annotations

import numpy as np
from scipy.special import betainc, betaincinv, betaln, expit, log_expit, logit

from clvmodels.kernels.base import FloatArray, IntArray, PurchaseKernel
from clvmodels.kernels.counts import count_reach

_REST = 1e-10
_LOWEST_PROBABILITY = 1e-8
_LOWEST_LOG = -300.0
# Lattice step in units of the narrowest feature of the mixture, and its bounds.
_STEP, _FINEST, _COARSEST = 0.5, 0.002, 0.06
_CELLS_AT_ONCE = 1 << 21
_NEWTON_STEPS = 5


def given_alive(level: float, alive: FloatArray) -> FloatArray:
    """Level among active customers that is ``level`` among all, who otherwise get 0.

    At or below 0 the quantile is 0: the customer has probably left.
    """
    result: FloatArray = (level - (1.0 - alive)) / np.maximum(alive, 1e-300)
    return result


class SpendTables:
    """Quantiles given active, for triples (x, T, n) that are added as they appear.

    Parameters
    ----------
    kernel, theta
        The purchase model and its parameters.
    spend
        (p, q) of Gamma-Gamma, or None to serve the numbers of purchases alone.
    horizon
        Time ahead, in the unit of ``theta``.
    top_level
        The highest level that will be asked for, below 1.
    """

    def __init__(
        self,
        kernel: PurchaseKernel,
        theta: FloatArray,
        spend: tuple[float, float] | None,
        horizon: float,
        top_level: float,
    ) -> None:
        self._kernel, self._theta, self._spend = kernel, theta, spend
        self._horizon, self._top_level = horizon, top_level
        self._row: dict[tuple[int, float, int], int] = {}
        self._counts = _Ragged(1)
        self._totals = _Ragged(2)
        self._squares = np.empty(0)
        self._first = np.empty(0)
        self._step = np.empty(0)

    def rows(self, x: IntArray, T: FloatArray, n: IntArray) -> IntArray:
        """Row of each customer's triple in the tables, which are extended by the new ones."""
        order = np.lexsort((T, x, n))
        x, T, n = x[order], T[order], n[order]
        fresh = np.ones(len(x), dtype=bool)
        fresh[1:] = (x[1:] != x[:-1]) | (T[1:] != T[:-1]) | (n[1:] != n[:-1])
        keys = list(zip(x[fresh].tolist(), T[fresh].tolist(), n[fresh].tolist(), strict=True))
        missing = [key for key in keys if key not in self._row]
        if missing:
            self._add(missing)
        row_of_key = np.array([self._row[key] for key in keys], dtype=np.int64)
        rows = np.empty(len(x), dtype=np.int64)
        rows[order] = row_of_key[np.cumsum(fresh) - 1]
        return rows

    def purchases(self, rows: IntArray, level: FloatArray) -> IntArray:
        """Smallest k with P(at most k purchases | active) ≥ level, 0 where the level is ≤ 0."""
        cell = self._counts.count_below(rows, level)
        return np.minimum(cell, self._counts.length[rows] - 1)

    def mean_square_purchases(self, rows: IntArray) -> FloatArray:
        """E[(number of purchases)² | active]."""
        squares: FloatArray = self._squares[rows]
        return squares

    def purchases_cdf(self, rows: IntArray, k: IntArray) -> FloatArray:
        """P(at most k purchases | active), for k from 0 on."""
        last = self._counts.length[rows] - 1
        cdf: FloatArray = self._counts.values[0][self._counts.start[rows] + np.minimum(k, last)]
        return np.where(k > last, 1.0, cdf)

    def totals_cdf(self, rows: IntArray, log_y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """P(total / γ′ ≤ exp(log_y) | active), and its derivative in log_y.

        Beyond either end of the lattice both tails go on as the powers that they end as.
        """
        table = self._totals
        step = self._step[rows]
        place = (log_y - self._first[rows]) / step
        last = table.length[rows] - 1
        cell = np.clip(np.floor(place), 0, last - 1).astype(np.int64)
        at = table.start[rows] + cell
        cdf, slope = table.values
        low, high = cdf[at], cdf[at + 1]
        d_low, d_high = slope[at] * step, slope[at + 1] * step
        t = np.clip(place - cell, 0.0, 1.0)
        quadratic = 3.0 * (high - low) - 2.0 * d_low - d_high
        cubic = d_low + d_high - 2.0 * (high - low)
        value = low + t * (d_low + t * (quadratic + t * cubic))
        rise = (d_low + t * (2.0 * quadratic + t * 3.0 * cubic)) / step
        below, above = np.flatnonzero(place < 0.0), np.flatnonzero(place > last)
        if len(below) and self._spend is not None:
            none = self._counts.values[0][self._counts.start[rows[below]]]
            fade = np.exp(self._spend[0] * place[below] * step[below])
            value[below] = none + (value[below] - none) * fade
            rise[below] = self._spend[0] * (value[below] - none)
        if len(above):
            left = np.maximum(1.0 - value[above], 1e-300)
            power = rise[above] / left
            left = left * np.exp(-power * (place[above] - last[above]) * step[above])
            value[above], rise[above] = 1.0 - left, power * left
        return value, np.maximum(rise, 0.0)

    def totals(self, rows: IntArray, level: FloatArray) -> FloatArray:
        """Smallest y with P(total / γ′ ≤ y | active) ≥ level; 0 up to P(no purchase | active)."""
        none = self._counts.values[0][self._counts.start[rows]]
        result: FloatArray = np.zeros(len(rows))
        positive = level > none
        result[positive] = np.exp(self._log_total(rows[positive], level[positive], none[positive]))
        return result

    def _log_total(self, rows: IntArray, level: FloatArray, none: FloatArray) -> FloatArray:
        table = self._totals
        last = table.length[rows] - 1
        cell = np.clip(table.count_below(rows, level) - 1, 0, last - 1)
        at = table.start[rows] + cell
        cdf, slope = table.values
        low, high, step = cdf[at], cdf[at + 1], self._step[rows]
        d_low, d_high = slope[at] * step, slope[at + 1] * step
        t = np.clip((level - low) / np.maximum(high - low, 1e-300), 0.0, 1.0)
        quadratic = 3.0 * (high - low) - 2.0 * d_low - d_high
        cubic = d_low + d_high - 2.0 * (high - low)
        for _ in range(_NEWTON_STEPS):
            miss = low + t * (d_low + t * (quadratic + t * cubic)) - level
            rise = d_low + t * (2.0 * quadratic + t * 3.0 * cubic)
            t = np.clip(t - miss / np.maximum(rise, 1e-300), 0.0, 1.0)
        log_y: FloatArray = self._first[rows] + step * (cell + t)
        # Below the lattice one purchase rules, whose cdf is a power of the total.
        below = level < cdf[table.start[rows]]
        if below.any() and self._spend is not None:
            bottom = cdf[table.start[rows[below]]] - none[below]
            share = np.log((level[below] - none[below]) / bottom)
            log_y[below] = self._first[rows[below]] + share / self._spend[0]
        return log_y

    def _add(self, keys: list[tuple[int, float, int]]) -> None:
        x = np.array([key[0] for key in keys], dtype=np.int64)
        T = np.array([key[1] for key in keys])
        n = np.array([key[2] for key in keys], dtype=np.int64)
        reach = count_reach(self._kernel, self._theta, x, T, self._horizon, _REST)
        # Neighbours in this order need arrays of similar length.
        order = np.lexsort((T, reach, n))
        bounds = np.flatnonzero(np.diff(n[order])) + 1
        for group in np.split(order, bounds):
            block = max(_CELLS_AT_ONCE // (int(reach[group].max()) + 1), 1)
            for start in range(0, len(group), block):
                part = group[start : start + block]
                self._add_block([keys[i] for i in part], x[part], T[part], reach[part])

    def _add_block(
        self, keys: list[tuple[int, float, int]], x: IntArray, T: FloatArray, reach: IntArray
    ) -> None:
        k_max = int(reach.max())
        pmf = self._kernel.alive_pmf(self._theta, x, T, self._horizon, k_max)
        pmf[np.arange(k_max + 1) > reach[:, None]] = 0.0
        for key in keys:
            self._row[key] = len(self._row)
        cdf = np.cumsum(pmf, axis=1)
        self._squares = np.append(self._squares, pmf @ np.arange(k_max + 1.0) ** 2)
        self._counts.append([row[: size + 1] for row, size in zip(cdf, reach, strict=True)])
        if self._spend is not None:
            self._add_totals(pmf, cdf, self._spend[0], self._spend[1] + self._spend[0] * keys[0][2])

    def _add_totals(self, pmf: FloatArray, cdf: FloatArray, p: float, shape: float) -> None:
        narrowest = np.sqrt(1.0 / p**2 + 1.0 / shape)
        step = float(np.clip(_STEP * narrowest, _FINEST, _COARSEST))
        half = 0.5 * (1.0 - self._top_level)
        k_top = max(int((cdf < 1.0 - half).sum(axis=1).max()), 1)
        low = _log_odds(betaincinv(p, shape, _LOWEST_PROBABILITY))
        # With the arguments exchanged the root is the share left, exact where it is tiny.
        high = -_log_odds(betaincinv(shape, p * k_top, half))
        lattice = np.arange(np.floor(low / step), np.ceil(high / step) + 2.0) * step
        total, slope = (
            np.repeat(pmf[:, :1], len(lattice), axis=1),
            np.zeros((len(pmf), len(lattice))),
        )
        block = max(_CELLS_AT_ONCE // len(lattice), 1)
        for first in range(1, pmf.shape[1], block):
            k = np.arange(first, min(first + block, pmf.shape[1]))
            order_shape = (p * k)[:, None]
            total += pmf[:, k] @ betainc(order_shape, shape, expit(lattice))
            log_density = (
                order_shape * log_expit(lattice)
                + shape * log_expit(-lattice)
                - betaln(order_shape, shape)
            )
            slope += pmf[:, k] @ np.exp(log_density)
        self._totals.append(list(total), list(slope))
        self._first = np.append(self._first, np.full(len(pmf), lattice[0]))
        self._step = np.append(self._step, np.full(len(pmf), step))


def _log_odds(w: float) -> float:
    return float(max(logit(w), _LOWEST_LOG)) if w > 0.0 else _LOWEST_LOG


class _Ragged:
    """Rows of different length, one behind the other in flat arrays."""

    def __init__(self, arrays: int) -> None:
        self._values = [np.empty(0) for _ in range(arrays)]
        self._pending: list[list[FloatArray]] = [[] for _ in range(arrays)]
        self._size = 0
        self.start = np.empty(0, dtype=np.int64)
        self.length = np.empty(0, dtype=np.int64)

    @property
    def values(self) -> list[FloatArray]:
        """The flat arrays; rows that were appended since are joined to them here, at once."""
        if self._pending[0]:
            self._values = [
                np.concatenate([old, *new])
                for old, new in zip(self._values, self._pending, strict=True)
            ]
            self._pending = [[] for _ in self._values]
        return self._values

    def append(self, *rows: list[FloatArray]) -> None:
        length = np.array([len(row) for row in rows[0]], dtype=np.int64)
        start = self._size + np.cumsum(length) - length
        for pending, new in zip(self._pending, rows, strict=True):
            pending.extend(new)
        self._size += int(length.sum())
        self.start = np.append(self.start, start)
        self.length = np.append(self.length, length)

    def count_below(self, rows: IntArray, level: FloatArray) -> IntArray:
        """Entries of the ascending row that are below the level."""
        low, high = self.start[rows], self.start[rows] + self.length[rows]
        end = high
        values = self.values[0]
        for _ in range(int(self.length[rows].max(initial=1)).bit_length()):
            middle = (low + high) // 2
            below = (middle < end) & (values[np.minimum(middle, end - 1)] < level)
            low, high = np.where(below, middle + 1, low), np.where(below, high, middle)
        result: IntArray = low - self.start[rows]
        return result
