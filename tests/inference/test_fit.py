"""Estimation for any kernel: gradients, modes, weights, coarse search, hard data."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from clvmodels.errors import ConvergenceWarning, InputError, ParameterError
from clvmodels.inference.density import LogDensity
from clvmodels.inference.fit import Fit, fit_kernel
from clvmodels.inference.optimum import find_mode
from clvmodels.kernels.beta_geo import BetaGeo
from clvmodels.kernels.gamma_gamma import GammaGamma
from clvmodels.transactions.columns import CustomerColumns
from tests.shops import simulate_shop

CDNOW_LIKE = np.array([0.243, 4.414, 0.793, 2.426])


def purchase_columns(shop: CustomerColumns) -> tuple[np.ndarray, ...]:
    return shop.frequency, shop.recency, shop.age


def fit_purchases(shop: CustomerColumns, method: str = "map") -> Fit:
    scale = float(np.average(shop.age, weights=shop.weights))
    return fit_kernel(BetaGeo(), purchase_columns(shop), shop.weights, scale, method)


def test_gradient_in_coordinates_is_the_slope_of_the_density():
    shop = simulate_shop(CDNOW_LIKE, 300, seed=1, spend=(6.0, 4.0, 15.0))
    orders = shop.orders()
    densities = [
        LogDensity(BetaGeo(), purchase_columns(shop), shop.weights, 70.0, with_prior=True),
        LogDensity(
            GammaGamma(),
            (orders.frequency, orders.monetary_value),
            orders.weights,
            30.0,
            with_prior=True,
        ),
    ]
    for density in densities:
        z = np.array(density.kernel.prior_mean) + 0.3
        _, gradient = density.value_and_gradient(z)
        for i in range(len(z)):
            step = np.zeros(len(z))
            step[i] = 1e-5
            up, _ = density.value_and_gradient(z + step)
            down, _ = density.value_and_gradient(z - step)
            assert gradient[i] == pytest.approx((up - down) / 2e-5, rel=1e-6, abs=1e-4)


@pytest.mark.parametrize("kernel", [BetaGeo(), GammaGamma()])
def test_coordinates_go_there_and_back_and_their_jacobian_is_their_slope(kernel):
    z = np.array(kernel.prior_mean) + np.linspace(-0.7, 0.9, len(kernel.prior_mean))
    theta = kernel.from_coordinates(z, 12.5)
    np.testing.assert_allclose(kernel.to_coordinates(theta, 12.5), z, rtol=1e-12)
    jacobian = kernel.jacobian(z, 12.5)
    for j in range(len(z)):
        step = np.zeros(len(z))
        step[j] = 1e-6
        slope = kernel.from_coordinates(z + step, 12.5) - kernel.from_coordinates(z - step, 12.5)
        np.testing.assert_allclose(jacobian[:, j], slope / 2e-6, rtol=1e-7, atol=1e-9)


def test_prior_is_a_normalised_density():
    kernel = GammaGamma()
    axes = [
        np.linspace(mean - 8 * sd, mean + 8 * sd, 61)
        for mean, sd in zip(kernel.prior_mean, kernel.prior_sd, strict=True)
    ]
    cell = np.prod([axis[1] - axis[0] for axis in axes])
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    total = sum(np.exp(kernel.log_prior_gradient(z)[0]) for z in grid) * cell
    assert total == pytest.approx(1.0, rel=1e-6)


@pytest.mark.parametrize(
    "theta",
    [
        CDNOW_LIKE,
        np.array([0.8, 20.0, 0.4, 6.0]),
        np.array([2.5, 10.0, 1.5, 3.0]),
        np.array([0.11, 2.24, 0.31, 0.5]),
    ],
    ids=["cdnow", "loyal", "brisk", "fickle"],
)
def test_simulated_parameters_are_recovered(theta):
    shop = simulate_shop(theta, 20_000, seed=5)
    for method in ("mle", "map"):
        fit = fit_purchases(shop, method)
        away = (fit.parameters - theta) / fit.standard_errors
        assert np.abs(away).max() < 4.0, f"{method}: {away} standard errors"
        assert (fit.standard_errors < 0.5 * theta).all()


def test_simulated_spend_is_recovered():
    theta = np.array([5.0, 3.5, 20.0])
    shop = simulate_shop(np.array([2.5, 10.0, 0.4, 3.0]), 20_000, seed=6, spend=tuple(theta))
    orders = shop.orders()
    fit = fit_kernel(
        GammaGamma(), (orders.frequency, orders.monetary_value), orders.weights, 30.0, "mle"
    )
    assert np.abs((fit.parameters - theta) / fit.standard_errors).max() < 4.0


def test_standard_errors_are_the_spread_of_the_estimates():
    theta = np.array([0.8, 20.0, 0.6, 3.0])
    fits = [fit_purchases(simulate_shop(theta, 2_000, seed=s), "mle") for s in range(40)]
    spread = np.std([np.log(fit.parameters) for fit in fits], axis=0)
    claimed = np.mean([fit.standard_errors / fit.parameters for fit in fits], axis=0)
    np.testing.assert_allclose(claimed, spread, rtol=0.45)


def test_weights_stand_for_repeated_customers():
    shop = simulate_shop(CDNOW_LIKE, 500, seed=2)
    triples = shop.triples()
    assert len(triples) < len(shop)
    assert triples.weights.sum() == len(shop)
    one, many = fit_purchases(triples), fit_purchases(shop)
    np.testing.assert_allclose(one.parameters, many.parameters, rtol=1e-7)
    assert one.log_likelihood == pytest.approx(many.log_likelihood, rel=1e-12)


def test_coarse_search_ends_at_the_mode_of_all_entries(monkeypatch):
    shop = simulate_shop(CDNOW_LIKE, 60_000, seed=3)
    density = LogDensity(BetaGeo(), purchase_columns(shop), shop.weights, 70.0, with_prior=True)
    assert len(density.coarse(8.0).weight) < len(shop) / 10
    starts = [np.array(BetaGeo.prior_mean)]
    bounds = (np.full(4, -20.0), np.full(4, 20.0))
    quick = find_mode(density, starts, bounds)
    monkeypatch.setattr("clvmodels.inference.optimum._COARSE_FROM", 10**9)
    thorough = find_mode(density, starts, bounds)
    sd = np.sqrt(np.diag(thorough.covariance))
    assert (np.abs(quick.coordinates - thorough.coordinates) < 1e-5 * sd).all()
    assert quick.converged
    assert thorough.converged


def test_coarse_copy_keeps_customers_and_time():
    shop = simulate_shop(CDNOW_LIKE, 5_000, seed=4)
    density = LogDensity(BetaGeo(), purchase_columns(shop), shop.weights, 70.0, with_prior=True)
    coarse = density.coarse(8.0)
    x, t_x, age = coarse.columns
    assert coarse.weight.sum() == len(shop)
    assert coarse.weight @ age == pytest.approx(shop.age.sum())
    assert coarse.weight @ x == shop.frequency.sum()
    assert (t_x <= age).all()
    assert ((t_x > 0) == (x > 0)).all()


def no_churn(customers: int) -> CustomerColumns:
    rng = np.random.default_rng(8)
    age = np.full(customers, 52.0)
    frequency = rng.poisson(rng.gamma(2.0, size=customers) * 5.0) + 1
    recency = age * rng.beta(frequency, 1.0)
    return CustomerColumns(frequency, recency, age, np.full(customers, np.nan), "week")


def one_timers(customers: int) -> CustomerColumns:
    frequency = (np.arange(customers) % 20 == 0).astype(np.int64)
    age = np.full(customers, 50.0)
    return CustomerColumns(frequency, frequency * 7.0, age, np.full(customers, np.nan), "week")


@pytest.mark.parametrize(
    "shop",
    [
        no_churn(400),
        one_timers(400),
        simulate_shop(CDNOW_LIKE, 30, seed=1),
        simulate_shop(CDNOW_LIKE, 1, seed=3),
        CustomerColumns(
            np.zeros(5, dtype=np.int64), np.zeros(5), np.zeros(5), np.full(5, np.nan), "week"
        ),
    ],
    ids=["no churn", "one-timers", "30 customers", "one customer", "age zero"],
)
def test_priors_keep_every_fit_proper(shop):
    scale = float(shop.age.mean()) or 1.0
    fit = fit_kernel(BetaGeo(), purchase_columns(shop), shop.weights, scale, "map")
    assert fit.diagnostics["converged"]
    assert np.isfinite(fit.parameters).all()
    assert fit.diagnostics["held_at_bound"] == []
    assert np.isfinite(fit.standard_errors).all()


def test_maximum_likelihood_that_runs_away_says_so():
    with pytest.warns(ConvergenceWarning, match="edge|curvature|left|flat") as caught:
        fit = fit_purchases(no_churn(400), "mle")
    assert not fit.diagnostics["converged"]
    assert "method='map'" in str(caught[0].message)


def test_spend_without_a_mean_is_reported_not_hidden():
    # Means of single orders with a tail like 1/m: q below 1 in the published parametrisation.
    rng = np.random.default_rng(0)
    means = 5.0 / rng.random(2_000) ** 1.6
    ones = np.ones(2_000, dtype=np.int64)
    with pytest.warns(ConvergenceWarning):
        fit_kernel(GammaGamma(), (ones, means), np.ones(2_000), float(means.mean()), "mle")


def test_amounts_that_never_vary_are_held_at_the_edge_of_the_prior():
    ten = np.full(80, 10.0)
    orders = np.tile([1, 2, 3, 8], 20)
    fit = fit_kernel(GammaGamma(), (orders, ten), np.ones(80), 10.0, "map")
    assert fit.diagnostics["converged"]
    assert "log p" in fit.diagnostics["held_at_bound"]
    spend = GammaGamma().mean_spend(fit.parameters, orders, ten)
    np.testing.assert_allclose(spend, 10.0, rtol=1e-3)
    assert np.isfinite(fit.standard_errors).all()


def test_bad_method_and_no_data_have_their_errors():
    with pytest.raises(ParameterError, match="'mcmc'"):
        fit_purchases(one_timers(3), "mcmc")
    nothing = np.empty(0)
    with pytest.raises(InputError, match="nothing to fit"):
        fit_kernel(BetaGeo(), (nothing.astype(int), nothing, nothing), nothing, 1.0, "map")


def test_good_fits_give_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit = fit_purchases(simulate_shop(CDNOW_LIKE, 2_000, seed=9))
    assert fit.diagnostics["agreeing_starts"] == fit.diagnostics["starts"] == 3
