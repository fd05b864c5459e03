"""The engine on one machine: DuckDB streams a summary, batches are scored and written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow as pa

from clvmodels.ahead import worked_ahead
from clvmodels.engines.batch import Segmenting, scored_batch
from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.storage import GROUPS_PER_PART, ROWS_PER_GROUP, regrouped, write_part
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.transactions.summary import CustomerSummary
from clvmodels.value.group_sums import GroupSums
from clvmodels.value.histories import HistoryIndex, HistoryScores
from clvmodels.value.scorer import Scorer
from clvmodels.value.totals import ValueGroups

# A batch, what its customers cost beside what all of them cost, by customer.
Costed = tuple[pa.RecordBatch, FloatArray | None]
# Customers, the places of their histories, and the codes of their segments.
Met = tuple[CustomerColumns, IntArray, IntArray | None]


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

    Parts are scored and written by threads of their own; order and bytes depend on neither.
    """
    triples = summary.triples()
    scorer.prepare(triples)
    index = HistoryIndex(triples)
    histories = HistoryScores.of(scorer, triples)
    groups = GroupSums(triples, 1 if segmenter is None else len(segmenter.names))
    folder.mkdir()

    def write(part: tuple[int, list[Costed]]) -> list[Met]:
        number, rows = part
        met: list[Met] = []

        def scored() -> Iterator[pa.RecordBatch]:
            for batch, costs in rows:
                columns = CustomerColumns.from_days(batch, scorer.purchases.time_unit_)
                places = index.find(columns)
                known = None if histories is None else histories.score(columns, places)
                found = scored_batch(batch, columns, scorer, segmenter, costs, known)
                met.append((columns, places, found.codes))
                yield found.rows

        write_part(folder, number, scored())
        return met

    # DuckDB's batches depend on its threads, and the last bits of a score on the batch.
    rows = _with_costs(regrouped(summary.batches(ROWS_PER_GROUP), ROWS_PER_GROUP), yearly_cost)
    parts = enumerate(iter(lambda: list(islice(rows, GROUPS_PER_PART)), []))
    for met in worked_ahead(write, parts):
        for columns, places, codes in met:
            groups.add(columns, places, codes)
            advance(len(columns))
    total = groups.total()
    divided = () if segmenter is None else groups.divided()
    return Scored(total, total.formula_sums(), divided)


def _with_costs(
    batches: Iterable[pa.RecordBatch], yearly_cost: FloatArray | None
) -> Iterator[Costed]:
    """Batches with what their customers cost."""
    start = 0
    for batch in batches:
        end = start + len(batch)
        yield batch, None if yearly_cost is None else yearly_cost[start:end]
        start = end
