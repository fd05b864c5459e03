"""The groups of a base that comes batch by batch, in memory that does not grow with it."""

from __future__ import annotations

import numpy as np

from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import DAYS_PER_UNIT
from clvmodels.value.totals import SUMS, ValueGroups

# Groups that wait to be joined with the others: few enough to be small, and so many that joining
# is rare.
_MOST_WAITING = 1_000_000


class GroupSums:
    """`ValueGroups` of a base, added up over its batches.

    Parameters
    ----------
    triples : CustomerColumns
        The distinct (x, t_x, T) of the base, ascending, in whole days or weeks of them.
    """

    def __init__(self, triples: CustomerColumns) -> None:
        self._triples = triples
        self._per_unit = DAYS_PER_UNIT[triples.time_unit]
        self._width = int(np.rint(triples.age.max(initial=0.0) * self._per_unit)) + 1
        self._keys = self._key(triples)
        self._weight = np.zeros(len(triples))
        self._sums = [np.zeros(len(triples)) for _ in SUMS]
        self._waiting: list[ValueGroups] = []

    def add(self, groups: ValueGroups) -> None:
        """Add the groups of a batch."""
        if groups.codes is not None:
            self._wait(groups)
            return
        # Repeat buyers whose orders were all worth 0 have told nothing of their spend.
        usual = groups.n == groups.columns.frequency
        if not usual.all():
            self._wait(groups.some(np.flatnonzero(~usual)))
            groups = groups.some(np.flatnonzero(usual))
        at = np.searchsorted(self._keys, self._key(groups.columns))
        self._weight[at] += groups.columns.weights
        for total, name in zip(self._sums, SUMS, strict=True):
            total[at] += getattr(groups, name)

    def total(self) -> ValueGroups:
        """All groups that were added."""
        some = np.flatnonzero(self._weight)
        if not len(some):
            return ValueGroups.merged(self._waiting)
        triples, weight = self._triples, self._weight[some]
        spent, square, order, priced = (total[some] for total in self._sums)
        x = triples.frequency[some]
        mean = np.where(x > 0, spent / weight, np.nan)
        columns = CustomerColumns(
            x, triples.recency[some], triples.age[some], mean, triples.time_unit, weight=weight
        )
        groups = ValueGroups(columns, x, spent, square, order, priced)
        return ValueGroups.merged([groups, *self._waiting]) if self._waiting else groups

    def _wait(self, groups: ValueGroups) -> None:
        self._waiting.append(groups)
        joined = len(self._waiting[0].columns)
        waiting = sum(len(each.columns) for each in self._waiting[1:])
        if waiting > max(joined, _MOST_WAITING):
            self._waiting = [ValueGroups.merged(self._waiting)]

    def _key(self, columns: CustomerColumns) -> IntArray:
        def days(values: FloatArray) -> IntArray:
            return np.rint(values * self._per_unit).astype(np.int64)

        place = columns.frequency * self._width + days(columns.recency)
        key: IntArray = place * self._width + days(columns.age)
        return key
