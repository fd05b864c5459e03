"""A log of past decisions: every row is read, and is either usable or set aside with its rule."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from clvmodels.config.decisions import ActionRule, action_name
from clvmodels.errors import InputError
from clvmodels.wording import printable

NEEDED = ("date", "customer", "action", "cost")
OPTIONAL = ("team", "note", "keeps")
# Spreadsheets write cells of tens of thousands of characters; a note is kept up to this many.
_LONGEST = 2000
# A file that is no decision log may have any number of columns; the message names this many.
_SHOWN = 20


@dataclass(frozen=True)
class LoggedDecision:
    """One usable row; ``row`` is its place in the file, the header being row 1."""

    row: int
    day: date
    customer: str
    action: str
    cost: float
    team: str
    note: str
    keeps: float | None


@dataclass(frozen=True)
class SetAside:
    """One row that cannot be used, the rule that it breaks and the value that breaks it."""

    row: int
    rule: str
    value: str
    text: str


@dataclass(frozen=True)
class DecisionLog:
    """All rows of a file: read = usable + set aside."""

    name: str
    read: int
    decisions: tuple[LoggedDecision, ...]
    set_aside: tuple[SetAside, ...]


class _UnusableError(Exception):
    def __init__(self, rule: str, value: str, text: str) -> None:
        super().__init__(text)
        self.rule, self.value, self.text = rule, value, text


def read_decision_log(path: Path, rules: Mapping[str, ActionRule]) -> DecisionLog:
    """Read a CSV file with ``date, customer, action, cost`` and maybe ``team, note, keeps``.

    Parameters
    ----------
    rules
        Known actions by name.

    Raises
    ------
    InputError
        If the file is no such table.
    """
    decisions: list[LoggedDecision] = []
    aside: list[SetAside] = []
    read = 0
    for number, row in _rows(path):
        read += 1
        try:
            decisions.append(_decision(number, row, rules))
        except _UnusableError as problem:
            value = printable(problem.value)
            aside.append(SetAside(number, problem.rule, value, problem.text))
    return DecisionLog(path.name, read, tuple(decisions), tuple(aside))


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows with their place; cells beyond the header are kept under the empty name."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            first = stream.readline()
            stream.seek(0)
            mark = max(",;\t", key=first.count)
            rows = csv.reader(stream, delimiter=mark)
            header = [cell.strip().lower() for cell in next(rows, [])]
            _check_header(path, header)
            for number, cells in enumerate(rows, start=2):
                if any(cell.strip() for cell in cells):
                    padded = [*cells, *[""] * (len(header) - len(cells))]
                    row = dict(zip(header, padded, strict=False))
                    row[""] = mark.join(cells[len(header) :])
                    yield number, row
    except (UnicodeDecodeError, csv.Error) as error:
        msg = f"{path.name} cannot be read as CSV in UTF-8: {error}. Save it again as CSV (UTF-8)."
        raise InputError(msg) from error


def _check_header(path: Path, header: list[str]) -> None:
    missing = [name for name in NEEDED if name not in header]
    twice = sorted(name for name, times in Counter(header).items() if times > 1 and name)
    found = ", ".join(printable(name) for name in header[:_SHOWN]) or "nothing"
    if len(header) > _SHOWN:
        found += f" and {len(header) - _SHOWN:,} more"
    if missing:
        msg = (
            f"{path.name} lacks the column(s) {', '.join(missing)}. Found: {found}. A decision log "
            f"has {', '.join(NEEDED)}, and maybe {', '.join(OPTIONAL)}."
        )
        raise InputError(msg)
    if twice:
        names = ", ".join(map(printable, twice[:_SHOWN]))
        msg = f"{path.name} has the column(s) {names} more than once."
        raise InputError(msg)


def _decision(
    number: int, row: Mapping[str, str], rules: Mapping[str, ActionRule]
) -> LoggedDecision:
    if row[""].strip():
        text = "It has more cells than the header; put quotes around cells that hold the separator."
        raise _UnusableError("too_many_cells", row[""], text)
    # Ids are compared exactly, so that white space around one is kept.
    customer, action = row["customer"], action_name(row["action"])
    if not customer.strip():
        raise _UnusableError("no_customer", customer, "The customer is missing.")
    if action not in rules:
        known = ", ".join(rules)
        text = f"The action is not known; there are {known}, and those of the configuration."
        raise _UnusableError("unknown_action", row["action"], text)
    return LoggedDecision(
        row=number,
        day=_day(row["date"]),
        customer=customer,
        action=action,
        cost=_cost(row["cost"]),
        team=_short(row.get("team", "")),
        note=_short(row.get("note", "")),
        keeps=_keeps(row.get("keeps", "")),
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip()[:10])
    except ValueError:
        said = "The date is not a day such as 2025-12-31."
        raise _UnusableError("unreadable_date", text, said) from None


def _cost(text: str) -> float:
    number = _number(text)
    if number is None:
        raise _UnusableError(
            "unreadable_cost", text, "The cost is not a number such as 40 or 12.50."
        )
    if number < 0.0:
        raise _UnusableError("negative_cost", text, "The cost is below 0.")
    return number


def _keeps(text: str) -> float | None:
    if not text.strip():
        return None
    number = _number(text)
    if number is None or not 0.0 <= number <= 1.0:
        said = "keeps is not a number from 0 to 1, such as 0.3 for 30 percentage points."
        raise _UnusableError("unreadable_keeps", text, said)
    return number


def _number(text: str) -> float | None:
    try:
        number = float(text.strip())
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
