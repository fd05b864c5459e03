"""Returns netted one after the other, as slowly and plainly as the rule is written."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

Row = tuple[str, date, Decimal, str | None]


def net(
    rows: list[Row], end: date | None = None
) -> tuple[dict[str, dict[date, Decimal]], int, int, int]:
    """Purchase days that stand, and how many rows are merged, netted, without a purchase.

    Rows are good: id, day, amount, order id (None links nothing). Rows after ``end`` are not seen.
    """
    by_customer = defaultdict(list)
    for row in rows:
        if end is None or row[1] <= end:
            by_customer[row[0]].append(row)
    standing: dict[str, dict[date, Decimal]] = {}
    merged = netted = unmatched = 0
    for customer, own in by_customer.items():
        days, counts = _customer(own)
        if days:
            standing[customer] = days
        merged, netted, unmatched = (
            merged + counts[0],
            netted + counts[1],
            unmatched + counts[2],
        )
    return standing, merged, netted, unmatched


def _customer(rows: list[Row]) -> tuple[dict[date, Decimal], tuple[int, int, int]]:
    left: dict[tuple[date, Any], Decimal] = defaultdict(Decimal)
    bought: dict[date, list[Decimal]] = defaultdict(list)
    returns: dict[tuple[date, Any], list[Decimal]] = defaultdict(list)
    for _, day, amount, order in rows:
        if amount < 0:
            returns[day, order].append(-amount)
        else:
            left[day, order] += amount
            bought[day].append(amount)
    open_amount = {unit: sum(amounts) for unit, amounts in returns.items()}
    found = set()
    by_day = sorted(returns, key=lambda unit: unit[0])
    for unit in by_day:
        if unit[1] is not None:
            mine = [key for key in left if key[1] == unit[1]]
            if _take(open_amount, [unit], left, mine):
                found.add(unit)
    for day in sorted({day for day, _ in by_day}):
        units = [unit for unit in by_day if unit[0] == day and open_amount[unit] > 0]
        if _take(open_amount, units, left, list(left)):
            found.update(units)
    standing, merged, netted = {}, 0, sum(len(returns[unit]) for unit in found)
    for day, amounts in bought.items():
        rest = sum(value for key, value in left.items() if key[0] == day)
        if rest == 0 and sum(amounts) > 0:
            netted += len(amounts)
        else:
            standing[day] = rest
            merged += len(amounts) - 1
    unmatched = sum(len(amounts) for unit, amounts in returns.items() if unit not in found)
    return standing, (merged, netted, unmatched)


def _take(open_amount: Any, units: list[Any], left: Any, purchases: list[Any]) -> bool:
    """Take from the latest purchases up to the units' day; true if there was any."""
    took = False
    for unit in units:
        for key in sorted(purchases, key=lambda key: key[0], reverse=True):
            step = min(open_amount[unit], left[key]) if key[0] <= unit[0] else Decimal(0)
            left[key] -= step
            open_amount[unit] -= step
            took = took or step > 0
    return took
