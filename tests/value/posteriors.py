"""Fitted models with draws, for tests."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np

from clvmodels.inference.posterior import Posterior
from clvmodels.models.base import Model

Fitted = TypeVar("Fitted", bound=Model)


def with_draws(model: Fitted, draws: int = 1000, shrunk: float = 1.0, seed: int = 0) -> Fitted:
    """The model with normal draws around its mode, their spread multiplied by ``shrunk``."""
    fit = model.fit_
    covariance = fit.coordinate_covariance * shrunk**2
    z = np.random.default_rng(seed).multivariate_normal(fit.coordinates, covariance, size=draws)
    model.fit_ = replace(fit, posterior=Posterior(model.kernel, z, fit.scale, "laplace"))
    return model
