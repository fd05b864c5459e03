"""The likelihood of many draws at once is that of each."""

from __future__ import annotations

import numpy as np
import pytest

from clvmodels.kernels import base
from clvmodels.kernels.beta_geo import BetaGeo
from clvmodels.kernels.gamma_gamma import GammaGamma
from clvmodels.kernels.modified_beta_geo import ModifiedBetaGeo
from clvmodels.kernels.nbd import NBD
from clvmodels.kernels.pareto_nbd import ParetoNBD, _RoughParetoNBD
from tests.shops import simulate_shop

SHOP = simulate_shop(np.array([0.6, 4.0, 0.8, 2.4]), 400, seed=7, spend=(6.0, 4.0, 15.0))
KERNELS = [BetaGeo(), ModifiedBetaGeo(), NBD(), ParetoNBD(), GammaGamma()]


def columns_of(kernel):
    if isinstance(kernel, GammaGamma):
        orders = SHOP.orders()
        return (orders.frequency, orders.monetary_value), orders.weights
    triples = SHOP.triples()
    return (triples.frequency, triples.recency, triples.age), triples.weights


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
@pytest.mark.parametrize("cells", [64, 1_000, 1 << 14])
def test_likelihood_of_many_draws_is_that_of_each(kernel, cells, monkeypatch):
    monkeypatch.setattr(base, "_CELLS_AT_ONCE", cells)
    columns, weight = columns_of(kernel)
    weight = weight * np.linspace(0.5, 2.0, len(weight))
    rng = np.random.default_rng(2)
    # Wide enough that either of Pareto/NBD's scales is the smaller one.
    z = np.array(kernel.prior_mean) + rng.normal(size=(9, len(kernel.parameters)))
    thetas = kernel.from_coordinates(z.T, 40.0).T
    together = kernel.log_likelihoods(thetas, *columns, weight=weight)
    each = [kernel.log_likelihood_gradient(theta, *columns, weight=weight)[0] for theta in thetas]
    np.testing.assert_allclose(together, each, rtol=1e-11)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_likelihood_of_each_customer_and_draw(kernel):
    columns, _ = columns_of(kernel)
    z = np.array(kernel.prior_mean) + np.array([[-0.5], [0.0], [0.7]])
    thetas = kernel.from_coordinates(z.T, 40.0).T
    together = kernel.log_likelihood(thetas.T[:, :, None], *columns)
    each = [kernel.log_likelihood(theta, *columns) for theta in thetas]
    np.testing.assert_allclose(together, each, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_coordinates_and_prior_of_many_draws_are_those_of_each(kernel):
    z = np.random.default_rng(3).normal(size=(5, len(kernel.parameters)))
    each = [kernel.from_coordinates(one, 12.0) for one in z]
    np.testing.assert_allclose(kernel.from_coordinates(z.T, 12.0).T, each, rtol=1e-14)
    priors = [kernel.log_prior_gradient(one)[0] for one in z]
    np.testing.assert_allclose(kernel.log_priors(z), priors, rtol=1e-14)


def test_rough_rule_of_pareto_nbd_is_good_to_a_ten_millionth():
    """For customers and parameters of every shape."""
    kernel, rng, n = ParetoNBD(), np.random.default_rng(1), 1_000
    x = np.minimum(rng.geometric(10.0 ** -rng.uniform(0.0, 3.0, n)) - 1, 2_000)
    age = 10.0 ** rng.uniform(0.0, 2.7, n)
    recent = rng.random(n) ** rng.choice([0.1, 1.0, 4.0], n)
    columns = x, np.where(x > 0, age * recent, 0.0), age
    z = np.array(kernel.prior_mean) + rng.normal(size=(20, 4)) * np.array(kernel.prior_sd)
    thetas = kernel.from_coordinates(z.T, 100.0).T
    exact = kernel.log_likelihood(thetas.T[:, :, None], *columns)
    rough = _RoughParetoNBD().log_likelihood(thetas.T[:, :, None], *columns)
    away = np.abs(rough - exact).max()
    assert 0.0 < away < 1e-7
