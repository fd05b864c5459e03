"""Numbers, dates and spans of time as a reader wants them, and hostile text made harmless to read.

Escaping is not done here: templates and the figure writer do it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from clvmodels.units import Duration

if TYPE_CHECKING:
    from clvmodels.report.summary import ReportSummary

NO_NUMBER = "–"
NO_BREAK = "\N{NO-BREAK SPACE}"
_MONTHS: tuple[str, ...] = ("January", "February", "March", "April", "May", "June")
_MONTHS += ("July", "August", "September", "October", "November", "December")
_SPANS = {"d": "day", "w": "week", "m": "month", "y": "year"}
_LARGE = ((1e12, "trillion"), (1e9, "billion"))


def number(value: float | None, digits: int = 3) -> str:
    """Write a number with ``digits`` significant figures and thousands separators.

    Examples
    --------
    >>> number(1234567), number(0.012345), number(-7.0), number(2.5e9)
    ('1,230,000', '0.0123', '−7.00', '2.50 billion')
    """
    if value is None or not math.isfinite(value):
        return NO_NUMBER
    if value == 0:
        return "0"
    for size, name in _LARGE:
        if abs(value) >= size:
            return f"{number(value / size, digits)} {name}"
    exact = Decimal(f"{value:.{digits - 1}e}")
    decimals = max(0, digits - 1 - exact.adjusted())
    if decimals > 9:
        return f"{value:.{digits - 1}e}".replace("-", "−")
    return f"{exact:,.{decimals}f}".replace("-", "−")


def count(value: float | None) -> str:
    """Write a whole number with thousands separators."""
    return NO_NUMBER if value is None else f"{round(value):,}".replace("-", "−")


def percent(share: float | None, *, signed: bool = False) -> str:
    """Write a share as a percentage with as many digits as a reader can use.

    Examples
    --------
    >>> percent(0.1234), percent(0.9), percent(0.0042), percent(-0.25, signed=True)
    ('12.3%', '90%', '0.42%', '−25%')
    """
    if share is None or not math.isfinite(share):
        return NO_NUMBER
    hundredths = 100.0 * share
    decimals = 2 if abs(hundredths) < 1 else 1 if abs(hundredths) < 99.95 else 0
    text = f"{abs(hundredths):,.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if decimals else text
    sign = "−" if hundredths < 0 else "+" * signed
    return f"{sign}{text}%" if text != "0" else "0%"


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


def money(value: float | None, currency: str | None, digits: int = 3) -> str:
    r"""Write an amount: a symbol such as $ before it, a label such as EUR after it.

    Examples
    --------
    >>> money(1234.5, "$"), money(1234.5, "EUR"), money(-3, "€"), money(1234.5, None)
    ('$1,230', '1,230\xa0EUR', '−€3.00', '1,230')
    """
    text = number(value, digits)
    if currency is None or text == NO_NUMBER:
        return text
    if len(currency) == 1 and not currency.isalnum():
        return f"−{currency}{text[1:]}" if text.startswith("−") else f"{currency}{text}"
    return f"{text}{NO_BREAK}{printable(currency, 12)}"


def money_range(low: float, high: float, currency: str | None, between: str = "to") -> str:
    """Write two bounds, naming a label such as EUR once: ``1,010 to 1,450 EUR``."""
    first, last = money(low, currency), money(high, currency)
    if currency is not None and first.endswith(printable(currency, 12)):
        first = number(low)
    return f"{first} {between} {last}"


def amount(value: float | None, summary: ReportSummary) -> str:
    """Write money in the currency of a report, or a number of purchases where it has none."""
    scope = summary.scope
    return money(value, scope.currency) if scope.has_money else f"{number(value)} purchases"


def number_of_months(months: float) -> str:
    """Write a number of months: ``1 month``, ``4.2 months``."""
    return f"{months:.3g} {'month' if months == 1 else 'months'}"


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
    >>> cohort("2024-03"), cohort("2024 Q1"), cohort("before 2014")
    ('March 2024', '2024 Q1', 'before 2014')
    """
    year, dash, month = label.partition("-")
    if dash and year.isdecimal() and month in {f"{place:02}" for place in range(1, 13)}:
        return f"{_MONTHS[int(month) - 1]} {year}"
    return label


def span(duration: str) -> str:
    """Write a horizon as the words after "over": ``the next 12 weeks``.

    Examples
    --------
    >>> span("1y"), span("26w"), span("lifetime")
    ('the next year', 'the next 26 weeks', 'the rest of their lifetime')
    """
    parsed = Duration.parse(duration)
    if parsed.is_lifetime:
        return "the rest of their lifetime"
    amount, name = parsed.text[:-1].strip(), _SPANS[parsed.text[-1]]
    return f"the next {name}" if float(amount) == 1 else f"the next {amount} {name}s"


def plural(amount: float, noun: str, plural_noun: str | None = None) -> str:
    """Write a count with its noun: ``1 row``, ``2,068 rows``."""
    return f"{count(amount)} {noun if round(amount) == 1 else plural_noun or noun + 's'}"


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


def printable(text: object, limit: int = 60) -> str:
    """Cut text from a log to ``limit`` characters and show what does not print as an escape.

    Control and direction marks could otherwise reorder or hide the text around them.
    """
    cut = str(text)
    cut = cut if len(cut) <= limit else f"{cut[: limit - 1]}…"
    return "".join(
        char if char.isprintable() or char == NO_BREAK else f"\\u{ord(char):04x}" for char in cut
    )


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
