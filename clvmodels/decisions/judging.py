"""Past decisions, judged with what was known when they were taken.

The rule: a decision is judged by the latest of the given runs whose observation ends on the day of
the decision or before it. A run knows nothing of what came after it, so that neither the outcome
nor later parameters leak into the judgement. Where there is no such run, the earliest later one
gives figures that are marked as hindsight, and there is no judgement. What customers did since is
read from the last of the runs.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from clvmodels.config.decisions import ActionRule
from clvmodels.decisions.decision_log import LoggedDecision, SetAside, read_decision_log
from clvmodels.decisions.saved_run import SavedRun
from clvmodels.decisions.stake import Stake, room
from clvmodels.decisions.words import points
from clvmodels.errors import ConfigurationError
from clvmodels.kernels.base import FloatArray
from clvmodels.storage import plain
from clvmodels.units import DAYS_PER_UNIT
from clvmodels.wording import money

SCHEMA = 1
_STORIES = 5
_NEEDS_RUN = "Give at least one run: --run DIR."


@dataclass(frozen=True)
class Judged:
    """One decision, what was known of it, and what came of it.

    Attributes
    ----------
    known
        ``then``, or why it is not judged: ``hindsight``, ``unknown_customer``, ``untrusted`` or
        ``no_money``.
    verdict
        ``good``, ``poor``, ``open`` (nobody entered what the action achieves) or None.
    came_back, expected_to_come_back
        Whether the customer has bought since, and the probability that the run gave to it;
        ``seen_until`` is the last day looked at.
    """

    row: int
    date: dt.date
    customer: str
    action: str
    cost: float
    team: str
    note: str
    run: str | None = None
    known: str = "hindsight"
    value_at_stake: float | None = None
    keeps: float | None = None
    worth_spending: float | None = None
    break_even_keeps: float | None = None
    pays_back: float | None = None
    expected_gain: float | None = None
    verdict: str | None = None
    why: str = ""
    came_back: bool | None = None
    expected_to_come_back: float | None = None
    seen_until: dt.date | None = None


@dataclass(frozen=True)
class _RunOfLog:
    run: SavedRun
    table: pa.Table
    place: Mapping[str, int]


def judge(
    file: Path,
    run_dirs: Sequence[str | Path],
    *,
    config: Path | None = None,
    model: Path | None = None,
) -> tuple[list[SavedRun], list[Judged], tuple[SetAside, ...], int]:
    """Read a decision log and judge every usable row of it.

    Returns
    -------
    tuple
        The runs by day, the decisions judged, the rows set aside, and the number of rows read.
    """
    if not run_dirs:
        raise ConfigurationError(_NEEDS_RUN)
    runs = sorted(
        (SavedRun.open(folder, model) for folder in run_dirs), key=lambda run: run.observation_end
    )
    last = runs[-1]
    rules = last.actions(config)
    log = read_decision_log(file, rules)
    texts = sorted({decision.customer for decision in log.decisions})
    known = [_of_log(run, texts) for run in runs]
    judged: list[Judged] = []
    for then in known:
        mine = [d for d in log.decisions if _chosen(runs, d.day) is then.run]
        judged += _judged(mine, then, known[-1], rules)
    return runs, sorted(judged, key=lambda one: one.row), log.set_aside, log.read


def _of_log(run: SavedRun, texts: list[str]) -> _RunOfLog:
    table = run.customers(texts)
    return _RunOfLog(run, table, {text: i for i, text in enumerate(table["asked"].to_pylist())})


def _chosen(runs: Sequence[SavedRun], day: dt.date) -> SavedRun:
    """The latest run that was there on a day; the earliest of all where there was none."""
    before = [run for run in runs if run.observation_end <= day]
    return before[-1] if before else runs[0]


def _judged(
    decisions: list[LoggedDecision],
    then: _RunOfLog,
    last: _RunOfLog,
    rules: Mapping[str, ActionRule],
) -> list[Judged]:
    """Judge decisions by one run, all of them at once."""
    plainly = [
        Judged(d.row, d.day, d.customer, d.action, d.cost, d.team, d.note, run=then.run.name)
        for d in decisions
    ]
    found = [i for i, d in enumerate(decisions) if d.customer in then.place]
    strangers = set(range(len(decisions))).difference(found)
    result = {
        i: replace(
            plainly[i],
            run=None,
            known="unknown_customer",
            why="The customer is not in the run: unknown then, or written differently.",
        )
        for i in strangers
    }
    if found:
        rows = [then.place[decisions[i].customer] for i in found]
        stake = Stake(then.run.basis, then.run.columns(then.table.take(rows)))
        figures = _figures([decisions[i] for i in found], stake, rules)
        back = _expected_back([decisions[i] for i in found], stake, last.run.observation_end)
        for place, i in enumerate(found):
            one = _with_figures(plainly[i], decisions[i], then.run, figures, place)
            result[i] = _with_outcome(one, last, float(back[place]))
    return [result[i] for i in range(len(decisions))]


def _figures(
    decisions: list[LoggedDecision], stake: Stake, rules: Mapping[str, ActionRule]
) -> dict[str, FloatArray]:
    """What was at stake with each customer, and what the action was worth."""
    entered = np.array([_entered(d, rules) for d in decisions])
    alive = stake.alive
    most = np.array(
        [
            float(room(rules[d.action].effect or "keep", alive[i : i + 1])[0])
            for i, d in enumerate(decisions)
        ]
    )
    keeps, cost = np.minimum(entered, most), np.array([d.cost for d in decisions])
    figures = {"entered": entered, "keeps": keeps, "room": most, "cost": cost}
    if stake.basis.models[1] is not None:
        figures |= {"at_stake": stake.expected, "pays_back": stake.pays_back(keeps, cost)}
    return figures


def _entered(decision: LoggedDecision, rules: Mapping[str, ActionRule]) -> float:
    rule = rules[decision.action]
    return (rule.keeps or 0.0) if decision.keeps is None else decision.keeps


def _with_figures(
    one: Judged,
    decision: LoggedDecision,
    run: SavedRun,
    figures: Mapping[str, FloatArray],
    place: int,
) -> Judged:
    if "at_stake" not in figures:
        return replace(one, known="no_money", why="The run has no amounts.")
    at, keeps = float(figures["at_stake"][place]), float(figures["keeps"][place])
    one = replace(
        one,
        value_at_stake=at,
        keeps=keeps,
        worth_spending=keeps * at,
        break_even_keeps=decision.cost / at if at > 0.0 else None,
        pays_back=float(figures["pays_back"][place]),
        expected_gain=keeps * at - decision.cost,
    )
    if run.trusted == "untrusted":
        return replace(one, known="untrusted", why="The run of that time is untrusted.")
    if run.observation_end > decision.day:
        why = f"No run was there yet: the figures are of {run.observation_end}, in hindsight."
        return replace(one, known="hindsight", why=why)
    verdict, why = _verdict(one, float(figures["room"][place]), figures["entered"][place], run)
    return replace(one, known="then", verdict=verdict, why=why)


def _verdict(one: Judged, most: float, entered: float, run: SavedRun) -> tuple[str, str]:
    assert one.value_at_stake is not None
    assert one.keeps is not None
    stake, cost = money(one.value_at_stake, run.currency), money(one.cost, run.currency)
    worth = money(one.worth_spending, run.currency)
    if one.cost > most * max(one.value_at_stake, 0.0):
        return "poor", (
            f"It cost {cost}, more than it could bring on average even if it always worked: "
            f"{stake} was at stake, and {money(most * one.value_at_stake, run.currency)} of that "
            "could be saved."
        )
    if entered == 0.0:
        needed = points(one.break_even_keeps or 0.0)
        return "open", (
            f"{stake} was at stake. It was right if it raised the chance to stay by at least "
            f"{needed}; nobody has entered what it achieves."
        )
    if one.cost <= one.keeps * one.value_at_stake:
        return "good", f"It cost {cost} and was worth up to {worth}: {stake} was at stake."
    return "poor", (
        f"It cost {cost} and was worth {worth}: {stake} was at stake, and {points(one.keeps)} of "
        "chance to stay."
    )


def _expected_back(decisions: list[LoggedDecision], stake: Stake, until: dt.date) -> FloatArray:
    """P(a purchase between the decision and the last day seen), for customers as the run saw them.

    What they did between the run and the decision is not known then: they count as on the day of
    the run.
    """
    per_unit = DAYS_PER_UNIT[stake.columns.time_unit]
    ahead = np.array([max((until - d.day).days, 0) / per_unit for d in decisions])
    back = np.zeros(len(decisions))
    mixture = stake.predicted
    for part, alive in zip(mixture.parts, mixture.alive, strict=True):
        theta = part.purchases.fit_.parameters
        idle = part.purchases.kernel.alive_idle(
            theta, stake.columns.frequency, stake.columns.age, np.maximum(ahead, 1e-9)
        )
        back += alive * (1.0 - idle)
    return back / len(mixture.parts)


def _with_outcome(one: Judged, last: _RunOfLog, expected: float) -> Judged:
    """Add whether the customer has bought since the decision, where a later run tells."""
    if last.run.observation_end <= one.date or one.customer not in last.place:
        return one
    bought = last.table["last_purchase"][last.place[one.customer]].as_py()
    return replace(
        one,
        came_back=bool(bought > one.date),
        expected_to_come_back=expected if one.known in ("then", "no_money") else None,
        seen_until=last.run.observation_end,
    )


def as_plain(one: Judged) -> dict[str, Any]:
    """Give a decision as plain values."""
    content: dict[str, Any] = plain(asdict(one))
    return content


def stories_and_lessons(
    judged: Sequence[Judged], currency: str | None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Good calls after which the customer came back, and the poor calls that cost most."""
    good = [one for one in judged if one.verdict == "good" and one.came_back is not False]
    # An outcome that was seen makes a better story than one that was only expected.
    good.sort(key=lambda one: (one.came_back is not True, -(one.expected_gain or 0.0), one.row))
    poor = [one for one in judged if one.verdict == "poor"]
    poor.sort(key=lambda one: (one.expected_gain or 0.0, one.row))
    stories = [
        {
            "row": one.row,
            "text": f"{one.action}: {one.why}"
            + (" The customer has bought since." if one.came_back else ""),
        }
        for one in good[:_STORIES]
    ]
    lessons = [
        {
            "row": one.row,
            "text": f"{one.action}: {one.why} On average that lost "
            f"{money(-(one.expected_gain or 0.0), currency)}.",
        }
        for one in poor[:_STORIES]
    ]
    return stories, lessons
