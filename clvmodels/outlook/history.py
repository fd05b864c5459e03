"""What a base has done so far by age, from the purchase days; small, whatever the base."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from clvmodels.kernels.base import FloatArray
from clvmodels.transactions.cohorts import (
    LAST_YEAR,
    customers_by_month,
    spend_by_cohort,
    spend_by_label,
)
from clvmodels.value.terms import ValueTerms

if TYPE_CHECKING:
    import pyarrow as pa

    from clvmodels.transactions.log import TransactionLog
    from clvmodels.transactions.summary import CustomerSummary


@dataclass(frozen=True)
class LastYear:
    """What was bought in the last year, and how much of it by customers who came in it."""

    days: int
    purchases: float
    amount: float | None
    purchases_of_new: float
    amount_of_new: float | None


@dataclass(frozen=True)
class History:
    """Purchases and amounts by key (month of coming, or a label) and by age.

    Attributes
    ----------
    keys
        Months as dates, or labels (None for customers without one), in order.
    customers : (keys,)
        How many there are.
    purchases, amount : (keys, ages)
        Column 0 is the first purchase day, column a what followed up to the age of a months.
        ``amount`` is None where the log has no amounts.
    """

    keys: tuple[Any, ...]
    customers: FloatArray
    purchases: FloatArray
    amount: FloatArray | None
    first_date: date
    observation_end: date
    last_year: LastYear

    @classmethod
    def of(cls, log: TransactionLog, summary: CustomerSummary) -> History:
        """Count by month of coming; one pass over the purchase days."""
        by_month = customers_by_month(summary)
        counts = dict(
            zip(by_month["month"].to_pylist(), by_month["customers"].to_pylist(), strict=True)
        )
        return cls._of(spend_by_cohort(log, summary), "month", counts, log, summary)

    @classmethod
    def by_label(
        cls, log: TransactionLog, summary: CustomerSummary, name: str, counts: dict[Any, int]
    ) -> History:
        """Count by some values of a label; ``counts`` are the customers of each."""
        return cls._of(spend_by_label(log, summary, name), "label", counts, log, summary)

    def margin(self, keys: NDArray[Any], terms: ValueTerms) -> FloatArray:
        """Margin after order costs of some keys together, by age; 0 where there is no money."""
        if self.amount is None:
            return np.zeros(self.purchases.shape[1])
        amount, orders = (values[keys].sum(axis=0) for values in (self.amount, self.purchases))
        margin: FloatArray = terms.margin * amount - terms.cost_per_order * orders
        return margin

    @classmethod
    def _of(
        cls,
        table: pa.Table,
        key: str,
        counts: dict[Any, int],
        log: TransactionLog,
        summary: CustomerSummary,
    ) -> History:
        keys = tuple(counts)
        place = {value: number for number, value in enumerate(keys)}
        # Of labels, only those that were asked for.
        table = table.filter([value in place for value in table[key].to_pylist()])
        row = np.array([place[value] for value in table[key].to_pylist()], dtype=np.int64)
        age = np.asarray(table["age"].to_numpy(), dtype=np.int64)
        shape = (len(keys), int(age.max(initial=0)) + 1)

        def spread(name: str) -> FloatArray:
            values = np.zeros(shape)
            np.add.at(values, (row, age), table[name].to_numpy().astype(np.float64))
            return values

        def summed(name: str) -> float:
            values = table[name].to_numpy(zero_copy_only=False).astype(np.float64)
            return float(np.nan_to_num(values).sum())

        has_amount = summary.has_amount
        last_year = LastYear(
            min((summary.observation_end - log.first_date).days + 1, LAST_YEAR),
            summed("recent_purchases"),
            summed("recent_amount") if has_amount else None,
            summed("new_purchases"),
            summed("new_amount") if has_amount else None,
        )
        return cls(
            keys, np.array([float(counts[value]) for value in keys]), spread("purchases"),
            spread("amount") if has_amount else None,
            log.first_date, summary.observation_end, last_year,
        )  # fmt: skip
