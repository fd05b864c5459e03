"""A batch of customers in, a batch of scores out: the same function for every engine."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import DAYS_PER_UNIT
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


def score_batch(batch: pa.RecordBatch, columns: CustomerColumns, scorer: Scorer) -> pa.RecordBatch:
    """Scores of a batch of a summary, whose recency and T are whole days.

    ``columns`` are the same customers in the unit of the scorer's models. What does not exist
    (money without amounts, counts over a lifetime, segments until they are built) is null.
    """
    per_unit = DAYS_PER_UNIT[scorer.purchases.time_unit_]
    schema = score_schema(batch.schema.field("customer_id").type)
    scores = scorer.score(columns)
    arrays = []
    for field in schema:
        if field.name in scores:
            values = scores[field.name]
            array = pa.array(values, pa.float64(), mask=np.isnan(values)).cast(field.type)
        elif field.name in ("recency", "T"):
            array = pa.array(batch.column(field.name).to_numpy(zero_copy_only=False) / per_unit)
        elif field.name in batch.schema.names:
            array = batch.column(field.name).cast(field.type)
        else:
            array = pa.nulls(len(batch), field.type)
        arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
