"""The months ahead and what would move the number."""

import json
from datetime import date

import numpy as np
import pytest

import clvmodels as clv
from clvmodels.outlook.forward import forward
from clvmodels.outlook.history import History
from clvmodels.outlook.tornado import tornado
from clvmodels.simulation.simulate import simulate_tables
from clvmodels.value.parameters import parameter_pairs
from clvmodels.value.shock import NO_SHOCK, CommonShock, CommonShocks
from clvmodels.value.totals import ValueGroups, value_totals
from tests.outlook.bases import END, as_table, expected_value, model_of, simulated, spend_model

QUIET = CommonShocks(NO_SHOCK, NO_SHOCK)


def scorer_of(horizon="1y", **terms):
    return clv.CustomerValue(model_of("bgnbd"), spend_model(), **terms).scorer(horizon, 0.9)


def test_the_year_ahead_is_the_number_of_the_totals():
    scorer, groups = scorer_of(), ValueGroups.of(simulated(400))
    totals = value_totals(groups, scorer, 0.9)
    found = forward(groups, scorer, CommonShocks(), 0.9, END, totals=totals)
    year = found["spans"][2]
    assert year["purchases"] == {
        side: getattr(totals.purchases, side) for side in ("expected", "lower", "upper")
    }
    apart = forward(groups, scorer, CommonShocks(), 0.9, END)["spans"][2]["purchases"]
    assert apart["expected"] == pytest.approx(totals.purchases.expected, rel=1e-7)
    assert apart["upper"] == pytest.approx(totals.purchases.upper, rel=0.01)
    assert found["active_today"]["expected"] == totals.active.expected
    assert [span["end"] for span in found["spans"]] == ["2025-04-01", "2025-07-01", "2025-12-31"]
    json.dumps(found, allow_nan=False)


def test_margin_is_revenue_less_what_orders_and_customers_cost():
    terms = {"margin": 0.4, "cost_per_order": 3.0, "cost_per_customer_year": 2.0}
    groups = ValueGroups.of(simulated(300))
    found = forward(groups, scorer_of(**terms), QUIET, 0.9, END)
    for span in found["spans"]:
        revenue, orders = span["revenue"]["expected"], span["purchases"]["expected"]
        years = span["months"] / 12.0
        margin = 0.4 * revenue - 3.0 * orders - 2.0 * 300 * years
        assert span["margin"]["expected"] == pytest.approx(margin)
        assert span["margin"]["lower"] < margin < span["margin"]["upper"]


def test_active_customers_only_become_fewer():
    found = forward(ValueGroups.of(simulated(300)), scorer_of(), QUIET, 0.9, END)
    counts = [found["active_today"], *(span["active_at_end"] for span in found["spans"])]
    expected = [each["expected"] for each in counts]
    assert expected == sorted(expected, reverse=True)


def test_a_new_customer_is_worth_what_the_models_say_give_or_take_their_parameters():
    terms = {"margin": 0.4, "cost_per_order": 3.0, "cost_per_customer_year": 2.0}
    spend = spend_model()
    value = clv.CustomerValue(model_of("bgnbd", uncertain=True), spend, **terms)
    scorer, groups = value.scorer("1y", 0.9), ValueGroups.of(simulated(50))
    mean = forward(groups, scorer, QUIET, 0.9, END)["new_customer"]
    alone = value.new_customer("1y", 0.9)
    assert mean["expected"] == pytest.approx(alone.clv, rel=1e-9)
    # A mean over many is known far better than what one of them will bring.
    assert alone.clv_lower < mean["lower"] < mean["expected"] < mean["upper"] < alone.clv_upper
    worth = [
        clv.CustomerValue(pair, spend, **terms).new_customer("1y").clv
        for pair, _ in parameter_pairs(value.purchases, spend, 256, by_curvature=True)
    ]
    bounds = np.quantile(worth, [0.05, 0.95])
    assert mean["upper"] - mean["lower"] == pytest.approx(bounds[1] - bounds[0], rel=0.15)


def test_a_new_customer_carries_the_common_shock_but_for_fixed_costs():
    scorer = scorer_of(cost_per_customer_year=2.0)
    groups, shock = ValueGroups.of(simulated(50)), CommonShock(0.2, 50.0)
    found = forward(groups, scorer, CommonShocks(NO_SHOCK, shock), 0.9, END)["new_customer"]
    gross = found["expected"] + scorer.terms.fixed_cost
    assert found["upper"] + scorer.terms.fixed_cost == pytest.approx(gross * shock.factor(0.9))
    no_money = clv.CustomerValue(model_of("bgnbd"), None).scorer("1y", 0.9)
    assert forward(groups, no_money, QUIET, 0.9, END)["new_customer"] is None


def test_what_new_customers_must_bring_by_hand():
    # Last year: 3 orders of 100 by the old customer, and 50 by one who came in it.
    rows = [("a", "2023-06-01", 100.0)]
    rows += [("a", day, 100.0) for day in ("2024-02-01", "2024-06-01", "2024-10-01")]
    rows += [("b", "2024-11-01", 50.0)]
    log = clv.read_transactions(as_table(rows))
    summary = log.summarize(END)
    groups, scorer = ValueGroups.of(summary.columns()), scorer_of()
    found = forward(groups, scorer, QUIET, 0.9, END, History.of(log, summary))
    new = found["new_customers"]
    assert new["last_year"] == {
        "start": "2024-01-02", "end": "2024-12-31", "total": 350.0, "of_new_customers": 50.0
    }  # fmt: skip
    existing = found["spans"][2]["revenue"]
    assert new["existing"] == existing
    for side, other in (("expected", "expected"), ("lower", "upper"), ("upper", "lower")):
        assert new["gap"][side] == pytest.approx(max(350.0 - existing[other], 0.0))
        assert new["share"][side] == pytest.approx(new["gap"][side] / 350.0)
    assert "Nothing is claimed" in new["statement"]
    short = log.summarize("2024-02-15")
    found = forward(groups, scorer, QUIET, 0.9, date(2024, 2, 15), History.of(log, short))
    assert found["new_customers"] is None
    assert found["new_customers_reason"] == "The log covers 260 days, less than a year."


def test_a_tornado_puts_the_value_at_the_ends_of_each_range():
    scorer = scorer_of(margin=0.3, annual_discount_rate=0.1, cost_per_order=1.0)
    groups = ValueGroups.of(simulated(300))
    found = tornado(groups, scorer, CommonShocks(), 0.9)
    entries = {entry["driver"]: entry for entry in found["entries"]}

    def value(horizon="1y", **terms):
        asked = {"margin": 0.3, "annual_discount_rate": 0.1, "cost_per_order": 1.0} | terms
        return expected_value(groups, scorer_of(horizon, **asked))

    assert found["value"] == pytest.approx(value(), rel=1e-7)
    for driver, low, high in (
        ("margin", value(margin=0.27), value(margin=0.33)),
        ("discount_rate", value(annual_discount_rate=0.15), value(annual_discount_rate=0.05)),
        ("horizon", value("9m"), value("15m")),
        ("cost_per_order", value(cost_per_order=1.1), value(cost_per_order=0.9)),
    ):
        assert entries[driver]["low"]["value"] == pytest.approx(low, rel=1e-6)
        assert entries[driver]["high"]["value"] == pytest.approx(high, rel=1e-6)
    factor = CommonShock.of_errors(()).factor(0.9)
    assert entries["common_shock"]["high"]["value"] == pytest.approx(factor * found["value"])
    swings = [entry["swing"] for entry in found["entries"]]
    assert swings == sorted(swings, reverse=True)
    assert entries["margin"]["low"]["input"] == "27%"
    # Known parameters leave nothing open.
    assert "purchase_parameters" not in entries
    inputs = {entries["purchase_model"][side]["input"] for side in ("low", "high")}
    assert inputs <= {"BG/NBD", "MBG/NBD", "Pareto/NBD"}


def test_other_models_are_worth_what_their_own_fit_says():
    columns = simulated(500, "mbgnbd", seed=9)
    own = clv.BetaGeoModel().fit(columns, method="map")
    scorer = clv.CustomerValue(own, spend_model()).scorer("1y", 0.9)
    groups = ValueGroups.of(columns)
    entries = {e["driver"]: e for e in tornado(groups, scorer, QUIET, 0.9)["entries"]}
    ends = {entries["purchase_model"][s]["input"]: entries["purchase_model"][s]["value"]
            for s in ("low", "high")}  # fmt: skip
    for title, model in (("MBG/NBD", clv.ModifiedBetaGeoModel), ("Pareto/NBD", clv.ParetoNBDModel)):
        if title in ends:
            fitted = model().fit(columns, method="map")
            value = clv.CustomerValue(fitted, spend_model()).scorer("1y", 0.9)
            total = expected_value(groups, value)
            assert ends[title] == pytest.approx(total, rel=1e-4)
    # The interval of the parameters is that of the total without chance.
    total = value_totals(groups, scorer, 0.9, QUIET)
    swing = entries["purchase_parameters"]["swing"]
    assert swing == pytest.approx(2.0 * 1.645 * total.clv.sd_parameters, rel=0.05)


def test_a_tornado_of_purchases_and_of_a_lifetime():
    groups = ValueGroups.of(simulated(60))
    no_money = clv.CustomerValue(model_of("bgnbd"), None)
    found = tornado(groups, no_money.scorer("1y", 0.9), CommonShocks(), 0.9)
    assert found["quantity"] == "purchases"
    assert {e["driver"] for e in found["entries"]} == {"horizon", "common_shock", "purchase_model"}
    assert tornado(groups, no_money.scorer("lifetime", 0.9), CommonShocks(), 0.9) is None
    lifetime = tornado(groups, scorer_of("lifetime"), CommonShocks(), 0.9)
    horizon = next(e for e in lifetime["entries"] if e["driver"] == "horizon")
    assert (horizon["low"]["input"], horizon["high"]["input"]) == ("5y", "10y")


@pytest.mark.slow
def test_intervals_of_the_months_ahead_cover_what_happens():
    """Shops without a common shock: 90 % intervals that expect none cover nine in ten."""
    shops, covered = 60, {"purchases": 0, "revenue": 0}
    for seed in range(shops):
        shop = clv.SimulatedShop(customers=600, span="2y", seed=seed)
        log = clv.read_transactions(simulate_tables(shop)[0])
        end = date(2024, 6, 30)
        summary = log.before(end).summarize(end)
        purchases = clv.BetaGeoModel().fit(summary, method="map")
        spend = clv.GammaGammaModel().fit(summary, method="map")
        scorer = clv.CustomerValue(purchases, spend).scorer("1y", 0.9)
        groups = ValueGroups.of(summary.columns())
        span = forward(groups, scorer, QUIET, 0.9, end)["spans"][1]
        last = date.fromisoformat(span["end"])
        happened = log.holdout(end, last)
        seen = {
            "purchases": sum(happened["holdout_purchases"].to_pylist()),
            "revenue": sum(happened["holdout_amount"].to_pylist()),
        }
        for name, actual in seen.items():
            covered[name] += span[name]["lower"] <= actual <= span[name]["upper"]
    # 54 of 60 are expected; below 47 would happen once in 300 times.
    assert covered["purchases"] >= 47, covered
    assert covered["revenue"] >= 47, covered
