"""The same log on DuckDB and on Spark, whose executors are processes of their own."""

import random
import threading
import time
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import clvmodels as clv
from clvmodels.config.segments import SegmentRules
from clvmodels.engines import duckdb, spark
from clvmodels.errors import ConfigurationError, InputError
from clvmodels.segments.learn import learn_segments
from clvmodels.transactions import cohorts
from clvmodels.value.shock import ASSUMED
from clvmodels.value.totals import value_totals
from tests import cluster
from tests.jobs import clvmodels, read, shop, write_csv
from tests.transactions.databases import HOSTILE, hostile_log
from tests.transactions.logs import quarantine, quiet
from tests.transactions.test_returns import random_rows, table

pytestmark = pytest.mark.slow

DIRTY = '''customer_id,date,amount,rule,order
007,2024-01-01,5,first,1
007,2024-01-01,5,first,1
7,01.02.2024,6,,2
8,2024-01-03
9,2024-01-03,7,,8,x

9,2024-01-05,-3,,8
9,2024-01-05,7.5,,8
9,2024-01-09,-7.5,,8
10,2024-01-04,-8,,
,2024-01-04,8,,
\u2003,2024-01-04,8,,
11,,1,,
11,2024-01-32,1,,
12,2024-01-05,nan,,
12,2024-01-05,,,
12,2024-01-05,1e13,,
12,2024-01-05,0,,
12,2024-01-05,0.000001,,
"two
lines",2024-01-02 23:59:59,6,,3
"say ""hi""",2024-01-02T23:30:00-05:00,12.345678,"a, b",4
'; DROP TABLE x; --,2024-03-01,1,,
7,2024-03-02,1,,
'''


@pytest.fixture(scope="module")
def workers():
    return []


@pytest.fixture(scope="module")
def session(tmp_path_factory, workers):
    folder = tmp_path_factory.mktemp("spark")
    with cluster.standalone(folder) as (master, started), cluster.session(master, folder) as opened:
        workers.extend(started)
        yield opened


def sorted_rows(rows):
    return sorted(repr(sorted(row.items())) for row in rows)


def assert_same_log(here, there, *, places=True):
    """Everything that a job asks of a log is the same, as of its end and of an earlier day."""
    assert (there.first_date, there.last_date) == (here.first_date, here.last_date)
    assert there.has_amount == here.has_amount
    span = (here.last_date - here.first_date) * 0.6
    for end in (None, here.first_date + span):
        expected, found = here.summarize(end), there.summarize(end)
        assert found.check == expected.check
        assert found.fingerprint == expected.fingerprint
        rows = expected.to_arrow()
        assert found.to_arrow().cast(rows.schema).equals(rows)
        if places:
            aside = quarantine(here, end)
            assert len(aside) > 2
            assert sorted_rows(quarantine(there, end)) == sorted_rows(aside)


def both(session, source, **options):
    return quiet(source, **options), quiet(source, spark=session, **options)


def test_a_dirty_csv_file(session, tmp_path):
    path = tmp_path / "it's 50% [a] log.csv"
    path.write_text(DIRTY, "utf-8")
    chosen = {"zero_amounts": "drop", "duplicates": "drop", "time_zone": "Asia/Tokyo"}
    here, there = both(session, path, order_id="order", **chosen)
    assert_same_log(here, there)
    assert there.inputs == here.inputs
    assert set(there.check("2024-02-01").account.quarantined) == {
        "unreadable_row",
        "missing_customer_id",
        "missing_date",
        "unreadable_date",
        "after_observation_end",
        "unreadable_amount",
        "non_finite_amount",
        "amount_out_of_range",
        "return_without_purchase",
        "zero_amount",
        "duplicate",
    }
    other = tmp_path / "other.csv"
    other.write_text("date,customer_id,amount\n2024-01-01,a,1\n")
    listed = f"{tmp_path}/*.csv"
    with pytest.raises(InputError, match=r"other\.csv has other columns than the first file"):
        quiet(listed, spark=session)


def test_several_parquet_files_with_returns(session, tmp_path):
    rows = table(random_rows(random.Random(3), 60, orders=True))
    bad = rows.slice(0, 2).set_column(0, "customer_id", pa.array(["", None]))
    pq.write_table(rows.slice(0, 250), tmp_path / "1.parquet")
    later = pa.concat_tables([rows.slice(250), bad])
    later = later.append_column("note", [["n"] * len(later)])
    pq.write_table(later, tmp_path / "2.parquet")
    here, there = both(session, f"{tmp_path}/*.parquet", order_id="order")
    assert_same_log(here, there)
    assert there.inputs == here.inputs
    assert here.check().account.netted > 20
    # What the evidence is learned from: every earlier day of it, and what came after.
    local, day = there.sample(10**6), here.first_date + (here.last_date - here.first_date) / 2
    assert local.share == 1.0
    for view, expected in ((local, here), (local.before(day), here.before(day))):
        assert view.summarize().to_arrow().equals(expected.summarize().to_arrow())
    after = here.holdout(day, here.last_date)
    assert local.holdout(day, here.last_date).equals(after)
    part, same = there.sample(20), here.sample(20)
    assert 0.0 < part.share == same.share < 1.0
    assert part.summarize().to_arrow().equals(same.summarize().to_arrow())
    signs, wanted = there.signs(there.summarize()), here.signs(here.summarize())
    assert replace(signs, slope=None) == replace(wanted, slope=None)
    # Sums of floating point numbers depend on the order of rows.
    assert signs.slope == pytest.approx(wanted.slope, rel=1e-12)
    monthly = cohorts.spend_by_cohort(here, here.summarize())
    found = cohorts.spend_by_cohort(there, there.summarize())
    assert found.cast(monthly.schema).equals(monthly)


def test_a_data_frame_with_hostile_names_in_a_session_elsewhere(session):
    rows = hostile_log(600)
    zoned = rows[HOSTILE.date].cast(pa.timestamp("us", "UTC"))
    for stamps in (rows[HOSTILE.date], zoned):
        data = rows.set_column(1, HOSTILE.date, stamps)
        session.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
        kind = "TIMESTAMP_LTZ" if stamps is zoned else "TIMESTAMP_NTZ"
        session.conf.set("spark.sql.timestampType", kind)
        try:
            frame = session.createDataFrame(data)
            columns = {"customer_id": HOSTILE.customer_id, "date": HOSTILE.date}
            columns |= {"amount": HOSTILE.amount, "time_zone": "Europe/Berlin"}
            here, there = quiet(data, **columns), quiet(frame, **columns)
            assert_same_log(here, there, places=False)
            aside = quarantine(there)
            assert {row["source"] for row in aside} == {"frame"}
            assert {row["row"] for row in aside} == {None}
            expected = [row | {"row": None} for row in quarantine(here)]
            for row in aside + expected:
                row[HOSTILE.date] = row[HOSTILE.date] and row[HOSTILE.date].timestamp()
            assert sorted_rows(aside) == sorted_rows(expected)
        finally:
            session.conf.set("spark.sql.session.timeZone", "UTC")


def fitted(summary):
    return clv.CustomerValue(
        clv.BetaGeoModel().fit(summary), clv.GammaGammaModel().fit(summary), margin=0.4, seed=3
    )


def assert_same_scores(folder, expected):
    found, wanted = pq.read_table(folder), pq.read_table(expected)
    assert found.schema.names == wanted.schema.names
    assert found["customer_id"].equals(wanted["customer_id"])
    for name in wanted.schema.names:
        column, other = found[name].cast(wanted[name].type), wanted[name]
        assert column.is_null().equals(other.is_null()), name
        if pa.types.is_floating(other.type):
            ours, theirs = (c.drop_null().to_numpy() for c in (column, other))
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9, err_msg=name)
        else:
            assert column.equals(other), name


def test_parameters_scores_segments_and_totals(session, tmp_path):
    rows = pa.table(shop(400)).set_column(
        0, "customer_id", pc.cast(pa.table(shop(400))["customer_id"], pa.int64())
    )
    path = tmp_path / "log.parquet"
    pq.write_table(rows, path)
    here, there = (log.summarize(time_unit="week") for log in both(session, path))
    values = fitted(here), fitted(there)
    for part in ("purchases", "spend"):
        one, other = (getattr(value, part) for value in values)
        assert other.params_ == one.params_
        assert other.fingerprint_ == one.fingerprint_
    scorers = [value.scorer("1y", 0.9) for value in values]
    segmenters = [
        learn_segments(summary, scorer, SegmentRules())
        for summary, scorer in zip((here, there), scorers, strict=True)
    ]
    assert segmenters[0] == segmenters[1]
    sampled = there.sample(100)
    assert sampled.customer_id.equals(here.sample(100).customer_id)
    assert 50 < len(sampled) < 200
    ticks = []
    folder, expected = tmp_path / "it's [1] 50%" / "scores", tmp_path / "expected"
    folder.parent.mkdir()
    wanted = duckdb.write_scores(here, scorers[0], expected, ticks.append, segmenters[0])
    found = spark.write_scores(there, scorers[1], folder, ticks.append, segmenters[1])
    assert sum(ticks) == 2 * len(here)
    assert_same_scores(folder, expected)
    assert all(path.name.startswith("part-0000") for path in folder.iterdir())
    np.testing.assert_allclose(found.formula_sums, wanted.formula_sums, rtol=1e-12)
    assert len(found.by_segment) == len(wanted.by_segment) == 8
    ours, theirs = ((each.groups, *each.by_segment) for each in (found, wanted))
    for of_spark, of_duckdb in zip(ours, theirs, strict=True):
        if len(of_duckdb.columns):
            totals, others = (
                value_totals(each, scorers[0], 0.9, ASSUMED) for each in (of_spark, of_duckdb)
            )
            assert totals.customers == others.customers
            assert totals.clv.expected == pytest.approx(others.clv.expected, rel=1e-12)
            assert totals.clv.lower == pytest.approx(others.clv.lower, rel=1e-9)
    with pytest.raises(ConfigurationError, match="Labels are not read on Spark"):
        there.with_labels(rows)


def test_the_command_does_the_same_job_on_both_engines(session, tmp_path):
    rows = [(*row, "") for row in shop(200, seed=5).itertuples(index=False)]
    rows += [("", "2024-01-01", 5, ""), ("00001", "32.01.2024", 5, ""), ("00002", "2024-01-04")]
    rows += [rows[0], ("00003", "2024-01-05", "nan", ""), ("00003", "2030-01-01", 9, "")]
    # Two logs of the same name, so that neither run is the last one of the other.
    done, outs = [], []
    for engine in (("duckdb",), ("spark", "--master", session.sparkContext.master)):
        folder = tmp_path / engine[0]
        folder.mkdir()
        log = write_csv(folder / "log.csv", rows, "customer_id,date,amount,note")
        outs.append(folder / "out")
        options = ("--observation-end", "2024-11-30", "--holdout", "26w", "--out", outs[-1])
        done.append(clvmodels("run", log, *options, "--engine", *engine))
    assert done[0].status == done[1].status
    assert_same_scores(outs[1] / "scores", outs[0] / "scores")
    aside = [pq.read_table(out / "quarantine").to_pylist() for out in outs]
    assert len(aside[0]) == 5
    assert sorted_rows(aside[1]) == sorted_rows(aside[0])
    expected, found = (read(out / "run.json") for out in outs)
    same = ("inputs", "rows", "customers", "period", "evidence", "holdout", "trusted", "warnings")
    assert {name: found[name] for name in same} == {name: expected[name] for name in same}
    total, other = (record["totals"]["clv"]["expected"] for record in (found, expected))
    assert total == pytest.approx(other, rel=1e-9)
    assert found["config"]["engine"] == "spark"
    assert all((out / "report.html").stat().st_size > 10_000 for out in outs)


def test_an_executor_killed_mid_job(session, workers, tmp_path):
    rows = pa.table(shop(3_000, seed=2))
    path = tmp_path / "log.parquet"
    pq.write_table(rows, path)
    here, there = (log.summarize() for log in both(session, path))
    scorer = fitted(here).scorer("1y", 0.9)
    duckdb.write_scores(here, scorer, tmp_path / "expected", lambda _: None)
    before, killed = cluster.executors(workers), []
    assert len(before) == 2

    def strike():
        tracker, end = session.sparkContext.statusTracker(), time.monotonic() + 60
        while time.monotonic() < end and not killed:
            stages = map(tracker.getStageInfo, tracker.getActiveStageIds())
            if any(stage and stage.numActiveTasks for stage in stages):
                time.sleep(0.3)
                cluster.kill(before[0])
                killed.append(time.monotonic())
            time.sleep(0.01)

    striker = threading.Thread(target=strike)
    striker.start()
    found = spark.write_scores(there, scorer, tmp_path / "scores", lambda _: None)
    done = time.monotonic()
    striker.join()
    assert killed
    assert killed[0] < done
    assert before[0] not in cluster.executors(workers)
    assert_same_scores(tmp_path / "scores", tmp_path / "expected")
    assert found.formula_sums[0] == len(here)
    assert there.check.account == here.check.account
    assert there.fingerprint == here.fingerprint
