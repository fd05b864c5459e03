"""What a history (x, t_x, T) decides about a customer, found for millions without sorting them."""

from __future__ import annotations

import numpy as np

from clvmodels.ahead import worked_ahead
from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.models.gamma_gamma import spend_evidence
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import DAYS_PER_UNIT
from clvmodels.value.plug_in import PlugIn, take
from clvmodels.value.scorer import Scorer

# Fibonacci hashing: 2^64 over the golden ratio spreads consecutive keys evenly.
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_AT_ONCE = 1 << 17


class HistoryIndex:
    """Places of histories among the distinct ones of a base, by hashing.

    Parameters
    ----------
    triples : CustomerColumns
        The distinct (x, t_x, T) of the base, in whole days or weeks of them.
    """

    def __init__(self, triples: CustomerColumns) -> None:
        self._per_unit = DAYS_PER_UNIT[triples.time_unit]
        self._width = int(np.rint(triples.age.max(initial=0.0) * self._per_unit)) + 1
        self._nobody = len(triples)
        # Ends with a key that no customer has, for the slots of nobody.
        self._keys = np.append(self._key(triples), -1)
        bits = max((2 * len(triples)).bit_length(), 1)
        self._shift, self._last = np.uint64(64 - bits), (1 << bits) - 1
        self._slots = np.full(1 << bits, self._nobody, dtype=np.int32)
        waiting = np.arange(len(triples), dtype=np.int32)
        slot = self._first_slot(self._keys[:-1])
        while len(waiting):
            free = self._slots[slot] == self._nobody
            self._slots[slot[free]] = waiting[free]
            out = self._slots[slot] != waiting
            waiting, slot = waiting[out], (slot[out] + 1) & self._last

    def find(self, columns: CustomerColumns) -> IntArray:
        """Place of each customer's history; as many as there are where it is not one of them."""
        key = self._key(columns)
        slot = self._first_slot(key)
        place = self._slots[slot].astype(np.int64)
        rest = np.flatnonzero(self._keys[place] != key)
        slot, key = slot[rest], key[rest]
        while len(rest):
            slot = (slot + 1) & self._last
            here = self._slots[slot]
            place[rest] = here
            more = (self._keys[here] != key) & (here != self._nobody)
            rest, slot, key = rest[more], slot[more], key[more]
        # An empty slot ends the search of whoever is nowhere.
        return place

    def _first_slot(self, key: IntArray) -> IntArray:
        spread: IntArray = ((key.view(np.uint64) * _SPREAD) >> self._shift).view(np.int64)
        return spread

    def _key(self, columns: CustomerColumns) -> IntArray:
        def days(values: FloatArray) -> IntArray:
            return np.rint(values * self._per_unit).astype(np.int64)

        place = columns.frequency * self._width + days(columns.recency)
        key: IntArray = place * self._width + days(columns.age)
        return key


class HistoryScores:
    """Scores of customers from what their histories decide, worked out once for each.

    Parameters
    ----------
    plug_in
        Gives the scores.
    triples
        The distinct (x, t_x, T) of the base.
    """

    def __init__(self, plug_in: PlugIn, triples: CustomerColumns) -> None:
        self._plug_in = plug_in

        def rows(start: int) -> FloatArray:
            part = take(triples, slice(start, start + _AT_ONCE))
            return np.stack(plug_in.by_history(part, part.frequency), axis=1)

        starts = range(0, max(len(triples), 1), _AT_ONCE)
        # A row for each history: what a customer needs is then next to each other in memory.
        self._rows = np.concatenate(list(worked_ahead(rows, starts)))

    @classmethod
    def of(cls, scorer: Scorer, triples: CustomerColumns) -> HistoryScores | None:
        """Those of a scorer; None where a customer's own spend enters in another way than by γ′."""
        parts = scorer.parts
        return cls(parts[0], triples) if len(parts) == 1 and parts[0].scales else None

    def score(self, columns: CustomerColumns, places: IntArray) -> dict[str, FloatArray]:
        """Predictions for each customer, whose history `HistoryIndex` found at ``places``."""
        n, _ = spend_evidence(columns)
        found = np.ascontiguousarray(self._rows[places].T)
        # Repeat buyers whose orders were all worth 0 have told nothing of their spend.
        unlike = np.flatnonzero(n != columns.frequency)
        if len(unlike):
            some = take(columns, unlike)
            found[:, unlike] = np.stack(self._plug_in.by_history(some, n[unlike]))
        return self._plug_in.priced(columns, found)
