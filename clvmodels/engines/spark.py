"""The engine on a cluster: Spark keeps a summary, its executors score and write it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
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
from clvmodels.errors import ResourceError
from clvmodels.kernels.base import FloatArray
from clvmodels.segments.segmenter import Segmenter
from clvmodels.transactions.spark_log import SparkSummary
from clvmodels.transactions.spark_session import as_it_stands, mapped, spark_failures, spark_schema
from clvmodels.value.scorer import Scorer
from clvmodels.value.simple_formula import orders_per_year
from clvmodels.value.totals import ValueGroups

_SCORES = "The scores"


def write_scores(
    summary: SparkSummary,
    scorer: Scorer,
    folder: Path,
    advance: Callable[[int], None],
    segmenter: Segmenter | None = None,
) -> Scored:
    """Score a summary on the executors, which write Parquet parts in the order of the ids.

    Raises
    ------
    ResourceError
        If the executors cannot write where this process reads, or Spark gives up.
    """
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
    sums = _formula_sums(groups)
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


def _formula_sums(groups: ValueGroups) -> FloatArray:
    """What `formula_sums` gives of all customers: it needs no more of them than their groups."""
    columns = groups.columns
    weight, orders = columns.weights, columns.frequency + 1
    return np.array(
        [
            weight.sum(),
            (orders * groups.priced).sum(),
            (orders * groups.sum_order).sum(),
            (orders_per_year(columns) * weight).sum(),
        ]
    )
