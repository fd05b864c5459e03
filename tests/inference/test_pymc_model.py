"""Every kernel as a PyMC model: the same density, the same gradient, safe names."""

from __future__ import annotations

import re

import numpy as np
import pytest

from clvmodels.inference.density import LogDensity
from clvmodels.inference.pymc_model import pymc_model, variable_names
from clvmodels.kernels.base import Kernel
from clvmodels.kernels.gamma_gamma import GammaGamma
from clvmodels.models import PURCHASE_MODELS
from tests.shops import simulate_shop

KERNELS: list[Kernel] = [*(model.kernel for model in PURCHASE_MODELS.values()), GammaGamma()]


def density_of(kernel: Kernel) -> LogDensity:
    shop = simulate_shop(np.array([0.6, 8.0, 0.5, 3.0]), 40, seed=3, spend=(6.0, 4.0, 15.0))
    data, columns = shop.triples(), (shop.triples().recency, shop.triples().age)
    if isinstance(kernel, GammaGamma):
        data = shop.orders()
        columns = (data.monetary_value,)
    weight = data.weights * np.linspace(1.0, 3.0, len(data))
    return LogDensity(kernel, (data.frequency, *columns), weight, 30.0, with_prior=True)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_the_pymc_model_has_the_density_and_the_gradient_of_the_kernel(kernel):
    density = density_of(kernel)
    model = pymc_model(density)
    names = variable_names(kernel)
    assert [variable.name for variable in model.free_RVs] == names
    assert {variable.name for variable in model.deterministics} == set(kernel.parameters)
    # Compiled for Python: numba would take seconds.
    natural_at = model.replace_rvs_by_values(model.deterministics)
    both = model.compile_fn([model.logp(), model.dlogp(), *natural_at], mode="FAST_COMPILE")
    rng = np.random.default_rng(11)
    for _ in range(3):
        z = rng.normal(kernel.prior_mean, 0.5 * np.array(kernel.prior_sd))
        value, gradient, *natural = both(dict(zip(names, z, strict=True)))
        expected, slope = density.value_and_gradient(z)
        assert value == pytest.approx(expected, rel=1e-9)
        np.testing.assert_allclose(gradient, slope, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(natural, kernel.from_coordinates(z, density.scale), rtol=1e-12)


def test_a_natural_parameter_can_enter_an_extended_model():
    import pymc as pm

    kernel = GammaGamma()
    with pymc_model(density_of(kernel)) as model:
        pm.Potential("belief", -0.5 * ((model["q"] - 3.0) / 0.1) ** 2)
    names = variable_names(kernel)
    z = np.array(kernel.prior_mean)
    slope = model.compile_fn(model.dlogp(), mode="FAST_COMPILE")(dict(zip(names, z, strict=True)))
    q = 1.0 + np.exp(z[1])
    _, plain = density_of(kernel).value_and_gradient(z)
    # d/dz of the belief: dq/dz is q - 1.
    assert slope[1] - plain[1] == pytest.approx(-(q - 3.0) / 0.01 * (q - 1.0), rel=1e-6)
    assert slope[0] == pytest.approx(plain[0], rel=1e-9)


def test_second_derivatives_are_refused():
    from pytensor.gradient import NullTypeGradError

    with pytest.raises(NullTypeGradError, match="second derivatives"):
        pymc_model(density_of(GammaGamma())).d2logp()


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_names_of_coordinates_are_words_and_differ(kernel):
    names = variable_names(kernel)
    assert len(set(names) | set(kernel.parameters)) == len(names) + len(kernel.parameters)
    assert all(re.fullmatch(r"[a-z]\w*", name) for name in names)
