"""Customers by a pass over sorted days are those by grouping."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from typing import Any

import pyarrow as pa
import pytest

from clvmodels.errors import InputError
from clvmodels.transactions import runs, sql
from clvmodels.transactions.database import Database
from clvmodels.transactions.read import read_transactions
from clvmodels.transactions.runs import NotInRunsError, summarise_runs

START = dt.date(2025, 1, 1)
Row = tuple[Any, int, float | None]


def log(ids: list[Any], seed: int = 1) -> list[Row]:
    """Days of customers, each day once, of amounts with six digits."""
    rng = random.Random(seed)
    return [
        (one, day, round(rng.uniform(0, 1e6), 6))
        for one in ids
        for day in rng.sample(range(300), rng.randint(1, 12))
    ]


def tables(
    rows: list[Row], kind: str, key: str = "hash(customer_id)", until: int = 400
) -> tuple[Database, str]:
    """A database with the rows as sorted days, and their relation."""
    database = Database(threads=2)
    columns = zip(*rows, strict=True) if rows else ([], [], [])
    ids, days, amounts = (list(column) for column in columns)
    frame = database.add_frame(
        pa.table(
            {
                "customer_id": pa.array([str(one) for one in ids]),
                "day": pa.array([START + dt.timedelta(day) for day in days], pa.date32()),
                "amount": pa.array(amounts, pa.float64()),
            }
        )
    )
    database.run(
        f"CREATE TABLE days AS SELECT customer_id::{kind} AS customer_id, day, "
        f"amount::{sql.MONEY} AS amount FROM {frame} ORDER BY {key}, day"
    )
    return database, sql.good_days("days", START + dt.timedelta(until))


def differences(database: Database, days: str, table: str) -> list[Any]:
    """Rows of one summary that are not in the other."""
    known = f"({sql.customers_query(days)})"
    return [
        row
        for one, other in ((known, table), (table, known))
        for row in database.run(f"FROM {one} EXCEPT ALL FROM {other}")
    ]


@pytest.mark.parametrize("rows_at_once", [2_048, 1_000_000])
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("VARCHAR", lambda i: f"Kundin {i} 🦔"),
        ("BIGINT", lambda i: i - 500),
        ("UUID", lambda i: uuid.UUID(int=i**5)),
        ("DOUBLE", lambda i: i / 7),
        ("BLOB", lambda i: f"b{i}"),
        ("DATE", lambda i: START + dt.timedelta(i)),
        ("DECIMAL(38, 0)", lambda i: 10**30 + i),
    ],
)
def test_a_pass_finds_what_grouping_finds(
    monkeypatch: pytest.MonkeyPatch, kind: str, name: Any, rows_at_once: int
) -> None:
    monkeypatch.setattr(runs, "_ROWS", rows_at_once)
    database, days = tables(log([name(i) for i in range(3_000)]), kind)
    found = summarise_runs(database, days)
    assert found.customers == 3_000
    assert differences(database, days, found.name) == []
    described = dict(database.run(f"SELECT column_name, column_type FROM (DESCRIBE {found.name})"))
    assert described["customer_id"].replace(", ", ",") == kind.replace(", ", ",")


def test_days_after_the_end_do_not_count() -> None:
    database, days = tables(log(list(range(500))), "BIGINT", until=100)
    found = summarise_runs(database, days)
    assert 0 < found.customers < 500
    assert differences(database, days, found.name) == []


def test_batches_may_cut_a_customer_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("a", day, 1.5) for day in range(10)] + [("b", 5, 2.0), ("c", 5, 2.0), ("c", 6, 3.0)]
    database, days = tables(rows, "VARCHAR")
    whole = database.batches
    for step in range(1, 14):

        def ragged(query: str, size: int, step: int = step) -> Any:
            for batch in whole(query, size):
                yield from (batch.slice(start, step) for start in range(0, len(batch), step))

        monkeypatch.setattr(database, "batches", ragged)
        found = summarise_runs(database, days)
        assert differences(database, days, found.name) == []


def test_a_log_without_amounts_has_null_totals() -> None:
    database, days = tables([("a", 1, None), ("a", 2, None), ("b", 1, None)], "VARCHAR")
    found = summarise_runs(database, days)
    assert differences(database, days, found.name) == []
    assert database.run(f"SELECT DISTINCT total, first_amount FROM {found.name}") == [(None, None)]


def test_no_days_are_no_customers() -> None:
    database, days = tables([], "VARCHAR")
    assert summarise_runs(database, days).customers == 0


@pytest.mark.parametrize(
    ("rows", "key"),
    [
        ([("a", 1, 1.0), ("a", 1, 2.0), ("b", 1, 1.0)], "hash(customer_id)"),
        ([("a", 1, 9e11), ("a", 2, 9e11)], "hash(customer_id)"),
    ],
    ids=["a day twice", "a total of 13 digits"],
)
def test_what_a_pass_cannot_do_is_refused(rows: list[Row], key: str) -> None:
    database, days = tables(rows, "VARCHAR", key)
    with pytest.raises(NotInRunsError):
        summarise_runs(database, days)
    assert database.run("SELECT count(*) FROM duckdb_tables()") == [(1,)]


@pytest.mark.parametrize("order", [("a", "b", "a"), ("a", "b", "b"), ("a", "a", "b")])
def test_ids_that_share_a_hash_are_refused(order: tuple[str, ...]) -> None:
    database, days = tables([(one, day, 1.0) for day, one in enumerate(order)], "VARCHAR", "1")
    database.run("CREATE MACRO hash(x) AS 1::UBIGINT")
    with pytest.raises(NotInRunsError):
        summarise_runs(database, days)


def test_an_error_of_the_stream_stays_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    database, days = tables(log(list(range(50))), "BIGINT")

    def broken(query: str, size: int) -> Any:
        del query, size
        yield from ()
        message = "pulled out"
        raise OSError(message)

    monkeypatch.setattr(database, "batches", broken)
    with pytest.raises(OSError, match="pulled out"):
        summarise_runs(database, days)


def frame(rows: list[Row]) -> pa.Table:
    ids, days, amounts = (list(column) for column in zip(*rows, strict=True))
    dates = [START + dt.timedelta(day) for day in days]
    return pa.table({"customer_id": [f"c{one}" for one in ids], "date": dates, "amount": amounts})


def test_a_view_of_the_past_meets_its_own_customers() -> None:
    rows = log(list(range(400)))
    everything, past = read_transactions(frame(rows)), START + dt.timedelta(100)
    early = read_transactions(frame([row for row in rows if row[1] <= 100]))
    for view in (everything.before(past).summarize(), everything.summarize(past)):
        assert view.to_arrow().equals(early.summarize(past).to_arrow())
    assert len(everything.summarize()) == 400
    assert everything.sample(100).summarize().to_arrow().num_rows < 400


def test_sorting_ahead_changes_no_answer() -> None:
    summary = read_transactions(frame(log(list(range(2_000))))).summarize()
    plain, triples = pa.Table.from_batches(summary.batches()), summary.triples()
    other = read_transactions(frame(log(list(range(2_000))))).summarize()
    other.sort_ahead()
    other.sort_ahead()
    assert (other.triples().weights == triples.weights).all()
    assert pa.Table.from_batches(other.batches()).equals(plain)
    assert other.to_arrow().equals(summary.to_arrow())
    ids = plain.column("customer_id").to_pylist()
    assert ids == sorted(ids)


def test_what_fails_on_its_own_thread_is_told_to_who_waits_and_leaves_nothing() -> None:
    database = Database()
    made = database.start("CREATE TABLE half AS SELECT 1", "SELECT error('broken') FROM half")
    with pytest.raises(InputError, match="broken"):
        made.result()
    assert database.run("SELECT count(*) FROM duckdb_tables()") == [(0,)]
