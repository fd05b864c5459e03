"""The connection to Spark: starting a session and telling its failures."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clvmodels.errors import ConfigurationError, InputError, ResourceError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

# Opens the text of an error that our own functions raise on an executor.
REFUSED = "clvmodels refuses: "
_NEEDED = (
    "The Spark engine needs the package pyspark and Java 17 or later. Install the first with "
    "pip install 'clvmodels[spark]'."
)
_SETTINGS = {
    "spark.app.name": "clvmodels",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "100000",
    # Without it a table that is kept has 200 parts, however small, and so each question 200 tasks.
    "spark.sql.optimizer.canChangeCachedPlanOutputPartitioning": "true",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
}
_ALONE = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}
_NO_PACKAGE = "No module named 'clvmodels'"
_EXHAUSTED = (
    "OutOfMemoryError",
    "No space left",
    "ExecutorLostFailure",
    "Total size of serialized results",
)


def open_session(master: str | None) -> SparkSession:
    """Give the running session, or start one.

    Parameters
    ----------
    master : str or None
        Such as ``"local[4]"`` or ``"spark://host:7077"``; None leaves it to ``spark-submit`` or to
        Spark's own configuration.

    Raises
    ------
    ConfigurationError
        If Spark is not there or does not start.
    """
    try:
        with _quiet():
            from pyspark.sql import SparkSession
    except ImportError as error:
        raise ConfigurationError(_NEEDED) from error
    settings: dict[str, bool | float | int | str | None] = dict(_SETTINGS)
    if master is not None:
        settings["spark.master"] = master
        if master.startswith("local"):
            settings |= _ALONE
            # Executors on this machine have this interpreter, and so the same packages.
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    try:
        with _quiet():
            return SparkSession.builder.config(map=settings).getOrCreate()
    except Exception as error:  # Java's own failures come in many classes
        msg = f"Spark does not start ({first_sentence(error)}). {_NEEDED}"
        raise ConfigurationError(msg) from error


def mapped(frame: DataFrame, function: Any, schema: Any) -> DataFrame:
    """Give what a function makes of the Arrow batches of a data frame; nothing is worked out."""
    with _quiet():
        return frame.mapInArrow(function, schema)


def spark_schema(schema: pa.Schema) -> StructType:
    """Columns of Arrow as Spark has them; stamps without a zone stay without one."""
    with _quiet():
        from pyspark.sql.pandas.types import from_arrow_schema
    return from_arrow_schema(schema, prefer_timestamp_ntz=True)


def as_it_stands(path: Path) -> str:
    """A local path as Spark reads it, with no wildcard in it."""
    return "file:" + "".join(f"\\{mark}" if mark in "{}[]*?\\" else mark for mark in str(path))


@contextmanager
def _quiet() -> Iterator[None]:
    """Without PySpark's remark on versions of pandas, which nothing here uses with it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "PySpark does not yet fully support", FutureWarning)
        yield


@contextmanager
def spark_failures(subject: str) -> Iterator[None]:
    """Turn Spark's exceptions into those of the package; ``subject`` opens the message."""
    with _quiet():
        from pyspark.errors import PySparkException
    try:
        with _quiet():
            yield
    except PySparkException as error:
        _raise(subject, error)
    except Exception as error:
        if not type(error).__module__.startswith("py4j"):
            raise
        _raise(subject, error)


def _raise(subject: str, error: Any) -> None:
    text = str(error)
    if REFUSED in text:
        told = text[text.rindex(REFUSED) + len(REFUSED) :].splitlines()[0]
        raise InputError(told) from error
    if any(sign in text for sign in _EXHAUSTED):
        msg = (
            f"{subject} could not be worked on by Spark: {first_sentence(error)} See to memory and "
            "disk of the executors, and run again."
        )
        raise ResourceError(msg) from error
    if _NO_PACKAGE in text:
        msg = (
            "The Python of Spark's executors has no clvmodels. Install it there, or let "
            "PYSPARK_PYTHON name an interpreter that has it before the session starts."
        )
        raise ConfigurationError(msg) from error
    msg = f"{subject} cannot be read by Spark: {first_sentence(error)}"
    raise InputError(msg) from error


def first_sentence(error: BaseException) -> str:
    """First line of an error's text that says something, at most 300 characters."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__
