"""Whether a saved model still fits the shop: a newer log against the log that taught it.

Everything comes from the model's own memory of its training period and from the groups that
scoring leaves behind, so that watching ten million customers costs next to nothing. What customers
who were known then have bought since is a difference of two sums.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
from scipy.special import ndtri

from clvmodels.evaluation.moments import purchase_moments
from clvmodels.evaluation.shocks import LearnedShocks
from clvmodels.evaluation.training_period import TrainingPeriod
from clvmodels.kernels.base import FloatArray
from clvmodels.models import GammaGammaModel, PurchaseModel
from clvmodels.units import DAYS_PER_UNIT
from clvmodels.value.parameters import parameter_pairs
from clvmodels.value.shock import ASSUMED, ASSUMED_WORTH, CommonShock
from clvmodels.value.totals import ValueGroups

# A nightly check asks often: chance has to be nearly ruled out, beside shocks that are usual.
_CHANCE, _USUAL = 0.99, 0.9
# A total that is certain to be zero has no logarithm.
_LEAST = 1e-9
# Late rows and returns change what was known on a day by less than this.
_SAME, _SAME_CUSTOMERS = 0.02, 3
# How far the mean order of a shop strays by itself, worth as many windows as other assumptions.
_ORDER_VALUE_SD = 0.1
# Amounts off by this factor are in another unit or currency, whatever else they may be.
_OTHER_UNIT = 10.0
# The variance of amounts is infinite from q = 2 down; samples don't show it.
_LEAST_Q = 2.2
# Orders of a base that tell as much about its mean as one of a customer of its own.
_ALIKE = 10.0
_POINTS = 8
# Ages at which the spread of a count is worked out, from a part of the oldest on.
_NODES, _YOUNGEST = 24, 4096.0


@dataclass(frozen=True)
class Comparison:
    """What was seen and what the model expected, with bounds that only a change would break.

    They leave room for 99 % of what chance may do, and for 90 % of the shocks that strike all
    customers at once.
    """

    observed: float
    expected: float
    lower: float
    upper: float

    @classmethod
    def of(cls, observed: float, expected: float, sd: float, shock: CommonShock) -> Comparison:
        """Compare with an expectation above 0, its standard deviation and a common shock."""
        by_chance = float(ndtri(0.5 * (1.0 + _CHANCE))) * math.sqrt(
            math.log1p((sd / expected) ** 2)
        )
        factor = math.exp(math.hypot(by_chance, shock.half_width(_USUAL)))
        return cls(observed, expected, expected / factor, expected * factor)

    @property
    def is_outside(self) -> bool:
        """Whether what was seen is a surprise."""
        return not self.lower <= self.observed <= self.upper

    @property
    def is_of_another_unit(self) -> bool:
        """Whether a mean order is so far off that its unit must be another."""
        return not 1.0 / _OTHER_UNIT < self.observed / self.expected < _OTHER_UNIT

    @property
    def change(self) -> str:
        """How far what was seen is from what was expected, in words."""
        return f"{self.observed / self.expected - 1.0:+.0%}"

    @property
    def times(self) -> str:
        """How many times what was expected was seen, or which part of it, in words."""
        if self.observed >= self.expected:
            return f"{self.observed / self.expected:,.0f} times"
        return f"1/{self.expected / self.observed:,.0f} of" if self.observed > 0.0 else "beside"


@dataclass(frozen=True)
class Drift:
    """A newer log beside the training period of a model.

    Attributes
    ----------
    fitted_to, observation_end
        Last day that the model saw, and last day of the log.
    span
        Days of the training period.
    customers, arrived
        Customers of the log, and those of them who came after ``fitted_to``.
    learned_from
        Customers that taught the model.
    base, base_order_value
        Repeat purchases of the whole base for customers of their ages, and their mean amount
        beside that of the training period.
    purchases, order_value
        Of the customers known then, since then. None where the log does not go on from there.
    newcomers
        Repeat purchases of the customers who came since.
    """

    fitted_to: date
    observation_end: date
    span: int
    customers: int
    arrived: int
    learned_from: int
    base: Comparison
    base_order_value: Comparison | None
    purchases: Comparison | None
    order_value: Comparison | None
    newcomers: Comparison | None

    @property
    def days(self) -> int:
        """Days from the end of the training period to the end of the log."""
        return (self.observation_end - self.fitted_to).days

    @property
    def goes_on(self) -> bool:
        """Whether those known on the model's last day are the customers that taught it."""
        known = self.customers - self.arrived
        allowed = max(_SAME * self.learned_from, _SAME_CUSTOMERS)
        return self.days >= 0 and abs(known - self.learned_from) <= allowed

    def to_dict(self) -> dict[str, Any]:
        """Give everything as ``run.json`` has it."""
        return {"days": self.days, **asdict(self)}


def find_drift(
    training: TrainingPeriod,
    groups: ValueGroups,
    observation_end: date,
    purchases: PurchaseModel,
    spend: GammaGammaModel | None,
    shocks: LearnedShocks,
) -> Drift:
    """Hold a newer log, as the groups that scoring left, against a model's training period.

    Examples
    --------
    >>> import clvmodels as clv
    >>> from clvmodels.evaluation.drift import find_drift
    >>> from clvmodels.evaluation.training_period import TrainingPeriod
    >>> from clvmodels.evaluation.shocks import LearnedShocks
    >>> from clvmodels.value.totals import ValueGroups
    >>> log = clv.load_cdnow("sample")
    >>> then = log.summarize("1997-12-31")
    >>> model = clv.BetaGeoModel().fit(then)
    >>> training = TrainingPeriod.of(then, log.first_date, model, None)
    >>> groups = ValueGroups.of(log.summarize("1998-03-31").columns())
    >>> now = log.summarize("1998-03-31").observation_end
    >>> drift = find_drift(training, groups, now, model, None, LearnedShocks())
    >>> drift.goes_on, drift.arrived, drift.purchases.is_outside
    (True, 0, False)
    """
    columns, weight = groups.columns, groups.columns.weights
    ages = np.rint(columns.age * DAYS_PER_UNIT[columns.time_unit])
    days = (observation_end - training.observation_end).days
    is_new = ages < days
    repeats, amounts = weight * columns.frequency, groups.n * groups.sum_mean
    money = spend is not None and training.repeat_amount is not None
    base, newcomers = _of_new_customers(purchases, ages, weight, repeats, is_new, shocks)
    found = Drift(
        training.observation_end,
        observation_end,
        training.span,
        round(float(weight.sum())),
        round(float(weight[is_new].sum())),
        training.customers,
        base,
        _base_order_value(training, repeats, amounts, spend) if money else None,
        None,
        None,
        newcomers,
    )
    ahead = training.expected(days)
    if ahead is None or not found.goes_on:
        return found
    bought = float(repeats[~is_new].sum()) - training.repeat_purchases
    sd = math.hypot(ahead.sd_parameters, ahead.sd_customers)
    since = {"purchases": Comparison.of(bought, ahead.purchases, sd, shocks.purchases)}
    if money and ahead.order_value is not None and bought >= 1.0:
        spent = float(amounts[~is_new].sum()) - float(training.repeat_amount or 0.0)
        since["order_value"] = Comparison.of(
            spent / bought,
            ahead.order_value,
            ahead.order_value * _spread(spend, bought / ahead.bunching),
            _order_value_shock(shocks),
        )
    return Drift(**{**vars(found), **since})


def _of_new_customers(
    model: PurchaseModel,
    ages: FloatArray,
    weight: FloatArray,
    repeats: FloatArray,
    is_new: np.ndarray[Any, Any],
    shocks: LearnedShocks,
) -> tuple[Comparison, Comparison | None]:
    """Repeat purchases of all customers, and of those who came since, from their ages alone."""
    distinct, which = np.unique(ages, return_inverse=True)
    in_unit = distinct / DAYS_PER_UNIT[model.time_unit_]
    each = np.array(
        [
            _since_first_purchase(point, in_unit)
            for point, _ in parameter_pairs(model, None, _POINTS, by_curvature=True)
        ]
    )
    over_mean = _variance_over_mean(model, in_unit)

    def compared(some: np.ndarray[Any, Any], shock: CommonShock) -> Comparison:
        count = np.bincount(which[some], weight[some], len(distinct))
        totals = each @ count
        variance = float((each.mean(axis=0) * over_mean) @ count)
        sd = math.hypot(float(totals.std()), math.sqrt(variance))
        expected = max(float(totals.mean()), _LEAST)
        return Comparison.of(float(repeats[some].sum()), expected, sd, shock)

    everybody = np.ones(len(ages), dtype=bool)
    base = compared(everybody, ASSUMED)
    return base, compared(is_new, shocks.purchases) if is_new.any() else None


def _since_first_purchase(model: PurchaseModel, ages: FloatArray) -> FloatArray:
    """Expected repeat purchases of customers of some ages, of whom nothing else is known."""
    theta, x, start = model.fit_.parameters, np.zeros(len(ages), dtype=np.int64), np.zeros(1)
    stays = model.kernel.probability_alive(theta, x[:1], start, start)[0]
    ahead: FloatArray = stays * model.kernel.alive_purchases(theta, x, np.zeros(len(ages)), ages)
    return ahead


def _variance_over_mean(model: PurchaseModel, ages: FloatArray) -> FloatArray:
    """Of the number of repeat purchases at some ages, read between nodes."""
    last = max(float(ages.max(initial=0.0)), 1.0)
    ends = np.geomspace(last / _YOUNGEST, last, _NODES)
    theta, none, start = model.fit_.parameters, np.zeros(1, dtype=np.int64), np.zeros(1)
    moments = purchase_moments(model.kernel, theta, none, start, ends)
    mean, square = (
        model.kernel.probability_alive(theta, none, start, start) * moment[:, 0]
        for moment in moments
    )
    result: FloatArray = np.interp(ages, [0.0, *ends], [1.0, *(square / mean - mean)])
    return result


def _base_order_value(
    training: TrainingPeriod,
    repeats: FloatArray,
    amounts: FloatArray,
    spend: GammaGammaModel | None,
) -> Comparison | None:
    """Mean repeat purchase of the base beside that of the training period."""
    bought = float(repeats.sum())
    if bought < 1.0 or not training.repeat_purchases or not training.repeat_amount:
        return None
    then = training.repeat_amount / training.repeat_purchases
    # Orders of a customer are alike, and some customers have many.
    apart = min(bought, float(training.repeat_purchases)) / _ALIKE
    sd = then * _spread(spend, apart)
    return Comparison.of(float(amounts.sum()) / bought, then, sd, ASSUMED)


def _spread(spend: GammaGammaModel | None, orders: float) -> float:
    """Coefficient of variation of the mean of so many orders, of customers who differ."""
    if spend is None:
        return 0.0
    p, q, _ = spend.fit_.parameters.tolist()
    q = max(q, _LEAST_Q)
    square = (p + 1.0) * (q - 1.0) / (p * (q - 2.0)) - 1.0
    return math.sqrt(square / max(orders, 1.0))


def _order_value_shock(shocks: LearnedShocks) -> CommonShock:
    """How far the mean order strays by itself: what earlier windows missed in spend alone."""
    errors = [
        window.spend_log_error - window.purchases_log_error
        for window in shocks.windows
        if window.spend_log_error is not None
    ]
    worth = ASSUMED_WORTH + len(errors)
    squares = ASSUMED_WORTH * _ORDER_VALUE_SD**2 + math.fsum(error**2 for error in errors)
    return CommonShock(math.sqrt(squares / worth), worth, len(errors))
