"""The engine on a cluster: Spark keeps a summary, its executors score and write it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq

from clvmodels.engines.batch import score_schema
from clvmodels.engines.duckdb import Scored
from clvmodels.engines.spark_kit import (
    GROUPS,
    SUMS,
    GroupPartition,
    Kit,
    ScorePartition,
    from_flat,
)
from clvmodels.errors import ClvError, ConfigurationError, ResourceError
from clvmodels.kernels.base import FloatArray
from clvmodels.segments.segmenter import Segmenter
from clvmodels.transactions.spark_log import SparkSummary
from clvmodels.transactions.spark_session import as_it_stands, mapped, spark_failures, spark_schema
from clvmodels.transactions.summary import CustomerSummary
from clvmodels.value.scorer import Scorer
from clvmodels.value.totals import ValueGroups

_SCORES = "The scores"


def write_scores(
    summary: CustomerSummary,
    scorer: Scorer,
    folder: Path,
    advance: Callable[[int], None],
    segmenter: Segmenter | None = None,
    yearly_cost: FloatArray | None = None,
) -> Scored:
    """Score a summary on the executors, which write Parquet parts in the order of the ids.

    Raises
    ------
    ResourceError
        If the executors cannot write where this process reads, or Spark gives up.
    ConfigurationError
        If there are costs of single customers.
    """
    if yearly_cost is not None:
        msg = "Costs of single customers are labels, which are not read on Spark."
        raise ConfigurationError(msg)
    if not isinstance(summary, SparkSummary):
        msg = "The Spark engine scores what it summarised itself."
        raise ClvError(msg)
    customers = summary.frame()
    id_type = summary.id_type
    with spark_failures(_SCORES):
        schema = spark_schema(score_schema(id_type))
        scores = mapped(
            customers.orderBy("customer_id"), ScorePartition(Kit.of(scorer, segmenter)), schema
        )
        scores.write.option("compression", "zstd").parquet(f"file:{folder.resolve()}")
    _tidy(folder, len(summary))
    advance(len(summary))
    groups = _groups(summary, scorer, folder, segmenter)
    sums = groups.formula_sums()
    if segmenter is None:
        return Scored(groups, sums)
    return Scored(groups.undivided(), sums, groups.divided(len(segmenter.names)))


def _tidy(folder: Path, customers: int) -> None:
    """Name the parts as everywhere here, and make sure that they are all there."""
    written = sorted(folder.glob("part-*.parquet"))
    rows = 0
    kept = 0
    for path in written:
        of_part = pq.read_metadata(path).num_rows
        if of_part:
            path.replace(folder / f"part-{kept:05d}.parquet")
            kept += 1
        else:
            path.unlink()
        rows += of_part
    for other in folder.iterdir() if folder.is_dir() else ():
        if not (other.suffix == ".parquet" and len(other.stem) == len("part-00000")):
            shutil.rmtree(other) if other.is_dir() else other.unlink()
    if rows != customers:
        msg = (
            f"The executors were given {customers:,} customers to score, and {rows:,} are in "
            f"{folder.name}. Give a folder that driver and executors share, and run again."
        )
        raise ResourceError(msg)


def _groups(
    summary: SparkSummary, scorer: Scorer, folder: Path, segmenter: Segmenter | None
) -> ValueGroups:
    """The base compressed on the cluster, divided by the segments that were written."""
    customers, names = summary.frame(), tuple[str, ...]()
    unit = scorer.purchases.time_unit_
    with spark_failures(_SCORES):
        if segmenter is not None:
            names = segmenter.names
            spark = summary.cluster.spark
            written = spark.read.parquet(as_it_stands(folder.resolve()))
            customers = customers.join(written.select("customer_id", "segment"), "customer_id")
        grouped = mapped(customers, GroupPartition(unit, names), spark_schema(GROUPS))
        keys = [name for name in GROUPS.names if name not in SUMS]
        added = grouped.groupBy(*keys).agg(dict.fromkeys(SUMS, "sum"))
        table = added.select(*keys, *(f"`sum({name})`" for name in SUMS)).toArrow()
    return from_flat(table.rename_columns(GROUPS.names), unit, divided=segmenter is not None)
