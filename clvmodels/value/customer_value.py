"""Customer lifetime value as users hold it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from clvmodels.models.data import CustomerData, as_customers, customer_index
from clvmodels.models.gamma_gamma import GammaGammaModel
from clvmodels.models.purchases import PurchaseModel
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import Duration
from clvmodels.value.scorer import Scorer
from clvmodels.value.simple_formula import SimpleFormula, simple_formula
from clvmodels.value.terms import ValueTerms, check_interval
from clvmodels.value.totals import ValueGroups, ValueTotals, value_totals

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class NewCustomer:
    """What to expect of a customer who has just bought for the first time.

    The first purchase itself is not counted. Money is NaN without a spend model.
    """

    expected_purchases: float
    clv: float
    clv_lower: float
    clv_median: float
    clv_upper: float


@dataclass(frozen=True)
class CustomerValue:
    """Value of customers from a purchase model and a spend model.

    Parameters
    ----------
    purchases : PurchaseModel
        Fitted model of purchases.
    spend : GammaGammaModel or None
        Fitted model of spend; None where the log has no amounts.
    margin : float
        Share of each amount that is profit.
    annual_discount_rate : float
        Effective yearly rate; 0.10 is 10 %.
    cost_per_order, cost_per_customer_year : float
        Money; the latter is paid for every customer over the whole horizon.
    seed : int
        For horizons beyond a year and costs per order, whose intervals are simulated.
    """

    purchases: PurchaseModel
    spend: GammaGammaModel | None
    margin: float = 1.0
    annual_discount_rate: float = 0.10
    cost_per_order: float = 0.0
    cost_per_customer_year: float = 0.0
    seed: int = 0

    def predict(
        self, customers: CustomerData, horizon: str | Duration = "1y", interval: float = 0.9
    ) -> pd.DataFrame:
        """Scores of every customer, indexed by ``customer_id`` in the order of the input.

        Parameters
        ----------
        customers
            A customer summary, or a data frame in the models' time unit.
        horizon
            Such as ``"1y"`` or ``"lifetime"``.
        interval : float
            Probability of the predictive intervals.

        Returns
        -------
        pandas.DataFrame
            The score columns of the data contract but the segment's. The intervals cover what
            the customer will do, not only the parameters.
        """
        import pandas as pd

        columns = self._columns(customers)
        known: Any = customers
        frame = known.to_pandas() if hasattr(known, "to_pandas") else known
        index = customer_index(columns)
        facts = {
            name: np.asarray(frame[name])
            for name in ("first_purchase", "last_purchase")
            if hasattr(frame, "index") and name in frame
        } | {
            "frequency": columns.frequency,
            "recency": columns.recency,
            "T": columns.age,
            "monetary_value": columns.monetary_value,
        }
        scores = self.scorer(horizon, interval).score(columns)
        return pd.DataFrame({**facts, **scores}, index=index)

    def total(
        self, customers: CustomerData, horizon: str | Duration = "1y", interval: float = 0.9
    ) -> ValueTotals:
        """Purchases and value of the base, with intervals that cover common shocks too."""
        columns = self._columns(customers)
        check_interval(interval)
        return value_totals(ValueGroups.of(columns), self.scorer(horizon, interval), interval)

    def new_customer(self, horizon: str | Duration = "1y", interval: float = 0.9) -> NewCustomer:
        """What to expect of a customer who has just bought for the first time."""
        zero = np.zeros(1)
        columns = CustomerColumns(
            np.zeros(1, dtype=np.int64), zero, zero, np.full(1, np.nan), self.purchases.time_unit_
        )
        scores = self.scorer(horizon, interval).score(columns)
        return NewCustomer(
            *(
                float(scores[name][0])
                for name in ("expected_purchases", "clv", "clv_lower", "clv_median", "clv_upper")
            )
        )

    def simple_formula(
        self, customers: CustomerData, horizon: str | Duration = "1y"
    ) -> SimpleFormula:
        """The simple formula for the base on the same terms, with each input shown."""
        return simple_formula(self._columns(customers), self.terms(horizon))

    def terms(self, horizon: str | Duration) -> ValueTerms:
        """The terms of value for a horizon."""
        return ValueTerms(
            Duration.parse(horizon),
            self.margin,
            self.annual_discount_rate,
            self.cost_per_order,
            self.cost_per_customer_year,
        )

    def scorer(self, horizon: str | Duration, interval: float) -> Scorer:
        """The function from batches of customers to batches of scores."""
        return Scorer(self.purchases, self.spend, self.terms(horizon), interval, self.seed)

    def _columns(self, customers: CustomerData) -> CustomerColumns:
        unit = None if hasattr(customers, "time_unit") else self.purchases.time_unit_
        return as_customers(customers, unit).columns()
