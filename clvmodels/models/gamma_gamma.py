"""Gamma-Gamma as users hold it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Self

import numpy as np

from clvmodels.errors import InputError
from clvmodels.inference.fit import fit_kernel
from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.kernels.gamma_gamma import GammaGamma
from clvmodels.models.base import Model
from clvmodels.models.data import CustomerData, Customers, as_customers, customer_index
from clvmodels.models.evidence import Evidence
from clvmodels.transactions.columns import CustomerColumns

if TYPE_CHECKING:
    import pandas as pd


class GammaGammaModel(Model):
    """Gamma-Gamma: each customer spends around a mean of their own, apart from how often.

    Parameters ``p`` (shape of one purchase), ``q, gamma`` (its rate ν ~ Gamma(q, rate gamma)
    varies between customers). It learns from the mean of repeat purchase days; customers whose
    mean is 0 are left out and get the prior. Source: Fader, Hardie & Lee (2005), Journal of
    Marketing Research 42(4); Fader & Hardie's note 025.

    Examples
    --------
    >>> import clvmodels as clv
    >>> model = clv.GammaGammaModel.from_params(
    ...     {"p": 6.25, "q": 3.74, "gamma": 15.44}, time_unit="week"
    ... )
    >>> round(model.mean_spend_, 2)
    35.22
    """

    kernel: GammaGamma = GammaGamma()  # type: ignore[misc]

    def fit(
        self,
        customers: CustomerData,
        *,
        time_unit: str | None = None,
        method: str = "auto",
        seed: int = 0,
    ) -> Self:
        """Learn the parameters from customers with at least one repeat purchase.

        Parameters
        ----------
        customers
            A customer summary, or a data frame with ``frequency`` and ``monetary_value`` together
            with ``time_unit``.
        method : {"auto", "laplace", "nuts", "map", "mle"}
            As for purchases. Each keeps q above 1, so that the mean spend exists; data that prefer
            q ≤ 1 end in a `ConvergenceWarning`.
        seed
            Of the draws; the same one gives the same.

        Raises
        ------
        InputError
            If no customer has a repeat purchase with an amount above 0.
        """
        data = as_customers(customers, time_unit)
        orders = _orders(data)
        evidence = _spend_evidence(orders)
        fit = fit_kernel(
            self.kernel,
            evidence.columns,
            evidence.weight,
            scale=evidence.scale,
            method=method,
            seed=seed,
        )
        if orders.bin_width:
            error = self.kernel.binning_error(
                fit.parameters, orders.frequency, orders.weights, orders.bin_width
            )
            fit = replace(fit, diagnostics=fit.diagnostics | {"binning_error": error})
        self.fit_ = fit
        self.time_unit_ = data.time_unit
        self.fingerprint_ = data.fingerprint
        return self

    @property
    def mean_spend_(self) -> float:
        """Mean spend per purchase over the population, in money."""
        return float(self.spend(np.zeros(1, dtype=np.int64), np.zeros(1))[0])

    def expected_spend(self, data: CustomerData) -> pd.Series:
        """Expected spend per future purchase of each customer, in money."""
        import pandas as pd

        columns = as_customers(data, self._unit_of(data)).columns()
        values = self.spend(*spend_evidence(columns))
        return pd.Series(values, index=customer_index(columns), name="expected_spend")

    def spend(self, n: IntArray, mean: FloatArray) -> FloatArray:
        """Expected spend per purchase given n purchases of a mean amount, shape (n,)."""
        return self.kernel.mean_spend(self._theta, n, mean)

    def _evidence(self, customers: Customers) -> Evidence:
        return _spend_evidence(_orders(customers))

    def _replicate(
        self, theta: FloatArray, columns: CustomerColumns, rng: np.random.Generator
    ) -> FloatArray:
        """Mean order values of new customers who have bought as often as these."""
        p, q, gamma = theta
        x, _ = spend_evidence(columns)
        bought = np.maximum(x, 1)
        rate = rng.gamma(q, 1.0 / gamma, len(x))
        return np.where(x > 0, rng.gamma(p * bought) / (rate * bought), np.nan)

    @classmethod
    def _domain(cls) -> str:
        return "such that q is above 1; otherwise the mean spend does not exist"


def _orders(customers: Customers) -> CustomerColumns:
    orders = customers.orders()
    if not len(orders):
        msg = (
            "No customer has a repeat purchase with an amount above 0, so there is no spend "
            "to learn from. Check the amount column, or model purchases alone."
        )
        raise InputError(msg)
    return orders


def _spend_evidence(orders: CustomerColumns) -> Evidence:
    weight = orders.weights
    bought = orders.frequency * weight
    return Evidence(
        names=("frequency", "monetary_value"),
        columns=(orders.frequency, orders.monetary_value),
        weight=weight,
        scale=float((orders.monetary_value * bought).sum() / bought.sum()),
    )


def spend_evidence(columns: CustomerColumns) -> tuple[IntArray, FloatArray]:
    """How many purchases tell about each customer's spend, and their mean.

    A customer without repeat purchases, or whose mean is 0, has told nothing: (0, 0).
    """
    known = columns.monetary_value > 0.0
    return np.where(known, columns.frequency, 0), np.where(known, columns.monetary_value, 0.0)
