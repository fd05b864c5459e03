"""Totals of a base: sums, and each part of their uncertainty against simulation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import clvmodels as clv
from clvmodels.kernels.beta_geo import BetaGeo
from clvmodels.models.gamma_gamma import spend_evidence
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.value.plug_in import take
from clvmodels.value.totals import Total, ValueGroups, value_totals
from tests.shops import simulate_shop

THETA = np.array([0.5, 8.0, 0.8, 2.5])
SPEND = (5.0, 5.0, 30.0)


@pytest.fixture(scope="module")
def shop() -> CustomerColumns:
    """Whole weeks, so that customers share their (x, T)."""
    shop = simulate_shop(THETA, 400, seed=11, spend=SPEND)
    return replace(shop, recency=np.ceil(shop.recency), age=np.ceil(shop.age))


@pytest.fixture(scope="module")
def value(shop) -> clv.CustomerValue:
    return clv.CustomerValue(
        clv.BetaGeoModel().fit(shop, method="map"), clv.GammaGammaModel().fit(shop, method="map")
    )


@pytest.mark.parametrize("horizon", ["26w", "3y"])
def test_expected_totals_are_sums_over_customers(value, shop, horizon):
    totals, scores = value.total(shop, horizon), value.predict(shop, horizon)
    assert totals.customers == len(shop)
    assert totals.active.expected == pytest.approx(scores["probability_alive"].sum())
    assert totals.active.common_shock == 0.0
    active = scores["probability_alive"]
    assert totals.active.sd_customers == pytest.approx((active * (1 - active)).sum() ** 0.5)
    assert totals.purchases.expected == pytest.approx(scores["expected_purchases"].sum())
    assert totals.clv.expected == pytest.approx(scores["clv"].sum())
    assert totals.potential_value.expected == pytest.approx(scores["potential_value"].sum())
    for total in (totals.purchases, totals.clv, totals.potential_value):
        assert total.lower < total.expected < total.upper


def test_totals_over_a_posterior_are_sums_over_customers_too(shop):
    """The same points stand for the posterior in both, and their spread is the parameters'."""
    few = take(shop, slice(0, 150))
    value = clv.CustomerValue(
        clv.BetaGeoModel().fit(few, method="laplace"),
        clv.GammaGammaModel().fit(few, method="laplace"),
    )
    scorer = value.scorer("26w", 0.9)
    assert scorer.averaging.draws_used > 1
    totals, scores = value.total(few, "26w"), scorer.score(few)
    assert totals.active.expected == pytest.approx(scores["probability_alive"].sum())
    assert totals.purchases.expected == pytest.approx(scores["expected_purchases"].sum())
    assert totals.clv.expected == pytest.approx(scores["clv"].sum())
    assert totals.potential_value.expected == pytest.approx(scores["potential_value"].sum())
    by_hand = [
        (model.alive(few) * model.alive_purchases(few, clv.Duration.parse("26w"))).sum()
        for model in (
            value.purchases.at(z) for z in value.purchases.fit_.posterior.coordinates[:400]
        )
    ]
    assert totals.purchases.sd_parameters == pytest.approx(np.std(by_hand), rel=0.15)


def test_costs_enter_totals_as_they_enter_scores(value, shop):
    dear = replace(value, cost_per_order=4.0, cost_per_customer_year=3.0, margin=0.6)
    few = take(shop, slice(0, 100))
    totals, scores = dear.total(few), dear.predict(few)
    assert totals.clv.expected == pytest.approx(scores["clv"].sum())
    assert totals.potential_value.expected == pytest.approx(scores["potential_value"].sum())


def simulate_totals(value, shop, weeks: float, repeats: int) -> tuple[np.ndarray, np.ndarray]:
    """Total purchases and undiscounted spend of the base, drawn customer by customer."""
    rng = np.random.default_rng(5)
    theta = value.purchases.fit_.parameters
    p, q, gamma = value.spend.fit_.parameters
    alive = value.purchases.alive(shop)
    n, mean = spend_evidence(shop)
    purchases, spend = np.empty(repeats), np.empty(repeats)
    for i in range(repeats):
        times = BetaGeo().simulate_alive(theta, shop.frequency, shop.age, weeks, rng)
        counts = np.isfinite(times).sum(axis=1) * (rng.random(len(shop)) < alive)
        rate = rng.gamma(q + p * n) / (gamma + n * mean)
        purchases[i] = counts.sum()
        spend[i] = (rng.standard_gamma(p * counts) / rate).sum()
    return purchases, spend


def test_spread_from_customers_is_the_spread_of_simulated_bases(value, shop):
    free = replace(value, annual_discount_rate=0.0)
    totals = free.total(shop, "26w")
    purchases, spend = simulate_totals(free, shop, 26.0, repeats=600)
    assert purchases.mean() == pytest.approx(totals.purchases.expected, rel=0.02)
    assert spend.mean() == pytest.approx(totals.clv.expected, rel=0.02)
    assert purchases.std() == pytest.approx(totals.purchases.sd_customers, rel=0.1)
    assert spend.std() == pytest.approx(totals.clv.sd_customers, rel=0.1)


def test_spread_over_simulated_futures_beyond_a_year(value, shop):
    free = replace(value, annual_discount_rate=0.0)
    totals = free.total(shop, "104w")
    _, spend = simulate_totals(free, shop, 104.0, repeats=300)
    assert spend.std() == pytest.approx(totals.clv.sd_customers, rel=0.15)


def test_spread_from_parameters_is_the_spread_over_draws_of_them(value, shop):
    totals = value.total(shop, "26w")
    rng = np.random.default_rng(6)
    n, mean = spend_evidence(shop)
    horizon = clv.Duration.parse("26w")
    sums = []
    for _ in range(400):
        models = [
            model.at(
                rng.multivariate_normal(model.fit_.coordinates, model.fit_.coordinate_covariance)
            )
            for model in (value.purchases, value.spend)
        ]
        purchases, spend = models
        ahead = purchases.alive(shop) * purchases.alive_purchases(shop, horizon, 0.10)
        sums.append((ahead * spend.spend(n, mean)).sum())
    assert np.std(sums) == pytest.approx(totals.clv.sd_parameters, rel=0.15)


def test_known_parameters_have_no_spread(shop):
    purchases = clv.BetaGeoModel.from_params(
        dict(zip(("r", "alpha", "a", "b"), THETA.tolist(), strict=True)), time_unit="week"
    )
    totals = clv.CustomerValue(purchases, None).total(shop)
    assert totals.purchases.sd_parameters == 0.0
    assert totals.clv is None


def test_groups_of_batches_merge_to_the_groups_of_all(value, shop):
    halves = [take(shop, part) for part in (slice(0, 150), slice(150, None))]
    merged = ValueGroups.merged([ValueGroups.of(half) for half in halves])
    scorer = value.scorer("1y", 0.9)
    whole = value_totals(ValueGroups.of(shop), scorer, 0.9)
    parts = value_totals(merged, scorer, 0.9)
    assert len(merged.columns) < len(shop)
    for name in ("purchases", "clv", "potential_value"):
        assert getattr(parts, name).expected == pytest.approx(getattr(whole, name).expected)
        assert getattr(parts, name).sd_customers == pytest.approx(getattr(whole, name).sd_customers)


def test_the_assumed_shock_alone_gives_the_published_factor():
    """Without windows: ×/÷ 1.70 at 90 %, from t with 4 degrees of freedom and 25 %."""
    total = Total.of(1_000.0, 0.0, 0.0, 0.9)
    assert total.upper / 1_000.0 == pytest.approx(1.70, abs=0.005)
    assert 1_000.0 / total.lower == pytest.approx(1.70, abs=0.005)
    assert total.common_shock_assumed


def test_intervals_widen_with_every_part():
    bare = Total.of(1_000.0, 0.0, 0.0, 0.9)
    for parts in ((200.0, 0.0), (0.0, 200.0)):
        assert Total.of(1_000.0, *parts, 0.9).upper > bare.upper
    assert Total.of(1_000.0, 0.0, 0.0, 0.5).upper < bare.upper


@pytest.mark.parametrize("expected", [-500.0, 0.0])
def test_totals_that_are_not_positive_keep_an_ordered_interval(expected):
    total = Total.of(expected, 10.0, 10.0, 0.9)
    assert total.lower <= total.expected <= total.upper
    assert total.lower < total.upper
