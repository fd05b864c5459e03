"""What researchers ask of a fitted model: its PyMC twin, ArviZ, checks of the model itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from clvmodels.errors import InputError, UnitMismatchError
from clvmodels.inference.fit import Fit
from clvmodels.inference.loo import LeaveOneOut, leave_one_out
from clvmodels.inference.posterior import Posterior
from clvmodels.inference.sensitivity import SENSITIVE, power_sensitivity, rescaled_moments
from clvmodels.kernels.base import FloatArray, Kernel
from clvmodels.models.data import CustomerData, Customers, as_customers
from clvmodels.models.evidence import Evidence
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import TimeUnit

if TYPE_CHECKING:
    import pandas as pd
    import pymc as pm


class Analysed(ABC):
    """Analyses that need the data again, since a model doesn't keep them."""

    kernel: ClassVar[Kernel]
    time_unit_: TimeUnit
    fingerprint_: str | None

    @property
    @abstractmethod
    def _fitted(self) -> Fit:
        """The fit, or an error that there is none."""

    @property
    @abstractmethod
    def _draws(self) -> Posterior:
        """Draws of the posterior, or an error that there are none."""

    @abstractmethod
    def _evidence(self, customers: Customers) -> Evidence:
        """What the model learns from."""

    @abstractmethod
    def _replicate(
        self, theta: FloatArray, columns: CustomerColumns, rng: np.random.Generator
    ) -> NDArray[Any]:
        """The same customers over again, as the parameters would have them, shape (n,)."""

    def to_pymc(self, customers: CustomerData, *, time_unit: str | None = None) -> pm.Model:
        """PyMC model of the same likelihood and priors, to sample or to extend.

        Its variables are the scale-free coordinates; natural parameters are deterministic, and
        the likelihood of all customers is the potential ``likelihood``. It has first derivatives.
        The model need not be fitted.
        """
        from clvmodels.inference.pymc_model import pymc_model

        unit = time_unit or getattr(self, "time_unit_", None)
        data = as_customers(customers, None if hasattr(customers, "time_unit") else unit)
        return pymc_model(self._evidence(data).density(self.kernel))

    def to_arviz(
        self,
        customers: CustomerData,
        *,
        log_likelihood: bool = True,
        prior_draws: int = 1_000,
        seed: int = 0,
    ) -> Any:
        """Posterior and data for ArviZ: `InferenceData`, or `DataTree` from ArviZ 1 on.

        Groups: ``posterior`` and ``prior`` hold the natural parameters; ``observed_data`` the
        distinct customers and ``constant_data`` how many share each; ``log_likelihood`` one of
        them at each draw. ArviZ's own ``loo`` knows no weights; `loo` does.

        Parameters
        ----------
        log_likelihood
            Whether to include it: it has as many numbers as draws times distinct customers.

        Raises
        ------
        NoDrawsError
            If the model has a point estimate only.
        """
        from clvmodels.models.arviz_export import to_arviz

        draws = self._draws
        evidence = self._evidence(self._same_unit(customers))
        rng = np.random.default_rng(seed)
        return to_arviz(draws, evidence, prior_draws, rng, log_likelihood=log_likelihood)

    def loo(self, customers: CustomerData) -> LeaveOneOut:
        """How well each customer is predicted from all the others, by PSIS-LOO with weights.

        Raises
        ------
        NoDrawsError
            If the model has a point estimate only.
        InputError
            If the customers are not those of the fit.
        """
        draws, data = self._draws, self._same_unit(customers)
        if data.fingerprint != self.fingerprint_:
            msg = (
                f"These are not the customers that this {type(self).__name__} was fitted to, so "
                "there is nobody to leave out. Give those, or fit the model to these."
            )
            raise InputError(msg)
        evidence = self._evidence(data)
        return leave_one_out(draws, evidence.columns, evidence.weight)

    def prior_sensitivity(self, customers: CustomerData) -> pd.DataFrame:
        """How far each parameter moves if prior or likelihood count for more, by power-scaling.

        Returns
        -------
        pandas.DataFrame
            One row per parameter. ``prior`` and ``likelihood``: cumulative Jensen-Shannon distance
            per doubling; 0.05 and more is sensitive. ``mean_shift`` (in posterior sds) and
            ``sd_ratio``: what the draws would become with the prior squared, as if it had been
            said twice. ``finding``: in words, empty if there is nothing to look at.

        Raises
        ------
        NoDrawsError
            If the model has a point estimate only.
        """
        import pandas as pd

        draws = self._draws
        evidence = self._evidence(self._same_unit(customers))
        log_prior = self.kernel.log_priors(draws.coordinates)
        log_likelihood = evidence.density(self.kernel, draws.scale).values(draws.coordinates)
        log_likelihood -= log_prior
        # In logarithms, so that a few wild draws of a ratio don't speak for all.
        values = np.log(draws.parameters)
        prior = power_sensitivity(values, log_prior)
        likelihood = power_sensitivity(values, log_likelihood)
        mean, sd, _ = rescaled_moments(values, log_prior, power=2.0)
        return pd.DataFrame(
            {
                "prior": prior,
                "likelihood": likelihood,
                "mean_shift": (mean - values.mean(axis=0)) / values.std(axis=0),
                "sd_ratio": sd / values.std(axis=0),
                "finding": [_finding(*each) for each in zip(prior, likelihood, strict=True)],
            },
            index=pd.Index(self.kernel.parameters, name="parameter"),
        )

    def prior_predictive(
        self, customers: CustomerData, draws: int = 500, *, seed: int = 0
    ) -> NDArray[Any]:
        """What the priors alone expect of customers observed as long as these.

        Returns
        -------
        (draws, customers)
            Repeat purchases of each customer (purchase models), or the mean of as many orders as
            theirs (Gamma-Gamma; NaN without any).
        """
        kernel, rng = self.kernel, np.random.default_rng(seed)
        z = rng.normal(kernel.prior_mean, kernel.prior_sd, (draws, len(kernel.prior_mean)))
        return self._replicates(customers, z, rng)

    def posterior_predictive(
        self, customers: CustomerData, draws: int = 500, *, seed: int = 0
    ) -> NDArray[Any]:
        """The same customers over again, as the fitted model would have them, to compare.

        Returns
        -------
        (draws, customers)
            As from `prior_predictive`.

        Raises
        ------
        NoDrawsError
            If the model has a point estimate only.
        """
        known, rng = self._draws.coordinates, np.random.default_rng(seed)
        chosen = rng.choice(len(known), draws, replace=draws > len(known))
        return self._replicates(customers, known[chosen], rng)

    def _replicates(
        self, customers: CustomerData, coordinates: FloatArray, rng: np.random.Generator
    ) -> NDArray[Any]:
        columns = self._same_unit(customers).columns()
        thetas = self.kernel.from_coordinates(coordinates.T, self._fitted.scale).T
        return np.array([self._replicate(theta, columns, rng) for theta in thetas])

    def _same_unit(self, customers: CustomerData) -> Customers:
        """The customers, who must be in the unit of the parameters."""
        _ = self._fitted
        data = as_customers(customers, None if hasattr(customers, "time_unit") else self.time_unit_)
        if data.time_unit != self.time_unit_:
            raise UnitMismatchError(data.time_unit, self.time_unit_)
        return data


def _finding(prior: float, likelihood: float) -> str:
    """As Kallioinen et al. read the two."""
    if prior < SENSITIVE:
        return ""
    if likelihood < SENSITIVE:
        return "strong prior or weak data"
    return "prior and data pull apart"
