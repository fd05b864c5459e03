"""Averaging over the posterior: when it is done, how far, and whether it is the mixture."""

from __future__ import annotations

import numpy as np
import pytest

import clvmodels as clv
from clvmodels.kernels.beta_geo import BetaGeo
from clvmodels.kernels.spend_total import spend_cdf
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.value.averaging import MOST_DRAWS, TOLERANCE, typical_customers
from clvmodels.value.mixture import Mixture
from clvmodels.value.parameters import parameter_pairs
from clvmodels.value.plug_in import PREDICTIONS, PlugIn, take
from clvmodels.value.simulated import _DRAWS, SimulatedOutlook
from clvmodels.value.terms import check_interval
from tests.shops import simulate_shop
from tests.value.posteriors import with_draws

THETA = np.array([0.243, 4.414, 0.793, 2.426])
SPEND = (6.25, 3.74, 15.44)
LEVELS = check_interval(0.9)


def fitted(shop: CustomerColumns, **terms: float) -> clv.CustomerValue:
    return clv.CustomerValue(
        clv.BetaGeoModel().fit(shop, method="map"),
        clv.GammaGammaModel().fit(shop, method="map"),
        **terms,
    )


@pytest.fixture(scope="module")
def shop() -> CustomerColumns:
    return simulate_shop(THETA, 250, seed=3, spend=SPEND)


@pytest.fixture(scope="module")
def value(shop: CustomerColumns) -> clv.CustomerValue:
    value = fitted(shop)
    with_draws(value.purchases, seed=1)
    with_draws(value.spend, seed=2)
    return value


def same(one, other) -> None:
    for name in PREDICTIONS:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.mark.parametrize("horizon", ["13w", "lifetime"])
def test_without_draws_the_mode_scores(shop, horizon):
    shop = take(shop, slice(0, 30))
    held = fitted(shop)
    scorer = held.scorer(horizon, 0.9)
    plug_in = PlugIn(held.purchases, held.spend, held.terms(horizon), LEVELS)
    same(scorer.score(shop), plug_in.score(shop))
    assert (scorer.averaging.draws_used, scorer.averaging.error) == (1, None)


def test_narrow_draws_leave_the_mode(shop):
    held = fitted(shop)
    with_draws(held.purchases, shrunk=0.02)
    scorer = held.scorer("1y", 0.9)
    assert scorer.averaging.draws_used == 1
    assert 0.0 < scorer.averaging.error < TOLERANCE
    same(scorer.score(shop), fitted(shop).scorer("1y", 0.9).score(shop))


def test_wide_draws_are_averaged_until_nothing_changes(value, shop):
    scorer = value.scorer("13w", 0.9)
    averaging = scorer.averaging
    assert 1 < averaging.draws_used <= MOST_DRAWS
    assert averaging.error <= TOLERANCE
    # The mode alone would have been off by more.
    customers = typical_customers(value.purchases, value.spend)
    mode, mixed = scorer._plug_in.score(customers), scorer.score(customers)
    assert np.abs(mixed["probability_alive"] - mode["probability_alive"]).max() > TOLERANCE


def test_points_have_the_posteriors_moments(value):
    pairs = parameter_pairs(value.purchases, value.spend, 16)
    points = np.array([np.r_[p.fit_.coordinates, s.fit_.coordinates] for p, s in pairs])
    wanted = [model.fit_.posterior.coordinates for model in (value.purchases, value.spend)]
    mean = np.concatenate([draws.mean(axis=0) for draws in wanted])
    np.testing.assert_allclose(points.mean(axis=0), mean, atol=1e-10)
    covariance = np.cov(points.T, bias=True)
    np.testing.assert_allclose(covariance[:4, :4], np.cov(wanted[0].T, bias=True), atol=1e-10)
    np.testing.assert_allclose(covariance[4:, 4:], np.cov(wanted[1].T, bias=True), atol=1e-10)
    np.testing.assert_allclose(covariance[:4, 4:], 0.0, atol=1e-10)


def test_scores_are_those_of_the_whole_posterior(value, shop):
    """Against 300 draws of both models, by the reference functions."""
    few = take(shop, slice(0, 40))
    scores = value.scorer("13w", 0.9).score(few)
    n = np.where(few.monetary_value > 0, few.frequency, 0)
    mean = np.where(few.monetary_value > 0, few.monetary_value, 0.0)
    ahead = value.terms("13w").horizon.in_unit("week")
    draws = value.purchases.fit_.posterior.spread(300)
    spends = np.random.default_rng(5).permutation(value.spend.fit_.posterior.spread(300))
    sums = dict.fromkeys(("alive", "purchases", "clv", "median", "upper", "count"), 0.0)
    for one, other in zip(draws, spends, strict=True):
        purchases, spend = value.purchases.at(one), value.spend.at(other)
        theta = purchases.fit_.parameters
        alive = purchases.alive(few)
        pmf = purchases.kernel.alive_pmf(theta, few.frequency, few.age, ahead, 60)
        discounted = purchases.alive_purchases(few, value.terms("13w").horizon, 0.10)
        ratio = discounted / purchases.alive_purchases(few, value.terms("13w").horizon)
        p, q, gamma = spend.fit_.parameters
        sums["alive"] += alive
        sums["purchases"] += alive * (pmf @ np.arange(61))
        sums["clv"] += alive * discounted * spend.spend(n, mean)
        for name in ("median", "upper"):
            money = scores[f"clv_{name}"] / ratio
            sums[name] += spend_cdf(money, alive, pmf, p, q + p * n, gamma + n * mean)
        most = scores["purchases_upper"].astype(int)
        cdf = np.cumsum(pmf, axis=1)[np.arange(len(few)), most]
        sums["count"] += 1.0 - alive + alive * cdf
    reference = {name: total / len(draws) for name, total in sums.items()}
    np.testing.assert_allclose(scores["probability_alive"], reference["alive"], atol=0.01)
    # What most customers stay below, and nobody goes far beyond.
    for name, column in (("purchases", "expected_purchases"), ("clv", "clv")):
        away = np.abs(scores[column] / reference[name] - 1.0)
        assert np.quantile(away, 0.9) < 0.02
        assert away.max() < 0.1
    for name, level in (("median", 0.5), ("upper", 0.95)):
        # Where a quantile is 0, more than its level is there.
        some = scores[f"clv_{name}"] > 0
        assert some.any()
        np.testing.assert_allclose(reference[name][some], level, atol=0.005)
        assert (reference[name][~some] > level - 0.005).all()
    assert (reference["count"] > 0.945).all()


@pytest.mark.parametrize("horizon", ["13w", pytest.param("lifetime", marks=pytest.mark.slow)])
def test_a_score_depends_on_nobody_else(value, shop, horizon):
    few = take(shop, slice(0, 12))
    whole = value.scorer(horizon, 0.9).score(few)
    scorer = value.scorer(horizon, 0.9)
    alone = scorer.score(take(few, slice(7, 8)))
    scorer.prepare(few.triples())
    backwards = scorer.score(take(few, slice(None, None, -1)))
    for name in PREDICTIONS:
        np.testing.assert_allclose(backwards[name][::-1], whole[name], rtol=1e-9, err_msg=name)
        np.testing.assert_allclose(alone[name], whole[name][7:8], rtol=1e-9, err_msg=name)


def test_drawn_value_is_the_mixture_too(value, shop):
    """Within a year, value with the smallest of order costs is drawn: almost the exact one."""
    few = take(shop, slice(0, 40))
    drawn = clv.CustomerValue(value.purchases, value.spend, cost_per_order=1e-9)
    exact, other = (v.distribution(few, "13w") for v in (value, drawn))
    assert other.averaging.draws_used > 1
    for level in (0.5, 0.9):
        found = exact.clv_cdf(other.clv_quantile(level).to_numpy()).to_numpy()
        some = other.clv_quantile(level).to_numpy() > 1e-6
        tolerance = 4.0 * np.sqrt(level * (1.0 - level) / _DRAWS)
        np.testing.assert_allclose(found[some], level, atol=tolerance + 0.005)
    np.testing.assert_allclose(exact.expected_clv(), other.expected_clv(), rtol=1e-7)


def test_equal_parts_mix_to_one_of_them(shop):
    held = fitted(shop)
    terms = held.terms("1y")
    part = PlugIn(held.purchases, held.spend, terms, LEVELS)
    mixture, alone = Mixture([part] * 3, shop), part.score(shop)
    for name, level in zip(("lower", "median", "upper"), LEVELS, strict=True):
        np.testing.assert_allclose(
            mixture.value_quantile(level), alone[f"clv_{name}"], rtol=1e-6, atol=1e-9
        )
    np.testing.assert_array_equal(mixture.purchases_quantile(0.95), alone["purchases_upper"])


def test_a_decision_is_taken_once_for_a_fit_and_terms(value, shop, monkeypatch):
    from clvmodels.value import averaging

    asked = []

    def measured(*of):
        asked.append(of)
        return averaging.Averaging(1, 0.0)

    monkeypatch.setattr(averaging, "measured_averaging", measured)
    held = clv.CustomerValue(value.purchases, value.spend)
    assert held.scorer("13w", 0.9).averaging == held.scorer("13w", 0.9).averaging
    held.new_customer("13w")
    held.distribution(take(shop, slice(0, 3)), "13w").probability_alive()
    assert len(asked) == 1
    for horizon, interval in (("14w", 0.9), ("13w", 0.8)):
        assert held.scorer(horizon, interval).averaging.draws_used == 1
    assert len(asked) == 3
    # A model that is fitted again has to be tried again.
    other = clv.BetaGeoModel().fit(shop, method="map")
    again = clv.CustomerValue(other, value.spend)
    assert again.scorer("13w", 0.9).averaging.draws_used == 1
    other.fit_ = with_draws(other).fit_
    assert again.scorer("13w", 0.9).averaging.draws_used == 1
    assert len(asked) == 5


def test_costs_enter_the_mixture(value, shop):
    few = take(shop, slice(0, 10))
    served = clv.CustomerValue(value.purchases, value.spend, margin=0.5, cost_per_customer_year=7.0)
    plain, dear = (v.scorer("13w", 0.9).score(few) for v in (value, served))
    cost = served.terms("13w").fixed_cost
    for name in ("clv", "clv_lower", "clv_median", "clv_upper", "potential_value"):
        np.testing.assert_allclose(dear[name], 0.5 * plain[name] - cost, rtol=1e-6, err_msg=name)


def test_the_decision_looks_as_far_as_the_terms_and_not_at_the_margin(shop):
    held = fitted(shop)
    with_draws(held.purchases, shrunk=0.3)
    errors = {
        (margin, horizon): clv.CustomerValue(held.purchases, held.spend, margin=margin)
        .scorer(horizon, 0.9)
        .averaging.error
        for margin, horizon in ((1.0, "1y"), (0.3, "1y"), (1.0, "lifetime"))
    }
    assert errors[0.3, "1y"] == pytest.approx(errors[1.0, "1y"], rel=1e-3)
    assert errors[1.0, "lifetime"] > 1.05 * errors[1.0, "1y"]


def test_drawn_value_weighs_each_part_by_its_own_chance_to_be_active():
    theta, spend = np.tile(THETA[:, None], 2), np.tile(np.array(SPEND[:2])[:, None], 2)
    drawn = SimulatedOutlook(BetaGeo(), theta, spend, 104.0, 0.002, 7.0, 1.0, 0.0, 0)
    rows = drawn.rows(np.array([2]), np.array([38.86]), np.array([2]))
    scale = np.full((2, 1), 60.0)
    uneven, even = (np.array([[low], [1.0 - low]]) for low in (0.1, 0.5))
    for amount in (0.0, 50.0):
        found = [drawn.mixed_cdf(rows, np.array([amount]), a, scale)[0] for a in (uneven, even)]
        assert found[0] == pytest.approx(found[1], abs=0.03)
