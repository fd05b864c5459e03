"""How much the posterior leans on its prior, and on the data.

Power-scaling (Kallioinen, Paananen, Bürkner & Vehtari 2024): the draws are weighted as if prior or
likelihood had been raised to a power near 1, and the distance that each parameter moves is told.
"""

from __future__ import annotations

import math

import numpy as np

from clvmodels.inference.psis import smooth_weights
from clvmodels.kernels.base import FloatArray

# Above this, a parameter is called sensitive.
SENSITIVE = 0.05
_STEP = 0.01


def power_sensitivity(values: FloatArray, log_component: FloatArray) -> FloatArray:
    """Distance that each quantity moves per doubling of a component, shape (m,).

    Parameters
    ----------
    values : (draws, m)
        Quantities at equally weighted draws.
    log_component : (draws,)
        Log-density of what is scaled: the prior, or the likelihood.
    """
    moved = np.zeros(values.shape[1])
    for power in (1.0 / (1.0 + _STEP), 1.0 + _STEP):
        log_weights, _ = smooth_weights((power - 1.0) * log_component)
        weights = np.exp(log_weights)
        # The distance depends on the direction; the larger counts.
        moved += [
            max(_distance(column, weights), _distance(-column, weights)) for column in values.T
        ]
    return moved / (2.0 * math.log2(1.0 + _STEP))


def rescaled_moments(
    values: FloatArray, log_component: FloatArray, power: float
) -> tuple[FloatArray, FloatArray, float]:
    """Mean and sd of quantities (draws, m) with a component raised to a power, and Pareto k."""
    log_weights, pareto_k = smooth_weights((power - 1.0) * log_component)
    weights = np.exp(log_weights)
    mean = weights @ values
    return mean, np.sqrt(weights @ (values - mean) ** 2), float(pareto_k)


def _distance(values: FloatArray, weights: FloatArray) -> float:
    """Cumulative Jensen-Shannon distance of draws from the same draws with weights, 0 to 1.

    Symmetric and normalised: Nguyen & Vreeken (2015).
    """
    order = np.argsort(values, kind="stable")
    width = np.diff(values[order])
    n = len(values)
    p = np.arange(1, n) / n
    q = np.cumsum(weights[order])[:-1]
    middle = 0.5 * (p + q)
    divergence = width @ (p * np.log2(p / middle) + q * np.log2(np.maximum(q, 1e-300) / middle))
    bound = width @ (p + q)
    return math.sqrt(max(float(divergence / bound), 0.0)) if bound > 0.0 else 0.0
