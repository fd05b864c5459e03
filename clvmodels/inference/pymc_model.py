"""A kernel with its data as a PyMC model, for NUTS and for whoever wants to extend it.

One Op around a function with its derivatives carries every likelihood into PyMC, so that none is
written a second time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from clvmodels.inference.compat import import_arviz, pull_back
from clvmodels.inference.density import LogDensity
from clvmodels.kernels.base import FloatArray, Kernel

if TYPE_CHECKING:
    import pymc as pm

# Values (m,) at a point (k,), and their derivatives (m, k).
WithJacobian = Callable[[FloatArray], tuple[FloatArray, FloatArray]]

_WORDS = {"/": " over ", "+": " plus ", "-": " minus "}


def pymc_model(density: LogDensity) -> pm.Model:
    """Model with the coordinates as variables and the weighted likelihood as a potential.

    The priors of the variables are the kernel's. Natural parameters are deterministic.
    """
    import_arviz()
    import pymc as pm
    from pytensor import tensor as pt

    kernel, scale = density.kernel, density.scale
    likelihood = replace(density, with_prior=False)

    def log_likelihood(z: FloatArray) -> tuple[FloatArray, FloatArray]:
        value, gradient = likelihood.value_and_gradient(z)
        return np.array([value]), gradient[None, :]

    def natural(z: FloatArray) -> tuple[FloatArray, FloatArray]:
        return kernel.from_coordinates(z, scale), kernel.jacobian(z, scale)

    with pm.Model() as model:
        variables = [
            pm.Normal(name, mu=mean, sigma=sd)
            for name, mean, sd in zip(
                variable_names(kernel), kernel.prior_mean, kernel.prior_sd, strict=True
            )
        ]
        z = pt.stack(variables)
        theta = differentiable(natural, len(kernel.parameters))(z)
        for i, name in enumerate(kernel.parameters):
            pm.Deterministic(name, theta[i])
        pm.Potential("likelihood", differentiable(log_likelihood, 1)(z)[0])
    return model


def variable_names(kernel: Kernel) -> list[str]:
    """Names of the coordinates that a file or a formula can hold: ``log_a_over_b``."""
    return [_as_word(name) for name in kernel.coordinates]


def differentiable(function: WithJacobian, size: int) -> Callable[[Any], Any]:
    """PyTensor's view of a function that knows its derivatives: symbolic z (k,) to (size,)."""
    op = _op_class()(function, size)

    def apply(z: Any) -> Any:
        values, _ = op(z)
        return values

    return apply


def _as_word(name: str) -> str:
    for sign, word in _WORDS.items():
        name = name.replace(sign, word)
    return "_".join(re.findall(r"\w+", name))


@cache
def _op_class() -> Any:
    """Build the class when it is first asked for: PyTensor takes seconds to import."""
    from pytensor import tensor as pt
    from pytensor.gradient import DisconnectedType, grad_not_implemented
    from pytensor.graph.basic import Apply
    from pytensor.graph.op import Op

    class Differentiable(Op):
        """Values and derivatives in one evaluation; gradients of values reuse the derivatives."""

        def __init__(self, function: WithJacobian, size: int) -> None:
            self.function = function
            self.size = size

        def make_node(self, *inputs: Any) -> Any:
            """Describe what goes in and what comes out."""
            z = pt.as_tensor(inputs[0], dtype="float64")
            values = pt.tensor(dtype="float64", shape=(self.size,))
            slopes = pt.tensor(dtype="float64", shape=(self.size, z.type.shape[0]))
            return Apply(self, [z], [values, slopes])

        def perform(self, node: Any, inputs: Any, output_storage: Any) -> None:
            """Evaluate at a point."""
            del node
            values, slopes = self.function(inputs[0])
            output_storage[0][0], output_storage[1][0] = values, slopes

        def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> Any:
            """Product of what follows with the derivatives; there are no second ones."""
            of_values, of_slopes = cotangents
            if not isinstance(of_slopes.type, DisconnectedType):
                refuse: Any = grad_not_implemented
                return [refuse(self, 0, inputs[0], "no second derivatives")]
            return [of_values @ outputs[1]]

    return pull_back(Differentiable)
