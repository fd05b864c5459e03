"""What is learned from data: a point estimate with its covariance, and draws around it."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from clvmodels.errors import ConvergenceWarning, InputError, ParameterError, PosteriorWarning
from clvmodels.inference.density import LogDensity
from clvmodels.inference.laplace import LARGEST_PARETO_K, laplace_posterior
from clvmodels.inference.optimum import Optimum, find_mode
from clvmodels.inference.posterior import Posterior
from clvmodels.kernels.base import FloatArray, Kernel

Method = Literal["auto", "mle", "map", "laplace", "nuts"]

# The region that is searched. Maximum a posteriori: this many prior standard deviations around the
# prior mean; what presses further (amounts that never vary, say) is held there, where predictions
# no longer change. Maximum likelihood: wherever a double still means something; a probability of
# leaving of e^-20 is still felt by a large shop that nobody leaves.
_PRIOR_REACH = 5.0
_LIKELIHOOD_LOWEST, _LIKELIHOOD_HIGHEST = -30.0, 20.0
# Without a prior, a logarithm known to no more than this many powers of e is not estimated at all.
_LEAST_KNOWN = 20.0

# Starting points in prior standard deviations from the prior mean, besides the mean itself.
_STARTS = (0.0, 1.0, -1.0)


@dataclass(frozen=True)
class Fit:
    """What was learned about the parameters, and how well.

    Attributes
    ----------
    parameters, coordinates : (k,)
        The mode, in natural parameters and in scale-free coordinates.
    coordinate_covariance : (k, k)
        Inverse curvature at the mode, in the coordinates.
    scale
        Ties the coordinates to the data's unit.
    log_likelihood
        Of the data as given, without the prior.
    posterior
        Draws around the mode, if the method makes them.
    """

    kernel: Kernel
    method: str
    parameters: FloatArray
    coordinates: FloatArray
    coordinate_covariance: FloatArray
    scale: float
    log_likelihood: float
    customers: float
    diagnostics: dict[str, Any]
    posterior: Posterior | None = None

    @property
    def covariance(self) -> FloatArray:
        """Covariance of the natural parameters by the delta method, shape (k, k)."""
        jacobian = self.kernel.jacobian(self.coordinates, self.scale)
        result: FloatArray = jacobian @ self.coordinate_covariance @ jacobian.T
        return result

    @property
    def standard_errors(self) -> FloatArray:
        """Standard errors of the natural parameters, shape (k,)."""
        result: FloatArray = np.sqrt(np.diag(self.covariance))
        return result


def fit_kernel(
    kernel: Kernel,
    columns: tuple[NDArray[Any], ...],
    weight: FloatArray,
    scale: float,
    method: str,
    seed: int = 0,
) -> Fit:
    """Learn the parameters of a kernel from weighted columns.

    Parameters
    ----------
    columns
        What the kernel's likelihood takes, n entries each.
    weight : (n,)
        Customers behind each entry.
    scale
        Mean age or mean order value, in the unit of the columns.
    method
        ``"mle"`` for maximum likelihood; all others give the mode of the posterior: ``"map"``
        alone, ``"laplace"`` with draws by importance sampling around it, ``"nuts"`` with draws by
        a Markov chain; ``"auto"`` is laplace, and nuts where that cannot be relied on.
    seed
        The same one gives the same draws.

    Warns
    -----
    ConvergenceWarning
        If gradient or Hessian say that the point is not a mode.
    PosteriorWarning
        If importance sampling cannot be relied on.
    """
    if method not in get_args(Method):
        known = ", ".join(map(repr, get_args(Method)))
        raise ParameterError("method", method, f"one of {known}")
    if not len(weight):
        msg = f"There is nothing to fit {kernel.name} to: no customer qualifies."
        raise InputError(msg)
    density = LogDensity(kernel, columns, weight, scale, with_prior=method != "mle")
    mean, sd = np.array(kernel.prior_mean), np.array(kernel.prior_sd)
    bounds = (mean - _PRIOR_REACH * sd, mean + _PRIOR_REACH * sd)
    if method == "mle":
        bounds = (
            np.full(len(mean), _LIKELIHOOD_LOWEST),
            np.full(len(mean), _LIKELIHOOD_HIGHEST),
        )
    optimum = find_mode(density, [mean + shift * sd for shift in _STARTS], bounds)
    held = _names(kernel, optimum.held)
    flat = _names(kernel, np.diag(optimum.covariance) > _LEAST_KNOWN**2)
    # Without a prior, what rests on the bound or on a plateau is no estimate: there is no maximum.
    converged = optimum.converged and not (method == "mle" and (held or flat))
    likelihood = optimum.value
    if density.with_prior:
        likelihood, _ = replace(density, with_prior=False).value_and_gradient(optimum.coordinates)
    if not converged:
        warnings.warn(
            ConvergenceWarning(_complaint(kernel, optimum, held, flat, method)), stacklevel=3
        )
    posterior = None if method in ("mle", "map") else _posterior(density, optimum, method, seed)
    return Fit(
        kernel=kernel,
        method="mle" if method == "mle" else "map" if posterior is None else posterior.method,
        parameters=kernel.from_coordinates(optimum.coordinates, scale),
        coordinates=optimum.coordinates,
        coordinate_covariance=optimum.covariance,
        scale=scale,
        log_likelihood=likelihood,
        customers=float(weight.sum()),
        diagnostics={
            "converged": converged,
            "held_at_bound": held,
            "distance_to_mode_in_sd": optimum.distance,
            "largest_gradient": float(np.abs(optimum.gradient).max()),
            "largest_hessian_eigenvalue": optimum.largest_eigenvalue,
            "starts": optimum.starts,
            "agreeing_starts": optimum.agreeing_starts,
            "steps": optimum.steps,
            "distinct_entries": len(weight),
            **_told(posterior),
        },
        posterior=posterior,
    )


def _posterior(density: LogDensity, optimum: Optimum, method: str, seed: int) -> Posterior | None:
    """Draws by the method; none where there is no curvature to start from and no chain allowed."""
    found, pareto_k = None, math.inf
    if method != "nuts" and -math.inf < optimum.largest_eigenvalue < 0.0:
        found = laplace_posterior(density, optimum, seed)
        pareto_k = found.diagnostics["pareto_k"]
    if method != "nuts" and not pareto_k <= LARGEST_PARETO_K:
        todo = (
            "NUTS, which takes longer, draws instead."
            if method == "auto"
            else "Use method='nuts', or 'auto', which moves to it."
        )
        msg = (
            f"Importance sampling cannot be relied on for this {density.kernel.name}: its k-hat "
            f"is {pareto_k:.2f}, above {LARGEST_PARETO_K}. {todo}"
        )
        warnings.warn(PosteriorWarning(msg), stacklevel=4)
        if method == "auto":
            method = "nuts"
    if method == "nuts":
        from clvmodels.inference.nuts import nuts_posterior

        found = nuts_posterior(density, optimum.coordinates, optimum.covariance, seed=seed)
    return found


def _told(posterior: Posterior | None) -> dict[str, Any]:
    if posterior is None:
        return {}
    return {
        "posterior_method": posterior.method,
        "draws": len(posterior.coordinates),
        **posterior.diagnostics,
    }


def _names(kernel: Kernel, which: NDArray[np.bool_]) -> list[str]:
    return [name for name, chosen in zip(kernel.coordinates, which, strict=True) if chosen]


def _complaint(
    kernel: Kernel, optimum: Optimum, held: list[str], flat: list[str], method: str
) -> str:
    point = ", ".join(
        f"{name} = {value:.3g}"
        for name, value in zip(kernel.coordinates, optimum.coordinates, strict=True)
    )
    reason = (
        f"{' and '.join(held)} ran to the edge of the searched region"
        if held
        else "the curvature there is not that of a maximum"
        if not optimum.largest_eigenvalue < 0.0
        else f"the likelihood is flat along {' and '.join(flat)}"
        if flat
        else f"a Newton step of {optimum.distance:.2g} standard deviations is left"
    )
    advice = (
        "Use method='map', whose prior keeps the fit proper."
        if method == "mle"
        else "Look at the data: there may be too few customers or repeat purchases."
    )
    return f"The fit of {kernel.name} has not converged: {reason} ({point}). {advice}"
