"""The simple formula: average order x orders per year x years x margin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clvmodels.kernels.base import FloatArray
from clvmodels.showing import ShownAsFacts
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import DAYS_PER_UNIT, DAYS_PER_YEAR
from clvmodels.value.terms import ValueTerms


@dataclass(frozen=True, repr=False)
class SimpleFormula(ShownAsFacts):
    """The formula for a whole base, with each input shown.

    Attributes
    ----------
    mean_order_value
        All amounts over all orders, in money.
    orders_per_year
        Mean over customers of orders per year observed, with at least one year for everybody.
    horizon_years, margin, customers
        The other factors.
    """

    mean_order_value: float
    orders_per_year: float
    horizon_years: float
    margin: float
    customers: int

    @property
    def value(self) -> float:
        """The product of the five factors, in money."""
        return self.value_per_customer * self.customers

    @property
    def value_per_customer(self) -> float:
        """Average order x orders per year x years x margin, in money."""
        return self.mean_order_value * self.orders_per_year * self.horizon_years * self.margin

    def _facts(self) -> dict[str, str]:
        return {
            "mean order value": f"{self.mean_order_value:,.2f}",
            "orders per year": f"{self.orders_per_year:,.2f}",
            "years": f"{self.horizon_years:.4g}",
            "margin": f"{self.margin:.4g}",
            "customers": f"{self.customers:,}",
            "value": f"{self.value:,.0f}, or {self.value_per_customer:,.2f} a customer",
        }


def order_values(columns: CustomerColumns) -> FloatArray:
    """Mean amount of each customer's orders, the first included where it is known."""
    if columns.order_value is not None:
        return columns.order_value
    return columns.monetary_value


def orders_per_year(columns: CustomerColumns) -> FloatArray:
    """Orders of each customer per year observed, the first order and at least a year counted."""
    years = columns.age * DAYS_PER_UNIT[columns.time_unit] / DAYS_PER_YEAR
    rate: FloatArray = (columns.frequency + 1) / np.maximum(years, 1.0)
    return rate


def simple_formula_per_customer(columns: CustomerColumns, terms: ValueTerms) -> FloatArray:
    """The formula for each customer, in money; NaN where no amount is known, or for a lifetime."""
    if terms.horizon.is_lifetime:
        return np.full(len(columns), np.nan)
    yearly = order_values(columns) * orders_per_year(columns)
    result: FloatArray = yearly * terms.horizon.years * terms.margin
    return result


def formula_of_base(columns: CustomerColumns, terms: ValueTerms) -> SimpleFormula:
    """The formula for the base that these customers are, with its inputs."""
    return formula_of_sums(formula_sums(columns), terms)


def formula_sums(columns: CustomerColumns) -> FloatArray:
    """Customers, orders with a known amount, their total, and Σ orders per year: they add up."""
    weight = columns.weights
    value = order_values(columns)
    orders = (columns.frequency + 1) * weight * np.isfinite(value)
    return np.array(
        [
            weight.sum(),
            orders.sum(),
            (orders * np.nan_to_num(value)).sum(),
            (orders_per_year(columns) * weight).sum(),
        ]
    )


def formula_of_sums(sums: FloatArray, terms: ValueTerms) -> SimpleFormula:
    """The formula from what `formula_sums` gave, added over batches."""
    customers, orders, total, rates = sums.tolist()
    return SimpleFormula(
        mean_order_value=total / orders if orders else float("nan"),
        orders_per_year=rates / customers if customers else float("nan"),
        horizon_years=terms.horizon.years,
        margin=terms.margin,
        customers=int(customers),
    )
