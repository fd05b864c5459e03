"""The engine on one machine: DuckDB streams a summary, batches are scored and written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from clvmodels.engines.batch import score_batch
from clvmodels.kernels.base import FloatArray
from clvmodels.storage import regrouped, write_parts
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.transactions.summary import CustomerSummary
from clvmodels.value.scorer import Scorer
from clvmodels.value.simple_formula import formula_sums
from clvmodels.value.totals import ValueGroups

_ROWS_PER_BATCH = 100_000


@dataclass(frozen=True)
class Scored:
    """What a base leaves behind for its totals, once its scores are written."""

    groups: ValueGroups
    formula_sums: FloatArray


def write_scores(
    summary: CustomerSummary, scorer: Scorer, folder: Path, advance: Callable[[int], None]
) -> Scored:
    """Score a summary batch by batch into Parquet parts; memory holds one batch at a time."""
    scorer.prepare(summary.triples())
    groups: list[ValueGroups] = []
    sums = np.zeros(4)

    def scored() -> Iterator[pa.RecordBatch]:
        nonlocal sums
        # DuckDB's batches depend on its threads, and the last bits of a score on the batch.
        for batch in regrouped(summary.batches(_ROWS_PER_BATCH), _ROWS_PER_BATCH):
            columns = CustomerColumns.from_days(batch, scorer.purchases.time_unit_)
            groups.append(ValueGroups.of(columns))
            sums = sums + formula_sums(columns)
            yield score_batch(batch, columns, scorer)
            advance(len(batch))

    write_parts(folder, scored())
    return Scored(ValueGroups.merged(groups), sums)
