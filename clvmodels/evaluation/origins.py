"""From which days a back-test looks ahead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from clvmodels.units import DAYS_PER_YEAR, Duration

# With fewer repeat buyers before the origin there is nothing to learn from.
FEWEST_REPEATERS = 10


@dataclass(frozen=True)
class SkippedOrigin:
    """An origin at which nothing could be compared, and why."""

    origin: date
    end: date
    reason: str


def holdout_days(first: date, end: date, holdout: Duration | None) -> int:
    """Days held out: by default a quarter of the span, at most a year."""
    if holdout is None:
        return min((end - first).days // 4, round(DAYS_PER_YEAR))
    return max(round(holdout.days), 1)


def choose_origins(first: date, end: date, days: int, origins: int) -> list[date]:
    """Origins from the earliest to the last, which is ``days`` before the end.

    Earlier ones step back by the length of the hold-out, so that no day is held out twice, where
    this leaves as much history as is held out before the earliest. In a shorter log the hold-outs
    overlap: the origins spread evenly, the earliest at half the history of the last or after one
    hold-out, whichever is sooner.
    """
    last = end - timedelta(days=days)
    history = (last - first).days
    back = origins - 1
    step = float(days)
    if history - back * days < days and back:
        earliest = min(days, history // 2)
        step = max((history - earliest) / back, 1.0)
    return sorted({last - timedelta(days=round(i * step)) for i in range(origins)})
