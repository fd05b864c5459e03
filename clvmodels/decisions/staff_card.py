"""What one customer is worth, for the people who meet them: figures of a page, nobody's data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clvmodels.config.decisions import ActionRule, ScenarioRules, action_rules
from clvmodels.decisions.run_folder import score_files, summing_database
from clvmodels.decisions.stake import Basis, Stake, score_columns
from clvmodels.decisions.words import in_ten
from clvmodels.kernels.base import FloatArray
from clvmodels.storage import plain
from clvmodels.transactions.database import Database
from clvmodels.value.terms import check_interval
from clvmodels.wording import money, percent, printable, span

NOTE = (
    "Worth is what we expect to earn from purchases to come, after costs, in today's money. It is "
    "an average of many customers: a single one may bring nothing or far more."
)
READING = (
    "Worth on average: what one customer of the group brings from now on.",
    "Range for one customer: nine in ten of the group bring something between these.",
    "If the customer stays: what one brings who certainly remains. This is what is at stake.",
    "Chance of still being active: the share of the group who are probably still customers.",
    "A chance to pay back is not a promise: good decisions lose sometimes.",
)
# Enough for a range that is rounded, and fast.
_PORTION = 256
_STEPS = 50
# Named so in the text: nothing that was measured.
_QUOTED_LEAVE, _EXAMPLE_BACK = 0.6, 0.05


@dataclass(frozen=True)
class _Row:
    name: str
    customers: int
    value: float
    at_stake: float
    active: float
    order: float
    lower: float
    upper: float

    @property
    def worth(self) -> float:
        return self.value / self.customers

    @property
    def if_stays(self) -> float:
        return self.at_stake / self.customers

    @property
    def shown(self) -> str:
        return printable(self.name, 40)


def staff_card(
    scores: Path,
    basis: Basis,
    *,
    currency: str | None = None,
    trusted: str | None = None,
    actions: Mapping[str, ActionRule] | None = None,
    scenarios: ScenarioRules | None = None,
    memory_limit: str | None = None,
) -> dict[str, Any] | None:
    """Give the figures and texts of the staff card, as ``run.json`` has them.

    Parameters
    ----------
    scores
        Folder of the score files.
    basis
        Models and terms that the scores were made with.
    actions, scenarios
        What was entered; the worked examples use it where it is there.

    Returns
    -------
    dict or None
        None without money or without segments.
    """
    if basis.models[1] is None:
        return None
    rows = _rows(scores, basis, memory_limit)
    if not rows:
        return None
    base = _whole(rows)
    horizon = str(basis.terms.horizon)
    worth = money(base.worth, currency)
    content: dict[str, Any] = plain(
        {
            "horizon": horizon,
            "currency": currency,
            "interval": basis.interval,
            "trusted": trusted,
            "headline": f"One customer is worth {worth} to us over {span(horizon)} on average.",
            "note": NOTE,
            "base": {
                "customers": base.customers,
                "worth": base.worth,
                "if_stays": base.if_stays,
                "active": base.active,
            },
            "segments": [_segment(row, base, basis, currency) for row in rows],
            "examples": [
                _refund(_dearest(rows), horizon, currency, action_rules(actions)["refund"]),
                _win_back(_most_to_win(rows), horizon, currency, action_rules(actions)["win-back"]),
                _bad_experience(_largest(rows), horizon, currency, scenarios),
            ],
            "reading": [_for_interval(text, basis.interval) for text in READING],
        }
    )
    return content


def _rows(scores: Path, basis: Basis, memory_limit: str | None) -> list[_Row]:
    files = f"read_parquet({score_files(scores)}"
    fixed = basis.terms.fixed_cost
    database = summing_database(memory_limit)
    sums = database.run(
        f"SELECT segment, count(*), sum(clv), sum(potential_value + {fixed!r}), "
        f"avg(probability_alive), avg(expected_spend) FROM {files}) WHERE segment IS NOT NULL "
        "GROUP BY segment ORDER BY sum(clv) / count(*) DESC, segment"
    )
    some = _portions(database, files, {str(row[0]): int(row[1]) for row in sums})
    rows = []
    for name, count, *figures in sums:
        table = some.filter(pc.field("segment") == name)
        lower, upper = _range(Stake(basis, score_columns(table, basis.models[0].time_unit_)))
        value, at_stake, active, order = map(float, figures)
        rows.append(_Row(str(name), int(count), value, at_stake, active, order, lower, upper))
    return rows


def _portions(database: Database, files: str, sizes: dict[str, int]) -> pa.Table:
    """Some customers of each segment, spread over the files, in one reading."""
    each = [max(-(-count // _PORTION), 1) for count in sizes.values()]
    name = database.add_frame(pa.table({"name": list(sizes), "each": pa.array(each, pa.uint64())}))
    return database.table(
        'SELECT segment, frequency, recency, "T", monetary_value FROM '
        f"{files}, file_row_number = true) AS s JOIN {name} AS n ON s.segment = n.name "
        "WHERE hash(file_row_number) % each = 0 ORDER BY customer_id"
    )


def _range(stake: Stake) -> tuple[float, float]:
    """Bounds of what a customer brings who is drawn from a group, before rounding."""
    lower, _, upper = check_interval(stake.basis.interval)
    fixed = stake.basis.terms.fixed_cost
    predicted = stake.predicted

    def share(amount: float) -> float:
        amounts = np.full(len(stake.columns), amount)
        return float(predicted.value_cdf(amounts).mean())

    top = float(np.max(predicted.value_quantile(upper), initial=0.0))
    bottom = min(float(np.min(predicted.value_quantile(lower), initial=0.0)), 0.0)
    found = []
    for level in (lower, upper):
        low, high = bottom, top
        if share(low) >= level:
            high = low
        for _ in range(_STEPS if high > low else 0):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if share(middle) >= level else (middle, high)
        found.append(high - fixed)
    return found[0], found[1]


def _whole(rows: list[_Row]) -> _Row:
    count = sum(row.customers for row in rows)
    weights: FloatArray = np.array([row.customers / count for row in rows])
    active, order = (
        float(weights @ [getattr(row, name) for row in rows]) for name in ("active", "order")
    )
    value, at_stake = (sum(getattr(row, name) for row in rows) for name in ("value", "at_stake"))
    return _Row("", count, value, at_stake, active, order, 0.0, 0.0)


def _segment(row: _Row, base: _Row, basis: Basis, currency: str | None) -> dict[str, Any]:
    low, high = money(row.lower, currency), money(row.upper, currency)
    between = f"{in_ten(basis.interval)} bring between {low} and {high}."
    if row.upper <= row.lower:
        between = f"more than {in_ten(basis.interval)} buy nothing more."
    return {
        "segment": row.name,
        "customers": row.customers,
        "share_of_customers": row.customers / base.customers,
        "share_of_value": row.value / base.value if base.value > 0.0 else None,
        "worth": {"expected": row.worth, "lower": row.lower, "upper": row.upper},
        "if_stays": row.if_stays,
        "active": row.active,
        "order": row.order,
        "words": (
            f"A customer in “{row.shown}” is worth {money(row.worth, currency)} over "
            f"{span(str(basis.terms.horizon))} on average; {between}"
        ),
    }


def _refund(row: _Row, horizon: str, currency: str | None, rule: ActionRule) -> dict[str, Any]:
    cost = row.order if rule.cost is None else rule.cost
    spent, stake = money(cost, currency), money(row.if_stays, currency)
    share = cost / row.if_stays if row.if_stays > 0.0 else float("inf")
    arithmetic = [
        f"At stake with one who stays: {stake} over {span(horizon)}.",
        f"The refund costs {spent}" + (" (one order)." if rule.cost is None else "."),
        f"{spent} divided by {stake} is {percent(min(share, 99.0))}.",
    ]
    if rule.keeps:
        worth = rule.keeps * row.if_stays
        verdict = "worth it" if worth > cost else "not worth it"
        arithmetic.append(
            f"Entered: {in_ten(rule.keeps)} stay because of it. {percent(rule.keeps)} of {stake} "
            f"is {money(worth, currency)}: {verdict} on average."
        )
    lesson = (
        f"It pays on average if at least {in_ten(share)} such customers stay because of it."
        if share <= 1.0
        else "It costs more than all that is at stake: find something cheaper that puts it right."
    )
    return {
        "name": "refund",
        "title": "A refund",
        "segment": row.name,
        "situation": f"A customer in “{row.shown}” is unhappy and asks for the money.",
        "arithmetic": arithmetic,
        "lesson": lesson,
    }


def _win_back(row: _Row, horizon: str, currency: str | None, rule: ActionRule) -> dict[str, Any]:
    stake, keeps = row.if_stays, rule.keeps or _EXAMPLE_BACK
    entered = "Entered" if rule.keeps else "For example"
    most = keeps * stake
    arithmetic = [
        f"{percent(1.0 - row.active)} of those in “{row.shown}” have probably left. One who comes "
        f"back brings {money(stake, currency)} over {span(horizon)}.",
        f"{entered}: an offer brings back {in_ten(keeps)} who would not have come by themselves.",
        f"{percent(keeps)} of {money(stake, currency)} is {money(most, currency)}.",
    ]
    if rule.cost is not None:
        verdict = "worth it" if rule.cost < most else "not worth it"
        arithmetic.append(f"The offer costs {money(rule.cost, currency)}: {verdict} on average.")
    return {
        "name": "win-back",
        "title": "Winning somebody back",
        "segment": row.name,
        "situation": f"A customer in “{row.shown}” has not bought for long. Send an offer?",
        "arithmetic": arithmetic,
        "lesson": (
            f"Spend at most {money(most, currency)} on everybody who is approached, those who stay "
            "away included."
        ),
    }


def _bad_experience(
    row: _Row, horizon: str, currency: str | None, entered: ScenarioRules | None
) -> dict[str, Any]:
    rule = entered.bad_experience if entered is not None else None
    leave = _QUOTED_LEAVE if rule is None or rule.leave.high == 0.0 else rule.leave.likely
    given = "" if rule is None else printable(rule.leave.source or "none", 80)
    source = (
        f"For illustration, {in_ten(leave)} leave: a figure that is often quoted and that nobody "
        "has measured here."
        if rule is None or rule.leave.high == 0.0
        else f"Entered: {in_ten(leave)} leave; source: {given}."
    )
    lost = leave * row.if_stays
    return {
        "name": "bad_experience",
        "title": "One bad experience",
        "segment": row.name,
        "situation": f"Something goes badly wrong for a customer in “{row.shown}”.",
        "arithmetic": [
            f"One who stays brings {money(row.if_stays, currency)} over {span(horizon)}.",
            source,
            f"{percent(leave)} of {money(row.if_stays, currency)} is {money(lost, currency)}, and "
            "what they tell others comes on top.",
        ],
        "lesson": (
            f"Up to {money(lost, currency)} is worth spending on each to make sure that it does "
            "not happen."
        ),
    }


def _dearest(rows: list[_Row]) -> _Row:
    return max(rows, key=lambda row: row.worth)


def _most_to_win(rows: list[_Row]) -> _Row:
    """The group with the most that has probably gone, where the model can tell."""
    return max(rows, key=lambda row: (1.0 - row.active) * row.at_stake)


def _largest(rows: list[_Row]) -> _Row:
    return max(rows, key=lambda row: row.value)


def _for_interval(text: str, interval: float) -> str:
    return text.replace("nine in ten", in_ten(interval))
