"""The oracles against the stories they stand for, summed over both mixing distributions.

Nothing here uses a closed form of a mixture: an expectation over a customer's two traits is a
double trapezoidal sum in log λ and in logit p or log μ, which converges geometrically. All terms
are positive, so that double precision is enough to about 1e-12.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import betainc, expit, gammainc, gammaln, log_expit

from tests.oracle import gamma_gamma, spend_total
from tests.oracle.mixing import mp, regularized_beta
from tests.oracle.subjects import SUBJECTS

STEP = 0.15
NEGLIGIBLE = 45.0
TOLERANCE = 1e-10

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


class Story(ABC):
    """A model told for one customer: λ is ``rate`` (a column), the other trait a row."""

    def __init__(self, theta: tuple[float, ...]) -> None:
        self.theta = theta

    @abstractmethod
    def trait_after(self, x: int, age: float) -> tuple[np.ndarray, np.ndarray]:
        """Nodes and log-weights of the other trait of a customer who is active after (x, T)."""

    @abstractmethod
    def stayed(self, x: int, age: float, trait: np.ndarray) -> np.ndarray:
        """Log-probability of x purchases' chances to leave, and the age, being passed by."""

    @abstractmethod
    def log_left(
        self, rate: np.ndarray, trait: np.ndarray, x: int, t_x: float, age: float
    ) -> np.ndarray:
        """Log-probability of having left since t_x without a purchase, the times before given."""

    @abstractmethod
    def leaving_rate(self, rate: np.ndarray, trait: np.ndarray) -> np.ndarray:
        """Rate at which an active customer leaves."""

    @abstractmethod
    def count(self, rate: np.ndarray, trait: np.ndarray, count: int, span: float) -> np.ndarray:
        """P(``count`` purchases of an active customer in the span)."""

    def expectation(
        self,
        story: Callable[[np.ndarray, np.ndarray], np.ndarray],
        posterior: tuple[int, float] | None = None,
    ) -> float:
        """E[story(λ, trait)], the traits as at first or after (x, T) alive."""
        x, age = posterior or (0, 0.0)
        u, log_weight_u = nodes(log_gamma_density(self.theta[0] + x, self.theta[1] + age))
        y, log_weight_y = self.trait_after(x, age) if posterior else self.trait_at_first()
        given = story(np.exp(u)[:, None], y[None, :])
        return float(np.exp(log_weight_u) @ given @ np.exp(log_weight_y))

    def trait_at_first(self) -> tuple[np.ndarray, np.ndarray]:
        return self.trait_after(0, 0.0)


class BetaGeoStory(Story):
    """The trait is logit p."""

    first = 0

    def trait_after(self, x, age):
        return nodes(log_beta_density(self.theta[2], self.theta[3] + x + self.first))

    def trait_at_first(self):
        return nodes(log_beta_density(self.theta[2], self.theta[3]))

    def stayed(self, x, age, trait):
        return (x + self.first) * log_expit(-trait)

    def log_left(self, rate, trait, x, t_x, age):
        if x + self.first == 0:
            return np.full(np.broadcast_shapes(rate.shape, trait.shape), -np.inf)
        return -rate * t_x + log_expit(trait) + (x + self.first - 1) * log_expit(-trait)

    def leaving_rate(self, rate, trait):
        return rate * expit(trait)

    def count(self, rate, trait, count, span):
        p, q, mean = expit(trait), expit(-trait), rate * span
        poisson = np.exp(count * np.log(mean) - mean - gammaln(count + 1))
        if count == 0:
            return poisson * np.ones_like(p)
        return poisson * q**count + p * q ** (count - 1) * gammainc(count, mean)


class ModifiedBetaGeoStory(BetaGeoStory):
    """The coin is thrown after the first purchase too."""

    first = 1


class NBDStory(Story):
    """There is no other trait."""

    def trait_after(self, x, age):
        return np.zeros(1), np.zeros(1)

    def stayed(self, x, age, trait):
        return 0.0 * trait

    def log_left(self, rate, trait, x, t_x, age):
        return np.full(rate.shape, -np.inf)

    def leaving_rate(self, rate, trait):
        return 0.0 * rate

    def count(self, rate, trait, count, span):
        mean = rate * span
        return np.exp(count * np.log(mean) - mean - gammaln(count + 1))


class ParetoNBDStory(Story):
    """The trait is log μ."""

    def trait_after(self, x, age):
        return nodes(log_gamma_density(self.theta[2], self.theta[3] + age))

    def stayed(self, x, age, trait):
        return -np.exp(trait) * age

    def log_left(self, rate, trait, x, t_x, age):
        both = rate + np.exp(trait)
        with np.errstate(divide="ignore"):
            gone = np.log(-np.expm1(-both * (age - t_x)))
        return trait - np.log(both) - both * t_x + gone

    def leaving_rate(self, rate, trait):
        return np.exp(trait) + 0.0 * rate

    def count(self, rate, trait, count, span):
        leaving, mean = np.exp(trait), rate * span
        both = rate + leaving
        stayed = np.exp(count * np.log(mean) - both * span - gammaln(count + 1))
        return stayed + leaving / both * (rate / both) ** count * gammainc(count + 1, both * span)


STORIES = [
    ("bgnbd", BetaGeoStory((0.243, 4.414, 0.793, 2.426))),
    ("bgnbd", BetaGeoStory((0.4, 2.24, 0.31, 0.5))),
    ("bgnbd", BetaGeoStory((2.1, 0.5, 1.0, 3.0))),
    ("bgnbd", BetaGeoStory((7.1, 30.0, 12.3, 4.4))),
    ("mbgnbd", ModifiedBetaGeoStory((0.525, 6.183, 0.891, 1.614))),
    ("mbgnbd", ModifiedBetaGeoStory((2.1, 0.5, 1.0, 3.0))),
    ("nbd", NBDStory((0.385, 12.072))),
    ("pareto_nbd", ParetoNBDStory((0.553, 10.578, 0.606, 11.669))),
    ("pareto_nbd", ParetoNBDStory((2.1, 30.0, 1.0, 0.5))),
    ("pareto_nbd", ParetoNBDStory((0.4, 0.5, 3.3, 80.0))),
]


@pytest.fixture(params=STORIES, ids=lambda param: f"{param[0]}-{param[1].theta}")
def told(request):
    """A story and the oracle that should know it."""
    name, story = request.param
    return story, SUBJECTS[name].oracle


@pytest.fixture(params=CUSTOMERS, ids=str)
def customer(request: pytest.FixtureRequest) -> tuple[int, float, float]:
    return request.param


def test_every_oracle_is_told():
    assert {name for name, _ in STORIES} == set(SUBJECTS)


@pytest.mark.parametrize("customer", [(0, 0.0, 38.86), *CUSTOMERS[:3]], ids=str)
def test_likelihood_and_probability_alive(told, customer):
    """Both ways to the data, each times exp(shift) so that nothing under- or overflows."""
    story, oracle = told
    x, t_x, age = customer
    shift = x * math.log((story.theta[1] + age) / (story.theta[0] + x)) if x else 0.0
    alive = story.expectation(
        lambda rate, trait: np.exp(
            x * np.log(rate) - rate * age + story.stayed(x, age, trait) + shift
        )
    )
    gone = story.expectation(
        lambda rate, trait: np.exp(
            x * np.log(rate) + story.log_left(rate, trait, x, t_x, age) + shift
        )
    )
    exact = float(oracle.log_likelihood(story.theta, *customer))
    assert math.log(alive + gone) - shift == pytest.approx(exact, rel=TOLERANCE, abs=TOLERANCE)
    exact = float(oracle.probability_alive(story.theta, *customer))
    assert alive / (alive + gone) == pytest.approx(exact, rel=TOLERANCE)


@pytest.mark.parametrize(
    ("horizon", "discount"), [(1000.0, 0.0), (52.0, 0.0027), (math.inf, 0.0027)]
)
def test_expected_purchases(told, customer, horizon, discount):
    """While active, purchases come at the rate λ."""
    story, oracle = told
    x, _, age = customer

    def purchases(rate, trait):
        decay = discount + story.leaving_rate(rate, trait)
        if (decay == 0.0).all():
            return rate * horizon
        return rate * -np.expm1(-decay * horizon) / decay

    by_story = story.expectation(purchases, posterior=(x, age))
    exact = float(oracle.alive_purchases(story.theta, x, age, horizon, discount))
    assert by_story == pytest.approx(exact, rel=TOLERANCE)


@pytest.mark.parametrize("ahead", [0.0, 39.0, 1000.0])
def test_share_that_stays(told, customer, ahead):
    story, oracle = told
    x, _, age = customer
    by_story = story.expectation(
        lambda rate, trait: np.exp(-story.leaving_rate(rate, trait) * ahead), posterior=(x, age)
    )
    exact = oracle.alive_share(story.theta, x, age, ahead)
    assert by_story == pytest.approx(float(exact), rel=TOLERANCE)


@pytest.mark.parametrize("count", [0, 1, 17])
def test_number_of_purchases(told, customer, count):
    story, oracle = told
    x, _, age = customer
    by_story = story.expectation(
        lambda rate, trait: story.count(rate, trait, count, 39.0), posterior=(x, age)
    )
    exact = oracle.alive_pmf(story.theta, x, age, 39.0, count)
    assert by_story == pytest.approx(float(exact), rel=TOLERANCE)


def test_survival_is_what_the_pmf_leaves(told, customer):
    story, oracle = told
    x, _, age = customer
    rest = mp.one
    for count in range(3):
        survival = oracle.alive_survival(story.theta, x, age, 39.0, count)
        assert abs(survival - rest) < mp.mpf("1e-21")
        rest -= oracle.alive_pmf(story.theta, x, age, 39.0, count)


@pytest.mark.parametrize("name", ["bgnbd", "mbgnbd"])
def test_published_closed_form_is_the_integral_of_the_rate(name, customer):
    subject, (x, _, age) = SUBJECTS[name], customer
    closed = subject.oracle.alive_purchases(subject.published, x, age, 39.0)
    integrated = subject.oracle.integrated_rate(subject.published, x, age, 39.0)
    assert abs(integrated / closed - 1) < mp.mpf("1e-20")


@pytest.mark.parametrize(
    "customer", [*CUSTOMERS[1:], (500, 300.0, 365.0), (5000, 700.0, 730.0)], ids=str
)
def test_published_pareto_likelihood_is_the_integral(customer):
    """At 400 digits the difference of two hypergeometric functions keeps enough of them."""
    subject = SUBJECTS["pareto_nbd"]
    for theta in (subject.published, (0.6, 3.0, 1.0, 90.0)):
        published = subject.oracle.published_log_likelihood(theta, *customer)
        exact = subject.oracle.log_likelihood(theta, *customer)
        assert abs(published - exact) < mp.mpf("1e-21") * (1 + abs(exact))


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
