"""Summaries that a database made: read as a log's own, or refused with every rule they break."""

import datetime as dt
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clvmodels.errors import InputError
from clvmodels.transactions import open_summary, read_transactions
from tests.jobs import shop


@pytest.fixture(scope="module")
def summary():
    return read_transactions(shop(60)).summarize()


@pytest.fixture
def table(summary) -> pd.DataFrame:
    return pd.concat(batch.to_pandas() for batch in summary.batches())


def written(frame: pd.DataFrame, folder, kind: str):
    path = folder / f"summary.{kind}"
    if kind == "csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path, index=False)
    return path


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("unit", ["day", "week"])
def test_it_is_as_the_summary_of_the_log(summary, table, tmp_path, kind, unit):
    opened = open_summary(written(table.sample(frac=1.0, random_state=1), tmp_path, kind))
    again = opened.summarize(time_unit=unit)
    expected = summary.to_pandas()
    per_unit = {"day": 1.0, "week": 7.0}[unit]
    expected[["recency", "T"]] /= per_unit
    pd.testing.assert_frame_equal(again.to_pandas(), expected, rtol=1e-15)
    assert len(again) == 60
    assert again.has_amount
    assert again.observation_end == opened.observation_end == summary.observation_end
    assert opened.first_date == table.first_purchase.min()
    (file,) = opened.inputs
    assert (file.name, file.rows) == (f"summary.{kind}", 60)
    assert re.fullmatch("[0-9a-f]{64}", file.sha256)
    for found, wanted in ((again.triples(), summary.triples()), (again.orders(), summary.orders())):
        np.testing.assert_array_equal(found.frequency, wanted.frequency)
        np.testing.assert_array_equal(found.weight, wanted.weight)
    assert again.account is None
    (amount,) = re.findall(r"amount +\S+", repr(summary))
    assert amount in repr(again)
    assert "counted elsewhere" in repr(again)
    assert "counted elsewhere" in str(again.check)


def test_several_parts_are_one_summary(table, tmp_path):
    for kind in ("parquet", "csv"):
        for number, part in enumerate((table[:20], table[20:])):
            written(part, tmp_path, kind).rename(tmp_path / f"part-{number}.{kind}")
        opened = open_summary(tmp_path / f"*.{kind}")
        assert len(opened.summarize()) == 60
        assert [(file.name, file.rows) for file in opened.inputs] == [
            (f"part-0.{kind}", 20),
            (f"part-1.{kind}", 40),
        ]


def test_further_columns_and_stamps_and_nan_are_fine(table, tmp_path):
    table["monetary_value"] = pa.array(table.monetary_value.fillna(np.nan), pa.float64())
    table["first_purchase"] = pd.to_datetime(table.first_purchase)
    table["note"] = "x"
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    money = pa.array(table.monetary_value.to_numpy(np.float64), from_pandas=False)
    position = arrow.column_names.index("monetary_value")
    pq.write_table(arrow.set_column(position, "monetary_value", money), tmp_path / "s.parquet")
    read = open_summary(tmp_path / "s.parquet").summarize().to_arrow()
    assert read["monetary_value"].null_count == (table.frequency == 0).sum() > 0


@pytest.mark.parametrize("how", ["absent", "null", "nan"])
def test_without_amounts(table, tmp_path, how):
    money = ["monetary_value", "order_value"]
    bare = table.drop(columns=money) if how == "absent" else table.assign(**dict.fromkeys(money))
    path = written(bare, tmp_path, "csv")
    if how == "nan":
        path = tmp_path / "nan.parquet"
        numbers = dict.fromkeys(money, pa.array(np.full(60, np.nan)))
        arrow = pa.Table.from_pandas(table.drop(columns=money), preserve_index=False)
        for name, values in numbers.items():
            arrow = arrow.append_column(name, values)
        pq.write_table(arrow, path)
    again = open_summary(path).summarize()
    assert not again.has_amount
    assert again.to_arrow()["order_value"].null_count == 60


def test_the_observation_end_is_that_of_the_file(summary, table, tmp_path):
    opened = open_summary(written(table, tmp_path, "parquet"))
    assert len(opened.summarize(str(summary.observation_end))) == 60
    with pytest.raises(InputError, match=f"ends on {summary.observation_end}, not on 2020-01-01"):
        opened.summarize("2020-01-01")


BROKEN = {
    "customer_id must be given (2 rows)": {"customer_id": [None, " "]},
    "customer_id must occur once (2 rows)": {"customer_id": ["00059"]},
    "must be days (2 rows)": {"first_purchase": ["soon", None]},
    "frequency must be a whole number from 0 on (3 rows)": {"frequency": [1.5, -1, np.nan]},
    "recency must be the days from first_purchase to last_purchase (1 rows)": {"recency": [9999]},
    "frequency must be at most the recency": {"frequency": [5000]},
    "T must be at least the recency": {"T": [-1.0]},
    "to one observation end for all (2 rows)": {"T": [2000, 2001]},
    "where frequency is above 0 (3 rows)": {"monetary_value": [-1.0, np.inf, None]},
    "order_value must be a number from 0 on (3 rows)": {"order_value": [-1.0, "much", None]},
}


@pytest.mark.parametrize("told", BROKEN)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_broken_rule_is_named_with_its_rows(table, tmp_path, told, kind):
    table = table.astype(object)
    repeaters = np.flatnonzero(table.frequency > 0)
    for column, values in BROKEN[told].items():
        for row, value in zip(repeaters, values, strict=False):
            table.iloc[row, table.columns.get_loc(column)] = value
        if kind == "parquet" and any(isinstance(value, str) for value in values):
            table[column] = table[column].map(lambda value: None if value is None else str(value))
    with pytest.raises(InputError) as caught:
        open_summary(written(table, tmp_path, kind))
    assert told in str(caught.value)
    assert "whole days" in str(caught.value)


def test_all_broken_rules_are_told_at_once(table, tmp_path):
    table["recency"], table["T"] = table.recency / 7.0, table["T"] / 7.0
    path = written(table, tmp_path, "csv")
    with path.open("a") as file:
        file.write("one,field\n")
    with pytest.raises(InputError) as caught:
        open_summary(path)
    message = str(caught.value)
    assert "summary.csv of 61 rows" in message
    assert "recency must be the days" in message
    assert "T must be the days" in message
    assert "must have the fields of the header (1 rows)" in message


@pytest.mark.parametrize(
    ("dropped", "told"),
    [
        (["T", "last_purchase"], "lacks the column(s) last_purchase, T. Found: 'customer_id'"),
        (["order_value"], "lacks the column(s) order_value."),
    ],
)
def test_missing_columns(table, tmp_path, dropped, told):
    with pytest.raises(InputError) as caught:
        open_summary(written(table.drop(columns=dropped), tmp_path, "csv"))
    assert told in str(caught.value)


def test_no_customers(table, tmp_path):
    with pytest.raises(InputError, match=r"summary\.parquet has no customers"):
        open_summary(written(table[:0], tmp_path, "parquet"))


def test_integer_ids_keep_their_type(tmp_path):
    day = dt.date(2024, 1, 1)
    frame = pa.table(
        {
            "customer_id": pa.array([7, 5], pa.int32()),
            "first_purchase": [day] * 2,
            "last_purchase": [day] * 2,
            "frequency": [0, 0],
            "recency": [0, 0],
            "T": [30, 30],
        }
    )
    pq.write_table(frame, tmp_path / "s.parquet")
    read = open_summary(tmp_path / "s.parquet").summarize().to_arrow()
    assert read["customer_id"].to_pylist() == [5, 7]
    assert read.schema.field("customer_id").type == pa.int32()
