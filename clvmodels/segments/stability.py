"""How many customers would be in another segment had something been a little different."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import numpy as np

from clvmodels.errors import InputError
from clvmodels.evaluation.origins import FEWEST_REPEATERS
from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.models import PURCHASE_MODELS, GammaGammaModel
from clvmodels.models.data import customer_index
from clvmodels.models.purchases import PurchaseModel
from clvmodels.segments.kinds import CODES
from clvmodels.segments.learn import expectations, learn_segments
from clvmodels.segments.segmenter import Segmenter, with_tier
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.transactions.log import TransactionLog
from clvmodels.transactions.summary import CustomerSummary
from clvmodels.value.scorer import Scorer

CUSTOMERS = 20_000
DAYS = 30
_MODEL_NAMES = {"bgnbd": "BG/NBD", "mbgnbd": "MBG/NBD", "pareto_nbd": "Pareto/NBD"}


def segment_stability(
    log: TransactionLog,
    scorer: Scorer,
    segmenter: Segmenter,
    *,
    observation_end: date | None = None,
    customers: int = CUSTOMERS,
    days: int = DAYS,
) -> dict[str, Any] | None:
    """Share of customers whose segment changes with the seed, with a month's data, with the model.

    Each time parameters and limits are learned anew by the same rules, and the same customers with
    the same histories are put into segments. Looked at are the customers of a sample; what they are
    compared with is learned from the sample too, so that its size changes nothing but the noise.
    None where the log is too short or small to learn from.

    Parameters
    ----------
    log
        What `read_transactions` gave.
    scorer
        With the models of the job.
    segmenter
        What was learned in the job; its rules are used again.
    observation_end
        Last day observed. Default: that of the log.
    customers
        Size of the sample.
    days
        Length of the month by which the origin moves.
    """
    sample = log.sample(customers)
    now = _Look.at(sample, observation_end, scorer, segmenter)
    if now is None:
        return None
    rows = [_row("seed", "another seed", now, *_by_seed(now, scorer))]
    earlier = _Look.at(
        sample, now.summary.observation_end - timedelta(days=days), scorer, segmenter
    )
    moved = None
    if earlier is not None:
        name = f"parameters and limits of {days} days earlier"
        rows.append(_row("month", name, now, now.codes, earlier.scored(now.columns)))
        moved = _moves(earlier, now, days)
    for model, name in _MODEL_NAMES.items():
        if model != now.scorer.purchases.kernel.name:
            other = now.refitted(PURCHASE_MODELS[model]().fit(now.summary, method="map"))
            rows.append(_row("model", name, now, now.codes, other))
    return {"customers": len(now.columns), "rows": rows, "moved": moved}


@dataclass(frozen=True)
class _Look:
    """A log as it stood on a day, with what the job's kind of model learned from it."""

    summary: CustomerSummary
    columns: CustomerColumns
    scorer: Scorer
    segmenter: Segmenter

    @classmethod
    def at(
        cls, log: TransactionLog, day: date | None, like: Scorer, segmenter: Segmenter
    ) -> _Look | None:
        model = type(like.purchases)
        try:
            summary = (log if day is None else log.before(day)).summarize(
                day, like.purchases.time_unit_
            )
        except InputError:
            return None
        columns = summary.columns()
        if (columns.frequency > 0).sum() < FEWEST_REPEATERS:
            return None
        purchases = model().fit(summary, method="map")
        spend = None
        if like.spend is not None:
            if not len(summary.orders()):
                return None
            spend = GammaGammaModel().fit(summary, method="map")
        scorer = _with_models(like, purchases, spend)
        return cls(summary, columns, scorer, learn_segments(columns, scorer, segmenter.rules))

    @cached_property
    def scores(self) -> dict[str, FloatArray]:
        """What segments are told by."""
        return with_tier(self.columns, expectations(self.columns, self.scorer), self.scorer)

    @cached_property
    def codes(self) -> IntArray:
        """Segments of the customers as they stood."""
        return self.segmenter.codes(self.columns, self.scores)

    def scored(self, columns: CustomerColumns) -> IntArray:
        """Segments of customers as they stand otherwise, by what was learned here."""
        scores = with_tier(columns, expectations(columns, self.scorer), self.scorer)
        return self.segmenter.codes(columns, scores)

    def refitted(self, purchases: PurchaseModel, spend: GammaGammaModel | None = None) -> IntArray:
        """Segments of the same customers with other models, and limits learned with them."""
        scorer = _with_models(self.scorer, purchases, spend or self.scorer.spend)
        segmenter = learn_segments(self.columns, scorer, self.segmenter.rules)
        return replace(self, scorer=scorer, segmenter=segmenter).codes


def _with_models(like: Scorer, purchases: PurchaseModel, spend: GammaGammaModel | None) -> Scorer:
    lower, _, upper = like.levels
    return Scorer(purchases, spend, like.terms, upper - lower, like.seed)


def _by_seed(now: _Look, job: Scorer) -> tuple[IntArray, IntArray]:
    """Segments with the posterior drawn by two seeds; where the mode serves, none matters."""
    if job.averaging.draws_used == 1:
        return now.codes, now.codes
    one, other = (
        now.refitted(
            type(now.scorer.purchases)().fit(now.summary, method="laplace", seed=seed),
            job.spend and GammaGammaModel().fit(now.summary, method="laplace", seed=seed),
        )
        for seed in (1, 2)
    )
    return one, other


def _row(against: str, name: str, now: _Look, codes: IntArray, others: IntArray) -> dict[str, Any]:
    changed = codes != others
    worth = now.scores[now.segmenter.limits.tier]
    total = float(worth.sum())
    return {
        "against": against,
        "name": name,
        "compared": len(changed),
        "changed": float(changed.mean()),
        "value_share_changed": float(worth[changed].sum()) / total if total > 0.0 else None,
    }


def _moves(earlier: _Look, now: _Look, days: int) -> dict[str, Any]:
    """Who moved within the month, of those known before it: a matrix of old by new segments."""
    place = customer_index(now.columns).get_indexer(customer_index(earlier.columns))
    known = place >= 0
    old, new = earlier.codes[known], now.codes[place[known]]
    size = len(CODES)
    matrix = np.bincount(old * size + new, minlength=size * size).reshape(size, size)
    compared = int(known.sum())
    return {
        "days": days,
        "compared": compared,
        "changed": float((old != new).mean()) if compared else None,
        "matrix": matrix.tolist(),
    }
