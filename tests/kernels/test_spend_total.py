"""The reference distribution of total spend: quantiles put back into a 50-digit cdf."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from clvmodels.errors import ParameterError
from clvmodels.kernels.beta_geo import BetaGeo
from clvmodels.kernels.spend_total import spend_cdf, spend_quantile
from tests.oracle import spend_total as oracle
from tests.oracle.cases import BETA_GEO
from tests.oracle.compare import relative_errors
from tests.oracle.mixing import mp

TOLERANCE = 1e-9
LEVELS = [0.05, 0.5, 0.95, 0.999]
KERNEL = BetaGeo()


@dataclass(frozen=True)
class Customer:
    """What the mixture of total spend needs to know of a customer."""

    alive: float
    pmf: np.ndarray
    p: float
    shape: float
    scale: float

    def arrays(self) -> tuple[np.ndarray, np.ndarray, float, np.ndarray, np.ndarray]:
        return (
            np.array([self.alive]),
            self.pmf[None, :],
            self.p,
            np.array([self.shape]),
            np.array([self.scale]),
        )

    def exact_cdf(self, s):
        return oracle.spend_cdf(s, self.alive, self.pmf, self.p, self.shape, self.scale)


def customer(spend, x, age, horizon, alive, m, k_max) -> Customer:
    p, q, gamma = spend
    counts = KERNEL.alive_pmf(np.array(BETA_GEO), np.array([x]), np.array([age]), horizon, k_max)[0]
    return Customer(alive, counts, p, q + p * x, gamma + x * m)


SPEND = (6.25, 3.74, 15.44)
CUSTOMERS = {
    "one order so far": customer(SPEND, 1, 38.0, 52.0, 0.6, 20.0, 40),
    "a regular": customer(SPEND, 26, 31.0, 39.0, 0.97, 71.0, 70),
    "hardly alive": customer(SPEND, 4, 38.0, 52.0, 0.02, 35.0, 40),
    "certainly alive, long ahead": customer(SPEND, 12, 30.0, 260.0, 1.0, 35.0, 400),
    "a regular in millions": customer((6.25, 3.74, 15.44e6), 7, 39.0, 39.0, 0.9, 35e6, 40),
    "steady orders": customer((90.0, 40.0, 15.0), 3, 39.0, 39.0, 0.8, 35.0, 50),
    "wild orders": customer((0.15, 1.2, 40.0), 1, 39.0, 39.0, 0.8, 35.0, 50),
}

every_customer = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if len(buyer.pmf) > 100 else ())
        for name, buyer in CUSTOMERS.items()
    ],
)


@every_customer
@pytest.mark.parametrize("share", [0.0, 1e-4, 0.3, 3.0, 100.0])
def test_cdf(name, share):
    buyer = CUSTOMERS[name]
    s = share * buyer.scale
    got = spend_cdf(np.array([s]), *buyer.arrays())
    assert relative_errors(got, [buyer.exact_cdf(s)])[0] < TOLERANCE
    # What is above, too, down to where 1 - cdf has no more digits.
    assert relative_errors(1.0 - got, [1 - buyer.exact_cdf(s)])[0] < TOLERANCE or got[0] > 1 - 1e-6


@every_customer
@pytest.mark.parametrize("level", LEVELS)
def test_quantile_put_back_into_the_exact_cdf(name, level):
    """The exact cdf passes the level within 1e-9 of the quantile, on both sides."""
    buyer = CUSTOMERS[name]
    (quantile,) = spend_quantile(level, *buyer.arrays())
    if level <= buyer.exact_cdf(0.0):
        assert quantile == 0.0
        return
    s = mp.mpf(float(quantile))
    assert buyer.exact_cdf(s * (1 - mp.mpf(TOLERANCE))) < level
    assert buyer.exact_cdf(s * (1 + mp.mpf(TOLERANCE))) > level


@pytest.mark.parametrize("above", [1e-12, 1e-6, 1e-3])
def test_level_just_above_no_spend(above):
    buyer = CUSTOMERS["a regular"]
    nothing = float(buyer.exact_cdf(0.0))
    assert spend_quantile(nothing * (1.0 - 1e-9), *buyer.arrays())[0] == 0.0
    (quantile,) = spend_quantile(nothing + above, *buyer.arrays())
    got = float(buyer.exact_cdf(float(quantile)))
    assert got - nothing == pytest.approx(above, rel=1e-3 if above < 1e-9 else 1e-8)


def test_customers_together_are_as_one_by_one():
    same_reach = [buyer for buyer in CUSTOMERS.values() if len(buyer.pmf) == 41 and buyer.p == 6.25]
    assert len(same_reach) > 2
    columns = [buyer.arrays() for buyer in same_reach]
    together = [
        np.concatenate(column) for column in zip(*columns, strict=True) if np.ndim(column[0])
    ]
    alive, pmf, shape, scale = together
    for level in LEVELS:
        got = spend_quantile(level, alive, pmf, 6.25, shape, scale)
        alone = [spend_quantile(level, *column)[0] for column in columns]
        np.testing.assert_allclose(got, alone, rtol=1e-12)
    each = np.array([0.5, 0.9, 0.7])[: len(same_reach)]
    got = spend_quantile(each, alive, pmf, 6.25, shape, scale)
    alone = [spend_quantile(q, *column)[0] for q, column in zip(each, columns, strict=True)]
    np.testing.assert_allclose(got, alone, rtol=1e-12)


def test_quantiles_rise_with_the_level_and_scale_with_money():
    buyer = CUSTOMERS["a regular"]
    alive, pmf, p, shape, scale = buyer.arrays()
    levels = np.linspace(0.05, 0.999, 40)
    quantiles = [spend_quantile(level, *buyer.arrays())[0] for level in levels]
    assert (np.diff(quantiles) > 0.0).all()
    in_cents = [spend_quantile(q, alive, pmf, p, shape, 100.0 * scale)[0] for q in levels]
    np.testing.assert_allclose(in_cents, 100.0 * np.array(quantiles), rtol=1e-12)


def test_mean_of_the_distribution_is_purchases_times_spend():
    """E[total] = ∫ (1 − F) equals the expected purchases times the expected spend of each."""
    buyer = CUSTOMERS["steady orders"]
    mean_order = buyer.p * buyer.scale / (buyer.shape - 1.0)
    expected = buyer.alive * (buyer.pmf @ np.arange(len(buyer.pmf))) * mean_order
    log_s = np.arange(np.log(1e-9), np.log(1e9), 0.002)
    arrays = buyer.arrays()
    repeated = [np.repeat(a, len(log_s), axis=0) if np.ndim(a) else a for a in arrays]
    left = 1.0 - spend_cdf(np.exp(log_s), *repeated)
    # What the pmf leaves out lies above every amount.
    left -= buyer.alive * (1.0 - buyer.pmf.sum())
    assert (left * np.exp(log_s)).sum() * 0.002 == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("level", [0.0, 1.0, -0.1, 1.5, np.nan])
def test_level_out_of_range(level):
    with pytest.raises(ParameterError, match="level"):
        spend_quantile(level, *CUSTOMERS["a regular"].arrays())


def test_level_in_what_the_pmf_left_out():
    buyer = CUSTOMERS["a regular"]
    short = Customer(buyer.alive, buyer.pmf[:10], buyer.p, buyer.shape, buyer.scale)
    with pytest.raises(ParameterError, match="k_max"):
        spend_quantile(0.99, *short.arrays())
