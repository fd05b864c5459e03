"""What must hold of every purchase kernel: sums, orders, units, finite differences."""

from __future__ import annotations

import numpy as np
import pytest

from clvmodels.kernels.base import PurchaseKernel
from tests.oracle.subjects import SUBJECTS, Subject, each_case

# The parameters that are times.
SCALES = {"alpha", "beta"}


@pytest.fixture(params=SUBJECTS.values(), ids=list(SUBJECTS))
def subject(request: pytest.FixtureRequest) -> Subject:
    return request.param


@pytest.fixture
def kernel(subject) -> PurchaseKernel:
    return subject.kernel


@pytest.fixture
def theta(subject) -> np.ndarray:
    return np.array(subject.published)


@pytest.fixture
def customers() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Some 300 plausible customers, new ones, idle ones and regulars among them."""
    rng = np.random.default_rng(5)
    age = rng.uniform(1.0, 60.0, size=300)
    x = rng.geometric(0.3, size=300) - 1
    t_x = np.where(x > 0, age * rng.uniform(0.05, 1.0, size=300), 0.0)
    x[:2], t_x[:2], age[:2] = (0, 12), (0.0, 40.0), (0.0, 40.0)
    return x, t_x, age


@pytest.fixture
def weight() -> np.ndarray:
    return np.random.default_rng(6).integers(1, 50, size=300).astype(float)


def in_unit(kernel: PurchaseKernel, theta: np.ndarray, unit: float) -> np.ndarray:
    return theta * [unit if name in SCALES else 1.0 for name in kernel.parameters]


def total(kernel: PurchaseKernel, theta: np.ndarray, customers, weight) -> float:
    return kernel.log_likelihood_gradient(theta, *customers, weight=weight)[0]


def test_total_is_the_weighted_sum(kernel, theta, customers, weight):
    each = kernel.log_likelihood(theta, *customers)
    assert total(kernel, theta, customers, weight) == pytest.approx(weight @ each, rel=1e-13)


def test_weights_stand_for_repeated_customers(kernel, theta, customers):
    x, t_x, age = customers
    times = np.arange(300) % 4
    repeated = [np.repeat(column, times) for column in (x, t_x, age)]
    value, gradient = kernel.log_likelihood_gradient(
        theta, *repeated, weight=np.ones(len(repeated[0]))
    )
    expected, slope = kernel.log_likelihood_gradient(theta, *customers, weight=times.astype(float))
    assert value == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(gradient, slope, rtol=1e-11)


def test_gradient_is_the_finite_difference(kernel, theta, customers, weight):
    _, gradient = kernel.log_likelihood_gradient(theta, *customers, weight=weight)
    for i, parameter in enumerate(theta):
        step = np.zeros(len(theta))
        step[i] = 1e-4 * parameter
        near = total(kernel, theta + step, customers, weight) - total(
            kernel, theta - step, customers, weight
        )
        far = total(kernel, theta + 2 * step, customers, weight) - total(
            kernel, theta - 2 * step, customers, weight
        )
        assert gradient[i] == pytest.approx((8 * near - far) / (12 * step[i]), rel=1e-7)


def test_many_customers_are_as_one_by_one(kernel, theta, customers):
    """More than the kernel takes in one pass, in any order, give the same numbers."""
    x, t_x, age = (np.tile(column, 70) for column in customers)
    order = np.random.default_rng(7).permutation(len(x))
    weight = np.random.default_rng(8).uniform(0.5, 2.0, size=len(x))
    value, gradient = kernel.log_likelihood_gradient(theta, x, t_x, age, weight=weight)
    shuffled, slope = kernel.log_likelihood_gradient(
        theta, x[order], t_x[order], age[order], weight=weight[order]
    )
    assert shuffled == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(slope, gradient, rtol=1e-9)
    assert value == pytest.approx(weight @ kernel.log_likelihood(theta, x, t_x, age), rel=1e-12)

    some = order[:40]
    alone = [kernel.alive_purchases(theta, x[[i]], age[[i]], 39.0, 0.002)[0] for i in some]
    together = kernel.alive_purchases(theta, x[some], age[some], 39.0, 0.002)
    np.testing.assert_allclose(together, alone, rtol=1e-12)


@pytest.mark.parametrize("unit", [7.0, 1e-6, 1e6])
def test_unit_of_time_changes_no_prediction(kernel, theta, customers, unit):
    x, t_x, age = customers
    scaled = in_unit(kernel, theta, unit)
    np.testing.assert_allclose(
        kernel.probability_alive(scaled, x, t_x * unit, age * unit),
        kernel.probability_alive(theta, x, t_x, age),
        rtol=1e-10,
    )
    np.testing.assert_allclose(
        kernel.alive_purchases(scaled, x, age * unit, 39.0 * unit, 0.01 / unit),
        kernel.alive_purchases(theta, x, age, 39.0, 0.01),
        rtol=1e-10,
    )
    np.testing.assert_allclose(
        kernel.alive_pmf(scaled, x, age * unit, 39.0 * unit, 30),
        kernel.alive_pmf(theta, x, age, 39.0, 30),
        rtol=1e-9,
    )
    # The x repeat purchases are densities in time: only the constant of the unit is added.
    np.testing.assert_allclose(
        kernel.log_likelihood(scaled, x, t_x * unit, age * unit) + x * np.log(unit),
        kernel.log_likelihood(theta, x, t_x, age),
        rtol=1e-9,
        atol=1e-9,
    )


def test_pmf_sums_to_one_and_its_mean_is_the_expectation(kernel, theta, customers):
    x, _, age = customers
    pmf = kernel.alive_pmf(theta, x, age, 39.0, 600)
    assert (pmf >= 0.0).all()
    np.testing.assert_allclose(pmf.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(
        pmf @ np.arange(601), kernel.alive_purchases(theta, x, age, 39.0), rtol=1e-9
    )


def test_survival_is_the_tail_of_the_pmf(kernel, theta, customers):
    x, _, age = customers
    pmf = kernel.alive_pmf(theta, x, age, 39.0, 600)
    survival = kernel.alive_survival(theta, x, age, 39.0, 60)
    tails = np.cumsum(pmf[:, ::-1], axis=1)[:, ::-1]
    np.testing.assert_allclose(survival, tails[:, 1:61], rtol=1e-9, atol=1e-300)
    assert (np.diff(survival, axis=1) <= 0.0).all()


@pytest.mark.parametrize("discount", [0.0, 0.02])
def test_each_customer_may_have_an_own_horizon(kernel, theta, customers, discount):
    x, _, age = (values[:20] for values in customers)
    horizon = np.geomspace(0.1, 1e3, 20)
    one_by_one = [
        kernel.alive_purchases(theta, x[i : i + 1], age[i : i + 1], horizon[i], discount)[0]
        for i in range(20)
    ]
    np.testing.assert_allclose(
        kernel.alive_purchases(theta, x, age, horizon, discount), one_by_one, rtol=1e-12
    )


@each_case(quick=6, slow=40, seed=6)
def test_more_time_brings_more_and_more_discount_less(subject, case):
    kernel = subject.kernel
    theta, x, age = np.array(case.theta), np.array([case.x]), np.array([case.age])
    horizons = np.geomspace(1e-3, 1e4, 12)
    by_horizon = np.array([kernel.alive_purchases(theta, x, age, h)[0] for h in horizons])
    # Where nearly everything has been bought, rounding is all that is left of the differences.
    rounding = 1e-11 * by_horizon[1:]
    bought = np.diff(by_horizon)
    assert (bought > -rounding).all()
    assert (bought[:4] > 0.0).all()
    rates, slack = bought / np.diff(horizons), rounding / np.diff(horizons)
    assert (np.diff(rates) < slack[:-1]).all()
    forces = np.geomspace(1e-4, 1.0, 8)
    by_force = [kernel.alive_purchases(theta, x, age, 1e4, d)[0] for d in forces]
    assert by_force[0] < by_horizon[-1]
    assert (np.diff(by_force) < 0.0).all()


def test_silence_makes_leaving_likelier(kernel, theta):
    ages = np.linspace(30.43, 200.0, 50)
    twice, when = np.full(50, 2), np.full(50, 30.43)
    longer = kernel.probability_alive(theta, twice, when, ages)
    recencies = np.linspace(1.0, 38.86, 50)
    later = kernel.probability_alive(theta, twice, recencies, np.full(50, 38.86))
    if kernel.name == "nbd":
        assert (longer == 1.0).all()
        assert (later == 1.0).all()
    else:
        assert (np.diff(longer) < 0.0).all()
        assert (np.diff(later) > 0.0).all()


def test_who_can_have_left(kernel, theta, customers):
    """Repeat buyers in all models that know leaving, one-time buyers in all of them but BG/NBD."""
    x, t_x, age = customers
    alive = kernel.probability_alive(theta, x, t_x, age)
    can = {
        "bgnbd": x > 0,
        "mbgnbd": np.ones(len(x), dtype=bool),
        "nbd": np.zeros(len(x), dtype=bool),
        "pareto_nbd": t_x < age,
    }[kernel.name]
    assert (alive[~can] == 1.0).all()
    assert ((alive[can] > 0.0) & (alive[can] < 1.0)).all()


def test_coordinates_come_back_and_ignore_the_unit(kernel, theta):
    z = kernel.to_coordinates(theta, 32.7)
    np.testing.assert_allclose(kernel.from_coordinates(z, 32.7), theta, rtol=1e-13)
    in_days = kernel.to_coordinates(in_unit(kernel, theta, 7.0), 32.7 * 7.0)
    np.testing.assert_allclose(in_days, z, rtol=1e-12)


def test_jacobian_and_prior_slope_are_finite_differences(kernel, theta):
    z, step = kernel.to_coordinates(theta, 32.7), 1e-5
    jacobian = kernel.jacobian(z, 32.7)
    _, slope = kernel.log_prior_gradient(z)
    for j in range(len(z)):
        shift = np.eye(len(z))[j] * step
        up, down = (kernel.from_coordinates(z + s, 32.7) for s in (shift, -shift))
        np.testing.assert_allclose(jacobian[:, j], (up - down) / (2 * step), rtol=1e-8, atol=1e-9)
        up, down = (kernel.log_prior_gradient(z + s)[0] for s in (shift, -shift))
        assert slope[j] == pytest.approx((up - down) / (2 * step), rel=1e-7)


def test_prior_is_the_product_of_its_normals(kernel):
    from scipy.stats import norm

    z = np.array([0.3, -1.0, 0.7, 2.0])[: len(kernel.parameters)]
    expected = norm.logpdf(z, loc=kernel.prior_mean, scale=kernel.prior_sd).sum()
    assert kernel.log_prior_gradient(z)[0] == pytest.approx(expected, rel=1e-13)


def test_no_customers_at_all(kernel, theta):
    nobody = np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0)
    value, gradient = kernel.log_likelihood_gradient(theta, *nobody, weight=np.zeros(0))
    assert value == 0.0
    assert (gradient == 0.0).all()
    assert kernel.alive_purchases(theta, nobody[0], nobody[2], 39.0).shape == (0,)
