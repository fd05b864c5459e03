"""Numbers, money and spans of time as a reader wants them, and hostile text made harmless to read.

Escaping for HTML is not done here: templates and whoever else writes markup do it.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from clvmodels.units import Duration

NO_NUMBER = "–"
NO_BREAK = "\N{NO-BREAK SPACE}"
_SPANS = {"d": "day", "w": "week", "m": "month", "y": "year"}
_LARGE = ((1e12, "trillion"), (1e9, "billion"))
# What a spreadsheet may take for the beginning of a formula, also behind blanks.
_FORMULA = frozenset("=+-@|%＝＋－＠")


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


def money(value: float | None, currency: str | None, digits: int = 3) -> str:
    r"""Write an amount: a symbol such as $ before it, a label such as EUR after it.

    Examples
    --------
    >>> money(1234.5, "$"), money(1234.5, "EUR"), money(-3, "€"), money(1234.5, None)
    ('$1,230', '1,230\xa0EUR', '−€3.00', '1,230')
    """
    text = number(value, digits)
    if not currency or text == NO_NUMBER:
        return text
    label = printable(currency, 12)
    if len(label) == 1 and not label.isalnum():
        return f"−{label}{text[1:]}" if text.startswith("−") else f"{label}{text}"
    return f"{text}{NO_BREAK}{label}"


def money_range(low: float, high: float, currency: str | None, between: str = "to") -> str:
    """Write two bounds, naming a label such as EUR once: ``1,010 to 1,450 EUR``."""
    first, last = money(low, currency), money(high, currency)
    if currency and first.endswith(printable(currency, 12)):
        first = number(low)
    return f"{first} {between} {last}"


def number_of_months(months: float) -> str:
    """Write a number of months: ``1 month``, ``4.2 months``."""
    return f"{months:.3g} {'month' if months == 1 else 'months'}"


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


def printable(text: object, limit: int = 60) -> str:
    """Cut text from a log to ``limit`` characters and show what does not print as an escape.

    Control and direction marks could otherwise reorder or hide the text around them.
    """
    cut = str(text)
    cut = cut if len(cut) <= limit else f"{cut[: limit - 1]}…"
    return "".join(
        char if char.isprintable() or char == NO_BREAK else f"\\u{ord(char):04x}" for char in cut
    )


def cell(value: object) -> object:
    """Give what a CSV writer may write so that no spreadsheet takes it for a formula.

    Text that could be one gets an apostrophe; what is not there stays empty.

    Examples
    --------
    >>> cell("=1+1"), cell(-2.5), cell(None), cell(True)
    ("'=1+1", -2.5, '', 'yes')
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, str):
        return value
    start = value.lstrip()[:1]
    return f"'{value}" if start in _FORMULA or value[:1] in ("\t", "\r", "\n") else value


def sheet(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    r"""Write a table as CSV that a spreadsheet can open without harm.

    Examples
    --------
    >>> sheet(["who", "cost"], [{"who": "=1+1", "cost": 2.5}, {"who": "Ann"}])
    "who,cost\n'=1+1,2.5\nAnn,\n"
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([cell(row.get(name)) for name in columns] for row in rows)
    return text.getvalue()
