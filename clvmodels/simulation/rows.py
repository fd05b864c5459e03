"""The rows that purchases leave in a log: amounts, line items and returns."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.simulation.customers import BLOCK, Orders
from clvmodels.simulation.shop import SimulatedShop
from clvmodels.simulation.streams import Feature, stream

_RETURN_DAYS = 10.0
_RETURNED_WHOLE = 0.7


@dataclass(frozen=True)
class Rows:
    """Rows of a block: whose, on which day of the calendar, how many cents, of which order."""

    owner: IntArray
    day: IntArray
    cents: IntArray
    order: IntArray

    def take(self, which: IntArray) -> Rows:
        """Some of the rows, or all of them in another order."""
        return Rows(self.owner[which], self.day[which], self.cents[which], self.order[which])


def draw_spend(shop: SimulatedShop, orders: Orders, block: int) -> tuple[FloatArray, Rows]:
    """Mean spend of each customer, and one row for each order."""
    rng = stream(shop.seed, Feature.SPEND, block)
    p, q, gamma = shop.spend_model().params_.values()
    rate = rng.gamma(q, size=BLOCK) / gamma
    amount = rng.gamma(p, size=len(orders.owner)) / rate[orders.owner]
    # Nothing is free in Gamma-Gamma.
    cents = np.maximum(np.rint(100.0 * amount), 1.0).astype(np.int64)
    day = np.minimum(orders.time.astype(np.int64), shop.days - 1)
    return p / rate, Rows(orders.owner, day, cents, orders.number() + 1)


def rows_of_log(shop: SimulatedShop, orders: Rows, block: int) -> Rows:
    """Every good row of a block that lies within the log, by customer and day."""
    rows, back = _split_into_items(shop, orders, block), _draw_returns(shop, orders, block)
    rows = Rows(
        np.concatenate([rows.owner, back.owner]),
        np.concatenate([rows.day, back.day]),
        np.concatenate([rows.cents, back.cents]),
        np.concatenate([rows.order, back.order]),
    )
    rows = rows.take(np.flatnonzero((rows.day >= shop.opening) & (rows.day < shop.days)))
    return rows.take(np.lexsort((rows.order, rows.cents < 0, rows.day, rows.owner)))


def _split_into_items(shop: SimulatedShop, rows: Rows, block: int) -> Rows:
    """One row or several for each order, whose cents add up to it."""
    if shop.line_items == 1.0:
        return rows
    rng = stream(shop.seed, Feature.ITEMS, block)
    items = np.minimum(1 + rng.poisson(shop.line_items - 1.0, len(rows.cents)), rows.cents)
    which = np.repeat(np.arange(len(items)), items)
    last = np.cumsum(items) - 1
    weight = np.cumsum(rng.exponential(size=len(which)))
    before = np.concatenate([[0.0], weight[last[:-1]]])
    share = (weight - before[which]) / (weight[last] - before)[which]
    # Each item has a cent of its own; the others are cut at the shares.
    cut = np.floor(share * (rows.cents - items)[which]).astype(np.int64)
    cents = 1 + np.diff(cut, prepend=0)
    first = last - items + 1
    cents[first] = 1 + cut[first]
    return replace(rows.take(which), cents=cents)


def _draw_returns(shop: SimulatedShop, rows: Rows, block: int) -> Rows:
    """A negative row for each order that comes back, in whole or in part."""
    rng = stream(shop.seed, Feature.RETURNS, block)
    back = rows.take(np.flatnonzero(rng.random(len(rows.cents)) < shop.returns))
    day = back.day + 1 + rng.exponential(_RETURN_DAYS, len(back.day)).astype(np.int64)
    whole = rng.random(len(day)) < _RETURNED_WHOLE
    part = np.ceil((1.0 - rng.random(len(day))) * back.cents).astype(np.int64)
    return replace(back, day=day, cents=-np.where(whole, back.cents, part))


def log_schema(shop: SimulatedShop) -> pa.Schema:
    """Columns of the log; those that dirt makes unreadable are text."""
    columns = [
        ("customer_id", pa.string()),
        ("date", pa.string() if shop.dirt else pa.date32()),
        ("amount", pa.string() if shop.dirt else pa.float64()),
    ]
    if shop.order_ids:
        columns.append(("order_id", pa.string()))
    return pa.schema(columns)


def to_batch(shop: SimulatedShop, rows: Rows, block: int) -> pa.RecordBatch:
    """Rows as a record batch with the columns of the log."""
    ids = customer_ids(block).take(pa.array(rows.owner))
    columns = [ids, dates(shop, rows.day), pa.array(rows.cents / 100.0)]
    if shop.order_ids:
        number = pc.utf8_lpad(pc.cast(pa.array(rows.order), pa.string()), 4, "0")
        columns.append(pc.binary_join_element_wise(ids, number, "-"))
    schema = log_schema(shop)
    columns = [pc.cast(column, kind) for column, kind in zip(columns, schema.types, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def customer_ids(block: int) -> pa.Array:
    """Ids of a block's customers, as text that keeps its leading zeros."""
    first = block * BLOCK
    return pa.array([f"C{number:08d}" for number in range(first, first + BLOCK)])


def dates(shop: SimulatedShop, day: IntArray) -> pa.Array:
    """Days of the calendar as dates."""
    first = np.datetime64(shop.first_day, "D").astype(np.int64)
    return pa.array((first + day).astype(np.int32)).cast(pa.date32())
