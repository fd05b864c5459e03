"""The groups of a base that comes batch by batch, in memory that does not grow with it."""

from __future__ import annotations

import numpy as np

from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.models.gamma_gamma import spend_evidence
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.value.simple_formula import order_values
from clvmodels.value.totals import SUMS, ValueGroups


class GroupSums:
    """`ValueGroups` of a base, added up over its batches customer by customer.

    The sums depend on the order of the customers alone, not on how batches cut them.

    Parameters
    ----------
    triples : CustomerColumns
        The distinct (x, t_x, T) of the base, ascending.
    parts : int
        Into how many parts (segments) the base is divided; 1 where it is not.
    """

    def __init__(self, triples: CustomerColumns, parts: int = 1) -> None:
        self._triples, self._parts = triples, parts
        # Number of each group that was met, from 1 on, by part, whether spend is unknown although
        # the customer came back, and history. Zeros that nobody touches cost no memory.
        self._numbers = np.zeros(2 * parts * len(triples), dtype=np.int32)
        self._count = 0
        self._cells = np.zeros(len(self._numbers), dtype=np.int64)
        # Weight and the sums, by number; those without a price are fewer than the priced.
        self._sums = np.zeros((1 + len(SUMS), len(self._numbers)))

    def add(self, columns: CustomerColumns, places: IntArray, codes: IntArray | None) -> None:
        """Add customers whose histories are at ``places`` among the triples."""
        n, mean = spend_evidence(columns)
        part = np.zeros(len(columns), dtype=np.int64) if codes is None else 2 * codes
        cell = (part + (n != columns.frequency)) * len(self._triples) + places
        number = self._numbers_of(cell)
        order = order_values(columns)
        known = np.isfinite(order)
        weight, spent, square, ordered, unpriced = self._sums
        np.add.at(weight, number, 1.0)
        some = np.flatnonzero(n)
        np.add.at(spent, number[some], mean[some])
        np.add.at(square, number[some], mean[some] ** 2)
        if known.all():
            np.add.at(ordered, number, order)
        else:
            np.add.at(ordered, number[known], order[known])
            np.add.at(unpriced, number[~known], 1.0)

    def total(self) -> ValueGroups:
        """All customers as one base."""
        order, place, told, _ = self._sorted()
        fresh = (np.diff(place, prepend=-1) != 0) | (np.diff(told, prepend=-1) != 0)
        starts = np.flatnonzero(fresh)
        sums = [
            np.add.reduceat(row[order], starts) if len(starts) else row[:0] for row in self._sums
        ]
        return self._groups(place[starts], told[starts], sums)

    def divided(self) -> tuple[ValueGroups, ...]:
        """The customers of each part by themselves; maybe nobody."""
        order, place, told, code = self._sorted()
        parts = []
        for each in range(self._parts):
            some = np.flatnonzero(code == each)
            sums = [row[order[some]] for row in self._sums]
            parts.append(self._groups(place[some], told[some], sums))
        return tuple(parts)

    def _numbers_of(self, cell: IntArray) -> IntArray:
        number = self._numbers[cell]
        if not number.all():
            new, first = cell[number == 0], self._count
            # One of those in the same cell is written last, and stands for it.
            trial = np.arange(1, len(new) + 1, dtype=np.int32)
            self._numbers[new] = trial
            new = new[self._numbers[new] == trial]
            self._count += len(new)
            self._numbers[new] = np.arange(first + 1, self._count + 1)
            self._cells[first : self._count] = new
            number = self._numbers[cell]
        return number.astype(np.int64) - 1

    def _sorted(self) -> tuple[IntArray, IntArray, IntArray, IntArray]:
        """Order of the groups by history, then by what spend told, then by part; and these."""
        kind, place = np.divmod(self._cells[: self._count], max(len(self._triples), 1))
        told = ((kind % 2 == 0) & (self._triples.frequency[place] > 0)).astype(np.int64)
        code = kind // 2
        order = np.argsort((place * 2 + told) * self._parts + code)
        return order, place[order], told[order], code[order]

    def _groups(self, place: IntArray, told: IntArray, sums: list[FloatArray]) -> ValueGroups:
        triples = self._triples
        weight, spent, square, ordered, unpriced = sums
        x = triples.frequency[place]
        mean = np.full(len(place), np.nan)
        np.divide(spent, weight, out=mean, where=told > 0)
        columns = CustomerColumns(
            x, triples.recency[place], triples.age[place], mean, triples.time_unit, weight=weight
        )
        return ValueGroups(columns, x * told, spent, square, ordered, weight - unpriced)
