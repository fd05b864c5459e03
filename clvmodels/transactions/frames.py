"""Opening what lives in memory: pandas, Polars, Arrow tables and streams, DuckDB relations."""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa

from clvmodels.errors import InputError
from clvmodels.transactions.database import Database, failures
from clvmodels.transactions.sources import Source, describe


def open_frame(database: Database, source: Any, date_format: str | None) -> Source:
    """Open a frame, a table, a stream or a relation.

    Raises
    ------
    InputError
        If the object is none of them, or a stream breaks off.
    """
    if isinstance(source, duckdb.DuckDBPyRelation):
        return _copied(database, source.to_arrow_reader(), date_format)
    if hasattr(source, "collect") and hasattr(source, "lazy"):
        source = source.collect()
    if isinstance(source, pa.RecordBatchReader):
        return _copied(database, source, date_format)
    if isinstance(source, pa.Table | pa.RecordBatch):
        table = pa.table(source)
    elif _is_pandas(source):
        table = _from_pandas(source)
    elif hasattr(source, "__arrow_c_stream__"):
        table = pa.table(source)
    else:
        msg = (
            f"A log cannot be read from {type(source).__name__}. Give a path, a pandas, Polars or "
            "Arrow table, a DuckDB relation or a Spark data frame."
        )
        raise InputError(msg)
    name = database.add_frame(table)
    return Source("frame", name, describe(database, name), date_format=date_format)


def _copied(database: Database, reader: pa.RecordBatchReader, date_format: str | None) -> Source:
    """A stream can be read once only, and the quarantine looks twice."""
    name = database.new_name("copied")
    with failures("The stream"), database.cursor() as cursor:
        cursor.register("incoming", reader)
        cursor.execute(f"CREATE TABLE {name} AS SELECT * FROM incoming")
    return Source("frame", name, describe(database, name), date_format=date_format)


def _is_pandas(source: Any) -> bool:
    return type(source).__module__.split(".")[0] == "pandas" and hasattr(source, "columns")


def _from_pandas(frame: Any) -> pa.Table:
    """Convert column by column, so that one mixed column becomes text and disturbs no other."""
    arrays = []
    for position in range(frame.shape[1]):
        column = frame.iloc[:, position]
        try:
            array = pa.Array.from_pandas(column)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
            texts = [
                None if missing else str(value)
                for value, missing in zip(column, column.isna(), strict=True)
            ]
            array = pa.array(texts, pa.string())
        arrays.append(array)
    return pa.table(arrays, names=[str(name) for name in frame.columns])
