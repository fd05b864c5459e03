"""The posterior without a Markov chain, against posteriors that are known otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from clvmodels.inference import laplace
from clvmodels.inference.density import LogDensity
from clvmodels.inference.fit import Fit, fit_kernel
from clvmodels.inference.laplace import laplace_posterior
from clvmodels.inference.optimum import find_mode
from clvmodels.inference.surrogate import find_surrogate
from clvmodels.kernels.base import Kernel, PurchaseKernel
from clvmodels.kernels.beta_geo import BetaGeo
from clvmodels.kernels.gamma_gamma import GammaGamma
from clvmodels.kernels.nbd import NBD
from clvmodels.kernels.pareto_nbd import ParetoNBD
from clvmodels.transactions.columns import CustomerColumns
from tests.shops import simulate_shop

CDNOW_LIKE = np.array([0.243, 4.414, 0.793, 2.426])


class NormalMean(Kernel):
    """Observations around an unknown mean with a standard deviation of 1: conjugate."""

    name = "normal_mean"
    parameters = ("mean",)
    coordinates = ("mean",)
    prior_mean = (1.0,)
    prior_sd = (0.5,)

    def log_likelihood(self, theta, *columns):
        return -0.5 * (columns[1] - theta[0]) ** 2

    def log_likelihood_gradient(self, theta, *columns, weight):
        away = columns[1] - theta[0]
        return -0.5 * float(weight @ away**2), np.array([weight @ away])

    def from_coordinates(self, z, scale):
        return np.array([z[0]])

    def to_coordinates(self, theta, scale):
        return np.array([theta[0]])

    def jacobian(self, z, scale):
        return np.ones((1, 1))


def density_of(kernel: PurchaseKernel, shop: CustomerColumns) -> LogDensity:
    triples = shop.triples()
    columns = (triples.frequency, triples.recency, triples.age)
    scale = float(np.average(triples.age, weights=triples.weights))
    return LogDensity(kernel, columns, triples.weights, scale, with_prior=True)


def mode_of(density: LogDensity):
    mean, sd = np.array(density.kernel.prior_mean), np.array(density.kernel.prior_sd)
    return find_mode(density, [mean, mean + sd, mean - sd], (mean - 5 * sd, mean + 5 * sd))


def fit(
    kernel: PurchaseKernel, shop: CustomerColumns, method: str = "laplace", seed: int = 0
) -> Fit:
    density = density_of(kernel, shop)
    return fit_kernel(kernel, density.columns, density.weight, density.scale, method, seed)


def test_conjugate_posterior_of_a_mean():
    seen, weight = np.array([1.7, 2.6, 2.0]), np.array([2.0, 3.0, 1.0])
    zeros = np.zeros(3, dtype=np.int64)
    found = fit_kernel(NormalMean(), (zeros, seen), weight, 1.0, "laplace").posterior
    precision = 1.0 / 0.5**2 + weight.sum()
    mean, sd = (1.0 / 0.5**2 + weight @ seen) / precision, precision**-0.5
    draws = found.coordinates[:, 0]
    assert abs(draws.mean() - mean) < 0.01 * sd
    assert draws.std() == pytest.approx(sd, rel=0.01)
    for level, u in ((0.05, -1.6449), (0.25, -0.6745), (0.75, 0.6745), (0.95, 1.6449)):
        assert abs(np.quantile(draws, level) - (mean + u * sd)) < 0.04 * sd


@pytest.mark.parametrize("customers", [20, 2_000])
def test_posterior_of_two_parameters_is_that_of_a_fine_grid(customers):
    shop = simulate_shop(np.array([0.5, 8.0]), customers, seed=3, kernel=NBD())
    density = density_of(NBD(), shop)
    optimum = mode_of(density)
    sd = np.sqrt(np.diag(optimum.covariance))
    axes = [
        np.linspace(z - 7 * s, z + 7 * s, 81) for z, s in zip(optimum.coordinates, sd, strict=True)
    ]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    # Each value on its own, from the exact likelihood.
    values = np.array([density.value_and_gradient(z)[0] for z in grid])
    weight = np.exp(values - values.max())
    weight /= weight.sum()
    mean = weight @ grid
    exact_sd = np.sqrt(weight @ (grid - mean) ** 2)
    draws = laplace_posterior(density, optimum, 0).coordinates
    assert (np.abs(draws.mean(axis=0) - mean) < 0.02 * exact_sd).all()
    np.testing.assert_allclose(draws.std(axis=0), exact_sd, rtol=0.025)
    for j in range(2):
        marginal = weight.reshape(81, 81).sum(axis=1 - j)
        summed = np.cumsum(marginal) - 0.5 * marginal
        for level in (0.05, 0.5, 0.95):
            reached = np.interp(np.quantile(draws[:, j], level), axes[j], summed)
            assert reached == pytest.approx(level, abs=0.01)


@pytest.mark.parametrize("kernel", [BetaGeo(), ParetoNBD()], ids=lambda kernel: kernel.name)
def test_unit_of_time_changes_nothing_but_the_unit(kernel):
    weeks = simulate_shop(CDNOW_LIKE, 300, seed=11)
    days = CustomerColumns(
        weeks.frequency, weeks.recency * 7.0, weeks.age * 7.0, weeks.monetary_value, "day"
    )
    by_week, by_day = fit(kernel, weeks).posterior, fit(kernel, days).posterior
    per_week = [name in ("alpha", "beta") for name in kernel.parameters]
    factor = np.where(per_week, 7.0, 1.0)
    # Rounding may tip a single draw from one proposal to the next.
    same = np.isclose(by_week.parameters * factor, by_day.parameters, rtol=1e-6).all(axis=1)
    assert same.mean() > 0.99


def test_order_of_the_customers_changes_nothing():
    shop = simulate_shop(CDNOW_LIKE, 300, seed=12)
    order = np.random.default_rng(0).permutation(300)
    other = CustomerColumns(
        shop.frequency[order], shop.recency[order], shop.age[order], shop.monetary_value, "week"
    )
    density, shuffled = (
        density_of(BetaGeo(), shop),
        LogDensity(
            BetaGeo(),
            (other.frequency, other.recency, other.age),
            other.weights,
            float(shop.age.mean()),
            with_prior=True,
        ),
    )
    one = laplace_posterior(density, mode_of(density), 0)
    two = laplace_posterior(shuffled, mode_of(shuffled), 0)
    away = one.coordinates.mean(axis=0) - two.coordinates.mean(axis=0)
    assert (np.abs(away) < 1e-3 * one.coordinates.std(axis=0)).all()


def test_seed_decides_the_draws():
    shop = simulate_shop(CDNOW_LIKE, 300, seed=13)
    one, again, other = (fit(BetaGeo(), shop, seed=seed).posterior for seed in (4, 4, 5))
    np.testing.assert_array_equal(one.coordinates, again.coordinates)
    assert not np.isin(one.coordinates, other.coordinates).any()
    away = one.coordinates.mean(axis=0) - other.coordinates.mean(axis=0)
    assert (np.abs(away) < 0.05 * one.coordinates.std(axis=0)).all()


def test_models_of_one_seed_have_draws_that_know_nothing_of_each_other():
    shop = simulate_shop(CDNOW_LIKE, 300, seed=13)
    bg, pareto = (fit(kernel, shop).posterior.coordinates for kernel in (BetaGeo(), ParetoNBD()))
    between = np.corrcoef(bg.T, pareto.T)[:4, 4:]
    assert np.abs(between).max() < 0.06


def test_draws_come_in_no_order():
    draws = fit(BetaGeo(), simulate_shop(CDNOW_LIKE, 300, seed=13)).posterior.coordinates
    away = draws - draws.mean(axis=0)
    serial = (away[1:] * away[:-1]).mean(axis=0) / away.var(axis=0)
    assert np.abs(serial).max() < 0.06


def test_adaptation_reaches_tails_that_the_curvature_misses(monkeypatch):
    # So few customers hardly tell at what rate they leave: far from a bell shape.
    density = density_of(ParetoNBD(), simulate_shop(CDNOW_LIKE, 100, seed=1))
    optimum = mode_of(density)
    adapted = laplace_posterior(density, optimum, 0)
    monkeypatch.setattr(laplace, "_ROUNDS", 1)
    plain = laplace_posterior(density, optimum, 0)
    assert plain.diagnostics["pareto_k"] > 0.7
    assert adapted.diagnostics["pareto_k"] < 0.6
    assert adapted.diagnostics["rounds"] > 1
    assert adapted.diagnostics["effective_sample_size"] > 1_000


def test_coarse_copy_has_the_posterior_of_all_customers():
    shop = simulate_shop(CDNOW_LIKE, 20_000, seed=21)
    density = density_of(BetaGeo(), shop)
    optimum = mode_of(density)
    values, vectors = np.linalg.eigh(optimum.covariance)
    root = vectors * np.sqrt(values)
    surrogate = find_surrogate(density, optimum.coordinates, optimum.hessian, root)
    assert len(surrogate.density.weight) < 0.1 * len(density.weight)
    draws = laplace_posterior(density, optimum, 0).coordinates[:60]
    miss = surrogate.values(draws) - density.values(draws)
    assert miss.std() < 2e-3
    assert surrogate.error < 5e-3
    # Without slope and curvature of all customers the copy is of no use.
    raw = surrogate.density.values(draws) - density.values(draws)
    assert raw.std() > 0.1


@pytest.mark.slow
def test_coarse_copy_of_a_million_customers():
    parts = [simulate_shop(CDNOW_LIKE, 100_000, seed=seed) for seed in range(10)]
    shop = CustomerColumns(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("frequency", "recency", "age", "monetary_value")
        ),
        "week",
    )
    density = density_of(BetaGeo(), shop)
    optimum = mode_of(density)
    values, vectors = np.linalg.eigh(optimum.covariance)
    surrogate = find_surrogate(
        density, optimum.coordinates, optimum.hessian, vectors * np.sqrt(values)
    )
    draws = laplace_posterior(density, optimum, 0).coordinates[:20]
    miss = surrogate.values(draws) - density.values(draws)
    assert len(surrogate.density.weight) < 5_000
    assert miss.std() < 1.7e-4


def test_coordinate_held_at_the_bound_stays_there():
    # Amounts that never vary push the shape of a purchase to the edge of what is searched.
    orders = np.array([1, 2, 3, 5, 8])
    alike, weight = np.full(5, 20.0), np.full(5, 2_000.0)
    found = fit_kernel(GammaGamma(), (orders, alike), weight, 20.0, "laplace")
    held = found.diagnostics["held_at_bound"]
    assert held
    for j, name in enumerate(GammaGamma.coordinates):
        spread = found.posterior.coordinates[:, j].std()
        assert (spread == 0.0) == (name in held)


@pytest.mark.parametrize("age", [0.0, 50.0], ids=["all on the last day", "one-time buyers"])
def test_columns_of_zeros_are_no_obstacle(age):
    """Recency, and even age, may be 0 for everybody: too little to learn, but no error."""
    nothing = np.zeros(3)
    columns = (np.zeros(3, dtype=np.int64), nothing, np.full(3, age))
    fit = fit_kernel(BetaGeo(), columns, np.ones(3), age or 1.0, "laplace")
    assert np.isfinite(fit.posterior.parameters).all()
