"""What researchers ask of a fitted model: ArviZ, replicates, comparison, sensitivity."""

from __future__ import annotations

import numpy as np
import pytest

import clvmodels as clv
from clvmodels.errors import (
    InputError,
    NoDrawsError,
    NotFittedError,
    ParameterError,
    UnitMismatchError,
)
from clvmodels.models import PURCHASE_MODELS
from clvmodels.models.analysis import _finding
from tests.shops import simulate_shop

SHOP = simulate_shop(np.array([0.6, 8.0, 0.5, 3.0]), 300, seed=4, spend=(6.0, 4.0, 15.0))


@pytest.fixture(scope="module")
def purchases():
    return clv.BetaGeoModel().fit(SHOP)


@pytest.fixture(scope="module")
def spend():
    return clv.GammaGammaModel().fit(SHOP)


def test_arviz_gets_every_group_by_name(purchases):
    groups = purchases.to_arviz(SHOP, prior_draws=200)
    triples = SHOP.triples()
    for name, draws in purchases.posterior_.items():
        np.testing.assert_array_equal(np.asarray(groups["posterior"][name])[0], draws)
        assert groups["prior"][name].shape == (1, 200)
    observed = groups["observed_data"]
    np.testing.assert_array_equal(observed["frequency"], triples.frequency)
    np.testing.assert_array_equal(observed["recency"], triples.recency)
    np.testing.assert_array_equal(observed["T"], triples.age)
    np.testing.assert_array_equal(groups["constant_data"]["weight"], triples.weights)
    each = groups["log_likelihood"]["customer"]
    assert each.dims == ("chain", "draw", "entry")
    theta = purchases.posterior_.to_numpy()[7]
    expected = purchases.kernel.log_likelihood(
        theta, triples.frequency, triples.recency, triples.age
    )
    np.testing.assert_allclose(each[0, 7], expected, rtol=1e-10)


def test_arviz_gets_spend_too_and_no_likelihood_if_not_asked(spend):
    groups = spend.to_arviz(SHOP, log_likelihood=False)
    assert set(groups["observed_data"]) == {"frequency", "monetary_value"}
    assert "log_likelihood" not in list(groups.children if hasattr(groups, "children") else groups)


@pytest.mark.parametrize("model", list(PURCHASE_MODELS.values()))
def test_replicates_look_like_the_customers(model):
    again = model().fit(SHOP).posterior_predictive(SHOP, 200, seed=1)
    assert again.shape == (200, len(SHOP))
    assert np.issubdtype(again.dtype, np.integer)
    for statistic in (np.mean, lambda x: (x == 0).mean()):
        there = np.array([statistic(draw) for draw in again])
        lowest, highest = np.quantile(there, [0.005, 0.995])
        assert lowest <= statistic(SHOP.frequency) <= highest
    assert again[:, SHOP.age == SHOP.age.max()].mean() > again[:, SHOP.age < 60].mean()


def test_replicated_counts_follow_the_pmf_of_new_customers(purchases):
    """A model whose draws are all the same point, against its closed form."""
    model = clv.ModifiedBetaGeoModel.from_params(
        {"r": 0.6, "alpha": 8.0, "a": 0.7, "b": 2.0}, time_unit="week"
    )
    columns = clv.transactions.CustomerColumns(
        *(np.full(40_000, value) for value in (0, 0.0, 30.0, np.nan)), time_unit="week"
    )
    counts = model._replicate(model._theta, columns, np.random.default_rng(3))
    pmf = model.new_customer_pmf("30w", 3)
    error = 4.0 * np.sqrt(pmf * (1.0 - pmf) / 40_000)
    seen = np.bincount(counts, minlength=4)[:4] / 40_000
    assert (np.abs(seen - pmf) < error).all()


def test_replicated_spend_looks_like_the_spend(spend):
    again = spend.posterior_predictive(SHOP, 300, seed=2)
    bought = SHOP.frequency > 0
    assert np.isnan(again[:, ~bought]).all()
    there = np.log(again[:, bought])
    seen = np.log(SHOP.monetary_value[bought])
    for statistic in (np.mean, np.std):
        lowest, highest = np.quantile(statistic(there, axis=1), [0.005, 0.995])
        assert lowest <= statistic(seen) <= highest


def test_the_priors_alone_allow_far_more_than_was_seen(purchases):
    before = purchases.prior_predictive(SHOP, 400, seed=1).mean(axis=1)
    after = purchases.posterior_predictive(SHOP, 400, seed=1).mean(axis=1)
    assert np.quantile(before, 0.9) / max(np.quantile(before, 0.1), 0.01) > 10.0
    assert np.quantile(after, 0.9) / np.quantile(after, 0.1) < 1.5
    np.testing.assert_array_equal(
        purchases.prior_predictive(SHOP, 3, seed=9), purchases.prior_predictive(SHOP, 3, seed=9)
    )


def test_the_model_that_made_the_customers_wins():
    models = {name: PURCHASE_MODELS[name]().fit(SHOP) for name in ("nbd", "bgnbd")}
    table = clv.compare_models(models, SHOP)
    assert list(table.index) == ["bgnbd", "nbd"]
    assert table.loc["bgnbd", "difference"] == 0.0
    assert table.loc["nbd", "difference"] < -2.0 * table.loc["nbd", "difference_se"] < 0.0
    found = models["nbd"].loo(SHOP)
    assert table.loc["nbd", "elpd"] == found.elpd
    assert table.loc["nbd", "difference"] == pytest.approx(
        found.elpd - models["bgnbd"].loo(SHOP).elpd
    )


def test_only_like_is_compared_with_like(purchases, spend):
    with pytest.raises(ParameterError, match="same thing"):
        clv.compare_models({"purchases": purchases, "spend": spend}, SHOP)
    with pytest.raises(ParameterError, match="one or more"):
        clv.compare_models({}, SHOP)


def test_sensitivity_to_the_prior_grows_as_customers_get_fewer(purchases):
    few = simulate_shop(np.array([0.6, 8.0, 0.5, 3.0]), 30, seed=4)
    weak = clv.BetaGeoModel().fit(few, method="laplace").prior_sensitivity(few)
    strong = purchases.prior_sensitivity(SHOP)
    assert list(strong.index) == ["r", "alpha", "a", "b"]
    assert (weak["prior"] > strong["prior"]).all()
    assert (weak["prior"] > 2.0 * strong["prior"])[["r", "alpha"]].all()
    assert (strong["finding"] == "")[["r", "alpha"]].all()
    assert (strong["likelihood"] > strong["prior"]).all()


@pytest.mark.parametrize(
    ("prior", "likelihood", "finding"),
    [
        (0.01, 0.2, ""),
        (0.01, 0.01, ""),
        (0.2, 0.2, "prior and data pull apart"),
        (0.2, 0.01, "strong prior or weak data"),
    ],
)
def test_findings_are_read_off_the_two_sensitivities(prior, likelihood, finding):
    assert _finding(prior, likelihood) == finding


def test_what_cannot_be_answered_is_refused(purchases):
    point = clv.BetaGeoModel.from_params(purchases.params_, time_unit="week")
    for ask in ("to_arviz", "loo", "prior_sensitivity", "posterior_predictive"):
        with pytest.raises(NoDrawsError):
            getattr(point, ask)(SHOP)
        with pytest.raises(NotFittedError):
            getattr(clv.BetaGeoModel(), ask)(SHOP)
    others = simulate_shop(np.array([0.6, 8.0, 0.5, 3.0]), 50, seed=5)
    with pytest.raises(InputError, match="not the customers"):
        purchases.loo(others)
    days = clv.transactions.CustomerColumns.from_frame(
        clv.load_cdnow("sample").summarize("1997-09-30", time_unit="day").to_pandas(), "day"
    )
    with pytest.raises(UnitMismatchError):
        purchases.posterior_predictive(days)


def test_a_frame_is_read_in_the_unit_of_the_model(purchases):
    frame = clv.load_cdnow("sample").summarize("1997-09-30", time_unit="week").to_pandas()[:200]
    model = clv.BetaGeoModel().fit(frame, time_unit="week")
    assert model.loo(frame).weight.sum() == 200
