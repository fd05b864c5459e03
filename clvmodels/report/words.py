"""What only reports say in words: shares, changes, days, cohorts, odds, configurations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from clvmodels.wording import NO_NUMBER, money, money_range, number, percent, printable, span

if TYPE_CHECKING:
    from clvmodels.report.summary import ReportSummary

_MONTHS: tuple[str, ...] = ("January", "February", "March", "April", "May", "June")
_MONTHS += ("July", "August", "September", "October", "November", "December")


def share(value: float | None) -> str:
    """Write a share as a percentage with one decimal, for columns of a table."""
    return NO_NUMBER if value is None or not math.isfinite(value) else f"{value:.1%}"


def deviation(share: float | None) -> str:
    """Write by which share something is above (+) or below (−), in whole percent.

    Examples
    --------
    >>> deviation(0.474), deviation(-0.097), deviation(0.001), deviation(12.3)
    ('+47%', '−10%', '0%', '+1,230%')
    """
    if share is None or not math.isfinite(share):
        return NO_NUMBER
    text = f"{share:+,.0%}".replace("-", "−")
    return "0%" if text[1:] == "0%" else text


def amount(value: float | None, summary: ReportSummary) -> str:
    """Write money in the currency of a report, or a number of purchases where it has none."""
    scope = summary.scope
    return money(value, scope.currency) if scope.has_money else f"{number(value)} purchases"


def signed(value: float | None) -> str:
    """Write a change with its sign: ``+1,200``, ``−35.0``."""
    text = number(value)
    return f"+{text}" if value is not None and value > 0 and text != NO_NUMBER else text


def duration(text: str) -> str:
    """Write a span of time without "the next": ``2 years``, ``their lifetime``."""
    return span(text).removeprefix("the next ").removeprefix("the rest of ")


def quantity_range(estimate: Mapping[str, float]) -> str:
    """Write the bounds of a number of things: ``12,500 to 36,400``."""
    low, high = estimate["lower"], estimate["upper"]
    # Rounding errors of a quantile would otherwise stand there as 3.18e−14.
    low = 0.0 if abs(low) < 1e-9 * abs(high) else low
    return f"{number(low)} to {number(high)}"


def expectation(found: Mapping[str, float], summary: ReportSummary, *, sales: bool) -> str:
    """Write sales or purchases with their range: ``1,210 purchases (1,010 to 1,450)``."""
    if not sales:
        return f"{number(found['expected'])} purchases ({quantity_range(found)})"
    currency = summary.scope.currency
    between = money_range(found["lower"], found["upper"], currency)
    return f"sales of {money(found['expected'], currency)} ({between})"


def entered(found: Mapping[str, Any]) -> str:
    """Write what somebody entered, with its range: ``10% (5% to 20%)``, ``0.2 a year``."""

    def write(value: float) -> str:
        return percent(value) if found["unit"] == "share" else f"{value:,.10g}"

    low, high = write(found["low"]), write(found["high"])
    unit = f" {found['unit']}" if found["unit"] and found["unit"] != "share" else ""
    between = f" ({low} to {high})" if low != high else ""
    return f"{write(found['likely'])}{unit}{between}"


def percent_range(low: float, high: float) -> str:
    """Write the bounds of a share: ``55% to 78.1%``."""
    return f"{percent(low)} to {percent(high)}"


def day(iso: str) -> str:
    """Write an ISO date as ``30 June 1998``."""
    parsed = date.fromisoformat(iso[:10])
    return f"{parsed.day} {_MONTHS[parsed.month - 1]} {parsed.year}"


def capital(text: str) -> str:
    """Write a text with a capital letter first, as a heading or a sentence has it."""
    return text[:1].upper() + text[1:]


def cohort(label: str) -> str:
    """Write the name of a cohort as people speak of it: ``2024-03`` is ``March 2024``.

    Examples
    --------
    >>> cohort("2024-03"), cohort("2024Q1"), cohort("before 2014")
    ('March 2024', '2024 Q1', 'before 2014')
    """
    if label[:-2].isdecimal() and label[-2:] in {"Q1", "Q2", "Q3", "Q4"}:
        return f"{label[:-2]} {label[-2:]}"
    year, dash, month = label.partition("-")
    if dash and year.isdecimal() and month in {f"{place:02}" for place in range(1, 13)}:
        return f"{_MONTHS[int(month) - 1]} {year}"
    return label


def odds(interval: float) -> str:
    """Write a probability as the odds people speak of: ``nine times in ten``."""
    spoken = {
        0.5: "one time in two",
        0.8: "four times in five",
        0.9: "nine times in ten",
        0.95: "nineteen times in twenty",
        0.99: "ninety-nine times in a hundred",
    }
    return spoken.get(interval, f"in {percent(interval)} of cases")


def relative(value: float, reference: float) -> float | None:
    """Give how far ``value`` lies above ``reference``, as a share; None for none."""
    return value / reference - 1.0 if reference > 0 else None


def plain(value: Any) -> str:
    """Write any JSON value of a configuration or of diagnostics in words."""
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        pairs = (f"{printable(key)}: {plain(item)}" for key, item in value.items())
        return ", ".join(pairs) or "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(plain(item) for item in value) or "none"
    return printable(value, 200)
