"""Whether segments bear out: what their customers went on to do, and what RFM would have said."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from scipy.special import ndtri

from clvmodels.config.segments import SegmentRules
from clvmodels.evaluation.outcome import Outcome, look_back, observe
from clvmodels.evaluation.ranking import Rank
from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.models import PURCHASE_MODELS, GammaGammaModel
from clvmodels.models.purchases import PurchaseModel
from clvmodels.segments.kinds import CODES
from clvmodels.segments.learn import MOST_CUSTOMERS, expectations, learn_segments
from clvmodels.segments.rfm import rfm_score
from clvmodels.segments.segmenter import Segmenter
from clvmodels.transactions.log import TransactionLog
from clvmodels.units import TimeUnit
from clvmodels.value.scorer import Scorer
from clvmodels.value.terms import ValueTerms

TOP = 0.2


def held_out_evidence(
    log: TransactionLog,
    origin: date,
    end: date,
    *,
    model: str = "bgnbd",
    time_unit: TimeUnit = "day",
    rules: SegmentRules | None = None,
    interval: float = 0.9,
) -> dict[str, Any]:
    """Segments as they stood at an origin, against what happened until the end.

    Models learn from the log as it stood on that day, as in the back-test; of more than 200,000
    customers a sample is looked at. Where a back-test has just fitted them, `segment_evidence`
    takes its `Split.refit`.

    Parameters
    ----------
    log
        What `read_transactions` gave.
    origin, end
        Those of a split of the back-test.
    """
    log = log.sample(MOST_CUSTOMERS)
    past, summary = look_back(log, origin, time_unit, None)
    purchases = PURCHASE_MODELS[model]().fit(summary, method="map")
    spend = None
    if summary.has_amount and len(summary.orders()):
        spend = GammaGammaModel().fit(summary, method="map")
    outcome = observe(log, past, summary, origin, end)
    return segment_evidence(outcome, purchases, spend, rules or SegmentRules(), interval)


def segment_evidence(
    outcome: Outcome,
    purchases: PurchaseModel,
    spend: GammaGammaModel | None,
    rules: SegmentRules,
    interval: float = 0.9,
) -> dict[str, Any]:
    """Hold segments that were learned at an origin against what customers went on to do.

    Parameters
    ----------
    outcome
        Who was known at the origin, and what they did until the end.
    purchases, spend
        Models fitted up to the origin; without ``spend`` numbers of purchases are compared.
    rules
        What segments are learned by.
    interval
        Probability of the intervals around what was seen.
    """
    found = _Found.of(outcome, purchases, spend, rules)
    rows = _rows(found, interval)
    return {
        "origin": outcome.origin.isoformat(),
        "end": outcome.end.isoformat(),
        "customers": len(found.codes),
        "interval": interval,
        "measure": found.measure,
        "rows": rows,
        "order": _order(rows),
        **_lift(found, interval),
        "claims": _claims(found),
    }


@dataclass(frozen=True)
class _Found:
    """Customers at the origin: their segments, what was expected of them, what they did."""

    outcome: Outcome
    segmenter: Segmenter
    codes: IntArray
    probability: FloatArray
    scores: Mapping[str, FloatArray]
    bought: FloatArray
    measure: str

    @classmethod
    def of(
        cls,
        outcome: Outcome,
        purchases: PurchaseModel,
        spend: GammaGammaModel | None,
        rules: SegmentRules,
    ) -> _Found:
        columns = outcome.columns
        spend = None if outcome.spend is None else spend
        # What customers spend is seen before margin, and when they spend it.
        terms = ValueTerms(outcome.horizon, margin=1.0, annual_discount_rate=0.0)
        scorer = Scorer(purchases, spend, terms, 0.9)
        segmenter = learn_segments(columns, scorer, rules)
        scores = expectations(columns, scorer)
        codes, probability = segmenter.assign(columns, scores, scorer)
        x, age, which = columns.pairs
        ahead = np.full(len(x), outcome.horizon.in_unit(columns.time_unit))
        idle = purchases.kernel.alive_idle(purchases.fit_.parameters, x, age, ahead)
        bought = scores["probability_alive"] * (1.0 - idle[which])
        measure = "purchases" if spend is None else "spend"
        return cls(outcome, segmenter, codes, probability, scores, bought, measure)

    @property
    def predicted(self) -> FloatArray:
        """Expected spend, or purchases, of each customer."""
        return self.scores["clv" if self.measure == "spend" else "expected_purchases"]

    @property
    def actual(self) -> FloatArray:
        """What each customer spent, or how often each bought."""
        if self.measure == "spend" and self.outcome.spend is not None:
            return self.outcome.spend
        return self.outcome.purchases.astype(np.float64)


def _rows(found: _Found, interval: float) -> list[dict[str, Any]]:
    z = float(ndtri(0.5 * (1.0 + interval)))
    rows = []
    for code, (kind, name) in enumerate(
        zip(found.segmenter.kinds, found.segmenter.names, strict=True)
    ):
        who = np.flatnonzero(found.codes == code)
        row: dict[str, Any] = {"kind": kind, "name": name, "customers": len(who)}
        if len(who):
            actual, bought = found.actual[who], found.outcome.purchases[who] > 0
            half = z * _standard_error(actual)
            row |= {
                "predicted": float(found.predicted[who].mean()),
                "actual": float(actual.mean()),
                "actual_lower": max(float(actual.mean()) - half, 0.0),
                "actual_upper": float(actual.mean()) + half,
                "probability_alive": float(found.scores["probability_alive"][who].mean()),
                "predicted_bought": float(found.bought[who].mean()),
                "bought": float(bought.mean()),
                **_wilson(int(bought.sum()), len(who), z),
            }
        rows.append(row)
    return rows


def _standard_error(values: FloatArray) -> float:
    """Of a mean; the mean itself where a single value says nothing of its spread."""
    if len(values) < 2:
        return float(values.mean())
    return float(values.std(ddof=1)) / math.sqrt(len(values))


def _wilson(seen: int, of: int, z: float) -> dict[str, float]:
    """Wilson's interval of a share."""
    share, spread = seen / of, z**2 / of
    middle = (share + 0.5 * spread) / (1.0 + spread)
    half = math.sqrt(share * (1.0 - share) * spread + 0.25 * spread**2) / (1.0 + spread)
    return {"bought_lower": max(middle - half, 0.0), "bought_upper": min(middle + half, 1.0)}


def _order(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Whether segments of which more was expected brought more."""
    there = sorted((row for row in rows if row["customers"]), key=lambda row: -row["predicted"])
    pairs = in_order = clearly = 0
    for place, better in enumerate(there):
        for worse in there[place + 1 :]:
            gap = better["actual"] - worse["actual"]
            error = math.hypot(*(row["actual_upper"] - row["actual"] for row in (better, worse)))
            pairs, in_order = pairs + 1, in_order + (gap >= 0.0)
            # Half-widths add up to that of the difference, at the same level.
            clearly += gap < -error
    ranked = Rank(np.array([row["actual"] for row in there])) if there else None
    ranking = ranked(np.array([row["predicted"] for row in there])) if ranked else None
    return {
        "pairs": pairs,
        "in_order": in_order,
        "clearly_out_of_order": clearly,
        "rank_correlation": ranking.spearman if ranking else None,
    }


def _lift(found: _Found, interval: float) -> dict[str, Any]:
    """How much the top 20 % brought, by segments, by score, by RFM and in hindsight."""
    actual, total = found.actual, float(found.actual.sum())
    count = np.bincount(found.codes, minlength=len(CODES))
    sums = np.bincount(found.codes, weights=found.predicted, minlength=len(CODES))
    mean = (sums / np.maximum(count, 1))[found.codes]
    columns = found.outcome.columns
    ways = {
        "segments": ("these segments", mean),
        "score": ("expected " + ("value" if found.measure == "spend" else "purchases"),
                  found.predicted),
        "rfm": ("RFM quintiles", rfm_score(columns, with_money=found.measure == "spend")),
        "perfect": ("hindsight", actual),
    }  # fmt: skip
    rank = Rank(actual)
    rows = []
    for method, (name, order) in ways.items():
        capture = float((top_part(order, TOP) * actual).sum()) / total if total else None
        rows.append(
            {
                "method": method,
                "name": name,
                "top": TOP,
                "capture": capture,
                "lift": None if capture is None else capture / TOP,
                "gini": rank(order).gini,
            }
        )
    rfm = top_part(ways["rfm"][1], TOP)
    against = {
        method: _difference(
            (top_part(ways[method][1], TOP) - rfm) * actual, actual, interval, method
        )
        for method in ("segments", "score")
    }
    return {"lift": rows, "against_rfm": against["segments"], "score_against_rfm": against["score"]}


def top_part(order: FloatArray, share: float) -> FloatArray:
    """How much of each customer is among the top share; equal ones share what is left, (n,)."""
    values, which, count = np.unique(-order, return_inverse=True, return_counts=True)
    before = np.cumsum(count) - count
    part: FloatArray = np.clip((share * len(order) - before) / count, 0.0, 1.0)
    return part[which] if len(values) else part


def _difference(
    gain: FloatArray, actual: FloatArray, interval: float, method: str
) -> dict[str, Any] | None:
    """Difference of two shares of one total, with the interval of a ratio over customers."""
    total = float(actual.sum())
    if not total:
        return None
    difference = float(gain.sum()) / total
    error = math.sqrt(float(((gain - difference * actual) ** 2).sum())) / total
    half = float(ndtri(0.5 * (1.0 + interval))) * error
    lower, upper = difference - half, difference + half
    better = method if lower > 0.0 else "rfm" if upper < 0.0 else "undecided"
    return {"difference": difference, "lower": lower, "upper": upper, "better": better}


def _claims(found: _Found) -> list[dict[str, Any]]:
    """Membership probabilities against how often the claim came true, where that can be seen.

    Who is gone does not buy, and neither do some who are not: of those said to be gone, at least
    as many must stay away as were claimed.
    """
    idle = found.outcome.purchases == 0
    top = found.actual >= found.segmenter.limits.top
    seen = {"champions": top, "one_time": idle, "fading": idle, "lapsed": idle}
    rows = []
    for kind, true in seen.items():
        who = found.codes == found.segmenter.kinds.index(kind)
        if who.any():
            rows.append(
                {
                    "kind": kind,
                    "customers": int(who.sum()),
                    "claimed": float(found.probability[who].mean()),
                    "seen": float(true[who].mean()),
                    "at_least": kind in ("fading", "lapsed"),
                }
            )
    return rows
