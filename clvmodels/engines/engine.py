"""One job on either engine: how a log is read, and how its customers are scored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from clvmodels.engines import duckdb
from clvmodels.engines.duckdb import Scored
from clvmodels.errors import ParameterError
from clvmodels.kernels.base import FloatArray
from clvmodels.segments.segmenter import Segmenter
from clvmodels.transactions.log import TransactionLog
from clvmodels.transactions.read import read_transactions
from clvmodels.transactions.summary import CustomerSummary
from clvmodels.value.scorer import Scorer

ENGINES = ("duckdb", "spark")


class WriteScores(Protocol):
    """How an engine writes scores."""

    def __call__(
        self,
        summary: CustomerSummary,
        scorer: Scorer,
        folder: Path,
        advance: Callable[[int], None],
        segmenter: Segmenter | None = None,
        yearly_cost: FloatArray | None = None,
    ) -> Scored:
        """Write the scores of a summary that the engine made, and give what totals need."""


class Engine(Protocol):
    """Where a job runs. All else of a job asks the log and the summary that come from it."""

    def read(self, source: Any, **options: Any) -> TransactionLog:
        """Read and check a log, with the options of `read_transactions`."""

    @property
    def write_scores(self) -> WriteScores:
        """The writer of this engine."""


@dataclass(frozen=True)
class DuckDBEngine:
    """One machine."""

    def read(self, source: Any, **options: Any) -> TransactionLog:
        """Read and check a log with DuckDB."""
        return read_transactions(source, **options)

    @property
    def write_scores(self) -> WriteScores:
        """Streams a summary through the scorer."""
        return duckdb.write_scores


@dataclass(frozen=True)
class SparkEngine:
    """A cluster.

    Attributes
    ----------
    master : str or None
        Such as ``"local[4]"`` or ``"spark://host:7077"``; None leaves it to ``spark-submit``.
    """

    master: str | None = None

    @cached_property
    def session(self) -> Any:
        """The running session, or a new one."""
        from clvmodels.transactions.spark_session import open_session

        return open_session(self.master)

    def read(self, source: Any, **options: Any) -> TransactionLog:
        """Read and check a log with Spark."""
        return read_transactions(source, **options, spark=self.session)

    @property
    def write_scores(self) -> WriteScores:
        """Has the executors score and write a summary."""
        from clvmodels.engines import spark

        return spark.write_scores


def engine_named(name: str, master: str | None = None) -> Engine:
    """Give the engine of a configuration.

    Raises
    ------
    ParameterError
        If there is none of that name.
    """
    if name not in ENGINES:
        raise ParameterError("engine", name, f"one of {', '.join(ENGINES)}")
    return SparkEngine(master) if name == "spark" else DuckDBEngine()
