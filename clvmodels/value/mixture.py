"""What customers will do, averaged over points that stand for the posterior.

Distributions are mixed and the mixture is inverted; quantiles are never averaged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.kernels.spend_tables import given_alive
from clvmodels.models.gamma_gamma import spend_evidence
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.value.plug_in import PlugIn
from clvmodels.value.simulated import SimulatedOutlook

_MOST_STEPS = 60
_SETTLED = 1e-9
_LONGEST_STEP = 3.0
_TINY = 1e-300


class Mixture:
    """Predictions for a batch of customers from several sets of parameters, equally likely.

    Parameters
    ----------
    parts
        The sets of parameters.
    columns
        The customers, n of them.
    simulated
        Draws of discounted value from all parts, where its distribution is not exact.
    """

    def __init__(
        self,
        parts: Sequence[PlugIn],
        columns: CustomerColumns,
        simulated: SimulatedOutlook | None = None,
    ) -> None:
        self.parts, self.columns = parts, columns
        self._simulated = simulated
        self.terms = parts[0].terms
        self.ahead = [part.ahead(columns) for part in parts]
        self.alive = np.array([ahead.alive for ahead in self.ahead])
        self.n, self._mean = spend_evidence(columns)

    @cached_property
    def expected_purchases(self) -> FloatArray:
        """Expected purchases from each part, shape (parts, n)."""
        return np.array([ahead.alive * ahead.expected for ahead in self.ahead])

    @cached_property
    def scale(self) -> FloatArray:
        """γ′ in money, shape (parts, n)."""
        return np.array([part.scale(self.n, self._mean) for part in self.parts])

    @cached_property
    def spend(self) -> FloatArray:
        """Expected spend per purchase from each part, shape (parts, n)."""
        return np.array([part.spend_per_order(self.n, self._mean) for part in self.parts])

    @cached_property
    def if_alive(self) -> FloatArray:
        """Expected discounted margin after order costs of an active customer, (parts, n)."""
        discounted = np.array([ahead.discounted for ahead in self.ahead])
        earned: FloatArray = (
            self.terms.margin * self.spend - self.terms.cost_per_order
        ) * discounted
        return earned

    @cached_property
    def value(self) -> FloatArray:
        """Expected discounted value before what is paid in any case, shape (parts, n)."""
        value: FloatArray = self.alive * self.if_alive
        return value

    @cached_property
    def _rows(self) -> list[IntArray]:
        x, age = self.columns.frequency, self.columns.age
        return [part.tables.rows(x, age, self.n) for part in self.parts]

    @cached_property
    def _nothing(self) -> FloatArray:
        """P(no purchase), shape (n,)."""
        return self.purchases_cdf(np.zeros(len(self.columns), dtype=np.int64))

    def purchases_cdf(self, k: IntArray) -> FloatArray:
        """P(at most k purchases), shape (n,)."""
        total = np.zeros(len(k))
        for part, rows, alive in zip(self.parts, self._rows, self.alive, strict=True):
            total += 1.0 - alive + alive * part.tables.purchases_cdf(rows, k)
        return total / len(self.parts)

    def purchases_quantile(self, level: float) -> IntArray:
        """Smallest k with P(at most k purchases) ≥ level, shape (n,)."""
        each = np.array(
            [
                part.tables.purchases(rows, given_alive(level, alive))
                for part, rows, alive in zip(self.parts, self._rows, self.alive, strict=True)
            ]
        )
        low, high = each.min(axis=0), each.max(axis=0)
        while (open_ := low < high).any():
            middle = (low + high) // 2
            enough = self.purchases_cdf(middle) >= level
            high = np.where(open_ & enough, middle, high)
            low = np.where(open_ & ~enough, middle + 1, low)
        quantile: IntArray = low
        return quantile

    def totals_cdf(self, amount: FloatArray, factor: FloatArray) -> FloatArray:
        """P(factor · total spend ≤ amount), undiscounted; factor (parts, n), amount (n,)."""
        with np.errstate(divide="ignore"):
            log_amount = np.log(np.maximum(amount, 0.0))
        some = np.isfinite(log_amount)
        result = np.where(amount < 0.0, 0.0, self._nothing)
        which = np.flatnonzero(some)
        result[which] = self._totals(which, np.log(self.scale * factor))(log_amount[which])[0]
        result[amount == np.inf] = 1.0
        return result

    def totals_quantile(self, level: float, factor: FloatArray) -> FloatArray:
        """Smallest s ≥ 0 with P(factor · total spend ≤ s) ≥ level, shape (n,)."""
        result = np.zeros(len(self.columns))
        which = np.flatnonzero(level > self._nothing)
        if len(which):
            log_scale = np.log(self.scale * factor)
            start = log_scale[:, which].mean(axis=0)
            cdf = self._totals(which, log_scale)
            result[which] = np.exp(_solve(cdf, level, self._nothing[which], start))
        return result

    def _totals(
        self, which: IntArray, log_scale: FloatArray
    ) -> Callable[..., tuple[FloatArray, FloatArray]]:
        """The cdf of the logarithm of the total and its derivative, for some customers."""

        def cdf(log_s: FloatArray, among: IntArray | None = None) -> tuple[FloatArray, FloatArray]:
            here = which if among is None else which[among]
            value, slope = np.zeros(len(here)), np.zeros(len(here))
            for part, rows, alive, shift in zip(
                self.parts, self._rows, self.alive, log_scale, strict=True
            ):
                given, rise = part.tables.totals_cdf(rows[here], log_s - shift[here])
                value += 1.0 - alive[here] + alive[here] * given
                slope += alive[here] * rise
            return value / len(self.parts), slope / len(self.parts)

        return cdf

    @cached_property
    def _value_factor(self) -> FloatArray:
        ratio = np.array([ahead.ratio for ahead in self.ahead])
        factor: FloatArray = self.terms.margin * ratio
        return factor

    def value_quantile(self, level: float) -> FloatArray:
        """Quantile of the discounted value in money, before what is paid in any case, (n,)."""
        if self._simulated is None:
            return self.totals_quantile(level, self._value_factor)
        rows = self._simulated.rows(self.columns.frequency, self.columns.age, self.n)
        return self._simulated.mixed_quantile(rows, level, self.alive, self.scale)

    def value_cdf(self, amount: FloatArray) -> FloatArray:
        """P(discounted value ≤ amount), before what is paid in any case, shape (n,)."""
        if self._simulated is None:
            return self.totals_cdf(amount, self._value_factor)
        rows = self._simulated.rows(self.columns.frequency, self.columns.age, self.n)
        return self._simulated.mixed_cdf(rows, amount, self.alive, self.scale)

    @cached_property
    def purchases_variance(self) -> FloatArray:
        """Variance of the number of purchases from each part, shape (parts, n)."""
        squares = np.array(
            [
                part.tables.mean_square_purchases(rows)
                for part, rows in zip(self.parts, self._rows, strict=True)
            ]
        )
        variance: FloatArray = self.alive * squares - self.expected_purchases**2
        return np.maximum(variance, 0.0)

    @cached_property
    def value_variance(self) -> FloatArray:
        """Variance of the discounted value from each part, shape (parts, n)."""
        terms = self.terms
        x, age = self.columns.frequency, self.columns.age
        second = []
        for part, ahead, scale in zip(self.parts, self.ahead, self.scale, strict=True):
            outlook = self._simulated or part.outlook
            squares, mixed, counts = outlook.mean_squares(
                outlook.rows(x, age, self.n), self.n, ahead.expected, ahead.ratio
            )
            second.append(
                (terms.margin * scale) ** 2 * squares
                - 2.0 * terms.margin * terms.cost_per_order * scale * mixed
                + terms.cost_per_order**2 * counts
            )
        variance: FloatArray = self.alive * np.array(second) - self.value**2
        return np.maximum(variance, 0.0)


def _solve(
    cdf: Callable[..., tuple[FloatArray, FloatArray]],
    level: float,
    nothing: FloatArray,
    start: FloatArray,
) -> FloatArray:
    """Log of the amount where an increasing cdf reaches the level, above its atom at 0.

    Newton's steps in the log-odds of being above the atom, which both tails make nearly straight,
    inside a bracket that every step narrows.
    """
    u = start.copy()
    low, high = np.full(len(u), -np.inf), np.full(len(u), np.inf)
    target = np.log(level - nothing) - np.log1p(-level)
    open_ = np.arange(len(u))
    for _ in range(_MOST_STEPS):
        here = u[open_]
        value, slope = cdf(here, open_)
        above, rest = np.maximum(value - nothing[open_], _TINY), np.maximum(1.0 - value, _TINY)
        miss = np.log(above) - np.log(rest) - target[open_]
        low[open_] = np.where(miss < 0.0, here, low[open_])
        high[open_] = np.where(miss < 0.0, high[open_], here)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            step = miss / (slope * (1.0 / above + 1.0 / rest))
            middle = 0.5 * (low[open_] + high[open_])
        step = np.where(np.isfinite(step), step, np.sign(miss) * _LONGEST_STEP)
        there = here - np.clip(step, -_LONGEST_STEP, _LONGEST_STEP)
        outside = (there <= low[open_]) | (there >= high[open_])
        there = np.where(outside & np.isfinite(middle), middle, there)
        u[open_] = there
        open_ = open_[np.abs(there - here) > _SETTLED]
        if not len(open_):
            break
    return u
