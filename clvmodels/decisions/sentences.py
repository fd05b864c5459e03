"""What a decision says in plain words, for somebody with the customer on the line."""

from __future__ import annotations

from clvmodels.decisions.decision import Decision, Note
from clvmodels.decisions.stake import CERTAIN
from clvmodels.decisions.words import chance, in_ten, points
from clvmodels.wording import money, money_range, number, plural, printable
from clvmodels.wording import span as over

_LOW, _HIGH = 0.2, 0.8


def sentence(made: Decision) -> str:
    """Give the answer in two or three sentences."""
    text = _for_segment(made) if made.kind == "segment" else _for_customer(made)
    if made.trusted:
        return text
    return f"Do not act on this: the run is untrusted, see its report for the reasons. ({text})"


def _for_customer(made: Decision) -> str:
    action, currency = made.action, made.run["currency"]
    label = printable(action.label, 80)
    if made.value_at_stake is None:
        return _without_money(made)
    stake = money(made.value_at_stake.expected, currency)
    horizon = over(made.run["horizon"])
    lead = f"If this customer {action.stays}, about {stake} is earned over {horizon}"
    if action.cost is None:
        return f"{lead}. {_limit(made, label)}"
    cost = f"{label} at {money(action.cost, currency)}"
    needed = made.break_even_keeps
    if needed is None or needed.expected > action.room:
        return (
            f"No: {cost} costs more than it can bring on average, even if it always worked. "
            f"{lead}, and at most {money(_most(made), currency)} of that can be saved."
        )
    if action.keeps == 0.0:
        return (
            f"{_upper(cost)} is worth it only if it raises the chance that this customer "
            f"{action.stays} by at least {points(needed.expected)}. Nobody has entered what it "
            f"achieves. {lead}."
        )
    assert made.worth_spending is not None
    assert made.pays_back is not None
    most = money(made.worth_spending.expected, currency)
    odds = (
        f"For this one customer it pays back in {in_ten(made.pays_back)} cases: it is worth it on "
        "average, not every time."
    )
    if made.recommendation == "do_not":
        assumed = points(action.keeps_used)
        return (
            f"No: {cost} costs more than it is worth, which is {most} at most. {lead}. It would "
            f"have to raise the chance of that by {points(needed.expected)}, and "
            f"{assumed} {'is' if assumed.endswith('point') else 'are'} assumed."
        )
    if made.recommendation == "close":
        return (
            f"Too close to call: {cost} is worth {most}, about what it costs. {lead}. "
            f"It breaks even at {points(needed.expected)}. Decide by what you know of the case."
        )
    return (
        f"Yes: {cost} is worth it, up to {most}. {lead}, and it breaks even if it raises the "
        f"chance of that by {points(needed.expected)}. {odds}"
    )


def _limit(made: Decision, label: str) -> str:
    currency = made.run["currency"]
    assert made.value_at_stake is not None
    if made.action.keeps_used > 0.0 and made.worth_spending is not None:
        most = money(made.worth_spending.expected, currency)
        return f"Up to {most} is worth spending on {label}."
    each = money(0.01 * made.value_at_stake.expected, currency)
    return (
        f"Each percentage point by which {label} raises the chance of that is worth {each}. Nobody "
        "has entered what it costs and achieves."
    )


def _most(made: Decision) -> float:
    assert made.value_at_stake is not None
    return max(made.action.room * made.value_at_stake.expected, 0.0)


def _for_segment(made: Decision) -> str:
    action, currency = made.action, made.run["currency"]
    label, everybody = printable(action.label, 80), plural(made.customers, "customer")
    who = f"all {everybody} of {printable(made.who, 40)}"
    if made.value_at_stake is None:
        return _without_money(made)
    lead = (
        f"With {who}, {money(made.value_at_stake.expected, currency)} is at stake over "
        f"{over(made.run['horizon'])}"
    )
    if action.cost is None or made.total_cost is None:
        if made.worth_spending is not None and action.keeps_used > 0.0:
            each = money(made.worth_spending.expected, currency)
            return f"{lead}. Up to {each} on each is worth spending on {label}."
        return f"{lead}. Nobody has entered what {label} costs and achieves."
    cost = f"{label} at {money(action.cost, currency)} for {who}"
    total = money(made.total_cost, currency)
    needed = made.break_even_keeps
    if needed is None:
        return f"No: {cost} costs {total}, more than it can bring on average if it always worked."
    if action.keeps == 0.0:
        return (
            f"{_upper(cost)} is worth its {total} only if it raises the chance {action.to_stay} by "
            f"at least {points(needed.expected)}. Nobody has entered what it achieves."
        )
    assert made.gain is not None
    assert made.pays_back is not None
    bounds = money_range(made.gain.lower, made.gain.upper, currency)
    result = (
        f"It costs {total} and gains {money(made.gain.expected, currency)} after that on average "
        f"({bounds}); the chance that it pays back in total is {chance(made.pays_back)}. "
        f"It breaks even at {points(needed.expected)}."
    )
    answer = {"do": "Yes", "do_not": "No", "close": "Too close to call"}
    return f"{answer[made.recommendation]}: {cost}. {result}"


def _without_money(made: Decision) -> str:
    who = "this customer" if made.kind == "customer" else f"a customer of {printable(made.who, 40)}"
    text = "This run has no amounts, so nothing is known about money."
    if made.purchases_at_stake is None:
        return text
    text += (
        f" If {who} {made.action.stays}, {number(made.purchases_at_stake.expected)} purchases are "
        f"to be expected over {over(made.run['horizon'])}."
    )
    if made.break_even_profit is not None:
        profit = money(made.break_even_profit, made.run["currency"])
        label = printable(made.action.label, 80)
        text += f" {_upper(label)} is worth its cost if a purchase earns at least {profit}."
    return text


def notes(
    made: Decision,
    *,
    frequency: int | None = None,
    in_touch: bool = False,
    cost_label: str | None = None,
) -> tuple[Note, ...]:
    """Give what somebody should know before acting on a decision.

    Parameters
    ----------
    frequency, in_touch
        Of a customer: repeat purchase days, and whether they are in touch now.
    cost_label
        For a segment: the label with customers' own yearly costs, which its scores have paid.
    """
    action, alive = made.action, made.probability_alive
    found: list[Note] = []
    if not made.trusted:
        found.append(Note("untrusted", "The run is untrusted: its numbers must not be acted on."))
    elif made.run["trusted"] == "caution":
        found.append(Note("caution", "The run is to be used with caution: see its report."))
    if frequency == 0:
        found.append(
            Note(
                "bought_once",
                "This customer has bought once. What they are worth is what such customers are "
                "worth on average; about this one little is known.",
            )
        )
    if action.effect == "win_back" and alive >= CERTAIN:
        found.append(
            Note(
                "cannot_tell",
                "The model counts them as certainly active and cannot tell who might be won back, "
                "so the increase that was entered is used as it is.",
            )
        )
    if cost_label is not None:
        found.append(
            Note(
                "own_costs",
                f"Customers' own yearly costs ({printable(cost_label)}) are off the value at "
                "stake, though they are paid in any case: it is too low by them.",
            )
        )
    if made.kind == "customer":
        found += _limits(made, in_touch)
    elif action.keeps_used < action.keeps - 5e-4:
        found.append(
            Note(
                "limited_by_room",
                f"{points(action.keeps)} were entered. Not every customer leaves room for that: on "
                f"average {points(action.keeps_used)} are possible and were used.",
            )
        )
    return tuple(found)


def _limits(made: Decision, in_touch: bool) -> list[Note]:
    action, alive = made.action, made.probability_alive
    found: list[Note] = []
    if action.keeps_used < action.keeps:
        why = (
            f"the chance that this customer is still active is {chance(alive)}, and who has left "
            "cannot be kept; if they are in touch now, say so (--in-touch), or look at a win-back"
            if action.effect == "keep"
            else f"the chance that this customer has left is only {chance(1.0 - alive)}, and who "
            "is active cannot be won back"
        )
        found.append(
            Note(
                "limited_by_room",
                f"{points(action.keeps)} were entered, {points(action.keeps_used)} used: {why}.",
            )
        )
    elif action.effect == "keep" and alive < _LOW and not in_touch:
        found.append(
            Note(
                "probably_gone",
                f"The chance that this customer is still active is {chance(alive)}: most of what "
                "is at stake has probably gone already.",
            )
        )
    elif action.effect == "win_back" and _HIGH < alive < CERTAIN:
        found.append(
            Note(
                "probably_active",
                f"The chance that this customer is still active is {chance(alive)}: there is "
                "probably nothing to win back.",
            )
        )
    if in_touch:
        found.append(
            Note(
                "in_touch", "The customer is in touch, and counts as active whatever the log says."
            )
        )
    return found


def _upper(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
