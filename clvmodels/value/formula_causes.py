"""Why the simple formula and the model differ: the way from one number to the other, in steps.

Each step mends one thing that the formula takes for granted and leaves the rest. What a step moves
is its cause's share of the difference; the shares of every customer, and so of every group, add up
to the difference. The order of the steps is fixed and matters: another would share it differently.
"""

from __future__ import annotations

import numpy as np

from clvmodels.errors import NoSpendModelError
from clvmodels.kernels.base import FloatArray
from clvmodels.models.gamma_gamma import GammaGammaModel, spend_evidence
from clvmodels.models.purchases import PurchaseModel
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import DAYS_PER_UNIT, DAYS_PER_YEAR, Duration
from clvmodels.value.plug_in import Ahead, look_ahead
from clvmodels.value.scorer import Scorer
from clvmodels.value.simple_formula import SimpleFormula, orders_per_year
from clvmodels.value.terms import ValueTerms
from clvmodels.value.totals import ValueGroups

CAUSES = {
    "lifespan": "The formula counts years that somebody assumed instead of the horizon.",
    "averaging": "The formula gives everybody the average order and the average pace, but those "
    "who order often don't order for average amounts.",
    "first_order": "The formula counts the order that made somebody a customer as if it would come "
    "again.",
    "pace": "The formula takes the pace of a short or lucky history at face value; the model "
    "leans on what similar customers did.",
    "already_left": "The formula counts customers who have left as if they were still active.",
    "will_leave": "The formula lets every active customer stay for the whole horizon.",
    "order_value": "The formula takes the mean of a few orders at face value; the model leans on "
    "the base.",
    "discounting": "The formula counts money at the end of the horizon like money today.",
    "costs": "The formula leaves out what an order and a customer cost.",
    "parameters": "The model averages over what it cannot know about its own parameters.",
}
_DAY = Duration.parse("1d")


def causes_between(stations: FloatArray) -> dict[str, FloatArray]:
    """What each cause adds to the formula's number, from the values after each step."""
    return dict(zip(CAUSES, stations[:-1] - stations[1:], strict=True))


def walk(
    columns: CustomerColumns,
    own: FloatArray,
    purchases: PurchaseModel,
    spend: GammaGammaModel,
    base: SimpleFormula,
    terms: ValueTerms,
    lifespan_years: float | None = None,
    ahead: Ahead | None = None,
) -> FloatArray:
    """Value after each step at the mode, the formula first, shape (10, n).

    Averaging over the parameters is the last step to the model, and not in here. Every value is
    linear in a customer's mean amounts, ``own`` (all orders) and ``columns.monetary_value`` (repeat
    orders), so that an entry may stand for a group that shares the rest, with the group's means.
    """
    years, margin = terms.horizon.years, terms.margin
    if ahead is None:
        ahead = look_ahead(purchases, columns, terms)
    observed = np.maximum(columns.age * DAYS_PER_UNIT[columns.time_unit] / DAYS_PER_YEAR, 1.0)
    # What an active customer buys in a day, before leaving can matter.
    pace = purchases.alive_purchases(columns, _DAY) * terms.horizon.days
    per_order = spend.spend(*spend_evidence(columns))
    average = np.full(len(columns), base.mean_order_value * base.orders_per_year * margin)
    discounted = margin * per_order * ahead.alive * ahead.discounted
    costs = terms.cost_per_order * ahead.alive * ahead.discounted + terms.fixed_cost
    return np.array(
        [
            average * (years if lifespan_years is None else lifespan_years),
            average * years,
            margin * own * orders_per_year(columns) * years,
            margin * own * columns.frequency / observed * years,
            margin * own * pace,
            margin * own * pace * ahead.alive,
            margin * own * ahead.expected * ahead.alive,
            margin * per_order * ahead.expected * ahead.alive,
            discounted,
            discounted - costs,
        ]
    )


def causes_of_base(
    groups: ValueGroups, scorer: Scorer, base: SimpleFormula, model: float
) -> dict[str, float]:
    """What each cause adds to the formula for a whole base, in money.

    Parameters
    ----------
    groups
        The customers, as scoring them leaves them.
    base
        The formula for the same customers.
    model
        Their total value by the model.
    """
    if scorer.spend is None:
        raise NoSpendModelError
    columns, own = groups.columns, groups.mean_orders(base.mean_order_value)
    steps = walk(
        columns, own, scorer.purchases, scorer.spend, base, scorer.terms,
        ahead=scorer.ahead(columns),
    )  # fmt: skip
    sums = np.append(steps @ columns.weights, model)
    return {name: float(money) for name, money in causes_between(sums).items()}
