"""Labels of customers: matched as text, null where there are none, and refused with the reason."""

import gc
import hashlib

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clvmodels.engines.batch import score_schema
from clvmodels.errors import DataWarning, InputError
from clvmodels.transactions import CsvOptions, InputFile, open_summary
from clvmodels.transactions.labels import TAKEN
from tests.jobs import clvmodels, read, shop, write_csv
from tests.transactions.logs import frame, quiet

ABOUT = {"customer_id": ["9", "007"], "channel": ["web", "shop"], "since": [2020, None]}
IN_ORDER = [
    {"channel": "shop", "since": None},
    {"channel": None, "since": None},
    {"channel": "web", "since": "2020"},
]


@pytest.fixture
def summary():
    return quiet(frame()).summarize(time_unit="week")


def tables(summary):
    return [name for (name,) in summary._database.run("SELECT table_name FROM duckdb_tables()")]


def written(kind, folder):
    data = pa.table(ABOUT)
    if kind == "csv":
        return write_csv(
            folder / "about.csv",
            [("9", "web", 2020), ("007", "shop", "")],
            "customer_id,channel,since",
        )
    if kind == "parquet":
        pq.write_table(data, folder / "about.parquet")
        return str(folder / "about.parquet")
    if kind == "duckdb":
        with duckdb.connect(str(folder / "shop.duckdb")) as connection:
            connection.register("data", data)
            connection.execute("CREATE TABLE about AS FROM data")
        return f"{folder}/shop.duckdb::about"
    if kind == "pandas":
        return pd.DataFrame(ABOUT).astype({"since": "Int64", "channel": "category"})
    return pl.DataFrame(ABOUT) if kind == "polars" else data


@pytest.mark.parametrize("kind", ["csv", "parquet", "duckdb", "pandas", "polars", "arrow"])
def test_labels_of_any_source(summary, tmp_path, kind):
    about = written(kind, tmp_path)
    labelled = summary.with_labels(about)
    assert labelled.label_names == ("channel", "since")
    assert labelled.labels().to_pylist() == IN_ORDER
    assert labelled.labels().schema.types == [pa.string()] * 2
    assert labelled.columns().customer_id.to_pylist() == ["007", "8", "9"]
    # What a summary is otherwise is as it was.
    assert labelled.to_arrow() == summary.to_arrow()
    assert list(labelled.batches()) == list(summary.batches())
    assert labelled.check == summary.check
    assert labelled.fingerprint == summary.fingerprint
    assert (labelled.time_unit, len(labelled)) == ("week", 3)
    assert "channel, since" in repr(labelled)
    # And it can be done again.
    assert labelled.with_labels(about).labels().to_pylist() == IN_ORDER


def test_a_summary_without_labels_has_none(summary):
    assert summary.label_names == summary.label_inputs == ()
    assert summary.labels().num_columns == 0
    assert "labels" not in repr(summary)


def test_files_are_told_with_their_rows_and_digest(summary, tmp_path):
    path = written("csv", tmp_path)
    sha = hashlib.sha256(path.read_bytes()).hexdigest()
    assert summary.with_labels(path).label_inputs == (InputFile("about.csv", 2, sha),)
    assert summary.with_labels(pa.table(ABOUT)).label_inputs == (InputFile("frame", 2),)


def test_several_files_may_know_different_things(summary, tmp_path):
    write_csv(tmp_path / "1.csv", [("9", "web")], "customer_id,channel")
    write_csv(tmp_path / "2.csv", [("x", "007")], "Region,customer_id")
    labelled = summary.with_labels(tmp_path / "*.csv")
    assert labelled.label_names == ("channel", "Region")
    assert labelled.labels().to_pylist() == [
        {"channel": None, "Region": "x"},
        {"channel": None, "Region": None},
        {"channel": "web", "Region": None},
    ]
    assert [(file.name, file.rows) for file in labelled.label_inputs] == [
        ("1.csv", 1),
        ("2.csv", 1),
    ]


@pytest.mark.parametrize(
    ("ids", "of_labels", "found"),
    [
        (pa.array([7, 8]), ["8"], [None, "x"]),
        (pa.array([7, 8]), pa.array([8], pa.int8()), [None, "x"]),
        (pa.array(["7", "8"]).dictionary_encode(), [8], [None, "x"]),
        (["7", "007", " 7", "7 ", "É"], [" 7"], ["x", None, None, None, None]),
        (["a'b", 'c"d', "e,f", "😀", "g\nh"], ["g\nh"], [None, None, None, "x", None]),
    ],
)
def test_ids_are_matched_as_text_exactly(ids, of_labels, found):
    rows = len(ids)
    log = pa.table({"customer_id": ids, "date": ["2024-01-01"] * rows, "amount": [1.0] * rows})
    about = pa.table({"customer_id": of_labels, "label": ["x"]})
    labels = quiet(log).summarize().with_labels(about).labels()
    assert labels["label"].to_pylist() == found


def test_hostile_text_is_only_text(summary):
    names = ['"; DROP TABLE labels; --', "l0", "id", "c", "ré\nsumé", "select", "place"]
    values = ["'; --", '"', "😀" * 5_000, "a,b", "\t", " x ", "NULL"]
    about = {"it's": ["9"]} | {name: [value] for name, value in zip(names, values, strict=True)}
    labelled = summary.with_labels(pa.table(about), "it's")
    assert labelled.label_names == tuple(names)
    assert labelled.labels().column_names == names
    kept = [None if not value.strip() else value for value in values]
    assert list(labelled.labels().to_pylist()[2].values()) == kept


def test_any_value_is_kept_as_text(summary):
    about = pa.table(
        {
            "customer_id": ["8", "9"],
            "flag": [True, None],
            "number": [float("nan"), 1.5],
            "day": pa.array([0, None], pa.date32()),
            "dictionary": pa.array(["a", " "]).dictionary_encode(),
        }
    )
    assert summary.with_labels(about).labels().to_pylist()[1:] == [
        {"flag": "true", "number": None, "day": "1970-01-01", "dictionary": "a"},
        {"flag": None, "number": "1.5", "day": None, "dictionary": None},
    ]


def test_customers_who_are_not_in_the_log_and_rows_of_nobody_are_told(summary):
    about = pa.table({"customer_id": ["7", "x" * 100, "9", None, " "], "label": list("abcde")})
    with pytest.warns(DataWarning) as said:
        labelled = summary.with_labels(about)
    messages = [str(warning.message) for warning in said]
    assert messages == [w.message for w in labelled.check.warnings]
    assert [(w.code, w.count) for w in labelled.check.warnings] == [
        ("labels_without_id", 2),
        ("labels_without_customer", 2),
    ]
    assert "2 rows in frame name no customer" in messages[0]
    assert "2 customers in frame" in messages[1]
    assert "such as '7'; 1 of 3 customers have labels" in messages[1]
    assert labelled.labels()["label"].to_pylist() == [None, None, "c"]
    # Labels that take their place take away their warnings too.
    assert labelled.with_labels(pa.table(ABOUT)).check == summary.check


@pytest.mark.parametrize(
    ("about", "told"),
    [
        ({"Customer": ["9"], "label": ["a"]}, "no column 'customer_id'.*mean 'Customer'"),
        ({"customer_id": ["9"]}, "frame has no column besides 'customer_id'"),
        ({"customer_id": [["9"]], "label": ["a"]}, r"has type VARCHAR\[\]"),
        ({"customer_id": pa.array([], pa.string()), "label": []}, "it has no rows"),
        (
            {"customer_id": ["9", "8", "9", "8", "8", "1"], "label": list("aaabbb")},
            r"2 customers have more than one row \(5 rows\), such as '8'; keep one",
        ),
        ({"customer_id": ["9"], "clv": [1], "SEGMENT": ["a"]}, "'clv', 'SEGMENT'.*'given_clv'"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(summary, about, told):
    before = tables(summary)
    with pytest.raises(InputError, match=told):
        summary.with_labels(pa.table(about))
    assert tables(summary) == before


def test_rows_without_sound_structure_are_refused(summary, tmp_path):
    path = write_csv(
        tmp_path / "about.csv", [("9", "web"), ("8",), ("7", "a", "b")], "customer_id,x"
    )
    with pytest.raises(InputError, match=r"about\.csv.*2 rows don't have the fields of the header"):
        summary.with_labels(path)
    with pytest.raises(InputError, match="no such file"):
        summary.with_labels(tmp_path / "nothing.csv")
    with pytest.raises(InputError, match="cannot be read from int"):
        summary.with_labels(3)


def test_encodings_and_delimiters_can_be_given(summary, tmp_path):
    path = tmp_path / "about.csv"
    path.write_bytes("customer_id;où\n9;é\n".encode("latin-1"))
    labelled = summary.with_labels(path, csv=CsvOptions(delimiter=";", encoding="latin-1"))
    assert labelled.labels()["où"].to_pylist() == [None, None, "é"]


def test_names_of_scores_cannot_be_labels():
    assert set(score_schema(pa.string()).names) <= set(TAKEN)


def test_tables_live_as_long_as_a_summary_that_needs_them():
    log = quiet(frame())
    plain = log.summarize()
    before = tables(plain)
    labelled = plain.with_labels(pa.table(ABOUT))
    assert len(tables(plain)) == len(before) + 1
    assert not plain._database._frames.keys() - {"frame_1"}
    del plain
    gc.collect()
    assert labelled.labels().to_pylist() == IN_ORDER
    assert len(labelled.to_arrow()) == 3
    database = labelled._database
    del labelled
    left = database.run("SELECT table_name FROM duckdb_tables()")
    assert not [name for (name,) in left if name.startswith(("labels", "summary"))]


def test_labels_of_an_earlier_view_and_of_a_summary_file(tmp_path):
    log = quiet(frame())
    earlier = log.before("2024-01-02").summarize()
    with pytest.warns(DataWarning, match="'8'; 2 of 2"):
        labels = earlier.with_labels(pa.table({"customer_id": ["8", "9", "007"], "x": list("abc")}))
    assert labels.labels()["x"].to_pylist() == ["c", "b"]
    pq.write_table(pa.Table.from_batches(log.summarize().batches()), tmp_path / "summary.parquet")
    elsewhere = open_summary(tmp_path / "summary.parquet").summarize()
    assert elsewhere.with_labels(pa.table(ABOUT)).labels().to_pylist() == IN_ORDER


def test_a_log_and_its_labels_in_one_duckdb_file(tmp_path):
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
        connection.execute("CREATE TABLE orders AS SELECT 'a' AS customer_id, '2024-01-01' AS date")
        connection.execute("CREATE TABLE customers AS SELECT 'a' AS customer_id, 'web' AS channel")
    summary = quiet(f"{tmp_path}/shop.duckdb::orders").summarize()
    labelled = summary.with_labels(f"{tmp_path}/shop.duckdb::customers")
    assert labelled.labels().to_pylist() == [{"channel": "web"}]


def test_the_command_keeps_labels_apart_from_scores(tmp_path):
    shop(120).to_csv(tmp_path / "log.csv", index=False)
    about = [(f"{n:05d}", "web" if n % 2 else "shop") for n in range(130)]
    labels = write_csv(tmp_path / "about.csv", about, "customer_id,channel")
    log, out = tmp_path / "log.csv", tmp_path / "run"
    done = clvmodels("run", log, "--labels", labels, "--out", out, "--quiet")
    assert done.status in (0, 4), done.stderr
    record = read(out / "run.json")
    assert [(file["name"], file["rows"]) for file in record["inputs"]][1:] == [("about.csv", 130)]
    assert {w["code"]: w["count"] for w in record["warnings"]}["labels_without_customer"] == 10
    assert pq.read_schema(out / "scores" / "part-00000.parquet").names == (
        score_schema(pa.string()).names
    )
    said = clvmodels("validate", log, "--labels", labels, "--json")
    assert len(said.record["inputs"]) == 2
    scored = clvmodels(
        "score",
        log,
        "--labels",
        labels,
        "--model",
        out / "model",
        "--out",
        tmp_path / "s",
        "--json",
    )
    assert len(scored.record["inputs"]) == 2
    wrong = clvmodels("validate", log, "--labels", log, "--quiet")
    assert (wrong.status, wrong.stderr.count("\n")) == (3, 1)
    assert "customers have more than one row" in wrong.stderr
