"""Models on their way to an executor and back, without Spark."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import clvmodels as clv
from clvmodels.config.segments import SegmentRules
from clvmodels.engines import duckdb, spark
from clvmodels.engines.batch import score_batch
from clvmodels.engines.engine import DuckDBEngine, SparkEngine, engine_named
from clvmodels.engines.spark_kit import (
    GroupPartition,
    Kit,
    ScorePartition,
    flat,
    from_flat,
    unpacked,
)
from clvmodels.errors import ParameterError, ResourceError
from clvmodels.segments.learn import learn_segments
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.value.simple_formula import formula_sums
from clvmodels.value.totals import ValueGroups
from tests.jobs import shop


@pytest.fixture(scope="module")
def summary():
    return clv.read_transactions(shop(120)).summarize(time_unit="week")


@pytest.fixture(scope="module")
def scorer(summary):
    value = clv.CustomerValue(
        clv.BetaGeoModel().fit(summary),
        clv.GammaGammaModel().fit(summary),
        margin=0.3,
        annual_discount_rate=0.12,
        cost_per_order=1.5,
        cost_per_customer_year=2.0,
        seed=5,
    )
    return value.scorer("26w", 0.8)


def rows_of(summary):
    return pa.Table.from_batches(summary.batches()).combine_chunks().to_batches()[0]


@pytest.mark.parametrize("divided", [True, False])
def test_an_executor_scores_to_the_last_bit_as_this_process(summary, scorer, divided):
    segmenter = learn_segments(summary, scorer, SegmentRules()) if divided else None
    rows = rows_of(summary)
    columns = CustomerColumns.from_days(rows, "week")
    expected = score_batch(rows, columns, scorer, segmenter)
    kit = Kit.of(scorer, segmenter)
    (found,) = ScorePartition(kit)(iter([rows.slice(0, 100), rows.slice(100)]))
    assert scorer.averaging.draws_used > 1
    assert found.equals(expected)


def test_a_kit_is_bytes_and_text_and_is_unpacked_once(scorer):
    kit = Kit.of(scorer, None)
    assert [name for name, _ in kit.files] == ["posterior.nc", "purchases.json", "spend.json"]
    assert all(isinstance(content, bytes) for _, content in kit.files)
    rebuilt, segmenter = unpacked(kit)
    assert segmenter is None
    assert (rebuilt.terms, rebuilt.seed, rebuilt.levels) == (
        scorer.terms,
        scorer.seed,
        scorer.levels,
    )
    assert unpacked(Kit(kit.files, kit.model, kit.terms))[0] is rebuilt


def test_a_model_without_spend_or_draws(summary):
    purchases = clv.MBGModel if hasattr(clv, "MBGModel") else clv.BetaGeoModel
    model = purchases.from_params({"r": 0.7, "alpha": 4.0, "a": 0.8, "b": 2.5}, time_unit="week")
    kit = Kit.of(clv.CustomerValue(model, None).scorer("1y", 0.9), None)
    assert [name for name, _ in kit.files] == ["purchases.json"]
    assert unpacked(kit)[0].spend is None


def test_groups_add_up_over_batches(summary, scorer):
    segmenter = learn_segments(summary, scorer, SegmentRules())
    rows = rows_of(summary)
    columns = CustomerColumns.from_days(rows, "week")
    codes, _ = segmenter.assign(columns, scorer.score(columns), scorer)
    named = rows.append_column("segment", pa.array(segmenter.names).take(pa.array(codes)))
    batches = GroupPartition("week", segmenter.names)(iter([named]))
    found = from_flat(pa.Table.from_batches(list(batches)), "week", divided=True)
    expected = ValueGroups.of(columns, codes)
    assert len(set(codes)) > 3
    for name, values in flat(expected).items():
        np.testing.assert_array_equal(flat(found)[name], values, err_msg=name)
    np.testing.assert_allclose(found.formula_sums(), formula_sums(columns), rtol=1e-14)


def test_parts_are_named_in_order_and_must_all_be_there(tmp_path):
    for name, rows in (("part-00000-x-c000", 0), ("part-00001-x-c000", 2), ("part-00002-x", 1)):
        pq.write_table(pa.table({"a": list(range(rows))}), tmp_path / f"{name}.zstd.parquet")
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / "_temporary").mkdir()
    with pytest.raises(ResourceError, match="given 4 customers to score, and 3 are in"):
        spark._tidy(tmp_path, 4)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "part-00000.parquet",
        "part-00001.parquet",
    ]
    assert pq.read_metadata(tmp_path / "part-00000.parquet").num_rows == 2
    spark._tidy(tmp_path, 3)


def test_an_engine_is_chosen_by_its_name(summary, scorer, tmp_path):
    assert engine_named("spark", "local[1]") == SparkEngine("local[1]")
    assert engine_named("duckdb") == DuckDBEngine()
    with pytest.raises(ParameterError, match="one of duckdb, spark"):
        engine_named("dask")
    engine = engine_named("duckdb")
    log = engine.read(shop(30))
    engine.write_scores(log.summarize(time_unit="week"), scorer, tmp_path / "a", lambda _: None)
    duckdb.write_scores(log.summarize(time_unit="week"), scorer, tmp_path / "b", lambda _: None)
    assert pq.read_table(tmp_path / "a").equals(pq.read_table(tmp_path / "b"))


def test_nothing_of_spark_is_loaded_for_one_machine():
    code = """
import sys
import pyarrow as pa
from clvmodels import cli
from clvmodels.engines.engine import engine_named
engine = engine_named("duckdb")
log = pa.table({"customer_id": ["a"], "date": ["2025-01-01"], "amount": [1]})
engine.read(log).summarize(), engine.write_scores
print([name for name in sys.modules if "spark" in name or name in ("py4j", "sqlglot")])
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"
