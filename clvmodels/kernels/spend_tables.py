"""Tables that give quantiles of purchases and spend for millions of customers.

Given that a customer is active, the number of purchases ahead and the total spend in units of
γ′ = γ + n m depend on (x, T, n) alone. The distributions are computed once for each such triple,
the spend cdf on a lattice of log(total / γ′) with its density, and inverted per customer by cubic
Hermite interpolation. The lattice depends on n alone and the rest on the triple alone, so that a
customer's numbers do not depend on who else is scored.
"""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv, betaln, expit, log_expit, logit

from clvmodels.kernels.base import FloatArray, IntArray, PurchaseKernel
from clvmodels.kernels.counts import count_reach
from clvmodels.kernels.places import Places

_REST = 1e-10
_LOWEST_PROBABILITY = 1e-8
_LOWEST_LOG = -300.0
# Lattice step in units of the narrowest feature of the mixture, and its bounds.
_STEP, _FINEST, _COARSEST = 0.5, 0.002, 0.06
_CELLS_AT_ONCE = 1 << 21
_NEWTON_STEPS = 5
# Of the guides to where a level lies in a row.
_BUCKETS = 64


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
        self._places, self._lock = Places(), threading.Lock()
        self._counts = _Ragged(1)
        self._totals = _Ragged(2)
        self._squares = np.empty(0)
        self._first = np.empty(0)
        self._step = np.empty(0)

    def rows(self, x: IntArray, T: FloatArray, n: IntArray) -> IntArray:
        """Row of each customer's triple in the tables, which are extended by the new ones."""
        rows = self._places.find(x, T, n)
        if rows.min(initial=0) < 0:
            with self._lock:
                self._add(*self._places.missing(x, T, n))
            rows = self._places.find(x, T, n)
        return rows

    def purchases(self, rows: IntArray, level: FloatArray) -> IntArray:
        """Smallest k with P(at most k purchases | active) ≥ level, 0 where the level is ≤ 0."""
        result = np.zeros(len(rows), dtype=np.int64)
        some = np.flatnonzero(level > 0.0)
        cell = self._counts.count_below(rows[some], level[some])
        result[some] = np.minimum(cell, self._counts.length[rows[some]] - 1)
        return result

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
        result: FloatArray = np.zeros(len(rows))
        some = np.flatnonzero(level > 0.0)
        none = self._counts.values[0][self._counts.start[rows[some]]]
        positive = level[some] > none
        some = some[positive]
        result[some] = np.exp(self._log_total(rows[some], level[some], none[positive]))
        return result

    def _log_total(self, rows: IntArray, level: FloatArray, none: FloatArray) -> FloatArray:
        table = self._totals
        start = table.start[rows]
        cell = np.clip(table.count_below(rows, level) - 1, 0, table.length[rows] - 2)
        at = start + cell
        cdf, slope = table.values
        low, step = cdf[at], self._step[rows]
        rest = cdf[at + 1] - low
        d_low, d_high = slope[at] * step, slope[at + 1] * step
        quadratic = 3.0 * rest - 2.0 * d_low - d_high
        cubic = d_low + d_high - 2.0 * rest
        sought = level - low
        t = np.clip(sought / np.maximum(rest, 1e-300), 0.0, 1.0)
        for _ in range(_NEWTON_STEPS):
            miss = t * (d_low + t * (quadratic + t * cubic)) - sought
            rise = d_low + t * (2.0 * quadratic + t * 3.0 * cubic)
            t = np.clip(t - miss / np.maximum(rise, 1e-300), 0.0, 1.0)
        log_y: FloatArray = self._first[rows] + step * (cell + t)
        # Below the lattice one purchase rules, whose cdf is a power of the total.
        below = np.flatnonzero(sought < 0.0)
        if len(below) and self._spend is not None:
            bottom = low[below] - none[below]
            share = np.log((level[below] - none[below]) / bottom)
            log_y[below] = self._first[rows[below]] + share / self._spend[0]
        return log_y

    def _add(self, x: IntArray, T: FloatArray, n: IntArray) -> None:
        reach = count_reach(self._kernel, self._theta, x, T, self._horizon, _REST)
        # Neighbours in this order need arrays of similar length.
        order = np.lexsort((T, reach, n))
        bounds = np.flatnonzero(np.diff(n[order])) + 1
        for group in np.split(order, bounds):
            block = max(_CELLS_AT_ONCE // (int(reach[group].max(initial=0)) + 1), 1)
            for start in range(0, len(group), block):
                part = group[start : start + block]
                self._add_block(x[part], T[part], n[part], reach[part])
        self._counts.settle()
        self._totals.settle()
        # Last, as other threads look for rows meanwhile.
        self._places.add(x[order], T[order], n[order])

    def _add_block(self, x: IntArray, T: FloatArray, n: IntArray, reach: IntArray) -> None:
        k_max = int(reach.max())
        pmf = self._kernel.alive_pmf(self._theta, x, T, self._horizon, k_max)
        pmf[np.arange(k_max + 1) > reach[:, None]] = 0.0
        cdf = np.cumsum(pmf, axis=1)
        self._squares = np.append(self._squares, pmf @ np.arange(k_max + 1.0) ** 2)
        self._counts.append([row[: size + 1] for row, size in zip(cdf, reach, strict=True)])
        if self._spend is not None:
            self._add_totals(pmf, cdf, self._spend[0], self._spend[1] + self._spend[0] * n[0])

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
    """Ascending rows of different length, one behind the other in flat arrays.

    A guide to each row says how many of its entries are below each multiple of 1 / 64, so that a
    search begins next to where it ends.
    """

    def __init__(self, arrays: int) -> None:
        self.values = [np.empty(0) for _ in range(arrays)]
        self._guide = np.empty(0, dtype=np.int32)
        self._pending: list[list[FloatArray]] = [[] for _ in range(arrays)]
        self._guides: list[NDArray[np.int32]] = []
        self._size = 0
        self.start = np.empty(0, dtype=np.int64)
        self.length = np.empty(0, dtype=np.int64)

    def settle(self) -> None:
        """Join the rows that were appended to the flat arrays, all at once."""
        self.values = [
            np.concatenate([old, *new]) for old, new in zip(self.values, self._pending, strict=True)
        ]
        self._guide = np.concatenate([self._guide, *self._guides])
        self._pending, self._guides = [[] for _ in self.values], []

    def append(self, *rows: list[FloatArray]) -> None:
        length = np.array([len(row) for row in rows[0]], dtype=np.int64)
        start = self._size + np.cumsum(length) - length
        for pending, new in zip(self._pending, rows, strict=True):
            pending.extend(new)
        bucket = np.clip(np.concatenate(rows[0]) * _BUCKETS, 0, _BUCKETS - 1).astype(np.int64)
        cell = np.repeat(np.arange(len(length)), length) * _BUCKETS + bucket
        inside = np.bincount(cell, minlength=len(length) * _BUCKETS).reshape(-1, _BUCKETS)
        guide = np.zeros((len(length), _BUCKETS + 1), dtype=np.int32)
        np.cumsum(inside, axis=1, out=guide[:, 1:])
        self._guides.append(guide.ravel())
        self._size += int(length.sum())
        self.start = np.append(self.start, start)
        self.length = np.append(self.length, length)

    def count_below(self, rows: IntArray, level: FloatArray) -> IntArray:
        """Entries of the ascending row that are below the level."""
        bucket = np.clip(level * _BUCKETS, 0, _BUCKETS - 1).astype(np.int64)
        at = rows * (_BUCKETS + 1) + bucket
        guide = self._guide
        low: IntArray = guide[at].astype(np.int64)
        high = guide[at + 1].astype(np.int64)
        open_ = np.flatnonzero(low < high)
        start, values = self.start[rows[open_]], self.values[0]
        left, right, sought = low[open_], high[open_], level[open_]
        while len(open_):
            middle = (left + right) // 2
            below = values[start + middle] < sought
            left, right = np.where(below, middle + 1, left), np.where(below, right, middle)
            low[open_] = left
            more = left < right
            if not more.all():
                open_, start, sought = open_[more], start[more], sought[more]
                left, right = left[more], right[more]
        return low
