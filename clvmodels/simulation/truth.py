"""The truth beside the log: what each customer is like, which no log shows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.simulation.customers import BLOCK, Customers
from clvmodels.simulation.rows import Rows, customer_ids, dates
from clvmodels.simulation.shop import SimulatedShop

TRUTH_SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("kind", pa.string()),
        ("first_purchase", pa.date32()),
        ("rate", pa.float64()),
        ("leaves", pa.date32()),
        ("mean_spend", pa.float64()),
        ("orders", pa.int64()),
        ("purchase_days", pa.int64()),
        ("amount", pa.float64()),
        ("returned", pa.float64()),
    ]
)


def truth_batch(
    shop: SimulatedShop, customers: Customers, mean_spend: FloatArray, rows: Rows, block: int
) -> pa.RecordBatch:
    """One row for each customer of a block.

    ``rate`` is purchases per day where the calendar's pace is 1; ``leaves`` is null for whoever is
    still active when the log ends; ``orders`` to ``returned`` add up the good rows of the log.
    """
    sold = rows.take(np.flatnonzero(rows.cents > 0))
    back = rows.take(np.flatnonzero(rows.cents < 0))
    has_left = np.isfinite(customers.leaves)
    left = dates(shop, np.where(has_left, customers.leaves, 0.0).astype(np.int64))
    columns = [
        customer_ids(block),
        pa.array(np.where(customers.subscribes, "subscription", "regular")),
        dates(shop, customers.first.astype(np.int64)),
        pa.array(customers.rate),
        pc.if_else(pa.array(has_left), left, pa.scalar(None, pa.date32())),
        pa.array(mean_spend),
        pa.array(_distinct(sold.owner, sold.order)),
        pa.array(_distinct(sold.owner, sold.day)),
        pa.array(_money(sold)),
        pa.array(np.abs(_money(back))),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=TRUTH_SCHEMA)


def _distinct(owner: IntArray, ascending: IntArray) -> IntArray:
    """Distinct values of each customer, given in ascending order for each."""
    is_new = np.ones(len(owner), dtype=bool)
    is_new[1:] = (np.diff(owner) != 0) | (np.diff(ascending) != 0)
    return np.bincount(owner[is_new], minlength=BLOCK)


def _money(rows: Rows) -> FloatArray:
    """Sum of each customer's amounts."""
    total: FloatArray = np.bincount(rows.owner, weights=rows.cents, minlength=BLOCK) / 100.0
    return total
