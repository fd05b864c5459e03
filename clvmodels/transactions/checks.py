"""The verdict on a scanned log: where every row went, and what deserves a look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from clvmodels.transactions import sql
from clvmodels.transactions.account import RULES, LogWarning, RowAccount
from clvmodels.transactions.scan import Scan

_BY_CHOICE = ("after_observation_end", "zero_amount", "duplicate")


@dataclass(frozen=True)
class Findings:
    """Account and warnings of a log up to an observation end."""

    account: RowAccount
    warnings: tuple[LogWarning, ...]


def find(scan: Scan, until: date | None, end: date, *, explicit: bool) -> Findings:
    """Account for every row that a view until a day can see.

    Parameters
    ----------
    until : date or None
        Last day that the view sees.
    end : date
        Observation end.
    explicit : bool
        Whether the user gave it; only then are faulty rows after it late before all else.
    """
    days = f"(FROM {sql.good_days(scan.days, until)} WHERE day <= {sql.day_literal(end)})"
    used, rows, zeros = scan.database.run(
        "SELECT count(*), coalesce(sum(rows), 0), count(*) FILTER (rows = 1 AND amount = 0) "
        f"FROM {days}"
    )[0]
    copies = 0
    if rows > used:
        kept = "1" if scan.options.drop_duplicates else "n"
        more_zeros, copies = scan.database.run(
            f"SELECT coalesce(sum({kept}) FILTER (amount = 0), 0), coalesce(sum(n - 1), 0) "
            f"FROM ({sql.merged_days_query(scan.judged(), days)})"
        )[0]
        zeros += more_zeros
    rejected = rejected_rows(scan, until, end if explicit else None)
    dropped = int(copies) if scan.options.drop_duplicates else 0
    if dropped:
        rejected["duplicate"] = dropped
    quarantined = {rule: rejected[rule] for rule in RULES if rule in rejected}
    account = RowAccount(
        read=int(rows) - dropped + sum(quarantined.values()),
        used=int(used),
        merged=int(rows) - int(used) - dropped,
        quarantined=quarantined,
    )
    return Findings(account, _warnings(scan, account, int(zeros), int(copies) - dropped))


def rejected_rows(scan: Scan, until: date | None, late_after: date | None) -> dict[str, int]:
    """Rows set aside by each rule that any broke, exact duplicates apart."""
    groups = sql.rejected_query(scan.days)
    if late_after is not None:
        good = sql.good_days(scan.days, None)
        late = f"SELECT NULL, day, rows FROM {good} WHERE day > {sql.day_literal(late_after)}"
        groups = f"{groups} UNION ALL {late}"
    query = (
        f"SELECT {sql.code_at(late_after)} AS code, sum(rows) FROM ({groups}) "
        f"WHERE {sql.visible_until(until)} GROUP BY code"
    )
    counts = {RULES[code]: int(rows) for code, rows in scan.database.run(query)}
    if scan.broken:
        counts["unreadable_row"] = scan.broken
    return counts


def nothing_usable(scan: Scan, until: date | None) -> str:
    """Say why a log has no purchase at all, and what to try."""
    names = ", ".join(file.name for file in scan.inputs)
    if until is not None:
        return f"{names} has no purchase up to {until}. Choose a later day."
    counts = rejected_rows(scan, None, None)
    if not counts:
        return f"{names} has no rows."
    rules = ", ".join(f"{rule} {rows:,}" for rule, rows in counts.items())
    return (
        f"None of the {sum(counts.values()):,} rows of {names} can be used: {rules}. Check the "
        "column names, the date format and the decimal separator."
    )


def _warnings(scan: Scan, account: RowAccount, zeros: int, copies: int) -> tuple[LogWarning, ...]:
    found = []
    if not scan.has_amount:
        message = (
            "The log has no amounts: purchases are modelled, values are not. Name the column with "
            "the option amount if there is one."
        )
        found.append(LogWarning("no_amounts", message, account.read))
    for part in scan.parts:
        text_format = part.guessed_date_format
        if text_format is not None:
            message = (
                f"The dates of {part.source.name} were read as {text_format}, which was guessed. "
                "Give the date format to be sure."
            )
            found.append(LogWarning("guessed_date_format", message, account.read))
    if zeros:
        message = (
            f"{zeros:,} rows have the amount zero; they count as purchases "
            "(zero_amounts='drop' sets them aside)."
        )
        found.append(LogWarning("zero_amounts", message, zeros))
    if copies and scan.has_amount:
        message = (
            f"{copies:,} rows are exact duplicates of another row; their amounts are added up "
            "(duplicates='drop' sets them aside)."
        )
        found.append(LogWarning("duplicates", message, copies))
    faults = {r: n for r, n in account.quarantined.items() if r not in _BY_CHOICE}
    if faults:
        total = sum(faults.values())
        rules = ", ".join(f"{rule} {count:,}" for rule, count in faults.items())
        message = f"{total:,} of {account.read:,} rows were set aside: {rules}."
        found.append(LogWarning("rows_set_aside", message, total))
    return tuple(found)
