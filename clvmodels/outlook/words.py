"""Numbers in the sentences of the outlook: three significant figures, no false precision."""

from __future__ import annotations

from math import floor, log10

LONGEST_NAME = 80


def rounded(value: float) -> str:
    """Three significant figures with thousands separators.

    Examples
    --------
    >>> rounded(812345.0), rounded(0.01234), rounded(-45.678)
    ('812,000', '0.0123', '-45.7')
    """
    if value == 0.0:
        return "0"
    digits = 2 - floor(log10(abs(value)))
    value = round(value, digits)
    # Rounding may have added a figure: 999.7 is 1,000.
    digits = 2 - floor(log10(abs(value)))
    return f"{value:,.{max(digits, 0)}f}"


def percent(share: float) -> str:
    """Whole per cent, and tenths below 10 %.

    Examples
    --------
    >>> percent(0.412), percent(0.0345)
    ('41%', '3.5%')
    """
    return f"{share:.0%}" if abs(share) >= 0.095 or share == 0.0 else f"{share:.1%}"


def months(value: float) -> str:
    """Months to a tenth.

    Examples
    --------
    >>> months(4.21)
    '4.2 months'
    """
    return f"{value:.1f} months"


def shown(name: str) -> str:
    """A name from outside, short enough to be shown."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
