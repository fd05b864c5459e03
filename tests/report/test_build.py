from __future__ import annotations

import json

import numpy as np
import pytest

from clvmodels.errors import ArtefactError
from clvmodels.report import build_summary
from tests.report.factory import make_run, scores_table


def test_headline_numbers_can_be_recomputed_from_the_scores(tmp_path):
    scores = scores_table(800)
    summary = build_summary(make_run(tmp_path / "run", scores=scores))
    frame = scores.to_pandas()
    assert summary.answer.value.expected == pytest.approx(frame["clv"].sum())
    assert summary.answer.purchases.expected == pytest.approx(frame["expected_purchases"].sum())
    assert summary.answer.active_customers.expected == pytest.approx(
        frame["probability_alive"].sum()
    )
    assert summary.answer.potential_value.expected == pytest.approx(frame["potential_value"].sum())
    assert summary.formula.value_by_customer == pytest.approx(frame["clv_simple_formula"].sum())
    assert summary.formula.value == pytest.approx(36.29 * 1.93 * 1.0 * 0.35 * 800)
    assert summary.formula.difference == pytest.approx(summary.formula.value - frame["clv"].sum())
    assert sum(row["total"] for row in summary.spread.deciles) == pytest.approx(frame["clv"].sum())
    assert sum(row["customers"] for row in summary.formula.by_frequency) == 800
    top = frame.nlargest(10, "clv")["customer_id"].tolist()
    assert [row["customer_id"] for row in summary.spread.top] == top


def test_the_worst_gates_come_first(tmp_path):
    summary = build_summary(make_run(tmp_path / "run", customers=50, verdict="untrusted"))
    assert [gate.level for gate in summary.trust.gates] == ["red", "green"]


def test_an_untrusted_run_has_no_value_to_tell(tmp_path):
    summary = build_summary(make_run(tmp_path / "run", customers=50, verdict="untrusted"))
    assert summary.answer is None
    assert summary.formula is None
    assert summary.spread.deciles == ()
    assert summary.spread.top == ()
    assert summary.spread.concentration is not None


def test_logs_without_amounts_are_about_purchases(tmp_path):
    scores = scores_table(300, money=False)
    summary = build_summary(make_run(tmp_path / "run", scores=scores, money=False))
    assert not summary.scope.has_money
    assert summary.answer.value is None
    assert summary.formula is None
    assert summary.spread.measure == "expected_purchases"
    expected = np.sort(scores["expected_purchases"].to_numpy())[::-1]
    assert summary.spread.top[0]["expected_purchases"] == pytest.approx(expected[0])


def test_runs_without_a_holdout_have_none(tmp_path):
    summary = build_summary(make_run(tmp_path / "run", customers=50, holdout=False))
    assert summary.holdout is None
    assert summary.behaviour.tracking == ()


@pytest.mark.parametrize(
    ("model", "formula", "nearer"),
    [(1653.4, 4046.0, "model"), (4046.0, 1700.0, "simple_formula"), (1890.0, 1870.0, "neither")],
)
def test_the_nearer_one_is_found(tmp_path, model, formula, nearer):
    def change(run, _):
        run["holdout"]["purchases"].update(model=model, simple_formula=formula)

    summary = build_summary(make_run(tmp_path / "run", customers=50, change=change))
    assert summary.holdout.purchases.nearer == nearer


def test_a_horizon_without_an_end_has_no_formula(tmp_path):
    def change(run, _):
        run["config"]["horizon"] = "lifetime"
        run["totals"]["simple_formula"] = None

    assert build_summary(make_run(tmp_path / "run", customers=50, change=change)).formula is None


def _lose_a_row(run, _):
    run["rows"]["used"] -= 1


def _lose_the_totals(run, _):
    del run["totals"]


def _change_a_type(run, _):
    run["gates"] = [{"level": "green"}]


def _unknown_schema(run, _):
    run["schema"] = 99


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_lose_a_row, "69659 rows were read, but 69658 are accounted for"),
        (_lose_the_totals, "totals"),
        (_change_a_type, "damaged"),
        (_unknown_schema, "schema"),
    ],
)
def test_damaged_runs_are_told(tmp_path, change, message):
    with pytest.raises(ArtefactError, match=message):
        build_summary(make_run(tmp_path / "run", customers=50, change=change))


def test_missing_files_are_told(tmp_path):
    with pytest.raises(ArtefactError, match=r"run\.json"):
        build_summary(tmp_path)
    folder = make_run(tmp_path / "run", customers=50)
    (folder / "backtest.json").unlink()
    with pytest.raises(ArtefactError, match=r"backtest\.json"):
        build_summary(folder)


def test_the_summary_is_json_and_the_same_every_time(tmp_path):
    folder = make_run(tmp_path / "run", customers=20_000)
    first, second = (json.dumps(build_summary(folder).to_dict(), allow_nan=False) for _ in range(2))
    assert first == second
