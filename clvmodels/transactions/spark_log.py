"""A log and its summary on a cluster: those of one machine, with their tables kept by Spark."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from clvmodels.errors import ConfigurationError
from clvmodels.transactions import sql
from clvmodels.transactions.account import CODE, LogCheck
from clvmodels.transactions.customer_table import CustomerTable
from clvmodels.transactions.database import Database
from clvmodels.transactions.frames import open_frame
from clvmodels.transactions.log import EVIDENCE_CUSTOMERS, TransactionLog, as_date
from clvmodels.transactions.scan import LogOptions, scan
from clvmodels.transactions.signs import Signs
from clvmodels.transactions.sources import CsvOptions
from clvmodels.transactions.spark_database import SparkDatabase
from clvmodels.transactions.spark_quarantine import spark_quarantine
from clvmodels.transactions.spark_scan import SparkScan, spark_scan
from clvmodels.transactions.spark_sources import open_spark_frame, open_spark_paths
from clvmodels.transactions.summary import CustomerSummary
from clvmodels.units import TimeUnit

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession


class SparkSummary(CustomerSummary):
    """Customers on the cluster; what a model learns from comes to the driver compressed.

    Methods that give every customer (`columns`, `to_arrow`, `to_pandas`) bring the base to the
    driver.
    """

    def __init__(
        self,
        database: Database,
        table: CustomerTable,
        time_unit: TimeUnit,
        check: LogCheck,
        *,
        has_amount: bool,
    ) -> None:
        super().__init__(database, table, time_unit, check, has_amount=has_amount)
        self.cluster = cast("SparkDatabase", database)
        weakref.finalize(self, self.cluster.drop_later, table.name).atexit = False

    def sort_ahead(self) -> None:
        """Leave it to the cluster, which sorts as it writes."""

    def frame(self) -> DataFrame:
        """Give one row per customer as a Spark data frame, recency and T in whole days."""
        columns = ", ".join(sql.SUMMARY_COLUMNS)
        return self.cluster.frame(f"SELECT {columns} FROM {self._table}")

    @property
    def id_type(self) -> pa.DataType:
        """Type of the ids in Arrow."""
        return self.frame().select("customer_id").limit(0).toArrow().schema.field(0).type

    def with_labels(
        self, source: Any, customer_id: str = "customer_id", *, csv: CsvOptions | None = None
    ) -> CustomerSummary:
        """Refuse: labels belong to the engine of one machine.

        Raises
        ------
        ConfigurationError
            Always.
        """
        del source, customer_id, csv
        msg = "Labels are not read on Spark. Leave them out, or use the engine duckdb."
        raise ConfigurationError(msg)


class SparkLog(TransactionLog):
    """A checked log whose rows and purchase days stay on the cluster."""

    _summary_class = SparkSummary

    def __init__(
        self,
        scan: SparkScan,
        until: date | None = None,
        memory_limit: str | None = None,
        threads: int | None = None,
    ) -> None:
        self._on_cluster = scan
        self._limits = memory_limit, threads
        self._local: dict[int, TransactionLog] = {}
        super().__init__(scan, until)

    def before(self, end: date | str) -> SparkLog:
        """Give the same log as it stood at the end of a day."""
        day = as_date(end, "end")
        day = day if self._until is None else min(day, self._until)
        return SparkLog(self._on_cluster, day, *self._limits)

    def sample(self, customers: int) -> TransactionLog:
        """Give the log of about so many customers on this machine; of all if there are no more.

        Which customers depends on their ids alone. Rows of one purchase day are one row there, and
        what was set aside here is not there at all.
        """
        if customers not in self._local:
            self._local[customers] = self._collected(customers)
        return self._local[customers]

    def signs(self, customers: CustomerSummary) -> Signs:
        """Count what the purchase days show beside a summary, as `TransactionLog.signs` does."""
        part = self.sample(EVIDENCE_CUSTOMERS)
        found = part.signs(customers)
        if part.share == 1.0:
            return found
        days = self.seen(customers.observation_end)
        query = f"SELECT day, count(*) FROM {days} GROUP BY day ORDER BY day"
        purchases = dict(self._on_cluster.cluster.run(query))
        return replace(found, purchases=purchases, share=part.share)

    def _collected(self, customers: int) -> TransactionLog:
        scanned = self._on_cluster
        known, total = self._customers()
        chosen, share = sql.in_sample(customers, total), 1.0
        if total > customers:
            share = self._count(f"{known} WHERE {chosen}") / total
        table = scanned.cluster.table(f"SELECT * FROM ({_evidence(scanned)}) WHERE {chosen}")
        if not self.has_amount:
            table = table.drop_columns("amount")
        database = Database(*self._limits)
        options = LogOptions(
            date="day",
            amount="amount" if self.has_amount else None,
            order_id=None if scanned.options.order_id is None else "order_id",
            returns=scanned.options.returns,
        )
        local = scan(database, [open_frame(database, table, None)], options)
        return TransactionLog(replace(local, share=share), self._until)

    def _count(self, relation: str) -> int:
        return int(self._on_cluster.cluster.run(f"SELECT count(*) FROM {relation}")[0][0])

    def quarantine_batches(
        self, observation_end: date | str | None = None, rows: int = 100_000
    ) -> Iterator[pa.RecordBatch]:
        """Stream every row that was set aside, as `TransactionLog.quarantine_batches` does.

        ``row`` is null for the rows of a data frame.
        """
        end, explicit = self._resolve_end(observation_end), observation_end is not None
        expected = self._findings(end, explicit=explicit).account.set_aside
        return spark_quarantine(
            self._on_cluster, expected, end, self._until, rows, explicit=explicit
        )


def _evidence(scanned: SparkScan) -> str:
    """Purchase days and returns as rows, those of different orders apart where orders link them."""
    code = CODE["return_without_purchase"]
    if scanned.options.order_id is None:
        returns = sql.rule_days_query(scanned.days, code, None)
        return (
            f"SELECT customer_id, day, amount FROM {sql.good_days(scanned.days, None)} "
            f"UNION ALL SELECT customer_id, day, amount FROM ({returns})"
        )
    rows = sql.counted_query(scanned.judged(), drop_duplicates=scanned.options.drop_duplicates)
    return (
        f"SELECT customer_id, day, {sql.order_key('order_id')} AS order_id, sum(amount) AS amount "
        f"FROM ({rows}) WHERE rule IS NULL OR rule = {code} "
        f"GROUP BY customer_id, day, {sql.order_key('order_id')}, amount < 0"
    )


def read_on_spark(
    source: Any,
    options: LogOptions,
    csv: CsvOptions,
    spark: SparkSession | None,
    memory_limit: str | None,
    threads: int | None,
) -> SparkLog:
    """Read a Spark data frame, or paths with a Spark session, into a checked log.

    Raises
    ------
    InputError
        If the source, a column or every row is unusable.
    """
    if spark is None:
        database = SparkDatabase(source.sparkSession)
        sources = [open_spark_frame(database, source, csv.date_format)]
    else:
        database = SparkDatabase(spark)
        paths = [source] if isinstance(source, str | Path) else source
        sources = open_spark_paths(database, paths, csv)
    return SparkLog(spark_scan(database, sources, options), None, memory_limit, threads)
