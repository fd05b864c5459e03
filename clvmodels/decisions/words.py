"""What only decisions say in words: chances, percentage points, how many of ten."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from clvmodels.wording import percent

_SURE = 0.995
_LEAST = 0.0005


def chance(probability: float) -> str:
    """Write a probability as a percentage; no forecast is certain enough for 100%.

    Examples
    --------
    >>> chance(0.234), chance(0.0001), chance(0.9999), chance(1.0), chance(0.0)
    ('23.4%', 'less than 0.1%', 'more than 99.9%', 'more than 99.9%', '0%')
    """
    if 0.0 < probability < _LEAST:
        return "less than 0.1%"
    return "more than 99.9%" if probability > 1.0 - _LEAST else percent(probability)


def points(share: float) -> str:
    """Write a difference of probabilities in percentage points, so small ones stay visible.

    Examples
    --------
    >>> points(0.3), points(0.0123), points(0.00004)
    ('30 percentage points', '1.2 percentage points', 'less than 0.1 percentage points')
    """
    text = hundredths(share)
    return f"{text} percentage point{'' if text == '1' else 's'}"


def hundredths(share: float) -> str:
    """Write a difference of probabilities as `points` does, without their name."""
    value = 100.0 * share
    if 0.0 < value < 0.05:
        return "less than 0.1"
    return f"{value:,.0f}" if value >= 9.95 else f"{value:.1f}".removesuffix(".0")


def wrapped(lines: Iterable[str]) -> str:
    """Write lines below each other, those too long for a terminal broken between words."""
    return "\n".join(
        textwrap.fill(
            line,
            80,
            subsequent_indent="    " if line.startswith(" ") else "",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in lines
    )


def in_ten(share: float) -> str:
    """Write a probability as people count: of ten, of a hundred, of a thousand.

    Examples
    --------
    >>> in_ten(0.31), in_ten(0.04), in_ten(0.0004), in_ten(0.996)
    ('3 of 10', '4 of 100', 'fewer than 1 of 1,000', 'nearly all')
    """
    if share >= _SURE:
        return "nearly all"
    for size in (10, 100, 1000):
        count = round(size * share)
        if count >= 1 and (count >= 2 or size * share >= 0.95):
            return f"{count} of {size:,}"
    return "fewer than 1 of 1,000"
