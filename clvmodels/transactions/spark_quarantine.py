"""The rows that were set aside on a cluster, read again there and streamed to the driver."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import unquote

from clvmodels.transactions import sql
from clvmodels.transactions.account import RULES
from clvmodels.transactions.quarantine import (
    all_there,
    cast_to,
    coded,
    column_kinds,
    output_names,
)
from clvmodels.transactions.scan import ScannedSource
from clvmodels.transactions.spark_rows import INCOMING
from clvmodels.transactions.spark_scan import BROKEN, SparkScan, judged_frame, sound_rows
from clvmodels.transactions.spark_sources import FRAME, SparkSource

if TYPE_CHECKING:
    import pyarrow as pa


def spark_quarantine(
    scan: SparkScan,
    expected: int,
    end: date,
    until: date | None,
    rows: int,
    *,
    explicit: bool,
) -> Iterator[pa.RecordBatch]:
    """Stream the rows that the account counts as set aside, as `quarantine_batches` does.

    ``row`` is null for a data frame, whose rows Spark does not count.

    Raises
    ------
    InputError
        If the sources no longer hold the rows that were read.
    """
    if expected == 0:
        return
    kinds = column_kinds(scan)
    names = output_names(list(kinds))
    query = _query(scan, kinds, end if explicit else None, end, until)
    for batch in all_there(scan.cluster.batches(query, rows), expected):
        yield _named(batch, names)


def _query(
    scan: SparkScan,
    kinds: dict[str, str],
    late_after: date | None,
    end: date,
    until: date | None,
) -> str:
    suspects = [
        judged_frame(scan.cluster, source, _suspects(scan, source, part, kinds, late_after))
        for source, part in zip(scan.sources, scan.parts, strict=True)
    ]
    together = suspects[0]
    for frame in suspects[1:]:
        together = together.union(frame)
    judged = f"SELECT * FROM {scan.cluster.add_view('suspects', together)}"
    judged, code = coded(scan, judged, end, late_after)
    originals = "".join(f", o{number}" for number in range(len(kinds)))
    seen = f"rule = {BROKEN} OR {sql.visible_until(until)}"
    return (
        f"SELECT * FROM (SELECT {code} AS code, place, row, raw_line{originals} "
        f"FROM ({judged}) WHERE {seen}) WHERE code IS NOT NULL ORDER BY place, row"
    )


def _suspects(
    scan: SparkScan,
    source: SparkSource,
    part: ScannedSource,
    kinds: dict[str, str],
    late_after: date | None,
) -> str:
    """Rows of a batch that may be set aside, with their place and their columns as text or type."""
    path, row, raw = map(sql.identifier, source.names[-3:])
    originals = [
        f"{cast_to(part, name, kind)} AS o{number}"
        for number, (name, kind) in enumerate(kinds.items())
    ]
    extra = f", {path} AS place, {row} AS row, NULL::VARCHAR AS raw_line, " + ", ".join(originals)
    judged = sql.judged_query([sql.rows_query(part.columns, sound_rows(source), extra)], scan.rule)
    names = ["customer_id", "stamp", "day", "amount", "order_id", "place", "row", "raw_line"]
    names += [f"o{number}" for number in range(len(kinds))]
    wanted = ["rule IS NOT NULL"]
    if late_after is not None:
        wanted.append(f"day > {sql.day_literal(late_after)}")
    if scan.options.drop_duplicates:
        wanted.append("true")
    suspects = (
        f"SELECT {', '.join(names)}, rule::SMALLINT AS rule FROM ({judged}) "
        f"WHERE {' OR '.join(wanted)}"
    )
    if source.header is None:
        return suspects
    nulls = ", NULL" * len(kinds)
    return (
        f"{suspects} UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, {path}, {row}, "
        f"trim({raw}, E'\\r\\n'){nulls}, {BROKEN} FROM {INCOMING} WHERE {raw} IS NOT NULL"
    )


def _named(batch: pa.RecordBatch, names: list[str]) -> pa.RecordBatch:
    import pyarrow as pa

    rules = [RULES[0 if code == BROKEN else code] for code in batch.column("code").to_pylist()]
    places = [
        FRAME if place is None else unquote(place).rpartition("/")[2]
        for place in batch.column("place").to_pylist()
    ]
    arrays = [pa.array(rules, pa.string()), pa.array(places, pa.string())]
    arrays += [batch.column(number) for number in range(2, batch.num_columns)]
    return pa.RecordBatch.from_arrays(arrays, names=["rule", "source", "row", "raw_line", *names])
