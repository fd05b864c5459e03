"""Parquet in parts whose bytes depend on nothing but their rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

# Fixed, so that the bytes don't depend on the batches that rows come in.
_ROWS_PER_GROUP = 100_000
_GROUPS_PER_PART = 10


def write_parts(folder: Path, batches: Iterable[pa.RecordBatch]) -> int:
    """Write batches as ``part-00000.parquet`` and so on, a million rows each; gives the rows.

    The same rows give the same bytes, whatever their batches. No rows leave an empty folder.
    """
    import pyarrow.parquet as pq

    folder.mkdir()
    rows, groups = 0, regrouped(batches, _ROWS_PER_GROUP)
    for part, first in enumerate(groups):
        path = folder / f"part-{part:05d}.parquet"
        with pq.ParquetWriter(
            path,
            first.schema,
            compression="zstd",
            version="2.6",
            use_dictionary=_repeating(first.schema),
            write_statistics=["customer_id"] if "customer_id" in first.schema.names else True,
        ) as writer:
            for group in chain([first], islice(groups, _GROUPS_PER_PART - 1)):
                writer.write_batch(group, row_group_size=_ROWS_PER_GROUP)
                rows += len(group)
    return rows


def _repeating(schema: pa.Schema) -> list[str]:
    """Columns with few distinct values; a dictionary of the others costs more than it saves."""
    import pyarrow as pa

    return [
        field.name
        for field in schema
        if field.name in ("recency", "T")
        or not (field.name == "customer_id" or pa.types.is_floating(field.type))
    ]


def regrouped(batches: Iterable[pa.RecordBatch], size: int) -> Iterator[pa.RecordBatch]:
    """Cut batches of any length into batches of ``size`` rows; the last may be shorter."""
    import pyarrow as pa

    waiting: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        rest = batch
        while count + len(rest) >= size:
            piece = rest.slice(0, size - count)
            yield pa.concat_batches([*waiting, piece]) if waiting else piece
            rest, waiting, count = rest.slice(size - count), [], 0
        if len(rest):
            waiting.append(rest)
            count += len(rest)
    if waiting:
        yield pa.concat_batches(waiting)
