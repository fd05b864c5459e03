"""Rows that break a rule of the data contract, on top of the good ones."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clvmodels.simulation.shop import SimulatedShop
from clvmodels.simulation.streams import Feature, stream

# Rule of the data contract, column that breaks it, what stands there.
_KINDS: tuple[tuple[str, str, str | None], ...] = (
    ("missing_customer_id", "customer_id", None),
    ("missing_date", "date", None),
    ("unreadable_date", "date", "0000-99-99"),
    ("unreadable_amount", "amount", "n/a"),
    ("non_finite_amount", "amount", "inf"),
    ("amount_out_of_range", "amount", "1e30"),
)
RULES = tuple(rule for rule, _, _ in _KINDS)


def with_dirt(
    shop: SimulatedShop, batch: pa.RecordBatch, block: int
) -> tuple[pa.RecordBatch, dict[str, int]]:
    """A batch with broken copies of some of its rows behind them, and how many break each rule."""
    rng = stream(shop.seed, Feature.DIRT, block)
    # So that the share is one of all rows.
    extra = rng.poisson(shop.dirt / (1.0 - shop.dirt), len(batch))
    row = np.repeat(np.arange(len(batch)), 1 + extra)
    is_broken = np.diff(row, prepend=-1) == 0
    # A child stream, so that the draws don't depend on how many rows follow.
    drawn = rng.spawn(1)[0].integers(len(_KINDS), size=len(row))
    kind = np.where(is_broken, drawn, -1)
    columns = dict(zip(batch.schema.names, batch.take(pa.array(row)).columns, strict=True))
    for code, (_, column, text) in enumerate(_KINDS):
        there = pa.array(kind == code)
        columns[column] = pc.if_else(there, pa.scalar(text, pa.string()), columns[column])
    made = np.bincount(kind[is_broken], minlength=len(_KINDS)).tolist()
    dirty = pa.RecordBatch.from_arrays(list(columns.values()), schema=batch.schema)
    return dirty, dict(zip(RULES, made, strict=True))
