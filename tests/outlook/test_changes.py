"""Two runs held against each other: parts that add up, and predecessors of every kind."""

import json
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import clvmodels as clv
from clvmodels.outlook.changes import Now, change
from clvmodels.outlook.last_forecast import last_forecast
from clvmodels.outlook.predecessor import Predecessor, find_predecessor
from clvmodels.storage import write_json
from clvmodels.value.totals import ValueGroups, value_totals
from tests.jobs import shop
from tests.outlook.bases import PARAMETERS, SPEND

FIRST, SECOND = "2024-03-31", "2024-09-30"


def log_of(frame):
    return clv.read_transactions(frame)


def a_run(folder: Path, log, end, *, unit="day", scale=1.0, segments=None, **terms):
    """Write a run as the job does; gives what the next job has at hand, and its record."""
    summary = log.summarize(end, time_unit=unit)
    per = 7.0 if unit == "week" else 1.0
    known = PARAMETERS["bgnbd"] | {"alpha": scale * PARAMETERS["bgnbd"]["alpha"] / per}
    purchases = clv.BetaGeoModel.from_params(known, time_unit=unit)
    spend = clv.GammaGammaModel.from_params(SPEND, time_unit=unit)
    config = {"margin": 0.5, "annual_discount_rate": 0.1, "cost_per_order": 0.0} | terms
    value = clv.CustomerValue(purchases, spend, **config)
    scorer = value.scorer("1y", 0.9)
    groups = ValueGroups.of(summary.columns())
    totals = value_totals(groups, scorer, 0.9)
    scores = value.predict(summary).reset_index()
    scores["segment"] = (segments or (lambda clv_: None))(scores["clv"])
    (folder / "scores").mkdir(parents=True)
    table = pa.Table.from_pandas(scores, preserve_index=False)
    if segments is None:
        place = table.schema.get_field_index("segment")
        table = table.set_column(place, "segment", pa.nulls(len(table), pa.string()))
    pq.write_table(table, folder / "scores" / "part-00000.parquet")
    (folder / "model").mkdir()
    purchases.save(folder / "model" / "purchases.json")
    spend.save(folder / "model" / "spend.json")
    record = {
        "config": {"customer_id": "customer_id", "amount": None, "currency": None,
                   "horizon": "1y", "model": "bgnbd", **config},
        "inputs": [{"name": "orders.csv"}],
        "period": {"observation_end": summary.observation_end.isoformat()},
        "customers": len(summary),
        "models": {"purchases": {"parameters": purchases.params_},
                   "spend": {"parameters": spend.params_}},
        "totals": {"averaging": {"draws_used": 1},
                   **{name: {"expected": getattr(totals, name).expected}
                      for name in ("clv", "purchases")}},
        "trusted": "trusted",
    }  # fmt: skip
    write_json(folder / "run.json", record, schema=1)
    now = Now(groups, scorer, record["totals"], summary.observation_end, folder / "scores")
    return now, record, summary


@pytest.fixture(scope="module")
def frame():
    found = shop(120, seed=11)
    # The shop's arrivals end in the middle of its log: later ones make new customers.
    late = found[found["customer_id"] < "00040"].copy()
    late["customer_id"] = "n" + late["customer_id"]
    late["date"] = late["date"] + np.timedelta64(480, "D")
    # Whoever comes on the last day of the first run is known to it.
    edge = found.head(5).assign(customer_id=[f"e{n}" for n in range(5)], date=date(2024, 3, 31))
    return clv_frame(found, late, edge)


def clv_frame(*parts):
    import pandas as pd

    joined = pd.concat(parts, ignore_index=True)
    return joined[joined["date"] <= date(2024, 12, 1)]


def money(found):
    return {part["part"]: part["money"] for part in found["parts"]}


def compared(tmp_path, frame, before=None, now=None, after=None):
    old, _, _ = a_run(tmp_path / "old", log_of(frame), FIRST, **(before or {}))
    log = log_of(frame if after is None else after)
    new, record, _ = a_run(tmp_path / "new", log, SECOND, **(now or {}))
    found, run = change(tmp_path / "new2", record, new, log, tmp_path / "old")
    assert found["status"] == "compared", found["reason"]
    assert run is not None
    parts = money(found)
    assert sum(parts.values()) == pytest.approx(found["difference"], rel=1e-12)
    assert found["difference"] == new.total("clv") - old.total("clv")
    return found, parts, old, new


def test_parts_of_the_same_shop_half_a_year_on(tmp_path, frame):
    found, parts, _, _ = compared(tmp_path, frame)
    assert parts["data"] == parts["terms"] == parts["model"] == 0.0
    # Worked out apart: what today's scores of the newcomers add up to.
    scores = pq.read_table(tmp_path / "new" / "scores").to_pandas()
    came = scores["first_purchase"] > np.datetime64(FIRST)
    assert parts["new_customers"] == pytest.approx(scores.loc[came, "clv"].sum(), rel=1e-7)
    then = pq.read_table(tmp_path / "old" / "scores").to_pandas()
    behaviour = scores.loc[~came, "clv"].sum() - then["clv"].sum()
    assert parts["behaviour"] == pytest.approx(behaviour, rel=1e-6)
    assert found["customers"]["new"] == came.sum() > 10
    assert found["customers"]["gone"] == found["customers"]["late"] == 0
    assert found["moves"] is None


def test_each_cause_shows_in_its_own_part(tmp_path, frame):
    _, parts, _, new = compared(
        tmp_path, frame, before={"margin": 0.4}, now={"margin": 0.5, "scale": 0.8}
    )
    groups = new.groups
    ends = [
        value_totals(groups, replace_margin(new.scorer, margin), 0.9).clv.expected
        for margin in (0.4, 0.5)
    ]
    assert parts["terms"] == pytest.approx(ends[1] - ends[0], rel=1e-6)
    assert parts["model"] > 0.0  # a smaller alpha is a faster pace
    assert parts["data"] == 0.0


def replace_margin(scorer, margin):
    from clvmodels.value.scorer import Scorer

    terms = replace(scorer.terms, margin=margin)
    return Scorer(scorer.purchases, scorer.spend, terms, 0.9)


def test_customers_gone_and_late_rows_are_data(tmp_path, frame):
    ids = sorted(frame["customer_id"].unique())
    after = frame[~frame["customer_id"].isin(ids[:10])].copy()
    after.loc[after["customer_id"] == ids[20], "customer_id"] = "late"
    found, parts, _, _ = compared(tmp_path, frame, after=after)
    then = pq.read_table(tmp_path / "old" / "scores").to_pandas().set_index("customer_id")["clv"]
    gone = then.reindex(ids[:10]).sum()
    assert parts["data"] == pytest.approx(-gone, rel=1e-6)
    assert found["customers"]["late"] == 1
    assert found["customers"]["gone"] == then.index.isin([*ids[:10], ids[20]]).sum()


def test_another_unit_of_time_changes_nothing(tmp_path, frame, made):
    _, parts, _, _ = compared(tmp_path, frame, before={"unit": "week"})
    folder, new, record, log, _ = made
    same = money(change(tmp_path / "x", record, new, log, folder / "old")[0])
    for part in ("data", "behaviour", "new_customers"):
        assert parts[part] == pytest.approx(same[part], rel=1e-5, abs=1e-3)
    assert parts["model"] == pytest.approx(0.0, abs=1e-3)


def test_without_the_log_corrections_are_behaviour(pair):
    folder, new, record, _, _ = pair
    found, _ = change(folder / "x", record, new, None, folder / "old")
    assert money(found)["data"] == 0.0
    assert any("counts as behaviour" in note for note in found["notes"])


def test_what_customers_cost_of_their_own_is_a_matter_of_terms(pair):
    folder, new, record, log, _ = pair
    plain, _ = change(folder / "x", record, new, log, folder / "old")
    totals = {**new.totals, "clv": {"expected": new.total("clv") - 70.0}}
    charged = replace(new, totals=totals, customer_costs=70.0)
    found, _ = change(folder / "x", record, charged, log, folder / "old")
    assert found["difference"] == pytest.approx(plain["difference"] - 70.0)
    assert money(found)["terms"] == pytest.approx(-70.0)
    for part in ("data", "behaviour", "new_customers", "model"):
        assert money(found)[part] == pytest.approx(money(plain)[part], abs=1e-6)


def test_who_moved_between_segments(tmp_path, frame):
    hostile = "<b>" + "y" * 200
    halves = lambda v: np.where(v > v.median(), hostile, "low")  # noqa: E731
    a_run(tmp_path / "old", log_of(frame), FIRST, segments=halves)
    new, record, _ = a_run(tmp_path / "new", log_of(frame), SECOND, segments=halves)
    found, _ = change(tmp_path / "x", record, new, None, tmp_path / "old")
    moved, counts = found["moves"], found["customers"]
    assert all(len(name) <= 60 for name in moved["segments"])
    assert sum(r["customers"] for r in moved["rows"]) == counts["now"] + counts["gone"]
    assert sum(r["value_now"] for r in moved["rows"]) == pytest.approx(new.total("clv"), rel=1e-6)
    fresh = [r for r in moved["rows"] if r["from"] is None]
    assert sum(r["customers"] for r in fresh) == counts["new"] + counts["late"]
    both = [r for r in moved["rows"] if r["from"] is not None and r["to"] is not None]
    same = sum(r["customers"] for r in both if r["from"] == r["to"])
    assert moved["stayed"] == pytest.approx(same / sum(r["customers"] for r in both))


@pytest.fixture(scope="module")
def made(tmp_path_factory, frame):
    folder, log = tmp_path_factory.mktemp("runs"), log_of(frame)
    a_run(folder / "old", log, FIRST)
    new, record, summary = a_run(folder / "new", log, SECOND)
    return folder, new, record, log, summary


@pytest.fixture
def pair(tmp_path, made):
    """An old run, and a job that could be compared with it."""
    shutil.copytree(made[0], tmp_path, dirs_exist_ok=True)
    return tmp_path, *made[1:]


def edited(folder, **changes):
    path = folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")


def renamed(scores):
    table = pq.read_table(scores)
    others = pa.array([f"z{number}" for number in range(len(table))])
    changed = table.set_column(0, "customer_id", others)
    pq.write_table(changed, scores / "part-00000.parquet")


BREAKAGES = {
    "another schema": (lambda old: edited(old, schema=99), "schema version 99"),
    "no JSON": (lambda old: (old / "run.json").write_text("{", "utf-8"), "damaged"),
    "a list": (lambda old: (old / "run.json").write_text("[]", "utf-8"), "schema version"),
    "no totals": (lambda old: edited(old, totals=None), "scored nobody"),
    "no period": (lambda old: edited(old, period={}), "damaged"),
    "a day of nonsense": (lambda old: edited(old, period={"observation_end": "x"}), "damaged"),
    "another amount": (
        lambda old: edited(old, config={"customer_id": "customer_id", "amount": "net"}),
        "has amount 'net'",
    ),
    "a later day": (
        lambda old: edited(old, period={"observation_end": "2031-01-01"}), "a later day"
    ),
    "no scores": (lambda old: shutil.rmtree(old / "scores"), "scores are missing or damaged"),
    "torn scores": (
        lambda old: (old / "scores" / "part-00000.parquet").write_bytes(b"PAR1 nothing"),
        "scores are missing or damaged",
    ),
    "other scores": (
        lambda old: pq.write_table(
            pa.table({"customer_id": ["a"]}), old / "scores" / "part-00000.parquet"
        ),
        "another version",
    ),
    "other customers": (lambda old: renamed(old / "scores"), "Only 0% of the customers"),
}  # fmt: skip


@pytest.mark.parametrize("name", BREAKAGES)
def test_a_predecessor_that_cannot_be_used_says_why(pair, name):
    folder, new, record, log, summary = pair
    damage, told = BREAKAGES[name]
    damage(folder / "old")
    found, run = change(folder / "x", record, new, log, folder / "old")
    assert found["status"] == "not_comparable"
    assert told in found["reason"]
    assert str(folder) not in json.dumps(found)
    assert last_forecast(run, log, summary, 0.9)["status"] in ("none", "not_comparable")
    json.dumps(found)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda old: shutil.rmtree(old / "model"), "no purchases.json"),
        (lambda old: edited(old, models={"purchases": {"parameters": {"r": 1.0}}}), "replaced"),
        (lambda old: (old / "model" / "purchases.json").write_text("?"), "damaged"),
    ],
)
def test_without_its_models_the_change_is_told_but_not_split(pair, damage, told):
    folder, new, record, log, summary = pair
    damage(folder / "old")
    found, run = change(folder / "x", record, new, log, folder / "old")
    assert (found["status"], found["parts"]) == ("compared", None)
    assert any(told in note for note in found["notes"])
    assert str(folder) not in json.dumps(found)
    assert last_forecast(run, log, summary, 0.9)["status"] == "not_comparable"


def test_the_verdict_on_the_last_run_is_told(pair):
    folder, new, record, log, _ = pair
    edited(folder / "old", trusted="untrusted")
    found, _ = change(folder / "x", record, new, log, folder / "old")
    assert "The verdict on the last run was 'untrusted'." in found["notes"]


def test_where_a_predecessor_is_looked_for(pair):
    folder, _, record, _, _ = pair
    out = folder / "fresh"
    run, reason = find_predecessor(out, record)
    # The run beside it of the same day comes after the earlier one.
    assert (run.name, reason) == ("old", None)
    edited(folder / "old", inputs=[{"name": "another.csv"}])
    assert find_predecessor(out, record)[0].name == "new"
    shutil.rmtree(folder / "new")
    assert find_predecessor(out, record) == (None, None)
    # What is about to be replaced needs no file of the same name.
    assert find_predecessor(folder / "old", record)[0].name == "old"
    assert find_predecessor(out, record, folder / "nowhere")[1].startswith("The run 'nowhere'")


def test_the_first_run_has_nothing_to_compare_with(tmp_path, made):
    found, run = change(tmp_path / "out", made[2], made[1])
    assert (found["status"], run) == ("first_run", None)


def test_the_last_forecast_against_what_happened(pair):
    folder, _, _, log, summary = pair
    run = Predecessor.read(folder / "old")
    found = last_forecast(run, log, summary, 0.9)
    known = log.holdout(FIRST, SECOND)
    assert (found["status"], found["days"]) == ("checked", 183)
    assert found["purchases"]["actual"] == sum(known["holdout_purchases"].to_pylist())
    assert found["revenue"]["actual"] == pytest.approx(sum(known["holdout_amount"].to_pylist()))
    models = [clv.BetaGeoModel.load(folder / "old" / "model" / "purchases.json"),
              clv.GammaGammaModel.load(folder / "old" / "model" / "spend.json")]  # fmt: skip
    then = log.summarize(FIRST)
    expected = models[0].expected_purchases(then, "183d").sum()
    assert found["purchases"]["forecast"]["expected"] == pytest.approx(expected, rel=1e-6)
    value = clv.CustomerValue(*models, annual_discount_rate=0.0)
    assert found["revenue"]["forecast"]["expected"] == pytest.approx(
        value.predict(then, "183d")["clv"].sum(), rel=1e-6
    )
    inside = found["revenue"]["forecast"]
    assert found["revenue"]["inside"] == (
        inside["lower"] <= found["revenue"]["actual"] <= inside["upper"]
    )
    assert last_forecast(None, log, summary, 0.9)["status"] == "none"
    assert last_forecast(run, log, log.summarize(FIRST), 0.9)["status"] == "not_comparable"
