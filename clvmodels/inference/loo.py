"""How well a model would have predicted each customer from all the others.

Leave-one-out by Pareto-smoothed importance sampling (Vehtari, Gelman & Gabry 2017), over distinct
customers: leaving out any one of those who share an entry comes to the same, so the entry is
computed once and counted with its weight.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clvmodels.inference.laplace import LARGEST_PARETO_K
from clvmodels.inference.posterior import Posterior
from clvmodels.inference.psis import smooth_weights
from clvmodels.kernels.base import FloatArray, weighted_sum
from clvmodels.showing import ShownAsFacts

# Log-likelihoods in memory at once: 8 MB.
_CELLS_AT_ONCE = 1 << 20


@dataclass(frozen=True, repr=False)
class LeaveOneOut(ShownAsFacts):
    """Expected log predictive density of customers who were left out.

    Attributes
    ----------
    pointwise, fitted : (n,)
        Log predictive density of one customer of each entry, left out and not left out.
    pareto_k : (n,)
        How heavy the tail of the importance weights is; above 0.7 the entry is not reliable.
    weight : (n,)
        Customers behind each entry.
    """

    pointwise: FloatArray
    fitted: FloatArray
    pareto_k: FloatArray
    weight: FloatArray

    @property
    def elpd(self) -> float:
        """Sum over customers; higher is better."""
        return weighted_sum(self.weight, self.pointwise)

    @property
    def standard_error(self) -> float:
        """Of `elpd`, from how much customers differ."""
        return _error_of_sum(self.pointwise, self.weight)

    @property
    def effective_parameters(self) -> float:
        """By how much the fit to customers who were not left out looks better."""
        return weighted_sum(self.weight, self.fitted - self.pointwise)

    @property
    def unreliable_customers(self) -> float:
        """Customers whose Pareto k is above 0.7."""
        return float(self.weight[~(self.pareto_k <= LARGEST_PARETO_K)].sum())

    def less(self, other: LeaveOneOut) -> tuple[float, float]:
        """Difference of `elpd` from another model's on the same entries, and its standard error."""
        difference = self.pointwise - other.pointwise
        return weighted_sum(self.weight, difference), _error_of_sum(difference, self.weight)

    def _facts(self) -> dict[str, str]:
        unreliable, customers = self.unreliable_customers, float(self.weight.sum())
        return {
            "elpd": f"{self.elpd:,.1f} ± {self.standard_error:,.1f}",
            "effective parameters": f"{self.effective_parameters:.1f}",
            "customers": f"{customers:,.0f}",
            "unreliable customers": f"{unreliable:,.0f} (Pareto k above {LARGEST_PARETO_K:g})",
        }


def leave_one_out(
    posterior: Posterior, columns: tuple[NDArray[Any], ...], weight: FloatArray
) -> LeaveOneOut:
    """Leave each customer out in turn, without a fit of its own.

    Parameters
    ----------
    columns
        What the kernel's likelihood takes, n entries each.
    weight : (n,)
        Customers behind each entry.
    """
    n, thetas = len(weight), posterior.parameters.T[:, :, None]
    draws = thetas.shape[1]
    pointwise, fitted, pareto_k = np.empty(n), np.empty(n), np.empty(n)
    block = max(_CELLS_AT_ONCE // draws, 1)
    for start in range(0, n, block):
        part = slice(start, start + block)
        here = tuple(column[part] for column in columns)
        log_likelihood = np.ascontiguousarray(posterior.kernel.log_likelihood(thetas, *here).T)
        fitted[part] = _log_sum_exp(log_likelihood) - math.log(draws)
        log_weights, pareto_k[part] = smooth_weights(-log_likelihood)
        pointwise[part] = _log_sum_exp(log_weights + log_likelihood)
    return LeaveOneOut(pointwise, fitted, pareto_k, weight)


def _log_sum_exp(values: FloatArray) -> FloatArray:
    """Over each row; `scipy`'s takes several times as long."""
    top = values.max(axis=1)
    total: FloatArray = top + np.log(np.exp(values - top[:, None]).sum(axis=1))
    return total


def _error_of_sum(values: FloatArray, weight: FloatArray) -> float:
    customers = float(weight.sum())
    away = values - weighted_sum(weight, values) / customers
    return math.sqrt(weighted_sum(weight, away**2))
