"""The expected value of a base by any model and on any terms, in little time."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import TypeVar

import numpy as np

from clvmodels.kernels.base import FloatArray
from clvmodels.models.gamma_gamma import GammaGammaModel
from clvmodels.models.purchases import PurchaseModel
from clvmodels.outlook.surface import Surface
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import DAYS_PER_UNIT, TimeUnit, discount_force
from clvmodels.value.parameters import parameter_pairs
from clvmodels.value.terms import ValueTerms
from clvmodels.value.totals import ValueGroups

Key = TypeVar("Key", bound=Hashable)
Made = TypeVar("Made")
# Ages are told apart to so many parts of a day, whatever their unit.
_PER_DAY = 1024.0
# What is kept of models and terms that were asked for before.
_KEPT = 4


class Valuation:
    """A base that can be valued again and again.

    The expected value is a sum over customers of P(alive) times what depends on frequency and age
    alone, which is worked out at a few points of a smooth surface.
    """

    def __init__(self, groups: ValueGroups) -> None:
        self.groups = groups
        self._days, self._age = np.unique(
            np.rint(groups.columns.age * DAYS_PER_UNIT[groups.columns.time_unit] * _PER_DAY),
            return_inverse=True,
        )
        self._alive: dict[bytes, FloatArray] = {}
        self._ahead: dict[tuple[bytes, float, float], tuple[Surface, FloatArray]] = {}

    def value(
        self,
        purchases: PurchaseModel,
        spend: GammaGammaModel | None,
        terms: ValueTerms,
        draws: int = 1,
    ) -> float | None:
        """Expected value in money, or expected purchases without a spend model.

        Parameters
        ----------
        draws
            Over how many points of the posterior to average; 1 is the mode.

        Returns
        -------
        float or None
            None for purchases over a lifetime, which have no finite number.
        """
        if not len(self.groups.columns):
            return 0.0
        if spend is None:
            if terms.horizon.is_lifetime:
                return None
            terms = replace(terms, annual_discount_rate=0.0)
        pairs = [(purchases, spend)]
        if draws > 1:
            pairs = list(parameter_pairs(purchases, spend, draws))
        return float(np.mean([self._at(*pair, terms) for pair in pairs]))

    def _at(
        self, purchases: PurchaseModel, spend: GammaGammaModel | None, terms: ValueTerms
    ) -> float:
        columns, weight = self.groups.columns, self.groups.columns.weights
        key = purchases.kernel.name.encode() + purchases.fit_.parameters.tobytes()
        alive = _kept(
            self._alive, key, lambda: purchases.alive(in_unit(columns, purchases.time_unit_))
        )
        per_entry, fixed = alive * weight, 0.0
        if spend is not None:
            p, q, gamma = spend.fit_.parameters
            n = self.groups.n
            amount = p * (weight * gamma + n * self.groups.sum_mean) / (p * n + q - 1.0)
            per_entry = alive * (terms.margin * amount - terms.cost_per_order * weight)
            fixed = terms.fixed_cost * float(weight.sum())
        asked = (key, terms.horizon.days, terms.annual_discount_rate)
        surface, expected = _kept(self._ahead, asked, lambda: self._surface(purchases, terms))
        width, ages = len(surface.by_frequency), len(self._days)
        table = np.bincount(self._age * width + columns.frequency, per_entry, ages * width)
        points = surface.by_age.T @ table.reshape(ages, width) @ surface.by_frequency
        return float((points.T * expected).sum()) - fixed

    def _surface(self, purchases: PurchaseModel, terms: ValueTerms) -> tuple[Surface, FloatArray]:
        unit = purchases.time_unit_
        ages = self._days / (_PER_DAY * DAYS_PER_UNIT[unit])
        largest = int(self.groups.columns.frequency.max())
        # One horizon is asked for, so that the reach of the surface is not used.
        surface = Surface.of(purchases, largest, ages, 1.0)
        force = discount_force(terms.annual_discount_rate, unit)
        return surface, surface.discounted(purchases, terms.horizon.in_unit(unit), force)


def _kept(known: dict[Key, Made], key: Key, make: Callable[[], Made]) -> Made:
    if key not in known:
        if len(known) >= _KEPT:
            # The first is that of the base as it is, which is asked for most.
            known.pop(list(known)[-1])
        known[key] = make()
    return known[key]


def in_unit(columns: CustomerColumns, unit: TimeUnit) -> CustomerColumns:
    """Customers with recency and age in another unit of time."""
    if columns.time_unit == unit:
        return columns
    factor = DAYS_PER_UNIT[columns.time_unit] / DAYS_PER_UNIT[unit]
    return replace(
        columns, recency=columns.recency * factor, age=columns.age * factor, time_unit=unit
    )
