"""The predictive distribution: consistent with itself, with the oracle and with simulations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clvmodels as clv
from clvmodels.errors import NoSpendModelError, ParameterError, UndiscountedLifetimeError
from clvmodels.models import PURCHASE_MODELS
from clvmodels.units import Duration, discount_force
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


def simulated(horizon: str, customer: int, draws: int, rate: float):
    """Purchases, spend and discounted spend of one customer, drawn purchase by purchase."""
    rng = np.random.default_rng(customer)
    held = value()
    kernel, theta = held.purchases.kernel, held.purchases.fit_.parameters
    x, t_x, age, mean = CUSTOMERS.iloc[customer]
    alive = kernel.probability_alive(theta, np.array([int(x)]), np.array([t_x]), np.array([age]))[0]
    span, force = Duration.parse(horizon).in_unit("week"), discount_force(rate, "week")
    p, q, gamma = SPEND.values()
    n = int(x)
    counts, spent, discounted = [], [], []
    for _ in range(10):
        size = draws // 10
        span_ = min(span, 40.0 * 52.0)
        times = kernel.simulate_alive(theta, np.full(size, n), np.full(size, age), span_, rng)
        times[rng.random(size) >= alive] = np.inf
        made = np.isfinite(times)
        amount = np.zeros(times.shape)
        amount[made] = rng.standard_gamma(p, size=int(made.sum()))
        scale = (gamma + n * np.nan_to_num(mean)) / rng.standard_gamma(q + p * n, size=size)
        counts.append(made.sum(axis=1))
        spent.append(amount.sum(axis=1) * scale)
        with np.errstate(invalid="ignore"):
            discounted.append((amount * np.exp(-force * times)).sum(axis=1) * scale)
    return tuple(np.concatenate(parts) for parts in (counts, spent, discounted))


@pytest.mark.slow
@pytest.mark.parametrize("horizon", [*HORIZONS, "lifetime"])
@pytest.mark.parametrize("customer", [0, 1])
def test_against_a_million_simulations(horizon, customer):
    draws = 1_000_000 if horizon in ("1y", "3y") else 200_000
    counts, spent, discounted = simulated(horizon, customer, draws, 0.10)
    ahead = value().distribution(CUSTOMERS, horizon)
    levels = (0.5, 0.8, 0.9, 0.95, 0.99)

    def error(level: float, size: int) -> float:
        return 4.0 * np.sqrt(level * (1.0 - level) / size)

    for level in levels:
        if horizon != "lifetime":
            k = int(ahead.purchase_quantile(level).iloc[customer])
            cdf = ahead.purchase_cdf(k).iloc[customer]
            assert (counts <= k).mean() == pytest.approx(cdf, abs=error(cdf, draws) + 1e-9)
            amount = ahead.spend_quantile(level).iloc[customer]
            cdf = ahead.spend_cdf(amount).iloc[customer]
            allowed = error(cdf, draws) + 1e-4
            assert (spent <= amount).mean() == pytest.approx(cdf, abs=allowed)
        worth = ahead.clv_quantile(level).iloc[customer]
        # Within a year one discount factor per customer stands for all; beyond, 2,048 draws do.
        allowed = 0.004 if horizon == "1y" else error(level, 2048)
        if worth > 0.0:
            assert (discounted <= worth).mean() == pytest.approx(level, abs=allowed)
    sd = discounted.std() / np.sqrt(draws)
    expected = ahead.expected_clv().iloc[customer]
    assert discounted.mean() == pytest.approx(expected, abs=4.0 * sd + 0.01 * expected)


def test_draws_widen_what_is_known():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {"frequency": rng.poisson(2, 60), "T": 40.0, "monetary_value": 20.0 + rng.random(60)}
    )
    frame["recency"] = np.where(frame["frequency"] > 0, 30.0 * rng.random(60) + 1.0, 0.0)
    purchases = clv.BetaGeoModel().fit(frame, time_unit="week", method="map")
    ahead = clv.CustomerValue(with_draws(purchases), None).distribution(frame.head(5), "13w")
    parts = ahead.uncertainty()
    assert (parts["purchases_sd_parameters"] > 0.0).all()
    assert ahead.averaging.draws_used > 1
    pmf = ahead.purchase_pmf()
    np.testing.assert_allclose(ahead.purchase_cdf(1), pmf[0] + pmf[1], atol=1e-8)
    variance = pmf @ pmf.columns.to_numpy() ** 2 - (pmf @ pmf.columns) ** 2
    total = parts["purchases_sd_parameters"] ** 2 + parts["purchases_sd_customer"] ** 2
    np.testing.assert_allclose(total, variance, rtol=1e-5)
