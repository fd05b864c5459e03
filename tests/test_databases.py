"""From a database to scores: `clvmodels sql`, the database, `clvmodels score --summary`."""

import duckdb
import numpy as np
import pyarrow.compute as pc
import pytest

from tests.jobs import clvmodels, read, scores, shop

MONEY = {"customer_id": "user id", "date": 'ordered "at"', "amount": "total;"}
COLUMNS = ("--customer-id", "user id", "--date", 'ordered "at"', "--amount", "total;")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A log, a model of it, its scores, and the database's summary as CSV and Parquet."""
    place = tmp_path_factory.mktemp("databases")
    log = place / "log.parquet"
    shop(250).rename(columns=MONEY).to_parquet(log, index=False)
    assert clvmodels("fit", log, "--out", place / "fit", "--quiet", *COLUMNS).status == 0
    model = ("--model", place / "fit" / "model", "--quiet")
    assert clvmodels("score", log, *model, "--out", place / "log", *COLUMNS).status == 0
    query = clvmodels("sql", "shop.orders of 2024", *COLUMNS)
    assert (query.status, query.stderr) == (0, "")
    statement = query.stdout.rstrip().removesuffix(";")
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA shop")
        connection.execute(f"CREATE TABLE shop.\"orders of 2024\" AS FROM '{log}'")
        for kind in ("csv", "parquet"):
            connection.execute(f"COPY ({statement}) TO '{place}/summary.{kind}'")
    return place


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_scores_are_those_of_the_log(folder, tmp_path, kind):
    summary = ("--summary", folder / f"summary.{kind}", "--model", folder / "fit" / "model")
    done = clvmodels("score", *summary, "--out", tmp_path / "run", "--json")
    assert done.status == 0, done.stderr
    found, expected = scores(tmp_path / "run"), scores(folder / "log")
    assert found.schema == expected.schema
    for name in expected.column_names:
        if expected[name].type == "double":
            assert pc.is_null(found[name]).equals(pc.is_null(expected[name]))
            pair = (found[name].to_numpy(), expected[name].to_numpy())
            np.testing.assert_allclose(*pair, rtol=1e-12, atol=0)
        else:
            assert found[name].equals(expected[name])
    record, of_log = read(tmp_path / "run" / "run.json"), read(folder / "log" / "run.json")
    assert record == done.record
    assert record["rows"] is None
    assert [file["name"] for file in record["inputs"]] == [f"summary.{kind}"]
    for key in ("customers", "repeat_customers", "period", "models", "gates", "trusted"):
        assert record[key] == of_log[key]
    clv = (record["totals"]["clv"]["expected"], of_log["totals"]["clv"]["expected"])
    assert clv[0] == pytest.approx(clv[1], rel=1e-12)
    assert not (tmp_path / "run" / "quarantine").exists()


def test_people_are_told_of_customers_and_not_of_rows(folder, tmp_path):
    summary = ("--summary", folder / "summary.csv", "--model", folder / "fit" / "model")
    done = clvmodels("score", *summary, "--out", tmp_path / "run")
    assert done.status == 0
    assert "250 customers" in done.stderr
    assert "rows read" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["LOG", "--summary", "CSV"], 2, "Give either LOG or --summary FILE."),
        ([], 2, "Give either LOG or --summary FILE."),
        (["--summary", "CSV", "--amount", "x", "--returns", "drop"], 2, "--amount, --returns"),
        (["--summary", "CSV", "--observation-end", "2020-01-01"], 3, "not on 2020-01-01"),
        (["--summary", "LOG"], 3, "lacks the column(s) customer_id, first_purchase"),
        (["--summary", "none.csv"], 3, "no such file"),
    ],
)
def test_what_cannot_be_scored(folder, tmp_path, arguments, status, told):
    places = {"LOG": folder / "log.parquet", "CSV": folder / "summary.csv"}
    given = [places.get(argument, argument) for argument in arguments]
    model = ("--model", folder / "fit" / "model", "--out", tmp_path / "run")
    done = clvmodels("score", *given, *model)
    assert done.status == status
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["t", "--dialect", "oracle"], "one of duckdb, spark, postgres"),
        (["t", "--observation-end", "soon"], "it must be a day such as"),
        (["t", "--zero-amounts", "perhaps"], "zero_amounts = 'perhaps'"),
        (["log.csv", "--dialect", "spark"], "Name a table as orders"),
        ([], "Missing argument 'LOG'"),
    ],
)
def test_wrong_usage_of_sql(arguments, told):
    done = clvmodels("sql", *arguments)
    assert (done.status, done.stdout) == (2, "")
    assert told in done.stderr


def test_the_options_of_sql_reach_the_query():
    done = clvmodels(
        *("sql", "a", "b", "--dialect", "postgres", "--observation-end", "2024-05-06"),
        *("--zero-amounts", "drop", "--time-zone", "Asia/Tokyo", "--customer-id", "kunde"),
    )
    assert done.status == 0
    for part in ("'2024-05-06'", "amount > 0", "'Asia/Tokyo'", '"kunde"', 'FROM "a"', 'FROM "b"'):
        assert part in done.stdout
    assert '"amount"' not in clvmodels("sql", "a", "--no-amount").stdout


def test_sql_as_one_object():
    asked = ("sql", "orders", "--dialect", "spark")
    query = clvmodels(*asked, "--quiet").stdout
    assert query.rstrip().endswith(";")
    assert clvmodels(*asked, "--json").record == {"dialect": "spark", "query": query}
