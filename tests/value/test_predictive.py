"""The predictive distribution: consistent with itself, with the oracle and with simulations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clvmodels as clv
from clvmodels.errors import (
    InputError,
    NoSpendModelError,
    ParameterError,
    UndiscountedLifetimeError,
)
from clvmodels.models import PURCHASE_MODELS
from tests.oracle.subjects import SUBJECTS
from tests.value.posteriors import with_draws

PURCHASES = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
SPEND = {"p": 6.25, "q": 3.74, "gamma": 15.44}
CUSTOMERS = pd.DataFrame(
    {
        "frequency": [2, 0, 12],
        "recency": [30.43, 0.0, 36.0],
        "T": [38.86, 38.86, 38.86],
        "monetary_value": [22.35, np.nan, 50.0],
    },
    index=["few", "once", "many"],
)
HORIZONS = ("1y", "3y", "10y")


def value(spend: bool = True, **terms: float) -> clv.CustomerValue:
    return clv.CustomerValue(
        clv.BetaGeoModel.from_params(PURCHASES, time_unit="week"),
        clv.GammaGammaModel.from_params(SPEND, time_unit="week") if spend else None,
        **terms,
    )


def test_counts_agree_with_the_pmf():
    ahead = value(spend=False).distribution(CUSTOMERS, "1y")
    pmf = ahead.purchase_pmf()
    assert list(pmf.index) == ["few", "once", "many"]
    cdf = pmf.cumsum(axis=1)
    np.testing.assert_allclose(cdf.iloc[:, -1], 1.0, atol=3e-9)
    for k in (0, 3):
        np.testing.assert_allclose(ahead.purchase_cdf(k), cdf[k], atol=1e-9)
    np.testing.assert_allclose(ahead.probability_no_purchase(), pmf[0], atol=1e-9)
    np.testing.assert_allclose(ahead.expected_purchases(), pmf @ pmf.columns, rtol=1e-6)
    for level in (0.1, 0.5, 0.99):
        assert (ahead.purchase_quantile(level) == (cdf < level).sum(axis=1)).all()


@pytest.mark.parametrize("horizon", HORIZONS)
def test_money_quantiles_invert_the_cdf(horizon):
    ahead = value().distribution(CUSTOMERS, horizon)
    for level in (0.3, 0.5, 0.9, 0.99):
        amount = ahead.spend_quantile(level)
        reached = ahead.spend_cdf(amount.to_numpy())
        np.testing.assert_allclose(reached, np.maximum(level, ahead.spend_cdf(0.0)), atol=1e-7)
        np.testing.assert_allclose(ahead.probability_spend_above(amount.to_numpy()), 1.0 - reached)
    np.testing.assert_allclose(ahead.spend_cdf(0.0), ahead.probability_no_purchase(), atol=1e-9)
    assert (ahead.spend_cdf(-1.0) == 0.0).all()
    assert (ahead.spend_cdf(np.inf) == 1.0).all()


@pytest.mark.parametrize("name", PURCHASE_MODELS)
@pytest.mark.parametrize("days", [0.5, 30.0, 365.0, 3650.0])
def test_no_purchase_in_a_time_of_ones_own(name, days):
    kernel, theta = PURCHASE_MODELS[name].kernel, np.array(SUBJECTS[name].published)
    x, age = np.array([0, 2, 40]), np.array([10.0, 38.86, 78.0])
    ahead = np.full(3, days / 7.0)
    np.testing.assert_allclose(
        kernel.alive_idle(theta, x, age, ahead),
        kernel.alive_pmf(theta, x, age, days / 7.0, 0)[:, 0],
        rtol=1e-9,
    )


def test_time_to_the_next_purchase_inverts_its_probability():
    ahead = value().distribution(CUSTOMERS, "1y")
    alive = ahead.probability_alive()
    for level in (0.05, 0.3, 0.8):
        time = ahead.time_to_next_purchase(level)
        assert (np.isinf(time) == (level > alive)).all()
        for customer in time[np.isfinite(time)].index:
            within = ahead.probability_purchase_within(f"{time[customer] * 7:.9f}d")[customer]
            assert within == pytest.approx(level, abs=1e-6)
    year = ahead.probability_purchase_within("1y")
    np.testing.assert_allclose(year, 1.0 - ahead.probability_no_purchase(), atol=1e-9)


@given(
    st.integers(0, 40),
    st.floats(0.0, 1.0),
    st.floats(1.0, 120.0),
    st.floats(1.0, 500.0),
    st.floats(0.02, 0.97),
    st.floats(0.001, 0.02),
)
@settings(derandomize=True, deadline=None, max_examples=25)
def test_monotone_in_level_and_horizon(x, share, age, mean, level, more):
    one = pd.DataFrame(
        {
            "frequency": [x],
            "recency": [max(share, 0.01) * age if x else 0.0],
            "T": [age],
            "monetary_value": [mean if x else np.nan],
        }
    )
    near, far = (value().distribution(one, horizon) for horizon in ("13w", "1y"))
    for ahead in (near, far):
        for quantile in (
            ahead.purchase_quantile,
            ahead.spend_quantile,
            ahead.clv_quantile,
            ahead.time_to_next_purchase,
        ):
            assert quantile(level + more).iloc[0] >= quantile(level).iloc[0]
    assert far.purchase_quantile(level).iloc[0] >= near.purchase_quantile(level).iloc[0]
    # Exact up to the tables' interpolation.
    assert far.spend_quantile(level).iloc[0] >= near.spend_quantile(level).iloc[0] * (1 - 1e-3)
    assert far.expected_clv().iloc[0] >= near.expected_clv().iloc[0]


def test_uncertainty_is_told_apart():
    known = value().distribution(CUSTOMERS, "1y").uncertainty()
    assert (known["purchases_sd_parameters"] == 0.0).all()
    pmf = value().distribution(CUSTOMERS, "1y").purchase_pmf()
    squares = pmf @ pmf.columns.to_numpy() ** 2
    variance = squares - (pmf @ pmf.columns) ** 2
    np.testing.assert_allclose(known["purchases_sd_customer"] ** 2, variance, rtol=1e-5)


def test_what_does_not_exist_is_said():
    ahead = value(spend=False).distribution(CUSTOMERS, "1y")
    for ask in (lambda: ahead.spend_quantile(0.5), lambda: ahead.clv_cdf(1.0), ahead.expected_clv):
        with pytest.raises(NoSpendModelError, match="GammaGammaModel"):
            ask()
    forever = value().distribution(CUSTOMERS, "lifetime")
    for ask in (lambda: forever.purchase_quantile(0.5), forever.expected_purchases):
        with pytest.raises(UndiscountedLifetimeError):
            ask()
    with pytest.raises(ParameterError, match="level"):
        forever.clv_quantile(1.0)
    assert forever.uncertainty()["purchases"].isna().all()


def test_draws_widen_what_is_known():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {"frequency": rng.poisson(2, 60), "T": 40.0, "monetary_value": 20.0 + rng.random(60)}
    )
    frame["recency"] = np.where(frame["frequency"] > 0, 30.0 * rng.random(60) + 1.0, 0.0)
    purchases = clv.BetaGeoModel().fit(frame, time_unit="week", method="map")
    held = clv.CustomerValue(with_draws(purchases), None)
    ahead = held.distribution(frame.head(5), "13w")
    parts = ahead.uncertainty()
    assert (parts["purchases_sd_parameters"] > 0.0).all()
    assert ahead.averaging.draws_used > 1
    pmf = ahead.purchase_pmf()
    np.testing.assert_allclose(ahead.purchase_cdf(1), pmf[0] + pmf[1], atol=1e-8)
    variance = pmf @ pmf.columns.to_numpy() ** 2 - (pmf @ pmf.columns) ** 2
    busy = frame.nlargest(10, "frequency")
    far = held.distribution(busy, "3y")
    cdf = far.purchase_pmf().cumsum(axis=1)
    for level in np.linspace(0.05, 0.995, 40):
        assert (far.purchase_quantile(level) == (cdf < level).sum(axis=1)).all()
    total = parts["purchases_sd_parameters"] ** 2 + parts["purchases_sd_customer"] ** 2
    np.testing.assert_allclose(total, variance, rtol=1e-5)


def test_amounts_find_their_customers():
    ahead = value().distribution(CUSTOMERS, "1y")
    median = ahead.spend_quantile(0.7)
    pd.testing.assert_series_equal(ahead.spend_cdf(median[::-1]), ahead.spend_cdf(median))
    pd.testing.assert_series_equal(ahead.spend_cdf(list(median)), ahead.spend_cdf(median))
    with pytest.raises(InputError, match="2 amounts for 3 customers"):
        ahead.clv_cdf([1.0, 2.0])
    with pytest.raises(InputError, match="other ids"):
        ahead.clv_cdf(median.rename({"few": "none"}))
    with pytest.raises(InputError, match="repeat"):
        ahead.clv_cdf(median.rename({"few": "many"}))


@pytest.mark.parametrize("k", [-1, 1.5, [1, 2, 3]])
def test_counts_are_whole_numbers(k):
    ahead = value().distribution(CUSTOMERS, "1y")
    for ask in (ahead.purchase_cdf, ahead.purchase_pmf):
        with pytest.raises(ParameterError, match="whole number"):
            ask(k)


def test_no_customers_have_no_predictions():
    ahead = value().distribution(CUSTOMERS.head(0), "1y")
    for name in ("spend_quantile", "clv_quantile", "purchase_quantile", "time_to_next_purchase"):
        assert len(getattr(ahead, name)(0.5)) == 0
    assert len(ahead.purchase_pmf()) == len(ahead.uncertainty()) == 0
    assert repr(ahead) == "Predictive (purchases, spend and value of 0 customers within 1y)"


@pytest.mark.parametrize("horizon", ["1y", "3y"])
def test_what_is_paid_in_any_case_shifts_value(horizon):
    free, served = value(), value(cost_per_customer_year=5.0)
    cost = served.terms(horizon).fixed_cost
    assert cost > 4.5
    plain, dear = (held.distribution(CUSTOMERS, horizon) for held in (free, served))
    np.testing.assert_allclose(dear.expected_clv(), plain.expected_clv() - cost)
    np.testing.assert_allclose(dear.clv_quantile(0.9), plain.clv_quantile(0.9) - cost)
    np.testing.assert_allclose(dear.clv_cdf(7.0), plain.clv_cdf(7.0 + cost))
    parts = [ahead.uncertainty() for ahead in (plain, dear)]
    np.testing.assert_allclose(parts[1]["clv"], parts[0]["clv"] - cost)
    for name in ("clv_sd_parameters", "clv_sd_customer"):
        np.testing.assert_allclose(parts[1][name], parts[0][name])
    scores = served.predict(CUSTOMERS, horizon, interval=0.8)
    np.testing.assert_allclose(scores["clv"], dear.expected_clv())
    # Scores and distributions look the same quantile up in tables of different reach.
    loose = {"rtol": 2e-3} if horizon == "1y" else {"rtol": 0.02, "atol": 0.02 * 100.0}
    np.testing.assert_allclose(scores["clv_upper"], dear.clv_quantile(0.9), **loose)


def test_spread_of_value_is_that_of_its_futures():
    """Against draws of one customer who may have left; a light tail, so that variances settle."""
    held = clv.CustomerValue(
        clv.BetaGeoModel.from_params(PURCHASES, time_unit="week"),
        clv.GammaGammaModel.from_params({"p": 4.0, "q": 12.0, "gamma": 60.0}, time_unit="week"),
        annual_discount_rate=0.0,
    )
    one = CUSTOMERS.loc[["few"]]
    size = 40_000
    log = held.purchases.simulate_future(one.loc[["few"] * size].reset_index(drop=True), "1y")
    rng = np.random.default_rng(0)
    rate = rng.standard_gamma(12.0 + 4.0 * 2, size=size) / (60.0 + 2 * 22.35)
    owner = log["customer_id"].to_numpy()
    worth = np.bincount(owner, rng.standard_gamma(4.0, len(log)) / rate[owner], size)
    parts = held.distribution(one, "1y").uncertainty().loc["few"]
    assert worth.mean() == pytest.approx(parts["clv"], rel=0.04)
    assert worth.std() == pytest.approx(parts["clv_sd_customer"], rel=0.04)
