"""From any source to a checked log of purchase days, in one scan."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Literal

from clvmodels.errors import DataWarning, ParameterError
from clvmodels.transactions.database import Database
from clvmodels.transactions.frames import open_frame
from clvmodels.transactions.log import TransactionLog
from clvmodels.transactions.scan import LogOptions, scan
from clvmodels.transactions.sources import CsvOptions, open_paths


def read_transactions(
    source: Any,
    *,
    customer_id: str = "customer_id",
    date: str = "date",
    amount: str | None = None,
    order_id: str | None = None,
    time_zone: str = "UTC",
    returns: Literal["net", "drop", "reject"] = "net",
    zero_amounts: Literal["keep", "drop"] = "keep",
    duplicates: Literal["keep", "drop"] = "keep",
    csv: CsvOptions | None = None,
    memory_limit: str | None = None,
    threads: int | None = None,
    spark: Any = None,
) -> TransactionLog:
    """Read and check a log of purchases, and warn about what deserves a look.

    Parameters
    ----------
    source
        A path, a glob or a list of them (CSV, Parquet, ``shop.duckdb::table``), a pandas, Polars
        or Arrow table, an Arrow stream, a DuckDB relation, or a Spark data frame.
    customer_id, date, amount, order_id : str
        Column names. Without ``amount`` the column ``amount`` is used where there is one, and
        else purchases only are modelled.
    time_zone : str
        Zone of the calendar day of stamps that carry an offset. Others are taken as they stand.
    returns : {"net", "drop", "reject"}
        What happens to negative amounts. ``"net"`` takes them from the purchases of their order,
        where an order id links them, and else from the customer's latest earlier purchases; a
        purchase day with nothing left is none, and a return that finds nothing is set aside.
        ``"drop"`` sets all aside; ``"reject"`` refuses the log.
    zero_amounts, duplicates : {"keep", "drop"}
        What happens to rows of amount zero, and to exact duplicates (same customer, stamp, amount
        and order id).
    csv : CsvOptions, optional
        How CSV files are written, where sniffing is not enough.
    memory_limit, threads
        Bounds for DuckDB, such as ``"2GB"`` and 2; beyond the memory limit it spills to disk.
    spark : pyspark.sql.SparkSession, optional
        Reads paths on a cluster, also ``s3a://`` and whatever else Spark knows. A Spark data frame
        brings its own session. Everything that is asked of such a log is worked out by Spark.

    Raises
    ------
    InputError
        If the source, a column or every row is unusable.
    ConfigurationError
        If an option has a value that cannot be used.

    Examples
    --------
    >>> import pyarrow as pa
    >>> frame = pa.table({"user": ["a", "a"], "day": ["2025-01-01", "2025-02-01"]})
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     log = read_transactions(frame, customer_id="user", date="day")
    >>> log.summarize().to_pandas().frequency.tolist()
    [1]
    """
    csv = csv or CsvOptions()
    mark = csv.decimal_separator
    if mark is not None and (len(mark) != 1 or mark.isalnum() or mark in "+- "):
        raise ParameterError("decimal_separator", mark, "one mark such as ','")
    options = LogOptions(
        customer_id=customer_id,
        date=date,
        amount=amount,
        order_id=order_id,
        time_zone=time_zone,
        returns=_choice("returns", returns, "net", "drop", "reject"),
        drop_zero=_is_drop("zero_amounts", zero_amounts),
        drop_duplicates=_is_drop("duplicates", duplicates),
        decimal_separator=csv.decimal_separator,
    )
    log = _opened(source, options, csv, memory_limit, threads, spark)
    for warning in log.warnings:
        warnings.warn(warning.message, DataWarning, stacklevel=2)
    return log


def _opened(
    source: Any,
    options: LogOptions,
    csv: CsvOptions,
    memory_limit: str | None,
    threads: int | None,
    spark: Any,
) -> TransactionLog:
    if spark is not None or _is_spark_frame(source):
        from clvmodels.transactions.spark_log import read_on_spark

        return read_on_spark(source, options, csv, spark, memory_limit, threads)
    database = Database(memory_limit, threads)
    if isinstance(source, str | Path):
        sources = open_paths(database, [source], csv)
    elif isinstance(source, list | tuple) and all(isinstance(i, str | Path) for i in source):
        sources = open_paths(database, source, csv)
    else:
        sources = [open_frame(database, source, csv.date_format)]
    return TransactionLog(scan(database, sources, options))


def _is_spark_frame(source: Any) -> bool:
    """Whether an object is a Spark data frame, without importing Spark."""
    return hasattr(source, "sparkSession") and hasattr(source, "mapInArrow")


def _is_drop(option: str, value: str) -> bool:
    return _choice(option, value, "keep", "drop") == "drop"


def _choice(option: str, value: str, *choices: str) -> str:
    if value not in choices:
        raise ParameterError(option, value, " or ".join(map(repr, choices)))
    return value
