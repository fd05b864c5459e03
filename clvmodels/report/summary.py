"""What a report says, as plain frozen records: the one source of every number in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

SCHEMA = 1

Row: TypeAlias = Mapping[str, Any]
"""One row of a table or of a figure's data: plain JSON values by name."""
Verdict: TypeAlias = Literal["trusted", "caution", "untrusted"]
Contender: TypeAlias = Literal["model", "simple_formula", "neither"]


@dataclass(frozen=True)
class Gate:
    """One check of whether the numbers can be trusted."""

    name: str
    level: Literal["green", "amber", "red"]
    evidence: str
    advice: str


@dataclass(frozen=True)
class Trust:
    """The verdict and the checks that it rests on, the most serious first."""

    verdict: Verdict
    gates: tuple[Gate, ...]


@dataclass(frozen=True)
class Scope:
    """Which customers, which span of time, and what value means."""

    customers: int
    repeat_customers: int
    first_purchase: str
    observation_end: str
    horizon: str
    interval: float
    margin: float
    annual_discount_rate: float
    cost_per_order: float
    cost_per_customer_year: float
    currency: str | None
    has_money: bool


@dataclass(frozen=True)
class Estimate:
    """An expected total with its predictive interval and what makes it uncertain.

    The standard deviations are of the parameters and of the customers' own chance, in the unit of
    the total; ``common_shock`` is the relative size of a shock that strikes all customers alike.
    """

    expected: float
    lower: float
    upper: float
    sd_parameters: float
    sd_customers: float
    common_shock: float
    common_shock_assumed: bool


@dataclass(frozen=True)
class NewCustomer:
    """A customer of whom nothing is known but a first purchase; the bounds are for one customer."""

    expected_purchases: float
    clv: float
    clv_lower: float
    clv_upper: float


@dataclass(frozen=True)
class Answer:
    """What the base is worth; a report on an untrusted run has none.

    A total is None where there are no amounts, or where it has no finite number.
    """

    value: Estimate | None
    purchases: Estimate | None
    active_customers: Estimate
    potential_value: Estimate | None
    new_customer: NewCustomer | None


@dataclass(frozen=True)
class Formula:
    """The simple formula with its inputs, beside the model on the same customers.

    ``value`` is the product of the inputs, ``value_by_customer`` the sum of the formula on each
    customer's own inputs, ``model`` the model's value of the base, ``difference`` value less
    model. ``by_frequency`` has ``frequency``, ``customers``, ``model`` and ``simple_formula``
    (totals of the group, customer by customer).
    """

    mean_order_value: float
    orders_per_year: float
    horizon_years: float
    margin: float
    customers: int
    value: float
    value_by_customer: float
    model: float
    difference: float
    by_frequency: tuple[Row, ...]


@dataclass(frozen=True)
class Spread:
    """How value is spread over customers.

    Attributes
    ----------
    measure : str
        ``"clv"``, or ``"expected_purchases"`` where the log has no amounts.
    concentration : mapping or None
        ``customers`` and ``value``: cumulative shares, most valuable first; None where the total
        is not positive.
    histogram : tuple of rows
        ``lower``, ``upper``, ``customers`` on a logarithmic scale.
    not_positive : int
        Customers at or below zero, whom the histogram leaves out.
    quantiles : mapping
        ``p10``, ``p50``, ``p90`` of the measure (within 0.05 %).
    deciles : tuple of rows
        ``decile``, ``customers``, ``total``, ``share``, ``mean``, ``probability_alive``
        (mean); empty in a report on an untrusted run.
    top : tuple of rows
        The most valuable customers; empty in a report on an untrusted run.
    """

    measure: Literal["clv", "expected_purchases"]
    concentration: Mapping[str, tuple[float, ...]] | None
    histogram: tuple[Row, ...]
    not_positive: int
    quantiles: Mapping[str, float]
    deciles: tuple[Row, ...]
    top: tuple[Row, ...]


@dataclass(frozen=True)
class Comparison:
    """One quantity on held-out data: what happened, what the model and the formula said."""

    actual: float
    model: float
    simple_formula: float
    nearer: Contender


@dataclass(frozen=True)
class Holdout:
    """The check on purchases that the model had not seen.

    ``by_frequency`` has ``frequency``, ``customers`` and the mean purchases per customer
    ``actual``, ``model``, ``simple_formula``.
    """

    origin: str
    end: str
    days: int
    customers: int
    purchases: Comparison
    spend: Comparison | None
    mean_absolute_error: Mapping[str, float]
    by_frequency: tuple[Row, ...]


@dataclass(frozen=True)
class Behaviour:
    """How customers buy: the data of the tracking, frequency and P(alive) figures."""

    tracking: tuple[Row, ...]
    frequency_check: tuple[Row, ...]
    alive_grid: Mapping[str, Any] | None


@dataclass(frozen=True)
class DataQuality:
    """Where every row of the log went; read = used + merged + netted + all quarantined."""

    read: int
    used: int
    merged: int
    netted: int
    quarantined: Mapping[str, int]
    inputs: tuple[Row, ...]
    warnings: tuple[Row, ...]


@dataclass(frozen=True)
class ModelRecord:
    """A fitted model: parameters with standard errors, and how the fit went."""

    role: Literal["purchases", "spend"]
    model: str
    method: str
    time_unit: str
    parameters: Mapping[str, float]
    standard_errors: Mapping[str, float | None]
    log_likelihood: float | None
    diagnostics: Mapping[str, Any]


@dataclass(frozen=True)
class ReportSummary:
    """Everything that a report says. HTML and JSON are renderings of this one object."""

    scope: Scope
    trust: Trust
    answer: Answer | None
    formula: Formula | None
    spread: Spread
    behaviour: Behaviour
    holdout: Holdout | None
    data: DataQuality
    models: tuple[ModelRecord, ...]
    configuration: Mapping[str, Any]
    versions: Mapping[str, str]
    seed: int | None

    def to_dict(self) -> dict[str, Any]:
        """Give the summary as plain JSON values (without a schema number)."""
        return asdict(self)
