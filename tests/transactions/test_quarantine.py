"""Every row that was set aside comes back, with its rule and its place."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clvmodels.errors import InputError
from tests.transactions.logs import GOOD, frame, quarantine, quiet

CSV = (
    "customer_id,date,amount,rule\r\n"
    "007,2024-01-01,5,first\r\n"
    '"two\r\nlines",2024-01-02,6,\r\n'
    "8,2024-01-03\r\n"
    "9,2024-01-03,7,,8\r\n"
    "10,2024-01-04,-8,\r\n"
    ",2024-01-04,8,\r\n"
    "11,x\r\n"
    "12,2024-01-05,nan,\r\n"
)


def test_rows_of_a_csv_file_keep_their_place_and_text(tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes(CSV.encode())
    log = quiet(path)
    rows = quarantine(log)
    assert [(row["rule"], row["row"]) for row in rows] == [
        ("unreadable_row", 3),
        ("unreadable_row", 4),
        ("return_without_purchase", 5),
        ("missing_customer_id", 6),
        ("unreadable_row", 7),
        ("non_finite_amount", 8),
    ]
    assert [row["raw_line"] for row in rows[:3]] == ["8,2024-01-03", "9,2024-01-03,7,,8", None]
    assert rows[2] == {
        "rule": "return_without_purchase",
        "source": "log.csv",
        "row": 5,
        "raw_line": None,
        "customer_id": "10",
        "date": "2024-01-04",
        "amount": "-8",
        "rule_": None,
    }
    assert log.inputs[0].rows == log.check().account.read == 8


def test_places_hold_in_a_large_file(tmp_path):
    lines = ["customer_id,date,amount"]
    broken, negative = set(range(777, 200_000, 7_777)), set(range(500, 200_000, 3_333))
    for number in range(1, 200_001):
        if number in broken:
            lines.append("broken,row")
        else:
            lines.append(f"c{number},2024-01-01,{-1 if number in negative else 1}")
    path = tmp_path / "log.csv"
    path.write_text("\n".join(lines))
    log = quiet(path)
    rows = quarantine(log)
    assert {row["row"] for row in rows if row["rule"] == "unreadable_row"} == broken
    assert {
        row["row"] for row in rows if row["rule"] == "return_without_purchase"
    } == negative - broken
    assert log.check().account.read == 200_000


def test_columns_keep_their_type_and_batches_one_schema():
    rows = [*GOOD, *[("a", "2024-01-01", -float(n)) for n in range(1, 8)]]
    data = frame(rows).append_column("extra", pa.array(range(14), pa.int16()))
    batches = list(quiet(data).quarantine_batches(rows=3))
    assert [batch.num_rows for batch in batches] == [3, 3, 1]
    schema = batches[0].schema
    assert all(batch.schema == schema for batch in batches)
    assert schema.field("amount").type == pa.float64()
    assert schema.field("extra").type == pa.int16()
    assert schema.field("row").type == pa.int64()
    assert batches[2].column("extra").to_pylist() == [13]


def test_each_file_counts_its_own_rows(tmp_path):
    bad = ("0", "2024-01-01", -1.0)
    pq.write_table(frame([*GOOD, bad]), tmp_path / "1.parquet")
    pq.write_table(frame([bad, *GOOD]).append_column("note", [["n"] * 8]), tmp_path / "2.parquet")
    (tmp_path / "3.csv").write_text("date,customer_id,amount\n2024-01-01,b,1\n2024-01-01,c,-2\nx\n")
    log = quiet([tmp_path / "1.parquet", tmp_path / "3.csv", tmp_path / "2.parquet"])
    rows = sorted(
        (row["source"], row["row"], row["rule"], row["amount"], row["note"])
        for row in quarantine(log)
    )
    assert rows == [
        ("1.parquet", 8, "return_without_purchase", "-1.0", None),
        ("2.parquet", 1, "return_without_purchase", "-1.0", "n"),
        ("3.csv", 2, "return_without_purchase", "-2", None),
        ("3.csv", 3, "unreadable_row", None, None),
    ]
    assert {file.name: file.rows for file in log.inputs} == {
        "1.parquet": 8,
        "2.parquet": 8,
        "3.csv": 3,
    }


def test_duplicates_are_found_across_files(tmp_path):
    for name in ("1.csv", "2.csv"):
        (tmp_path / name).write_text("customer_id,date,amount\na,2024-01-01,1\n")
    log = quiet(tmp_path / "*.csv", duplicates="drop")
    assert [(row["source"], row["row"]) for row in quarantine(log)] == [("2.csv", 1)]


def test_duplicates_are_found_across_kinds_of_files(tmp_path):
    data = frame([("a", "2024-01-01", 1.0), ("a", "2024-01-01", 1.0)])
    data = data.set_column(1, "date", data["date"].cast(pa.date32()))
    pq.write_table(data.append_column("order", pa.array([1, 2])), tmp_path / "1.parquet")
    (tmp_path / "2.csv").write_text("customer_id,date,amount,order\na,2024-01-01,1,2\n")
    log = quiet([tmp_path / "1.parquet", tmp_path / "2.csv"], order_id="order", duplicates="drop")
    assert log.check().account.quarantined == {"duplicate": 1}
    assert len(quarantine(log)) == 1


def test_columns_named_like_ours_move_aside():
    data = frame([*GOOD, ("a", "2024-01-01", -1.0)])
    for name in ("rule", "Source", "row", "raw_line", "rule_", "o0", "place", "code"):
        data = data.append_column(name, [[name] * 8])
    (row,) = quarantine(quiet(data))
    assert row["rule"] == "return_without_purchase"
    assert [row[name] for name in ("rule__", "Source_", "row_", "raw_line_", "rule_", "o0")] == [
        "rule",
        "Source",
        "row",
        "raw_line",
        "rule_",
        "o0",
    ]


def test_a_clean_log_has_no_quarantine():
    assert quarantine(quiet(frame())) == []


def test_a_file_that_changed_since_is_refused(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("customer_id,date,amount\na,2024-01-01,1\nb,2024-01-02,-1\n")
    log = quiet(path)
    path.write_text("customer_id,date,amount\na,2024-01-01,1\na,2024-01-02,1\n")
    with pytest.raises(InputError, match="has changed since it was read"):
        quarantine(log)


def test_an_unclosed_quote_loses_no_row_in_silence(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text('customer_id,date,amount\na,2024-01-01,1\nb,"2024-01-02,1\nc,2024-01-03,1\n')
    account = quiet(path).check().account
    assert account.read == 3
    assert sum(account.quarantined.values()) >= 1


def test_columns_of_the_log_disturb_no_order():
    names = ("place", "row", "code", "found", "o0", "rule", "source")
    data = frame([*GOOD, *[("a", "x", 1.0)] * 3])
    for name in names:
        data = data.append_column(name, pa.array(range(10, 0, -1)))
    rows = quarantine(quiet(data, duplicates="drop"))
    assert [row["row"] for row in rows] == [8, 9, 10]
    assert [row["place"] for row in rows] == [3, 2, 1]
