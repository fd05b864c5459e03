"""Totals of a base, with the parts of their uncertainty kept apart.

Never a sum of per-customer bounds: means and variances add up, intervals don't.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from scipy.special import ndtri

from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.models.base import Model
from clvmodels.models.gamma_gamma import GammaGammaModel, spend_evidence
from clvmodels.showing import ShownAsFacts, between
from clvmodels.transactions.columns import CustomerColumns, in_runs
from clvmodels.value.parameters import parameter_pairs
from clvmodels.value.plug_in import Ahead
from clvmodels.value.scorer import Scorer
from clvmodels.value.shock import ASSUMED, NO_SHOCK, CommonShock, CommonShocks
from clvmodels.value.simple_formula import order_values, orders_per_year
from clvmodels.value.terms import ValueTerms

ModelType = TypeVar("ModelType", bound=Model)

# Step in the scale-free coordinates, which are logarithms, for derivatives of a total.
_STEP = 1e-3
_THREADS = 2
# The sums of `ValueGroups` besides its weights.
SUMS = ("sum_mean", "sum_square", "sum_order", "priced")


@dataclass(frozen=True, repr=False)
class Total(ShownAsFacts):
    """A total of the base with its predictive interval.

    Attributes
    ----------
    expected, lower, upper
        Money or purchases. The interval covers parameters, customers and common shocks.
    interval
        Probability of the interval.
    sd_parameters, sd_customers
        Standard deviations from not knowing the parameters, and from what customers will do.
    common_shock
        Scale of the common shock on the log scale: .25 is about 25 %.
    common_shock_assumed
        True where no earlier window of this log taught its size.
    common_shock_degrees
        Degrees of freedom of its Student's t: how well its size is known.
    common_shock_windows
        Earlier windows that taught its size.
    """

    expected: float
    lower: float
    upper: float
    interval: float
    sd_parameters: float
    sd_customers: float
    common_shock: float
    common_shock_assumed: bool
    common_shock_degrees: float
    common_shock_windows: int

    @classmethod
    def of(
        cls,
        expected: float,
        sd_parameters: float,
        sd_customers: float,
        interval: float,
        shock: CommonShock = ASSUMED,
        fixed_cost: float = 0.0,
    ) -> Total:
        """Interval around an expected total from the parts of its uncertainty.

        Parameters and customers vary normally on the log scale, with the variance that a
        log-normal of their coefficient of variation has, the shock as Student's t with the
        degrees of freedom that its size is known to. What is paid in any case,
        ``fixed_cost``, has been taken off ``expected`` and varies with nothing.
        """
        gross = expected + fixed_cost
        level = 0.5 * (1.0 + interval)
        normal, common = float(ndtri(level)), shock.half_width(interval)
        sd = math.hypot(sd_parameters, sd_customers)
        if gross > 0.0:
            half = math.hypot(normal * math.sqrt(math.log1p((sd / gross) ** 2)), common)
            bounds = (gross * math.exp(-half) - fixed_cost, gross * math.exp(half) - fixed_cost)
        else:
            # Orders that cost more than they bring have no log; the same width, added.
            width = math.hypot(normal * sd, common * abs(gross))
            bounds = (expected - width, expected + width)
        return cls(
            expected, *bounds, interval, sd_parameters, sd_customers,
            shock.sd, shock.assumed, shock.degrees_of_freedom, shock.windows,
        )  # fmt: skip

    def _facts(self) -> dict[str, str]:
        source = f"learned from {self.common_shock_windows} windows"
        return {
            f"expected ({self.interval:.4g} interval)": between(
                self.expected, self.lower, self.upper
            ),
            "sd from parameters": f"{self.sd_parameters:,.4g}",
            "sd from customers": f"{self.sd_customers:,.4g}",
            "common shock": f"{self.common_shock:.3g} "
            f"({'assumed' if self.common_shock_assumed else source})",
        }


@dataclass(frozen=True, repr=False)
class ValueTotals(ShownAsFacts):
    """Totals of the base over the horizon; None where there is no money or no finite number.

    ``active`` counts the customers who are active today, so no shock ahead enters its interval.
    """

    customers: int
    active: Total
    purchases: Total | None
    clv: Total | None
    potential_value: Total | None

    def _facts(self) -> dict[str, str]:
        totals = {
            "active": self.active,
            "purchases": self.purchases,
            "clv": self.clv,
            "potential value": self.potential_value,
        }
        told = {
            name: "none" if total is None else between(total.expected, total.lower, total.upper)
            for name, total in totals.items()
        }
        return {"customers": f"{self.customers:,}"} | told | {"interval": str(self.active.interval)}


@dataclass(frozen=True)
class ValueGroups:
    """Customers grouped by (x, t_x, T, n) with the sums that totals need, (g,) each.

    Spend enters every total through γ′ = γ + n m and its square, so Σ m and Σ m² of a group stand
    for its customers exactly. ``sum_order`` adds up the mean orders, the first included, of the
    ``priced`` customers of whom they are known: the simple formula looks at these. ``codes`` say
    which part of the base (a segment) a group belongs to; None where the base is not divided.
    """

    columns: CustomerColumns
    n: IntArray
    sum_mean: FloatArray
    sum_square: FloatArray
    sum_order: FloatArray
    priced: FloatArray
    codes: IntArray | None = None

    @classmethod
    def of(cls, columns: CustomerColumns, codes: IntArray | None = None) -> ValueGroups:
        """Group plain customers, those of different ``codes`` apart."""
        n, mean = spend_evidence(columns)
        weight, order = columns.weights, order_values(columns)
        sums = (
            weight,
            mean * weight,
            mean**2 * weight,
            np.nan_to_num(order) * weight,
            np.isfinite(order) * weight,
        )
        return _regroup(columns, n, sums, codes)

    @classmethod
    def merged(cls, parts: Sequence[ValueGroups]) -> ValueGroups:
        """Groups of several batches as one; all are divided alike, or none is."""
        columns = CustomerColumns(
            frequency=np.concatenate([part.columns.frequency for part in parts]),
            recency=np.concatenate([part.columns.recency for part in parts]),
            age=np.concatenate([part.columns.age for part in parts]),
            monetary_value=np.concatenate([part.columns.monetary_value for part in parts]),
            time_unit=parts[0].columns.time_unit,
        )
        sums = (
            np.concatenate([part.columns.weights for part in parts]),
            *(np.concatenate([getattr(part, name) for part in parts]) for name in SUMS),
        )
        codes = [part.codes for part in parts if part.codes is not None]
        n = np.concatenate([part.n for part in parts])
        return _regroup(columns, n, sums, np.concatenate(codes) if codes else None)

    def undivided(self) -> ValueGroups:
        """The same customers as one base."""
        return ValueGroups.merged([replace(self, codes=None)])

    def divided(self, parts: int) -> tuple[ValueGroups, ...]:
        """The groups of each part of the base by itself, codes 0 to ``parts`` - 1; maybe empty."""
        codes = np.zeros(0) if self.codes is None else self.codes
        return tuple(self.some(np.flatnonzero(codes == code)) for code in range(parts))

    def some(self, rows: IntArray) -> ValueGroups:
        """Some of the groups."""
        columns = self.columns
        some = CustomerColumns(
            columns.frequency[rows],
            columns.recency[rows],
            columns.age[rows],
            columns.monetary_value[rows],
            columns.time_unit,
            weight=columns.weights[rows],
        )
        codes = None if self.codes is None else self.codes[rows]
        mean, square, order, priced = (getattr(self, name)[rows] for name in SUMS)
        return ValueGroups(some, self.n[rows], mean, square, order, priced, codes)

    def mean_orders(self, otherwise: float) -> FloatArray:
        """Mean amount of the orders in each group, with an amount for those of whom it is unknown.

        As in `order_values`, a mean over customers and not over their orders.
        """
        weight = self.columns.weights
        mean: FloatArray = (self.sum_order + (weight - self.priced) * otherwise) / weight
        return mean

    def formula_sums(self) -> FloatArray:
        """What `simple_formula.formula_sums` gives of all the customers, (4,)."""
        columns = self.columns
        weight, orders = columns.weights, columns.frequency + 1
        return np.array(
            [
                weight.sum(),
                (orders * self.priced).sum(),
                (orders * self.sum_order).sum(),
                (orders_per_year(columns) * weight).sum(),
            ]
        )


def _regroup(
    columns: CustomerColumns, n: IntArray, sums: Sequence[FloatArray], codes: IntArray | None
) -> ValueGroups:
    """Group equal (x, t_x, T, n, code) and add up ``sums``: weights and the fields after n."""
    x, t_x, age = columns.frequency, columns.recency, columns.age
    # n is x or, for those who told nothing of their spend, 0.
    keys = (x, t_x, age, (n > 0).astype(np.int64), *(() if codes is None else (codes,)))
    order, starts = in_runs(*keys)
    first = order[starts]
    weight, mean, square, price, priced = (
        np.add.reduceat(values[order], starts) if len(starts) else values for values in sums
    )
    # A group's spend evidence is n purchases of its mean amount, or none.
    each = np.full(len(first), np.nan)
    np.divide(mean, weight, out=each, where=n[first] > 0)
    grouped = CustomerColumns(
        x[first], t_x[first], age[first], each, columns.time_unit, weight=weight
    )
    codes = None if codes is None else codes[first]
    return ValueGroups(grouped, n[first], mean, square, price, priced, codes)


def value_totals(
    groups: ValueGroups,
    scorer: Scorer,
    interval: float,
    shock: CommonShock | CommonShocks = ASSUMED,
) -> ValueTotals:
    """Totals over all groups with their intervals, which carry what strikes everybody at once."""
    shocks, terms = CommonShocks.of(shock), scorer.terms
    ahead = scorer.ahead(groups.columns)
    expected, variance_parameters = _over_parameters(groups, scorer, ahead)
    variance_customers = customer_variance(groups, scorer, ahead)
    fixed_cost = terms.fixed_cost * float(groups.columns.weights.sum())

    def total(which: int, shock: CommonShock, fixed_cost: float = 0.0) -> Total:
        sd_parameters, sd_customers = (
            math.sqrt(variance[which]) for variance in (variance_parameters, variance_customers)
        )
        parts = (sd_parameters, sd_customers)
        return Total.of(float(expected[which]), *parts, interval, shock, fixed_cost)

    money = (shocks.value, fixed_cost)
    rest = ((1, shocks.purchases, 0.0), (2, *money), (3, *money))
    return ValueTotals(
        round(float(groups.columns.weights.sum())),
        total(0, NO_SHOCK),
        *(total(*part) if np.isfinite(expected[part[0]]) else None for part in rest),
    )


def _over_parameters(
    groups: ValueGroups, scorer: Scorer, ahead: Ahead
) -> tuple[FloatArray, FloatArray]:
    """Expected totals and their variance from not knowing the parameters, (4,) each.

    Over the same points of the posterior as the scores, whose sums the totals are; where the mode
    alone serves, the variance is that of the delta method.
    """
    purchases, spend, terms = scorer.purchases, scorer.spend, scorer.terms
    columns, draws = groups.columns, scorer.averaging.draws_used
    if draws > 1:
        totals = np.array(
            [
                expected_totals(groups, of_spend, terms, scorer.ahead_at(model, columns))
                for model, of_spend in parameter_pairs(purchases, spend, draws)
            ]
        )
        return totals.mean(axis=0), totals.var(axis=0)
    variance = _parameter_variance(
        purchases,
        lambda model: expected_totals(groups, spend, terms, scorer.ahead_at(model, columns)),
    )
    if spend is not None:
        variance += _parameter_variance(
            spend, lambda model: expected_totals(groups, model, terms, ahead)
        )
    return expected_totals(groups, spend, terms, ahead), variance


def _parameter_variance(model: ModelType, totals: Callable[[ModelType], FloatArray]) -> FloatArray:
    """Variance of totals from not knowing a model's parameters, by the delta method."""
    gradient = parameter_slopes(model, totals)
    covariance = model.fit_.coordinate_covariance
    return np.asarray(np.einsum("it,ij,jt->t", gradient, covariance, gradient))


def parameter_slopes(model: ModelType, totals: Callable[[ModelType], FloatArray]) -> FloatArray:
    """Derivatives of totals in the coordinates of a model's parameters, (k, ...)."""
    mode = model.fit_.coordinates
    steps = _STEP * np.eye(len(mode))
    with ThreadPoolExecutor(_THREADS) as pool:
        above = pool.map(totals, [model.at(mode + step) for step in steps])
        below = pool.map(totals, [model.at(mode - step) for step in steps])
        return np.array([(a - b) / (2.0 * _STEP) for a, b in zip(above, below, strict=True)])


def expected_totals(
    groups: ValueGroups, spend: GammaGammaModel | None, terms: ValueTerms, ahead: Ahead
) -> FloatArray:
    """Active customers, purchases, value and potential value of the base, (4,)."""
    weight = groups.columns.weights
    active = float((weight * ahead.alive).sum())
    count = float((weight * ahead.alive * ahead.expected).sum())
    if spend is None:
        return np.array([active, count, np.nan, np.nan])
    per_money, gamma = _margin_per_scale(groups, spend, terms)
    scale = weight * gamma + groups.n * groups.sum_mean
    if_alive = ahead.discounted * (per_money * scale - terms.cost_per_order * weight)
    fixed = terms.fixed_cost * float(weight.sum())
    value, potential = (ahead.alive * if_alive).sum() - fixed, if_alive.sum() - fixed
    return np.array([active, count, value, potential])


def customer_variance(groups: ValueGroups, scorer: Scorer, ahead: Ahead) -> FloatArray:
    """Variance of the same four totals from what customers do, (4,)."""
    columns, weight, terms = groups.columns, groups.columns.weights, scorer.terms
    alive = ahead.alive
    active = float((weight * alive * (1.0 - alive)).sum())
    squares = scorer.mean_square_purchases(columns)
    count = float((weight * (alive * squares - (alive * ahead.expected) ** 2)).sum())
    if scorer.spend is None:
        return np.array([active, count, np.nan, np.nan])
    per_money, gamma = _margin_per_scale(groups, scorer.spend, terms)
    scale = weight * gamma + groups.n * groups.sum_mean
    scale_square = (
        weight * gamma**2 + 2.0 * gamma * groups.n * groups.sum_mean
        + groups.n**2 * groups.sum_square
    )  # fmt: skip
    margin, cost = terms.margin, terms.cost_per_order
    spend_spend, spend_count, count_count = scorer.mean_square_values(columns, ahead)
    second = (
        margin**2 * scale_square * spend_spend
        - 2.0 * margin * cost * scale * spend_count
        + cost**2 * weight * count_count
    )
    first = ahead.discounted**2 * (
        per_money**2 * scale_square - 2.0 * per_money * cost * scale + cost**2 * weight
    )
    value, potential = alive * second - alive**2 * first, second - first
    return np.array([active, count, max(value.sum(), 0.0), max(potential.sum(), 0.0)])


def _margin_per_scale(
    groups: ValueGroups, spend: GammaGammaModel, terms: ValueTerms
) -> tuple[FloatArray, float]:
    """Expected margin of a purchase per unit of γ′, by group, and γ."""
    p, q, gamma = spend.fit_.parameters.tolist()
    return terms.margin * p / (p * groups.n + q - 1.0), gamma
