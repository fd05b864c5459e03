"""Formula against model: the causes add up, each is what it says, and who was nearer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import clvmodels as clv
from clvmodels.evaluation.compare_formula import CAUSES
from clvmodels.transactions.columns import CustomerColumns

PAGE = (Path(__file__).parents[2] / "docs" / "simple-formula.md").read_text("utf-8")


@pytest.fixture(scope="module")
def log():
    return clv.load_cdnow("sample")


@pytest.fixture(scope="module")
def value(log) -> clv.CustomerValue:
    customers = log.summarize(time_unit="week")
    return clv.CustomerValue(
        clv.BetaGeoModel().fit(customers, method="map"),
        clv.GammaGammaModel().fit(customers, method="map"),
    )


@pytest.fixture(scope="module")
def found(log, value):
    return clv.compare_formula(log, value, "1y", holdout="39w")


def test_both_numbers_are_those_of_formula_and_model(log, value, found):
    customers = log.summarize(time_unit="week")
    assert found.formula == pytest.approx(value.simple_formula(customers, "1y").value)
    assert found.model == pytest.approx(value.predict(customers, "1y")["clv"].sum())
    assert found.difference == found.formula - found.model


def test_causes_add_up_for_the_base_every_customer_and_every_group(found):
    frame = found.per_customer
    assert found.causes["money"].sum() == pytest.approx(found.difference, abs=1e-6)
    np.testing.assert_allclose(frame[list(CAUSES)].sum(axis=1), frame["formula"] - frame["model"])
    for table in (found.by_decile, found.by_cohort):
        np.testing.assert_allclose(table[list(CAUSES)].sum(axis=1), table["difference"])
        assert table["difference"].sum() == pytest.approx(found.difference)
        assert table["customers"].sum() == len(frame)
    steps = found.to_frame()["money"]
    assert steps.iloc[:-1].sum() == pytest.approx(steps["model"])


def test_costs_margin_and_an_assumed_lifespan_have_their_own_causes(log, value):
    dear = replace(value, margin=0.5, cost_per_order=2.0, cost_per_customer_year=1.0)
    customers = log.summarize(time_unit="week")
    found = clv.compare_formula(customers, dear, "1y", lifespan_years=3.0)
    money = found.causes["money"]
    assert money.sum() == pytest.approx(found.difference)
    plain = clv.compare_formula(customers, replace(value, margin=0.5), "1y")
    assert money["lifespan"] == pytest.approx(2.0 * plain.formula)
    assert plain.causes["money"]["lifespan"] == 0.0
    assert plain.causes["money"]["costs"] == 0.0
    assert money["costs"] == pytest.approx(plain.model - found.model)
    for name in ("averaging", "first_order", "already_left", "discounting"):
        assert money[name] == pytest.approx(plain.causes["money"][name])


def known_base(**changes) -> CustomerColumns:
    """A hundred customers with three years behind them, all alike."""
    facts = {
        "frequency": np.full(100, 6),
        "recency": np.full(100, 150.0),
        "age": np.full(100, 156.0),
        "monetary_value": np.full(100, 30.0),
        "order_value": np.full(100, 30.0),
    }
    return CustomerColumns(**(facts | changes), time_unit="week")


# Nobody ever leaves, and the prior hardly counts: where the formula is right but for its own sins.
FAITHFUL = {"r": 6e-4, "alpha": 1e-4}
SPEND = {"p": 1e4, "q": 1.0001, "gamma": 1e-3}


def known_value(model: type, params: dict[str, float], **terms) -> clv.CustomerValue:
    return clv.CustomerValue(
        model.from_params(params, time_unit="week"),
        clv.GammaGammaModel.from_params(SPEND, time_unit="week"),
        **({"annual_discount_rate": 0.0} | terms),
    )


def causes(customers: CustomerColumns, value: clv.CustomerValue) -> pd.Series:
    found = clv.compare_formula(customers, value, "1y")
    return found.causes["money"] / found.formula


def test_alike_and_faithful_customers_leave_only_the_first_order():
    share = causes(known_base(), known_value(clv.NBDModel, FAITHFUL))
    assert share["first_order"] == pytest.approx(1 / 7)
    assert share.drop("first_order").abs().max() < 1e-3


def test_unequal_customers_make_the_averages_wrong():
    """Half order 12 times for 10, half never again for 50: averages see 6.5 orders of 15.38."""
    rich = np.arange(100) < 50
    base = known_base(
        frequency=np.where(rich, 12, 0),
        recency=np.where(rich, 150.0, 0.0),
        monetary_value=np.where(rich, 10.0, np.nan),
        order_value=np.where(rich, 10.0, 50.0),
    )
    share = causes(base, known_value(clv.NBDModel, FAITHFUL))
    order, orders = (13 * 10 + 50) / 14, (13 + 1) / 2
    own = (13 * 10 + 1 * 50) / 2
    assert share["averaging"] == pytest.approx(1 - own / (order * orders))


def test_discounting_is_what_half_a_year_costs_on_average():
    model = clv.NBDModel
    share = causes(known_base(), known_value(model, FAITHFUL, annual_discount_rate=0.1))
    years = (1 - 1.1**-1) / np.log(1.1)
    assert share["discounting"] == pytest.approx((1 - years) * 6 / 7, rel=1e-3)


def test_leaving_is_told_apart_into_before_and_after_today():
    params = {"r": 6e-4, "alpha": 1e-4, "a": 1.0, "b": 9.0}
    value = known_value(clv.BetaGeoModel, params)
    silent = known_base(recency=np.full(100, 100.0))
    share = causes(silent, value)
    alive = float(value.purchases.probability_alive(silent).iloc[0])
    pace = 1 - share[["averaging", "first_order", "pace"]].sum()
    assert 0.01 < alive < 0.99
    assert share["already_left"] == pytest.approx(pace * (1 - alive))
    expected = value.purchases.expected_purchases(silent, "1y").iloc[0] / (7 / 3 * 365.25 / 364)
    assert share["will_leave"] == pytest.approx(pace * alive - expected, rel=0.02)
    assert share["will_leave"] > 0.0


def test_held_out_figures_are_those_of_models_that_saw_nothing_later(log, found):
    """Sum of spend of 2,357 customers over 39 weeks, from what was known on 30 September 1997."""
    held = found.held_out
    assert (str(held.origin), str(held.end)) == ("1997-09-30", "1998-06-30")
    past = log.before(held.origin).summarize(time_unit="week")
    value = clv.CustomerValue(
        clv.BetaGeoModel().fit(past, method="map"),
        clv.GammaGammaModel().fit(past, method="map"),
        annual_discount_rate=0.0,
    )
    scores = value.predict(past, "273d")
    spent = log.holdout(held.origin, held.end).column("holdout_amount").to_numpy()
    assert held.customers == len(scores) == 2357
    assert held.actual == pytest.approx(spent.sum())
    for name, column in (("model", "clv"), ("formula", "clv_simple_formula")):
        assert getattr(held, name) == pytest.approx(scores[column].sum())
        miss = (scores[column] - spent).abs().mean()
        assert getattr(held, f"mae_{name}") == pytest.approx(miss)
    assert held.nearer_total == "model"
    assert held.nearer_per_customer == "model"
    assert replace(held, model=held.formula).nearer_total == "neither"
    assert replace(held, mae_model=99.0).nearer_per_customer == "formula"


def test_margin_scales_what_is_held_out(log, value, found):
    half = clv.compare_formula(log, replace(value, margin=0.5), "1y", holdout="39w").held_out
    for name in ("actual", "formula", "model", "mae_formula", "mae_model"):
        assert getattr(half, name) == pytest.approx(0.5 * getattr(found.held_out, name))


def test_labels_deciles_and_cohorts(log, value, found):
    customers = log.summarize(time_unit="week")
    group = ["odd" if place % 2 else "even" for place in range(len(customers))]
    labelled = clv.compare_formula(customers, value, labels={"half": group})
    table = labelled.by_label["half"]
    assert list(table.index) == ["even", "odd"]
    model = labelled.per_customer["model"].to_numpy()
    assert table["model"]["odd"] == pytest.approx(model[1::2].sum())
    assert list(found.by_decile.index) == list(range(1, 11))
    assert found.by_decile["model"].is_monotonic_decreasing
    assert found.by_decile["customers"].max() - found.by_decile["customers"].min() <= 1
    # Everybody in the sample came in the first quarter of 1997.
    assert list(found.by_cohort.index) == ["1997Q1"]


def test_cohorts_are_quarters_or_years():
    start = pd.Timestamp("2015-02-01")
    rows = [
        (f"{n}-{k}", (start + pd.DateOffset(months=6 * n, days=40 * k * i)).date(), 10.0 + n)
        for n in range(24)
        for k in range(4)
        for i in range(3)
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    long = clv.read_transactions(frame.drop_duplicates()).summarize("2027-06-30", "week")
    value = known_value(clv.NBDModel, {"r": 1.0, "alpha": 20.0})
    assert list(clv.compare_formula(long, value).by_cohort.index) == [
        str(year) for year in range(2015, 2027)
    ]
    assert clv.compare_formula(long.to_pandas(), value).by_cohort is None


def test_what_cannot_be_compared_is_refused(log, value):
    customers = log.summarize(time_unit="week")
    with pytest.raises(clv.ClvError, match="finite"):
        clv.compare_formula(customers, value, "lifetime")
    with pytest.raises(clv.ClvError, match="unless a log is given"):
        clv.compare_formula(customers, value, holdout="13w")
    with pytest.raises(clv.ClvError, match="shorter than the log"):
        clv.compare_formula(log, value, holdout="9y")
    with pytest.raises(clv.ClvError, match="no amounts"):
        clv.compare_formula(customers, replace(value, spend=None))


def test_the_page_lists_every_cause():
    for cause, text in CAUSES.items():
        assert f"| `{cause}` | {text} |" in PAGE
