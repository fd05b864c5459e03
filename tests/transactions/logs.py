"""Small logs for tests, and what they must come to by a slow and separate way."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa

from clvmodels.transactions import TransactionLog, read_transactions

GOOD: tuple[tuple[Any, Any, Any], ...] = (
    ("007", "2024-01-01", 5.0),
    ("007", "2024-01-11", 2.5),
    ("007", "2024-01-11", 0.25),
    ("8", "2024-01-03", 1.0),
    ("9", "2024-01-02", 10.0),
    ("9", "2024-02-02", 20.0),
    ("9", "2024-02-29", 40.0),
)


def frame(rows: Any = GOOD, names: tuple[str, str, str] = ("customer_id", "date", "amount")) -> Any:
    """Give rows of id, day and amount as an Arrow table."""
    columns = list(zip(*rows, strict=True)) if rows else [(), (), ()]
    kinds = [None, pa.string(), pa.float64()]
    return pa.table(
        [pa.array(list(c), kind) for c, kind in zip(columns, kinds, strict=True)], names=list(names)
    )


def quarantine(log: TransactionLog, observation_end: Any = None) -> list[dict[str, Any]]:
    """Rows in quarantine as dictionaries."""
    return [row for batch in log.quarantine_batches(observation_end) for row in batch.to_pylist()]


def records(log: TransactionLog, observation_end: Any = None) -> list[dict[str, Any]]:
    """Summary rows as dictionaries."""
    return log.summarize(observation_end).to_arrow().to_pylist()


def quiet(source: Any, **options: Any) -> TransactionLog:
    """Read a log whose warnings are not the point of the test."""
    import warnings

    from clvmodels.errors import DataWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return read_transactions(source, **options)


def rule_of(row: tuple[Any, Any, Any], end: date | None, *, drop_zero: bool) -> str | None:
    """First rule that a row of text id, text day and float amount breaks."""
    customer, text, amount = row
    if customer is None or not customer.strip():
        return "missing_customer_id"
    if text is None or not text.strip():
        return "missing_date"
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return "unreadable_date"
    if end is not None and day > end:
        return "after_observation_end"
    if amount is None:
        return "unreadable_amount"
    if not math.isfinite(amount):
        return "non_finite_amount"
    if abs(amount) >= 1e12:
        return "amount_out_of_range"
    if amount < 0:
        return "negative_amount"  # as returns="drop" has it; test_returns nets them
    return "zero_amount" if drop_zero and amount == 0 else None


def expected(
    rows: list[tuple[Any, Any, Any]],
    end: date | None,
    *,
    drop_zero: bool = False,
    drop_duplicates: bool = False,
) -> tuple[Counter[str], dict[str, dict[date, Decimal]]]:
    """Rows set aside by rule, and the amount of each customer and day, row by row."""
    rejected: Counter[str] = Counter()
    days: dict[str, dict[date, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    seen = set()
    for row in rows:
        rule = rule_of(row, end, drop_zero=drop_zero)
        if rule is None and drop_duplicates and row in seen:
            rule = "duplicate"
        seen.add(row)
        if rule is not None:
            rejected[rule] += 1
            continue
        days[row[0]][date.fromisoformat(row[1])] += Decimal(str(row[2]))
    return rejected, days
