"""What single customers cost a year, taken off their value and off the totals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from clvmodels.errors import ConfigurationError, InputError
from clvmodels.kernels.base import FloatArray
from clvmodels.units import discounted_years
from clvmodels.value.terms import ValueTerms
from clvmodels.value.totals import Total, ValueTotals

if TYPE_CHECKING:
    from clvmodels.transactions.summary import CustomerSummary

# The scores that are value after all costs; the simple formula knows no costs.
CHARGED = ("clv", "clv_lower", "clv_median", "clv_upper", "potential_value")
_LONGEST_EXAMPLE = 60


def yearly_costs(summary: CustomerSummary, label: str) -> FloatArray:
    """Read a label as each customer's cost per year, in the order of the summary's batches.

    Customers without a value cost nothing of their own.

    Raises
    ------
    ConfigurationError
        If the customers have no such label.
    InputError
        If a value is no number, negative or infinite.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from clvmodels.transactions import read_transactions
    >>> days = ["2025-01-01", "2025-01-02"]
    >>> log = pa.table({"customer_id": ["a", "b"], "date": days, "amount": [1, 2]})
    >>> about = pa.table({"customer_id": ["b"], "service": [12.5]})
    >>> yearly_costs(read_transactions(log).summarize().with_labels(about), "service").tolist()
    [0.0, 12.5]
    """
    if label not in summary.label_names:
        known = ", ".join(map(repr, summary.label_names)) or "none"
        msg = f"cost_label = {label!r}: the customers have no such label; there is {known}."
        raise ConfigurationError(msg)
    return parsed_costs(summary.labels().column(label), label)


def parsed_costs(column: Any, label: str) -> FloatArray:
    """Numbers from an Arrow column of text; see `yearly_costs`."""
    texts = column.to_pylist()
    costs = np.array([_number(text) for text in texts], dtype=np.float64)
    bad = np.flatnonzero(~(np.isfinite(costs) & (costs >= 0.0)))
    if len(bad):
        example = str(texts[int(bad[0])])[:_LONGEST_EXAMPLE]
        msg = (
            f"{len(bad):,} customers have a {label!r} that is no yearly cost, such as "
            f"{example!r}; it must be a number of at least 0, with a point for decimals."
        )
        raise InputError(msg)
    return costs


def charge(
    scores: Mapping[str, FloatArray], yearly_cost: FloatArray, terms: ValueTerms
) -> dict[str, FloatArray]:
    """Scores of a batch after each customer's own cost over the horizon, discounted.

    Parameters
    ----------
    scores
        What a scorer gave; it has paid the costs that are the same for everybody.
    yearly_cost : (n,)
        Money per year, of the same customers.
    """
    paid = yearly_cost * discounted_years(terms.horizon, terms.annual_discount_rate)
    return {name: values - paid if name in CHARGED else values for name, values in scores.items()}


def present_cost(yearly_cost: FloatArray, terms: ValueTerms) -> float:
    """Present value of the customers' own costs over the horizon, in money."""
    years = discounted_years(terms.horizon, terms.annual_discount_rate)
    return math.fsum(yearly_cost.tolist()) * years


def charge_totals(totals: ValueTotals, cost: float) -> ValueTotals:
    """Totals after `present_cost`, which is paid in any case: it moves an interval whole."""
    return replace(
        totals,
        clv=_less(totals.clv, cost),
        potential_value=_less(totals.potential_value, cost),
    )


def _less(total: Total | None, cost: float) -> Total | None:
    if total is None:
        return None
    return replace(
        total,
        expected=total.expected - cost,
        lower=total.lower - cost,
        upper=total.upper - cost,
    )


def _number(text: str | None) -> float:
    if text is None:
        return 0.0
    try:
        return float(text)
    except ValueError:
        return math.nan
