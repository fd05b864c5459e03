"""Every closed form of the predictive distribution against futures drawn purchase by purchase."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
import pytest

import clvmodels as clv
from clvmodels.errors import UndiscountedLifetimeError, UnitMismatchError
from clvmodels.models import PURCHASE_MODELS
from clvmodels.units import discount_force
from tests.oracle import spend_total as spend_oracle
from tests.oracle.subjects import SUBJECTS

SPEND = (6.25, 3.74, 15.44)
CUSTOMERS = pd.DataFrame(
    {
        "frequency": [2, 0, 12],
        "recency": [30.43, 0.0, 36.0],
        "T": [38.86, 38.86, 38.86],
        "monetary_value": [22.35, np.nan, 50.0],
    },
    index=["few", "once", "many"],
)
RATE = 0.10
FORCE = discount_force(RATE, "week")
WEEKS_PER_YEAR = 365.25 / 7.0

every_model = pytest.mark.parametrize("name", PURCHASE_MODELS)
quick_and_thorough = pytest.mark.parametrize(
    "draws", [20_000, pytest.param(1_000_000, marks=pytest.mark.slow)]
)


def value(name: str) -> clv.CustomerValue:
    kind = PURCHASE_MODELS[name]
    theta = dict(zip(kind.kernel.parameters, SUBJECTS[name].published, strict=True))
    spend = dict(zip(("p", "q", "gamma"), SPEND, strict=True))
    return clv.CustomerValue(
        kind.from_params(theta, time_unit="week"),
        clv.GammaGammaModel.from_params(spend, time_unit="week"),
        annual_discount_rate=RATE,
    )


@dataclass(frozen=True)
class Futures:
    """Futures of one customer: which one each purchase belongs to, when, and for how much."""

    draws: int
    owner: np.ndarray
    time: np.ndarray
    amount: np.ndarray

    def sums(self, within: float, weight: np.ndarray) -> np.ndarray:
        some = self.time <= within
        return np.bincount(self.owner[some], weight[some], self.draws)

    def counts(self, within: float) -> np.ndarray:
        return self.sums(within, np.ones(len(self.time)))

    def first(self) -> np.ndarray:
        first = np.full(self.draws, np.inf)
        np.minimum.at(first, self.owner, self.time)
        return first


@cache
def futures(name: str, customer: str, horizon: str, draws: int) -> Futures:
    """From the model's own simulator, and a rate of spending for each future."""
    one = CUSTOMERS.loc[[customer]]
    x, mean = int(one["frequency"].iloc[0]), float(np.nan_to_num(one["monetary_value"].iloc[0]))
    rng = np.random.default_rng(len(customer))
    p, q, gamma = SPEND
    owners, times, amounts = [], [], []
    size = min(draws, 100_000)
    for start in range(0, draws, size):
        many = one.loc[[customer] * size].reset_index(drop=True)
        log = value(name).purchases.simulate_future(many, horizon, seed=start)
        owner = log["customer_id"].to_numpy()
        rate = rng.standard_gamma(q + p * x, size=size) / (gamma + x * mean)
        owners.append(owner + start)
        times.append(log["time"].to_numpy())
        amounts.append(rng.standard_gamma(p, size=len(log)) / rate[owner])
    return Futures(draws, *(np.concatenate(parts) for parts in (owners, times, amounts)))


def close(found: np.ndarray, expected: float) -> None:
    """The mean of what was drawn, within five standard errors."""
    error = 5.0 * found.std() / np.sqrt(len(found)) + 5.0 / len(found)
    assert found.mean() == pytest.approx(expected, abs=error)


def near(found: np.ndarray, probability: float, more: float = 0.0) -> None:
    """A share of what was drawn, within five standard errors and ``more``."""
    error = 5.0 * np.sqrt(probability * (1.0 - probability) / len(found))
    assert found.mean() == pytest.approx(probability, abs=error + more + 1e-9)


@quick_and_thorough
@every_model
@pytest.mark.parametrize("customer", ["few", "once"])
def test_purchases(name, customer, draws):
    held, made = value(name), futures(name, customer, "2y", draws)
    ahead = held.distribution(CUSTOMERS, "1y")
    counts = made.counts(WEEKS_PER_YEAR)
    pmf = ahead.purchase_pmf().loc[customer]
    for k in range(5):
        near(counts == k, pmf[k])
    close(counts, float(pmf @ pmf.index))
    close(counts, ahead.expected_purchases()[customer])
    near(counts == 0, ahead.probability_no_purchase()[customer])
    discounted = made.sums(WEEKS_PER_YEAR, np.exp(-FORCE * made.time))
    close(discounted, held.purchases.expected_purchases(CUSTOMERS, "1y", RATE)[customer])
    close(
        made.counts(2.0 * WEEKS_PER_YEAR),
        held.purchases.expected_purchases(CUSTOMERS, "2y")[customer],
    )
    spread = ahead.uncertainty().loc[customer, "purchases_sd_customer"]
    assert counts.std() == pytest.approx(spread, rel=30.0 / np.sqrt(draws))


@quick_and_thorough
@every_model
@pytest.mark.parametrize("customer", ["few", "once"])
def test_time_to_the_next_purchase(name, customer, draws):
    ahead = value(name).distribution(CUSTOMERS, "1y")
    first = futures(name, customer, "2y", draws).first()
    for weeks in (2, 13, 52):
        near(first <= weeks, ahead.probability_purchase_within(f"{weeks}w")[customer])
    for level in (0.03, 0.15, 0.4):
        time = ahead.time_to_next_purchase(level)[customer]
        if time < 2.0 * WEEKS_PER_YEAR:
            near(first <= time, level)
        else:
            assert (first < np.inf).mean() < level + 0.02


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bgnbd", "mbgnbd", "pareto_nbd"])
@pytest.mark.parametrize("customer", ["few", "once"])
@pytest.mark.parametrize("horizon", ["1y", "3y", "10y", "lifetime"])
def test_quantiles(name, customer, horizon):
    """At ten years by 10^6 futures, beyond by 200,000 of forty years."""
    forever = horizon == "lifetime"
    made = futures(name, customer, *(("40y", 200_000) if forever else ("10y", 1_000_000)))
    within = (40.0 if forever else float(horizon[:-1])) * WEEKS_PER_YEAR
    ahead = value(name).distribution(CUSTOMERS, horizon)
    spent = made.sums(within, made.amount)
    worth = made.sums(within, made.amount * np.exp(-FORCE * made.time))
    for level in (0.5, 0.8, 0.9, 0.95, 0.99):
        if not forever:
            k = int(ahead.purchase_quantile(level)[customer])
            near(made.counts(within) <= k, ahead.purchase_cdf(k)[customer])
            amount = ahead.spend_quantile(level)[customer]
            near(spent <= amount, ahead.spend_cdf(amount)[customer], 1e-4)
            assert ahead.spend_cdf(amount)[customer] >= level - 1e-7
        amount = ahead.clv_quantile(level)[customer]
        # Within a year one discount factor per customer stands for all; beyond, 2,048 draws do.
        allowed = 0.004 if horizon == "1y" else 4.0 * np.sqrt(level * (1.0 - level) / 2048)
        if amount > 0.0:
            near(worth <= amount, level, allowed)
        else:
            assert (worth <= 0.0).mean() > level - allowed
    expected = ahead.expected_clv()[customer]
    error = 5.0 * worth.std() / np.sqrt(made.draws)
    # Forty years leave out a share of a lifetime.
    assert worth.mean() == pytest.approx(expected, abs=error + (0.01 * expected if forever else 0))


@pytest.mark.parametrize(
    "name", ["bgnbd", "mbgnbd", "nbd", pytest.param("pareto_nbd", marks=pytest.mark.slow)]
)
def test_spend_against_the_oracle(name):
    """The cdf and the quantiles of undiscounted spend, by their 50-digit reference."""
    oracle, theta = SUBJECTS[name].oracle, list(SUBJECTS[name].published)
    ahead = value(name).distribution(CUSTOMERS, "13w")
    p, q, gamma = SPEND
    levels = (0.6, 0.9, 0.99)
    amounts = {level: ahead.spend_quantile(level) for level in levels}
    for customer, (x, t_x, age, mean) in CUSTOMERS.loc[["few", "once"]].iterrows():
        n = int(x)
        alive = float(oracle.probability_alive(theta, n, t_x, age))
        pmf = [float(oracle.alive_pmf(theta, n, age, 13.0, k)) for k in range(16)]
        rest = (p, q + p * n, gamma + n * float(np.nan_to_num(mean)))
        for level in levels:
            amount = float(amounts[level][customer])
            exact = float(spend_oracle.spend_cdf(amount, alive, pmf, *rest))
            assert ahead.spend_cdf(amount)[customer] == pytest.approx(exact, abs=2e-4)
            if amount > 0.0:
                assert exact == pytest.approx(level, abs=2e-4)
            else:
                assert exact >= level


def test_a_future_is_a_log_of_the_customers_asked_for():
    model = value("bgnbd").purchases
    log = model.simulate_future(CUSTOMERS, "5y", seed=3)
    assert list(log.columns) == ["customer_id", "time"]
    assert set(log["customer_id"]) <= set(CUSTOMERS.index)
    assert log["time"].between(0.0, 5.0 * WEEKS_PER_YEAR, inclusive="right").all()
    assert log.groupby("customer_id", sort=False)["time"].is_monotonic_increasing.all()
    pd.testing.assert_frame_equal(log, model.simulate_future(CUSTOMERS, "5y", seed=3))
    assert len(model.simulate_future(CUSTOMERS.head(0), "1y")) == 0
    with pytest.raises(UndiscountedLifetimeError):
        model.simulate_future(CUSTOMERS, "lifetime")
    days = clv.load_cdnow().summarize(time_unit="day")
    with pytest.raises(UnitMismatchError):
        model.simulate_future(days, "1y")
