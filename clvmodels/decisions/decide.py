"""What an action may cost for a customer or a segment, and how likely it is to pay back."""

from __future__ import annotations

import difflib
import math
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from clvmodels.config.decisions import ActionRule, action_name
from clvmodels.decisions.decision import Asked, Decision, Figure
from clvmodels.decisions.saved_run import SavedRun
from clvmodels.decisions.segment_stake import SegmentStake
from clvmodels.decisions.sentences import notes, sentence
from clvmodels.decisions.stake import Stake, room
from clvmodels.errors import ConfigurationError, ParameterError
from clvmodels.value.shock import NO_SHOCK, CommonShock
from clvmodels.value.terms import check_interval
from clvmodels.value.totals import Total
from clvmodels.wording import printable

_PATH, _NONE = (str, os.PathLike), type(None)


def decide(
    run_dir: str | Path,
    *,
    customer: Any = None,
    segment: str | None = None,
    action: str = "refund",
    cost: float | None = None,
    keeps: float | None = None,
    in_touch: bool = False,
    config: str | Path | None = None,
    model: str | Path | None = None,
) -> Decision:
    """What an action is worth for a customer or for all customers of a segment.

    Parameters
    ----------
    run_dir
        Folder that a run or a scoring job left.
    customer
        An id, as text or in its own type.
    segment
        Instead of a customer: the name of a segment, all of whose customers get the action.
    action
        ``refund``, ``exchange``, ``upgrade``, ``win-back``, ``service-recovery`` or an action of
        the configuration.
    cost
        Money for one customer. By default what the configuration says.
    keeps
        By how much the action raises the probability that the customer stays: 0.3 for 30
        percentage points. By default what the configuration says, or nothing.
    in_touch
        The customer is in touch now, and so counts as active.
    config
        TOML file with ``[actions.NAME]`` tables; by default those that the run was made with.
    model
        Folder of the models, for scores that were made with models from elsewhere.

    Raises
    ------
    InputError
        If there is no such customer or segment.
    ConfigurationError
        If the action is not known, or a number out of bounds.
    ArtefactError
        If the folder is no complete run.
    """
    _check_kind("run_dir", run_dir, _PATH, "the folder of a run, as text or a Path")
    _check_kind("segment", segment, (str, _NONE), "a name, as text")
    _check_kind("action", action, str, "a name, as text")
    _check_kind("config", config, (*_PATH, _NONE), "a TOML file, as text or a Path")
    _check_kind("model", model, (*_PATH, _NONE), "a folder of models, as text or a Path")
    if (customer is None) == (segment is None):
        msg = "Give either a customer or a segment."
        raise ConfigurationError(msg)
    run = SavedRun.open(run_dir, model)
    name, rule = _rule(action, run.actions(config))
    asked = _asked(name, rule, cost, keeps)
    if in_touch and (asked.effect == "win_back" or segment is not None):
        msg = "Only one customer can be in touch, and who is in touch needs no winning back."
        raise ConfigurationError(msg)
    if segment is not None:
        return _for_segment(run, run.segment(segment), asked)
    return _for_customer(run, run.customer(customer), asked, in_touch)


def _rule(action: str, rules: Mapping[str, ActionRule]) -> tuple[str, ActionRule]:
    name = action_name(action)
    if name in rules:
        return name, rules[name]
    close = difflib.get_close_matches(name, rules, n=1)
    known = ", ".join(map(printable, rules))
    hint = f"did you mean {printable(close[0])}?" if close else f"there are {known}."
    raise ConfigurationError(f"action = {printable(action)!r} is not known; {hint}")


def _check_kind(name: str, value: object, kind: Any, bound: str) -> None:
    if not isinstance(value, kind):
        # What an object shows of itself may be pages long.
        shown = value if isinstance(value, int | float | str) else type(value)
        raise ParameterError(name, shown, bound)


def _number(name: str, value: Any, most: float, bound: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0.0 <= number <= most:
        raise ParameterError(name, value, bound)
    return number


def _asked(name: str, rule: ActionRule, cost: float | None, keeps: float | None) -> Asked:
    cost = rule.cost if cost is None else cost
    keeps = rule.keeps or 0.0 if keeps is None else keeps
    if cost is not None:
        cost = _number("cost", cost, sys.float_info.max, "at least 0 and finite, in money")
    bound = "from 0 to 1: 0.3 raises the chance that the customer stays by 30 percentage points"
    keeps = _number("keeps", keeps, 1.0, bound)
    effect, basis = rule.effect or "keep", rule.cost_basis or ""
    return Asked(name, rule.label or name, effect, cost, keeps, keeps, 1.0, basis)


def _for_customer(run: SavedRun, row: dict[str, Any], asked: Asked, in_touch: bool) -> Decision:
    stake = Stake(run.basis, run.columns(_as_table(row)))
    alive = float(row["probability_alive"])
    most = float(room(asked.effect, np.array([alive]), in_touch=in_touch)[0])
    asked = replace(asked, keeps_used=min(asked.keeps, most), room=most)
    made = Decision(
        kind="customer",
        who=str(row["customer_id"]),
        customers=1,
        run=_terms(run),
        action=asked,
        segment=row["segment"],
        probability_alive=alive,
        value=row["clv"],
        recommendation="no_money",
        sentence="",
        total_cost=asked.cost,
    )
    priced = run.basis.models[1] is not None
    made = _with_money(made, run, stake) if priced else _with_purchases(made, run, stake)
    return _spoken(made, frequency=int(row["frequency"]), in_touch=in_touch)


def _with_money(made: Decision, run: SavedRun, stake: Stake) -> Decision:
    asked, expected = made.action, float(stake.expected[0])
    sd = float(stake.relative_sd[0]) * abs(expected)
    lower, median, upper = (float(values[0]) for values in stake.quantiles())
    worth = _spread(asked.keeps_used * expected, asked.keeps_used * sd, run, NO_SHOCK)
    made = replace(
        made,
        value_at_stake=Figure(expected, lower, upper, median),
        worth_spending=worth,
        recommendation="enter_cost",
    )
    if asked.cost is None:
        return made
    cost, kept = asked.cost, stake.kept(asked.keeps_used)
    low, _, high = check_interval(run.basis.interval)
    bounds = [
        float(kept.value_quantile(level)[0]) - cost if asked.keeps_used > 0.0 else -cost
        for level in (low, high)
    ]
    at = _spread(expected, sd, run, NO_SHOCK)
    needed = None
    if expected > 0.0:
        least = max(at.lower, 1e-12 * expected)
        needed = Figure(cost / expected, cost / at.upper, cost / least)
    return replace(
        made,
        break_even_keeps=needed,
        gain=Figure(asked.keeps_used * expected - cost, *bounds),
        pays_back=float(stake.pays_back(np.array([asked.keeps_used]), np.array([cost]))[0]),
        recommendation=_recommended(asked, worth, asked.room * expected),
    )


def _with_purchases(made: Decision, run: SavedRun, stake: Stake) -> Decision:
    """Without amounts: how many purchases are at stake, and what each would have to earn."""
    if run.basis.terms.horizon.is_lifetime:
        return made
    kept = stake.kept(1.0)
    lower, _, upper = check_interval(run.basis.interval)
    bounds = (float(kept.purchases_quantile(level)[0]) for level in (lower, upper))
    expected = float(kept.expected_if_active.mean(axis=0)[0])
    return replace(
        made,
        purchases_at_stake=Figure(expected, *bounds),
        break_even_profit=_profit(made.action, expected),
    )


def _profit(asked: Asked, purchases: float) -> float | None:
    brought = asked.keeps_used * purchases
    return asked.cost / brought if asked.cost is not None and brought > 0.0 else None


def _for_segment(run: SavedRun, name: str, asked: Asked) -> Decision:
    stake = SegmentStake(run, name, asked.effect)
    sums = stake.sums(asked.keeps)
    asked = replace(asked, keeps_used=sums.keeps, room=sums.room)
    total = None if asked.cost is None else asked.cost * sums.customers
    made = Decision(
        kind="segment",
        who=name,
        customers=sums.customers,
        run=_terms(run),
        action=asked,
        segment=name,
        probability_alive=sums.alive,
        value=sums.value if run.basis.models[1] is not None else None,
        recommendation="no_money",
        sentence="",
        total_cost=total,
    )
    if run.basis.models[1] is None:
        expected = stake.purchases_at_stake
        if expected is not None:
            sd = float(stake.parameter_factors.std()) * expected
            purchases = _spread(expected, sd, run, run.shocks().purchases)
            profit = _profit(asked, expected)
            made = replace(made, purchases_at_stake=purchases, break_even_profit=profit)
        return _spoken(made)
    return _spoken(_segment_money(made, run, stake), cost_label=run.config.get("cost_label"))


def _segment_money(made: Decision, run: SavedRun, stake: SegmentStake) -> Decision:
    asked, count = made.action, made.customers
    sums = stake.sums(asked.keeps)
    low, middle, high = check_interval(run.basis.interval)
    whole = stake.distribution(1.0, sums.at_stake)
    at = Figure(sums.at_stake, whole.quantile(low), whole.quantile(high), whole.quantile(middle))
    sd = float(stake.parameter_factors.std()) * abs(sums.brings)
    worth = _spread(sums.brings / count, sd / count, run, run.shocks().value)
    made = replace(made, value_at_stake=at, worth_spending=worth, recommendation="enter_cost")
    if asked.cost is None or made.total_cost is None:
        return made
    cost, brings = made.total_cost, stake.distribution(asked.keeps, sums.brings)
    pays_back = 1.0 - brings.cdf(cost) if asked.keeps > 0.0 else 0.0
    keeps = stake.break_even(cost)
    needed = None
    if keeps is not None:
        # A total that turns out a tenth larger breaks even where the cost is a tenth smaller.
        sure = float(stake.parameter_factors.std()) * sums.at_stake
        spread = _spread(sums.at_stake, sure, run, run.shocks().value)
        ends = [
            stake.break_even(cost * sums.at_stake / bound) for bound in (spread.upper, spread.lower)
        ]
        lower, upper = (1.0 if end is None else end for end in ends)
        needed = Figure(keeps, min(lower, keeps), max(upper, keeps))
    return replace(
        made,
        break_even_keeps=needed,
        gain=Figure(sums.brings - cost, brings.quantile(low) - cost, brings.quantile(high) - cost),
        pays_back=pays_back,
        recommendation=_recommended(asked, worth, sums.brings_at_most / count),
    )


def _recommended(asked: Asked, worth: Figure, at_most: float) -> str:
    """Compare the cost with what is worth spending, as surely as the parameters are known."""
    assert asked.cost is not None
    if asked.cost > max(at_most, 0.0):
        return "do_not"
    if asked.keeps == 0.0:
        return "enter_keeps"
    if asked.cost < worth.lower:
        return "do"
    return "do_not" if asked.cost > worth.upper else "close"


def _spread(expected: float, sd: float, run: SavedRun, shock: CommonShock) -> Figure:
    total = Total.of(expected, sd, 0.0, run.basis.interval, shock)
    return Figure(expected, total.lower, total.upper)


def _spoken(made: Decision, **known: Any) -> Decision:
    """Add the words; an untrusted run gets figures and no recommendation."""
    made = replace(made, sentence=sentence(made), notes=notes(made, **known))
    return made if made.trusted else replace(made, recommendation="refused")


def _terms(run: SavedRun) -> dict[str, Any]:
    return {
        "name": run.name,
        "observation_end": run.observation_end.isoformat(),
        "horizon": str(run.basis.terms.horizon),
        "margin": run.basis.terms.margin,
        "currency": run.currency,
        "interval": run.basis.interval,
        "trusted": run.trusted,
    }


def _as_table(row: dict[str, Any]) -> Any:
    import pyarrow as pa

    return pa.Table.from_pylist([row])
