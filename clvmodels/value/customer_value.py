"""Customer lifetime value as users hold it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from clvmodels.errors import ParameterError
from clvmodels.models.data import CustomerData, as_customers, customer_index
from clvmodels.models.gamma_gamma import GammaGammaModel
from clvmodels.models.purchases import PurchaseModel
from clvmodels.showing import ShownAsFacts, between
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import Duration
from clvmodels.value.averaging import Averagings
from clvmodels.value.groups import GroupTotals, group_totals, total_draws
from clvmodels.value.path import base_path
from clvmodels.value.predictive import Predictive
from clvmodels.value.scorer import Scorer
from clvmodels.value.shock import ASSUMED, CommonShock, CommonShocks
from clvmodels.value.simple_formula import SimpleFormula, formula_of_base
from clvmodels.value.terms import ValueTerms, check_interval
from clvmodels.value.totals import ValueGroups, ValueTotals, value_totals

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class NewCustomer(ShownAsFacts):
    """What to expect of a customer who has just bought for the first time.

    The first purchase itself is not counted. Money is NaN without a spend model.
    """

    expected_purchases: float
    clv: float
    clv_lower: float
    clv_median: float
    clv_upper: float

    def _facts(self) -> dict[str, str]:
        return {
            "expected purchases": f"{self.expected_purchases:.4g}",
            "clv (interval for one)": between(self.clv, self.clv_lower, self.clv_upper),
            "clv of the middle one": f"{self.clv_median:,.4g}",
        }


@dataclass(frozen=True, repr=False)
class CustomerValue(ShownAsFacts):
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
    _averagings: Averagings = field(
        default_factory=Averagings, init=False, repr=False, compare=False
    )

    def _facts(self) -> dict[str, str]:
        models = {"purchases": repr(self.purchases), "spend": repr(self.spend)}
        terms = ("margin", "annual_discount_rate", "cost_per_order", "cost_per_customer_year")
        return {name: text.split("\n")[0] for name, text in models.items()} | {
            name.replace("_", " "): f"{getattr(self, name):,.6g}" for name in terms
        }

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
        self,
        customers: CustomerData,
        horizon: str | Duration = "1y",
        interval: float = 0.9,
        shock: CommonShock | CommonShocks = ASSUMED,
    ) -> ValueTotals:
        """Purchases and value of the base, with intervals that cover common shocks too.

        ``shock`` is their size: assumed, or learned from the log by `common_shocks`.
        """
        columns = self._columns(customers)
        check_interval(interval)
        scorer = self.scorer(horizon, interval)
        return value_totals(ValueGroups.of(columns), scorer, interval, shock)

    def distribution(self, customers: CustomerData, horizon: str | Duration = "1y") -> Predictive:
        """The whole predictive distribution of every customer within the horizon.

        Examples
        --------
        >>> import clvmodels as clv
        >>> purchases = clv.BetaGeoModel.from_params(
        ...     {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}, time_unit="week"
        ... )
        >>> spend = clv.GammaGammaModel.from_params(
        ...     {"p": 6.25, "q": 3.74, "gamma": 15.44}, time_unit="week"
        ... )
        >>> import pandas as pd
        >>> one = pd.DataFrame(
        ...     {"frequency": [2], "recency": [30.43], "T": [38.86], "monetary_value": [22.35]}
        ... )
        >>> ahead = clv.CustomerValue(purchases, spend).distribution(one, "39w")
        >>> round(float(ahead.probability_no_purchase().iloc[0]), 4)
        0.4454
        """
        columns = self._columns(customers)
        terms = self.terms(horizon)
        return Predictive(self.purchases, self.spend, terms, columns, self.seed, self._averagings)

    def totals_by(
        self,
        customers: CustomerData,
        labels: Any,
        horizon: str | Duration = "1y",
        interval: float = 0.9,
        shock: CommonShock | CommonShocks = ASSUMED,
    ) -> GroupTotals:
        """Totals of groups of customers (segments, cohorts) that are uncertain together.

        Parameters
        ----------
        labels
            One for each customer: in their order (an array, a column of ``summary.labels()``), or
            as a pandas Series indexed by ``customer_id``. Customers without one are a group of
            their own, ``None``.
        shock
            What strikes everybody at once: assumed, or learned from the log.

        Raises
        ------
        InputError
            If the labels are not one for each customer.
        """
        columns = self._columns(customers)
        check_interval(interval)
        if hasattr(labels, "index") and hasattr(customers, "index"):
            # A column of the same data frame, whatever its rows are called.
            labels = labels.to_numpy() if customers.index.equals(labels.index) else labels
        return group_totals(columns, labels, self.scorer(horizon, interval), interval, shock)

    def total_draws(
        self, customers: CustomerData, horizon: str | Duration = "1y", draws: int = 256
    ) -> pd.DataFrame:
        """Expected totals of the base, one row for each of ``draws`` points of the posterior.

        Returns
        -------
        pandas.DataFrame
            ``active`` customers, ``purchases`` (NaN for a lifetime), and ``clv`` and
            ``potential_value`` in money (NaN without a spend model).
        """
        import pandas as pd

        if draws < 1:
            raise ParameterError("draws", draws, "at least 1")

        scorer = self.scorer(horizon, 0.9)
        totals = total_draws(self._columns(customers), scorer, draws)
        return pd.DataFrame(totals, columns=["active", "purchases", "clv", "potential_value"])

    def path(
        self,
        customers: CustomerData,
        horizon: str | Duration = "1y",
        every: str = "week",
        interval: float = 0.9,
        shock: CommonShock | CommonShocks = ASSUMED,
    ) -> pd.DataFrame:
        """Purchases and value of the base ahead, per ``"week"`` or ``"month"``, with bands.

        Returns
        -------
        pandas.DataFrame
            One row per period, which ends ``day`` days from now: ``purchases``, ``value``
            (discounted, after order costs; costs per customer are not in it) and both cumulative,
            each with ``_lower`` and ``_upper``. Bands cover parameters, customers and the common
            shock.
        """
        check_interval(interval)
        scorer = self.scorer(horizon, interval)
        return base_path(self._columns(customers), scorer, every, interval, shock)

    def new_customer(self, horizon: str | Duration = "1y", interval: float = 0.9) -> NewCustomer:
        """What to expect of a customer who has just bought for the first time.

        ``interval`` is the probability between ``clv_lower`` and ``clv_upper``, in money.
        """
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
        return formula_of_base(self._columns(customers), self.terms(horizon))

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
        terms = self.terms(horizon)
        return Scorer(self.purchases, self.spend, terms, interval, self.seed, self._averagings)

    def _columns(self, customers: CustomerData) -> CustomerColumns:
        unit = None if hasattr(customers, "time_unit") else self.purchases.time_unit_
        return as_customers(customers, unit).columns()
