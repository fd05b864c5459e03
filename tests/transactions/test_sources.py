"""The same log from anywhere gives the same summary, and ids keep their type."""

import decimal
import random
import uuid
from datetime import UTC, date, datetime

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from clvmodels.errors import ConfigurationError, InputError, ParameterError, ResourceError
from clvmodels.transactions import CsvOptions, read_transactions
from tests.transactions.logs import GOOD, frame, quiet, records


@pytest.fixture
def table():
    return frame()


@pytest.fixture
def expected(table):
    return records(read_transactions(table))


def typed(table):
    return table.set_column(1, "date", table["date"].cast(pa.date32()))


def test_the_summary_itself(expected):
    first, one, three = expected
    assert first == {
        "customer_id": "007",
        "first_purchase": date(2024, 1, 1),
        "last_purchase": date(2024, 1, 11),
        "frequency": 1,
        "recency": 10.0,
        "T": 59.0,
        "monetary_value": 2.75,
        "order_value": 3.875,
    }
    assert (one["frequency"], one["recency"], one["monetary_value"]) == (0, 0.0, None)
    assert (three["frequency"], three["recency"], three["T"]) == (2, 58.0, 58.0)
    assert (three["monetary_value"], three["order_value"]) == (30.0, 70.0 / 3.0)


def test_every_kind_of_source_gives_the_same(table, expected, tmp_path):
    pyarrow.csv.write_csv(table, tmp_path / "log.csv")
    pq.write_table(table, tmp_path / "log.parquet")
    pq.write_table(typed(table), tmp_path / "renamed.bin")
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as shop:
        shop.register("log", table)
        shop.execute("CREATE SCHEMA s; CREATE TABLE s.orders AS SELECT * FROM log")
    connection = duckdb.connect()
    sources = {
        "csv": tmp_path / "log.csv",
        "parquet": str(tmp_path / "log.parquet"),
        "parquet by its bytes": tmp_path / "renamed.bin",
        "database": f"{tmp_path / 'shop.duckdb'}::s.orders",
        "pandas": table.to_pandas(),
        "pandas, typed": typed(table).to_pandas(),
        "polars": pl.from_arrow(table),
        "polars, lazy": pl.from_arrow(typed(table)).lazy(),
        "arrow": table,
        "batch": table.to_batches()[0],
        "reader": table.to_reader(max_chunksize=2),
        "relation": connection.from_arrow(table),
    }
    for kind, source in sources.items():
        assert records(read_transactions(source)) == expected, kind


def test_several_files_are_one_log(table, expected, tmp_path):
    for number in range(3):
        pq.write_table(table.slice(3 * number, 3), tmp_path / f"{number}.parquet")
        pyarrow.csv.write_csv(table.slice(3 * number, 3), tmp_path / f"{number}.csv")
    glob = read_transactions(tmp_path / "*.parquet")
    mixed = read_transactions([tmp_path / "0.csv", tmp_path / "1.parquet", tmp_path / "2.csv"])
    twice = read_transactions([tmp_path / "0.csv", str(tmp_path / "*.csv")])
    for log in (glob, mixed, twice):
        assert records(log) == expected
        assert sorted(file.rows for file in log.inputs) == [1, 3, 3]
        assert len({file.sha256 for file in log.inputs}) == 3
    assert [file.name for file in glob.inputs] == ["0.parquet", "1.parquet", "2.parquet"]


def test_order_of_rows_and_names_of_columns_do_not_matter(expected):
    rows = list(GOOD)
    random.Random(3).shuffle(rows)
    names = ("amount", 'da"te; DROP TABLE days_1; --', "customer_id")
    log = read_transactions(
        frame(rows, names), customer_id=names[0], date=names[1], amount=names[2]
    )
    assert records(log) == expected


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_csv_of_other_systems(tmp_path, expected, ending, start):
    lines = ["customer_id;date;amount"]
    lines += [f"{i};{d[8:]}.{d[5:7]}.{d[:4]};{str(a).replace('.', ',')}" for i, d, a in GOOD]
    path = tmp_path / "log.csv"
    path.write_bytes((start + ending.join(lines)).encode())
    options = CsvOptions(decimal_separator=",", date_format="%d.%m.%Y")
    assert records(read_transactions(path, csv=options)) == expected


def test_encoding_delimiter_and_quote_can_be_given(tmp_path):
    path = tmp_path / "log.txt"
    path.write_bytes("customer_id|date|amount\n'Jos\xe9|x'|2024-01-01|1\n".encode("latin-1"))
    options = CsvOptions(delimiter="|", quote="'", encoding="latin-1")
    assert records(read_transactions(path, csv=options))[0]["customer_id"] == "José|x"


def test_utf_16_with_its_mark_needs_no_option(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("customer_id\tdate\tamount\nÉ\t2024-01-01\t1\n", "utf-16")
    for options in (None, CsvOptions(encoding="utf-16")):
        assert [row["customer_id"] for row in records(quiet(path, csv=options))] == ["É"]


def test_lines_that_end_in_two_ways(tmp_path):
    path, header = tmp_path / "log.csv", b"customer_id,date,amount\n"
    rows = b"".join(b"%d,2024-01-01,1\n" % number for number in range(30_000))
    for start in (b"", rows):
        path.write_bytes(header + start + b"a,2024-01-01,1\r\nb,2024-01-02,2\n")
        with pytest.raises(InputError, match=r"log\.csv cannot be read as CSV: its lines end in"):
            quiet(path)


def test_a_message_names_no_thousands_of_columns(tmp_path):
    names = ["x" * 5_000, *(f"c{number}" for number in range(3_000))]
    path = tmp_path / "log.csv"
    path.write_text(",".join(names) + "\n" + ",".join("1" for _ in names) + "\n")
    with pytest.raises(InputError, match="'c28' and 2,971 more") as caught:
        quiet(path)
    assert len(str(caught.value)) < 1_000


def test_a_guessed_date_format_is_used_and_said(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("customer_id,date,amount\na,13/02/2024,1\na,01/03/2024,1\n")
    with pytest.warns(match="read as %d/%m/%Y, which was guessed"):
        log = read_transactions(path)
    assert log.first_date == date(2024, 2, 13)
    assert log.last_date == date(2024, 3, 1)
    read_transactions(path, csv=CsvOptions(date_format="%d/%m/%Y"))


def test_beside_a_decimal_comma_points_group_thousands_and_nothing_else(tmp_path):
    path = tmp_path / "log.csv"
    amounts = ["1.234", "1.234.567,8", "12,5", "12.5", "1.2345", "1.23,4"]
    lines = [f'{i},2024-01-01,"{amount}"' for i, amount in enumerate(amounts)]
    path.write_text("\n".join(["customer_id,date,amount", *lines]))
    log = quiet(path, csv=CsvOptions(decimal_separator=","))
    assert log.check().account.quarantined == {"unreadable_amount": 3}
    assert [row["order_value"] for row in records(log)] == [1234.0, 1234567.8, 12.5]
    # Read with a decimal point, those without a comma are numbers.
    assert quiet(path).check().account.quarantined == {"unreadable_amount": 3}


@pytest.mark.parametrize(
    ("ids", "kind"),
    [
        (pa.array(["01", "1"]), pa.string()),
        (pa.array(["01", "1"], pa.large_string()), pa.string()),
        (pa.array(["01", "1"], pa.string_view()), pa.string()),
        (pa.array(["01", "1"]).dictionary_encode(), pa.string()),
        (pa.array([1, 2], pa.int64()), pa.int64()),
        (pa.array([1, 2], pa.uint8()), pa.uint8()),
        (pa.array([1.5, 2.5], pa.float64()), pa.float64()),
        (pa.array([decimal.Decimal("1.5"), decimal.Decimal("2.5")]), pa.decimal128(2, 1)),
        (pa.array([b"\x00", b"\xff"]), pa.binary()),
        (pa.array([date(2020, 1, 1), date(2021, 1, 1)]), pa.date32()),
    ],
)
def test_ids_keep_their_type(ids, kind):
    dates = pa.array([date(2024, 1, 1)] * 2)
    log = read_transactions(pa.table({"customer_id": ids, "date": dates, "amount": [1.0, 2.0]}))
    table = log.summarize().to_arrow()
    assert table.schema.field("customer_id").type == kind
    assert table["customer_id"].to_pylist() == ids.to_pylist()
    assert len(log.summarize().columns().customer_id) == 2


def test_ids_of_odd_types():
    identity = uuid.UUID(int=5)
    relation = duckdb.connect().sql(
        f"SELECT '{identity}'::UUID AS customer_id, DATE '2024-01-01' AS date, 1 AS amount, "
        "170141183460469231731687303715884105727 AS big"
    )
    assert records(read_transactions(relation))[0]["customer_id"] == str(identity)
    nested = pa.table({"customer_id": [[1]], "date": ["2024-01-01"], "amount": [1.0]})
    with pytest.raises(InputError, match=r"has type BIGINT\[\]; customer_id must be"):
        read_transactions(nested)


def test_ids_of_two_types_become_text(tmp_path):
    for name, ids in (("a", pa.array([1])), ("b", pa.array(["x"]))):
        data = pa.table({"customer_id": ids, "date": ["2024-01-01"], "amount": [1.0]})
        pq.write_table(data, tmp_path / f"{name}.parquet")
    ids = read_transactions(tmp_path / "*.parquet").summarize().to_arrow()["customer_id"]
    assert ids.to_pylist() == ["1", "x"]


def test_columns_of_types_without_a_common_one_are_compared_as_text(tmp_path):
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as shop:
        row = "1.0 AS amount, DATE '2024-01-01' AS date"
        shop.execute(f"CREATE TABLE a AS SELECT 7::BIGINT AS customer_id, 1 AS o, {row}")
        shop.execute(f"CREATE TABLE b AS SELECT DATE '2020-01-01' AS customer_id, [2] AS o, {row}")
    tables = [f"{tmp_path}/shop.duckdb::{name}" for name in "ab"]
    log = read_transactions(tables, order_id="o")
    assert [row["customer_id"] for row in records(log)] == ["2020-01-01", "7"]


def test_pandas_columns_of_mixed_objects_become_text():
    data = pd.DataFrame(
        {
            "customer_id": pd.Series([1, "a", None, 1], dtype=object),
            "date": pd.Series([date(2024, 1, day) for day in (1, 2, 3, 4)], dtype=object),
            "amount": pd.Series([decimal.Decimal("0.1")] * 4, dtype=object),
            5: [object()] * 4,
        }
    )
    log = quiet(data)
    assert log.check().account.quarantined == {"missing_customer_id": 1}
    assert [(r["customer_id"], r["frequency"]) for r in records(log)] == [("1", 1), ("a", 0)]


def test_pandas_integers_with_gaps_are_numbers_and_gaps():
    data = pd.DataFrame(
        {"customer_id": [1.0, np.nan], "date": pd.to_datetime(["2024-01-01"] * 2), "amount": [1, 2]}
    )
    log = quiet(data)
    assert log.check().account.quarantined == {"missing_customer_id": 1}


STAMPS = ["2024-03-30 23:30:00", "2024-03-31T00:10:00"]


def test_naive_stamps_are_taken_as_they_stand():
    for stamps in (STAMPS, pd.to_datetime(STAMPS, format="ISO8601")):
        data = pd.DataFrame({"customer_id": ["a", "b"], "date": stamps, "amount": [1.0, 1.0]})
        for zone in ("UTC", "Asia/Tokyo"):
            days = [r["first_purchase"] for r in records(read_transactions(data, time_zone=zone))]
            assert days == [date(2024, 3, 30), date(2024, 3, 31)]


@pytest.mark.parametrize("written", ["Z", "+00:00", "+0000", "+00", " UTC", " +00:00"])
def test_the_day_of_stamps_with_an_offset_is_that_of_the_time_zone(written):
    texts = [f"2024-03-30 23:30:00{written}", f"2024-03-30T23:30:00.250{written}"]
    real = [datetime(2024, 3, 30, 23, 30, tzinfo=UTC)] * 2
    typed = [pa.array(real, pa.timestamp(unit, "UTC")) for unit in ("s", "us", "ns")]
    for stamps in (texts, *typed):
        data = pa.table({"customer_id": ["a", "b"], "date": stamps, "amount": [1.0, 1.0]})
        assert read_transactions(data).last_date == date(2024, 3, 30)
        tokyo = read_transactions(data, time_zone="Asia/Tokyo")
        assert (tokyo.first_date, tokyo.last_date) == (date(2024, 3, 31), date(2024, 3, 31))


def test_digits_are_dates_only_with_a_format():
    data = pa.table({"customer_id": ["a"], "date": [20240229], "amount": [1.0]})
    with pytest.raises(InputError, match="digits need a date_format"):
        read_transactions(data)
    log = read_transactions(data, csv=CsvOptions(date_format="%Y%m%d"))
    assert log.first_date == date(2024, 2, 29)


def test_a_log_without_amounts_has_purchases_only():
    data = frame().drop_columns(["amount"])
    with pytest.warns(match="no amounts"):
        log = read_transactions(data)
    assert not log.has_amount
    table = log.summarize().to_arrow()
    assert table["frequency"].to_pylist() == [1, 0, 2]
    assert table["monetary_value"].null_count == table["order_value"].null_count == 3
    assert len(log.summarize().orders()) == 0
    assert log.holdout("2024-01-05", "2024-03-01")["holdout_amount"].null_count == 3


def test_missing_columns_are_named_with_the_nearest(table):
    with pytest.raises(InputError) as caught:
        read_transactions(table, customer_id="Customer_Id", amount="total", order_id="order")
    message = str(caught.value)
    assert (
        "no column 'Customer_Id' (customer_id='Customer_Id'). Did you mean 'customer_id'?"
        in message
    )
    assert "no column 'total'" in message
    assert "no column 'order'" in message
    assert "'customer_id', 'date', 'amount'" in message


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", b"", r"empty.csv is empty \(0 bytes\)"),
        ("header.csv", b"customer_id,date,amount\n", "header.csv has no rows"),
        ("header.csv", b"customer_id,date,amount", "header.csv has no rows"),
        ("broken.parquet", b"PAR1nothing", "broken.parquet"),
        ("text.parquet", b"customer_id,date\n", "text.parquet"),
        ("noise.csv", bytes(range(256)) * 20, "noise.csv"),
        ("other.csv", b"a,b\n1,2\n", "no column 'customer_id'"),
        ("bad.csv", b"customer_id,date,amount\n,x,\n1,y,3\n", "None of the 2 rows of bad.csv"),
    ],
)
def test_files_that_cannot_be_used_get_one_clear_message(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_transactions(path)


def test_what_is_not_there_or_not_a_log(tmp_path):
    for source, message in [
        (tmp_path / "none.csv", "no such file"),
        (str(tmp_path / "*.parquet"), "no such file"),
        (tmp_path, "is a directory"),
        ([], "list of files is empty"),
        (f"{tmp_path}/none.duckdb::orders", "none.duckdb: no such file"),
        (5, "cannot be read from int"),
        ([1, 2], "cannot be read from list"),
    ]:
        with pytest.raises(InputError, match=message):
            read_transactions(source)
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as shop:
        shop.execute("CREATE TABLE t (a INT)")
    with pytest.raises(InputError, match=r"shop\.duckdb is a DuckDB file.*shop\.duckdb::orders"):
        read_transactions(tmp_path / "shop.duckdb")
    with pytest.raises(InputError, match="has no table 'orders\"; DROP TABLE t'"):
        read_transactions(f'{tmp_path}/shop.duckdb::orders"; DROP TABLE t')


def test_names_of_files_are_only_names(tmp_path, table, expected):
    pq.write_table(table.slice(0, 1), tmp_path / "order 1.parquet")
    pyarrow.csv.write_csv(table.slice(0, 1), tmp_path / "order 1.csv")
    for name in ("order [1]", "o'rder *?{a,b}"):
        pq.write_table(table, tmp_path / f"{name}.parquet")
        pyarrow.csv.write_csv(table, tmp_path / f"{name}.csv")
        assert records(read_transactions(tmp_path / f"{name}.parquet")) == expected
        assert records(read_transactions(tmp_path / f"{name}.csv")) == expected
        both = quiet([tmp_path / f"{name}.parquet", tmp_path / "order 1.parquet"])
        assert [file.rows for file in both.inputs] == [7, 1]


def test_options_are_checked(table):
    with pytest.raises(ConfigurationError, match="time_zone is 'Mars/Base'"):
        read_transactions(table, time_zone="Mars/Base")
    with pytest.raises(ParameterError, match="'keep' or 'drop'"):
        read_transactions(table, duplicates="merge")
    with pytest.raises(ParameterError, match="'keep' or 'drop'"):
        read_transactions(table, zero_amounts=None)
    for mark in ("", "ab", "1", "-"):
        with pytest.raises(ParameterError, match="must be one mark such as ','"):
            read_transactions(table, csv=CsvOptions(decimal_separator=mark))
    with pytest.raises(ConfigurationError, match="memory_limit='plenty'"):
        read_transactions(table, memory_limit="plenty")
    with pytest.raises(ConfigurationError, match="threads=0"):
        read_transactions(table, threads=0)


def test_memory_is_bounded():
    relation = duckdb.connect().sql(
        "SELECT i AS customer_id, DATE '2024-01-01' AS date, 1.0 AS amount "
        "FROM range(3_000_000) t(i)"
    )
    with pytest.raises(ResourceError, match="higher memory_limit"):
        read_transactions(relation, memory_limit="10MB", threads=1)


def test_hostile_text_stays_text():
    ids = [
        "a'; DROP TABLE days_1; --",
        '"',
        "\\",
        "😀\u202e",
        "x" * 10_000,
        "\x00",
        "<b>",
        "{0}",
        "?",
    ]
    data = pa.table(
        {"customer_id": ids, "date": ["2024-01-01"] * 9, "amount": [1.0] * 9, "SELECT *": ids}
    )
    log = read_transactions(data, order_id="SELECT *")
    assert log.summarize().to_arrow()["customer_id"].to_pylist() == sorted(ids, key=str.encode)
