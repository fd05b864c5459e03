"""The rows that were set aside, read again from the sources with the rule each one broke."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import TYPE_CHECKING

from clvmodels.errors import InputError
from clvmodels.transactions import sql
from clvmodels.transactions.account import CODE, RULES
from clvmodels.transactions.returns import found_returns_query
from clvmodels.transactions.scan import Scan, ScannedSource

if TYPE_CHECKING:
    import pyarrow as pa

_OWN = ("rule", "source", "row", "raw_line")


def quarantine_batches(
    scan: Scan, expected: int, end: date, until: date | None, rows: int, *, explicit: bool
) -> Iterator[pa.RecordBatch]:
    """Stream the rows that the account counts as set aside, in the order of the inputs.

    Parameters
    ----------
    expected : int
        Number of those rows.
    end : date
        Observation end.
    until : date or None
        Last day that the log's view can see.
    explicit : bool
        Whether the user gave the observation end; only then do rows after it count as late.

    Raises
    ------
    InputError
        If the sources no longer hold the rows that were read.
    """
    if expected == 0:
        return
    batches = scan.database.batches(_query(scan, end, until, explicit=explicit), rows)
    yield from all_there(batches, expected)


def all_there(batches: Iterable[pa.RecordBatch], expected: int) -> Iterator[pa.RecordBatch]:
    """Pass batches on; refuses in the end if they had another number of rows than expected."""
    seen = 0
    for batch in batches:
        seen += batch.num_rows
        yield batch
    if seen != expected:
        msg = (
            f"The quarantine has {seen:,} rows and the check counted {expected:,}: the input has "
            "changed since it was read. Read it again."
        )
        raise InputError(msg)


def _query(scan: Scan, end: date, until: date | None, *, explicit: bool) -> str:
    columns = column_kinds(scan)
    places = [(part, *place) for part in scan.parts for place in part.source.per_file()]
    judged = sql.judged_query(
        [
            _numbered(part, relation, columns, number)
            for number, (part, _, relation) in enumerate(places)
        ],
        scan.rule,
    )
    judged, code = coded(scan, judged, end, late_after=end if explicit else None)
    originals = "".join(f", o{number}" for number in range(len(columns)))
    faulty = (
        f"SELECT {code} AS code, place, row, NULL::VARCHAR AS raw_line{originals} "
        f"FROM ({judged}) WHERE {sql.visible_until(until)}"
    )
    broken = [
        _broken(part, len(columns), number)
        for number, (part, _, _) in enumerate(places)
        if part.broken
    ]
    union = " UNION ALL ".join([f"SELECT * FROM ({faulty}) WHERE code IS NOT NULL", *broken])
    names = output_names(list(columns))
    renamed = "".join(f", o{n} AS {sql.identifier(name)}" for n, name in enumerate(names))
    rule_names = ", ".join(sql.literal(rule) for rule in RULES)
    place_names = ", ".join(sql.literal(name) for _, name, _ in places)
    return (
        f"SELECT [{rule_names}][code + 1] AS rule, [{place_names}][place + 1] AS source, "
        "row::BIGINT AS row, "
        # A column of the log may be called place.
        f"raw_line{renamed} FROM ({union}) AS q ORDER BY q.place, q.row"
    )


def coded(scan: Scan, judged: str, end: date, late_after: date | None) -> tuple[str, str]:
    """Query of the rows that may be set aside, and the code of the rule that each one breaks.

    The rows of ``judged`` have a ``place`` and a ``row``; those after ``late_after`` are late.
    """
    code = sql.code_at(late_after)
    netting = scan.netting(end)
    if netting is not None:
        judged = found_returns_query(judged, netting.units)
        code = f"CASE WHEN found IS NULL THEN {code} END"
    if scan.options.drop_duplicates:
        copy = (
            "row_number() OVER (PARTITION BY customer_id, stamp, amount, order_id, rule "
            "ORDER BY place, row) > 1"
        )
        code = f"coalesce({code}, CASE WHEN {copy} THEN {CODE['duplicate']} END)"
    return judged, code


def column_kinds(scan: Scan) -> dict[str, str]:
    """Columns of all sources in order; text where their types differ."""
    kinds: dict[str, str] = {}
    for part in scan.parts:
        for name, kind in part.source.kinds.items():
            plain = "VARCHAR" if kind.startswith("ENUM") else kind
            kinds[name] = plain if kinds.setdefault(name, plain) == plain else "VARCHAR"
    return kinds


def _numbered(part: ScannedSource, relation: str, columns: dict[str, str], place: int) -> str:
    """Rows of one file with their position, counting the rows without sound structure too."""
    extra = f", {place} AS place, row_number() OVER () AS row" + "".join(
        f", {cast_to(part, name, kind)} AS o{number}"
        for number, (name, kind) in enumerate(columns.items())
    )
    rows = sql.rows_query(part.columns, relation, extra)
    if not part.broken:
        return rows
    # The k-th broken row b has b - k sound rows before it; those after it move down by k.
    shifts = (
        "SELECT line - 1 - k AS above, max(k) AS shift FROM (SELECT line, "
        f"row_number() OVER (ORDER BY line) AS k FROM {part.source.kept_rejects}) GROUP BY above"
    )
    return (
        f"SELECT r.* REPLACE (r.row + coalesce(s.shift, 0) AS row) FROM ({rows}) AS r "
        f"ASOF LEFT JOIN ({shifts}) AS s ON r.row > s.above"
    )


def cast_to(part: ScannedSource, name: str, kind: str) -> str:
    """A column of a source in a type; null where the source has none."""
    if name not in part.source.kinds:
        return f"NULL::{kind}"
    column = sql.identifier(name)
    return column if part.source.kinds[name] == kind else f"{column}::{kind}"


def _broken(part: ScannedSource, columns: int, place: int) -> str:
    nulls = ", NULL" * columns
    return (
        f"SELECT {CODE['unreadable_row']}, {place}, line - 1, "
        f"trim(csv_line, E'\\r\\n'){nulls} "
        f"FROM {part.source.kept_rejects}"
    )


def output_names(names: list[str]) -> list[str]:
    """Names of the original columns, moved aside where they meet one of ours."""
    taken = {*_OWN, *(name.casefold() for name in names)}
    renamed = []
    for name in names:
        free = name
        while free.casefold() in _OWN or (free != name and free.casefold() in taken):
            free += "_"
        taken.add(free.casefold())
        renamed.append(free)
    return renamed
