"""The summary query, run for real on DuckDB; other dialects by what is certain of their text."""

import datetime as dt
import random
from dataclasses import replace

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlglot

from clvmodels.errors import ConfigurationError
from clvmodels.transactions import load_cdnow
from clvmodels.transactions.export import TableColumns, summary_sql
from clvmodels.transactions.sql import identifier
from tests.transactions.databases import HOSTILE, TABLE, assert_same, hostile_log, summary_of_log
from tests.transactions.logs import GOOD, frame
from tests.transactions.test_returns import random_rows, table

DIALECTS = ("duckdb", "spark", "postgres")


def run(query, tables=None, zone="UTC"):
    with duckdb.connect(config={"python_enable_replacements": False}) as connection:
        connection.execute(f"SET TimeZone = '{zone}'")
        for name, table in (tables or {}).items():
            connection.register("incoming", table)
            connection.execute(f"CREATE TABLE {identifier(name)} AS FROM incoming")
        found = connection.execute(query)
        return [column[0] for column in found.description], found.fetchall()


def cdnow_rows():
    log = load_cdnow()
    relation = log._scan.parts[0].source.relation
    return log, log._scan.database.table(f"FROM {relation}")


@pytest.mark.parametrize("end", ["1998-06-30", "1997-09-30", None])
def test_cdnow(end):
    log, rows = cdnow_rows()
    expected = {row["customer_id"]: row for row in log.summarize(end).to_arrow().to_pylist()}
    query = summary_sql(["cdnow"], observation_end=end)
    assert_same(*run(query, {"cdnow": rows}), expected)


@pytest.mark.parametrize("end", [None, "2024-01-31"])
@pytest.mark.parametrize("zero", ["keep", "drop"])
@pytest.mark.parametrize("returns", ["net", "drop"])
def test_a_hostile_log(end, zero, returns):
    columns = replace(HOSTILE, drop_zero=zero == "drop", returns=returns)
    rows = hostile_log()
    query = summary_sql([TABLE], "duckdb", columns, end)
    expected = summary_of_log(rows, columns, end, zero_amounts=zero)
    assert_same(*run(query, {TABLE: rows}), expected)


@pytest.mark.parametrize("end", [None, "2024-01-04"])
def test_returns_are_netted_as_the_log_nets_them(end):
    rows = table(random_rows(random.Random(3), 1_500, orders=False))
    expected = summary_of_log(rows, TableColumns(), end)
    assert_same(*run(summary_sql(["t"], observation_end=end), {"t": rows}), expected)
    # A return after the last purchase is a day of the log, if it found something to take.
    for late, day in ((-1.0, dt.date(2024, 2, 9)), (-7.0, dt.date(2024, 2, 1))):
        last = ("b" if late == -7.0 else "a", "2024-02-09", late)
        rows = frame([("a", "2024-01-01", 3.0), ("a", "2024-02-01", 3.0), last])
        expected = summary_of_log(rows, TableColumns())
        (found,) = run(summary_sql(["t"]), {"t": rows})[1]
        assert found[5] == expected["a"]["T"] == (day - dt.date(2024, 1, 1)).days


def test_several_tables_are_one_log_and_may_have_a_schema():
    rows = frame(GOOD)
    expected = summary_of_log(rows, TableColumns())
    with duckdb.connect() as connection:
        connection.register("incoming", rows)
        connection.execute('CREATE SCHEMA "a b"; CREATE TABLE "a b".x AS FROM incoming LIMIT 3')
        connection.execute("CREATE TABLE clv_days AS FROM incoming OFFSET 3")
        found = connection.execute(summary_sql(["a b.x", "clv_days"]))
        assert_same([name for name, *_ in found.description], found.fetchall(), expected)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_the_day_of_a_zoned_stamp_is_that_of_the_zone_named(zone):
    """Whatever the session's zone is."""
    stamps = [dt.datetime(2024, 5, day, hour, tzinfo=dt.UTC) for day in (1, 9) for hour in (2, 23)]
    rows = pa.table({"customer_id": ["a", "a", "b", "b"], "date": stamps, "amount": [1.0] * 4})
    columns = TableColumns(time_zone="America/New_York")
    expected = summary_of_log(rows, columns, time_zone="America/New_York")
    assert expected["a"]["first_purchase"] == dt.date(2024, 4, 30)
    assert_same(*run(summary_sql(["t"], "duckdb", columns), {"t": rows}, zone), expected)


def test_without_amounts():
    rows = frame(GOOD).drop_columns("amount")
    columns = TableColumns(amount=None)
    names, found = run(summary_sql(["t"], "duckdb", columns), {"t": rows})
    assert_same(names, found, summary_of_log(rows, columns))
    assert {row[-2:] for row in found} == {(None, None)}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_duckdb_reads_files_and_keeps_leading_zeros(tmp_path, kind):
    path = tmp_path / f"it's a log.{kind}"
    if kind == "parquet":
        pq.write_table(frame(GOOD), path)
    else:
        lines = "".join(f"{id_},{day},{amount}\n" for id_, day, amount in GOOD)
        path.write_text("customer_id,date,amount\n" + lines + "9,no day,3\n9,2024-02-03,much\n")
    assert_same(*run(summary_sql([str(path)])), summary_of_log(frame(GOOD), TableColumns()))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_hostile_names_stay_names(dialect):
    query = summary_sql([TABLE], dialect, HOSTILE)
    parsed = sqlglot.parse(query, read=dialect)
    assert len(parsed) == 1
    tables = {table.name for table in parsed[0].find_all(sqlglot.exp.Table)}
    assert {name for name in tables if not name.startswith("clv_")} == {TABLE}
    columns = {column.name for column in parsed[0].find_all(sqlglot.exp.Column)}
    assert {HOSTILE.customer_id, HOSTILE.date, HOSTILE.amount} <= columns


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_comment_says_what_is_left_out_and_repeats_no_name(dialect):
    columns = TableColumns(customer_id="a\nDROP TABLE b", date="c*/d", amount="e")
    query = summary_sql(["t"], dialect, columns, "2024-02-29")
    comment = [line for line in query.splitlines() if line.startswith("--")]
    assert any("takes from the customer's latest earlier purchases" in line for line in comment)
    dropped = summary_sql(["t"], dialect, replace(columns, returns="drop"))
    assert "-- Rows with a negative amount are left out.\n" in dropped
    assert any("after 2024-02-29" in line for line in comment)
    assert not any("DROP" in line or "c*/d" in line for line in comment)
    assert "negative" not in summary_sql(["t"], dialect, TableColumns(amount=None))


def test_each_dialect_has_its_own_functions():
    columns = TableColumns(time_zone="Europe/Berlin")
    queries = {dialect: summary_sql(["t"], dialect, columns) for dialect in DIALECTS}
    assert "ARG_MIN(amount, day)" in queries["duckdb"]
    assert "MIN_BY(amount, day)" in queries["spark"]
    assert "DATEDIFF(DAY, first_purchase, last_purchase)" in queries["spark"]
    # A cast to a day would be in the zone of Spark's session.
    assert "DATE_FROM_UNIX_DATE(" in queries["spark"]
    assert "ARRAY_AGG(amount ORDER BY day)" in queries["postgres"]
    for foreign in ("ARG_MIN", "MIN_BY", "DATEDIFF", "DATE_DIFF", "TRY_CAST"):
        assert foreign not in queries["postgres"]
    assert 'AS "T"' in queries["postgres"]


@pytest.mark.parametrize(
    ("tables", "dialect", "columns", "told"),
    [
        (["t"], "oracle", TableColumns(), "one of duckdb, spark, postgres"),
        (["a..b"], "duckdb", TableColumns(), "is not a table's name"),
        ([" "], "duckdb", TableColumns(), "cannot be the name"),
        (["t"], "duckdb", TableColumns(customer_id="a\0b"), "cannot be the name"),
        (["log.csv"], "postgres", TableColumns(), "Name a table as orders or shop.orders"),
        (["shop.duckdb::orders"], "duckdb", TableColumns(), "once that file is open"),
    ],
)
def test_what_cannot_be_named(tables, dialect, columns, told):
    with pytest.raises(ConfigurationError, match=told):
        summary_sql(tables, dialect, columns)
