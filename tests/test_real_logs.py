"""Logs as shops really write them, through the command: a balanced account or one clear message."""

import datetime as dt

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.jobs import clvmodels, read, write_csv

HEADER = "customer_id,date,amount"
ROWS = [("a", "2024-01-01", 10), ("a", "2024-01-20", 30), ("b", "2024-01-05", 7)]


def validated(*arguments):
    """Row account and customers of a log that must be fine."""
    done = clvmodels("validate", *arguments, "--json")
    assert done.status == 0, done.stderr
    rows = done.record["rows"]
    aside = sum(rows["quarantined"].values())
    assert rows["read"] == rows["used"] + rows["merged"] + rows["netted"] + aside
    return rows, done.record["customers"]


def refused(*arguments):
    """The one line that refuses a log."""
    done = clvmodels("validate", *arguments, "--quiet")
    assert (done.status, done.stdout) == (3, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


@pytest.mark.parametrize(
    ("returns", "account"),
    [
        ([("a", "2024-01-25", -30)], {"used": 2, "netted": 2, "quarantined": {}}),
        ([("a", "2024-01-25", -35)], {"used": 2, "netted": 2, "quarantined": {}}),
        ([("a", "2024-01-25", -90)], {"used": 1, "netted": 3, "quarantined": {}}),
        (
            [("c", "2024-01-25", -1)],
            {"used": 3, "netted": 0, "quarantined": {"return_without_purchase": 1}},
        ),
        (
            [("b", "2024-01-06", 1e9), ("b", "2024-01-07", -1e9)],
            {"used": 3, "netted": 2, "quarantined": {}},
        ),
    ],
)
def test_returns_are_netted_by_default(tmp_path, returns, account):
    log = write_csv(tmp_path / "log.csv", [*ROWS, *returns], HEADER)
    rows, _ = validated(log)
    assert {key: rows[key] for key in account} == account


def test_returns_can_be_dropped_or_refused_by_option_or_file(tmp_path):
    log = write_csv(tmp_path / "log.csv", [*ROWS, ("a", "2024-01-25", -30)], HEADER)
    rows, _ = validated(log, "--returns", "drop")
    assert rows["quarantined"] == {"negative_amount": 1}
    said = refused(log, "--returns", "reject")
    assert "1 rows of 1 customers have a negative amount" in said
    config = tmp_path / "clv.toml"
    config.write_text('returns = "reject"\n')
    assert refused(log, "--config", config) == said
    assert validated(log, "--config", config, "--returns", "net")[0]["netted"] == 2
    assert clvmodels("validate", log, "--returns", "keep").status == 2


def test_a_log_whose_purchases_were_all_returned_is_refused(tmp_path):
    rows = [("a", "2024-01-01", 10), ("a", "2024-01-02", -10)]
    said = refused(write_csv(tmp_path / "log.csv", rows, HEADER))
    assert "Every purchase up to 2024-01-02 was returned" in said


def test_order_ids_link_returns(tmp_path):
    rows = [(*row, order) for row, order in zip(ROWS, "123", strict=True)]
    rows.append(("a", "2024-01-25", -10, "1"))
    log = write_csv(tmp_path / "log.csv", rows, f"{HEADER},order")
    linked, _ = validated(log, "--order-id", "order")
    assert (linked["used"], linked["netted"]) == (2, 2)
    latest, _ = validated(log)
    assert (latest["used"], latest["netted"]) == (3, 1)


@pytest.mark.parametrize(
    ("written", "options"),
    [
        ("%Y-%m-%d", []),
        ("%d.%m.%Y", ["--date-format", "%d.%m.%Y"]),
        ("%m/%d/%y", ["--date-format", "%m/%d/%y"]),
        ("%Y%m%d", ["--date-format", "%Y%m%d"]),
    ],
)
def test_dates_of_several_formats(tmp_path, written, options):
    rows = [(c, dt.date.fromisoformat(d).strftime(written), a) for c, d, a in ROWS]
    assert validated(write_csv(tmp_path / "log.csv", rows, HEADER), *options)[0]["used"] == 3


def test_decimal_commas_encodings_and_offsets(tmp_path):
    log = tmp_path / "log.csv"
    lines = ["customer_id;date;amount", "José;2024-01-01T23:30:00Z;12,50"]
    lines += ["José;2024-01-02 00:10:00+01:00;1.234,56", "b;2024-01-02 08:00:00 -05:00;1"]
    log.write_bytes("\n".join(lines).encode("latin-1"))
    options = ["--decimal-separator", ",", "--encoding", "latin-1"]
    rows, customers = validated(log, *options, "--time-zone", "Europe/Berlin")
    assert (rows["read"], rows["used"], rows["merged"], customers) == (3, 2, 1, 2)
    assert rows["quarantined"] == {}
    done = clvmodels("validate", log, *options, "--time-zone", "Europe/Berlin", "--json")
    assert done.record["period"]["first_purchase"] == "2024-01-02"


def test_one_log_in_several_files_and_a_table(tmp_path):
    pq.write_table(
        pa.Table.from_pandas(pd.DataFrame([ROWS[0]], columns=HEADER.split(","))),
        tmp_path / "1.parquet",
    )
    write_csv(tmp_path / "2.csv", [ROWS[1]], HEADER)
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as shop:
        shop.execute(
            "CREATE TABLE orders AS SELECT 'b' AS customer_id, '2024-01-05' AS date, 7 AS amount"
        )
    rows, customers = validated(
        tmp_path / "*.parquet", tmp_path / "2.csv", f"{tmp_path}/shop.duckdb::orders"
    )
    assert (rows["used"], customers) == (3, 2)


@pytest.mark.parametrize(
    "ids",
    [
        pa.array([1, 1, 2], pa.int64()),
        pa.array(["1", "1", "2"]).dictionary_encode(),
        pa.array(["'; --", "'; --", '😀,"' + "x" * 10_000]),
    ],
)
def test_ids_of_several_types(tmp_path, ids):
    data = pa.table({"customer_id": ids, "date": [row[1] for row in ROWS], "amount": [1, 2, 3]})
    pq.write_table(data, tmp_path / "log.parquet")
    assert validated(tmp_path / "log.parquet")[1] == 2


def test_line_items_orders_and_days_are_the_same_log(tmp_path):
    items = [("a", "2024-01-01 09:00:00", 4), ("a", "2024-01-01 18:00:00", 6), *ROWS[1:]]
    for name, rows in (("items", items), ("days", ROWS)):
        log = write_csv(tmp_path / f"{name}.csv", rows, HEADER)
        account, customers = validated(log)
        assert (account["used"], account["merged"], customers) == (3, len(rows) - 3, 2)


def test_dates_only_and_logs_that_end_early(tmp_path):
    log = write_csv(tmp_path / "log.csv", [row[:2] for row in ROWS], "customer_id,date")
    assert validated(log)[0]["used"] == 3
    rows, customers = validated(log, "--observation-end", "2024-01-10")
    assert (rows["used"], rows["quarantined"]) == (2, {"after_observation_end": 1})
    assert customers == 2
    assert validated(log, "--observation-end", "2025-06-30")[0]["used"] == 3
    assert "before the first purchase" in refused(log, "--observation-end", "2023-12-31")


def test_a_run_with_returns_leaves_an_account_that_balances(tmp_path):
    rows = []
    for number in range(120):
        first = dt.date(2023, 1, 1) + dt.timedelta(days=number % 60)
        for repeat in range(number % 5):
            day = first + dt.timedelta(days=40 * repeat + number % 7)
            rows.append((f"c{number}", day, 10 + number % 13))
            if (number + repeat) % 6 == 0:
                rows.append((f"c{number}", day + dt.timedelta(days=3), -(10 + number % 13)))
    rows.append(("nobody", "2023-02-01", -5))
    log, out = write_csv(tmp_path / "log.csv", rows, HEADER), tmp_path / "run"
    done = clvmodels("run", log, "--out", out, "--quiet")
    assert done.status in (0, 4), done.stderr
    account = read(out / "run.json")["rows"]
    returns = sum(row[2] < 0 for row in rows)
    assert account["netted"] == 2 * (returns - 1)
    assert account["read"] == len(rows) == account["used"] + account["netted"] + 1
    aside = pq.read_table(out / "quarantine").to_pylist()
    assert [row["rule"] for row in aside] == ["return_without_purchase"]
