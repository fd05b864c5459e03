"""The database behind a log on a cluster: DuckDB's queries, translated and run by Spark."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from clvmodels.errors import ClvError
from clvmodels.transactions.database import Database, Parameters
from clvmodels.transactions.spark_dialect import spark_text, translated
from clvmodels.transactions.spark_session import mapped, spark_failures

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

_THE_LOG = "The log"
# Tables of databases that nobody holds any more.
_ABANDONED: deque[dict[str, DataFrame]] = deque()


class SparkDatabase(Database):
    """What a log asks of its database, answered by Spark.

    Tables are views of the session, kept on the executors in memory or on their disks while they
    are needed. What belongs on the driver (the type of a column, the head of a file) is asked of
    the DuckDB database that every `Database` is.

    Attributes
    ----------
    spark : SparkSession
        The session; its time zone and its other settings have no part in any result.
    """

    def __init__(self, spark: SparkSession) -> None:
        super().__init__()
        self.spark = spark
        self._prefix = f"clv_{uuid4().hex[:12]}"
        self._tables: dict[str, DataFrame] = {}
        self._unused: deque[str] = deque()
        weakref.finalize(self, _ABANDONED.append, self._tables).atexit = False

    def new_name(self, stem: str) -> str:
        """Give a view name that nothing else in the session uses."""
        return super().new_name(f"{self._prefix}_{stem}")

    def run(self, query: str, parameters: Parameters = None) -> list[tuple[Any, ...]]:
        """Execute one statement and give its rows."""
        from sqlglot import exp

        statement = translated(query, parameters)
        if isinstance(statement, exp.Create):
            return [(self._create(statement.this.name, spark_text(statement.expression)),)]
        if isinstance(statement, exp.Drop):
            for table in statement.find_all(exp.Table):
                self.drop(table.name)
            return []
        with spark_failures(_THE_LOG):
            columns = self.spark.sql(spark_text(statement)).toArrow().columns
        return list(zip(*(column.to_pylist() for column in columns), strict=True))

    def table(self, query: str, parameters: Parameters = None) -> pa.Table:
        """Give the result of a query as an Arrow table on the driver."""
        with spark_failures(_THE_LOG):
            return self.frame(query, parameters).toArrow()

    def batches(
        self, query: str, rows: int, parameters: Parameters = None
    ) -> Iterator[pa.RecordBatch]:
        """Stream the result of a query, a partition at a time, in batches of at most ``rows``."""
        import pyarrow as pa

        with spark_failures(_THE_LOG):
            packed = mapped(self.frame(query, parameters), pack, "packed binary")
            for row in packed.toLocalIterator():
                for batch in pa.ipc.open_stream(row.packed):
                    for start in range(0, len(batch), rows):
                        yield batch.slice(start, rows)

    def frame(self, query: str, parameters: Parameters = None) -> DataFrame:
        """Give the result of a query as it stays on the cluster."""
        return self.spark.sql(spark_text(translated(query, parameters)))

    def add_view(self, stem: str, frame: DataFrame) -> str:
        """Give a data frame a name for queries; nothing is worked out or kept."""
        name = self.new_name(stem)
        frame.createOrReplaceTempView(name)
        self._tables[name] = frame
        return name

    def drop(self, name: str) -> None:
        """Forget a table; other names are none."""
        frame = self._tables.pop(name, None)
        if frame is not None:
            frame.unpersist()
            self.spark.catalog.dropTempView(name)

    def drop_later(self, name: str) -> None:
        """Forget a table when the next one is made.

        Python collects its garbage at any moment, also in the middle of a question to Spark, and a
        second question is then one too many.
        """
        self._unused.append(name)

    def _sweep(self) -> None:
        while self._unused:
            self.drop(self._unused.popleft())
        while _ABANDONED:
            # Their session may be gone, and every table with it.
            with suppress(Exception):
                for name, frame in _ABANDONED.popleft().items():
                    frame.unpersist()
                    frame.sparkSession.catalog.dropTempView(name)

    def _create(self, name: str, query: str) -> int:
        from pyspark import StorageLevel

        self._sweep()
        if name in self._tables:
            msg = f"{name} exists already."
            raise ClvError(msg)
        with spark_failures(_THE_LOG):
            frame = self.spark.sql(query).persist(StorageLevel.MEMORY_AND_DISK)
            rows = frame.count()
            frame.createOrReplaceTempView(name)
        self._tables[name] = frame
        return rows


def pack(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Batches as bytes, one row each: Spark gives rows of bytes to the driver one by one."""
    import pyarrow as pa

    for batch in batches:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        packed = pa.array([sink.getvalue().to_pybytes()], pa.binary())
        yield pa.RecordBatch.from_arrays([packed], names=["packed"])
