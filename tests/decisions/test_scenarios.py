"""Scenarios beyond purchases: a sheet worked out by hand, and what must hold."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import clvmodels as clv
from clvmodels.config.decisions import Range, ScenarioRules
from clvmodels.decisions.saved_run import SavedRun
from clvmodels.decisions.scenarios import marked_customers, scenarios, triangular
from clvmodels.value.customer_value import CustomerValue
from clvmodels.value.shock import NO_SHOCK
from tests.decisions.runs import SPEND, known_models, make_run, scores_of
from tests.jobs import shop

YEARS = (1.0 - 1.0 / 1.1) / np.log(1.1)


def made(folder, rules, influential=None, **changes):
    run = SavedRun.open(folder)
    value = CustomerValue(*run.models(), margin=0.4, cost_per_customer_year=3.0)
    settings = {
        "horizon": "1y",
        "interval": 0.9,
        "shocks": run.shocks(),
        "clv": run.record["totals"]["clv"],
        "currency": run.currency,
    }
    rules = ScenarioRules.model_validate(rules)
    return scenarios(folder / "scores", value, rules, influential=influential, **settings | changes)


def spread(low, likely, high, source="a survey"):
    return {"low": low, "likely": likely, "high": high, "source": source}


def test_nothing_entered_claims_nothing(known):
    assert made(known, {}) is None
    zero = made(known, {"referrals": {}, "bad_experience": {}})
    for item in zero["items"]:
        assert {item["base"][end] for end in ("low", "likely", "high", "lower", "upper")} == {0.0}
        assert "comes to nothing" in item["sentence"]
    assert zero["not_entered"] == ["reviews", "influencers", "praise", "failing", "feedback"]
    assert "never part of it" in zero["note"]


def test_a_sheet_by_hand(known):
    """Every cell of the sheet: inputs in columns low, likely, high; money in rows."""
    scores = scores_of(known)
    active = scores.probability_alive.sum()
    # A new customer buys once now, for q > 1 spends p gamma / (q - 1) each time, and comes back.
    order = SPEND["p"] * SPEND["gamma"] / (SPEND["q"] - 1.0)
    later = known_models()[0].expected_purchases_new_customer("1y", 0.10)
    new = 0.4 * order * (1.0 + later) - 3.0 * YEARS
    rules = {
        "referrals": {
            "referrals_per_year": spread(0.1, 0.2, 0.4), "conversion": spread(0.05, 0.1, 0.2),
        },
        "reviews": {"reviews_per_year": 0.05, "readers": spread(50, 100, 300), "conversion": 0.002},
        "influencers": {
            "column": "star", "reach_per_year": 500, "conversion": spread(0, 0.001, 0.002),
        },
        "praise": {"customers": 0.01, "reach": 100, "conversion": 0.01},
        "failing": {"customers": 0.01, "reach": 1000, "deterred": 0.01},
        "feedback": {"suggestions_per_year": 12, "used": 0.25, "value": spread(100, 400, 900)},
        "bad_experience": {
            "customers": spread(0.01, 0.02, 0.05), "leave": spread(0.3, 0.6, 0.8),
            "told": spread(3, 9, 15), "deterred": 0.01,
        },
    }  # fmt: skip
    sheet = made(known, rules, influential=4, shocks=NO_SHOCK)
    assert sheet["new_customer"] == pytest.approx({"low": new, "likely": new, "high": new})
    total = scores.clv.sum() + 3.0 * YEARS * len(scores)
    clv_ends = SavedRun.open(known).record["totals"]["clv"]
    fixed = 3.0 * YEARS * len(scores)
    low, high = ((clv_ends[end] + fixed) / total for end in ("lower", "upper"))
    rows = {
        "referrals": [active * YEARS * new * r for r in (0.1 * 0.05, 0.2 * 0.1, 0.4 * 0.2)],
        "reviews": [active * YEARS * new * 0.05 * r * 0.002 for r in (50, 100, 300)],
        "influencers": [4 * YEARS * 500 * c * new for c in (0, 0.001, 0.002)],
        "praise": [active * YEARS * 0.01 * 100 * 0.01 * new] * 3,
        "failing": [active * YEARS * 0.01 * 1000 * 0.01 * new] * 3,
        "feedback": [YEARS * 12 * 0.25 * v for v in (100, 400, 900)],
        "bad_experience": [
            share * (leave * total * factor + active * told * 0.01 * new)
            for share, leave, told, factor in (
                (0.01, 0.3, 3, low), (0.02, 0.6, 9, 1.0), (0.05, 0.8, 15, high),
            )
        ],
    }  # fmt: skip
    assert [item["name"] for item in sheet["items"]] == list(rows)
    for item in sheet["items"]:
        ends = [item["base"][end] for end in ("low", "likely", "high")]
        assert ends == pytest.approx(rows[item["name"]], rel=1e-9), item["name"]
        if item["segments"]:
            summed = sum(row["likely"] for row in item["segments"])
            assert summed == pytest.approx(ends[1])
            assert sum(row["customers"] for row in item["segments"]) == len(scores)
        if item["per_customer"] and item["name"] != "bad_experience":
            count = 4 if item["name"] == "influencers" else active
            assert item["per_customer"]["likely"] * count == pytest.approx(ends[1])
    bad = sheet["items"][-1]["per_customer"]
    assert bad["likely"] == pytest.approx(0.6 * total / active + 9 * 0.01 * new)
    assert json.loads(json.dumps(sheet)) == sheet


def test_simulated_bounds_agree_with_draws(known):
    rules = {
        "referrals": {
            "referrals_per_year": spread(0.1, 0.2, 0.4),
            "conversion": spread(0.05, 0.1, 0.2),
        }
    }
    item = made(known, rules, shocks=NO_SHOCK)["items"][0]
    rng = np.random.default_rng(11)
    drawn = rng.triangular(0.1, 0.2, 0.4, 200_000) * rng.triangular(0.05, 0.1, 0.2, 200_000)
    per = item["base"]["likely"] / (0.2 * 0.1)
    lower, upper = np.quantile(drawn, [0.05, 0.95]) * per
    assert item["base"]["lower"] == pytest.approx(lower, rel=0.03)
    assert item["base"]["upper"] == pytest.approx(upper, rel=0.03)
    assert item["base"]["low"] < lower < upper < item["base"]["high"]
    # The common shock makes what a new customer is worth less certain.
    wider = made(known, rules)["items"][0]["base"]
    assert wider["low"] < item["base"]["low"]
    assert wider["upper"] > item["base"]["upper"]


@settings(derandomize=True, deadline=None, max_examples=50)
@given(ends=st.lists(st.floats(0.0, 1e6), min_size=3, max_size=3))
def test_triangular_quantiles(ends):
    low, likely, high = sorted(ends)
    level = np.linspace(0.0, 1.0, 101)
    drawn = triangular(level, Range(low=low, likely=likely, high=high))
    assert drawn.min() >= low - 1e-9 * high
    assert drawn.max() <= high + 1e-9 * high
    assert (np.diff(drawn) >= -1e-9 * high).all()


def test_without_money_only_what_needs_none(unpriced):
    run = SavedRun.open(unpriced)
    rules = ScenarioRules.model_validate(
        {"referrals": {"referrals_per_year": 1, "conversion": 0.1},
         "feedback": {"suggestions_per_year": 10, "used": 0.1, "value": 100}}
    )  # fmt: skip
    told = scenarios(
        unpriced / "scores", CustomerValue(run.models()[0], None), rules,
        horizon="1y", interval=0.9, shocks=run.shocks(), clv=None,
    )  # fmt: skip
    assert told["new_customer"] is None
    referrals, feedback = told["items"]
    assert (referrals["base"], referrals["per_customer"]) == (None, None)
    assert "nothing is known about money" in referrals["sentence"]
    assert feedback["base"]["likely"] == pytest.approx(YEARS * 100)


def test_influential_customers_are_those_who_are_marked(known):
    summary = clv.read_transactions(shop(6)).summarize()
    labels = {
        "customer_id": ["00000", "00001", "00002", "00003"],
        "star": ["Yes ", "no", "X", None],
    }
    labelled = summary.with_labels(pd.DataFrame(labels))
    rules = ScenarioRules.model_validate({"influencers": {"column": "star"}})
    assert marked_customers(labelled, rules) == 2
    only = {"influencers": {"column": "star", "marks": ["x"]}}
    assert marked_customers(labelled, ScenarioRules.model_validate(only)) == 1
    assert marked_customers(summary, rules) is None
    assert marked_customers(labelled, ScenarioRules()) is None
    item = made(known, {"influencers": {"column": "<b>star", "conversion": 0.1}})["items"][0]
    assert item["base"] is None
    assert "marks who is influential" in item["sentence"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"referrals": {"conversion": 1.5}},
        {"referrals": {"conversion": spread(0.2, 0.1, 0.3)}},
        {"referrals": {"referrals_per_year": -1}},
        {"referrals": {"referrals": 1}},
        {"word_of_mouth": {}},
        {"influencers": {}},
        {"feedback": {"value": float("inf")}},
        {"feedback": {"value": True}},
    ],
)
def test_what_cannot_be_entered(wrong):
    with pytest.raises(ValidationError):
        ScenarioRules.model_validate(wrong)


def test_money_scales_with_the_currency(known, tmp_path):
    log = shop()
    models = (
        known_models()[0],
        clv.GammaGammaModel.from_params(SPEND | {"gamma": 1500.0}, time_unit="day"),
    )
    cents = make_run(
        tmp_path / "cents", log.assign(amount=100 * log.amount), models,
        margin=0.4, cost_per_customer_year=300.0,
    )  # fmt: skip
    rules = {
        "bad_experience": {
            "customers": 0.1,
            "leave": spread(0.3, 0.6, 0.8),
            "told": 9,
            "deterred": 0.01,
        }
    }
    run = SavedRun.open(cents)
    value = CustomerValue(*run.models(), margin=0.4, cost_per_customer_year=300.0)
    in_cents = scenarios(
        cents / "scores", value, ScenarioRules.model_validate(rules),
        horizon="1y", interval=0.9, shocks=run.shocks(), clv=run.record["totals"]["clv"],
    )["items"][0]["base"]  # fmt: skip
    plain = made(known, rules)["items"][0]["base"]
    assert in_cents == pytest.approx({end: 100 * money for end, money in plain.items()})
