"""Models that ``lifetimes`` or PyMC-Marketing fitted, as models of ours.

Neither package is imported: fits are recognised by what they carry. What their names and numbers
mean here is in ``docs/coming-from-lifetimes-and-pymc-marketing.md``.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from clvmodels.errors import ConvergenceWarning, InputError, UntrustworthyModelWarning
from clvmodels.inference.density import LogDensity
from clvmodels.inference.fit import Fit
from clvmodels.inference.posterior import Posterior
from clvmodels.kernels.base import FloatArray
from clvmodels.models.beta_geo import BetaGeoModel
from clvmodels.models.gamma_gamma import GammaGammaModel
from clvmodels.models.modified_beta_geo import ModifiedBetaGeoModel
from clvmodels.models.pareto_nbd import ParetoNBDModel
from clvmodels.models.purchases import PurchaseModel
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import TimeUnit, check_time_unit

AnyModel = PurchaseModel | GammaGammaModel

_FITTERS: dict[str, type[AnyModel]] = {
    "BetaGeoFitter": BetaGeoModel,
    "ModifiedBetaGeoFitter": ModifiedBetaGeoModel,
    "ParetoNBDFitter": ParetoNBDModel,
    "GammaGammaFitter": GammaGammaModel,
}
_MODEL_TYPES: dict[str, type[AnyModel]] = {
    "BG/NBD": BetaGeoModel,
    "MBG/NBD": ModifiedBetaGeoModel,
    "Pareto/NBD": ParetoNBDModel,
    "Gamma-Gamma Model (Mean Transactions)": GammaGammaModel,
    "Gamma-Gamma Model (Individual Transactions)": GammaGammaModel,
}
# Both packages call the same parameter v.
_THEIR_NAMES = {"gamma": "v"}

# An estimate this near to the maximum, in standard errors, predicts what the maximum does.
_NEAR_MODE = 0.1
# Chains whose R̂ is above this have not seen the same distribution.
_LARGEST_RHAT = 1.05


def from_lifetimes(fitter: Any, *, time_unit: str) -> AnyModel:
    """Model with the parameters of a fitter of ``lifetimes``.

    Standard errors and log-likelihood come from the customers that the fitter keeps: curvature and
    value of the likelihood of the data as given, without its penalty. A fitter that was saved
    without its data keeps its own standard errors; if it has none, its parameters are taken as
    exact.

    Parameters
    ----------
    fitter
        A fitted ``BetaGeoFitter``, ``ModifiedBetaGeoFitter``, ``ParetoNBDFitter`` or
        ``GammaGammaFitter``.
    time_unit : {"day", "week"}
        Unit of the recency and T that it was fitted to; nothing in it tells.

    Raises
    ------
    InputError
        If it is no such fitter, has not been fitted, or has q ≤ 1, where mean spend does not exist.

    Warns
    -----
    ConvergenceWarning
        If a fit without a penalty stopped away from the maximum of the likelihood.
    """
    unit = check_time_unit(time_unit)
    kind, name = _kind_of_fitter(fitter)
    theirs = getattr(fitter, "params_", None)
    if theirs is None:
        msg = f"This {name} has no parameters yet. Call its fit(...) first."
        raise InputError(msg)
    params = {ours: float(theirs[_THEIR_NAMES.get(ours, ours)]) for ours in kind.kernel.parameters}
    if params.get("q", math.inf) <= 1.0:
        msg = (
            f"This {name} has q = {params['q']:.3g}. The mean spend exists only for q above 1 "
            "(lifetimes gives a negative one). Fit clvmodels.GammaGammaModel to the customers: it "
            "keeps q above 1."
        )
        raise InputError(msg)
    model = kind.from_params(params, time_unit=unit)
    model.fit_ = replace(model.fit_, method="lifetimes")
    penalty = float(getattr(fitter, "penalizer_coef", 0.0))
    variance = getattr(fitter, "variance_matrix_", None)
    data = getattr(fitter, "data", None)
    if data is not None:
        density = _density(kind, data.rename(columns={"weights": "weight"}), unit)
        model.fit_ = _judged(model.fit_, density, f"This {name}", is_mode=penalty == 0.0)
    elif variance is not None:
        covariance = _covariance_of_fitter(model.fit_, np.asarray(variance, dtype=np.float64))
        model.fit_ = replace(model.fit_, coordinate_covariance=covariance)
    evidence = model.fit_.diagnostics | {"penalizer_coef": penalty}
    model.fit_ = replace(model.fit_, diagnostics=evidence)
    return model


def from_pymc_marketing(fitted: Any, *, time_unit: str) -> AnyModel:
    """Model with what PyMC-Marketing learned about the parameters.

    Draws are kept, and answers that average over parameters do so over them. The parameters are
    their mean in the scale-free coordinates of the model, in which posteriors are nearly normal. A
    maximum a posteriori (one draw) keeps its parameters; its standard errors come from the
    curvature of the likelihood of the customers that were saved with it, and without them its
    parameters are taken as exact.

    Parameters
    ----------
    fitted
        A fitted ``BetaGeoModel``, ``ModifiedBetaGeoModel``, ``ParetoNBDModel`` or
        ``GammaGammaModel``, or its ``idata`` (InferenceData or DataTree, as from a file).
    time_unit : {"day", "week"}
        Unit of the recency and T that it was fitted to; nothing in it tells.

    Raises
    ------
    InputError
        If there is no posterior, it is of no model that exists here, has covariates, or has q ≤ 1
        in most draws.

    Warns
    -----
    ConvergenceWarning
        If the chains disagree.
    UntrustworthyModelWarning
        If draws with q ≤ 1, where mean spend does not exist, had to be left out.
    """
    unit = check_time_unit(time_unit)
    idata = getattr(fitted, "idata", fitted)
    posterior = getattr(idata, "posterior", None)
    if posterior is None:
        msg = (
            f"{type(fitted).__name__} holds no posterior. Give a fitted model of PyMC-Marketing, "
            "or its idata."
        )
        raise InputError(msg)
    kind, name = _kind_of_posterior(getattr(idata, "attrs", {}), posterior)
    draws = _draws(kind, posterior, name)
    data = getattr(idata, "fit_data", None)
    density = None if data is None else _density(kind, data, unit)
    scale = 1.0 if density is None else density.scale
    kept = _with_mean_spend(kind, draws.reshape(len(draws), -1), name)
    z = kind.kernel.to_coordinates(kept, scale)
    is_point = draws[0].size == 1
    centre = kept[:, 0] if is_point else kind.kernel.from_coordinates(z.mean(axis=1), scale)
    params = dict(zip(kind.kernel.parameters, centre.tolist(), strict=True))
    model = kind.from_params(params, time_unit=unit)
    point = _at_scale(replace(model.fit_, method="pymc-marketing"), scale)
    if is_point:
        model.fit_ = _judged(point, density, f"The fit of {name}", is_mode=False)
    else:
        likelihood, customers = math.nan, 0.0
        if density is not None:
            likelihood, _ = density.value_and_gradient(point.coordinates)
            customers = float(density.weight.sum())
        evidence = _diagnose_draws(draws, getattr(idata, "sample_stats", {}), name)
        model.fit_ = replace(
            point,
            coordinate_covariance=np.atleast_2d(np.cov(z)),
            log_likelihood=likelihood,
            customers=customers,
            diagnostics=evidence,
            posterior=Posterior(
                kernel=kind.kernel,
                coordinates=np.ascontiguousarray(z.T),
                scale=scale,
                method="pymc-marketing",
                # Chains from which draws were left out differ in length.
                chains=draws.shape[1] if kept.shape[1] == draws[0].size else 1,
                diagnostics=evidence,
            ),
        )
    return model


def _kind_of_fitter(fitter: Any) -> tuple[type[AnyModel], str]:
    # The nearest class decides: theirs for MBG/NBD inherits from theirs for BG/NBD.
    for base in type(fitter).__mro__:
        if base.__module__.split(".")[0] == "lifetimes" and base.__name__ in _FITTERS:
            return _FITTERS[base.__name__], base.__name__
    msg = (
        f"{type(fitter).__name__} has no counterpart here. From lifetimes come "
        f"{', '.join(_FITTERS)}."
    )
    raise InputError(msg)


def _kind_of_posterior(attrs: Mapping[str, Any], posterior: Any) -> tuple[type[AnyModel], str]:
    """Model by the type that the fit names, or else by the names of its variables."""
    named = attrs.get("model_type")
    if named is None:
        candidates = {
            name: kind
            for name, kind in _MODEL_TYPES.items()
            if all(theirs in posterior for theirs in _their_names(kind))
        }
        kinds = set(candidates.values())
        if len(kinds) == 1:
            return candidates.popitem()[1], kinds.pop().__name__
        found = ", ".join(map(repr, candidates)) or "nothing that exists here"
        msg = (
            f"The posterior does not say which model it is of; by its variables it may be {found}. "
            "Set idata.attrs['model_type'] to one of "
            f"{', '.join(map(repr, _MODEL_TYPES))}."
        )
        raise InputError(msg)
    if named not in _MODEL_TYPES:
        msg = (
            f"{named!r} has no counterpart here. From PyMC-Marketing come "
            f"{', '.join(map(repr, _MODEL_TYPES))}."
        )
        raise InputError(msg)
    return _MODEL_TYPES[named], str(named)


def _their_names(kind: type[AnyModel]) -> list[str]:
    return [_THEIR_NAMES.get(name, name) for name in kind.kernel.parameters]


def _draws(kind: type[AnyModel], posterior: Any, name: str) -> FloatArray:
    """Draws of the parameters in our order, shape (k, chains, draws)."""
    names = _their_names(kind)
    missing = [theirs for theirs in names if theirs not in posterior]
    if missing:
        msg = f"The posterior of {name} lacks {', '.join(missing)}."
        raise InputError(msg)
    varying = [theirs for theirs in names if set(posterior[theirs].dims) != {"chain", "draw"}]
    if varying:
        msg = (
            f"In this {name} {', '.join(varying)} differ between customers. Models here have no "
            "covariates: fit without them, or one model for each group."
        )
        raise InputError(msg)
    draws = np.array([posterior[theirs].transpose("chain", "draw").values for theirs in names])
    if not (np.isfinite(draws) & (draws > 0.0)).all():
        msg = f"The posterior of {name} has draws that are not above 0 and finite."
        raise InputError(msg)
    return draws.astype(np.float64)


def _with_mean_spend(kind: type[AnyModel], draws: FloatArray, name: str) -> FloatArray:
    """Draws, shape (k, n), in which the mean spend exists."""
    if kind is not GammaGammaModel:
        return draws
    exists = draws[kind.kernel.parameters.index("q")] > 1.0
    share = 1.0 - float(exists.mean())
    if share > 0.5:
        msg = (
            f"In {share:.0%} of the draws of this {name} q is 1 or less, where the mean spend does "
            "not exist. Fit clvmodels.GammaGammaModel to the customers: it keeps q above 1."
        )
        raise InputError(msg)
    if share:
        msg = (
            f"In {share:.1%} of the draws of this {name} q is 1 or less, where the mean spend does "
            "not exist. They were left out; single large orders may decide the mean."
        )
        warnings.warn(UntrustworthyModelWarning(msg), stacklevel=3)
    return draws[:, exists]


def _density(kind: type[AnyModel], data: Any, unit: TimeUnit) -> LogDensity | None:
    """Likelihood of the customers that came with a fit, None if they lack a column."""
    is_spend = kind is GammaGammaModel
    needed = ["frequency", "monetary_value"] if is_spend else ["frequency", "recency", "T"]
    if any(name not in data for name in needed):
        return None
    arrays = {
        name: np.asarray(data[name], dtype=np.float64)
        for name in (*needed, "weight")
        if name in data
    }
    if is_spend:
        x, unknown = arrays["frequency"].astype(np.int64), np.full(len(arrays["frequency"]), np.nan)
        money, weight = arrays["monetary_value"], arrays.get("weight")
        orders = CustomerColumns(x, unknown, unknown, money, unit, weight=weight).orders()
        spent = orders.frequency, orders.monetary_value
        return _likelihood(kind, spent, orders.weights, orders.weights * orders.frequency)
    triples = CustomerColumns.from_mapping(arrays, unit).triples()
    histories = triples.frequency, triples.recency, triples.age
    return _likelihood(kind, histories, triples.weights, triples.weights)


def _likelihood(
    kind: type[AnyModel], columns: tuple[Any, ...], weight: FloatArray, counts: FloatArray
) -> LogDensity:
    """Likelihood in coordinates whose scale is the mean of the last column by ``counts``."""
    mean = float((columns[-1] * counts).sum() / counts.sum()) if counts.any() else 0.0
    return LogDensity(kind.kernel, columns, weight, mean or 1.0, with_prior=False)


def _at_scale(fit: Fit, scale: float) -> Fit:
    """The same parameters in the coordinates of another scale."""
    coordinates = fit.kernel.to_coordinates(fit.parameters, scale)
    return replace(fit, scale=scale, coordinates=coordinates)


def _judged(fit: Fit, density: LogDensity | None, subject: str, *, is_mode: bool) -> Fit:
    """Fit at a point with what the likelihood says there; a claim to be the mode is checked."""
    if density is None:
        return fit
    fit = _at_scale(fit, density.scale)
    value, gradient = density.value_and_gradient(fit.coordinates)
    hessian = density.hessian(fit.coordinates)
    eigenvalue = float(np.linalg.eigvalsh(hessian).max())
    covariance: FloatArray = np.full_like(hessian, np.nan)
    distance = math.nan
    if eigenvalue < 0.0:
        covariance = np.asarray(np.linalg.inv(-hessian), dtype=np.float64)
        distance = math.sqrt(float(gradient @ covariance @ gradient))
    converged = eigenvalue < 0.0 and (distance < _NEAR_MODE or not is_mode)
    if not converged:
        reason = (
            f"stopped {distance:.2g} standard errors from the maximum of the likelihood"
            if eigenvalue < 0.0
            else "is where the likelihood has not the curvature of a maximum"
        )
        msg = f"{subject} {reason}. Fit the customers here instead of taking its parameters."
        warnings.warn(ConvergenceWarning(msg), stacklevel=3)
    return replace(
        fit,
        coordinate_covariance=covariance,
        log_likelihood=value,
        customers=float(density.weight.sum()),
        diagnostics={
            "converged": converged,
            "held_at_bound": [],
            "distance_to_mode_in_sd": distance,
            "largest_gradient": float(np.abs(gradient).max()),
            "largest_hessian_eigenvalue": eigenvalue,
            "distinct_entries": len(density.weight),
        },
    )


def _covariance_of_fitter(fit: Fit, variance: FloatArray) -> FloatArray:
    """Coordinate covariance from a fitter's ``variance_matrix_``.

    Its column j is the covariance of the logarithms times θ_j², right on the diagonal only.
    """
    theta = fit.parameters
    covariance = variance * theta[:, None] / theta
    to_coordinates = np.linalg.inv(fit.kernel.jacobian(fit.coordinates, fit.scale))
    result: FloatArray = to_coordinates @ covariance @ to_coordinates.T
    return 0.5 * (result + result.T)


def _diagnose_draws(draws: FloatArray, stats: Any, name: str) -> dict[str, Any]:
    """Evidence that chains have seen the posterior."""
    rhat = max(_split_rhat(np.log(values)) for values in draws)
    converged = rhat < _LARGEST_RHAT
    if not converged:
        msg = (
            f"The chains of this {name} disagree (R̂ = {rhat:.3g}, at most {_LARGEST_RHAT} is "
            "fine). Sample longer, or fit the customers here."
        )
        warnings.warn(ConvergenceWarning(msg), stacklevel=3)
    return {
        "converged": converged,
        "held_at_bound": [],
        "largest_rhat": rhat,
        "chains": draws.shape[1],
        "draws": draws.shape[2],
        "divergences": int(np.sum(stats["diverging"].values)) if "diverging" in stats else None,
    }


def _split_rhat(draws: FloatArray) -> float:
    """R̂ of half chains (Vehtari et al. 2021), shape (chains, draws); NaN if it does not exist."""
    half = draws.shape[1] // 2
    if half < 2:
        return math.nan
    halves = np.concatenate([draws[:, :half], draws[:, -half:]])
    within = float(halves.var(axis=1, ddof=1).mean())
    between = float(halves.mean(axis=1).var(ddof=1))
    return math.sqrt((half - 1) / half + between / within) if within > 0.0 else math.nan
