"""Calendar cohorts: months of coming pooled into at most so many rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from clvmodels.kernels.base import IntArray

MOST_ROWS = 12
# Months in a cohort, by name, the finest first.
_LENGTHS = {"month": 1, "quarter": 3, "half-year": 6, "year": 12}


@dataclass(frozen=True)
class Cohort:
    """Customers who came in a period of the calendar; the first may reach back without a start."""

    name: str
    start: date | None
    end: date

    def is_within(self, key: str) -> bool:
        """Whether the whole cohort lies in a period such as ``2024``, ``2024 Q3``, ``2024-07``."""
        if self.start is None:
            return False
        first, last = period(key)
        return first <= self.start and self.end <= last


def cohorts_of(months: Sequence[date]) -> tuple[str, list[Cohort], IntArray]:
    """Pool months of coming: what a cohort is, the cohorts, and the cohort of each month.

    The finest calendar period is taken that leaves at most 12 cohorts; beyond 12 years the
    earliest customers are one cohort.
    """
    first, last = _number(months[0]), _number(months[-1])
    for length in _LENGTHS.values():
        if last // length - first // length < MOST_ROWS:
            break
    unit = next(name for name, value in _LENGTHS.items() if value == length)
    which = np.array([_number(month) // length for month in months], dtype=np.int64)
    earliest = max(int(which[0]), int(which[-1]) - MOST_ROWS + 1)
    which = np.maximum(which, earliest)
    found = []
    for number in np.unique(which).tolist():
        start, end = _day(number * length), _day((number + 1) * length) - timedelta(days=1)
        pooled = number == earliest and first // length < earliest
        name = f"before {end.year + 1}" if pooled else _named(start, length)
        found.append(Cohort(name, None if pooled else start, end))
    place = np.searchsorted(np.unique(which), which)
    return unit, found, place


def period(key: str) -> tuple[date, date]:
    """First and last day of a period written as a cohort's name is.

    Examples
    --------
    >>> period("2024 Q3")
    (datetime.date(2024, 7, 1), datetime.date(2024, 9, 30))
    """
    year, rest = int(key[:4]), key[4:]
    if rest.startswith("-"):
        start, length = int(rest[1:]) - 1, 1
    elif rest:
        length = {"Q": 3, "H": 6}[rest[1]]
        start = (int(rest[2:]) - 1) * length
    else:
        start, length = 0, 12
    first = 12 * year + start
    return _day(first), _day(first + length) - timedelta(days=1)


def _named(start: date, length: int) -> str:
    if length == 1:
        return f"{start:%Y-%m}"
    if length == 12:
        return f"{start:%Y}"
    return f"{start:%Y} {'Q' if length == 3 else 'H'}{(start.month - 1) // length + 1}"


def _number(month: date) -> int:
    return 12 * month.year + month.month - 1


def _day(number: int) -> date:
    return date(number // 12, number % 12 + 1, 1)
