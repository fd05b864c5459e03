"""Which method gives draws, and what is said when one cannot be relied on."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

from clvmodels.errors import ParameterError, PosteriorWarning
from clvmodels.inference import fit as fitting
from clvmodels.inference.fit import fit_kernel
from clvmodels.inference.laplace import laplace_posterior
from clvmodels.inference.posterior import Posterior
from clvmodels.kernels.beta_geo import BetaGeo
from tests.shops import simulate_shop

SHOP = simulate_shop(np.array([0.243, 4.414, 0.793, 2.426]), 400, seed=1)


def fit(method: str):
    columns = (SHOP.frequency, SHOP.recency, SHOP.age)
    return fit_kernel(BetaGeo(), columns, SHOP.weights, float(SHOP.age.mean()), method)


def poor(density, optimum, seed):
    found = laplace_posterior(density, optimum, seed)
    return replace(found, diagnostics={**found.diagnostics, "pareto_k": 0.83})


@pytest.fixture
def chain(monkeypatch):
    """A stand-in for NUTS, which takes seconds, and the calls that it got."""
    nuts = pytest.importorskip("clvmodels.inference.nuts")
    calls = []

    def sampler(density, mode, covariance, *, seed):
        calls.append((mode, covariance, seed))
        return Posterior(density.kernel, np.tile(mode, (8, 1)), density.scale, "nuts", chains=4)

    monkeypatch.setattr(nuts, "nuts_posterior", sampler)
    return calls


@pytest.mark.parametrize("method", ["auto", "laplace"])
def test_draws_are_around_the_same_mode_as_map(method):
    point, found = fit("map"), fit(method)
    np.testing.assert_array_equal(found.parameters, point.parameters)
    np.testing.assert_array_equal(found.coordinate_covariance, point.coordinate_covariance)
    assert (point.method, point.posterior) == ("map", None)
    assert found.method == found.diagnostics["posterior_method"] == "laplace"
    assert found.posterior.coordinates.shape == (4_000, 4)
    assert found.diagnostics["draws"] == 4_000
    assert found.diagnostics["pareto_k"] < 0.7
    assert found.diagnostics["effective_sample_size"] > 1_000


@pytest.mark.parametrize("method", ["map", "mle"])
def test_points_have_no_draws(method):
    found = fit(method)
    assert found.posterior is None
    assert "pareto_k" not in found.diagnostics


def test_auto_moves_to_a_chain_and_says_so(monkeypatch, chain):
    monkeypatch.setattr(fitting, "laplace_posterior", poor)
    with pytest.warns(PosteriorWarning, match=r"k-hat is 0\.83, above 0\.7\. NUTS"):
        found = fit("auto")
    assert found.method == found.posterior.method == "nuts"
    assert found.diagnostics["posterior_method"] == "nuts"
    np.testing.assert_array_equal(chain[0][0], found.coordinates)
    np.testing.assert_array_equal(found.parameters, fit("map").parameters)


def test_laplace_stays_and_says_what_to_do(monkeypatch, chain):
    monkeypatch.setattr(fitting, "laplace_posterior", poor)
    with pytest.warns(PosteriorWarning, match=r"0\.83.*method='nuts'"):
        found = fit("laplace")
    assert found.method == "laplace"
    assert not chain


def test_a_point_without_curvature_has_no_importance_sampling(monkeypatch, chain):
    find_mode = fitting.find_mode

    def flat(density, starts, bounds):
        optimum = find_mode(density, starts, bounds)
        return replace(optimum, hessian=np.zeros_like(optimum.hessian))

    monkeypatch.setattr(fitting, "find_mode", flat)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found, none = fit("auto"), fit("laplace")
    assert (found.method, len(chain)) == ("nuts", 1)
    assert (none.method, none.posterior) == ("map", None)


def test_nuts_asks_no_importance_sampling(monkeypatch, chain):
    monkeypatch.setattr(fitting, "laplace_posterior", None)
    assert fit("nuts").method == "nuts"


def test_unknown_method_is_refused_with_those_that_exist():
    with pytest.raises(ParameterError, match="'auto', 'mle', 'map', 'laplace', 'nuts'"):
        fit("mcmc")
