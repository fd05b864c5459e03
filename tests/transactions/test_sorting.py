"""Purchase days by sorting are those by grouping."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from clvmodels.transactions import sorting, sql
from clvmodels.transactions.read import read_transactions

# More than two row groups, so that threads share the work, and rules that were broken among them.
ROWS = 400_000
JUDGED = (
    "SELECT CASE WHEN i % 97 > 0 THEN 'c' || (i * 7919 % {customers}) END AS customer_id, "
    "DATE '2025-01-01' + (i * i % {days})::INTEGER AS day, "
    "(CASE WHEN i % 97 = 0 THEN 1 WHEN i % 89 = 0 THEN 7 END)::UTINYINT AS rule, "
    "(CASE WHEN i % 97 > 0 THEN i % 1000 / 7 END)::DECIMAL(18, 6) AS amount "
    f"FROM range({ROWS}) AS r(i)"
)


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 4})


@pytest.mark.parametrize(("customers", "days"), [(1_000_003, 500), (3_001, 30)])
def test_days_by_sorting_are_days_by_grouping(
    connection: duckdb.DuckDBPyConnection, customers: int, days: int
) -> None:
    judged = JUDGED.format(customers=customers, days=days)
    grouped = sql.purchase_days_query(judged, sql.MONEY, drop_duplicates=False)
    connection.execute(f"CREATE TABLE known AS {grouped}")
    connection.execute(f"CREATE TABLE sorted AS {sorting.sorted_rows_query(judged)}")
    connection.execute(f"CREATE TABLE days AS {sorting.collapsed_query('sorted', sql.MONEY)}")
    assert connection.execute("SELECT count(*) < sum(rows) FROM days").fetchall() == [(True,)]
    for one, other in (("known", "days"), ("days", "known")):
        assert connection.sql(f"FROM {one} EXCEPT ALL FROM {other}").fetchall() == []
    assert connection.sql("FROM known").types == connection.sql("FROM days").types


def test_ids_that_share_a_hash_stay_apart(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("CREATE MACRO hash(x) AS 1::UBIGINT")
    rows = [("a", 1), ("b", 1), ("a", 1), ("b", 2), ("a", 3)]
    values = ", ".join(f"('{name}', DATE '2025-01-01' + {day}, {day}.0)" for name, day in rows)
    connection.execute(
        f"CREATE TABLE sorted AS FROM (VALUES {values}) AS v(customer_id, day, amount)"
    )
    days = sorting.collapsed_query("sorted", sql.MONEY)
    found = connection.sql(f"SELECT customer_id, day(day) - 1, rows FROM ({days}) ORDER BY ALL")
    assert found.fetchall() == [("a", 1, 2), ("a", 3, 1), ("b", 1, 1), ("b", 2, 1)]


def test_rejected_rows_that_share_a_day_are_recognised(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    for days, shared in (((1, 2, 1), False), ((1, 12_000_000, 12_000_000), True)):
        values = ", ".join(f"('a', DATE '2025-01-01' + {day}, 1.0)" for day in days)
        rows = f"(FROM (VALUES {values}) AS v(customer_id, day, amount))"
        found = connection.sql(sorting.any_rejected_shared_query(rows)).fetchall()
        assert bool(found) == shared


@pytest.mark.parametrize("lines", [1, 2, 5])
def test_one_summary_however_days_are_made(tmp_path: Path, lines: int) -> None:
    """Of Parquet many lines a day are grouped at once; CSV is sorted in any case."""
    customers = 2_000
    log = pa.table(
        {
            "customer_id": [
                f"c{n % customers}" for n in range(3 * customers) for _ in range(lines)
            ],
            "date": [
                f"2025-0{1 + n // customers}-0{1 + n % 7}"
                for n in range(3 * customers)
                for _ in range(lines)
            ],
            "amount": [n % 13 + k + 0.25 for n in range(3 * customers) for k in range(lines)],
        }
    )
    path = tmp_path / "log.csv"
    duckdb.from_arrow(log).write_csv(str(path), header=True)
    by_frame, by_file = read_transactions(log).summarize(), read_transactions(path).summarize()
    assert by_frame.to_arrow() == by_file.to_arrow()
    assert by_frame.account == by_file.account
    assert by_frame.account is not None
    assert by_frame.account.merged == 3 * customers * (lines - 1)
    assert by_frame.fingerprint == by_file.fingerprint


def test_sums_beyond_the_narrow_type_are_wide() -> None:
    big = 9e11
    log = pa.table(
        {"customer_id": ["a", "a", "b"], "date": ["2025-01-01"] * 3, "amount": [big, big - 1, 1.0]}
    )
    values = read_transactions(log).summarize().to_arrow()["order_value"].to_pylist()
    assert values == [2 * big - 1, 1.0]
