"""The verdict on a scanned log: where every row went, and what deserves a look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from clvmodels.errors import InputError
from clvmodels.transactions import sql
from clvmodels.transactions.account import RULES, LogWarning, RowAccount
from clvmodels.transactions.returns import Netting
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
    days, netting = scan.purchase_days(end), scan.netting(end)
    used, rows, zeros = scan.database.run(
        "SELECT count(*), coalesce(sum(rows), 0), count(*) FILTER (rows = 1 AND amount = 0) "
        f"FROM {sql.good_days(scan.days, end)}"
    )[0]
    if netting is not None:
        used, rows = used - netting.cancelled_days, rows - netting.cancelled
    if not used:
        msg = f"Every purchase up to {end} was returned by then. Choose a later observation_end."
        raise InputError(msg)
    more_zeros, copies, netted_copies = _merged(scan, days, netting)
    rejected = rejected_rows(scan, until, end if explicit else None)
    netted = 0
    if netting is not None and netting.returned:
        netted = netting.cancelled + netting.returned
        rejected["return_without_purchase"] -= netting.returned
    dropped = copies + netted_copies if scan.options.drop_duplicates else 0
    rejected["duplicate"] = dropped
    if scan.options.drop_duplicates:
        rows, netted = rows - copies, netted - netted_copies
    quarantined = {rule: rejected[rule] for rule in RULES if rejected.get(rule)}
    account = RowAccount(
        read=int(rows) + netted + sum(quarantined.values()),
        used=int(used),
        merged=int(rows) - int(used),
        netted=netted,
        quarantined=quarantined,
    )
    duplicates = copies + netted_copies - dropped
    found = _warnings(scan, account, int(zeros) + more_zeros, duplicates)
    return Findings(account, (*found, *_lost_returns(netting)))


def _merged(scan: Scan, days: str, netting: Netting | None) -> tuple[int, int, int]:
    """Count zero amounts and exact duplicates among the rows that share a purchase day.

    The third number is that of the exact duplicates among the rows that are netted.
    """
    groups = [sql.several_query(days, "false", "NULL::VARCHAR", "true")]
    if netting is not None:
        cancelled, found = (
            f"(FROM {netting.changed} WHERE amount = 0)",
            f"(FROM {netting.units} WHERE found)",
        )
        groups.append(sql.several_query(cancelled, "false", "NULL::VARCHAR", "false"))
        groups.append(sql.several_query(found, "true", "order_key", "false"))
    several = " UNION ALL ".join(groups)
    # Of a sample nobody asks for single rows, which would cost a look at all of them.
    if scan.share < 1.0 or not scan.database.run(f"SELECT EXISTS({several})")[0][0]:
        return 0, 0, 0
    kept = "1" if scan.options.drop_duplicates else "n"
    zeros, copies, netted = scan.database.run(
        f"SELECT sum({kept}) FILTER (stands AND amount = 0), sum(n - 1) FILTER (stands), "
        f"sum(n - 1) FILTER (NOT stands) FROM ({sql.merged_rows_query(scan.judged(), several)})"
    )[0]
    return int(zeros or 0), int(copies or 0), int(netted or 0)


def _lost_returns(netting: Netting | None) -> list[LogWarning]:
    if netting is None or not netting.partly:
        return []
    message = (
        f"{netting.partly:,} returns exceed all that was left of the customer's earlier purchases; "
        f"the rest of them, {netting.lost.normalize():,f} in all, has no effect."
    )
    return [LogWarning("returns_beyond_purchases", message, netting.partly)]


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
