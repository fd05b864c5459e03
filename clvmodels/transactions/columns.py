"""Customers as plain columns: what every kernel, batch and model works on."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from clvmodels.errors import InputError
from clvmodels.showing import ShownAsFacts
from clvmodels.transactions.sql import COARSER, SPEND_BIN, SPEND_STEPS
from clvmodels.units import DAYS_PER_UNIT, TimeUnit, check_time_unit

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

# Spread inside a bin of spend, in bins, below which its customers are taken as equal.
_NARROWEST = 1e-6

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, repr=False)
class CustomerColumns(ShownAsFacts):
    """One entry per customer, or per group of identical customers with a weight.

    Attributes
    ----------
    frequency : (n,) int64
        Repeat purchase days x.
    recency, age : (n,) float64
        Time from the first purchase to the last (t_x) and to the observation end (T), in
        ``time_unit``.
    monetary_value : (n,) float64
        Mean amount of the repeat purchase days; NaN where there is none.
    order_value : (n,) float64 or None
        Mean amount of all purchase days, the first included; None where it is not known.
    weight : (n,) float64
        Number of customers behind each entry.
    customer_id
        Any sequence of n ids, or None for weighted groups.
    bin_width : float
        Width of the bins of log(frequency · monetary_value) that entries stand for; 0 where they
        stand for themselves.
    """

    frequency: IntArray
    recency: FloatArray
    age: FloatArray
    monetary_value: FloatArray
    time_unit: TimeUnit
    order_value: FloatArray | None = None
    weight: FloatArray | None = None
    customer_id: Any = None
    bin_width: float = 0.0

    def __len__(self) -> int:
        return len(self.frequency)

    def _facts(self) -> dict[str, str]:
        facts = {"entries": f"{len(self):,}", "customers": f"{self.weights.sum():,.0f}"}
        if len(self):
            facts["frequency"] = f"{self.frequency.min():,} to {self.frequency.max():,}"
            facts["T"] = f"{self.age.min():,.4g} to {self.age.max():,.4g} {self.time_unit}s"
        return facts

    @property
    def weights(self) -> FloatArray:
        """Weight of each entry, ones where nothing was grouped."""
        return np.ones(len(self)) if self.weight is None else self.weight

    def triples(self) -> CustomerColumns:
        """Group identical (frequency, recency, age), summing their weights, in a fixed order."""
        return self._triples

    @cached_property
    def _triples(self) -> CustomerColumns:
        keys = (self.frequency, self.recency, self.age)
        (x, t_x, age), weight = _group(self.weight, *keys)
        unknown = np.full(len(x), np.nan)
        return CustomerColumns(x, t_x, age, unknown, self.time_unit, weight=weight)

    @cached_property
    def pairs(self) -> tuple[IntArray, FloatArray, IntArray]:
        """Distinct (frequency, age), and for each entry the position of its own."""
        age, which_age = np.unique(self.age, return_inverse=True)
        key = self.frequency * len(age) + which_age
        key, which = np.unique(key, return_inverse=True)
        return key // max(len(age), 1), age[key % max(len(age), 1)], which

    def orders(self) -> CustomerColumns:
        """Group identical (frequency, monetary_value) of repeat buyers who spent something.

        Recency and age are NaN.
        """
        spent = np.flatnonzero((self.frequency > 0) & (self.monetary_value > 0))
        weight = None if self.weight is None else self.weight[spent]
        (x, m), weight = _group(weight, self.frequency[spent], self.monetary_value[spent])
        unknown = np.full(len(x), np.nan)
        return CustomerColumns(x, unknown, unknown, m, self.time_unit, weight=weight)

    def columns(self) -> CustomerColumns:
        """Give the customers themselves, as a summary does."""
        return self

    @property
    def fingerprint(self) -> str:
        """Stable short hash of the distinct triples and orders, to recognise the data of a fit."""
        digest = hashlib.sha256(self.time_unit.encode())
        for part in (self.triples(), self.orders()):
            for values in (part.frequency, part.recency, part.age, part.monetary_value):
                digest.update(values.tobytes())
            digest.update(part.weights.tobytes())
        return digest.hexdigest()[:16]

    @classmethod
    def from_days(cls, batch: pa.RecordBatch | pa.Table, time_unit: TimeUnit) -> CustomerColumns:
        """Take a batch of a summary, whose ``recency`` and ``T`` are whole days."""
        names = set(batch.schema.names)
        per_unit = DAYS_PER_UNIT[time_unit]

        def floats(name: str) -> FloatArray:
            column = batch.column(name).cast("double")
            return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)

        frequency = batch.column("frequency").cast("int64").to_numpy(zero_copy_only=False)
        missing = np.full(len(frequency), np.nan)
        return cls(
            frequency=frequency,
            recency=floats("recency") / per_unit,
            age=floats("T") / per_unit,
            monetary_value=floats("monetary_value") if "monetary_value" in names else missing,
            order_value=floats("order_value") if "order_value" in names else None,
            weight=floats("weight") if "weight" in names else None,
            customer_id=batch.column("customer_id") if "customer_id" in names else None,
            time_unit=time_unit,
        )

    @classmethod
    def from_spend_bins(cls, bins: pa.Table, time_unit: TimeUnit) -> CustomerColumns:
        """Take the bins of `sql.spend_bins_query`: two entries for each, or one.

        They are the nodes of Gauss's rule for what is in the bin: whatever is a cubic of the
        logarithm over a bin has the sum that it has over the customers.
        """
        x, place, weight, first, second, third = (
            bins.column(name).cast("double").to_numpy()
            for name in ("frequency", "bin", "weight", "first", "second", "third")
        )
        mean = first / weight / SPEND_STEPS
        raw = second / weight / SPEND_STEPS**2
        spread = np.where(weight > 1.0, np.sqrt(np.maximum(raw - mean**2, 0.0)), 0.0)
        cubed = third / weight / (SPEND_STEPS / COARSER) ** 3 - 3.0 * mean * raw + 2.0 * mean**3
        some = spread > _NARROWEST
        skewness = np.divide(cubed, spread**3, out=np.zeros_like(cubed), where=some)
        root = np.sqrt(skewness**2 + 4.0)
        entries = []
        for sign in (-1.0, 1.0):
            off = np.where(some, mean + spread * 0.5 * (skewness + sign * root), mean)
            share = np.where(some, 0.5 * (1.0 - sign * skewness / root), 0.5 * (1.0 - sign))
            spent = np.exp((place + 0.5 + off) * SPEND_BIN)
            entries.append((x, spent / x, weight * share))
        frequency, money, share = (np.stack(part, 1).ravel() for part in zip(*entries, strict=True))
        kept = share > 0.0
        unknown = np.full(int(kept.sum()), np.nan)
        return cls(
            frequency=frequency[kept].astype(np.int64),
            recency=unknown,
            age=unknown,
            monetary_value=money[kept],
            time_unit=time_unit,
            weight=share[kept],
            bin_width=SPEND_BIN,
        )

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, time_unit: str) -> CustomerColumns:
        """Take a data frame with ``frequency``, ``recency``, ``T`` and maybe ``monetary_value``.

        The customer is the column ``customer_id`` or else the index, as in ``lifetimes`` and
        PyMC-Marketing.

        Raises
        ------
        InputError
            Naming every missing column and every violated bound, with the number of rows.
        """
        unit = check_time_unit(time_unit)
        ids = frame["customer_id"] if "customer_id" in frame.columns else frame.index
        columns = cls.from_mapping(frame, unit)
        return cls(**{**columns.__dict__, "customer_id": ids})

    @classmethod
    def from_mapping(
        cls, data: Mapping[str, Any] | pd.DataFrame, unit: TimeUnit
    ) -> CustomerColumns:
        """Take arrays by name, checked as `from_frame` does."""
        missing = [name for name in ("frequency", "recency", "T") if name not in data]
        if missing:
            raise InputError(
                f"The customers lack the column(s) {', '.join(missing)}. Found: "
                f"{', '.join(map(str, data.keys()))}."
            )

        def floats(name: str) -> FloatArray:
            return np.asarray(data[name], dtype=np.float64)

        x, t_x, age = floats("frequency"), floats("recency"), floats("T")
        money = floats("monetary_value") if "monetary_value" in data else np.full(len(x), np.nan)
        problems = {
            "frequency must be a whole number from 0 on": ~((x >= 0) & (x == np.floor(x))),
            "recency must be at least 0": ~(t_x >= 0),
            "T must be finite and at least the recency": ~((age >= t_x) & np.isfinite(age)),
            "recency must be 0 where frequency is 0": (x == 0) & (t_x != 0),
            "recency must be above 0 where frequency is": (x > 0) & ~(t_x > 0),
            "monetary_value must not be negative or infinite": (money < 0) | np.isinf(money),
        }
        found = [f"{rule} ({bad.sum()} rows)" for rule, bad in problems.items() if bad.any()]
        if found:
            raise InputError("The customers cannot be used: " + "; ".join(found) + ".")
        return cls(
            frequency=x.astype(np.int64),
            recency=t_x,
            age=age,
            monetary_value=np.where(x > 0, money, np.nan),
            order_value=floats("order_value") if "order_value" in data else None,
            weight=floats("weight") if "weight" in data else None,
            time_unit=unit,
        )


def in_runs(*keys: NDArray[Any]) -> tuple[IntArray, IntArray]:
    """Order that brings equal tuples of keys together, ascending, and where each run begins.

    Equal tuples stay in the order in which they came.
    """
    size = len(keys[0])
    bits = size.bit_length()
    codes, _, sizes = zip(*(_code(key) for key in keys), strict=True)
    if math.prod(sizes) << bits < 2**62:
        # Numbers that carry their own place sort many times faster than places do.
        key = (_joined(codes, sizes) << bits) | np.arange(size)
        key.sort()
        order = key & ((1 << bits) - 1)
        key >>= bits
        fresh = key[1:] != key[:-1]
    else:
        order = np.lexsort(keys[::-1])
        fresh = np.zeros(max(size - 1, 0), dtype=bool)
        for key in keys:
            fresh |= key[order][1:] != key[order][:-1]
    starts = np.flatnonzero(np.concatenate([np.ones(min(size, 1), dtype=bool), fresh]))
    return order, starts


def _joined(codes: Sequence[IntArray], sizes: Sequence[int]) -> IntArray:
    """One number for each tuple of codes, in the same order."""
    key = codes[0].copy()
    for code, size in zip(codes[1:], sizes[1:], strict=True):
        key *= size
        key += code
    return key


def _group(weight: FloatArray | None, *keys: NDArray[Any]) -> tuple[list[Any], FloatArray]:
    """Distinct tuples of keys in ascending order, and the sum of the weights of each."""
    codes, decoders, sizes = zip(*(_code(key) for key in keys), strict=True)
    if math.prod(sizes) >= 2**62:
        return _group_by_sorting(weight, keys)
    key = _joined(codes, sizes)
    if weight is None:
        key, counts = np.unique(key, return_counts=True)
        total = counts.astype(np.float64)
    else:
        key, which = np.unique(key, return_inverse=True)
        total = np.bincount(which, weights=weight).astype(np.float64)
    columns = []
    for decode, size in zip(decoders[::-1], sizes[::-1], strict=True):
        columns.append(decode(key % size))
        key = key // size
    return columns[::-1], total


def _code(key: NDArray[Any]) -> tuple[IntArray, Callable[[IntArray], NDArray[Any]], int]:
    """Whole numbers that stand for a key in the same order, their meaning, and their bound."""
    for per_unit in (1, 7):  # whole numbers or days, and weeks that are whole days
        code = np.rint(key * per_unit).astype(np.int64)
        if len(code) and code.min() >= 0 and (code / per_unit == key).all():
            kind = key.dtype
            return code, lambda c, u=per_unit, k=kind: (c / u).astype(k), int(code.max()) + 1
    values, code = np.unique(key, return_inverse=True)
    return code, lambda c: values[c], max(len(values), 1)


def _group_by_sorting(
    weight: FloatArray | None, keys: tuple[NDArray[Any], ...]
) -> tuple[list[Any], FloatArray]:
    order = np.lexsort(keys[::-1])
    fresh = np.zeros(len(order), dtype=bool)
    fresh[:1] = True
    for key in keys:
        fresh[1:] |= key[order][1:] != key[order][:-1]
    starts = np.flatnonzero(fresh)
    weight = np.ones(len(order)) if weight is None else weight
    return [key[order][starts] for key in keys], np.add.reduceat(weight[order], starts)
