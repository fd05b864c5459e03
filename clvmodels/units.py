"""Durations, horizons and discounting: the only place where a unit is converted.

Calendar conversions: 7 days a week, 365.25 days a year, a month is a twelfth of a year.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal, get_args

from clvmodels.errors import DurationError, ParameterError

TimeUnit = Literal["day", "week"]
TIME_UNITS: tuple[TimeUnit, ...] = get_args(TimeUnit)

DAYS_PER_YEAR = 365.25
DAYS_PER_UNIT: dict[TimeUnit, float] = {"day": 1.0, "week": 7.0}
_DAYS_PER_SUFFIX = {"d": 1.0, "w": 7.0, "m": DAYS_PER_YEAR / 12.0, "y": DAYS_PER_YEAR}
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([dwmy])\s*", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class Duration:
    """A span of time that knows its length in days; infinite for a lifetime.

    Examples
    --------
    >>> Duration.parse("26w").days
    182.0
    >>> Duration.parse("1y").in_unit("week")
    52.17857142857143
    >>> Duration.parse("lifetime").is_lifetime
    True
    """

    days: float
    text: str

    @classmethod
    def parse(cls, value: str | Duration) -> Duration:
        """Read a duration such as ``"90d"``, ``"26w"``, ``"12m"``, ``"1y"`` or ``"lifetime"``.

        Raises
        ------
        DurationError
            If there is no unit, or the number is not positive and finite.
        """
        if isinstance(value, Duration):
            return value
        if not isinstance(value, str):
            raise DurationError(value)
        if value.strip().lower() == "lifetime":
            return cls(math.inf, "lifetime")
        match = _DURATION.fullmatch(value)
        if match is None:
            raise DurationError(value)
        days = float(match[1]) * _DAYS_PER_SUFFIX[match[2].lower()]
        if not 0.0 < days < math.inf:
            raise DurationError(value)
        return cls(days, value.strip().lower())

    @property
    def is_lifetime(self) -> bool:
        """Whether the span has no end."""
        return math.isinf(self.days)

    @property
    def years(self) -> float:
        """Length in years of 365.25 days."""
        return self.days / DAYS_PER_YEAR

    def in_unit(self, unit: TimeUnit) -> float:
        """Length in days or weeks."""
        return self.days / DAYS_PER_UNIT[unit]

    def __str__(self) -> str:
        return self.text


def check_time_unit(unit: str) -> TimeUnit:
    """Return ``unit`` if it is one, or raise `ParameterError`."""
    for known in TIME_UNITS:
        if unit == known:
            return known
    raise ParameterError("time_unit", unit, "'day' or 'week'")


def discount_force(annual_rate: float, unit: TimeUnit) -> float:
    """Continuous rate δ per time unit of an effective annual discount rate.

    A payment after time ``s`` is worth ``exp(-δ s)`` today.

    Examples
    --------
    >>> round(discount_force(0.15, "week"), 5)
    0.00268
    """
    if not 0.0 <= annual_rate < math.inf:
        raise ParameterError(
            "annual_discount_rate", annual_rate, "at least 0, as a fraction: 0.10 is 10 % a year"
        )
    return math.log1p(annual_rate) * DAYS_PER_UNIT[unit] / DAYS_PER_YEAR


def discounted_years(horizon: Duration, annual_rate: float) -> float:
    """Present value of 1 a year, paid continuously until the horizon, in years.

    Infinite for a lifetime without discounting.
    """
    force = discount_force(annual_rate, "day") * DAYS_PER_YEAR
    if force == 0.0:
        return horizon.years
    return -math.expm1(-force * horizon.years) / force
