"""What runs on an executor: DuckDB judges batches of rows by the queries of the one-machine scan.

Text is read as days and amounts by the same code everywhere, so that no row can be judged in two
ways. Everything that is shipped here is plain text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from clvmodels.transactions.spark_session import REFUSED

if TYPE_CHECKING:
    import pyarrow as pa

INCOMING = "incoming"
_ROWS = 100_000


@dataclass(frozen=True)
class Judge:
    """A function from batches of raw rows to batches of judged rows, for ``mapInArrow``.

    Attributes
    ----------
    query : str
        DuckDB's SQL over the table ``incoming``.
    names : tuple of str
        Names of the columns of a batch, in order: those of the log, then path, row and raw text.
    header : tuple of str or None
        What the first row of each file must say; None where files tell their columns themselves.
    """

    query: str
    names: tuple[str, ...]
    header: tuple[str, ...] | None = None

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Judge batch by batch; memory holds one of them."""
        import duckdb
        import pyarrow as pa

        positions = None if self.header is None else _Positions(self.header)
        options: dict[str, Any] = {
            "threads": 1,
            "autoinstall_known_extensions": False,
            "python_enable_replacements": False,
        }
        with duckdb.connect(":memory:", config=options) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("SET enable_progress_bar = false")
            for batch in batches:
                table = pa.Table.from_batches([batch])
                if positions is not None:
                    table = positions.numbered(table)
                connection.register(INCOMING, table.rename_columns(list(self.names)))
                yield from connection.sql(self.query).to_arrow_reader(_ROWS)


class _Positions:
    """Counts the data rows of files that are read from their first row to their last."""

    def __init__(self, header: tuple[str, ...]) -> None:
        self._header = header
        self._path: str | None = None
        self._row = 0

    def numbered(self, table: pa.Table) -> pa.Table:
        """Rows with their position in the last column but one; header rows are taken out."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        path, row, raw = (table.num_columns - 3 + place for place in range(3))
        runs = pc.run_end_encode(table.column(path).combine_chunks())
        rows = np.empty(len(table), dtype=np.int64)
        start = 0
        for name, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
            if name != self._path:
                self._path, self._row = name, 0
                found = [table.column(place)[start].as_py() for place in range(path)]
                self._check(name, found, table.column(raw)[start].as_py())
            rows[start:end] = np.arange(self._row, self._row + end - start)
            self._row += end - start
            start = end
        numbered = table.set_column(row, table.field(row), pa.array(rows))
        return numbered.filter(pc.greater(numbered.column(row), 0))

    def _check(self, path: str, found: list[str | None], raw: str | None) -> None:
        texts = tuple((text or "").removeprefix("\ufeff") for text in found)
        if raw is not None or texts != self._header:
            name = unquote(path).rpartition("/")[2]
            msg = (
                f"{REFUSED}{name} has other columns than the first file of its list. Give files "
                "with different headers one by one, or use Parquet."
            )
            raise ValueError(msg)
