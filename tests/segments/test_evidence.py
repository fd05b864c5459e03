"""Evidence on held-out data: hand-worked parts, and a log whose truth is known."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest

import clvmodels as clv
from clvmodels.config.segments import SEGMENT_KINDS, SegmentRules
from clvmodels.segments.evidence import _order, held_out_evidence, segment_evidence, top_part
from clvmodels.segments.rfm import quintile, rfm_score
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import Duration
from tests.segments.worlds import world


@pytest.fixture(scope="module")
def cdnow():
    log = clv.load_cdnow("sample")
    return held_out_evidence(
        log, date(1997, 9, 30), date(1998, 6, 30), time_unit="week", interval=0.9
    )


def outcome_of(made, weeks, money=True):
    return SimpleNamespace(
        columns=made.columns,
        horizon=Duration.parse(f"{weeks}w"),
        origin=date(2025, 1, 1),
        end=date(2025, 7, 2),
        purchases=made.purchases.astype(np.int64),
        spend=made.spend if money else None,
    )


def test_rows_say_what_happened_on_cdnow(cdnow):
    log = clv.load_cdnow("sample")
    happened = log.holdout("1997-09-30", "1998-06-30").to_pandas()
    assert sum(row["customers"] for row in cdnow["rows"]) == cdnow["customers"] == 2357
    spent = sum(row["customers"] * row["actual"] for row in cdnow["rows"])
    assert spent == pytest.approx(float(happened["holdout_amount"].sum()))
    bought = sum(row["customers"] * row["bought"] for row in cdnow["rows"])
    assert bought == pytest.approx((happened["holdout_purchases"] > 0).sum())
    for row in cdnow["rows"]:
        assert row["actual_lower"] <= row["actual"] <= row["actual_upper"]
        assert row["bought_lower"] <= row["bought"] <= row["bought_upper"]
        assert row["predicted_bought"] <= row["probability_alive"]


def test_what_a_back_test_fitted_gives_the_same(cdnow):
    log = clv.load_cdnow("sample")
    check = clv.backtest(log, "39w", 1, ["bgnbd"], observation_end="1998-06-30", time_unit="week")
    refit = check.last.refit
    found = segment_evidence(refit.outcome, refit.purchases, refit.spend, SegmentRules())
    assert found == cdnow


def test_champions_bring_most_on_cdnow(cdnow):
    rows = {row["kind"]: row for row in cdnow["rows"]}
    others = [row["actual"] for kind, row in rows.items() if kind != "champions"]
    assert rows["champions"]["actual_lower"] > max(others)
    assert cdnow["order"]["in_order"] >= 22
    capture = {row["method"]: row["capture"] for row in cdnow["lift"]}
    assert capture["segments"] <= capture["perfect"]
    assert capture["score"] <= capture["perfect"]
    assert capture["segments"] > 0.55


def test_where_the_model_is_true_everything_bears_out():
    made = world("bgnbd", 20_000, seed=4, weeks=26.0, span=60)
    value = made.value
    found = segment_evidence(outcome_of(made, 26), value.purchases, value.spend, SegmentRules())
    for row in found["rows"]:
        half = row["actual_upper"] - row["actual"]
        assert abs(row["predicted"] - row["actual"]) <= 2.5 * half
        assert abs(row["predicted_bought"] - row["bought"]) <= 2.5 * (
            row["bought_upper"] - row["bought_lower"]
        )
    assert found["order"]["clearly_out_of_order"] == 0
    for claim in found["claims"]:
        spread = 4.0 * np.sqrt(0.25 / claim["customers"])
        assert claim["seen"] >= claim["claimed"] - spread
        if not claim["at_least"]:
            assert claim["seen"] <= claim["claimed"] + spread
    assert found["score_against_rfm"]["better"] == "score"
    assert found["score_against_rfm"]["lower"] > 0.0


def test_without_money_purchases_are_compared():
    made = world("bgnbd", 1_000, seed=4, weeks=26.0, span=60)
    found = segment_evidence(
        outcome_of(made, 26, money=False), made.value.purchases, None, SegmentRules()
    )
    assert found["measure"] == "purchases"
    bought = sum(row["customers"] * row["actual"] for row in found["rows"] if row["customers"])
    assert bought == pytest.approx(made.purchases.sum())


def test_where_nobody_bought_there_is_no_lift():
    made = world("bgnbd", 300, seed=4, weeks=26.0, span=60)
    made.purchases[:] = 0.0
    made.spend[:] = 0.0
    value = made.value
    found = segment_evidence(outcome_of(made, 26), value.purchases, value.spend, SegmentRules())
    assert found["against_rfm"] is None
    assert all(row["capture"] is None for row in found["lift"])
    assert all(row["bought"] == 0.0 for row in found["rows"] if row["customers"])


def test_the_top_is_shared_among_equals():
    assert top_part(np.array([3.0, 1.0, 2.0, 2.0]), 0.5).tolist() == [1.0, 0.0, 0.5, 0.5]
    assert top_part(np.zeros(5), 0.2) == pytest.approx(np.full(5, 0.2))


def test_a_pair_is_out_of_order_only_beyond_its_noise():
    def row(predicted, actual, half):
        return {"customers": 9, "predicted": predicted, "actual": actual,
                "actual_upper": actual + half}  # fmt: skip

    noisy = _order([row(3.0, 1.0, 2.0), row(2.0, 2.0, 2.0), row(1.0, 0.0, 0.1)])
    assert (noisy["pairs"], noisy["in_order"], noisy["clearly_out_of_order"]) == (3, 2, 0)
    clear = _order([row(3.0, 1.0, 0.3), row(2.0, 2.0, 0.3)])
    assert clear["clearly_out_of_order"] == 1
    assert clear["rank_correlation"] == -1.0


def test_quintiles_do_not_split_equals():
    assert quintile(np.arange(10.0)).tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert quintile(np.array([1.0] * 6 + [2.0] * 4)).tolist() == [2] * 6 + [4] * 4
    assert set(quintile(np.zeros(7)).tolist()) == {3}


def test_rfm_is_the_sum_of_three_quintiles():
    columns = CustomerColumns(
        np.array([0, 1, 2, 3, 4]),
        np.array([0.0, 1.0, 2.0, 3.0, 4.0]),
        np.array([9.0, 9.0, 9.0, 9.0, 9.0]),
        np.array([np.nan, 10.0, 1.0, 1.0, 1.0]),
        "week",
    )
    # Money so far: 0, 20, 3, 4, 5.
    assert rfm_score(columns, with_money=False).tolist() == [2.0, 4.0, 6.0, 8.0, 10.0]
    assert rfm_score(columns, with_money=True).tolist() == [3.0, 9.0, 8.0, 11.0, 14.0]


def test_kinds_are_in_order(cdnow):
    assert [row["kind"] for row in cdnow["rows"]] == list(SEGMENT_KINDS)
