"""What is at stake with all customers of a segment together, and what an action brings in total.

Sums come from the score files, customer by customer. How far they may stray comes from a portion
of the customers, spread evenly over the files: what the parameters, the customers and a shock that
strikes all of them at once can do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import gammainc, ndtr, ndtri, stdtrit

from clvmodels.decisions.saved_run import SavedRun
from clvmodels.decisions.stake import CERTAIN, Kept, if_active, room
from clvmodels.kernels.base import FloatArray
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import DAYS_PER_UNIT
from clvmodels.value.parameters import parameter_pairs
from clvmodels.value.plug_in import PlugIn, mixed_outlook
from clvmodels.value.shock import CommonShock

_POINTS, _SHOCKS = 32, 64
_PORTION = 4096
_TOP = 0.9995
# Longer than anybody buys.
_NEVER_DAYS = 3.7e6
_STEPS = 60


@dataclass(frozen=True)
class Sums:
    """Sums over a segment for an action that raises the chance to stay by at most some ``keeps``.

    ``alive``, ``keeps`` and ``room`` are means: P(alive), the increase that is used, and the most
    that is possible.
    """

    customers: int
    alive: float
    value: float
    at_stake: float
    brings: float
    brings_at_most: float
    slope: float
    keeps: float
    room: float


@dataclass(frozen=True)
class SumDistribution:
    """What many customers bring together: nothing with ``nothing``, else a gamma-like sum.

    ``mean`` and ``variance`` are what the customers do if the parameters are known; ``factors``,
    equally likely, multiply the sum: parameters and the common shock.
    """

    mean: float
    variance: float
    nothing: float
    factors: FloatArray

    def cdf(self, amount: float) -> float:
        """P(sum ≤ amount)."""
        if self.mean <= 0.0 or self.variance <= 0.0 or self.nothing >= 1.0:
            sd = math.sqrt(max(self.variance, 0.0) + np.var(self.factors) * self.mean**2)
            if sd == 0.0:
                return float(amount >= self.mean)
            return float(ndtr((amount - self.mean) / sd))
        if amount < 0.0:
            return 0.0
        some = 1.0 - self.nothing
        mean = self.mean / some
        variance = max((self.variance + self.mean**2) / some - mean**2, 1e-12 * mean**2)
        shape = mean**2 / variance
        below = gammainc(shape, amount * shape / (mean * self.factors)).mean()
        return float(self.nothing + some * below)

    def quantile(self, level: float) -> float:
        """Smallest amount with P(sum ≤ amount) ≥ level, to nine digits."""
        spread = math.sqrt(max(self.variance, 0.0)) + abs(self.mean)
        low, high = (0.0 if self.mean > 0.0 else -2.0 * spread), spread
        for _ in range(_STEPS):
            if self.cdf(high) >= level:
                break
            high *= 2.0
        if self.cdf(low) >= level:
            return low
        for _ in range(_STEPS):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if self.cdf(middle) >= level else (middle, high)
        return high


@dataclass(frozen=True)
class SegmentStake:
    """All customers of a segment of a run, for an action with an effect."""

    run: SavedRun
    name: str
    effect: str

    @cached_property
    def _steps(self) -> dict[str, FloatArray]:
        """Customers added up by the room that there is for the action, in ascending order."""
        fixed = self.run.basis.terms.fixed_cost
        limit = (
            "probability_alive"
            if self.effect == "keep"
            else f"CASE WHEN probability_alive >= {CERTAIN!r} THEN 1.0 "
            "ELSE 1.0 - probability_alive END"
        )
        table = self.run.ask(
            f"SELECT {limit} AS room, count(*) AS customers, fsum(probability_alive) AS alive, "
            f"coalesce(fsum(clv), 0) AS value, coalesce(fsum(potential_value + {fixed!r}), 0) AS "
            f"at_stake FROM read_parquet({self.run.scores}) WHERE segment = ? GROUP BY room "
            "ORDER BY room",
            [self.name],
        )
        return {name: table[name].to_numpy().astype(np.float64) for name in table.column_names}

    def sums(self, keeps: float) -> Sums:
        """Add up all customers; ``slope`` is how fast ``brings`` rises with ``keeps``."""
        steps = self._steps
        limit, count, at_stake = steps["room"], steps["customers"], steps["at_stake"]
        used, everybody = np.minimum(limit, keeps), float(count.sum())
        return Sums(
            customers=round(everybody),
            alive=float(steps["alive"].sum()) / everybody,
            value=float(steps["value"].sum()),
            at_stake=float(at_stake.sum()),
            brings=float((used * at_stake).sum()),
            brings_at_most=float((limit * at_stake).sum()),
            slope=float(at_stake[limit > keeps].sum()),
            keeps=float((used * count).sum()) / everybody,
            room=float((limit * count).sum()) / everybody,
        )

    def break_even(self, total_cost: float) -> float | None:
        """The ``keeps`` at which the action brings what it costs; None where none is enough.

        What it brings rises with ``keeps`` in straight pieces that get flatter as customers reach
        the most that is possible for them, so Newton's steps from below end on the right piece.
        """
        start = self.sums(1.0)
        if start.brings_at_most < total_cost or start.at_stake <= 0.0:
            return None
        keeps = min(total_cost / start.at_stake, 1.0)
        for _ in range(_STEPS):
            here = self.sums(keeps)
            missing = total_cost - here.brings
            if missing <= 1e-12 * total_cost or here.slope <= 0.0:
                break
            keeps = min(keeps + missing / here.slope, 1.0)
        return keeps

    @cached_property
    def _some(self) -> tuple[CustomerColumns, FloatArray, float]:
        """A portion of the customers, their P(alive), and how many each stands for."""
        count = self.sums(1.0).customers
        # Places are mixed, as the order of the files may have a rhythm.
        query = (
            'SELECT customer_id, frequency, recency, "T", monetary_value, probability_alive '
            f"FROM read_parquet({self.run.scores}, file_row_number = true) WHERE segment = $name "
            "AND hash(file_row_number) % $each = 0 ORDER BY customer_id"
        )
        each = max(math.ceil(count / _PORTION), 1)
        table = self.run.ask(query, {"name": self.name, "each": each})
        alive = table.column("probability_alive").to_numpy(zero_copy_only=False)
        return self.run.columns(table), alive, count / max(table.num_rows, 1)

    @property
    def purchases_at_stake(self) -> float | None:
        """Purchases to expect of a customer who stays, on average; None for a lifetime."""
        if self.run.basis.terms.horizon.is_lifetime:
            return None
        pair = (self.run.basis.models[0], None)
        return float(if_active(pair, self._some[0], self.run.basis.terms).mean())

    @cached_property
    def parameter_factors(self) -> FloatArray:
        """What the posterior makes of the total at stake, relative to its mean."""
        pairs = parameter_pairs(*self.run.basis.models, _POINTS, by_curvature=True)
        terms = self.run.basis.terms
        totals = np.array([if_active(pair, self._some[0], terms).sum() for pair in pairs])
        mean = totals.mean()
        return np.asarray(totals / mean) if mean != 0.0 else np.ones(len(totals))

    @cached_property
    def _each(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Mean and mean square of what each active customer brings, and P(no purchase)."""
        columns = self._some[0]
        (purchases, spend), terms = self.run.basis.models, self.run.basis.terms
        part = PlugIn(purchases, spend, terms, (1.0 - _TOP, 0.5, _TOP), self.run.basis.seed)
        active = Kept([part], columns, 1.0, mixed_outlook([part]))
        mean = active.if_alive[0]
        ahead = min(terms.horizon.days, _NEVER_DAYS) / DAYS_PER_UNIT[columns.time_unit]
        idle = purchases.kernel.alive_idle(
            purchases.fit_.parameters, columns.frequency, columns.age, np.full(len(columns), ahead)
        )
        return mean, active.value_variance[0] + mean**2, idle

    def distribution(self, keeps: float, expected: float) -> SumDistribution:
        """What an action brings that raises the chance to stay; ``expected`` is its mean."""
        alive, weight = self._some[1:]
        chance = np.minimum(keeps, room(self.effect, alive)) if keeps < 1.0 else np.ones(len(alive))
        mean, second, idle = self._each
        with np.errstate(divide="ignore"):
            nothing = math.exp(weight * float(np.log(1.0 - chance + chance * idle).sum()))
        variance = weight * float((chance * second - (chance * mean) ** 2).sum())
        shocks = _shock_factors(self.run.shocks().value)
        factors = np.outer(self.parameter_factors, shocks).ravel()
        return SumDistribution(expected, variance, nothing, factors)


def _shock_factors(shock: CommonShock) -> FloatArray:
    """Equally likely factors that stand for a common shock."""
    if shock.sd == 0.0:
        return np.ones(1)
    level = (np.arange(_SHOCKS) + 0.5) / _SHOCKS
    known = math.isinf(shock.degrees_of_freedom)
    steps = ndtri(level) if known else stdtrit(shock.degrees_of_freedom, level)
    return np.asarray(np.exp(shock.sd * steps))
