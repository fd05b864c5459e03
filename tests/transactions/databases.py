"""Logs as a database holds them, and how a database's summary is held against a log's."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from clvmodels.transactions.export import TableColumns
from tests.transactions.logs import quiet

TABLE = "or\"ders'; DROP TABLE x; --"
HOSTILE = TableColumns(customer_id='i"d', date="T", amount="a`mount) -- ' \\")
_IDS = (
    "007",
    "7",
    "  padded ",
    "",
    " ",
    "\t\n",
    "\x1c\x85\xa0\u2003\u2028\u3000",
    "\xa0x",
    "O'Brien",
    'say "hi"',
    "back\\slash",
    "'; DROP TABLE customers; --",
    "é",
    "e\u0301",
    "🛒🧾",
    "NULL",
    "x" * 10_000,
    None,
)
_AMOUNTS = (None, 0.0, -5.0, math.nan, math.inf, -math.inf, 1e12, -1e12, 1e300, 999_999_999_999.0)


def hostile_log(rows: int = 4_000, seed: int = 11) -> pa.Table:
    """Rows of every sort with columns named to break a query; each good id has many."""
    rng = np.random.default_rng(seed)
    start = dt.datetime(2023, 1, 1)
    ids, stamps, amounts = [], [], []
    for _ in range(rows):
        fresh = f"customer {rng.integers(300)}"
        ids.append(_IDS[rng.integers(len(_IDS))] if rng.random() < 0.4 else fresh)
        late = dt.timedelta(days=int(rng.integers(600)), seconds=int(rng.integers(86_400)))
        stamps.append(None if rng.random() < 0.03 else start + late)
        odd = rng.random() < 0.1
        amount = round(float(rng.lognormal(3.0, 2.0)), int(rng.integers(7)))
        amounts.append(_AMOUNTS[rng.integers(len(_AMOUNTS))] if odd else amount)
    arrays = [
        pa.array(ids, pa.string()),
        pa.array(stamps, pa.timestamp("us")),
        pa.array(amounts, pa.float64()),
    ]
    return pa.table(arrays, names=[HOSTILE.customer_id, HOSTILE.date, HOSTILE.amount])


def summary_of_log(
    source: Any, columns: TableColumns, end: str | None = None, **options: Any
) -> dict[Any, dict[str, Any]]:
    """What the package itself makes of the same rows, with returns as the query takes them."""
    log = quiet(
        source,
        customer_id=columns.customer_id,
        date=columns.date,
        amount=columns.amount,
        returns=columns.returns,
        **options,
    )
    return {row["customer_id"]: row for row in log.summarize(end).to_arrow().to_pylist()}


def assert_same(names: list[str], rows: list[tuple[Any, ...]], expected: dict[Any, Any]) -> None:
    """Counts and days are equal, means to 1e-12; the columns are those of a summary, in order."""
    assert len(expected) > 1
    assert names == list(next(iter(expected.values())))
    assert len(rows) == len(expected)
    for row in rows:
        found = dict(zip(names, row, strict=True))
        wanted = expected[found["customer_id"]]
        for name, value in wanted.items():
            if name in ("monetary_value", "order_value"):
                assert (found[name] is None) == (value is None)
                assert value is None or found[name] == pytest.approx(value, rel=1e-12, abs=0)
            else:
                assert found[name] == value
                if isinstance(value, float):
                    assert isinstance(found[name], int)
