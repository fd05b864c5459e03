"""The Gamma-Gamma kernel against 50-digit arithmetic, and what must hold whatever the numbers."""

from __future__ import annotations

import numpy as np
import pytest

from clvmodels.kernels.gamma_gamma import GammaGamma
from tests.oracle import gamma_gamma as oracle
from tests.oracle.cases import SPEND_EXTREME, gamma_gamma_cases
from tests.oracle.compare import relative_errors
from tests.oracle.mixing import mp

TOLERANCE = 1e-9
# What rounding may leave where terms cancel: in the log-likelihood, and in its derivative in the
# logarithm of a parameter.
CANCELLED = 1e-12

KERNEL = GammaGamma()
THETA = np.array([6.25, 3.74, 15.44])
SLOW = [pytest.param(case, marks=pytest.mark.slow) for case in gamma_gamma_cases(300, seed=2)]

every_case = pytest.mark.parametrize(
    "case", [*SPEND_EXTREME.values(), *gamma_gamma_cases(100, seed=1), *SLOW], ids=str
)


def orders(case) -> tuple[np.ndarray, np.ndarray]:
    return np.array([case.x]), np.array([case.m])


@every_case
def test_log_likelihood(case):
    exact = oracle.log_likelihood(case.theta, case.x, case.m)
    alone = KERNEL.log_likelihood(np.array(case.theta), *orders(case))
    total, _ = KERNEL.log_likelihood_gradient(
        np.array(case.theta), *orders(case), weight=np.ones(1)
    )
    for got in (*alone, total):
        assert abs(mp.mpf(float(got)) - exact) < TOLERANCE * abs(exact) + CANCELLED


@every_case
def test_gradient(case):
    _, gradient = KERNEL.log_likelihood_gradient(
        np.array(case.theta), *orders(case), weight=np.ones(1)
    )
    exact = oracle.gradient(case.theta, case.x, case.m)
    for got, slope, parameter in zip(gradient, exact, case.theta, strict=True):
        miss = abs(mp.mpf(float(got)) - slope) * parameter
        assert miss < TOLERANCE * abs(slope * parameter) + CANCELLED


@every_case
def test_mean_spend(case):
    x, m = orders(case)
    got = KERNEL.mean_spend(np.array(case.theta), np.append(x, 0), np.append(m, np.nan))
    exact = [
        oracle.mean_spend(case.theta, case.x, case.m),
        oracle.mean_spend(case.theta, 0, 0.0),
    ]
    assert relative_errors(got, exact).max() < TOLERANCE


@pytest.fixture
def customers() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(9)
    x = rng.geometric(0.4, size=200)
    m = rng.gamma(6.25 * x) / (x * rng.gamma(3.74, size=200) / 15.44)
    return x, m, rng.integers(1, 9, size=200).astype(float)


def test_total_is_the_weighted_sum(customers):
    x, m, weight = customers
    value, _ = KERNEL.log_likelihood_gradient(THETA, x, m, weight=weight)
    assert value == pytest.approx(weight @ KERNEL.log_likelihood(THETA, x, m), rel=1e-13)


def test_gradient_is_the_finite_difference(customers):
    x, m, weight = customers
    _, gradient = KERNEL.log_likelihood_gradient(THETA, x, m, weight=weight)
    for i, parameter in enumerate(THETA):
        step = np.eye(3)[i] * 1e-4 * parameter

        def rise(times: int, step=step) -> float:
            up, down = (
                KERNEL.log_likelihood_gradient(THETA + s, x, m, weight=weight)[0]
                for s in (times * step, -times * step)
            )
            return up - down

        expected = (8.0 * rise(1) - rise(2)) / (12.0 * step[i])
        assert gradient[i] == pytest.approx(expected, rel=1e-7)


def test_order_of_customers_does_not_matter(customers):
    x, m, weight = customers
    order = np.random.default_rng(1).permutation(200)
    value, gradient = KERNEL.log_likelihood_gradient(THETA, x, m, weight=weight)
    other, slope = KERNEL.log_likelihood_gradient(THETA, x[order], m[order], weight=weight[order])
    assert other == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(slope, gradient, rtol=1e-10)


@pytest.mark.parametrize("unit", [100.0, 1e6, 1e-6])
def test_currency_changes_no_prediction(customers, unit):
    x, m, _ = customers
    scaled = THETA * [1.0, 1.0, unit]
    np.testing.assert_allclose(
        KERNEL.mean_spend(scaled, x, m * unit), unit * KERNEL.mean_spend(THETA, x, m), rtol=1e-13
    )
    np.testing.assert_allclose(
        KERNEL.log_likelihood(scaled, x, m * unit) + np.log(unit),
        KERNEL.log_likelihood(THETA, x, m),
        rtol=1e-11,
    )


def test_mean_spend_lies_between_the_population_s_and_the_customer_s(customers):
    x, m, _ = customers
    population = KERNEL.mean_spend(THETA, np.array([0]), np.array([0.0]))[0]
    spend = KERNEL.mean_spend(THETA, x, m)
    assert (spend > np.minimum(m, population)).all()
    assert (spend < np.maximum(m, population)).all()


def test_more_orders_weigh_more():
    x = np.array([1, 2, 5, 50, 5000])
    spend = KERNEL.mean_spend(THETA, x, np.full(5, 100.0))
    assert (np.diff(spend) > 0.0).all()
    assert spend[-1] == pytest.approx(100.0, rel=0.01)


def test_population_without_a_mean():
    """With q ≤ 1 the mean is infinite before any order is seen, and finite after."""
    spend = KERNEL.mean_spend(np.array([6.25, 0.9, 15.44]), np.array([0, 1]), np.array([0.0, 30.0]))
    assert np.isnan(spend[0])
    assert spend[1] > 0.0


def test_coordinates_come_back_and_ignore_the_unit():
    z = KERNEL.to_coordinates(THETA, 35.0)
    np.testing.assert_allclose(KERNEL.from_coordinates(z, 35.0), THETA, rtol=1e-13)
    in_cents = KERNEL.to_coordinates(THETA * [1.0, 1.0, 100.0], 3500.0)
    np.testing.assert_allclose(in_cents, z, rtol=1e-12)


def test_jacobian_is_the_finite_difference():
    z, step = KERNEL.to_coordinates(THETA, 35.0), 1e-5
    jacobian = KERNEL.jacobian(z, 35.0)
    for j in range(3):
        up, down = (KERNEL.from_coordinates(z + s * np.eye(3)[j], 35.0) for s in (step, -step))
        np.testing.assert_allclose(jacobian[:, j], (up - down) / (2 * step), rtol=1e-8, atol=1e-9)
