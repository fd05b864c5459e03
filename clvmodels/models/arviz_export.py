"""A fitted model and its data as ArviZ holds them."""

from __future__ import annotations

from typing import Any

import numpy as np

from clvmodels.inference.compat import labelled_groups
from clvmodels.inference.posterior import Posterior
from clvmodels.models.evidence import Evidence

# Name of the axis of distinct customers, and of their likelihood.
ENTRY, LIKELIHOOD = "entry", "customer"


def to_arviz(
    posterior: Posterior,
    evidence: Evidence,
    prior_draws: int,
    rng: np.random.Generator,
    *,
    log_likelihood: bool,
) -> Any:
    """Groups posterior, prior, log_likelihood, observed_data and constant_data.

    Returns
    -------
    arviz.InferenceData or xarray.DataTree
        As the installed release of ArviZ has it.
    """
    kernel = posterior.kernel
    chains = posterior.chains
    thetas = posterior.parameters.reshape(chains, -1, len(kernel.parameters))
    z = rng.normal(kernel.prior_mean, kernel.prior_sd, (prior_draws, thetas.shape[-1]))
    prior = kernel.from_coordinates(z.T, posterior.scale).T[None]
    groups = {
        "posterior": {name: thetas[..., i] for i, name in enumerate(kernel.parameters)},
        "prior": {name: prior[..., i] for i, name in enumerate(kernel.parameters)},
        "observed_data": dict(zip(evidence.names, evidence.columns, strict=True)),
        "constant_data": {"weight": evidence.weight},
    }
    names = [*evidence.names, "weight"]
    if log_likelihood:
        each = kernel.log_likelihood(posterior.parameters.T[:, :, None], *evidence.columns)
        groups["log_likelihood"] = {LIKELIHOOD: each.reshape(chains, -1, len(evidence.weight))}
        names.append(LIKELIHOOD)
    return labelled_groups(
        groups,
        dims={name: [ENTRY] for name in names},
        coords={ENTRY: np.arange(len(evidence.weight))},
    )
