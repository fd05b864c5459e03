"""Files that take a stream of batches: Parquet or CSV, the same bytes whatever the batches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

_ROWS_PER_GROUP = 100_000
SUFFIXES = (".parquet", ".csv")


class Sink(Protocol):
    """Takes batches one after the other."""

    def write(self, batch: pa.RecordBatch) -> None:
        """Take a batch."""


class _ParquetSink:
    """Row groups of a fixed size."""

    def __init__(self, writer: pq.ParquetWriter) -> None:
        self._writer = writer
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Take a batch, and write the groups that are full."""
        while self._rows + len(batch) >= _ROWS_PER_GROUP:
            room = _ROWS_PER_GROUP - self._rows
            self._waiting.append(batch.slice(0, room))
            self.flush()
            batch = batch.slice(room)
        self._waiting.append(batch)
        self._rows += len(batch)

    def flush(self) -> None:
        """Write what waits as one group."""
        if self._waiting:
            group = pa.concat_batches(self._waiting)
            self._writer.write_batch(group, row_group_size=_ROWS_PER_GROUP)
        self._waiting, self._rows = [], 0


@contextmanager
def open_sink(path: Path, schema: pa.Schema) -> Iterator[Sink]:
    """Open a file of the format that its extension names, and complete it at the end."""
    if path.suffix.lower() == ".csv":
        # Nothing in a simulated log has a comma or a quote.
        plain = csv.WriteOptions(quoting_style="none", quoting_header="none")
        with csv.CSVWriter(path, schema, write_options=plain) as writer:
            yield writer
        return
    with pq.ParquetWriter(path, schema, compression="zstd", version="2.6") as writer:
        sink = _ParquetSink(writer)
        yield sink
        sink.flush()
