"""Totals of segments that rise and fall together, from histories instead of customers.

Segments share the parameters and whatever strikes everybody at once. Both enter here as the same
deviations for all segments, so that the segments' totals add up to the base's, intervals included,
at a cost that depends on how many distinct histories there are and not on how many customers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from clvmodels.kernels.base import FloatArray
from clvmodels.models.base import Model
from clvmodels.models.gamma_gamma import GammaGammaModel
from clvmodels.models.purchases import PurchaseModel
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.value.groups import JointTotals
from clvmodels.value.parameters import parameter_pairs
from clvmodels.value.plug_in import Ahead
from clvmodels.value.scorer import Scorer
from clvmodels.value.shock import NO_SHOCK, CommonShock, CommonShocks
from clvmodels.value.totals import (
    Total,
    ValueGroups,
    customer_variance,
    expected_totals,
    parameter_slopes,
)

ModelType = TypeVar("ModelType", bound=Model)
QUANTITIES = ("active", "purchases", "clv", "potential_value")
_DRAWS = 8192


@dataclass(frozen=True)
class SegmentTotals:
    """Totals of segments, and how they are uncertain together.

    Attributes
    ----------
    customers : (segments,)
        Customers in each.
    expected : (segments, 4)
        Of `QUANTITIES`; NaN where there is no money or no finite number.
    deviations : (directions, segments, 4)
        What one standard deviation along each independent direction of the parameters' uncertainty
        adds: sums of squares over directions are variances, products covariances.
    variance : (segments, 4)
        From what customers will do, independently of each other.
    fixed_cost : float
        Present value of what is paid for each customer in any case.
    shocks
        What strikes all customers at once.
    """

    customers: FloatArray
    expected: FloatArray
    deviations: FloatArray = field(repr=False)
    variance: FloatArray = field(repr=False)
    fixed_cost: float
    shocks: CommonShocks

    def total(self, quantity: str, segments: Sequence[int], interval: float) -> Total | None:
        """One quantity of some segments taken together, as `value_totals` has the base's."""
        which, rows = QUANTITIES.index(quantity), list(segments)
        expected = float(self.expected[rows, which].sum())
        if not math.isfinite(expected):
            return None
        together = self.deviations[:, rows, which].sum(axis=1)
        sd_customers = math.sqrt(float(self.variance[rows, which].sum()))
        cost = self._fixed(which, rows)
        return Total.of(
            expected,
            math.sqrt(float((together**2).sum())),
            sd_customers,
            interval,
            self._shock(which),
            cost,
        )

    def joint(self, quantity: str, seed: int = 0) -> JointTotals | None:
        """Joint draws of one quantity of all segments; each row adds up to a draw of the base."""
        which = QUANTITIES.index(quantity)
        expected, deviations = self.expected[:, which], self.deviations[:, :, which]
        if not np.isfinite(expected).all():
            return None
        rng = np.random.default_rng(seed)
        fixed = np.array([self._fixed(which, [row]) for row in range(len(expected))])
        gross = expected + fixed
        known = gross + rng.standard_normal((_DRAWS, len(deviations))) @ deviations
        sd = np.sqrt(self.variance[:, which])
        seen = known + sd * rng.standard_normal(known.shape)
        plain = (known > 0.0) & (sd > 0.0)
        power = np.divide(known**2, sd**2, out=np.ones_like(known), where=plain)
        skewed = rng.standard_gamma(power) * known / power
        seen = np.where(plain, skewed, seen) * _shocks(self._shock(which), rng)[:, None]
        return JointTotals(expected, np.sqrt((deviations**2).sum(axis=0)), sd, seen - fixed)

    def _fixed(self, which: int, rows: Sequence[int]) -> float:
        in_money = QUANTITIES[which] in ("clv", "potential_value")
        return self.fixed_cost * float(self.customers[list(rows)].sum()) if in_money else 0.0

    def _shock(self, which: int) -> CommonShock:
        return (NO_SHOCK, self.shocks.purchases, self.shocks.value, self.shocks.value)[which]


def _shocks(shock: CommonShock, rng: np.random.Generator) -> FloatArray:
    """Draws of what multiplies everybody's value at once."""
    if shock.sd == 0.0:
        return np.ones(_DRAWS)
    normal = math.isinf(shock.degrees_of_freedom)
    draws = (
        rng.standard_normal(_DRAWS) if normal else rng.standard_t(shock.degrees_of_freedom, _DRAWS)
    )
    factor: FloatArray = np.exp(shock.sd * draws)
    return factor


def segment_totals(
    by_segment: Sequence[ValueGroups], scorer: Scorer, shock: CommonShock | CommonShocks
) -> SegmentTotals:
    """Totals of segments from the histories of their customers; a segment may be empty."""
    histories = _Histories.of(by_segment)
    ahead = histories.ahead(scorer.purchases, scorer)
    expected, deviations = _over_parameters(histories, scorer, ahead)
    return SegmentTotals(
        customers=np.array([groups.columns.weights.sum() for groups in by_segment]),
        expected=expected,
        deviations=deviations,
        variance=np.array(
            [
                customer_variance(groups, scorer, here)
                for groups, here in zip(by_segment, ahead, strict=True)
            ]
        ),
        fixed_cost=scorer.terms.fixed_cost,
        shocks=CommonShocks.of(shock),
    )


@dataclass(frozen=True)
class _Histories:
    """The histories of all segments one behind the other, so that what they share is done once."""

    by_segment: Sequence[ValueGroups]
    columns: CustomerColumns
    bounds: list[tuple[int, int]]

    @classmethod
    def of(cls, by_segment: Sequence[ValueGroups]) -> _Histories:
        each = [groups.columns for groups in by_segment]
        ends = np.cumsum([len(columns) for columns in each]).tolist()
        joined = CustomerColumns(
            np.concatenate([columns.frequency for columns in each]),
            np.concatenate([columns.recency for columns in each]),
            np.concatenate([columns.age for columns in each]),
            np.concatenate([columns.monetary_value for columns in each]),
            each[0].time_unit,
        )
        return cls(by_segment, joined, list(zip([0, *ends[:-1]], ends, strict=True)))

    def ahead(self, model: PurchaseModel, scorer: Scorer) -> list[Ahead]:
        """What a model expects of each segment's customers while active."""
        at_mode = model is scorer.purchases
        found = scorer.ahead(self.columns) if at_mode else scorer.ahead_at(model, self.columns)
        return [
            Ahead(found.alive[a:b], found.expected[a:b], found.discounted[a:b])
            for a, b in self.bounds
        ]

    def totals(
        self, spend: GammaGammaModel | None, scorer: Scorer, ahead: Sequence[Ahead]
    ) -> FloatArray:
        """Expected totals of each segment, (segments, 4)."""
        return np.array(
            [
                expected_totals(groups, spend, scorer.terms, here)
                for groups, here in zip(self.by_segment, ahead, strict=True)
            ]
        )


def _over_parameters(
    histories: _Histories, scorer: Scorer, ahead: Sequence[Ahead]
) -> tuple[FloatArray, FloatArray]:
    """Expected totals (segments, 4), and their deviations (directions, segments, 4).

    Over the points of the posterior that the scores are averaged over or, where the mode alone
    serves, by the delta method: as `value_totals` does it.
    """
    purchases, spend = scorer.purchases, scorer.spend
    draws = scorer.averaging.draws_used
    if draws > 1:
        each = np.array(
            [
                histories.totals(of_spend, scorer, histories.ahead(model, scorer))
                for model, of_spend in parameter_pairs(purchases, spend, draws)
            ]
        )
        mean = each.mean(axis=0)
        return mean, (each - mean) / math.sqrt(draws)
    mode = histories.totals(spend, scorer, ahead)
    directions = _slopes(
        purchases,
        lambda model: histories.totals(spend, scorer, histories.ahead(model, scorer)),
    )
    if spend is not None:
        directions += _slopes(spend, lambda model: histories.totals(model, scorer, ahead))
    return mode, np.array(directions).reshape(-1, *mode.shape)


def _slopes(model: ModelType, totals: Callable[[ModelType], FloatArray]) -> list[FloatArray]:
    """What a standard deviation along each axis of a model's uncertainty adds to the totals."""
    values, vectors = np.linalg.eigh(model.fit_.coordinate_covariance)
    axes = (vectors * np.sqrt(np.maximum(values, 0.0))).T
    axes = axes[axes.any(axis=1)]
    # The base's own derivatives were taken at the same parameters, which the scorer remembers.
    return list(np.tensordot(axes, parameter_slopes(model, totals), 1)) if len(axes) else []
