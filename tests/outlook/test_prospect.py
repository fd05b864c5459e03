"""What lies ahead, read off a few points, against the formulas customer by customer."""

import numpy as np
import pytest

import clvmodels as clv
from clvmodels.models import PURCHASE_MODELS
from clvmodels.outlook.prospect import Prospect, sampled
from clvmodels.outlook.surface import Surface
from clvmodels.outlook.valuation import Valuation
from clvmodels.units import Duration
from clvmodels.value.totals import ValueGroups, value_totals
from tests.outlook.bases import expected_value, model_of, simulated, spend_model

MODELS = sorted(PURCHASE_MODELS)


def only(like, place):
    weight = np.zeros_like(like)
    weight[:, place] = 1.0
    return weight


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("largest", "oldest"), [(4, 90), (60, 730), (400, 3650)])
def test_a_surface_is_what_the_kernel_says_between_its_points(name, largest, oldest):
    model, rng = model_of(name), np.random.default_rng(1)
    ages = np.arange(0.0, oldest + 1.0)
    surface = Surface.of(model, largest, ages, 366.0)
    x, which = rng.integers(0, largest + 1, 300), rng.integers(0, len(ages), 300)
    ahead = rng.uniform(0.5, 366.0, 300)
    parts = (surface.by_frequency[x], surface.by_age[which], surface.by_time(ahead))
    found = np.einsum("nx,na,nt,xat->n", *parts, surface.purchases(model))
    wanted = model.kernel.alive_purchases(model.fit_.parameters, x, ages[which], ahead)
    np.testing.assert_allclose(found, wanted, rtol=2e-5)
    still = model.kernel.alive_share(model.fit_.parameters, x, ages[which], ahead)
    staying = np.einsum("nx,na,nt,xat->n", *parts, surface.staying(model))
    np.testing.assert_allclose(staying, still, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_a_prospect_adds_up_to_the_totals_of_the_base(name):
    groups = ValueGroups.of(simulated(1_500, name))
    model = model_of(name, uncertain=True)
    value = clv.CustomerValue(model, spend_model(), annual_discount_rate=0.0)
    scorer = value.scorer("6m", 0.9)
    totals = value_totals(groups, scorer, 0.9)
    prospect = Prospect(groups, scorer, 366.0)
    days = np.array([30.0, Duration.parse("6m").days])
    for quantity, total in (("purchases", totals.purchases), ("revenue", totals.clv)):
        curves = prospect.curves(quantity, days)
        expected, sd_parameters, sd_customers = curves.total(only(curves.expected, 1))
        assert expected == pytest.approx(total.expected, rel=1e-7)
        assert sd_parameters == pytest.approx(total.sd_parameters, rel=0.01)
        assert sd_customers == pytest.approx(total.sd_customers, rel=0.2)
    assert prospect.alive.sum() == pytest.approx(totals.active.expected, rel=1e-9)


def test_a_week_or_a_day_is_the_same_time():
    columns = simulated(600)
    found = []
    for unit, factor in (("day", 1.0), ("week", 7.0)):
        known = model_of("bgnbd").params_
        model = clv.BetaGeoModel.from_params(
            known | {"alpha": known["alpha"] / factor}, time_unit=unit
        )
        spend = clv.GammaGammaModel.from_params(spend_model().params_, time_unit=unit)
        same = type(columns)(
            columns.frequency, columns.recency / factor, columns.age / factor,
            columns.monetary_value, unit,
        )  # fmt: skip
        scorer = clv.CustomerValue(model, spend).scorer("1y", 0.9)
        prospect = Prospect(ValueGroups.of(same), scorer, 366.0)
        curves = [prospect.curves(q, np.array([91.0, 365.25])) for q in ("revenue", "active")]
        found.append([prospect.age, *(c.expected for c in curves), curves[0].variance])
    for day, week in zip(*found, strict=True):
        np.testing.assert_allclose(day, week, rtol=1e-6)


def test_without_amounts_there_is_no_revenue():
    scorer = clv.CustomerValue(model_of("bgnbd"), None).scorer("1y", 0.9)
    prospect = Prospect(ValueGroups.of(simulated(50)), scorer, 366.0)
    assert prospect.curves("revenue", np.array([30.0])) is None
    assert prospect.curves("purchases", np.array([30.0])) is not None


def test_a_sample_stands_for_the_base():
    groups = ValueGroups.of(simulated(20_000))
    some, place = sampled(groups, 2_000)
    assert len(some.columns) <= 2_000
    assert len(place) == len(some.columns)
    assert some.columns.weights.sum() == pytest.approx(20_000)
    terms = clv.CustomerValue(model_of("bgnbd"), spend_model(), margin=0.3).terms("1y")
    values = [Valuation(g).value(model_of("bgnbd"), spend_model(), terms) for g in (groups, some)]
    assert values[1] == pytest.approx(values[0], rel=0.01)


@pytest.mark.parametrize("name", ["bgnbd", "pareto_nbd"])
@pytest.mark.parametrize("horizon", ["1y", "lifetime"])
def test_a_valuation_is_the_total(name, horizon):
    groups = ValueGroups.of(simulated(60, name))
    value = clv.CustomerValue(
        model_of(name), spend_model(), margin=0.4, cost_per_order=2.0, cost_per_customer_year=1.0
    )
    scorer = value.scorer(horizon, 0.9)
    total = expected_value(groups, scorer)
    found = Valuation(groups).value(value.purchases, value.spend, scorer.terms)
    assert found == pytest.approx(total, rel=1e-7)
    assert Valuation(groups).value(value.purchases, None, value.terms("lifetime")) is None


def test_averaging_over_draws_is_that_of_the_scores():
    columns = simulated(60)
    model = clv.BetaGeoModel().fit(columns, method="laplace", seed=1)
    scorer = clv.CustomerValue(model, spend_model(), annual_discount_rate=0.0).scorer("1y", 0.9)
    draws = scorer.averaging.draws_used
    assert draws > 1
    groups = ValueGroups.of(columns)
    totals = value_totals(groups, scorer, 0.9)
    curves = Prospect(groups, scorer, 366.0).curves("revenue", np.array([365.25]))
    expected, sd_parameters, _ = curves.total(np.ones_like(curves.expected))
    # The points of the surface are those of the mode, and draws bend elsewhere.
    assert expected == pytest.approx(totals.clv.expected, rel=2e-6)
    assert sd_parameters == pytest.approx(totals.clv.sd_parameters, rel=1e-5)
    found = Valuation(groups).value(model, spend_model(), scorer.terms, draws)
    assert found == pytest.approx(totals.clv.expected, rel=1e-7)
