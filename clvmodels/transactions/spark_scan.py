"""The scan of a log on a cluster: executors judge the rows, Spark sums them into purchase days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

from clvmodels.transactions import sql
from clvmodels.transactions.account import RULES, InputFile
from clvmodels.transactions.scan import (
    LogOptions,
    Scan,
    ScannedSource,
    contract,
    find_returns,
    guessed_format,
)
from clvmodels.transactions.sources import digest
from clvmodels.transactions.spark_database import SparkDatabase
from clvmodels.transactions.spark_rows import INCOMING, Judge
from clvmodels.transactions.spark_session import mapped, spark_failures, spark_schema
from clvmodels.transactions.spark_sources import SparkSource

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType

# Stands for a row without sound structure where rows are judged: beyond the codes of all rules.
BROKEN = len(RULES)


@dataclass(frozen=True)
class SparkScan(Scan):
    """A scan whose tables are on the cluster.

    Attributes
    ----------
    sources : tuple of SparkSource
        Where the rows can be read again.
    judged_rows : str
        View of every sound row with the rule that it breaks by itself.
    """

    sources: tuple[SparkSource, ...] = ()
    judged_rows: str = ""

    @property
    def cluster(self) -> SparkDatabase:
        """The database, which is on a cluster."""
        return cast("SparkDatabase", self.database)

    def judged(self) -> str:
        """Query of every sound row with the rule that it breaks by itself."""
        return f"SELECT * FROM {self.judged_rows}"


def spark_scan(
    database: SparkDatabase, sources: Sequence[SparkSource], options: LogOptions
) -> SparkScan:
    """Read all sources once into the table of purchase days, which stays on the cluster.

    Raises
    ------
    InputError
        If a column is missing or of an impossible type, or nothing can be read.
    ConfigurationError
        If the time zone is unknown.
    """
    plain = [each.source for each in sources]
    amount, columns, rule = contract(database, plain, options)
    has_amount = amount is not None
    wanted = {options.customer_id, options.date, amount, options.order_id}
    frames = [
        judged_frame(database, each.narrowed(wanted), _scan_query(each, column, rule))
        for each, column in zip(sources, columns, strict=True)
    ]
    together = frames[0]
    for frame in frames[1:]:
        together = together.union(frame)
    all_rows = database.add_view("rows", together)
    judged = database.add_view(
        "judged",
        database.frame(f"SELECT * FROM {all_rows} WHERE rule IS NULL OR rule < {BROKEN}"),
    )
    days, counted, broken = _collapse(database, all_rows, drop_duplicates=options.drop_duplicates)
    parts = [
        ScannedSource(
            source, column, broken if number == 0 else 0, guessed_format(source, options.date)
        )
        for number, (source, column) in enumerate(zip(plain, columns, strict=True))
    ]
    inputs = _inputs(sources, counted)
    returns = None
    if has_amount and options.returns != "drop":
        query = f"SELECT * FROM {judged}"
        returns = find_returns(database, options, days, sql.WIDE_MONEY, query)
    return SparkScan(
        database=database,
        options=options,
        days=days,
        has_amount=has_amount,
        rule=rule,
        inputs=inputs,
        parts=parts,
        returns=returns,
        sources=tuple(sources),
        judged_rows=judged,
    )


def judged_frame(database: SparkDatabase, source: SparkSource, query: str) -> DataFrame:
    """Rows of a source as executors judge them by a query over ``incoming``."""
    judge = Judge(query, source.names, source.header)
    return mapped(source.frame, judge, _schema(database, source, query))


def _schema(database: SparkDatabase, source: SparkSource, query: str) -> StructType:
    """What Spark calls the columns and types that a query gives, asked of no rows at all."""
    path, row, raw = source.names[-3:]
    empty = (
        f"SELECT *, NULL::VARCHAR AS {sql.identifier(path)}, NULL::BIGINT AS "
        f"{sql.identifier(row)}, NULL::VARCHAR AS {sql.identifier(raw)} "
        f"FROM {source.source.relation}"
    )
    with database.cursor() as cursor:
        cursor.execute(f"CREATE OR REPLACE TEMP VIEW {INCOMING} AS {empty}")
        table = cursor.sql(query).to_arrow_table()
    return spark_schema(table.schema)


def sound_rows(source: SparkSource) -> str:
    """Relation of the rows of a batch that have a sound structure."""
    if source.header is None:
        return INCOMING
    return f"(SELECT * FROM {INCOMING} WHERE {sql.identifier(source.names[-1])} IS NULL)"


def _scan_query(source: SparkSource, columns: sql.RowColumns, rule: str) -> str:
    judged = sql.judged_query([sql.rows_query(columns, sound_rows(source))], rule)
    columns_of_rows = "customer_id, stamp, day, amount, order_id, rule::SMALLINT AS rule"
    sound = f"SELECT {columns_of_rows} FROM ({judged})"
    if source.header is None:
        return sound
    return (
        f"{sound} UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, {BROKEN} FROM {INCOMING} "
        f"WHERE {sql.identifier(source.names[-1])} IS NOT NULL"
    )


def _collapse(database: SparkDatabase, rows: str, *, drop_duplicates: bool) -> tuple[str, int, int]:
    """Name of the new table of purchase days, number of rows, and of those without sound structure.

    These have no day, which keeps them out of everything that asks for one.
    """
    query = sql.purchase_days_query(
        f"SELECT * FROM {rows}", sql.WIDE_MONEY, drop_duplicates=drop_duplicates
    )
    days = database.new_name("days")
    database.run(f"CREATE TABLE {days} AS {query}")
    total, broken = database.run(
        f"SELECT coalesce(sum(rows), 0), coalesce(sum(rows) FILTER (day IS NULL), 0) FROM {days}"
    )[0]
    return days, int(total), int(broken)


def _inputs(sources: Sequence[SparkSource], rows: int) -> list[InputFile]:
    """Files with their rows, and their SHA-256 where the driver can read them."""
    if len(sources) == 1 and len(sources[0].source.files) <= 1 and not sources[0].many:
        source = sources[0].source
        return [InputFile(source.name, rows, *map(digest, source.files))]
    return [file for source in sources for file in _files(source)]


def _files(source: SparkSource) -> list[InputFile]:
    with spark_failures(source.source.name):
        counted = source.frame.groupBy("path").count().orderBy("path").collect()
    local, header = set(source.source.files), 0 if source.header is None else 1
    files = []
    for path, rows in counted:
        place = unquote(path or source.source.name)
        file = Path("/", place.removeprefix("file:").lstrip("/"))
        sha256 = digest(file) if file in local else None
        files.append(InputFile(place.rpartition("/")[2], rows - header, sha256))
    return files
