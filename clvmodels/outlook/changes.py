"""Why the value of the base is another than in the last run, in parts that add up.

The old run's number is led to the new one's in steps, each of which changes one thing; what a step
changes is its part. With M for models and t for terms of value, 0 for then and 1 for now:

1. *data*: the old run's number, against M0 and t0 on the customers of then as today's log shows
   them (rows that came late, were corrected or are gone);
2. *behaviour*: the same customers today, on M0 and t0: what they did since, and that time went by;
3. *new customers*: those who came since, on M0 and t0;
4. *model*: M1 in place of M0, on t0;
5. *terms*: t1 in place of t0: margin, costs, horizon and discounting.

Another order would share out the interactions otherwise; this one keeps the old yardstick for as
long as it can.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clvmodels.errors import ClvError
from clvmodels.outlook.histories import groups_of
from clvmodels.outlook.predecessor import Predecessor, find_predecessor, without_path
from clvmodels.outlook.scores import Moves, moves
from clvmodels.outlook.valuation import Valuation
from clvmodels.transactions.cohorts import histories
from clvmodels.transactions.database import Database
from clvmodels.units import DAYS_PER_UNIT
from clvmodels.value.scorer import Scorer
from clvmodels.value.totals import ValueGroups
from clvmodels.wording import percent

if TYPE_CHECKING:
    from clvmodels.transactions.log import TransactionLog

# Below this share of the old customers, the log is another shop's.
_LEAST_SHARED = 0.5
# Relative difference that comes from adding numbers up in another order.
_NOTHING = 1e-6
_LABELS = {
    "data": "Data",
    "behaviour": "Behaviour",
    "new_customers": "New customers",
    "model": "Model",
    "terms": "Terms",
}


@dataclass(frozen=True)
class Now:
    """The job that is compared with its predecessor.

    Attributes
    ----------
    groups
        Its base.
    scorer
        What scored it.
    totals
        Its totals as ``run.json`` has them.
    observation_end
        Last day observed.
    scores
        Folder of its score files.
    customer_costs
        What its totals pay for costs of customers' own.
    """

    groups: ValueGroups
    scorer: Scorer
    totals: Mapping[str, Any]
    observation_end: date
    scores: Path
    customer_costs: float = 0.0

    def total(self, quantity: str) -> float | None:
        """Its expected total; None where there is none."""
        found = self.totals.get(quantity)
        return None if found is None else float(found["expected"])


def change(
    out: Path,
    current: Mapping[str, Any],
    now: Now,
    log: TransactionLog | None = None,
    previous: Path | None = None,
    *,
    memory_limit: str | None = None,
    threads: int | None = None,
) -> tuple[dict[str, Any], Predecessor | None]:
    """Compare a job with the run before it; see `find_predecessor` for which one that is.

    Parameters
    ----------
    out
        Folder of the job, with the results of last time still in it.
    current
        Record of the job so far.
    now
        What the job has worked out.
    log
        The log, to see the customers of then as it shows them today; without it (a summary from
        a database) corrections count as behaviour.
    previous
        The run that was asked for.
    memory_limit, threads
        Of the database that joins the scores of both runs.

    Returns
    -------
    tuple
        What ``run.json`` has under ``change``, and the run where it can be compared with.
    """
    before, reason = find_predecessor(out, current, previous)
    if before is None:
        return _nothing("first_run" if reason is None else "not_comparable", reason), None
    about = _about(before)
    try:
        quantity = _quantity(before, now)
        if quantity is None:
            reason = f"The run {before.name!r} and this one have no total in common."
            return _nothing("not_comparable", reason, about), before
        database = Database(memory_limit, threads)
        moved = moves(database, before.folder / "scores", now.scores, before.observation_end)
    except (ClvError, OSError) as error:
        reason = f"The run {before.name!r} cannot be compared with: {without_path(error, before)}"
        return _nothing("not_comparable", reason, about), None
    share = moved.stayed_customers / before.customers
    if share < _LEAST_SHARED:
        reason = f"Only {percent(share)} of the customers of {before.name!r} are in this log."
        return _nothing("not_comparable", reason, about), None
    notes = _notes(before, log)
    parts = None
    try:
        parts = _parts(before, now, quantity, log)
    except (ClvError, OSError) as error:
        notes.append(f"The change cannot be split into parts: {without_path(error, before)}")
    started, ended = before.total(quantity), now.total(quantity)
    assert started is not None
    assert ended is not None
    return {
        "status": "compared",
        "reason": None,
        "previous": about,
        "quantity": quantity,
        "before": started,
        "now": ended,
        "difference": ended - started,
        "parts": parts,
        "customers": {
            "before": before.customers,
            "gone": moved.gone,
            "late": moved.late,
            "new": moved.new,
            "now": round(float(now.groups.columns.weights.sum())),
        },
        "notes": notes,
        "moves": _moves(moved),
    }, before


def _parts(
    before: Predecessor, now: Now, quantity: str, log: TransactionLog | None
) -> list[dict[str, Any]]:
    purchases, spend = before.models()
    terms, draws = before.terms(), before.draws
    if quantity == "purchases":
        spend = None
    own_purchases = now.scorer.purchases
    own_spend = None if quantity == "purchases" else now.scorer.spend
    own_draws = now.scorer.averaging.draws_used
    started, ended = before.total(quantity), now.total(quantity)
    assert started is not None
    assert ended is not None
    charged = (before.customer_costs, now.customer_costs) if quantity == "clv" else (0.0, 0.0)
    values = [started + charged[0]]
    values.append(values[0])
    if log is not None:
        then = log.before(before.observation_end).summarize(before.observation_end)
        restated = Valuation(groups_of(histories(then), purchases.time_unit_))
        values[1] = _near(restated.value(purchases, spend, terms, draws), values[0])
    everybody = Valuation(now.groups)
    known = _known_then(now, before)
    values.append(known.value(purchases, spend, terms, draws) or 0.0)
    values.append(everybody.value(purchases, spend, terms, draws) or 0.0)
    same_models = own_purchases.params_ == purchases.params_ and own_draws == draws
    if own_spend is not None and spend is not None:
        same_models = same_models and own_spend.params_ == spend.params_
    finish = ended + charged[1]
    if now.scorer.terms == terms:
        values.append(finish)
    elif same_models:
        values.append(values[-1])
    else:
        values.append(everybody.value(own_purchases, own_spend, terms, own_draws) or 0.0)
    values.append(finish)
    if same_models and now.scorer.terms == terms:
        # What is left of a difference is rounding, and goes to what was surely another.
        values[3] = finish
    if len(known.groups.columns) == len(now.groups.columns):
        values[2] = values[3]
    money = np.diff(values)
    money[-1] += charged[0] - charged[1]
    return [
        {"part": part, "label": label, "money": float(amount), "sentence": _sentence(part, amount)}
        for (part, label), amount in zip(_LABELS.items(), money, strict=True)
    ]


def _near(value: float | None, known: float) -> float:
    """A value, or the one known before where both are the same but for rounding."""
    if value is None or abs(value - known) <= _NOTHING * abs(known):
        return known
    return value


def _known_then(now: Now, before: Predecessor) -> Valuation:
    """Those of today's customers who had come by the end of the last run."""
    columns = now.groups.columns
    since = (now.observation_end - before.observation_end).days
    age = np.rint(columns.age * DAYS_PER_UNIT[columns.time_unit])
    return Valuation(now.groups.some(np.flatnonzero(age >= since)))


def _quantity(before: Predecessor, now: Now) -> str | None:
    for quantity in ("clv", "purchases"):
        if before.total(quantity) is not None and now.total(quantity) is not None:
            return quantity
    return None


def _notes(before: Predecessor, log: TransactionLog | None) -> list[str]:
    notes = []
    if before.trusted != "trusted":
        notes.append(f"The verdict on the last run was {before.trusted!r}.")
    if log is None:
        notes.append(
            "The log itself is not at hand: what was corrected in it since counts as behaviour."
        )
    return notes


def _sentence(part: str, amount: float) -> str:
    if amount == 0.0:
        return {
            "data": "The history up to the last run reads as it did then.",
            "behaviour": "The customers of then are worth what they were.",
            "new_customers": "Nobody has come since.",
            "model": "The models are the same.",
            "terms": "Margin, costs, horizon and discounting are the same.",
        }[part]
    return {
        "data": "Rows up to the last run that came late, were corrected or are gone.",
        "behaviour": "What the customers of then have done since, or not done, as time went by.",
        "new_customers": "Customers who have come since the last run.",
        "model": "The models have learned from the new data, or are others.",
        "terms": "Margin, costs, horizon or discounting were set differently.",
    }[part]


def _about(before: Predecessor) -> dict[str, Any]:
    config = before.record["config"]
    return {
        "run": before.name,
        "observation_end": before.observation_end.isoformat(),
        "trusted": before.trusted,
        "customers": before.customers,
        "model": str(config.get("model"))[:80],
        "horizon": str(config.get("horizon"))[:80],
    }


def _moves(found: Moves) -> dict[str, Any] | None:
    if not found.rows:
        return None
    return {
        "segments": found.segments,
        "rows": found.rows,
        "stayed": found.same,
        "left_out": found.left_out,
    }


def _nothing(
    status: str, reason: str | None, about: dict[str, Any] | None = None
) -> dict[str, Any]:
    return {
        "status": status, "reason": reason, "previous": about, "quantity": None, "before": None,
        "now": None, "difference": None, "parts": None, "customers": None, "notes": [],
        "moves": None,
    }  # fmt: skip
