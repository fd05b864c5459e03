"""DuckDB's queries in Spark's words, as far as it shows without Spark."""

import datetime as dt

import pytest
import sqlglot

from clvmodels.errors import ClvError
from clvmodels.transactions import sql
from clvmodels.transactions.spark_dialect import spark_text, translated

DAY = dt.date(2024, 1, 31)


def spark(query, parameters=None):
    text = spark_text(translated(query, parameters))
    assert len(sqlglot.parse(text, read="spark")) == 1
    return text


def test_a_replaced_column_is_left_out_and_added():
    assert spark("SELECT * REPLACE (a + 1 AS a, b AS c) FROM t") == (
        "SELECT * EXCEPT (`a`, `c`), a + 1 AS a, b AS c FROM t"
    )
    assert spark("SELECT r.* REPLACE (1 AS a) FROM r") == "SELECT r.* EXCEPT (`a`), 1 AS a FROM r"


def test_no_unsigned_number_and_no_interval_is_left():
    days = spark(sql.purchase_days_query("SELECT * FROM j", sql.WIDE_MONEY, drop_duplicates=True))
    assert "UINT" not in days
    assert "BIGINT" in days
    assert "DATEDIFF(day, CAST('0001-01-01' AS DATE)) DIV 4000000" in spark(
        sql.rejected_query("days")
    )


def test_parameters_become_literals_whatever_they_say():
    hostile = "it's \\ ' ; DROP TABLE x; --"
    found = translated("SELECT ?, ?", [hostile, DAY])
    assert spark_text(found) == (
        r"SELECT 'it\'s \\ \' ; DROP TABLE x; --', CAST('2024-01-31' AS DATE)"
    )
    assert spark("SELECT count(*) FILTER (day > $start) AS n FROM d", {"start": DAY}) == (
        "SELECT COUNT(*) FILTER(WHERE day > CAST('2024-01-31' AS DATE)) AS n FROM d"
    )
    with pytest.raises(ClvError, match="object cannot stand in a query"):
        translated("SELECT ?", [object()])


def test_every_query_of_a_summary_is_translated():
    customers = sql.customers_query(sql.good_days("days", DAY))
    text = spark(sql.summary_query(f"({customers})", DAY))
    assert "MIN_BY(amount, day)" in text
    assert "DATEDIFF(DAY, first_purchase, last_purchase)" in text
    for foreign in ("ARG_MIN", "::", "DATE_DIFF"):
        assert foreign not in text
