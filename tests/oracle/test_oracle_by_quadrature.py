"""The oracle against the story it stands for, summed over both mixing distributions.

Nothing here uses a closed form of a mixture: an expectation over λ and p is a double trapezoidal
sum in log λ and logit p, which converges geometrically. All terms are positive, so that double
precision is enough to about 1e-12.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import betainc, expit, gammainc, gammaln, log_expit

from tests.oracle import beta_geo, gamma_gamma, spend_total
from tests.oracle.mixing import mp, regularized_beta

STEP = 0.15
NEGLIGIBLE = 45.0
TOLERANCE = 1e-10

THETAS = [
    (0.243, 4.414, 0.793, 2.426),
    (0.4, 2.24, 0.31, 0.5),
    (2.1, 0.5, 1.0, 3.0),
    (7.1, 30.0, 12.3, 4.4),
]
CUSTOMERS = [(0, 0.0, 0.0), (2, 30.43, 38.86), (26, 31.0, 31.0), (200, 90.0, 95.0)]

Density = Callable[[np.ndarray], np.ndarray]


def nodes(log_density: Density, step: float = STEP) -> tuple[np.ndarray, np.ndarray]:
    """Trapezoidal nodes on the real line where a density is not negligible, and its logarithm."""
    wide = np.linspace(-400.0, 400.0, 40_001)
    values = log_density(wide)
    kept = wide[values > values.max() - NEGLIGIBLE]
    step = min(step, (kept[-1] - kept[0]) / 250)
    u = np.arange(kept[0], kept[-1] + step, step)
    return u, log_density(u) + math.log(step)


def log_gamma_density(shape: float, rate: float) -> Density:
    constant = shape * math.log(rate) - math.lgamma(shape)
    return lambda u: constant + shape * u - rate * np.exp(np.minimum(u, 300.0))


def log_beta_density(a: float, b: float) -> Density:
    constant = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return lambda y: constant + a * log_expit(y) + b * log_expit(-y)


def expectation(
    theta: tuple[float, ...],
    story: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
    posterior: tuple[int, float] = (0, 0.0),
) -> float:
    """E[story(λ, p, 1 − p)], λ and p from their distributions after (x, T) alive."""
    r, alpha, a, b = theta
    x, age = posterior
    u, log_weight_u = nodes(log_gamma_density(r + x, alpha + age))
    y, log_weight_y = nodes(log_beta_density(a, b + x))
    rate, p, q = np.exp(u)[:, None], expit(y)[None, :], expit(-y)[None, :]
    return float(np.exp(log_weight_u) @ story(rate, p, q) @ np.exp(log_weight_y))


@pytest.fixture(params=THETAS, ids=str)
def theta(request: pytest.FixtureRequest) -> tuple[float, ...]:
    return request.param


@pytest.fixture(params=CUSTOMERS, ids=str)
def customer(request: pytest.FixtureRequest) -> tuple[int, float, float]:
    return request.param


def likelihood_parts(theta, x, t_x, age):
    """Both ways to the data, each times exp(shift) so that nothing under- or overflows."""
    shift = x * math.log((theta[1] + age) / (theta[0] + x)) if x else 0.0

    def stayed(rate, p, q):
        return np.exp(x * np.log(rate) - rate * age + x * np.log(q) + shift)

    def left(rate, p, q):
        return np.exp(x * np.log(rate) - rate * t_x + np.log(p) + (x - 1) * np.log(q) + shift)

    alive = expectation(theta, stayed)
    gone = expectation(theta, left) if x else 0.0
    return alive, gone, shift


@pytest.mark.parametrize("customer", CUSTOMERS[:3], ids=str)
def test_likelihood_and_probability_alive(theta, customer):
    alive, gone, shift = likelihood_parts(theta, *customer)
    exact = float(beta_geo.log_likelihood(theta, *customer))
    assert math.log(alive + gone) - shift == pytest.approx(exact, rel=TOLERANCE)
    exact = float(beta_geo.probability_alive(theta, *customer))
    assert alive / (alive + gone) == pytest.approx(exact, rel=TOLERANCE)


@pytest.mark.parametrize(
    ("horizon", "discount"), [(1000.0, 0.0), (52.0, 0.0027), (math.inf, 0.0027)]
)
def test_expected_purchases(theta, customer, horizon, discount):
    """While alive purchases come at the rate λ, and the customer leaves at the rate λ p."""

    def purchases(rate, p, q):
        decay = discount + rate * p
        return rate * -np.expm1(-decay * horizon) / decay

    x, _, age = customer
    by_story = expectation(theta, purchases, posterior=(x, age))
    exact = float(beta_geo.alive_purchases(theta, x, age, horizon, discount))
    assert by_story == pytest.approx(exact, rel=TOLERANCE)


@pytest.mark.parametrize("count", [0, 1, 2, 17])
def test_number_of_purchases(theta, customer, count):
    x, _, age = customer
    horizon = 39.0

    def probability(rate, p, q):
        mean = rate * horizon
        poisson = np.exp(count * np.log(mean) - mean - gammaln(count + 1))
        if count == 0:
            return poisson * np.ones_like(p)
        return poisson * q**count + p * q ** (count - 1) * gammainc(count, mean)

    by_story = expectation(theta, probability, posterior=(x, age))
    exact = beta_geo.alive_pmf(theta, x, age, horizon, count)
    assert by_story == pytest.approx(float(exact), rel=TOLERANCE)


def test_survival_is_what_the_pmf_leaves(theta, customer):
    x, _, age = customer
    rest = mp.one
    for count in range(12):
        survival = beta_geo.alive_survival(theta, x, age, 39.0, count)
        assert abs(survival - rest) < mp.mpf("1e-45")
        rest -= beta_geo.alive_pmf(theta, x, age, 39.0, count)


def test_published_closed_form_is_the_integral_of_the_rate(theta, customer):
    x, _, age = customer
    closed = beta_geo.alive_purchases_closed_form(theta, x, age, 39.0)
    assert abs(beta_geo.alive_purchases(theta, x, age, 39.0) / closed - 1) < mp.mpf("1e-20")


@pytest.mark.parametrize("spend", [(6.25, 3.74, 15.44), (0.6, 1.5, 40.0)], ids=str)
@pytest.mark.parametrize(("x", "m"), [(1, 3.0), (2, 40.0), (90, 25.0)])
def test_spend_likelihood_and_mean(spend, x, m):
    """Given ν the mean of x orders is Gamma(p x, rate ν x)."""
    p, q, gamma = spend
    u, log_weight = nodes(log_gamma_density(q, gamma), step=0.02)
    shape, rate = p * x, np.exp(u) * x
    log_given = shape * np.log(rate) + (shape - 1) * math.log(m) - rate * m - gammaln(shape)
    shift = log_given.max()
    likelihood = np.exp(log_weight + log_given - shift)
    exact = float(gamma_gamma.log_likelihood(spend, x, m))
    assert math.log(likelihood.sum()) + shift == pytest.approx(exact, rel=TOLERANCE)
    mean = (likelihood * p / np.exp(u)).sum() / likelihood.sum()
    assert mean == pytest.approx(float(gamma_gamma.mean_spend(spend, x, m)), rel=TOLERANCE)


@pytest.mark.parametrize("s", [0.0, 1.0, 60.0, 2000.0])
def test_total_spend(s):
    p, shape, scale, p_alive = 6.25, 3.74 + 2 * 6.25, 95.44, 0.7
    pmf = [0.5, 0.25, 0.125, 0.0625, 0.0625]
    u, log_weight = nodes(log_gamma_density(shape, scale))
    given = sum(w * gammainc(p * k, np.exp(u) * s) for k, w in enumerate(pmf[1:], start=1))
    by_story = 1 - p_alive + p_alive * (pmf[0] + np.exp(log_weight) @ given)
    exact = float(spend_total.spend_cdf(s, p_alive, pmf, p, shape, scale))
    assert by_story == pytest.approx(exact, rel=TOLERANCE)


def test_beta_distribution_function():
    """The series against mpmath where that is good, and scipy elsewhere."""
    for arguments in [(0.5, 3.0, 0.2), (0.5, 3.0, 0.9), (4.5, 7.0, 0.8)]:
        a, b, z = map(mp.mpf, arguments)
        by_library = mp.betainc(a, b, 0, z, regularized=True)
        assert abs(regularized_beta(a, b, z) / by_library - 1) < mp.mpf("1e-40")
    for a, b, z in [(2000.0, 5000.0, 0.28), (2000.0, 5000.0, 0.3), (300.0, 20.0, 0.9)]:
        exact = float(regularized_beta(*map(mp.mpf, (a, b, z))))
        assert betainc(a, b, z) == pytest.approx(exact, rel=1e-10)
