"""Learning the limits between segments from a log and its models."""

from __future__ import annotations

from typing import Any

import numpy as np

from clvmodels.config.segments import SegmentRules
from clvmodels.kernels.base import FloatArray
from clvmodels.models.data import as_customers
from clvmodels.models.gamma_gamma import spend_evidence
from clvmodels.models.purchases import PurchaseModel
from clvmodels.segments.limits import Limits, described, tier_of
from clvmodels.segments.segmenter import Segmenter, with_tier
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import DAYS_PER_UNIT, DAYS_PER_YEAR
from clvmodels.value.parameters import parameter_pairs
from clvmodels.value.plug_in import look_ahead
from clvmodels.value.scorer import Scorer

# Quantiles of more customers than these are those of a sample, the same on every engine.
MOST_CUSTOMERS = 200_000
# Scores that differ by less, relatively, count as equal: no limit goes between them.
_TIE = 1e-9


def learn_segments(customers: Any, scorer: Scorer, rules: SegmentRules) -> Segmenter:
    """Learn the limits of segments from customers, by rules.

    Parameters
    ----------
    customers
        A customer summary or columns, in the unit of the scorer's models.
    scorer
        With the models fitted to them, on the terms that value means.
    rules
        What is to be learned.
    """
    columns = _learned_from(customers, scorer.purchases)
    scores = with_tier(columns, expectations(columns, scorer), scorer)
    tier = tier_of(scorer)
    again = columns.frequency > 0
    among = again if again.any() else np.ones(len(columns), dtype=bool)
    return Segmenter(
        Limits(
            tier=tier,
            top=upper_limit(scores[tier][among], columns.weights[among], rules.top_share),
            top_share=rules.top_share,
            active_from=rules.active_from,
            lapsed_below=rules.lapsed_below,
            new_until_days=young_until(columns, scorer.purchases, rules),
            few_orders=rules.few_orders,
            terms=described(scorer.terms),
        ),
        rules,
    )


def expectations(columns: CustomerColumns, scorer: Scorer) -> dict[str, FloatArray]:
    """The scores that segments are told by, without the distributions that cost most of a score."""
    terms, draws = scorer.terms, scorer.averaging.draws_used
    pairs = [(scorer.purchases, scorer.spend)]
    if draws > 1:
        pairs = parameter_pairs(scorer.purchases, scorer.spend, draws)
    n, mean = spend_evidence(columns)
    total: dict[str, FloatArray] = {}
    for purchases, spend in pairs:
        ahead = look_ahead(purchases, columns, terms)
        scores = {
            "probability_alive": ahead.alive,
            "expected_purchases": ahead.alive * ahead.expected,
        }
        if spend is not None:
            per_order = terms.margin * spend.spend(n, mean) - terms.cost_per_order
            scores["potential_value"] = per_order * ahead.discounted - terms.fixed_cost
            scores["clv"] = ahead.alive * per_order * ahead.discounted - terms.fixed_cost
        for name, values in scores.items():
            total[name] = total.get(name, 0.0) + values / len(pairs)
    return total


def upper_limit(values: FloatArray, weight: FloatArray, share: float) -> float:
    """Limit that about a share of the weight is at or above.

    It lies halfway between two values that differ, so that neither rounding nor ties decide on
    which side of it a customer is. Where all are equal, all are above.
    """
    order = np.argsort(-values, kind="stable")
    values, above = values[order], np.cumsum(weight[order])
    step = values[:-1] - values[1:]
    size = np.maximum(np.abs(values[:-1]), np.abs(values[1:]))
    cuts = np.flatnonzero(step > _TIE * size)
    if not len(cuts):
        return float(values[-1])
    best = cuts[np.argmin(np.abs(above[cuts] - share * above[-1]))]
    return float(0.5 * (values[best] + values[best + 1]))


def young_until(columns: CustomerColumns, model: PurchaseModel, rules: SegmentRules) -> int:
    """Age in whole days up to which a customer is young; see `SegmentRules`."""
    days = np.rint(columns.age * DAYS_PER_UNIT[columns.time_unit]).astype(np.int64)
    oldest = int(days.max(initial=1))
    until = settling_days(model, min(max(oldest, 1), int(DAYS_PER_YEAR)), rules.settled)
    if rules.newest_share > 0.0:
        count = np.bincount(days, weights=columns.weights)
        reached = np.flatnonzero(np.cumsum(count) >= rules.newest_share * count.sum() * (1 - _TIE))
        newest = int(reached[0])
        if newest < oldest:
            until = max(until, newest)
    return until


def settling_days(model: PurchaseModel, within: int, share: float) -> int:
    """Days by which this share has come back of the new customers who do so ``within`` days."""
    kernel, theta = model.kernel, model.fit_.parameters
    ahead = np.arange(1, within + 1) / DAYS_PER_UNIT[model.time_unit_]
    zero = np.zeros(within)
    back = 1.0 - kernel.alive_idle(theta, zero.astype(np.int64), zero, ahead)
    return int(np.argmax(back >= share * back[-1])) + 1


def _learned_from(customers: Any, model: PurchaseModel) -> CustomerColumns:
    unit = None if hasattr(customers, "time_unit") else model.time_unit_
    known: Any = as_customers(customers, unit)
    if hasattr(known, "sample") and len(known) > MOST_CUSTOMERS:
        sample: CustomerColumns = known.sample(MOST_CUSTOMERS)
        return sample
    columns: CustomerColumns = known.columns()
    return columns
