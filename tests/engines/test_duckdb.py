"""The engine: batches of a summary in, score files out, the same as in a notebook."""

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import clvmodels as clv
from clvmodels.engines import duckdb as engine
from clvmodels.engines.batch import score_schema
from clvmodels.value.plug_in import PREDICTIONS
from clvmodels.value.totals import ValueGroups, value_totals
from tests.jobs import digests, shop

BG = {"r": 0.7, "alpha": 30.0, "a": 0.8, "b": 2.5}
GG = {"p": 4.0, "q": 6.0, "gamma": 40.0}


@pytest.fixture(scope="module")
def log():
    return clv.read_transactions(shop(200))


@pytest.fixture(scope="module")
def summary(log):
    return log.summarize(time_unit="day")


def value(*, spend: bool = True) -> clv.CustomerValue:
    return clv.CustomerValue(
        clv.BetaGeoModel.from_params(BG, time_unit="day"),
        clv.GammaGammaModel.from_params(GG, time_unit="day") if spend else None,
        margin=0.4,
    )


def write(summary, folder, scorer):
    ticks: list[int] = []
    scored = engine.write_scores(summary, scorer, folder, ticks.append)
    return scored, ticks


def test_the_columns_are_those_of_the_contract(summary, tmp_path):
    write(summary, tmp_path / "scores", value().scorer("1y", 0.9))
    schema = pq.read_schema(tmp_path / "scores" / "part-00000.parquet")
    number = pa.float64()
    assert list(zip(schema.names, schema.types, strict=True)) == [
        ("customer_id", pa.string()),
        ("first_purchase", pa.date32()),
        ("last_purchase", pa.date32()),
        ("frequency", pa.int64()),
        ("recency", number),
        ("T", number),
        ("monetary_value", number),
        ("probability_alive", number),
        ("expected_purchases", number),
        ("purchases_lower", pa.int64()),
        ("purchases_upper", pa.int64()),
        ("expected_spend", number),
        ("clv", number),
        ("clv_lower", number),
        ("clv_median", number),
        ("clv_upper", number),
        ("potential_value", number),
        ("clv_simple_formula", number),
        ("segment", pa.string()),
        ("segment_probability", number),
    ]
    assert schema == score_schema(pa.string())


@pytest.mark.parametrize("spend", [True, False])
@pytest.mark.parametrize("horizon", ["26w", "1y"])
def test_files_hold_what_predict_gives(summary, tmp_path, horizon, spend):
    held = value(spend=spend)
    write(summary, tmp_path / "scores", held.scorer(horizon, 0.8))
    written = pq.read_table(tmp_path / "scores").to_pandas(date_as_object=False)
    predicted = held.predict(summary, horizon, 0.8)
    assert written.customer_id.tolist() == predicted.index.tolist()
    for name in predicted.columns:
        expected = predicted[name].to_numpy()
        if expected.dtype.kind == "M":
            assert (written[name].to_numpy() == expected).all()
        else:
            np.testing.assert_array_equal(written[name].astype(float), expected.astype(float))
    assert written[["segment", "segment_probability"]].isna().all().all()


def test_what_does_not_exist_is_null_and_never_nan(summary, tmp_path):
    write(summary, tmp_path / "a", value(spend=False).scorer("1y", 0.9))
    written = pq.read_table(tmp_path / "a")
    money = PREDICTIONS[PREDICTIONS.index("expected_spend") :]
    for name in written.column_names:
        column = written[name]
        if name in money or name.startswith("segment"):
            assert column.null_count == len(column), name
        elif name != "monetary_value":
            assert column.null_count == 0, name
        if pa.types.is_floating(column.type):
            assert not np.isnan(column.drop_null().to_numpy()).any(), name
    frequency = written["frequency"].to_numpy()
    assert (written["monetary_value"].is_null().to_numpy() == (frequency == 0)).all()


def test_counts_over_a_lifetime_are_null_and_money_is_not(summary, tmp_path):
    write(summary, tmp_path / "a", value().scorer("lifetime", 0.9))
    written = pq.read_table(tmp_path / "a")
    for name in ("expected_purchases", "purchases_lower", "purchases_upper", "clv_simple_formula"):
        assert written[name].null_count == len(written), name
    for name in ("probability_alive", "expected_spend", "clv", "clv_lower", "potential_value"):
        assert written[name].null_count == 0, name


class Ragged:
    """A summary that comes in batches of other sizes than asked, as DuckDB's threads have it."""

    def __init__(self, summary, rows):
        self._summary, self._rows = summary, rows
        self.triples = summary.triples

    def batches(self, rows):
        del rows
        return self._summary.batches(self._rows)


@pytest.mark.parametrize("rows", [1, 7, 63, 10_000])
def test_the_batches_that_the_database_gives_change_no_byte(summary, tmp_path, monkeypatch, rows):
    monkeypatch.setattr(engine, "ROWS_PER_GROUP", 64)
    monkeypatch.setattr(engine, "GROUPS_PER_PART", 3)
    scorer = value().scorer("1y", 0.9)
    whole, _ = write(summary, tmp_path / "whole", scorer)
    cut, ticks = write(Ragged(summary, rows), tmp_path / "cut", value().scorer("1y", 0.9))
    assert digests(tmp_path / "cut") == digests(tmp_path / "whole")
    assert ticks == [64, 64, 64, 8]
    assert (cut.formula_sums == whole.formula_sums).all()
    assert value_totals(cut.groups, scorer, 0.9) == value_totals(whole.groups, scorer, 0.9)


@pytest.mark.parametrize("rows", [1, 7, 10_000])
def test_the_size_of_batches_changes_no_score(summary, tmp_path, monkeypatch, rows):
    scorer = value().scorer("1y", 0.9)
    write(summary, tmp_path / "whole", scorer)
    monkeypatch.setattr(engine, "ROWS_PER_GROUP", rows)
    write(summary, tmp_path / "cut", value().scorer("1y", 0.9))
    whole, cut = (pq.read_table(tmp_path / name).to_pandas() for name in ("whole", "cut"))
    for name in PREDICTIONS:
        np.testing.assert_allclose(cut[name], whole[name], rtol=1e-12, atol=1e-12)


def test_totals_are_those_of_all_customers(summary, tmp_path):
    held = value()
    scorer = held.scorer("1y", 0.9)
    scored, _ = write(summary, tmp_path / "scores", scorer)
    written = pq.read_table(tmp_path / "scores").to_pandas()
    totals = value_totals(scored.groups, scorer, 0.9)
    assert totals.customers == len(written)
    assert totals.purchases.expected == pytest.approx(written.expected_purchases.sum())
    assert totals.clv.expected == pytest.approx(written.clv.sum())
    assert totals.potential_value.expected == pytest.approx(written.potential_value.sum())
    alone = value_totals(ValueGroups.of(summary.columns()), scorer, 0.9)
    assert totals.clv.sd_customers == pytest.approx(alone.clv.sd_customers)
    assert totals.clv.sd_parameters == pytest.approx(alone.clv.sd_parameters)


IDS = {
    "text": pa.array(["b", "a", "007"]),
    "integer": pa.array([30, 2, 100], pa.int32()),
    "wide": pa.array([2**62, -1, 5], pa.int64()),
    "day": pa.array([dt.date(2020, 1, 2), dt.date(2020, 1, 1), dt.date(2019, 1, 1)]),
    "categorical": pa.array(["b", "a", "007"]).dictionary_encode(),
}


@pytest.mark.parametrize("kind", IDS)
def test_ids_keep_their_type_and_their_order(tmp_path, kind):
    ids = IDS[kind]
    days = pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01"])
    frame = pa.table({"customer_id": ids, "date": days.date, "amount": [1.0, 2.0, 3.0]})
    summary = clv.read_transactions(frame).summarize()
    write(summary, tmp_path / "scores", value().scorer("1y", 0.9))
    written = pq.read_table(tmp_path / "scores", partitioning=None)["customer_id"]
    kept = ids.cast(pa.string()) if pa.types.is_dictionary(ids.type) else ids
    assert written.type == kept.type
    assert written.to_pylist() == sorted(kept.to_pylist())


def test_recency_and_age_are_in_the_unit_of_the_model(summary, log, tmp_path):
    weekly = clv.CustomerValue(
        clv.BetaGeoModel.from_params(BG | {"alpha": 30.0 / 7.0}, time_unit="week"), None
    )
    write(summary, tmp_path / "day", value(spend=False).scorer("1y", 0.9))
    write(log.summarize(time_unit="week"), tmp_path / "week", weekly.scorer("1y", 0.9))
    daily = pq.read_table(tmp_path / "day").to_pandas()
    weeks = pq.read_table(tmp_path / "week").to_pandas()
    np.testing.assert_allclose(weeks.recency * 7.0, daily.recency)
    np.testing.assert_allclose(weeks["T"] * 7.0, daily["T"])
    np.testing.assert_allclose(weeks.expected_purchases, daily.expected_purchases, rtol=1e-9)


class Halves:
    """Segments by whether a customer has bought again, with a probability to write."""

    names = ("once", "again", "nobody")

    def assign(self, columns, scores, scorer):
        assert set(scores) == set(PREDICTIONS)
        del scorer
        probability = np.where(columns.frequency > 3, np.nan, scores["probability_alive"])
        return (columns.frequency > 0).astype(np.int64), probability


def test_segments_are_written_and_their_totals_add_up(summary, tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "ROWS_PER_GROUP", 37)
    scorer = value().scorer("1y", 0.9)
    scored = engine.write_scores(summary, scorer, tmp_path / "a", lambda units: None, Halves())
    plain, _ = write(summary, tmp_path / "b", value().scorer("1y", 0.9))
    written = pq.read_table(tmp_path / "a").to_pandas()
    again = written.frequency > 0
    assert (written.segment == np.where(again, "again", "once")).all()
    assert (written.segment_probability.isna() == (written.frequency > 3)).all()
    assert [len(part.columns) > 0 for part in scored.by_segment] == [True, True, False]
    whole = value_totals(plain.groups, scorer, 0.9)
    assert value_totals(scored.groups, scorer, 0.9).clv.expected == pytest.approx(
        whole.clv.expected, rel=1e-12
    )
    parts = [value_totals(part, scorer, 0.9).clv.expected for part in scored.by_segment]
    assert parts[0] == pytest.approx(written.clv[~again].sum(), rel=1e-9)
    assert parts[1] == pytest.approx(written.clv[again].sum(), rel=1e-9)
    assert parts[2] == 0.0


def test_a_failure_in_a_batch_stops_the_job(summary, tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "ROWS_PER_GROUP", 20)

    class Broken(Halves):
        def assign(self, columns, scores, scorer):
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        engine.write_scores(
            summary, value().scorer("1y", 0.9), tmp_path / "a", lambda units: None, Broken()
        )
