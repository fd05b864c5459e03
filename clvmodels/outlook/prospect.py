"""What a base is expected to do at any time ahead, by age, with the parts of its uncertainty.

Whatever is a sum over customers (a cohort, the base, a channel) is read off it by adding up rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.models.gamma_gamma import GammaGammaModel
from clvmodels.models.purchases import PurchaseModel
from clvmodels.outlook.luck import Luck
from clvmodels.outlook.surface import Surface
from clvmodels.units import DAYS_PER_UNIT
from clvmodels.value.parameters import Pair, parameter_pairs
from clvmodels.value.scorer import Scorer
from clvmodels.value.totals import ValueGroups

Quantity = Literal["purchases", "revenue", "active"]
QUANTITIES: tuple[Quantity, ...] = ("purchases", "revenue", "active")
# Customers who stand for the base where only the size of an uncertainty is asked for.
_SAMPLE = 20_000
# Step along each direction of the parameters' uncertainty, in standard deviations.
_STEP = 0.1


@dataclass(frozen=True)
class Curves:
    """A quantity of each row at times ahead.

    Attributes
    ----------
    expected : (rows, times)
        Expectation.
    deviations : (directions, rows, times)
        What one standard deviation of the parameters in each direction changes; the directions
        are independent, so that squares of sums add up.
    variance : (rows, times)
        Variance from what customers do.
    """

    expected: FloatArray
    deviations: FloatArray
    variance: FloatArray

    def total(self, weight: FloatArray) -> tuple[float, float, float]:
        """Expectation and both standard deviations of a weighted sum over rows and times.

        Of what customers do, the luck at the last time with a weight counts, as the times are
        cumulative.
        """
        moved = np.einsum("drt,rt->d", self.deviations, weight)
        sd_customers = float(np.sqrt(max((self.variance * weight**2).sum(), 0.0)))
        return float((self.expected * weight).sum()), float(np.sqrt((moved**2).sum())), sd_customers

    def of_rows(self, rows: IntArray) -> Curves:
        """Some of the rows."""
        return Curves(self.expected[rows], self.deviations[:, rows], self.variance[rows])

    def less(self, other: Curves, factor: float, cost: float) -> Curves:
        """These curves times a factor, less others at a cost each: margin after order costs.

        What customers do moves both together; the variance is that of the first alone, which
        costs narrow unless an order hardly pays.
        """
        return Curves(
            factor * self.expected - cost * other.expected,
            factor * self.deviations - cost * other.deviations,
            factor**2 * self.variance,
        )


class Prospect:
    """A base with its models, ready to be asked about any time up to a reach.

    Parameters
    ----------
    groups
        The base, from scoring it.
    scorer
        What scored it; its models, and over how many points of the posterior it averages.
    reach : float
        How far ahead will be asked at most, in days.
    draws : int, optional
        Over how many points of the posterior to average instead.
    label : IntArray, optional
        A number from 0 on for each entry of ``groups``; rows are then kept apart by it.

    Attributes
    ----------
    age : (rows,)
        Days since the first purchase of each row's customers.
    label : (rows,)
        Label of each row, 0 without labels.
    customers : (rows,)
        How many there are.
    """

    def __init__(
        self,
        groups: ValueGroups,
        scorer: Scorer,
        reach: float,
        label: IntArray | None = None,
        draws: int | None = None,
    ) -> None:
        self._groups, self._scorer, self._asked_draws = groups, scorer, draws
        self._per_unit = DAYS_PER_UNIT[scorer.purchases.time_unit_]
        columns = groups.columns
        ages, which = np.unique(columns.age, return_inverse=True)
        key = which if label is None else label * len(ages) + which
        rows, self._row = np.unique(key, return_inverse=True)
        self._row_age = rows % len(ages)
        self.label: IntArray = rows // len(ages)
        self.age: FloatArray = ages[self._row_age] * self._per_unit
        self.customers: FloatArray = _sums(self._row, columns.weights, len(rows))
        largest = int(columns.frequency.max(initial=0))
        self._surface = Surface.of(scorer.purchases, largest, ages, reach / self._per_unit)
        # The latest alone: whoever asks goes through the spend models of one in a row.
        self._known: dict[bytes, tuple[FloatArray, FloatArray]] = {}

    @property
    def has_money(self) -> bool:
        """Whether there is a spend model."""
        return self._scorer.spend is not None

    def curves(self, quantity: Quantity, ahead: FloatArray) -> Curves | None:
        """A quantity at times ahead in days, (times,) or (rows, times).

        None for revenue without a spend model. Purchases and revenue (amounts before margin,
        undiscounted) are cumulative; ``active`` is the number of customers still active then.
        """
        which = QUANTITIES.index(quantity)
        values, deviations = self._values
        if not np.isfinite(values[which]).all():
            return None
        days = np.broadcast_to(ahead, (len(self.age), np.shape(ahead)[-1]))
        basis = self._surface.by_time(days / self._per_unit)
        expected = np.einsum("rh,rth->rt", values[which], basis)
        moved = np.einsum("drh,rth->drt", deviations[:, which], basis)
        return Curves(expected, moved, self._luck.variance(quantity, days))

    @cached_property
    def alive(self) -> FloatArray:
        """Customers active today of each row, (rows,)."""
        return self._values[0][QUANTITIES.index("active"), :, 0]

    @cached_property
    def _values(self) -> tuple[FloatArray, FloatArray]:
        """Each quantity of the rows at the surface's times, and its deviations."""
        scorer = self._scorer
        purchases, spend = scorer.purchases, scorer.spend
        draws = self._asked_draws or scorer.averaging.draws_used
        everybody = _Entries.of(self._groups, self._row)
        if draws > 1:
            points = np.array(
                [self._at(everybody, *pair) for pair in parameter_pairs(purchases, spend, draws)]
            )
            mean = points.mean(axis=0)
            return mean, (points - mean) / np.sqrt(len(points))
        some = self._sample
        moved = [
            (self._at(some, *up) - self._at(some, *down)) / (2.0 * _STEP)
            for up, down in _directions(purchases, spend)
        ]
        now = self._at(everybody, purchases, spend)
        return now, np.array(moved).reshape(-1, *now.shape)

    @cached_property
    def _sample(self) -> _Entries:
        some, place = sampled(self._groups, _SAMPLE)
        return _Entries.of(some, self._row[place])

    def _at(
        self, entries: _Entries, purchases: PurchaseModel, spend: GammaGammaModel | None
    ) -> FloatArray:
        """All quantities at one point of the parameters, (3, rows, times)."""
        surface, rows, width = self._surface, len(self.age), len(self._surface.by_frequency)
        alive = purchases.kernel.probability_alive(
            purchases.fit_.parameters, entries.x, entries.t_x, entries.age
        )
        key = entries.row * width + entries.x
        sums = [alive * entries.weight]
        if spend is not None:
            sums.append(alive * entries.spend(spend))
        # Sums by row and frequency, and then by the points that stand for the frequencies.
        tables = np.concatenate([np.bincount(key, each, rows * width) for each in sums])
        points = tables.reshape(-1, width) @ surface.by_frequency
        expected, staying = self._surfaces(purchases)
        result = np.full((3, rows, len(surface.times)), np.nan)
        by_age = surface.by_age[self._row_age]
        ahead = np.tensordot(points, expected, axes=(1, 0)).reshape(
            len(sums), rows, *expected.shape[1:]
        )
        result[: len(sums)] = np.einsum("ra,qrah->qrh", by_age, ahead)
        still = np.tensordot(points[:rows], staying, axes=(1, 0))
        result[2] = np.einsum("ra,rah->rh", by_age, still)
        return result

    def _surfaces(self, purchases: PurchaseModel) -> tuple[FloatArray, FloatArray]:
        """Surfaces of a model, kept for those who share its parameters with another spend."""
        key = purchases.fit_.parameters.tobytes()
        if key not in self._known:
            surface = self._surface
            self._known = {key: (surface.purchases(purchases), surface.staying(purchases))}
        return self._known[key]

    @cached_property
    def _luck(self) -> Luck:
        entries = self._sample
        return Luck.of(
            self._scorer, entries.x, entries.t_x, entries.age, entries.weight, entries.row,
            len(self.age), entries.squares(self._scorer.spend),
            float(self._surface.times[-1]) * self._per_unit,
        )  # fmt: skip


@dataclass(frozen=True)
class _Entries:
    """Groups, or some of them in place of all, with the row of each."""

    x: IntArray
    t_x: FloatArray
    age: FloatArray
    n: IntArray
    weight: FloatArray
    mean: FloatArray
    square: FloatArray
    row: IntArray

    @classmethod
    def of(cls, groups: ValueGroups, row: IntArray) -> _Entries:
        columns, weight = groups.columns, groups.columns.weights
        return cls(
            columns.frequency, columns.recency, columns.age, groups.n, weight,
            groups.sum_mean / weight, groups.sum_square / weight, row,
        )  # fmt: skip

    def spend(self, model: GammaGammaModel) -> FloatArray:
        """Expected amount of an order, summed over the customers of each entry."""
        p, q, gamma = model.fit_.parameters
        result: FloatArray = self.weight * p * (gamma + self.n * self.mean) / (p * self.n + q - 1.0)
        return result

    def squares(self, model: GammaGammaModel | None) -> tuple[IntArray, FloatArray, FloatArray]:
        """n, and the mean and mean square of the customers' γ′, as `Luck` needs them."""
        if model is None:
            return self.n, self.mean, self.square
        gamma = float(model.fit_.parameters[2])
        first = gamma + self.n * self.mean
        second = gamma**2 + 2.0 * gamma * self.n * self.mean + self.n**2 * self.square
        return self.n, first, second


def _sums(row: IntArray, values: FloatArray, rows: int) -> FloatArray:
    return np.asarray(np.bincount(row, values, rows), dtype=np.float64)


def sampled(groups: ValueGroups, most: int) -> tuple[ValueGroups, IntArray]:
    """Groups that stand for all customers, evenly spread in their order, and which they are.

    All of them where there are no more than ``most``. Sums over the base keep their size.
    """
    if len(groups.columns) <= most:
        return groups, np.arange(len(groups.columns))
    cumulated = np.cumsum(groups.columns.weights)
    step = cumulated[-1] / most
    place = np.searchsorted(cumulated, (np.arange(most) + 0.5) * step)
    kept, count = np.unique(np.minimum(place, len(cumulated) - 1), return_counts=True)
    some = groups.some(kept)
    factor = count * step / some.columns.weights
    return replace(
        some,
        columns=replace(some.columns, weight=count * step),
        sum_mean=some.sum_mean * factor,
        sum_square=some.sum_square * factor,
        sum_order=some.sum_order * factor,
        priced=some.priced * factor,
    ), kept


def _directions(purchases: PurchaseModel, spend: GammaGammaModel | None) -> list[tuple[Pair, Pair]]:
    """Pairs of models a step up and a step down along each direction of the uncertainty."""
    found: list[tuple[Pair, Pair]] = []
    for root in _roots(purchases.fit_.coordinate_covariance):
        z = purchases.fit_.coordinates
        found.append(((purchases.at(z + root), spend), (purchases.at(z - root), spend)))
    if spend is not None:
        for root in _roots(spend.fit_.coordinate_covariance):
            z = spend.fit_.coordinates
            found.append(((purchases, spend.at(z + root)), (purchases, spend.at(z - root))))
    return found


def _roots(covariance: FloatArray) -> list[FloatArray]:
    if not np.isfinite(covariance).all() or not covariance.any():
        return []
    values, vectors = np.linalg.eigh(covariance)
    kept = values > 0.0
    return [_STEP * root for root in (vectors[:, kept] * np.sqrt(values[kept])).T]
