"""The summary query on a real PostgreSQL server of its own, which the tests start and stop."""

import datetime as dt
import os
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import psycopg
import pyarrow as pa
import pytest
from psycopg import sql

from clvmodels.transactions import load_cdnow
from clvmodels.transactions.export import TableColumns, summary_sql
from tests.transactions.databases import HOSTILE, TABLE, assert_same, hostile_log, summary_of_log
from tests.transactions.logs import GOOD, frame

pytestmark = pytest.mark.slow


def binaries() -> Path:
    """Folder of the server's programs; without them the tests skip, or fail where CI runs them."""
    on_path = shutil.which("initdb")
    debian = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    found = [Path(on_path)] if on_path else sorted(debian)
    if not found:
        missing = "PostgreSQL's server is not installed (Debian's package postgresql)."
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return found[-1].parent


def as_nobody_special() -> list[str]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


@pytest.fixture(scope="module")
def connection():
    programs, user = binaries(), as_nobody_special()
    # Not pytest's own folder, which another user cannot reach; short, as sockets need it.
    folder = Path(tempfile.mkdtemp(prefix="clv-pg-"))
    if user:
        shutil.chown(folder, "postgres", "postgres")
    data, options = folder / "data", f"-k {folder} -c listen_addresses='' -c fsync=off"

    def server(program: str, *arguments: str) -> None:
        command = [*user, str(programs / program), "-D", str(data), *arguments]
        subprocess.run(
            command, check=True, cwd=folder, timeout=120, stdout=subprocess.DEVNULL, env={}
        )

    try:
        server("initdb", "-U", "clv", "-A", "trust", "-E", "UTF8", "--locale=C")
        server("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            place = f"host={folder} user=clv dbname=postgres"
            with psycopg.connect(place, autocommit=True) as opened:
                yield opened
        finally:
            server("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fill(connection, table: str, rows: pa.Table, kinds: tuple[str, ...]) -> None:
    columns = [
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind))
        for name, kind in zip(rows.column_names, kinds, strict=True)
    ]
    name = sql.Identifier(table)
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(name))
    connection.execute(sql.SQL("CREATE TABLE {} ({})").format(name, sql.SQL(", ").join(columns)))
    with (
        connection.cursor() as cursor,
        cursor.copy(sql.SQL("COPY {} FROM STDIN").format(name)) as copy,
    ):
        for row in rows.to_pylist():
            copy.write_row(list(row.values()))


def run(connection, query: str):
    found = connection.execute(query)
    return [column.name for column in found.description], found.fetchall()


@pytest.mark.parametrize("kind", ["numeric(12, 2)", "double precision"])
@pytest.mark.parametrize("end", ["1997-09-30", None])
def test_cdnow(connection, kind, end):
    log = load_cdnow()
    rows = log._scan.database.table(f"FROM {log._scan.parts[0].source.relation}")
    fill(connection, "cdnow", rows, ("text", "date", kind))
    expected = {row["customer_id"]: row for row in log.summarize(end).to_arrow().to_pylist()}
    query = summary_sql(["public.cdnow"], "postgres", observation_end=end)
    assert_same(*run(connection, query), expected)


@pytest.mark.parametrize("zero", ["keep", "drop"])
@pytest.mark.parametrize(("end", "returns"), [(None, "net"), ("2024-01-31", "net"), (None, "drop")])
def test_a_hostile_log(connection, end, returns, zero):
    columns = replace(HOSTILE, drop_zero=zero == "drop", returns=returns)
    rows = hostile_log()
    fill(connection, TABLE, rows, ("text", "timestamp", "double precision"))
    expected = summary_of_log(rows, columns, end, zero_amounts=zero)
    query = summary_sql([TABLE], "postgres", columns, end)
    assert_same(*run(connection, query), expected)


def test_integer_ids_and_no_amounts(connection):
    rows = frame([(int(i), day, amount) for i, day, amount in GOOD]).drop_columns("amount")
    fill(connection, "visits", rows, ("integer", "date"))
    columns = TableColumns(amount=None)
    query = summary_sql(["visits"], "postgres", columns)
    assert_same(*run(connection, query), summary_of_log(rows, columns))


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_the_day_of_a_zoned_stamp_is_that_of_the_zone_named(connection, zone):
    stamps = [dt.datetime(2024, 5, day, hour, tzinfo=dt.UTC) for day in (1, 9) for hour in (2, 23)]
    rows = pa.table({"customer_id": ["a", "a", "b", "b"], "date": stamps, "amount": [1.0] * 4})
    fill(connection, "stamped", rows, ("text", "timestamptz", "numeric"))
    columns = TableColumns(time_zone="America/New_York")
    connection.execute(f"SET TIME ZONE '{zone}'")
    expected = summary_of_log(rows, columns, time_zone="America/New_York")
    assert_same(*run(connection, summary_sql(["stamped"], "postgres", columns)), expected)
