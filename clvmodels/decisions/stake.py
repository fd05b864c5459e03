"""What is at stake with customers: what they bring if they stay, and what an action adds to it.

An action raises the probability that a customer stays by ``keeps``. Whoever it keeps brings what
an active customer with their history brings; to all others it makes no difference. So what it
brings is a mixture of nothing and the predictive distribution of an active customer, with
``keeps`` in the place of P(alive).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from clvmodels.kernels.base import FloatArray
from clvmodels.models.gamma_gamma import spend_evidence
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import TimeUnit
from clvmodels.value.mixture import Mixture
from clvmodels.value.parameters import Pair, parameter_pairs
from clvmodels.value.plug_in import PlugIn, mixed_outlook
from clvmodels.value.simulated import SimulatedOutlook
from clvmodels.value.terms import ValueTerms, check_interval

# Tails are exact up to here, as a cost may lie far out in one.
_TOP = 0.9995
_POINTS = 32
# P(alive) of exactly 1 is a model's premise and no finding.
CERTAIN = 1.0 - 1e-12


class Kept(Mixture):
    """What an action brings: active with a given chance, whatever the log says of it."""

    def __init__(
        self,
        parts: Sequence[PlugIn],
        columns: CustomerColumns,
        chance: FloatArray | float,
        simulated: SimulatedOutlook | None = None,
    ) -> None:
        super().__init__(parts, columns, simulated)
        self.alive = np.broadcast_to(chance, self.alive.shape).astype(np.float64)

    @property
    def expected_if_active(self) -> FloatArray:
        """Expected purchases of active customers from each part, shape (parts, n)."""
        return np.array([ahead.expected for ahead in self.ahead])


@dataclass(frozen=True)
class Basis:
    """What predictions rest on.

    Attributes
    ----------
    models
        Of purchases and of spend, which is None without amounts.
    terms
        What value means.
    interval
        Probability of the intervals.
    seed
        For what has to be simulated.
    draws_used
        Over how many points of the posterior the scores are averages; 1 is the mode alone.
    """

    models: Pair
    terms: ValueTerms
    interval: float
    seed: int = 0
    draws_used: int = 1

    @cached_property
    def parts(self) -> list[PlugIn]:
        """Predictions at each of these points."""
        levels = (1.0 - _TOP, 0.5, _TOP)
        pairs = [self.models]
        if self.draws_used > 1:
            pairs = parameter_pairs(*self.models, self.draws_used)
        return [PlugIn(*pair, self.terms, levels, self.seed) for pair in pairs]

    @cached_property
    def simulated(self) -> SimulatedOutlook | None:
        """Draws of value, where its distribution is not exact."""
        return mixed_outlook(self.parts)


@dataclass(frozen=True)
class Stake:
    """What some customers, n of them, bring if they stay."""

    basis: Basis
    columns: CustomerColumns

    def kept(self, chance: FloatArray | float) -> Kept:
        """What customers bring who stay through an action with a chance, (n,) or one number."""
        return Kept(self.basis.parts, self.columns, chance, self.basis.simulated)

    @cached_property
    def predicted(self) -> Mixture:
        """What the customers will do, as the scores have it."""
        return Mixture(self.basis.parts, self.columns, self.basis.simulated)

    @cached_property
    def alive(self) -> FloatArray:
        """P(alive), as in the scores."""
        return np.asarray(self.predicted.alive.mean(axis=0))

    @cached_property
    def expected(self) -> FloatArray:
        """Expected money of each customer who stays, before what is paid in any case, (n,)."""
        return np.asarray(self.kept(1.0).if_alive.mean(axis=0))

    @cached_property
    def relative_sd(self) -> FloatArray:
        """How uncertain the parameters leave `expected`, as a share of it, (n,)."""
        pairs = parameter_pairs(*self.basis.models, _POINTS, by_curvature=True)
        each = np.array([if_active(pair, self.columns, self.basis.terms) for pair in pairs])
        mean = each.mean(axis=0)
        return np.asarray(each.std(axis=0) / np.where(mean != 0.0, np.abs(mean), 1.0))

    def quantiles(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Lower bound, median and upper bound of what each customer brings who stays, (n,) each."""
        kept = self.kept(1.0)
        lower, median, upper = map(kept.value_quantile, check_interval(self.basis.interval))
        return lower, median, upper

    def pays_back(self, keeps: FloatArray, cost: FloatArray) -> FloatArray:
        """P(an action brings more than it costs), (n,): 0 for one that keeps nobody."""
        return np.where(keeps > 0.0, 1.0 - self.kept(keeps).value_cdf(cost), 0.0)


def if_active(pair: Pair, columns: CustomerColumns, terms: ValueTerms) -> FloatArray:
    """Expected money of active customers after margin and order costs, with known parameters."""
    purchases, spend = pair
    if spend is None:
        return purchases.alive_purchases(columns, terms.horizon)
    discounted = purchases.alive_purchases(columns, terms.horizon, terms.annual_discount_rate)
    per_order = spend.spend(*spend_evidence(columns))
    earned: FloatArray = (terms.margin * per_order - terms.cost_per_order) * discounted
    return earned


def room(effect: str, alive: FloatArray, *, in_touch: bool = False) -> FloatArray:
    """The most by which an action can raise the probability that customers stay.

    Who has left cannot be kept, and who is active cannot be won back. A customer who is in touch
    is active. A model that lets nobody leave before a second purchase, or ever, cannot tell who
    might be won back, and sets no limit.
    """
    if in_touch:
        return np.ones_like(alive)
    if effect == "keep":
        return alive
    return np.where(alive >= CERTAIN, 1.0, 1.0 - alive)


def score_columns(table: pa.Table, time_unit: TimeUnit) -> CustomerColumns:
    """Customers of a table of scores as the models take them; their times are in its unit."""

    def floats(name: str) -> FloatArray:
        column = table.column(name).cast("double")
        return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)

    return CustomerColumns(
        frequency=floats("frequency").astype(np.int64),
        recency=floats("recency"),
        age=floats("T"),
        monetary_value=floats("monetary_value"),
        time_unit=time_unit,
    )
