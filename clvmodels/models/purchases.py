"""The interface of every purchase model: when customers buy, and whether they still do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from clvmodels.errors import UndiscountedLifetimeError, UnitMismatchError
from clvmodels.inference.fit import fit_kernel
from clvmodels.kernels.base import FloatArray, IntArray, PurchaseKernel
from clvmodels.kernels.counts import count_reach
from clvmodels.models.base import Model
from clvmodels.models.data import CustomerData, Customers, as_customers, customer_index
from clvmodels.models.evidence import Evidence
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import Duration, discount_force

if TYPE_CHECKING:
    import pandas as pd

# What a pmf may leave out by default.
_REST = 1e-9


class PurchaseModel(Model):
    """A model of purchases, thin over its kernel.

    Data are what ``log.summarize()`` returns or any data frame with ``frequency``, ``recency``
    and ``T``, in the model's time unit. Predictions come as pandas objects indexed by customer,
    in the order of the input.
    """

    kernel: ClassVar[PurchaseKernel]

    def fit(
        self,
        customers: CustomerData,
        *,
        time_unit: str | None = None,
        method: str = "auto",
        seed: int = 0,
    ) -> Self:
        """Learn the parameters from customers.

        Parameters
        ----------
        customers
            A customer summary, or a data frame together with ``time_unit``.
        time_unit : {"day", "week"}, optional
            Unit of a data frame's recency and T.
        method : {"auto", "laplace", "nuts", "map", "mle"}
            The posterior under weakly informative, scale-free priors, as draws around its mode: by
            importance sampling (``laplace``) or a Markov chain (``nuts``); ``auto`` is laplace,
            and nuts where that cannot be relied on. Its mode alone is ``map``; ``mle`` is maximum
            likelihood.
        seed
            Of the draws; the same one gives the same.

        Warns
        -----
        ConvergenceWarning
            If gradient or Hessian say that the point is not a mode.
        PosteriorWarning
            If importance sampling cannot be relied on.
        """
        data = as_customers(customers, time_unit)
        evidence = self._evidence(data)
        self.fit_ = fit_kernel(
            self.kernel,
            evidence.columns,
            evidence.weight,
            scale=evidence.scale,
            method=method,
            seed=seed,
        )
        self.time_unit_ = data.time_unit
        self.fingerprint_ = data.fingerprint
        return self

    def probability_alive(self, data: CustomerData) -> pd.Series:
        """Probability that each customer will still buy, from 0 to 1."""
        columns = self._columns(data)
        return self._series(columns, self.alive(columns), "probability_alive")

    def expected_purchases(
        self,
        data: CustomerData,
        horizon: str | Duration,
        annual_discount_rate: float = 0.0,
    ) -> pd.Series:
        """Expected number of purchases of each customer within the horizon from now on.

        Parameters
        ----------
        horizon
            Such as ``"26w"``, ``"1y"`` or ``"lifetime"``.
        annual_discount_rate
            Effective rate at which each purchase is discounted to today.

        Raises
        ------
        UndiscountedLifetimeError
            For a lifetime without discounting, which has no finite expectation in general.
        """
        columns = self._columns(data)
        ahead = self.alive_purchases(columns, Duration.parse(horizon), annual_discount_rate)
        return self._series(columns, self.alive(columns) * ahead, "expected_purchases")

    def purchase_pmf(
        self, data: CustomerData, horizon: str | Duration, k_max: int | None = None
    ) -> FloatArray:
        """P(k purchases within the horizon) for k = 0 … k_max, shape (customers, k_max + 1).

        By default ``k_max`` is large enough that less than 1e-9 is left out for every customer.
        """
        columns = self._columns(data)
        span = self._finite(horizon)
        if k_max is None:
            x, age, _ = distinct_pairs(columns)
            reach = count_reach(self.kernel, self._theta, x, age, span, _REST)
            k_max = int(reach.max(initial=0))
        alive = self.alive(columns)[:, None]
        pmf = alive * self._by_pair(
            columns,
            lambda x, age: self.kernel.alive_pmf(self._theta, x, age, span, k_max),
        )
        pmf[:, :1] += 1.0 - alive
        return pmf

    def expected_purchases_new_customer(
        self, horizon: str | Duration, annual_discount_rate: float = 0.0
    ) -> float:
        """Expected repeat purchases of a customer who has just bought for the first time."""
        new = self._new_customer()
        ahead = self.alive_purchases(new, Duration.parse(horizon), annual_discount_rate)
        return float((self.alive(new) * ahead)[0])

    def new_customer_pmf(self, horizon: str | Duration, k_max: int) -> FloatArray:
        """P(k repeat purchases) of a new customer within the horizon, k = 0 … k_max."""
        pmf: FloatArray = self.purchase_pmf(self._new_customer(), horizon, k_max)[0]
        return pmf

    def simulate(self, n: int, horizon: str | Duration, *, seed: int = 0) -> pd.DataFrame:
        """Purchases of ``n`` new customers over a horizon from their first purchase.

        Returns
        -------
        pandas.DataFrame
            One row per purchase: ``customer_id`` (0 … n - 1) and ``time`` since the first
            purchase, which is there too with time 0, in the model's unit.
        """
        import pandas as pd

        rng = np.random.default_rng(seed)
        zeros = np.zeros(n, dtype=np.int64)
        new = self._new_customer()
        times = self.kernel.simulate_alive(
            self._theta, zeros, np.zeros(n), self._finite(horizon), rng
        )
        times[rng.random(n) >= self.alive(new)[0]] = np.inf
        times = np.concatenate([np.zeros((n, 1)), times], axis=1)
        customer, _ = np.nonzero(np.isfinite(times))
        return pd.DataFrame({"customer_id": customer, "time": times[np.isfinite(times)]})

    def simulate_future(
        self, data: CustomerData, horizon: str | Duration, *, seed: int = 0
    ) -> pd.DataFrame:
        """One possible future of each customer, at the estimated parameters.

        Whether a customer is still active is drawn first, then what an active one does. Repeat a
        customer's row for many futures; `at` simulates from other parameters.

        Parameters
        ----------
        data
            The customers, as for every prediction.
        horizon
            How far ahead, such as ``"26w"``; not a lifetime, which may hold no end of purchases.
        seed
            The same one gives the same future.

        Returns
        -------
        pandas.DataFrame
            One row per purchase: ``customer_id`` and ``time`` from now, in the model's unit.
            Customers who don't buy have no row.
        """
        import pandas as pd

        columns, span = self._columns(data), self._finite(horizon)
        rng = np.random.default_rng(seed)
        active = np.flatnonzero(rng.random(len(columns)) < self.alive(columns))
        times = self.kernel.simulate_alive(
            self._theta, columns.frequency[active], columns.age[active], span, rng
        )
        bought = np.isfinite(times)
        ids = customer_index(columns)[active[np.nonzero(bought)[0]]]
        return pd.DataFrame({"customer_id": ids, "time": times[bought]})

    def alive(self, columns: CustomerColumns) -> FloatArray:
        """P(alive) as an array, shape (n,)."""
        return self.kernel.probability_alive(
            self._theta, columns.frequency, columns.recency, columns.age
        )

    def alive_purchases(
        self, columns: CustomerColumns, horizon: Duration, annual_discount_rate: float = 0.0
    ) -> FloatArray:
        """Expected (discounted) purchases of customers who are certainly active, shape (n,)."""
        force = discount_force(annual_discount_rate, self.time_unit_)
        if horizon.is_lifetime and force == 0.0:
            raise UndiscountedLifetimeError
        span = horizon.in_unit(self.time_unit_)
        return self._by_pair(
            columns,
            lambda x, age: self.kernel.alive_purchases(self._theta, x, age, span, force),
        )

    def _by_pair(
        self, columns: CustomerColumns, predict: Callable[[IntArray, FloatArray], FloatArray]
    ) -> FloatArray:
        """Predict once per distinct (x, T) and hand the result to every customer."""
        x, age, which = distinct_pairs(columns)
        return predict(x, age)[which]

    def _columns(self, data: CustomerData) -> CustomerColumns:
        columns = as_customers(data, self._unit_of(data)).columns()
        if columns.time_unit != self.time_unit_:
            raise UnitMismatchError(columns.time_unit, self.time_unit_)
        return columns

    def _finite(self, horizon: str | Duration) -> float:
        duration = Duration.parse(horizon)
        if duration.is_lifetime:
            raise UndiscountedLifetimeError
        _ = self._fitted
        return duration.in_unit(self.time_unit_)

    def _evidence(self, customers: Customers) -> Evidence:
        triples = customers.triples()
        return Evidence(
            names=("frequency", "recency", "T"),
            columns=(triples.frequency, triples.recency, triples.age),
            weight=triples.weights,
            scale=_mean_age(triples),
        )

    def _replicate(
        self, theta: FloatArray, columns: CustomerColumns, rng: np.random.Generator
    ) -> IntArray:
        """Repeat purchases of new customers who are as old as these."""
        n = len(columns)
        none, start = np.zeros(n, dtype=np.int64), np.zeros(n)
        traits = self.kernel.draw_traits(theta, none, start, rng)
        bought = rng.poisson(traits.rate * np.minimum(traits.life, columns.age))
        stays = rng.random(n) < self.kernel.probability_alive(theta, none, start, start)
        return np.where(stays, np.minimum(bought, traits.purchases_left), 0)

    def _new_customer(self) -> CustomerColumns:
        _ = self._fitted
        zero = np.zeros(1)
        return CustomerColumns(
            frequency=np.zeros(1, dtype=np.int64),
            recency=zero,
            age=zero,
            monetary_value=np.full(1, np.nan),
            time_unit=self.time_unit_,
        )

    @staticmethod
    def _series(columns: CustomerColumns, values: FloatArray, name: str) -> pd.Series:
        import pandas as pd

        return pd.Series(values, index=customer_index(columns), name=name)


def _mean_age(triples: CustomerColumns) -> float:
    weight = triples.weights
    total = float(weight.sum())
    mean = float((triples.age * weight).sum()) / total if total else 0.0
    # All customers may have come on the last day; any positive scale then serves the prior.
    return mean or 1.0


def distinct_pairs(columns: CustomerColumns) -> tuple[IntArray, FloatArray, IntArray]:
    """Distinct (x, T), and for each customer the position of theirs."""
    return columns.pairs
