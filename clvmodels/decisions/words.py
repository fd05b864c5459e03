"""Numbers as people say them, and hostile text made harmless to read or to open as a sheet."""

from __future__ import annotations

import html
import math
from decimal import Decimal

from clvmodels.units import Duration

_SPANS = {"d": "day", "w": "week", "m": "month", "y": "year"}
_SURE = 0.995


def number(value: float | None, digits: int = 3) -> str:
    """Write a number with significant figures and thousands separators.

    Examples
    --------
    >>> number(1234567), number(0.012345), number(-7.0), number(None)
    ('1,230,000', '0.0123', '−7.00', '–')
    """
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    exact = Decimal(f"{value:.{digits - 1}e}")
    decimals = max(0, digits - 1 - exact.adjusted())
    if decimals > 9:
        return f"{value:.{digits - 1}e}".replace("-", "−")
    return f"{exact:,.{decimals}f}".replace("-", "−")


def money(value: float | None, currency: str | None) -> str:
    r"""Write an amount: a symbol before it, a code after it.

    Examples
    --------
    >>> money(1234.5, "$"), money(1234.5, "EUR"), money(-3, "€"), money(1234.5, None)
    ('$1,230', '1,230\xa0EUR', '−€3.00', '1,230')
    """
    text = number(value)
    if not currency or text == "–":
        return text
    if len(currency) == 1 and not currency.isalnum():
        return f"−{currency}{text[1:]}" if text.startswith("−") else f"{currency}{text}"
    return f"{text}\N{NO-BREAK SPACE}{printable(currency, 12)}"


def percent(share: float | None) -> str:
    """Write a share in whole percent, and small or nearly full ones in words.

    Examples
    --------
    >>> percent(0.234), percent(0.004), percent(0.999), percent(0.0), percent(1.0)
    ('23 %', 'less than 1 %', 'more than 99 %', '0 %', '100 %')
    """
    if share is None or not math.isfinite(share):
        return "–"
    if 0.0 < share < 1.0 - _SURE:
        return "less than 1 %"
    if _SURE < share < 1.0:
        return "more than 99 %"
    return f"{100.0 * share:,.0f} %"


def points(share: float) -> str:
    """Write a difference of probabilities in percentage points, so small ones stay visible.

    Examples
    --------
    >>> points(0.3), points(0.0123), points(0.00004)
    ('30 percentage points', '1.2 percentage points', 'less than 0.1 percentage points')
    """
    hundredths = 100.0 * share
    if 0.0 < hundredths < 0.05:
        return "less than 0.1 percentage points"
    text = f"{hundredths:,.0f}" if hundredths >= 9.95 else f"{hundredths:.1f}".removesuffix(".0")
    return f"{text} percentage point{'' if text == '1' else 's'}"


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


def plural(amount: int, noun: str) -> str:
    """Write a count with its noun: ``1 customer``, ``2,068 customers``."""
    return f"{amount:,} {noun}{'' if amount == 1 else 's'}"


def span(duration: str) -> str:
    """Write a horizon as the words after "over".

    Examples
    --------
    >>> span("1y"), span("26w"), span("lifetime")
    ('the next year', 'the next 26 weeks', 'a lifetime')
    """
    parsed = Duration.parse(duration)
    if parsed.is_lifetime:
        return "a lifetime"
    amount, name = parsed.text[:-1].strip(), _SPANS[parsed.text[-1]]
    return f"the next {name}" if float(amount) == 1 else f"the next {amount} {name}s"


def printable(text: object, limit: int = 60) -> str:
    """Cut text from outside and show as an escape what does not print: it could reorder a line."""
    cut = str(text)
    cut = cut if len(cut) <= limit else f"{cut[: limit - 1]}…"
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in cut)


def markup(text: object) -> str:
    """Escape text for HTML."""
    return html.escape(str(text), quote=True)


def cell(value: object) -> str:
    """Write a cell of a CSV file that no spreadsheet takes for a formula.

    Examples
    --------
    >>> cell("=1+1"), cell(-2.5), cell(None), cell(True)
    ("'=1+1", '-2.5', '', 'yes')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    # Spreadsheets look behind white space too.
    start = text.lstrip()[:1]
    return f"'{text}" if (start and start in "=+-@|%") or text[:1] in ("\t", "\r", "\n") else text
