"""Consecutive numbers for what customers share, found again without sorting anybody.

Predictions of an active customer depend on the purchases x, the age T and the n purchases that
told of spend. Ages are whole days nearly always and n is x or 0, so that a small table by x and
day finds the number of almost every customer; the others are looked up one by one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clvmodels.kernels.base import FloatArray, IntArray

Triples = tuple[IntArray, FloatArray, IntArray]

# Bounds the table: ten years of days by the first 70 numbers of purchases.
_MOST_CELLS = 1 << 18
# Steps per unit of age, where it is counted in days and in weeks.
_DAYS, _WEEKS = 1, 7
_UNKNOWN = -1
# Bound on the numbers that a triple is packed into.
_MOST_PACKED = 2.0**61


class Places:
    """Numbers from 0 on for the distinct (x, T, n), in the order in which they were first seen."""

    def __init__(self) -> None:
        self._count = 0
        self._others: dict[tuple[int, float, int], int] = {}
        # By whether n is 0 although x is not, then x, then day; and the days per unit of age.
        self._table = np.full((2, 0, 0), _UNKNOWN, dtype=np.int32), _DAYS

    def __len__(self) -> int:
        return self._count

    def find(self, x: IntArray, T: FloatArray, n: IntArray) -> IntArray:
        """Number of each customer's triple, -1 where it has none yet."""
        if not self._count:
            return np.full(len(x), _UNKNOWN, dtype=np.int64)
        cell, fits = self._cells(x, T, n)
        table, _ = self._table
        numbers: IntArray = np.full(len(x), _UNKNOWN, dtype=np.int64)
        if table.size:
            numbers = table.ravel()[cell].astype(np.int64)
        rest = np.flatnonzero(~fits)
        if len(rest):
            keys = zip(x[rest].tolist(), T[rest].tolist(), n[rest].tolist(), strict=True)
            numbers[rest] = [self._others.get(key, _UNKNOWN) for key in keys]
        return numbers

    def missing(self, x: IntArray, T: FloatArray, n: IntArray) -> Triples:
        """Distinct triples without a number, in a fixed order."""
        new = self.find(x, T, n) == _UNKNOWN
        return _distinct(x[new], T[new], n[new])

    def add(self, x: IntArray, T: FloatArray, n: IntArray) -> None:
        """Number triples that have no number yet, in their order."""
        if not len(x):
            return
        self._make_room(x, T)
        numbers = np.arange(self._count, self._count + len(x))
        cell, fits = self._cells(x, T, n)
        self._table[0].ravel()[cell[fits]] = numbers[fits]
        for i in np.flatnonzero(~fits).tolist():
            self._others[int(x[i]), float(T[i]), int(n[i])] = int(numbers[i])
        self._count += len(x)

    def _cells(self, x: IntArray, T: FloatArray, n: IntArray) -> tuple[IntArray, NDArray[np.bool_]]:
        """Place of each triple in the flat table, and whether it has one there."""
        table, per_unit = self._table
        _, height, width = table.shape
        day = np.rint(T * per_unit)
        told = n == x
        fits = (day / per_unit == T) & (day < width) & (x < height) & (told | (n == 0))
        cell = np.where(fits, x * width + day.astype(np.int64), 0)
        cell[fits & ~told] += height * width
        return cell, fits

    def _make_room(self, x: IntArray, T: FloatArray) -> None:
        """Enlarge the table as far as it may go; what does not fit is looked up one by one."""
        old, per_unit = self._table
        stride = 1
        if per_unit == _DAYS and (np.rint(T) != T).any():
            per_unit = stride = _WEEKS
        height, width = old.shape[1], stride * old.shape[2]
        width = max(int(min(T.max() * per_unit, _MOST_CELLS)) + 1, width)
        height = max(min(int(x.max()) + 1, _MOST_CELLS // width), height)
        table = np.full((2, height, width), _UNKNOWN, dtype=np.int32)
        table[:, : old.shape[1], : stride * old.shape[2] : stride] = old
        self._table = table, per_unit


def _distinct(x: IntArray, T: FloatArray, n: IntArray) -> Triples:
    """Each triple once; ages in whole days need no slow sorting by several keys."""
    for per_unit in (_DAYS, _WEEKS):
        day = np.rint(T * per_unit)
        most = (float(x.max(initial=0)) + 1.0) * (float(day.max(initial=0.0)) + 1.0)
        if most < _MOST_PACKED and (day / per_unit == T).all() and ((n == x) | (n == 0)).all():
            width = int(day.max(initial=0.0)) + 1
            key = np.unique(2 * (x * width + day.astype(np.int64)) + (n != x))
            pair = key // 2
            x, T = pair // width, (pair % width) / per_unit
            return x, T, np.where(key % 2 == 1, 0, x)
    order = np.lexsort((T, x, n))
    x, T, n = x[order], T[order], n[order]
    fresh: NDArray[np.bool_] = np.ones(len(x), dtype=bool)
    fresh[1:] = (x[1:] != x[:-1]) | (T[1:] != T[:-1]) | (n[1:] != n[:-1])
    return x[fresh], T[fresh], n[fresh]
