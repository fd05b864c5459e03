"""What a report says, as plain frozen records: the one source of every number in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias

from clvmodels.showing import ShownAsFacts
from clvmodels.wording import number

SCHEMA = 2

Row: TypeAlias = Mapping[str, Any]
"""One row of a table or of a figure's data: plain JSON values by name."""
Verdict: TypeAlias = Literal["trusted", "caution", "untrusted"]
Contender: TypeAlias = Literal["model", "simple_formula", "neither"]


@dataclass(frozen=True)
class Gate:
    """One check of whether the numbers can be trusted."""

    name: str
    level: Literal["green", "amber", "red", "grey"]
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
    the total; ``common_shock`` is the relative size of a shock that strikes all customers alike,
    as ``common_shock_windows`` earlier windows of the log taught it.
    """

    expected: float
    lower: float
    upper: float
    sd_parameters: float
    sd_customers: float
    common_shock: float
    common_shock_assumed: bool
    common_shock_windows: int


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
    (totals of the group, customer by customer). ``causes`` has ``cause``, ``money`` and
    ``explanation``: what makes up the difference, step by step.
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
    causes: tuple[Row, ...]


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
class Method:
    """One method of the back-test, beside the model of the run.

    Attributes
    ----------
    name : str
        Name in ``backtest.json``.
    totals_off : tuple of float or None
        By origin: forecast purchases of the base over those that happened, less 1; None where
        nothing happened.
    mean_absolute_error, root_mean_squared_error : float
        Misses per customer, in purchases, over the customers of all origins.
    ranking : float or None
        Mean over the origins of how near the order of the customers comes to the true one: 1 is
        perfect, 0 chance.
    excess, excess_lower, excess_upper : float or None
        At the last origin: by which share its mean squared error is above (below 0: under) the
        model's, with the bounds of an interval over customers; None for the model itself.
    worse, better : int
        Origins at which its mean squared error is above or below the model's beyond chance.
    """

    name: str
    totals_off: tuple[float | None, ...]
    mean_absolute_error: float
    root_mean_squared_error: float
    ranking: float | None
    excess: float | None
    excess_lower: float | None
    excess_upper: float | None
    worse: int
    better: int


@dataclass(frozen=True)
class Evidence:
    """What the back-test found; all but ``origins`` and ``methods`` is of the last origin.

    Attributes
    ----------
    model : str
        The model of the run, by name.
    origins : tuple of rows
        ``origin``, ``end``, ``days``, ``customers``, ``purchases``, ``newcomers`` (customers who
        came later) and ``newcomer_purchases``.
    overlapping : bool
        Whether the held-out spans overlap.
    interval : float
        Probability of the intervals of differences.
    methods : tuple of Method
        The run's model first.
    calibration : tuple of rows
        ``frequency``, ``customers`` and the mean purchases per customer ``actual``, ``model``,
        ``simple_formula`` and ``nbd`` (the null model, where it was compared).
    pit : tuple of float
        Share of the customers in each bin of the probability integral transform.
    coverage, spend_coverage : tuple of rows
        ``level``, ``covered`` and ``attainable`` of the intervals for one customer.
    ranked_by : str
        What the deciles made: ``"spend"``, or ``"purchases"`` where there are no amounts.
    deciles : mapping
        For ``model``, ``simple_formula`` and ``perfect`` (customers in the order of what they
        went on to do) rows of ``decile`` and ``lift``.
    groups : mapping
        By ``cohort`` and label: rows of ``cohort`` (the group), ``customers`` and total purchases
        ``actual``, ``model`` and ``simple_formula``.
    """

    model: str
    origins: tuple[Row, ...]
    overlapping: bool
    interval: float
    methods: tuple[Method, ...]
    calibration: tuple[Row, ...]
    pit: tuple[float, ...]
    coverage: tuple[Row, ...]
    spend_coverage: tuple[Row, ...]
    ranked_by: Literal["purchases", "spend"]
    deciles: Mapping[str, tuple[Row, ...]]
    groups: Mapping[str, tuple[Row, ...]]


@dataclass(frozen=True)
class Shocks:
    """How far the total of the base strayed in earlier windows as long as the horizon.

    ``windows`` has ``origin``, ``end`` and, for spend, ``actual_spend`` and ``predicted_spend``
    (likewise for purchases); ``factor`` is by what the value of the base is multiplied and
    divided for its interval on their account.
    """

    quantity: Literal["purchases", "spend"]
    factor: float
    windows: tuple[Row, ...]


@dataclass(frozen=True)
class Behaviour:
    """How customers buy: the data of the tracking, frequency and P(alive) figures."""

    tracking: tuple[Row, ...]
    frequency_check: tuple[Row, ...]
    alive_grid: Mapping[str, Any] | None


@dataclass(frozen=True)
class Outlook:
    """What the run found about segments and the time ahead, each None where it found nothing.

    Every part has the shape that it has in ``run.json``, with texts cut and made printable. A
    report on an untrusted run keeps only what was observed and how the last forecast came out.
    """

    segments: Row | None
    cohorts: Row | None
    payback: Row | None
    forward: Row | None
    scenarios: Row | None
    change: Row | None
    sensitivity: Row | None
    last_forecast: Row | None
    staff_card: Row | None


@dataclass(frozen=True)
class PageOne:
    """What a reader with one minute gets besides the answer, in sentences.

    Attributes
    ----------
    findings : tuple of str
        At most three, the weightiest first.
    decisions : tuple of str
        What to decide, at most three.
    informs : mapping
        By section (``customers``, ``forward``, ``formula``, ``evidence``, ``data``) the decision
        that it informs.
    """

    findings: tuple[str, ...] = ()
    decisions: tuple[str, ...] = ()
    informs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DataQuality:
    """Where every row of the log went; read = used + merged + netted + all quarantined."""

    read: int
    used: int
    merged: int
    netted: int
    quarantined: Mapping[str, int]


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


@dataclass(frozen=True, repr=False)
class ReportSummary(ShownAsFacts):
    """Everything that a report says. HTML, PDF and JSON are renderings of this one object.

    ``data`` is None where the customers were summarised elsewhere, so that no row was seen.
    """

    scope: Scope
    trust: Trust
    answer: Answer | None
    formula: Formula | None
    spread: Spread
    behaviour: Behaviour
    holdout: Holdout | None
    evidence: Evidence | None
    shocks: Shocks | None
    outlook: Outlook
    data: DataQuality | None
    inputs: tuple[Row, ...]
    warnings: tuple[Row, ...]
    models: tuple[ModelRecord, ...]
    configuration: Mapping[str, Any]
    versions: Mapping[str, str]
    seed: int | None
    page_one: PageOne = PageOne()

    def to_dict(self) -> dict[str, Any]:
        """Give the summary as plain JSON values (without a schema number)."""
        return asdict(self)

    def _facts(self) -> dict[str, str]:
        from clvmodels.report.findings import headline, headline_estimate, range_in_words, verdict

        told = {"verdict": ". ".join(verdict(self))}
        estimate = headline_estimate(self)
        if estimate is not None:
            told["value" if self.scope.has_money else "purchases"] = (
                f"{number(estimate.expected)} {headline(self)} {range_in_words(self)}"
            )
        return told | {f"finding {n}": text for n, text in enumerate(self.page_one.findings, 1)}
