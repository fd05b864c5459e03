"""The page of the mathematics says what the package computes.

Its Python is run as printed, in 30 digits, and the kernels are held against it on parameters that
no page and no other test mentions.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from mpmath import mp, mpf
from scipy.special import ndtri, stdtrit

from clvmodels.inference import laplace
from clvmodels.kernels.beta_geo import BetaGeo
from clvmodels.kernels.gamma_gamma import GammaGamma
from clvmodels.kernels.modified_beta_geo import ModifiedBetaGeo
from clvmodels.kernels.nbd import NBD
from clvmodels.kernels.pareto_nbd import ParetoNBD
from clvmodels.kernels.spend_total import spend_cdf
from clvmodels.models import BetaGeoModel, GammaGammaModel
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import Duration
from clvmodels.value import CommonShock, CustomerValue, Total
from clvmodels.value.averaging import MOST_DRAWS, TOLERANCE

PAGE = (Path(__file__).parents[1] / "docs" / "mathematics.md").read_text("utf-8")
FORMULAS: dict = {}
for block in re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
    exec(block, FORMULAS)

# x, t_x, T: nobody came back, came back long ago, often, at the last moment.
CUSTOMERS = [(0, 0.0, 31.0), (1, 4.5, 38.0), (7, 22.0, 30.0), (26, 38.25, 39.0), (3, 20.0, 20.0)]
LEAVING = {"first": 0}, {"first": 1}
BG = (0.43, 7.1, 0.62, 1.9)
BELOW_ONE = (0.43, 7.1, 0.31, 0.44)  # a + b < 1, where the published form has a hole
PARETO = (0.81, 9.3, 0.47, 14.2)
SPEND = (4.1, 2.7, 18.5)
HORIZON, DELTA = 26.0, 0.0031


@pytest.fixture(autouse=True)
def thirty_digits():
    with mp.workdps(30):
        yield


def said(formula, *arguments, **options):
    """What the page's formula gives, as a float."""
    exact = [mpf(float(a)) if isinstance(a, float) else a for a in arguments]
    return float(FORMULAS[formula](*exact, **options))


def arrays(x, t_x, T):
    return np.array([x]), np.array([t_x]), np.array([T])


def close(ours, theirs):
    np.testing.assert_allclose(np.squeeze(ours), theirs, rtol=2e-9)


@pytest.mark.parametrize("customer", CUSTOMERS)
def test_likelihoods_and_probabilities_to_be_alive(customer):
    columns = arrays(*customer)
    x, _, T = customer
    nbd = NBD().log_likelihood(np.array(BG[:2]), *columns)
    close(np.exp(nbd), said("nbd_likelihood", x, T, *BG[:2]))
    for kernel, first in zip((BetaGeo(), ModifiedBetaGeo()), LEAVING, strict=True):
        theta = np.array(BG)
        likelihood = np.exp(kernel.log_likelihood(theta, *columns))
        close(likelihood, said("bg_likelihood", *customer, *BG, **first))
        alive = kernel.probability_alive(theta, *columns)
        close(alive, said("bg_alive", *customer, *BG, **first))
    pareto, theta = ParetoNBD(), np.array(PARETO)
    close(
        np.exp(pareto.log_likelihood(theta, *columns)),
        said("pareto_likelihood", *customer, *PARETO),
    )
    close(
        pareto.probability_alive(theta, *columns),
        1 / (1 + said("pareto_odds", *customer, *PARETO)),
    )


@pytest.mark.parametrize(("x", "T"), [(0, 0.0), (0, 31.0), (7, 30.0), (26, 39.0)])
def test_expected_purchases(x, T):
    def rate(formula, theta, **first):
        exact = [mpf(value) for value in theta]
        return lambda u: FORMULAS[formula](u, x, mpf(T), *exact, **first)

    whole, age = np.array([x]), np.array([T])
    for kernel, first in zip((BetaGeo(), ModifiedBetaGeo()), LEAVING, strict=True):
        for theta in (BG, BELOW_ONE):
            for delta in (0.0, DELTA):
                ours = kernel.alive_purchases(np.array(theta), whole, age, HORIZON, delta)
                close(ours, said("discounted", rate("bg_rate", theta, **first), HORIZON, delta))
        ours = kernel.alive_purchases(np.array(BG), whole, age, HORIZON)
        close(ours, said("bg_published", HORIZON, x, T, *BG, **first))
    for delta in (0.0, DELTA):
        ours = ParetoNBD().alive_purchases(np.array(PARETO), whole, age, HORIZON, delta)
        close(ours, said("discounted", rate("pareto_rate", PARETO), HORIZON, delta))


@pytest.mark.parametrize(("x", "T"), [(0, 0.0), (2, 31.0), (26, 39.0)])
def test_numbers_of_purchases(x, T):
    whole, age = np.array([x]), np.array([T])
    for kernel, first in zip((BetaGeo(), ModifiedBetaGeo()), LEAVING, strict=True):
        tails = kernel.alive_survival(np.array(BG), whole, age, HORIZON, 6)[0]
        close(tails, [said("bg_tail", n, HORIZON, x, T, *BG, **first) for n in range(1, 7)])
    tails = ParetoNBD().alive_survival(np.array(PARETO), whole, age, HORIZON, 4)[0]
    close(tails, [said("pareto_tail", n, HORIZON, x, T, *PARETO) for n in range(1, 5)])


@pytest.mark.parametrize(("x", "m"), [(1, 12.5), (4, 31.0), (60, 8.25)])
def test_spend_of_a_purchase_and_of_a_horizon(x, m):
    kernel, theta = GammaGamma(), np.array(SPEND)
    orders, mean = np.array([x]), np.array([m])
    close(np.exp(kernel.log_likelihood(theta, orders, mean)), said("spend_density", m, x, *SPEND))
    close(kernel.mean_spend(theta, orders, mean), said("expected_spend", x, m, *SPEND))
    p, q, gamma = SPEND
    pmf = BetaGeo().alive_pmf(np.array(BG), orders, np.array([40.0]), HORIZON, 5)
    alive = 0.7
    pi = [1 - alive + alive * pmf[0, 0], *(alive * pmf[0, 1:])]
    for amount in (0.5 * m, 6 * m):
        ours = spend_cdf(
            np.array([amount]), np.array([alive]), pmf, p, q + p * orders, gamma + orders * mean
        )
        close(ours, said("spend_cdf", amount, pi, x, m, *SPEND))


def test_value():
    purchases = BetaGeoModel.from_params(
        dict(zip(("r", "alpha", "a", "b"), BG, strict=True)), time_unit="week"
    )
    spend = GammaGammaModel.from_params(
        dict(zip(("p", "q", "gamma"), SPEND, strict=True)), time_unit="week"
    )
    x, t_x, T, m = 4, 25.0, 38.0, 31.0
    customer = CustomerColumns(*arrays(x, t_x, T), np.array([m]), "week")
    value = CustomerValue(
        purchases,
        spend,
        margin=0.4,
        annual_discount_rate=0.12,
        cost_per_order=3.0,
        cost_per_customer_year=5.0,
    )
    score = value.scorer("2y", 0.9).score(customer)
    weeks, force = Duration.parse("2y").in_unit("week"), np.log(1.12)
    exact = [mpf(value) for value in BG]
    ahead = FORMULAS["discounted"](
        lambda u: FORMULAS["bg_rate"](u, x, mpf(T), *exact), weeks, force * 7 / 365.25
    )
    each = said("expected_spend", x, m, *SPEND)
    for name, alive in (
        ("clv", said("bg_alive", x, t_x, T, *BG)),
        ("potential_value", 1.0),
    ):
        theirs = FORMULAS["clv"](alive, ahead, each, 0.4, force, 2, per_order=3, per_year=5)
        close(score[name], float(theirs))


@pytest.mark.parametrize("errors", [[], [0.12, -0.31, 0.05]])
def test_interval_of_a_total(errors):
    shock = CommonShock.of_errors(errors)
    close(shock.sd, said("shock_sd", errors))
    total = Total.of(1000.0, 30.0, 40.0, 0.9, shock)
    t = float(stdtrit(4 + len(errors), 0.95))
    half = said("log_half_width", 0.05, float(ndtri(0.95)), t, shock.sd)
    close((total.lower, total.upper), (1000.0 * np.exp(-half), 1000.0 * np.exp(half)))


def test_the_priors_are_those_of_the_kernels():
    rows = re.findall(
        r"^\| ([^|]*NBD|Gamma-Gamma)[^|]* \| \$.*?\$ \| (.*?) \| (.*?) \|$", PAGE, re.M
    )
    table = [(model, float(mean), float(sd)) for model, mean, sd in rows]
    kernels = {
        "BG/NBD": BetaGeo,
        "MBG/NBD": ModifiedBetaGeo,
        "NBD": NBD,
        "Pareto/NBD": ParetoNBD,
        "Gamma-Gamma": GammaGamma,
    }
    for name, kernel in kernels.items():
        theirs = [row[1:] for row in table if name in re.split(", ", row[0])]
        assert theirs == list(zip(kernel.prior_mean, kernel.prior_sd, strict=True)), name


def test_the_numbers_of_the_sampler_are_those_of_the_code():
    steps = PAGE.split("## The posterior without a Markov chain")[1]
    for number in (
        f"{laplace.DRAWS:,} draws",
        f"with {laplace._DEGREES_OF_FREEDOM:.0f} degrees of freedom",
        f"to {laplace.LARGEST_PARETO_K}",
        f"Above {laplace._GOOD_PARETO_K}",
        f"up to {MOST_DRAWS} points",
        f"less than {TOLERANCE}".replace("0.", "."),
    ):
        assert number in re.sub(r"\s+", " ", steps), number
    assert laplace._ROUNDS == 3  # "up to two further rounds"
