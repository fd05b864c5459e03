"""The main job and its halves on real files: what they leave, and that it fits together."""

import datetime as dt
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import clvmodels as clv
from clvmodels.config import JobConfig
from clvmodels.evaluation.shocks import LearnedShocks, ShockWindow
from clvmodels.progress import NoProgress
from clvmodels.record import Record
from clvmodels.stages import SavedModel, usable_shocks
from clvmodels.value.averaging import TOLERANCE
from tests.jobs import clvmodels, day, digests, read, scores, shop, write_csv

MONEY = (
    "expected_spend",
    "clv",
    "clv_lower",
    "clv_median",
    "clv_upper",
    "potential_value",
    "clv_simple_formula",
)


@pytest.fixture(scope="module")
def logs(tmp_path_factory) -> Path:
    """A log with rows of every sort, as CSV and Parquet, and one without amounts."""
    folder = tmp_path_factory.mktemp("logs")
    frame = shop()
    frame.to_parquet(folder / "clean.parquet", index=False)
    frame[frame.customer_id < "00040"].to_parquet(folder / "small.parquet", index=False)
    frame.drop(columns="amount").to_parquet(folder / "purchases.parquet", index=False)
    rows = [tuple(row) for row in frame.itertuples(index=False)]
    rows[3:3] = [("", day(5), 5), ("00001", "soon", 5), ("00001", day(6), "much")]
    rows += [("00002", day(7), -5), ("00002", day(8), "inf"), ("00003", day(9), 0)]
    rows += [rows[0], ("00003", day(900), 5)]
    write_csv(folder / "raw.csv", rows, "customer_id,date,amount")
    return folder


@pytest.fixture(scope="module")
def base(logs, tmp_path_factory) -> Path:
    """A run on the clean log, as everything is by default."""
    out = tmp_path_factory.mktemp("base") / "run"
    done = clvmodels("run", logs / "clean.parquet", "--out", out, "--json")
    assert done.status == 0, done.stderr
    assert done.record == read(out / "run.json")
    return out


@pytest.fixture(scope="module")
def fitted(logs, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("fitted") / "fit"
    assert clvmodels("fit", logs / "clean.parquet", "--out", out, "--quiet").status == 0
    return out


def test_a_run_leaves_the_files_of_the_contract(base):
    assert {path.name for path in base.iterdir()} == {
        "scores",
        "quarantine",
        "model",
        "backtest.json",
        "report.html",
        "report.json",
        "run.json",
        "segments.csv",
        "staff-card.html",
    }
    assert {path.name for path in (base / "model").iterdir()} >= {
        "purchases.json",
        "spend.json",
        "segments.json",
        "shock.json",
        "training.json",
    }
    assert [path.name for path in (base / "scores").iterdir()] == ["part-00000.parquet"]


def test_scores_have_a_row_for_each_customer_and_no_nan(base):
    table = scores(base)
    record = read(base / "run.json")
    assert len(table) == record["customers"] == 300
    ids = table["customer_id"].to_pylist()
    assert ids == sorted(set(ids))
    assert ids[:2] == ["00000", "00001"]
    frame = table.to_pandas()
    assert (frame.probability_alive.between(0.0, 1.0)).all()
    assert (frame.purchases_lower <= frame.purchases_upper).all()
    assert (frame.clv_lower <= frame.clv_median).all()
    assert (frame.clv_median <= frame.clv_upper).all()
    assert (frame.clv <= frame.potential_value).all()
    nulls = {name for name in table.column_names if table[name].null_count}
    assert nulls == {"monetary_value"}
    assert (frame.frequency > 0).sum() == record["repeat_customers"]


def test_the_simple_formula_is_that_of_the_contract(base, logs):
    frame = scores(base).to_pandas()
    spent = pd.read_parquet(logs / "clean.parquet")
    per_day = spent.groupby(["customer_id", "date"]).amount.sum()
    mean = per_day.groupby("customer_id").mean().to_numpy()
    yearly = (frame.frequency + 1) / np.maximum(frame["T"] / 365.25, 1.0)
    np.testing.assert_allclose(frame.clv_simple_formula, mean * yearly, rtol=1e-12)


def test_the_record_tells_the_whole_job(base, logs):
    record = read(base / "run.json")
    assert list(record)[:3] == ["schema", "clvmodels", "config"]
    assert set(record) == {
        "schema",
        "clvmodels",
        "config",
        "inputs",
        "rows",
        "customers",
        "repeat_customers",
        "period",
        "models",
        "evidence",
        "totals",
        "formula_comparison",
        "common_shocks",
        "holdout",
        "segments",
        "forward",
        "cohorts",
        "sensitivity",
        "payback",
        "change",
        "last_forecast",
        "scenarios",
        "staff_card",
        "drift",
        "gates",
        "trusted",
        "warnings",
        "timings",
        "versions",
        "seed",
    }
    assert record["schema"] == 1
    (file,) = record["inputs"]
    log = logs / "clean.parquet"
    digest = digests(logs)["clean.parquet"]
    assert file == {"name": "clean.parquet", "rows": pq.read_metadata(log).num_rows} | {
        "sha256": digest
    }
    assert record["period"]["observation_end"] == str(pd.read_parquet(log).date.max())
    assert record["trusted"] in ("trusted", "caution")
    assert {gate["level"] for gate in record["gates"]} <= {"green", "grey", "amber"}
    assert {"read", "summarise", "fit", "back-test", "score", "totals"} <= set(record["timings"])
    assert record["config"]["horizon"] == "1y"
    for name, parameters in (("purchases", "r alpha a b"), ("spend", "p q gamma")):
        model = record["models"][name]
        assert list(model["parameters"]) == parameters.split()
        assert list(model["standard_errors"]) == parameters.split()
        assert model["diagnostics"]["converged"] is True
        assert model["method"] == "laplace"
        assert model["time_unit"] == "day"


def test_totals_are_the_sums_of_the_scores(base):
    totals = read(base / "run.json")["totals"]
    frame = scores(base).to_pandas()
    for name, column in (("clv", "clv"), ("purchases", "expected_purchases")):
        total = totals[name]
        assert total["expected"] == pytest.approx(frame[column].sum(), rel=1e-9)
        assert total["lower"] < total["expected"] < total["upper"]
        assert total["interval"] == 0.9
        assert total["common_shock_assumed"] is True
        # Never a sum of bounds: a base is known better than its customers.
        assert total["upper"] - total["lower"] < (frame.clv_upper - frame.clv_lower).sum()
    assert totals["potential_value"]["expected"] == pytest.approx(frame.potential_value.sum())
    formula = totals["simple_formula"]
    product = formula["mean_order_value"] * formula["orders_per_year"]
    product *= formula["horizon_years"] * formula["margin"] * formula["customers"]
    assert formula["value"] == pytest.approx(product)
    assert formula["customers"] == len(frame)
    assert totals["new_customer"]["clv"] > 0


def test_formula_and_model_differ_for_reasons_that_add_up(base, logs):
    record = read(base / "run.json")
    totals, compared = record["totals"], record["formula_comparison"]
    assert compared["formula"] == totals["simple_formula"]["value"]
    assert compared["model"] == totals["clv"]["expected"]
    money = {row["cause"]: row["money"] for row in compared["causes"]}
    assert sum(money.values()) == pytest.approx(compared["formula"] - compared["model"], rel=1e-12)
    # The same as a notebook gives for the same customers.
    customers = clv.read_transactions(logs / "clean.parquet").summarize()
    purchases = clv.BetaGeoModel.load(base / "model" / "purchases.json")
    spend = clv.GammaGammaModel.load(base / "model" / "spend.json")
    found = clv.compare_formula(customers, clv.CustomerValue(purchases, spend), "1y").causes
    assert money == pytest.approx(found["money"].to_dict(), abs=1e-6 * compared["formula"])
    texts = {row["cause"]: row["explanation"] for row in compared["causes"]}
    assert texts == found["explanation"].to_dict()


def test_the_held_out_check_is_in_both_records(base):
    holdout = read(base / "run.json")["holdout"]
    backtest = read(base / "backtest.json")
    assert len(backtest["splits"]) + len(backtest["skipped"]) == 3
    split = backtest["splits"][-1]
    assert backtest["schema"] == 2
    for key in ("origin", "end", "days", "customers"):
        assert split[key] == holdout[key]
    days = dt.date.fromisoformat(holdout["end"]) - dt.date.fromisoformat(holdout["origin"])
    assert days.days == holdout["days"] > 0
    assert split["actual"]["purchases"] == holdout["purchases"]["actual"] > 0
    assert split["methods"]["bgnbd"]["purchases"] == holdout["purchases"]["model"]
    by_class = split["by_frequency"]
    assert sum(row["customers"] for row in by_class) == holdout["customers"]
    total = sum(row["customers"] * row["actual"] for row in by_class)
    assert total == pytest.approx(holdout["purchases"]["actual"])
    assert sum(row["actual"] for row in backtest["frequency_check"]) == 300


def test_every_row_is_accounted_for(logs, tmp_path):
    end = "2024-12-31"
    done = clvmodels(
        "run", logs / "raw.csv", "--out", tmp_path / "run", "--json", "--observation-end", end
    )
    assert done.status == 0, done.stderr
    rows = done.record["rows"]
    assert rows["quarantined"] == {
        "missing_customer_id": 1,
        "unreadable_date": 1,
        "after_observation_end": 1,
        "unreadable_amount": 1,
        "non_finite_amount": 1,
        "return_without_purchase": 1,
    }
    lines = (logs / "raw.csv").read_text().splitlines()
    aside = sum(rows["quarantined"].values())
    assert rows["read"] == len(lines) - 1
    assert rows["read"] == rows["used"] + rows["merged"] + rows["netted"] + aside
    kept = pq.read_table(tmp_path / "run" / "quarantine").to_pandas()
    assert len(kept) == aside
    assert set(kept.source) == {"raw.csv"}
    for row in kept.itertuples():
        known = "" if pd.isna(row.customer_id) else row.customer_id
        assert lines[row.row].split(",")[0] == known
    assert {warning["code"] for warning in done.record["warnings"]} >= {
        "zero_amounts",
        "duplicates",
        "rows_set_aside",
    }


def test_validate_accounts_for_the_same_rows_and_writes_nothing(logs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = clvmodels("validate", logs / "raw.csv", "--json", "--observation-end", "2024-12-31")
    assert done.status == 0
    assert sum(done.record["rows"]["quarantined"].values()) == 6
    assert done.record["customers"] == 300
    assert done.record["trusted"] is None
    assert list(tmp_path.iterdir()) == []


def test_fit_and_score_give_the_scores_of_a_run(base, fitted, logs, tmp_path):
    assert {path.name for path in fitted.iterdir()} == {"model", "quarantine", "run.json"}
    done = clvmodels(
        "score", logs / "clean.parquet", "--model", fitted / "model", "--out", tmp_path / "s"
    )
    assert done.status == 0, done.stderr
    assert digests(tmp_path / "s" / "scores") == digests(base / "scores")
    assert read(tmp_path / "s" / "run.json")["totals"] == read(base / "run.json")["totals"]
    assert digests(fitted / "model") == digests(base / "model")


def test_scores_are_in_the_unit_of_the_model(logs, tmp_path):
    clvmodels("fit", logs / "clean.parquet", "--out", tmp_path / "f", "--time-unit", "week")
    done = clvmodels(
        "score", logs / "clean.parquet", "--model", tmp_path / "f/model", "--out", tmp_path / "s"
    )
    assert done.status == 0, done.stderr
    assert read(tmp_path / "s" / "run.json")["config"]["time_unit"] == "week"
    assert scores(tmp_path / "s")["T"].to_numpy().max() < 700 / 7


def test_a_model_and_its_scores_may_share_a_folder(fitted, logs, tmp_path):
    folder = tmp_path / "both"
    shutil.copytree(fitted, folder)
    model = folder / "model"
    done = clvmodels("score", logs / "clean.parquet", "--model", model, "--out", folder)
    assert done.status == 0, done.stderr
    assert {path.name for path in folder.iterdir()} == {
        "model",
        "quarantine",
        "scores",
        "run.json",
        "segments.csv",
    }
    assert digests(folder / "model") == digests(fitted / "model")


def test_a_fit_over_a_run_leaves_no_scores_of_the_older_model(base, logs, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(base, folder)
    assert clvmodels("fit", logs / "clean.parquet", "--out", folder, "--method", "mle").status == 0
    assert {path.name for path in folder.iterdir()} == {"model", "quarantine", "run.json"}


def test_a_run_over_an_older_run_replaces_it(base, logs, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(base, folder)
    (folder / "scores" / "part-00001.parquet").write_text("of an older, larger base")
    (folder / "quarantine" / "part-00000.parquet").write_text("old")
    (folder / "model" / "posterior.nc").write_text("old")
    (folder / "segments.csv").write_text("old")
    assert clvmodels("run", logs / "clean.parquet", "--out", folder, "--quiet").status == 0
    ours, theirs = digests(folder), digests(base)
    assert set(ours) == set(theirs)
    assert {name for name in ours if ours[name] != theirs[name]} <= {
        "run.json",
        "report.json",
        "report.html",
    }


def test_a_failed_run_leaves_the_older_one(base, logs, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(base, folder)
    before = digests(folder)
    assert clvmodels("run", tmp_path / "no.csv", "--out", folder).status == 3
    assert digests(folder) == before


def test_a_report_that_cannot_be_drawn_costs_no_scores(base, logs, tmp_path, monkeypatch):
    def broken(*arguments, **options):
        message = "no such colour"
        raise ValueError(message)

    monkeypatch.setattr("clvmodels.report.write_report", broken)
    out = tmp_path / "run"
    with pytest.raises(ValueError, match="no such colour") as caught:
        clvmodels("run", logs / "clean.parquet", "--out", out, "--quiet")
    assert caught.value.__notes__ == [
        f"Scores and run.json in {out} are whole; only the report is missing."
    ]
    ours, theirs = digests(out), digests(base)
    assert set(theirs) - set(ours) == {"report.html", "report.json", "staff-card.html"}
    assert {name for name in ours if ours[name] != theirs[name]} == {"run.json"}
    (warning,) = read(out / "run.json")["warnings"]
    assert warning["code"] == "no_report"
    assert "no such colour" in warning["message"]


def test_without_amounts_money_is_null_and_purchases_are_as_ever(base, logs, tmp_path):
    done = clvmodels("run", logs / "purchases.parquet", "--out", tmp_path / "run", "--json")
    assert done.status == 0, done.stderr
    record, table = done.record, scores(tmp_path / "run")
    for name in ("monetary_value", *MONEY):
        assert table[name].null_count == len(table), name
    with_money = scores(base)
    for name in ("probability_alive", "expected_purchases"):
        # Money may ask for more points of the posterior, which change this little.
        np.testing.assert_allclose(table[name], with_money[name], rtol=TOLERANCE)
    apart = np.abs(table["purchases_upper"].to_numpy() - with_money["purchases_upper"].to_numpy())
    assert apart.max() <= 1
    assert record["models"]["spend"] is None
    assert record["totals"]["clv"] is None
    assert record["totals"]["simple_formula"] is None
    assert record["totals"]["purchases"]["expected"] > 0
    assert [warning["code"] for warning in record["warnings"]] == ["no_amounts"]
    assert not (tmp_path / "run" / "model" / "spend.json").exists()


def test_a_log_without_amounts_has_no_values_under_any_model(fitted, logs, tmp_path):
    done = clvmodels(
        *("score", logs / "purchases.parquet", "--model", fitted / "model"),
        *("--out", tmp_path / "s", "--json"),
    )
    assert done.status == 0, done.stderr
    table = scores(tmp_path / "s")
    assert all(table[name].null_count == len(table) for name in MONEY)
    assert done.record["models"]["spend"] is None


def test_a_model_without_spend_says_so_over_a_log_with_amounts(fitted, logs, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(fitted / "model", model)
    (model / "spend.json").unlink()
    done = clvmodels(
        "score", logs / "clean.parquet", "--model", model, "--out", tmp_path / "s", "--json"
    )
    assert done.status == 0, done.stderr
    assert scores(tmp_path / "s")["clv"].null_count == 300
    assert "no_spend_model" in [warning["code"] for warning in done.record["warnings"]]


def test_amounts_that_are_all_zero_teach_no_spend(tmp_path):
    rows = [(f"c{i % 60}", day(i * i % 700), 0) for i in range(500)]
    log = write_csv(tmp_path / "zero.csv", rows, "customer_id,date,amount")
    done = clvmodels("run", log, "--out", tmp_path / "run", "--json")
    assert done.status in (0, 4), done.stderr
    assert scores(tmp_path / "run")["clv"].null_count == 60
    assert "no_spend_model" in [warning["code"] for warning in done.record["warnings"]]


def score_with(fitted: Path, logs: Path, out: Path, *options: object) -> pd.DataFrame:
    """Scores of the 40 customers of a smaller log."""
    done = clvmodels(
        *("score", logs / "small.parquet", "--model", fitted / "model", "--out", out, *options),
        *("--observation-end", "2024-11-30"),
    )
    assert done.status == 0, done.stderr
    return scores(out).to_pandas()


def test_margin_and_costs_act_as_they_say(fitted, logs, tmp_path):
    plain = score_with(fitted, logs, tmp_path / "plain")
    half = score_with(fitted, logs, tmp_path / "half", "--margin", 0.5)
    for name in ("clv", "clv_lower", "clv_median", "clv_upper", "potential_value"):
        np.testing.assert_allclose(half[name], plain[name] / 2, rtol=1e-9)
    np.testing.assert_allclose(half.expected_spend, plain.expected_spend)
    np.testing.assert_allclose(half.clv_simple_formula, plain.clv_simple_formula / 2)
    yearly = score_with(fitted, logs, tmp_path / "yearly", "--cost-per-customer-year", 12)
    paid = plain.clv - yearly.clv
    np.testing.assert_allclose(paid, 12 * (1 - 1 / 1.1) / np.log(1.1), rtol=1e-9)
    orders = score_with(fitted, logs, tmp_path / "orders", "--cost-per-order", 2)
    assert (orders.clv < plain.clv).all()
    assert (orders.clv > plain.clv - 2 * plain.expected_purchases).all()


def test_horizon_interval_and_discount_act_as_they_say(fitted, logs, tmp_path):
    plain = score_with(fitted, logs, tmp_path / "plain")
    short = score_with(fitted, logs, tmp_path / "short", "--horizon", "26w")
    assert (short.expected_purchases < plain.expected_purchases).all()
    narrow = score_with(fitted, logs, tmp_path / "narrow", "--interval", 0.5)
    assert (narrow.clv_upper <= plain.clv_upper).all()
    assert (narrow.clv_lower >= plain.clv_lower).all()
    # Two searches that begin elsewhere, each of which stops at 1e-9 of the quantile.
    np.testing.assert_allclose(narrow.clv_median, plain.clv_median, rtol=2e-9)
    free = score_with(fitted, logs, tmp_path / "free", "--annual-discount-rate", 0)
    assert (free.clv > plain.clv).all()
    # Both sides are averaged over the same points, so they differ by what averaging leaves.
    expected = free.expected_purchases * free.expected_spend
    np.testing.assert_allclose(free.clv, expected, rtol=TOLERANCE)


def test_a_lifetime_has_money_but_no_count(fitted, logs, tmp_path):
    plain = score_with(fitted, logs, tmp_path / "plain")
    life = score_with(fitted, logs, tmp_path / "life", "--horizon", "lifetime")
    totals = read(tmp_path / "life" / "run.json")["totals"]
    counts = ["expected_purchases", "purchases_lower", "purchases_upper", "clv_simple_formula"]
    assert life[counts].isna().all().all()
    assert (life.clv > plain.clv).all()
    assert totals["clv"]["expected"] == pytest.approx(life.clv.sum())
    assert totals["purchases"] is None
    assert totals["simple_formula"] is None


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("purchases.json", None, "no purchases.json"),
        ("purchases.json", "{", "purchases.json is damaged"),
        ("purchases.json", "[]", "schema version None"),
        ("purchases.json", {"schema": 99}, "schema version 99"),
        ("purchases.json", {"model": "other"}, "'other'"),
        ("purchases.json", {"parameters": {"r": 1.0}}, "purchases.json is damaged"),
        ("purchases.json", {"scale": "wide"}, "purchases.json is damaged"),
        ("spend.json", "", "spend.json is damaged"),
        ("spend.json", {"schema": 0}, "schema version 0"),
        ("spend.json", {"model": "bgnbd"}, "spend.json holds 'bgnbd'"),
        ("spend.json", {"coordinate_covariance": None}, "spend.json is damaged"),
    ],
)
def test_a_model_that_cannot_be_used_is_named(fitted, logs, tmp_path, name, content, told):
    model = tmp_path / "model"
    shutil.copytree(fitted / "model", model)
    if content is None:
        (model / name).unlink()
    elif isinstance(content, str):
        (model / name).write_text(content)
    else:
        (model / name).write_text(json.dumps(read(model / name) | content))
    done = clvmodels("score", logs / "clean.parquet", "--model", model, "--out", tmp_path / "s")
    assert done.status in (2, 3)
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("name", ["run.json", "backtest.json"])
@pytest.mark.parametrize("content", [None, "{", '{"schema": 99}', '{"schema": 1}'])
def test_a_report_of_a_damaged_run_is_refused(base, tmp_path, name, content):
    folder = tmp_path / "run"
    shutil.copytree(base, folder)
    page = digests(folder)["report.html"]
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(content)
    done = clvmodels("report", folder)
    assert done.status == 3
    assert name in done.stderr
    assert "Traceback" not in done.stderr
    assert digests(folder)["report.html"] == page


def test_a_report_is_rendered_again_with_the_same_bytes(base, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(base, folder)
    (folder / "report.html").unlink()
    done = clvmodels("report", folder, "--json")
    assert done.status == 0, done.stderr
    assert digests(folder) == digests(base)
    shown = read(folder / "report.json")
    assert {key: shown[key] for key in done.record} == done.record


HOSTILE = [
    "'; DROP TABLE days; --",
    '"quoted" ""twice""',
    "comma, semicolon; tab\t",
    "<script>alert(1)</script>",
    "💰 naïve Ω \u202e",
    "007",
    " 7 ",
    "{{ 7 * 7 }}",
    "=1+1",
    "x" * 10_000,
]
COLUMN = "who's \"id\", <b>; DROP TABLE 'x' -- 💰"


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_hostile_ids_and_column_names_go_through_the_whole_job(tmp_path, kind):
    frame = shop(200)
    for number, name in enumerate(HOSTILE):
        frame.loc[frame.customer_id == f"{number:05d}", "customer_id"] = name
    frame.columns = [COLUMN, COLUMN + " date", COLUMN + " amount"]
    log = tmp_path / f"log 'with' \"quotes\" [1].{kind}"
    if kind == "csv":
        frame.to_csv(log, index=False)
    else:
        frame.to_parquet(log, index=False)
    done = clvmodels(
        *("run", log, "--out", tmp_path / "run's <out>", "--json", "--currency", "<b>€"),
        *("--customer-id", COLUMN, "--date", COLUMN + " date", "--amount", COLUMN + " amount"),
    )
    assert done.status == 0, done.stderr
    out = tmp_path / "run's <out>"
    ids = scores(out)["customer_id"].to_pylist()
    assert set(HOSTILE) <= set(ids)
    assert len(ids) == 200
    page = (out / "report.html").read_text("utf-8")
    assert "<script>alert" not in page
    assert "<b>€" not in page
    assert done.record["config"]["customer_id"] == COLUMN


@pytest.mark.parametrize("kind", [pa.int32(), pa.string(), pa.date32()])
def test_ids_keep_their_type(fitted, tmp_path, kind):
    frame = shop(60)
    number = frame.customer_id.astype(int)
    ids = pa.array(number.to_numpy(), pa.int32())
    if pa.types.is_date(kind):
        ids = ids.cast(pa.date32())
    elif pa.types.is_string(kind):
        ids = pa.array(frame.customer_id)
    table = pa.table({"customer_id": ids, "date": frame.date, "amount": frame.amount})
    pq.write_table(table, tmp_path / "log.parquet")
    done = clvmodels(
        "score", tmp_path / "log.parquet", "--model", fitted / "model", "--out", tmp_path / "s"
    )
    assert done.status == 0, done.stderr
    assert scores(tmp_path / "s")["customer_id"].type == kind


# --- what strikes all customers at once -----------------------------------------------------------


def test_a_run_learns_the_common_shock_and_totals_carry_it(logs, tmp_path):
    out = tmp_path / "run"
    options = ("--horizon", "90d", "--method", "map", "--out", out, "--quiet")
    done = clvmodels("run", logs / "clean.parquet", *options)
    assert done.status in (0, 4), done.stderr
    record = read(out / "run.json")
    shocks = record["common_shocks"]
    assert shocks["horizon"] == "90d"
    assert len(shocks["windows"]) == 3
    errors = [window["purchases_log_error"] for window in shocks["windows"]]
    sd = ((0.25 + sum(error**2 for error in errors)) / 7) ** 0.5
    assert record["totals"]["purchases"]["common_shock"] == pytest.approx(sd)
    for name, what in (("purchases", "purchases"), ("clv", "value"), ("potential_value", "value")):
        total = record["totals"][name]
        assert total["common_shock"] == shocks[what]["sd"]
        assert total["common_shock_assumed"] is shocks[what]["assumed"] is False
        assert total["common_shock_windows"] == 3
        assert total["common_shock_degrees"] == 7
    saved = read(out / "model" / "shock.json")
    assert {name: saved[name] for name in shocks} == shocks
    page = (out / "report.html").read_text("utf-8")
    assert "measured on 3 earlier windows of this log" in page
    assert "size assumed" not in page

    # Another horizon than the one that was learned.
    options = ("--model", out / "model", "--horizon", "60d", "--out", tmp_path / "other")
    assert clvmodels("score", logs / "clean.parquet", *options, "--quiet").status == 0
    other = read(tmp_path / "other" / "run.json")
    assert other["totals"]["clv"]["common_shock_assumed"] is True
    assert "shock_of_another_horizon" in {warning["code"] for warning in other["warnings"]}


def test_saved_shocks_serve_their_own_horizon_and_older_models_have_none():
    windows = (ShockWindow.of(dt.date(2024, 1, 1), dt.date(2024, 4, 1), 9, (9.0, 9.0), (8.0, 7.0)),)
    saved = LearnedShocks.of_windows(windows, "3m")

    def shocks_of(horizon: str, saved: LearnedShocks | None = saved) -> LearnedShocks:
        return usable_shocks(Record(JobConfig(horizon=horizon), NoProgress()), saved)

    assert shocks_of("1y", None) == LearnedShocks(horizon="1y")
    assert shocks_of("3m") == saved
    assert shocks_of("0.25y").windows == windows
    assert shocks_of("4m").purchases.assumed


def test_a_saved_model_is_read_with_all_that_was_saved_beside_it(fitted, tmp_path):
    saved = SavedModel.load(fitted / "model")
    assert None not in (saved.spend, saved.shocks, saved.training, saved.segmenter)
    folder = tmp_path / "model"
    shutil.copytree(fitted / "model", folder)
    for name in ("spend.json", "shock.json", "training.json", "segments.json"):
        (folder / name).unlink()
    older = SavedModel.load(folder)
    assert older.purchases.params_ == saved.purchases.params_
    assert (older.spend, older.shocks, older.training, older.segmenter) == (None,) * 4


def test_segments_fitted_on_other_terms_are_learned_again_and_on_the_same_they_are_kept(
    logs, tmp_path
):
    log, terms = logs / "clean.parquet", ("--margin", "0.35", "--horizon", "26w")
    model = tmp_path / "fit" / "model"
    assert clvmodels("fit", log, "--out", tmp_path / "fit", *terms).status == 0
    for options, warned in ((terms, False), ((), True)):
        out = tmp_path / f"scored{warned}"
        assert clvmodels("score", log, "--model", model, "--out", out, *options).status == 0
        codes = {warning["code"] for warning in read(out / "run.json")["warnings"]}
        assert ("segments_learned_again" in codes) is warned
