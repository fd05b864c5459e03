"""From a log of five million rows to a checked summary, against the least that DuckDB can do.

The floor is ``SELECT customer_id, min, max, count, sum … GROUP BY customer_id`` without any check.
``python -m benchmarks.log_to_summary [rows]``
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

from benchmarks.contest import Outcome, measure, row, timed

_QUERY = """
    SELECT customer_id, min(date) AS first, max(date) AS last, count(*) AS orders,
        sum(amount) AS amount
    FROM '{path}' GROUP BY customer_id"""


def log(rows: int, ids: str, path: Path) -> tuple[float, None]:
    """Save a log of 2.9 rows a customer over two years; 3 % share their day with another row."""
    import duckdb

    duckdb.execute(
        f"""COPY (
            WITH rows AS (
                SELECT CASE WHEN i % 30 = 0 THEN i + 1 ELSE i END AS i, i AS line
                FROM range({rows}) r(i))
            SELECT {ids} AS customer_id, DATE '2022-01-01' + (hash(i) % 730)::INTEGER AS date,
                round(exp((hash(line + 99) % 10000) / 3000.0), 2) AS amount
            FROM (SELECT *, (hash(i * 7919 + 1) % {int(rows / 2.9)})::BIGINT AS c FROM rows)
        ) TO '{path}'"""
    )
    return 0.0, None


def floor(path: Path) -> tuple[float, Any]:
    """Group by customer, nothing else."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        query = f"CREATE TABLE summary AS {_QUERY.format(path=path)}"
        seconds, _ = timed(lambda: connection.execute(query))
        count = connection.execute("SELECT count(*), sum(amount) FROM summary").fetchone()
    return seconds, count


def ours(path: Path) -> tuple[float, Any]:
    """Read, check and summarise with clvmodels."""
    warnings.simplefilter("ignore")
    from clvmodels.transactions import read_transactions

    seconds, summary = timed(lambda: read_transactions(path).summarize())
    return seconds, (len(summary), int(summary.triples().weights.sum()))


def lifetimes(path: Path) -> tuple[float, Any]:
    """Summarise with lifetimes, from a data frame in memory."""
    warnings.simplefilter("ignore")
    import pandas as pd
    from lifetimes.utils import summary_data_from_transaction_data

    frame = pd.read_parquet(path)
    seconds, summary = timed(
        lambda: summary_data_from_transaction_data(
            frame, "customer_id", "date", monetary_value_col="amount"
        )
    )
    return seconds, (len(summary), 0)


def main(rows: int = 5_000_000) -> str:
    """Print and return the tables."""
    kinds = {"whole numbers": "c", "text": "'C' || lpad(c::VARCHAR, 9, '0')"}
    lines = [f"Log of {rows:,} rows in Parquet to a summary:"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.parquet"
        for kind, ids in kinds.items():
            measure(log, rows, ids, path)
            least, mine = measure(floor, path, repeats=5), measure(ours, path, repeats=5)
            outcomes: dict[str, Outcome] = {"DuckDB, GROUP BY alone": least, "clvmodels": mine}
            if kind == "whole numbers":
                outcomes["lifetimes, log in memory"] = measure(lifetimes, path)
            counts = {outcome.answer[0] for outcome in outcomes.values()}
            if len(counts) != 1:
                message = f"the contenders found different customers: {counts}"
                raise SystemExit(message)
            lines += [
                "",
                f"| ids are {kind} | seconds | ratio | peak MB | ratio |",
                "|---|---|---|---|---|",
                *(row(name, outcome, least) for name, outcome in outcomes.items()),
            ]
    table = "\n".join(lines)
    print(table)
    return table


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
