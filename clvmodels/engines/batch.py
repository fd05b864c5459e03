"""A batch of customers in, a batch of scores out: the same function for every engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import DAYS_PER_UNIT
from clvmodels.value.customer_costs import charge
from clvmodels.value.plug_in import PREDICTIONS
from clvmodels.value.scorer import Scorer

_COUNTS = ("purchases_lower", "purchases_upper")


def score_schema(id_type: pa.DataType) -> pa.Schema:
    """Columns of the score files for ids of a type."""
    return pa.schema(
        [
            pa.field("customer_id", id_type, nullable=False),
            pa.field("first_purchase", pa.date32()),
            pa.field("last_purchase", pa.date32()),
            pa.field("frequency", pa.int64()),
            pa.field("recency", pa.float64()),
            pa.field("T", pa.float64()),
            pa.field("monetary_value", pa.float64()),
            *(
                pa.field(name, pa.int64() if name in _COUNTS else pa.float64())
                for name in PREDICTIONS
            ),
            pa.field("segment", pa.string()),
            pa.field("segment_probability", pa.float64()),
        ]
    )


class Segmenting(Protocol):
    """What tells the segments of customers from their scores."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the segments, in the order of their codes."""

    def assign(
        self, columns: CustomerColumns, scores: dict[str, FloatArray], scorer: Scorer
    ) -> tuple[IntArray, FloatArray]:
        """Code and probability of the segment of each customer."""


@dataclass(frozen=True)
class ScoredBatch:
    """Scores of a batch, and the codes of its customers' segments where there are any."""

    rows: pa.RecordBatch
    codes: IntArray | None


def score_batch(
    batch: pa.RecordBatch,
    columns: CustomerColumns,
    scorer: Scorer,
    segmenter: Segmenting | None = None,
) -> pa.RecordBatch:
    """Rows of the score files for a batch of a summary, whose recency and T are whole days."""
    return scored_batch(batch, columns, scorer, segmenter).rows


def scored_batch(
    batch: pa.RecordBatch,
    columns: CustomerColumns,
    scorer: Scorer,
    segmenter: Segmenting | None = None,
    yearly_cost: FloatArray | None = None,
    scores: dict[str, FloatArray] | None = None,
) -> ScoredBatch:
    """Scores of a batch of a summary, whose recency and T are whole days.

    ``columns`` are the same customers in the unit of the scorer's models. What does not exist
    (money without amounts, counts over a lifetime, segments without a segmenter) is null. Segments
    look at value before ``yearly_cost``, what customers cost beside what all of them cost.
    ``scores`` are those of the scorer where they are known already.
    """
    per_unit = DAYS_PER_UNIT[scorer.purchases.time_unit_]
    schema = score_schema(batch.schema.field("customer_id").type)
    scores = scorer.score(columns) if scores is None else scores
    codes, made = None, {}
    if segmenter is not None:
        codes, probability = segmenter.assign(columns, scores, scorer)
        made = {
            "segment": pa.array(segmenter.names, pa.string()).take(pa.array(codes)),
            "segment_probability": pa.array(probability, pa.float64(), from_pandas=True),
        }
    if yearly_cost is not None:
        scores = charge(scores, yearly_cost, scorer.terms)
    arrays = []
    for field in schema:
        if field.name in made:
            array = made[field.name]
        elif field.name in scores:
            values = scores[field.name]
            array = pa.array(values, pa.float64(), mask=_missing(values)).cast(field.type)
        elif field.name in ("recency", "T"):
            array = pa.array(batch.column(field.name).to_numpy(zero_copy_only=False) / per_unit)
        elif field.name in batch.schema.names:
            array = batch.column(field.name).cast(field.type)
        else:
            array = pa.nulls(len(batch), field.type)
        arrays.append(array)
    return ScoredBatch(pa.RecordBatch.from_arrays(arrays, schema=schema), codes)


def _missing(values: FloatArray) -> NDArray[np.bool_] | None:
    """Where there is no score; None where all are there, as masks make copies."""
    missing = np.isnan(values)
    return missing if missing.any() else None
