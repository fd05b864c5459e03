"""What executors do with rows, run here without Spark: the rules are those of one machine."""

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyspark.errors import PythonException

from clvmodels.errors import ConfigurationError
from clvmodels.transactions import sql
from clvmodels.transactions.spark_database import pack
from clvmodels.transactions.spark_rows import Judge
from clvmodels.transactions.spark_session import REFUSED, as_it_stands, spark_failures
from tests.transactions.databases import HOSTILE, hostile_log
from tests.transactions.logs import quarantine, quiet

NAMES = ("id", "text", "path", "row", "raw")


def batch(*rows):
    arrays = [pa.array(list(column), pa.string()) for column in zip(*rows, strict=True)]
    arrays.insert(3, pa.nulls(len(rows), pa.int64()))
    return pa.RecordBatch.from_arrays(arrays, names=[f"c{number}" for number in range(5)])


def judged(*batches, header=("id", "text"), query="SELECT * FROM incoming"):
    found = Judge(query, NAMES, header)(iter(batches))
    return pa.Table.from_batches(list(found)).to_pylist()


def test_rows_are_counted_by_file_across_batches_and_headers_are_none():
    head = ("id", "text", "file:/a%20b.csv", None)
    other = ("\ufeffid", "text", "file:/c.csv", None)
    rows = judged(
        batch(head, ("1", "x", "file:/a%20b.csv", None)),
        batch(("2", "y", "file:/a%20b.csv", None), other, ("3", "z", "file:/c.csv", None)),
        batch(("4", None, "file:/c.csv", "4")),
    )
    assert [(row["id"], row["row"]) for row in rows] == [("1", 1), ("2", 2), ("3", 1), ("4", 2)]
    assert rows[-1]["raw"] == "4"


@pytest.mark.parametrize(
    "first", [("text", "id", "file:/b.csv", None), ("id", None, "file:/b.csv", "id")]
)
def test_a_file_with_other_columns_is_refused_by_its_name(first):
    head = ("id", "text", "file:/a.csv", None)
    with pytest.raises(ValueError, match=f"{REFUSED}b.csv has other columns"):
        judged(batch(head, ("1", "x", "file:/a.csv", None), first))


def test_judging_in_batches_sets_the_same_rows_aside():
    rows = hostile_log(500)
    log = quiet(rows, customer_id=HOSTILE.customer_id, date=HOSTILE.date, amount=HOSTILE.amount)
    scan = log._scan
    names = (*rows.column_names, "path", "row", "raw")
    query = sql.judged_query([sql.rows_query(scan.parts[0].columns, "incoming")], scan.rule)
    for column, kind in (("path", "string"), ("row", "int64"), ("raw", "string")):
        rows = rows.append_column(column, pa.nulls(len(rows), kind))
    found = Judge(query, names)(iter(rows.to_batches(max_chunksize=37)))
    codes = pa.Table.from_batches(list(found)).column("rule").cast("int64")
    by_code = {row["values"]: row["counts"] for row in pc.value_counts(codes).to_pylist()}
    counted = {
        sql.CODE[rule]: count
        for rule, count in log.check().account.quarantined.items()
        if rule != "return_without_purchase"
    }
    assert len(counted) == 5
    assert {code: by_code[code] for code in counted} == counted
    assert sum(counted.values()) < len(quarantine(log))


def test_batches_survive_their_way_to_the_driver_as_bytes():
    rows = hostile_log(50).to_batches()[0]
    (packed,) = pack(iter([rows]))
    (back,) = pa.ipc.open_stream(packed.column("packed")[0].as_py())
    assert back.equals(rows)


def test_a_path_has_no_wildcards(tmp_path):
    assert as_it_stands(tmp_path / "a[1]*?{b}\\ c.csv") == (
        f"file:{tmp_path}/a\\[1\\]\\*\\?\\{{b\\}}\\\\ c.csv"
    )


def test_executors_without_the_package_are_told_what_to_do():
    told = "An exception was thrown from the Python worker:\nNo module named 'clvmodels'"
    with (
        pytest.raises(ConfigurationError, match="PYSPARK_PYTHON"),
        spark_failures("shop.csv"),
    ):
        raise PythonException(told)
