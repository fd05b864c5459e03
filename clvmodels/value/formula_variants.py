"""Every usual variant of the simple formula, with its inputs: they differ in the years they count.

All share average order x orders per year x margin. What a customer's lifespan is, and whether
money later is worth less, is where spreadsheets part ways.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from clvmodels.errors import InputError, ParameterError
from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.models.data import CustomerData, as_customers, customer_index
from clvmodels.showing import ShownAsText
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import DAYS_PER_UNIT, DAYS_PER_YEAR, Duration, discounted_years
from clvmodels.value.simple_formula import formula_of_sums, formula_sums, order_values
from clvmodels.value.simple_formula import orders_per_year as own_orders_per_year
from clvmodels.value.terms import ValueTerms

if TYPE_CHECKING:
    import pandas as pd

NO_LABEL = "(none)"
EXPLANATIONS = {
    "horizon": "Everybody goes on buying for the whole horizon; money later counts in full.",
    "horizon_discounted": "The same, with money later worth less by the discount rate.",
    "lifespan_assumed": "Customers stay for a number of years that somebody assumed.",
    "lifespan_observed": "Customers stay as long as the mean from first to last purchase so far; "
    "who has just come, or will come back, makes it too short.",
    "lifespan_lapsed": "The same mean over those only who have stopped buying; it favours the "
    "short-lived, since the long-lived have not stopped yet.",
    "lifespan_churn": "Customers stay 1 / yearly churn years: as if all left at the same rate, "
    "loyal ones too.",
    "retention_discounted": "Yearly margin x r / (1 + d - r), with yearly retention r and discount "
    "rate d: paid at each year's end to those who are still there, for ever.",
}


@dataclass(frozen=True)
class FormulaVariant:
    """One variant for one group of customers; value is the product of its five inputs.

    Attributes
    ----------
    variant : str
        One of `EXPLANATIONS`.
    label, group : str or None
        Whose customers: the label and what it says; None for the whole base.
    customers : int
        How many they are.
    mean_order_value : float
        All amounts over all orders, in money.
    orders_per_year : float
        Mean over customers of orders per year observed, with at least one year for everybody.
    years : float
        Years that count, discounted where the variant discounts; NaN where the log cannot tell.
    margin : float
        Share of each amount that is profit.
    yearly_churn : float
        Share of active customers who stop within a year; NaN where the log cannot tell.
    """

    variant: str
    label: str | None
    group: str | None
    customers: int
    mean_order_value: float
    orders_per_year: float
    years: float
    margin: float
    yearly_churn: float

    @property
    def value_per_customer(self) -> float:
        """Average order x orders per year x years x margin, in money."""
        return self.mean_order_value * self.orders_per_year * self.years * self.margin

    @property
    def value(self) -> float:
        """The same for all its customers, in money."""
        return self.value_per_customer * self.customers

    @property
    def explanation(self) -> str:
        """What the variant takes for granted, in a sentence."""
        return EXPLANATIONS[self.variant]


@dataclass(frozen=True)
class FormulaVariants(ShownAsText):
    """Variants of the simple formula for the base, for each group, and for each customer.

    Attributes
    ----------
    base, groups : tuple of FormulaVariant
        One for each variant; and one for each variant and group.
    per_customer : DataFrame
        One row per customer and one column per variant: own orders, the base's years.
    """

    base: tuple[FormulaVariant, ...]
    groups: tuple[FormulaVariant, ...]
    per_customer: pd.DataFrame

    def __getitem__(self, variant: str) -> FormulaVariant:
        for one in self.base:
            if one.variant == variant:
                return one
        raise KeyError(variant)

    def to_frame(self) -> pd.DataFrame:
        """Give the variants of the base and of all groups with their inputs, one row each."""
        import pandas as pd

        rows = [
            asdict(one)
            | {
                "value_per_customer": one.value_per_customer,
                "value": one.value,
                "explanation": one.explanation,
            }
            for one in (*self.base, *self.groups)
        ]
        return pd.DataFrame(rows)

    def __repr__(self) -> str:
        first = self.base[0]
        lines = [
            f"Simple formula for {first.customers:,} customers: average order "
            f"{first.mean_order_value:,.2f} x {first.orders_per_year:.2f} orders a year x years x "
            f"margin {first.margin:.0%}"
        ]
        lines += [
            f"  {one.variant:<22}{one.years:>7.2f} years {one.value:>18,.0f}" for one in self.base
        ]
        return "\n".join(lines)


def simple_formula(
    customers: CustomerData,
    horizon: str | Duration = "1y",
    *,
    margin: float = 1.0,
    annual_discount_rate: float = 0.10,
    lifespan_years: float = 3.0,
    labels: Any = None,
    time_unit: str | None = None,
) -> FormulaVariants:
    """Every usual variant of the simple formula, with its inputs.

    Parameters
    ----------
    customers
        A customer summary, or a data frame together with ``time_unit``.
    horizon
        How far ahead the variants named after it count.
    margin, annual_discount_rate
        As in `CustomerValue`.
    lifespan_years
        What ``lifespan_assumed`` assumes.
    labels
        Groups to work the formula out for: see `CustomerSummary.with_labels`, or a mapping from
        names to one label per customer. Default: the labels that the customers carry.

    Raises
    ------
    InputError
        If no order has an amount.

    Examples
    --------
    >>> import clvmodels as clv
    >>> customers = clv.load_cdnow("sample").summarize(time_unit="week")
    >>> formula = clv.simple_formula(customers, "1y")
    >>> round(formula["horizon"].orders_per_year, 2)
    2.07
    """
    import pandas as pd

    terms = ValueTerms(Duration.parse(horizon), margin, annual_discount_rate)
    if terms.horizon.is_lifetime:
        raise ParameterError("horizon", horizon, "finite: the formula needs a number of years")
    if not 0.0 < lifespan_years < np.inf:
        raise ParameterError("lifespan_years", lifespan_years, "above 0 and finite")
    known = as_customers(customers, time_unit)
    columns = known.columns()
    if not (formula_sums(columns)[1] > 0):
        msg = "No order has an amount, so there is no average order. Check the amount column."
        raise InputError(msg)
    groups = labels_of(known, labels, len(columns))
    window = _window(columns)
    years = _years(columns, terms, lifespan_years, window)
    base = _variants(columns, terms, lifespan_years, window, None, None)
    own = order_values(columns) * own_orders_per_year(columns) * margin
    return FormulaVariants(
        base,
        tuple(
            variant
            for label, values in groups.items()
            for group, members in _members(values)
            for variant in _variants(
                _part(columns, members), terms, lifespan_years, window, label, group
            )
        ),
        pd.DataFrame(
            {name: own * count for name, count in years.items()}, index=customer_index(columns)
        ),
    )


def labels_of(customers: Any, labels: Any, count: int) -> dict[str, Any]:
    """Labels of customers in their order by name, as text; `NO_LABEL` where one has none.

    Raises
    ------
    ParameterError
        If a label is not given for each customer.
    """
    if labels is not None and not isinstance(labels, Mapping):
        customers, labels = customers.with_labels(labels), None
    if labels is None:
        if not getattr(customers, "label_names", ()):
            return {}
        table = customers.labels()
        labels = {name: table.column(name).to_pylist() for name in table.column_names}
    found = {}
    for name, values in labels.items():
        if len(values) != count:
            raise ParameterError(f"labels[{name!r}]", f"{len(values)} labels", f"{count} of them")
        # Objects: an array of text would give every customer the room of the longest label.
        text = [NO_LABEL if value is None else str(value) for value in values]
        found[name] = np.array(text, dtype=object)
    return found


def yearly_churn(columns: CustomerColumns, window: float) -> float:
    """Share of active customers who stop buying within a year; NaN where nobody was active.

    Active at the beginning of the last ``window`` days is who bought in as many days before it, or
    both before and after; who did not buy since has stopped. Over another window than a year the
    share is brought to one.
    """
    days = DAYS_PER_UNIT[columns.time_unit]
    age, idle = columns.age * days, (columns.age - columns.recency) * days
    weight = columns.weights
    stopped = float(weight[(idle >= window) & (idle < 2.0 * window)].sum())
    stayed = float(weight[(idle < window) & (age >= window)].sum())
    if stopped + stayed == 0.0:
        return float("nan")
    return float(1.0 - (stayed / (stopped + stayed)) ** (DAYS_PER_YEAR / window))


def _window(columns: CustomerColumns) -> float:
    """Days within which an active customer buys: a year, or half of a log shorter than two."""
    oldest = float(columns.age.max(initial=0.0)) * DAYS_PER_UNIT[columns.time_unit]
    return min(DAYS_PER_YEAR, max(oldest / 2.0, 1.0))


def _years(
    columns: CustomerColumns, terms: ValueTerms, lifespan_years: float, window: float
) -> dict[str, float]:
    """Years that each variant counts for these customers."""
    days, weight = DAYS_PER_UNIT[columns.time_unit], columns.weights
    lived = columns.recency * days / DAYS_PER_YEAR
    lapsed = (columns.age - columns.recency) * days >= window
    churn = yearly_churn(columns, window)
    rate = terms.annual_discount_rate
    # Without churn customers stay for ever, which no spreadsheet can add up undiscounted.
    for_ever = 1.0 + rate - (1.0 - churn)
    return {
        "horizon": terms.horizon.years,
        "horizon_discounted": discounted_years(terms.horizon, rate),
        "lifespan_assumed": lifespan_years,
        "lifespan_observed": _mean(lived, weight),
        "lifespan_lapsed": _mean(lived[lapsed], weight[lapsed]),
        "lifespan_churn": 1.0 / churn if churn > 0.0 else float("nan"),
        "retention_discounted": (1.0 - churn) / for_ever if for_ever > 0.0 else float("nan"),
    }


def _variants(
    columns: CustomerColumns,
    terms: ValueTerms,
    lifespan_years: float,
    window: float,
    label: str | None,
    group: str | None,
) -> tuple[FormulaVariant, ...]:
    base = formula_of_sums(formula_sums(columns), terms)
    churn = yearly_churn(columns, window)
    return tuple(
        FormulaVariant(
            name,
            label,
            group,
            base.customers,
            base.mean_order_value,
            base.orders_per_year,
            years,
            terms.margin,
            churn,
        )
        for name, years in _years(columns, terms, lifespan_years, window).items()
    )


def _members(values: Any) -> Iterator[tuple[str, IntArray]]:
    """Each group in order with the positions of its customers, in one pass over all of them."""
    groups, code = np.unique(values, return_inverse=True)
    bounds = np.cumsum(np.bincount(code))[:-1]
    yield from zip(groups.tolist(), np.split(np.argsort(code, kind="stable"), bounds), strict=True)


def _part(columns: CustomerColumns, among: IntArray) -> CustomerColumns:
    value, weight = columns.order_value, columns.weight
    return CustomerColumns(
        columns.frequency[among],
        columns.recency[among],
        columns.age[among],
        columns.monetary_value[among],
        columns.time_unit,
        order_value=None if value is None else value[among],
        weight=None if weight is None else weight[among],
    )


def _mean(values: FloatArray, weight: FloatArray) -> float:
    return float((values * weight).sum() / weight.sum()) if len(values) else float("nan")
