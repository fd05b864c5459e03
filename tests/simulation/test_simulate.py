"""Logs of any size: the same each time, in bounded memory, whole or not at all, and true."""

from __future__ import annotations

import errno
import hashlib
import json
import tracemalloc
import warnings
from collections import Counter
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from clvmodels.errors import ConfigurationError, DataWarning, ResourceError
from clvmodels.models import PURCHASE_MODELS
from clvmodels.simulation.customers import BLOCK
from clvmodels.simulation.simulate import simulate_blocks, simulate_log, simulate_tables
from clvmodels.transactions import read_transactions
from tests.simulation.logs import MESSY, shop


def digest(path: Path) -> dict[str, str]:
    """Hash of a log and the files beside it."""
    files = sorted(path.parent.glob(f"{path.name}*"))
    assert len(files) == 3
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def read(path: Path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return read_transactions(path, order_id="order_id")


def truth_of(path: Path) -> dict:
    return json.loads(path.with_name(f"{path.name}.truth.json").read_text("utf-8"))


# --- determinism --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["log.parquet", "log.csv"])
def test_the_same_shop_gives_the_same_bytes(tmp_path, name):
    made = []
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / name
        simulate_log(shop(5_000, seed=seed, **MESSY), path)
        made.append(digest(path))
    assert made[0] == made[1]
    assert all(made[0][file] != made[2][file] for file in made[0])


def test_a_larger_shop_has_the_same_customers_and_more():
    small_log, small = simulate_tables(shop(BLOCK + 1_000, **MESSY))
    log, truth = simulate_tables(shop(2 * BLOCK + 10, **MESSY))
    assert small.num_rows == BLOCK + 1_000
    assert truth.num_rows == 2 * BLOCK + 10
    assert truth.slice(0, small.num_rows).equals(small)
    assert log.num_rows > small_log.num_rows
    assert log.slice(0, small_log.num_rows).equals(small_log)


def test_rows_do_not_depend_on_how_they_are_grouped(tmp_path, monkeypatch):
    """The files are the same whatever the batches, and their contents whatever the row groups."""
    path = tmp_path / "log.parquet"
    simulate_log(shop(3 * BLOCK, **MESSY), path)
    whole = pq.read_table(path)
    assert whole.equals(simulate_tables(shop(3 * BLOCK, **MESSY))[0].cast(whole.schema))
    monkeypatch.setattr("clvmodels.simulation.sinks._ROWS_PER_GROUP", 777)
    simulate_log(shop(3 * BLOCK, **MESSY), path)
    assert pq.read_table(path).equals(whole)
    groups = pq.ParquetFile(path).metadata
    sizes = [groups.row_group(i).num_rows for i in range(groups.num_row_groups)]
    assert set(sizes[:-1]) == {777}
    assert 0 < sizes[-1] <= 777


def test_blocks_are_not_copies_of_each_other():
    first, second = (block.log for block in simulate_blocks(shop(2 * BLOCK)))
    assert not first["amount"].slice(0, 100).equals(second["amount"].slice(0, 100))


def test_parquet_and_csv_hold_the_same(tmp_path):
    for name in ("log.parquet", "log.csv"):
        simulate_log(shop(2_000, **MESSY), tmp_path / name)
    options = pa.csv.ConvertOptions(
        column_types={"date": pa.string(), "amount": pa.string()},
        strings_can_be_null=True,
        null_values=[""],
    )
    from_csv = pa.csv.read_csv(tmp_path / "log.csv", convert_options=options)
    assert pq.read_table(tmp_path / "log.parquet").equals(from_csv)
    truths = [
        pq.read_table(tmp_path / f"{name}.truth.parquet") for name in ("log.csv", "log.parquet")
    ]
    assert truths[0].equals(truths[1])


# --- memory -------------------------------------------------------------------------------------


def test_memory_does_not_grow_with_the_customers(tmp_path, monkeypatch):
    # So that log and truth fill several groups in either case.
    monkeypatch.setattr("clvmodels.simulation.sinks._ROWS_PER_GROUP", 8_000)

    def peak(blocks: int) -> int:
        before = pa.default_memory_pool()
        pool = pa.proxy_memory_pool(before)
        pa.set_memory_pool(pool)
        tracemalloc.start()
        try:
            simulate_log(shop(blocks * BLOCK, **MESSY), tmp_path / "log.parquet")
            return tracemalloc.get_traced_memory()[1] + pool.max_memory()
        finally:
            tracemalloc.stop()
            pa.set_memory_pool(before)

    few, many = peak(4), peak(16)
    assert many < 1.15 * few
    assert many < 50e6


def test_no_block_holds_more_than_its_customers():
    sizes = [len(block.truth) for block in simulate_blocks(shop(2 * BLOCK + 5))]
    assert sizes == [BLOCK, BLOCK, 5]


def test_customers_that_would_not_fit_are_refused(tmp_path):
    busy = {"r": 1.0, "alpha": 0.01, "a": 0.01, "b": 1000.0}
    with pytest.raises(ConfigurationError, match=r"rows each on average.*Lower the purchase rate"):
        simulate_log(shop(10, parameters=busy), tmp_path / "log.csv")
    assert not list(tmp_path.iterdir())


# --- whole or not at all ------------------------------------------------------------------------


def test_a_simulation_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "log.parquet"
    simulate_log(shop(100), path)
    before = digest(path)

    def stop(customers):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate_log(shop(200, seed=1), path, stop)
    assert digest(path) == before
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize(
    ("broken", "left"),
    [
        ("log.parquet", {"log.parquet"}),
        ("log.parquet.truth.parquet", {"log.parquet"}),
        ("log.parquet.truth.json", {"log.parquet", "log.parquet.truth.parquet"}),
    ],
)
def test_a_log_never_stands_beside_the_truth_of_another(tmp_path, monkeypatch, broken, left):
    path = tmp_path / "log.parquet"
    simulate_log(shop(100), path)
    move = Path.replace

    def fail(file, target):
        if Path(target).name == broken:
            raise OSError(errno.EIO, "broken")
        return move(file, target)

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(ResourceError, match="See to the disk"):
        simulate_log(shop(200, seed=1), path)
    assert {file.name for file in tmp_path.iterdir()} == left
    if "log.parquet.truth.parquet" in left:
        log, truth = pq.read_table(path), pq.read_table(f"{path}.truth.parquet")
        assert set(log["customer_id"].to_pylist()) == set(truth["customer_id"].to_pylist())


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("log.txt", "must end in .parquet or .csv"),
        ("log", "must end in .parquet or .csv"),
        ("folder.csv", "Is a directory. Choose another place."),
        ("nowhere/log.csv", "No such file or directory. Choose another place."),
    ],
)
def test_a_place_that_cannot_be_used(tmp_path, name, told):
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ConfigurationError, match=told) as caught:
        simulate_log(shop(10), tmp_path / name)
    assert ".partial" not in str(caught.value)
    assert [file.name for file in tmp_path.iterdir()] == ["folder.csv"]


def test_progress_is_told_in_customers(tmp_path):
    told: list[int] = []
    simulate_log(shop(BLOCK + 7), tmp_path / "log.parquet", told.append)
    assert told == [BLOCK, 7]


# --- the truth ----------------------------------------------------------------------------------


@pytest.mark.parametrize("model", PURCHASE_MODELS)
@pytest.mark.parametrize("options", [{}, MESSY], ids=["plain", "messy"])
def test_the_truth_adds_up_the_log(tmp_path, model, options):
    path = tmp_path / "log.parquet"
    simulate_log(shop(6_000, **(options | {"model": model, "order_ids": True})), path)
    query = f"""
        WITH good AS (
            SELECT customer_id, try_cast(date AS DATE) AS day,
                try_cast(amount AS DECIMAL(18, 2)) AS amount, order_id
            FROM '{path}'
            WHERE customer_id IS NOT NULL AND day IS NOT NULL AND amount IS NOT NULL
        ), log AS (
            SELECT customer_id, count(DISTINCT order_id) FILTER (amount > 0) AS orders,
                count(DISTINCT day) FILTER (amount > 0) AS purchase_days,
                coalesce(sum(amount) FILTER (amount > 0), 0) AS amount,
                coalesce(-sum(amount) FILTER (amount < 0), 0) AS returned
            FROM good GROUP BY customer_id
        )
        SELECT count(*), count(log.customer_id),
            count(*) FILTER (truth.orders = coalesce(log.orders, 0)
                AND truth.purchase_days = coalesce(log.purchase_days, 0)
                AND truth.amount::DECIMAL(18, 2) = coalesce(log.amount, 0)
                AND truth.returned::DECIMAL(18, 2) = coalesce(log.returned, 0))
        FROM '{path}.truth.parquet' truth LEFT JOIN log USING (customer_id)
    """
    customers, in_log, right = duckdb.sql(query).fetchall()[0]
    assert customers == right == 6_000
    if options:
        assert in_log < customers
    else:
        assert in_log == customers


def test_the_record_tells_everything_that_holds_for_the_shop(tmp_path):
    path = tmp_path / "log.parquet"
    given = shop(1_000, start=date(2024, 2, 1), span="1y", seed=3, **MESSY)
    record = simulate_log(given, path)
    written = truth_of(path)
    assert written == {"schema": 1, **record}
    assert written["shop"]["parameters"] == given.purchase_model().params_
    assert written["shop"]["spend"] == given.spend_model().params_
    assert written["shop"]["start"] == "2024-02-01"
    assert written["shop"]["seed"] == 3
    assert written["last_day"] == given.last_day.isoformat() == "2025-01-30"
    assert written["shock_factor"] not in (0.0, 1.0)
    log, truth = pq.read_table(path), pq.read_table(f"{path}.truth.parquet").to_pandas()
    assert written["rows"] == log.num_rows
    assert written["orders"] == truth["orders"].sum()
    assert written["customers_who_bought"] == (truth["orders"] > 0).sum()
    again = {key: value for key, value in written["shop"].items() if key not in ("start", "events")}
    again |= {"start": date(2024, 2, 1), "events": tuple(written["shop"]["events"])}
    again_path = tmp_path / "again.parquet"
    again.pop("customers")
    simulate_log(shop(1_000, **again), again_path)
    assert pq.read_table(again_path).equals(log)


@pytest.mark.parametrize("name", ["log.parquet", "log.csv"])
def test_dirt_goes_where_the_truth_says(tmp_path, name):
    path = tmp_path / name
    record = simulate_log(shop(6_000, dirt=0.2, order_ids=True), path)
    log = read(path)
    account = log.check(date(2030, 1, 1)).account
    assert account.quarantined == record["broken"]
    assert len(record["broken"]) == 6
    assert min(record["broken"].values()) > 100
    assert account.read == record["rows"]
    share = sum(record["broken"].values()) / record["rows"]
    assert share == pytest.approx(0.2, abs=0.01)
    # What is left is the log of the clean shop.
    clean, _ = simulate_tables(shop(6_000, order_ids=True))
    assert account.used + account.merged == clean.num_rows
    end = log.last_date
    frame = log.summarize(end).to_pandas()
    truth = pq.read_table(f"{path}.truth.parquet").to_pandas().set_index("customer_id")
    found = frame.set_index("customer_id")["frequency"] + 1
    assert found.equals(
        truth.loc[found.index, "purchase_days"].astype(found.dtype).rename("frequency")
    )
    assert Counter(found.index) == Counter(truth.index)
