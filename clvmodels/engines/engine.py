"""One job on either engine: how a log is read, and how its customers are scored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from clvmodels.engines import duckdb
from clvmodels.engines.duckdb import Scored
from clvmodels.errors import ClvError, ConfigurationError, ParameterError
from clvmodels.kernels.base import FloatArray
from clvmodels.segments.segmenter import Segmenter
from clvmodels.transactions.log import TransactionLog
from clvmodels.transactions.read import read_transactions
from clvmodels.transactions.spark_log import SparkSummary
from clvmodels.transactions.summary import CustomerSummary
from clvmodels.value.scorer import Scorer

ENGINES = ("duckdb", "spark")


class Engine(Protocol):
    """Where a job runs. All else of a job asks the log and the summary that come from it."""

    def read(self, source: Any, **options: Any) -> TransactionLog:
        """Read and check a log, with the options of `read_transactions`."""

    def write_scores(
        self,
        summary: CustomerSummary,
        scorer: Scorer,
        folder: Path,
        advance: Callable[[int], None],
        segmenter: Segmenter | None = None,
        yearly_cost: FloatArray | None = None,
    ) -> Scored:
        """Write the scores of a summary that this engine made, and give what totals need."""


@dataclass(frozen=True)
class DuckDBEngine:
    """One machine."""

    def read(self, source: Any, **options: Any) -> TransactionLog:
        """Read and check a log with DuckDB."""
        return read_transactions(source, **options)

    def write_scores(
        self,
        summary: CustomerSummary,
        scorer: Scorer,
        folder: Path,
        advance: Callable[[int], None],
        segmenter: Segmenter | None = None,
        yearly_cost: FloatArray | None = None,
    ) -> Scored:
        """Stream a summary through the scorer."""
        return duckdb.write_scores(summary, scorer, folder, advance, segmenter, yearly_cost)


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

    def write_scores(
        self,
        summary: CustomerSummary,
        scorer: Scorer,
        folder: Path,
        advance: Callable[[int], None],
        segmenter: Segmenter | None = None,
        yearly_cost: FloatArray | None = None,
    ) -> Scored:
        """Have the executors score and write a summary."""
        from clvmodels.engines import spark

        if yearly_cost is not None:
            msg = "Costs of single customers are labels, which are not read on Spark."
            raise ConfigurationError(msg)
        if not isinstance(summary, SparkSummary):
            msg = "The Spark engine scores what it summarised itself."
            raise ClvError(msg)
        return spark.write_scores(summary, scorer, folder, advance, segmenter)


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
