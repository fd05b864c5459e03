"""The engine on one machine: DuckDB streams a summary, batches are scored and written."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from clvmodels.engines.batch import ScoredBatch, Segmenting, scored_batch
from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.storage import regrouped, write_parts
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.transactions.summary import CustomerSummary
from clvmodels.value.group_sums import GroupSums
from clvmodels.value.histories import HistoryIndex, HistoryScores
from clvmodels.value.scorer import Scorer
from clvmodels.value.totals import ValueGroups

_ROWS_PER_BATCH = 100_000
_THREADS, _BATCHES_AHEAD = 2, 3
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Scored:
    """What a base leaves behind for its totals, once its scores are written.

    Attributes
    ----------
    groups : ValueGroups
        All customers.
    formula_sums : (4,)
        As `value.simple_formula.formula_sums` gives them.
    by_segment : tuple of ValueGroups
        The customers of each segment, in the order of the segmenter's names; maybe empty ones.
    """

    groups: ValueGroups
    formula_sums: FloatArray
    by_segment: tuple[ValueGroups, ...] = ()


def write_scores(
    summary: CustomerSummary,
    scorer: Scorer,
    folder: Path,
    advance: Callable[[int], None],
    segmenter: Segmenting | None = None,
    yearly_cost: FloatArray | None = None,
) -> Scored:
    """Score a summary batch by batch into Parquet parts; memory holds a few batches at a time.

    ``yearly_cost`` is what each customer costs beside what all of them cost, in their order.

    Batches are scored by threads of their own while others are read and written; order and bytes
    depend on neither.
    """
    triples = summary.triples()
    scorer.prepare(triples)
    index = HistoryIndex(triples)
    histories = HistoryScores.of(scorer, triples)
    groups = GroupSums(triples, 1 if segmenter is None else len(segmenter.names))

    def work(
        item: tuple[pa.RecordBatch, FloatArray | None],
    ) -> tuple[ScoredBatch, CustomerColumns, IntArray]:
        batch, costs = item
        columns = CustomerColumns.from_days(batch, scorer.purchases.time_unit_)
        places = index.find(columns)
        scores = None if histories is None else histories.score(columns, places)
        return scored_batch(batch, columns, scorer, segmenter, costs, scores), columns, places

    def scored() -> Iterator[pa.RecordBatch]:
        # DuckDB's batches depend on its threads, and the last bits of a score on the batch.
        batches = regrouped(summary.batches(_ROWS_PER_BATCH), _ROWS_PER_BATCH)
        for found, columns, places in _in_threads(work, _with_costs(batches, yearly_cost)):
            groups.add(columns, places, found.codes)
            yield found.rows
            advance(len(found.rows))

    write_parts(folder, scored())
    total = groups.total()
    parts = () if segmenter is None else groups.divided()
    return Scored(total, total.formula_sums(), parts)


def _with_costs(
    batches: Iterable[pa.RecordBatch], yearly_cost: FloatArray | None
) -> Iterator[tuple[pa.RecordBatch, FloatArray | None]]:
    """Batches with what their customers cost."""
    start = 0
    for batch in batches:
        end = start + len(batch)
        yield batch, None if yearly_cost is None else yearly_cost[start:end]
        start = end


def _in_threads(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Results in the order of the items, a few of which are worked on ahead of time."""
    with ThreadPoolExecutor(_THREADS) as pool:
        ahead: deque[Future[Result]] = deque()
        try:
            for item in items:
                ahead.append(pool.submit(work, item))
                if len(ahead) > _BATCHES_AHEAD:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()
