"""Predictive intervals: tables against the reference, against simulation, and their properties."""

from __future__ import annotations

import numpy as np
import pytest

import clvmodels as clv
from clvmodels.errors import ParameterError, UndiscountedLifetimeError
from clvmodels.kernels.beta_geo import BetaGeo
from clvmodels.kernels.counts import count_reach
from clvmodels.kernels.spend_tables import SpendTables, given_alive
from clvmodels.kernels.spend_total import spend_quantile
from clvmodels.models import PURCHASE_MODELS
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.value.plug_in import take
from tests.oracle.subjects import SUBJECTS
from tests.shops import simulate_shop

PURCHASES = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
SPEND = {"p": 6.25, "q": 3.74, "gamma": 15.44}
THETA = np.array(list(PURCHASES.values()))


def value(**terms: float) -> clv.CustomerValue:
    return clv.CustomerValue(
        clv.BetaGeoModel.from_params(PURCHASES, time_unit="week"),
        clv.GammaGammaModel.from_params(SPEND, time_unit="week"),
        **terms,
    )


@pytest.fixture(scope="module")
def shop() -> CustomerColumns:
    return simulate_shop(THETA, 300, seed=2, spend=tuple(SPEND.values()))


every_shop = pytest.mark.parametrize(
    ("theta", "p", "q", "x_max", "span"),
    [
        (THETA, 6.25, 3.74, 60, 52.2),
        (THETA, 0.4, 1.2, 20, 52.2),
        (THETA, 60.0, 2.5, 20, 13.0),
        (np.array([0.8, 20.0, 0.1, 6.0]), 3.0, 8.0, 400, 52.2),
        (np.array([0.05, 40.0, 5.0, 2.0]), 1.0, 3.0, 5, 4.0),
    ],
    ids=["cdnow", "wild spend", "steady spend", "heavy buyers", "rare buyers"],
)


@every_shop
def test_tables_agree_with_the_reference(theta, p, q, x_max, span):
    assert_tables_agree(theta, p, q, x_max, span, customers=250)


@pytest.mark.slow
@every_shop
def test_tables_agree_with_the_reference_for_ten_thousand_customers(theta, p, q, x_max, span):
    assert_tables_agree(theta, p, q, x_max, span, customers=2_000, seed=8)


def assert_tables_agree(theta, p, q, x_max, span, *, customers, seed=7):
    rng = np.random.default_rng(seed)
    kernel, n = BetaGeo(), customers
    x = np.where(rng.random(n) < 0.3, 0, (x_max * rng.random(n) ** 3).astype(np.int64) + 1)
    age = rng.uniform(20.0, 100.0, n)
    recency = np.where(x > 0, age * rng.uniform(0.3, 1.0, n), 0.0)
    alive = kernel.probability_alive(theta, x, recency, age)
    tables = SpendTables(kernel, theta, (p, q), span, 0.975)
    rows = tables.rows(x, age, x)
    reach = int(count_reach(kernel, theta, x, age, span, 1e-13).max())
    pmf = kernel.alive_pmf(theta, x, age, span, reach)
    shape = q + p * x
    for level in (0.025, 0.5, 0.8, 0.95, 0.975):
        exact = spend_quantile(level, alive, pmf, p, shape, np.ones(n))
        quick = tables.totals(rows, given_alive(level, alive))
        assert ((quick > 0) == (exact > 0)).all()
        some = exact > 0
        np.testing.assert_allclose(quick[some], exact[some], rtol=2e-4)
        count = tables.purchases(rows, given_alive(level, alive))
        cdf = 1.0 - alive[:, None] + alive[:, None] * np.cumsum(pmf, axis=1)
        assert (cdf[np.arange(n), count] >= level - 1e-9).all()
        below = count > 0
        assert (cdf[below, count[below] - 1] < level + 1e-9).all()


@pytest.mark.parametrize(
    ("customers", "draws"), [(40, 4_000), pytest.param(200, 1_000_000, marks=pytest.mark.slow)]
)
def test_intervals_cover_what_simulated_customers_do(customers, draws):
    """Draw each customer's own future many times and count how often it falls inside."""
    shop = simulate_shop(THETA, 10 * customers, seed=2, spend=tuple(SPEND.values()))
    model = value(annual_discount_rate=0.0)
    scores = model.predict(shop, "26w", interval=0.8)
    rng = np.random.default_rng(3)
    p, q, gamma = SPEND.values()
    came_back = np.flatnonzero(shop.frequency > 0)[:customers]
    assert len(came_back) == customers
    means = 0
    for i in came_back:
        x, age = int(shop.frequency[i]), float(shop.age[i])
        counts = BetaGeo().simulate_alive_counts(THETA, x, age, np.array([0.0, 26.0]), draws, rng)[
            :, 0
        ]
        counts[rng.random(draws) > scores["probability_alive"].iloc[i]] = 0
        scale = gamma + x * shop.monetary_value[i]
        spent = rng.standard_gamma(p * counts) * scale / rng.gamma(q + p * x, size=draws)
        error = 4.5 * np.sqrt(0.9 * 0.1 / draws)
        for name, level in (("clv_lower", 0.1), ("clv_median", 0.5), ("clv_upper", 0.9)):
            at = scores[name].iloc[i]
            assert np.mean(spent <= at) >= level - 3 * error
            if at > 0:
                assert np.mean(spent <= at) == pytest.approx(level, abs=error * 1.7)
        assert np.mean(counts <= scores["purchases_upper"].iloc[i]) >= 0.9 - error
        # Of few draws above 0 the spread is not known.
        if (counts > 0).sum() > 100:
            means += 1
            mean_error = 5 * spent.std() / np.sqrt(draws)
            assert spent.mean() == pytest.approx(scores["clv"].iloc[i], abs=mean_error)
    assert means >= 0.7 * customers


def test_intervals_are_monotone_in_level_and_horizon(shop):
    narrow, wide = (value().predict(shop, "26w", interval=i) for i in (0.5, 0.95))
    assert (wide["clv_lower"] <= narrow["clv_lower"]).all()
    assert (wide["clv_upper"] >= narrow["clv_upper"]).all()
    longer = value().predict(shop, "1y", interval=0.5)
    for name in ("clv", "clv_lower", "clv_median", "clv_upper", "potential_value"):
        assert (longer[name] >= narrow[name]).all()
    assert (narrow["clv_lower"] <= narrow["clv_median"]).all()
    assert (narrow["clv_median"] <= narrow["clv_upper"]).all()


@pytest.mark.parametrize("name", SUBJECTS)
def test_a_customer_alone_gets_the_same_scores(shop, name):
    kind, theta = PURCHASE_MODELS[name], SUBJECTS[name].published
    purchases = dict(zip(kind.kernel.parameters, theta, strict=True))
    model = clv.CustomerValue(
        kind.from_params(purchases, time_unit="week"),
        clv.GammaGammaModel.from_params(SPEND, time_unit="week"),
    )
    shop = take(shop, slice(0, 120))
    together = model.predict(shop)
    long_together = model.predict(shop, "2y")
    for i in (0, 77, 119):
        one = take(shop, slice(i, i + 1))
        np.testing.assert_allclose(model.predict(one).iloc[0], together.iloc[i], rtol=1e-11)
        np.testing.assert_allclose(
            model.predict(one, "2y").iloc[0], long_together.iloc[i], rtol=1e-11
        )


def test_margin_scales_and_fixed_costs_shift(shop):
    money = ["clv", "clv_lower", "clv_median", "clv_upper", "potential_value"]
    plain = value().predict(shop)[money]
    third = value(margin=1 / 3).predict(shop)[money]
    np.testing.assert_allclose(third, plain / 3, rtol=1e-9)
    served = value(cost_per_customer_year=12.0, annual_discount_rate=0.0).predict(shop)[money]
    free = value(annual_discount_rate=0.0).predict(shop)[money]
    np.testing.assert_allclose(served, free - 12.0, rtol=1e-9)


def test_discounting_lowers_value_by_the_expected_discount_factor(shop):
    free = value(annual_discount_rate=0.0).predict(shop)
    dear = value(annual_discount_rate=0.2).predict(shop)
    factor = dear["clv"] / free["clv"]
    assert factor.between(1 / 1.2, 1.0).all()
    some = free["clv_upper"] > 0
    np.testing.assert_allclose(
        (dear["clv_upper"] / free["clv_upper"])[some], factor[some], rtol=1e-9
    )


def test_order_costs_are_simulated_and_agree_with_the_closed_form(shop):
    """A cost of nearly nothing takes the simulated path to the exact path's answer."""
    shop = take(shop, slice(0, 150))
    exact = value().predict(shop)
    simulated = value(cost_per_order=1e-9).predict(shop)
    np.testing.assert_allclose(simulated["clv"], exact["clv"], rtol=1e-8)
    both = (exact["clv_upper"] > 20.0) & (simulated["clv_upper"] > 0.0)
    ratio = (simulated["clv_upper"] / exact["clv_upper"])[both]
    assert ratio.median() == pytest.approx(1.0, abs=0.01)
    assert ratio.between(0.85, 1.15).mean() > 0.95
    dear = value(cost_per_order=60.0).predict(shop)
    assert (dear["clv_lower"] < 0.0).any()
    assert (dear["clv"] < exact["clv"]).all()


def test_long_horizons_meet_the_exact_path_at_a_year(shop):
    shop = take(shop, slice(0, 200))
    at_a_year = value().predict(shop, "1y")
    just_beyond = value().predict(shop, "366d")
    ratio = (just_beyond["clv_upper"] / at_a_year["clv_upper"])[at_a_year["clv_upper"] > 20.0]
    assert ratio.median() == pytest.approx(366 / 365.25, abs=0.02)


def test_lifetime_has_values_but_no_undiscounted_counts(shop):
    shop = take(shop, slice(0, 100))
    scores = value().predict(shop, "lifetime")
    assert scores["expected_purchases"].isna().all()
    assert scores["clv_simple_formula"].isna().all()
    decade = value().predict(shop, "10y")
    assert (scores["clv"] > decade["clv"]).all()
    assert (scores["clv_upper"] >= scores["clv_median"]).all()
    with pytest.raises(UndiscountedLifetimeError):
        value(annual_discount_rate=0.0).predict(shop, "lifetime")


def test_without_spend_there_is_no_money(shop):
    purchases = clv.BetaGeoModel.from_params(PURCHASES, time_unit="week")
    scores = clv.CustomerValue(purchases, None).predict(shop)
    assert scores["expected_purchases"].gt(0).all()
    money = ["expected_spend", "clv", "clv_lower", "clv_median", "clv_upper", "potential_value"]
    assert scores[[*money, "clv_simple_formula"]].isna().all().all()


@pytest.mark.parametrize(
    "terms",
    [{"margin": 0.0}, {"margin": 1.2}, {"cost_per_order": -1.0}, {"annual_discount_rate": -0.1}],
)
def test_terms_out_of_bounds_are_refused(terms, shop):
    with pytest.raises(ParameterError, match=next(iter(terms))):
        value(**terms).predict(shop)


@pytest.mark.parametrize("interval", [0.0, 1.0, 90.0])
def test_intervals_are_probabilities(interval, shop):
    with pytest.raises(ParameterError, match="interval"):
        value().predict(shop, interval=interval)


def test_new_customer_is_a_customer_of_age_zero():
    new = value().new_customer("52w")
    model = clv.BetaGeoModel.from_params(PURCHASES, time_unit="week")
    assert new.expected_purchases == pytest.approx(model.expected_purchases_new_customer("52w"))
    assert 0.0 <= new.clv_lower <= new.clv_median <= new.clv_upper
    mean = clv.GammaGammaModel.from_params(SPEND, time_unit="week").mean_spend_
    assert new.clv < new.expected_purchases * mean
