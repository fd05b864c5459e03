"""From a shop to its log and the truth beside it, block by block."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from clvmodels.errors import ConfigurationError
from clvmodels.simulation.calendar import Calendar, make_calendar
from clvmodels.simulation.customers import BLOCK, draw_customers
from clvmodels.simulation.dirt import with_dirt
from clvmodels.simulation.rows import draw_spend, log_schema, rows_of_log, to_batch
from clvmodels.simulation.shop import SimulatedShop
from clvmodels.simulation.sinks import SUFFIXES, open_sink
from clvmodels.simulation.truth import TRUTH_SCHEMA, truth_batch
from clvmodels.storage import aside, plain, write_json

SCHEMA = 1


@dataclass(frozen=True)
class Block:
    """Log and truth of up to 4,096 customers, and how many of the rows break each rule."""

    log: pa.RecordBatch
    truth: pa.RecordBatch
    broken: dict[str, int]


def simulate_blocks(shop: SimulatedShop) -> Iterator[Block]:
    """Give the customers of a shop in blocks, each drawn by itself.

    Nothing of a block depends on another, nor on how many there are: a larger shop has the same
    customers and more of them.
    """
    calendar = make_calendar(shop)
    for block in range(-(-shop.customers // BLOCK)):
        yield _simulate_block(shop, calendar, block)


def _simulate_block(shop: SimulatedShop, calendar: Calendar, block: int) -> Block:
    customers, orders = draw_customers(shop, calendar, block)
    mean_spend, spent = draw_spend(shop, orders, block)
    rows = rows_of_log(shop, spent, block)
    wanted = min(BLOCK, shop.customers - block * BLOCK)
    truth = truth_batch(shop, customers, mean_spend, rows, block).slice(0, wanted)
    log = to_batch(shop, rows, block).slice(0, int((rows.owner < wanted).sum()))
    broken: dict[str, int] = {}
    if shop.dirt:
        log, broken = with_dirt(shop, log, block)
    return Block(log, truth, broken)


def simulate_tables(shop: SimulatedShop) -> tuple[pa.Table, pa.Table]:
    """Log and truth of a shop as Arrow tables in memory.

    Returns
    -------
    log : pyarrow.Table
        One row per line item or return: ``customer_id``, ``date``, ``amount`` and, if asked for,
        ``order_id``; by customer and day.
    truth : pyarrow.Table
        One row per customer: ``kind`` (regular or subscription), ``first_purchase`` (also where
        the log begins later), ``rate`` (purchases per day where the calendar's pace is 1),
        ``leaves`` (null for whoever is still active when the log ends), ``mean_spend``, and what
        the log's good rows add up to: ``orders``, ``purchase_days``, ``amount``, ``returned``.

    Examples
    --------
    >>> import clvmodels as clv
    >>> log, truth = clv.simulate_tables(clv.SimulatedShop(customers=100, seed=1))
    >>> truth.num_rows
    100
    >>> log.num_rows == sum(truth["orders"].to_pylist())
    True
    """
    blocks = list(simulate_blocks(shop))
    return (
        pa.Table.from_batches([block.log for block in blocks]),
        pa.Table.from_batches([block.truth for block in blocks]),
    )


def simulate_log(
    shop: SimulatedShop, path: str | Path, on_customers: Callable[[int], object] | None = None
) -> dict[str, Any]:
    """Write a shop's log and its truth, however large, in the memory of one block.

    Parameters
    ----------
    shop
        What to simulate.
    path
        Where the log goes, as Parquet or CSV by the extension. The columns of log and truth are
        those of `simulate_tables`; the truth is written beside the log as ``PATH.truth.parquet``
        and, for parameters and counts, ``PATH.truth.json``.
    on_customers
        Told how many customers were done since.

    Returns
    -------
    dict
        What ``PATH.truth.json`` holds, its schema number apart.

    Raises
    ------
    ConfigurationError
        If the extension is another, the path cannot be written to, or a block would not fit into
        memory.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        msg = f"{path.name} must end in {' or '.join(SUFFIXES)}, which decides the format."
        raise ConfigurationError(msg)
    beside = [path.with_name(f"{path.name}.truth{suffix}") for suffix in (".json", ".parquet")]
    counts: Counter[str] = Counter()
    broken: Counter[str] = Counter()
    with ExitStack() as stack:
        to_json, to_truth, to_log = (stack.enter_context(aside(p)) for p in (*beside, path))
        with open_sink(to_log, log_schema(shop)) as log, open_sink(to_truth, TRUTH_SCHEMA) as truth:
            for block in simulate_blocks(shop):
                log.write(block.log)
                truth.write(block.truth)
                broken.update(block.broken)
                counts.update(_count(block))
                if on_customers is not None:
                    on_customers(len(block.truth))
        record = _record(shop, counts, broken)
        write_json(to_json, record, schema=SCHEMA)
        # The files appear one after the other, and never a log with another's truth.
        for stale in beside:
            stale.unlink(missing_ok=True)
    return record


def _count(block: Block) -> dict[str, int]:
    orders = block.truth["orders"]
    return {
        "rows": len(block.log),
        "orders": pc.sum(orders).as_py(),
        "customers_who_bought": pc.sum(pc.greater(orders, 0)).as_py(),
    }


def _record(shop: SimulatedShop, counts: Counter[str], broken: Counter[str]) -> dict[str, Any]:
    """Everything that holds for the whole shop."""
    record: dict[str, Any] = plain(
        {
            "shop": shop.to_dict(),
            "last_day": shop.last_day,
            "shock_factor": make_calendar(shop).shock_factor,
            **counts,
            "broken": broken,
        }
    )
    return record
