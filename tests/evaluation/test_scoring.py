"""Scoring rules against their definitions, worked out from the whole pmf."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from clvmodels.evaluation import spend_scores
from clvmodels.evaluation.scoring import (
    COVERAGES,
    PIT_BINS,
    interval_levels,
    pinball_loss,
    pit_distance,
    pit_histogram,
    score_counts,
)
from clvmodels.evaluation.spend_scores import QUANTILES, score_spend
from clvmodels.kernels.spend_total import spend_cdf, spend_quantile
from clvmodels.models import PURCHASE_MODELS, GammaGammaModel
from tests.shops import simulate_shop

PARAMS = {
    "bgnbd": {"r": 0.5, "alpha": 6.0, "a": 0.8, "b": 2.4},
    "mbgnbd": {"r": 0.5, "alpha": 6.0, "a": 0.8, "b": 2.4},
    "pareto_nbd": {"r": 0.55, "alpha": 10.6, "s": 0.61, "beta": 11.7},
    "nbd": {"r": 0.4, "alpha": 12.0},
}
HORIZON = 26.0


def made(name: str, customers: int = 300, seed: int = 0):
    """A model, customers of it, and outcomes drawn from its own forecast."""
    model = PURCHASE_MODELS[name].from_params(PARAMS[name], time_unit="week")
    columns = simulate_shop(
        model.fit_.parameters, customers, seed, kernel=model.kernel, spend=(6.0, 4.0, 15.0)
    )
    rng = np.random.default_rng(seed + 1)
    pmf = model.purchase_pmf(columns, "26w")
    actual = (pmf.cumsum(axis=1) < rng.random(customers)[:, None]).sum(axis=1)
    return model, columns, pmf, actual, rng.random(customers)


@pytest.mark.parametrize("name", PARAMS)
def test_count_scores_are_their_definitions(name):
    model, columns, pmf, actual, uniform = made(name)
    scores = score_counts(model, columns, HORIZON, actual, uniform)
    cdf = np.minimum(pmf.cumsum(axis=1), 1.0)
    rows = np.arange(len(columns))
    k = np.arange(pmf.shape[1])
    happened = pmf[rows, actual]
    np.testing.assert_allclose(scores.log_score, -np.log(happened), rtol=1e-9)
    brier = ((cdf - (k >= actual[:, None])) ** 2).sum(axis=1)
    np.testing.assert_allclose(scores.crps, brier, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(
        scores.pit, cdf[rows, actual] - happened * (1.0 - uniform), atol=1e-9
    )
    for level in COVERAGES:
        low, high = ((cdf < q).sum(axis=1) for q in interval_levels(level))
        inside = (k >= low[:, None]) & (k <= high[:, None])
        np.testing.assert_array_equal(scores.covered[level], inside[rows, actual])
        np.testing.assert_allclose(scores.attainable[level], (pmf * inside).sum(axis=1), atol=1e-8)


def test_crps_is_the_expected_distance_less_half_the_spread():
    """Gneiting & Raftery (2007), equation 21: E|Y - y| - E|Y - Y'| / 2."""
    model, columns, pmf, actual, uniform = made("bgnbd", 40)
    k = np.arange(pmf.shape[1])
    distance = (pmf * np.abs(k - actual[:, None])).sum(axis=1)
    spread = np.einsum("ni,nj,ij->n", pmf, pmf, np.abs(k[:, None] - k))
    crps = score_counts(model, columns, HORIZON, actual, uniform).crps
    np.testing.assert_allclose(crps, distance - spread / 2.0, atol=1e-7)


def test_an_outcome_beyond_the_table_is_scored_and_not_cut_off():
    model, columns, *_ = made("bgnbd", 3)
    actual = np.array([4_000, 0, 1])
    scores = score_counts(model, columns, HORIZON, actual, np.full(3, 0.5))
    assert np.isfinite(scores.log_score).all()
    assert scores.log_score[0] > 100.0
    assert scores.crps[0] == pytest.approx(4_000, rel=0.02)
    assert scores.pit[0] == pytest.approx(1.0)
    assert not scores.covered[0.9][0]


def test_the_true_model_has_the_best_expected_scores():
    """Properness: of outcomes drawn from one forecast, no other forecast has lower mean scores."""
    model, columns, _, actual, uniform = made("bgnbd", 20_000)
    true = score_counts(model, columns, HORIZON, actual, uniform)
    for change in ({"r": 0.8}, {"alpha": 4.0}, {"a": 1.6}, {"b": 4.0}):
        other = PURCHASE_MODELS["bgnbd"].from_params(PARAMS["bgnbd"] | change, time_unit="week")
        wrong = score_counts(other, columns, HORIZON, actual, uniform)
        assert wrong.log_score.mean() > true.log_score.mean()
        assert wrong.crps.mean() > true.crps.mean()


@pytest.mark.parametrize("name", PARAMS)
def test_a_right_forecast_is_calibrated(name):
    model, columns, _, actual, uniform = made(name, 20_000)
    scores = score_counts(model, columns, HORIZON, actual, uniform)
    assert pit_distance(scores.pit) < stats.kstwo.ppf(0.9999, len(columns))
    assert np.allclose(pit_histogram(scores.pit), 1.0 / PIT_BINS, atol=0.008)
    for level in COVERAGES:
        assert scores.attainable[level].mean() >= level
        error = np.sqrt(0.25 / len(columns))
        assert abs(scores.covered[level].mean() - scores.attainable[level].mean()) < 4 * error


def test_a_forecast_with_too_narrow_a_spread_shows_in_the_pit():
    model, columns, _, actual, uniform = made("nbd", 5_000)
    # As if all customers were alike: the rates vary much less.
    narrow = PURCHASE_MODELS["nbd"].from_params({"r": 40.0, "alpha": 1_200.0}, time_unit="week")
    wrong = score_counts(narrow, columns, HORIZON, actual, uniform)
    right = score_counts(model, columns, HORIZON, actual, uniform)
    assert pit_distance(wrong.pit) > 5.0 * pit_distance(right.pit)
    assert pit_histogram(wrong.pit)[-1] > 1.5 / PIT_BINS


def test_pit_distance_is_that_of_kolmogorov():
    values = np.random.default_rng(3).beta(1.2, 0.9, 501)
    assert pit_distance(values) == pytest.approx(stats.kstest(values, "uniform").statistic)


def test_pinball_loss_is_least_at_the_quantile():
    outcomes = np.random.default_rng(4).gamma(2.0, 10.0, 4_001)
    grid = np.linspace(1.0, 80.0, 400)
    for level in QUANTILES:
        mean = [pinball_loss(level, np.full(1, q), outcomes).mean() for q in grid]
        assert grid[int(np.argmin(mean))] == pytest.approx(np.quantile(outcomes, level), abs=0.2)


def test_spend_of_a_large_base_is_scored_on_so_many_customers(monkeypatch):
    monkeypatch.setattr(spend_scores, "_MOST_CUSTOMERS", 100)
    model, columns, *_ = made("bgnbd", 150)
    spend = GammaGammaModel.from_params({"p": 6.0, "q": 4.0, "gamma": 15.0}, time_unit="week")
    assert score_spend(model, spend, columns, HORIZON, np.zeros(150)).customers == 100


def test_spend_scores_are_their_definitions():
    model, columns, *_ = made("bgnbd", 150)
    spend = GammaGammaModel.from_params({"p": 6.0, "q": 4.0, "gamma": 15.0}, time_unit="week")
    rng = np.random.default_rng(5)
    actual = np.where(rng.random(150) < 0.4, 0.0, rng.gamma(2.0, 30.0, 150))
    found = score_spend(model, spend, columns, HORIZON, actual)
    n = np.where(columns.monetary_value > 0, columns.frequency, 0)
    mean = np.where(n > 0, columns.monetary_value, 0.0)
    alive = model.alive(columns)
    pmf = model.kernel.alive_pmf(
        model.fit_.parameters, columns.frequency, columns.age, HORIZON, 200
    )
    shape, scale = 4.0 + 6.0 * n, 15.0 + n * mean
    exact = {q: spend_quantile(q, alive, pmf, 6.0, shape, scale) for q in QUANTILES}
    for level, values in exact.items():
        assert found.pinball[level] == pytest.approx(
            pinball_loss(level, values, actual).mean(), rel=1e-4
        )
    nothing = spend_cdf(np.zeros(150), alive, pmf, 6.0, shape, scale)
    for level in COVERAGES:
        low, high = interval_levels(level)
        inside = (exact[low] <= actual) & (actual <= exact[high])
        assert found.coverage[level] == pytest.approx(inside.mean(), abs=1.5 / 150)
        mass = np.maximum(nothing, high) - np.where(nothing < low, low, 0.0)
        assert found.attainable[level] == pytest.approx(mass.mean(), abs=1e-8)
    assert found.customers == 150
