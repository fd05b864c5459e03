"""The whole predictive distribution of what each customer will do."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from clvmodels.errors import NoSpendModelError, ParameterError, UndiscountedLifetimeError
from clvmodels.kernels.base import FloatArray
from clvmodels.models.data import customer_index, in_order
from clvmodels.models.gamma_gamma import GammaGammaModel
from clvmodels.models.purchases import PurchaseModel
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import DAYS_PER_UNIT, Duration
from clvmodels.value.averaging import FIRST_DRAWS, Averaging, Averagings
from clvmodels.value.mixture import Mixture
from clvmodels.value.parameters import Pair, parameter_pairs
from clvmodels.value.plug_in import PlugIn, mixed_outlook
from clvmodels.value.terms import ValueTerms, check_interval

if TYPE_CHECKING:
    import pandas as pd

# Levels up to this one are exact to the tables' 1e-4; beyond it the tail goes on as a power.
_TOP = 0.9995
_INTERVAL = 0.9
# Who doesn't buy within this many days never does.
_NEVER_DAYS, _AT_ONCE_DAYS = 3.7e6, 1e-6


class Predictive:
    """Distribution of each customer's purchases, spend and value within a horizon.

    Everything is averaged over the posterior, with as many of its points as change an answer
    (``averaging``). Results are pandas objects indexed by ``customer_id``, in the order of the
    input. Spend is what the customer pays, undiscounted; value is discounted, after margin and
    costs. Money needs a spend model, undiscounted quantities a horizon that ends.

    Parameters
    ----------
    purchases, spend
        Fitted models.
    terms
        Horizon, and what value means.
    columns
        The customers.
    seed
        For value beyond a year or with a cost per order, which is simulated.
    averagings
        Decisions on averaging to share with others; by default it takes its own.
    """

    def __init__(
        self,
        purchases: PurchaseModel,
        spend: GammaGammaModel | None,
        terms: ValueTerms,
        columns: CustomerColumns,
        seed: int = 0,
        averagings: Averagings | None = None,
    ) -> None:
        self._models: Pair = (purchases, spend)
        self._averagings = averagings or Averagings()
        self.terms, self._columns, self._seed = terms, columns, seed

    @cached_property
    def averaging(self) -> Averaging:
        """Over how many points of the posterior predictions are averaged, and the error left."""
        return self._averagings.of(*self._models, self.terms, check_interval(_INTERVAL))

    @cached_property
    def _mixture(self) -> Mixture:
        if self.averaging.draws_used == 1:
            return self._mixed([self._models])
        return self._mixed(parameter_pairs(*self._models, self.averaging.draws_used))

    def _mixed(self, pairs: list[Pair]) -> Mixture:
        levels = (1.0 - _TOP, 0.5, _TOP)
        parts = [PlugIn(*pair, self.terms, levels, self._seed, always_spend=True) for pair in pairs]
        return Mixture(parts, self._columns, mixed_outlook(parts))

    def __repr__(self) -> str:
        horizon = "a lifetime" if self.terms.horizon.is_lifetime else str(self.terms.horizon)
        money = "purchases" if self._models[1] is None else "purchases, spend and value"
        return f"Predictive ({money} of {len(self._columns):,} customers within {horizon})"

    def probability_alive(self) -> pd.Series:
        """Probability that the customer will still buy."""
        return self._series(self._mixture.alive.mean(axis=0), "probability_alive")

    def expected_purchases(self) -> pd.Series:
        """Expected number of purchases."""
        self._ends()
        return self._series(self._mixture.expected_purchases.mean(axis=0), "expected_purchases")

    def purchase_pmf(self, k_max: int | None = None) -> pd.DataFrame:
        """P(k purchases), one column per k; by default less than 1e-9 is left out."""
        import pandas as pd

        if k_max is not None:
            _whole("k_max", k_max)

        each = [
            part.purchases.purchase_pmf(self._columns, self.terms.horizon, k_max)
            for part in self._mixture.parts
        ]
        pmf = np.zeros((len(self._columns), max(part.shape[1] for part in each)))
        for part in each:
            pmf[:, : part.shape[1]] += part / len(each)
        return pd.DataFrame(pmf, index=customer_index(self._columns))

    def purchase_cdf(self, k: int) -> pd.Series:
        """P(at most k purchases)."""
        _whole("k", k)
        most = np.full(len(self._columns), k, dtype=np.int64)
        return self._series(self._mixture.purchases_cdf(most), "purchase_cdf")

    def purchase_quantile(self, level: float) -> pd.Series:
        """Smallest k with P(at most k purchases) ≥ level."""
        return self._series(self._mixture.purchases_quantile(_checked(level)), "purchase_quantile")

    def probability_no_purchase(self) -> pd.Series:
        """P(no purchase within the horizon)."""
        return self.purchase_cdf(0).rename("probability_no_purchase")

    def spend_cdf(self, amount: float | FloatArray) -> pd.Series:
        """P(total spend ≤ amount); the amount is one number, or one for each customer.

        A pandas Series of amounts may be in any order if it is indexed by ``customer_id``.
        """
        cdf = self._mixture.totals_cdf(self._amounts(amount), np.ones(self._mixture.alive.shape))
        return self._series(cdf, "spend_cdf")

    def probability_spend_above(self, amount: float | FloatArray) -> pd.Series:
        """P(total spend > amount)."""
        return (1.0 - self.spend_cdf(amount)).rename("probability_spend_above")

    def spend_quantile(self, level: float) -> pd.Series:
        """Smallest amount with P(total spend ≤ amount) ≥ level."""
        self._money()
        ones = np.ones(self._mixture.alive.shape)
        return self._series(self._mixture.totals_quantile(_checked(level), ones), "spend_quantile")

    def expected_spend(self) -> pd.Series:
        """Expected total spend, undiscounted."""
        self._money()
        self._ends()
        mixture = self._mixture
        total = mixture.expected_purchases * mixture.spend
        return self._series(total.mean(axis=0), "expected_spend")

    def clv_quantile(self, level: float) -> pd.Series:
        """Smallest value that is not exceeded with a probability of at least ``level``."""
        self._money()
        value = self._mixture.value_quantile(_checked(level)) - self.terms.fixed_cost
        return self._series(value, "clv_quantile")

    def clv_cdf(self, amount: float | FloatArray) -> pd.Series:
        """P(value ≤ amount)."""
        amounts = self._amounts(amount) + self.terms.fixed_cost
        return self._series(self._mixture.value_cdf(amounts), "clv_cdf")

    def expected_clv(self) -> pd.Series:
        """Expected value: discounted, after margin and costs."""
        self._money()
        value = self._mixture.value.mean(axis=0) - self.terms.fixed_cost
        return self._series(value, "expected_clv")

    def probability_purchase_within(self, time: str | Duration) -> pd.Series:
        """P(at least one purchase within a time from now), such as ``"30d"``."""
        ahead = Duration.parse(time).in_unit(self._columns.time_unit)
        if not np.isfinite(ahead):
            ahead = _NEVER_DAYS / DAYS_PER_UNIT[self._columns.time_unit]
        within = self._buys(np.full(len(self._columns), ahead), slice(None))
        return self._series(within, "probability_purchase_within")

    def time_to_next_purchase(self, level: float = 0.5) -> pd.Series:
        """Time by which the next purchase has come with a probability of ``level``.

        In the models' time unit; infinite where it never comes with more than 1 - ``level``.
        """
        from scipy.optimize.elementwise import find_root

        _checked(level)
        per_unit = DAYS_PER_UNIT[self._columns.time_unit]
        result = np.full(len(self._columns), np.inf)
        latest = np.full(len(result), _NEVER_DAYS / per_unit)
        which = np.flatnonzero(self._buys(latest, slice(None)) >= level)
        if len(which):

            def miss(log_time: FloatArray, row: FloatArray) -> FloatArray:
                return self._buys(np.exp(log_time), row.astype(np.int64)) - level

            found = find_root(
                miss,
                (
                    np.full(len(which), np.log(_AT_ONCE_DAYS / per_unit)),
                    np.full(len(which), np.log(_NEVER_DAYS / per_unit)),
                ),
                args=(which.astype(np.float64),),
                tolerances={"xatol": 1e-10, "xrtol": 0.0, "fatol": 0.0, "frtol": 0.0},
            )
            result[which] = np.exp(found.x)
        return self._series(result, "time_to_next_purchase")

    def uncertainty(self) -> pd.DataFrame:
        """What each expectation is uncertain by, told apart by where it comes from.

        Returns
        -------
        pandas.DataFrame
            For ``purchases`` (NaN for a lifetime) and ``clv`` (NaN without a spend model) the
            expectation, ``…_sd_parameters``: how far it would move if the parameters were known
            exactly, and ``…_sd_customer``: how far the customer would then still be from it. Their
            squares add up to the variance of what will be seen.
        """
        import pandas as pd

        mixture = self._mixture
        if len(mixture.parts) < FIRST_DRAWS:
            mixture = self._mixed(parameter_pairs(*self._models, FIRST_DRAWS, by_curvature=True))
        nothing = np.full(len(self._columns), np.nan)
        columns = {
            f"{name}{part}": nothing
            for name in ("purchases", "clv")
            for part in ("", "_sd_parameters", "_sd_customer")
        }
        if not self.terms.horizon.is_lifetime:
            columns["purchases"] = self._mixture.expected_purchases.mean(axis=0)
            columns["purchases_sd_parameters"] = mixture.expected_purchases.std(axis=0)
            columns["purchases_sd_customer"] = _root_mean(mixture.purchases_variance)
        if self._models[1] is not None:
            columns["clv"] = self._mixture.value.mean(axis=0) - self.terms.fixed_cost
            columns["clv_sd_parameters"] = mixture.value.std(axis=0)
            columns["clv_sd_customer"] = _root_mean(mixture.value_variance)
        return pd.DataFrame(columns, index=customer_index(self._columns))

    def _buys(self, ahead: FloatArray, rows: Any) -> FloatArray:
        x, age = self._columns.frequency[rows], self._columns.age[rows]
        within = np.zeros(len(x))
        for part, alive in zip(self._mixture.parts, self._mixture.alive, strict=True):
            theta = part.purchases.fit_.parameters
            within += alive[rows] * (1.0 - part.purchases.kernel.alive_idle(theta, x, age, ahead))
        return within / len(self._mixture.parts)

    def _amounts(self, amount: float | FloatArray) -> FloatArray:
        self._money()
        if np.ndim(amount) > 0:
            amount = in_order(amount, self._columns, "amounts")
        given = np.asarray(amount, dtype=np.float64)
        if np.isnan(given).any():
            raise ParameterError("amount", amount, "numbers")
        return np.broadcast_to(given, (len(self._columns),))

    def _ends(self) -> None:
        if self.terms.horizon.is_lifetime:
            raise UndiscountedLifetimeError

    def _money(self) -> None:
        if self._models[1] is None:
            raise NoSpendModelError

    def _series(self, values: Any, name: str) -> pd.Series:
        import pandas as pd

        return pd.Series(values, index=customer_index(self._columns), name=name)


def _whole(name: str, k: int) -> None:
    if not np.ndim(k) == 0 or k != int(k) or k < 0:
        raise ParameterError(name, k, "a whole number from 0 on")


def _checked(level: float) -> float:
    if not 0.0 < level < 1.0:
        raise ParameterError("level", level, "inside (0, 1)")
    return level


def _root_mean(variance: FloatArray) -> FloatArray:
    root: FloatArray = np.sqrt(variance.mean(axis=0))
    return root
