"""What the figures and tables say, one sentence each, computed from the summary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clvmodels.report.words import capital, day, odds, relative
from clvmodels.wording import count, money, money_range, number, percent, plural, printable, span

if TYPE_CHECKING:
    from clvmodels.report.summary import Comparison, Estimate, ReportSummary

CONTENDERS = {"model": "model", "simple_formula": "formula", "neither": "neither"}


def headline_estimate(summary: ReportSummary) -> Estimate | None:
    """Give the number that the report is about: the value of the base, or its purchases."""
    if summary.answer is None:
        return None
    return summary.answer.value if summary.scope.has_money else summary.answer.purchases


def headline(summary: ReportSummary) -> str:
    """Say what the headline number counts."""
    scope = summary.scope
    who = f"the {count(scope.customers)} customers known on {day(scope.observation_end)}"
    if scope.has_money:
        return f"is what {who} are expected to be worth over {span(scope.horizon)}."
    return f"is how many further purchases {who} are expected to make over {span(scope.horizon)}."


def range_in_words(summary: ReportSummary) -> str:
    """Say the interval of the headline number, and what it rests on."""
    estimate, scope = headline_estimate(summary), summary.scope
    if estimate is None:
        return ""
    currency = scope.currency if scope.has_money else None
    bounds = money_range(estimate.lower, estimate.upper, currency, "and")
    text = f"{capital(odds(scope.interval))} the outcome should lie between {bounds}."
    if estimate.common_shock > 0:
        shock = (
            f"a swing of about {percent(estimate.common_shock)} that strikes all customers alike"
        )
        ground = (
            "this size is an assumption, not yet measured on this log"
            if estimate.common_shock_assumed
            else _ground(estimate.common_shock_windows)
        )
        text += f" The range allows for {shock}; {ground}."
    return text


def _ground(windows: int) -> str:
    """Say what a learned shock rests on."""
    few = " and leans on an assumption of 25% while windows are few" if windows < 8 else ""
    return f"its size was measured on {plural(windows, 'earlier window')} of this log{few}"


def meaning(summary: ReportSummary) -> str:
    """Say what value means in this run, and what it leaves out."""
    scope = summary.scope
    if not scope.has_money:
        return (
            "The log has no amounts, so this report counts purchases and says nothing about money. "
            "It counts today's customers only; customers yet to come are not in it."
        )
    share = f"{percent(scope.margin)} of future revenue"
    if scope.margin == 1:
        share = "future revenue (margin 100%: the cost of goods is not taken off)"
    costs = [
        f"{money(amount, scope.currency)} {what}"
        for amount, what in (
            (scope.cost_per_order, "per order"),
            (scope.cost_per_customer_year, "per customer and year"),
        )
        if amount
    ]
    after = f", after costs of {' and '.join(costs)}" if costs else ""
    rate = scope.annual_discount_rate
    today = "not discounted"
    if rate:
        today = f"discounted at {percent(rate)} a year to {day(scope.observation_end)}"
    coin = "" if scope.currency else " Amounts are in the log's currency."
    return (
        f"Value here is {share}{after}, {today}. It counts today's customers only; customers yet "
        f"to come are not in it.{coin}"
    )


def verdict(summary: ReportSummary) -> tuple[str, str]:
    """Give the verdict on trust as a title and a sentence."""
    levels = [gate.level for gate in summary.trust.gates]
    red, amber, grey = (levels.count(level) for level in ("red", "amber", "grey"))
    total = plural(len(levels), "check")
    unknown = f" {count(grey)} could not be made." if grey else ""
    if summary.trust.verdict == "untrusted":
        return (
            "Do not use these numbers",
            f"{red} of {total} failed, so this report does not state what the base is worth."
            f"{unknown} What failed is listed below, with what to do about it.",
        )
    if summary.trust.verdict == "caution":
        return (
            "Only with caution",
            f"{amber} of {total} {'calls' if amber == 1 else 'call'} for caution.{unknown}",
        )
    if grey:
        passed = f"{count(len(levels) - grey)} of {total} passed.{unknown}"
        return "Yes, within the range", passed
    return "Yes, within the range", f"{'All' if len(levels) > 1 else 'The'} {total} passed."


def tracking(summary: ReportSummary) -> str:
    """Say how far the model was off on the weeks it had not seen."""
    holdout = summary.holdout
    if holdout is None:
        return ""
    actual, expected = holdout.purchases.actual, holdout.purchases.model
    return (
        f"In the {holdout.days} days after {day(holdout.origin)}, which the model had not seen, "
        f"customers made {count(actual)} repeat purchases and the model expected "
        f"{count(expected)} ({off_by(expected, actual)})."
    )


def weeks(summary: ReportSummary) -> str:
    """Say how many of the held-out weeks fell within the model's range."""
    holdout = summary.holdout
    held = [
        row for row in summary.behaviour.tracking if holdout and row["week_end"] > holdout.origin
    ]
    banded = [row for row in held if row.get("lower") is not None]
    if banded:
        inside = sum(row["lower"] <= row["actual"] <= row["upper"] for row in banded)
        return f"{count(inside)} of {plural(len(banded), 'held-out week')} fell within the range."
    if not held:
        return ""
    worst = max(held, key=lambda row: abs(row["actual"] - row["expected"]))
    return (
        f"The held-out week furthest off ended on {day(worst['week_end'])}: "
        f"{count(worst['actual'])} repeat purchases, {count(worst['expected'])} expected."
    )


def frequency(summary: ReportSummary) -> str:
    """Say where the counts of customers by repeat purchases differ most."""
    rows = summary.behaviour.frequency_check
    if not rows:
        return ""
    worst = max(rows, key=lambda row: abs(row["expected"] - row["actual"]))
    everyone = sum(row["actual"] for row in rows)
    gap = abs(worst["expected"] - worst["actual"])
    return (
        f"The largest gap is at {repeats_in_words(worst['frequency'])}: "
        f"{count(worst['actual'])} customers, {count(worst['expected'])} expected. "
        f"That gap is {percent(gap / everyone) if everyone else percent(None)} of all customers."
    )


def alive(summary: ReportSummary) -> str:
    """Contrast two equally frequent customers, of whom one has gone quiet."""
    grid = summary.behaviour.alive_grid
    pair = _quiet_pair(grid) if grid else None
    if grid is None or pair is None:
        return ""
    row, early, late = pair
    purchases = plural(grid["frequency"][row], "repeat purchase")
    silence = float(grid["age"]) - float(grid["recency"][early])
    probability = grid["probability"][row]
    return (
        f"Of two customers with {purchases} in {count(grid['age'])} weeks, the one who has just "
        f"bought is active with probability {percent(probability[late])}; the one who has been "
        f"silent for {plural(silence, 'week')}, with probability {percent(probability[early])}."
    )


def _quiet_pair(grid: Any) -> tuple[int, int, int] | None:
    """Give a row of the grid near five purchases and two of its columns, half and full recency."""
    frequency, recency = grid["frequency"], grid["recency"]
    rows = [place for place, value in enumerate(frequency) if value >= 1]
    if not rows or len(recency) < 2:
        return None
    row = min(rows, key=lambda place: abs(frequency[place] - 5))
    known = [place for place, value in enumerate(grid["probability"][row]) if value is not None]
    if len(known) < 2:
        return None
    late = known[-1]
    early = min(known[:-1], key=lambda place: abs(recency[place] - 0.5 * recency[late]))
    return row, early, late


def concentration(summary: ReportSummary) -> str:
    """Say how much the top tenth and the top fifth hold."""
    curve = summary.spread.concentration
    if curve is None:
        return ""
    held = {round(share, 2): value for share, value in zip(*curve.values(), strict=True)}
    what = "value" if summary.scope.has_money else "expected purchases"
    return (
        f"The most valuable 10% of customers hold {percent(held[0.1])} of all {what}, the top 20% "
        f"hold {percent(held[0.2])} and the lower half {percent(1 - held[0.5])}."
    )


def distribution(summary: ReportSummary) -> str:
    """Say what the customer in the middle is worth, and one in ten at the top."""
    scope, spread = summary.scope, summary.spread
    middle, high = spread.quantiles["p50"], spread.quantiles["p90"]
    if scope.has_money:
        return (
            f"Over {span(scope.horizon)} half of the customers are expected to be worth less than "
            f"{money(middle, scope.currency)}, and one in ten more than "
            f"{money(high, scope.currency)}."
        )
    return (
        f"Over {span(scope.horizon)} half of the customers are expected to make fewer than "
        f"{number(middle)} purchases, and one in ten more than {number(high)}."
    )


def formula(summary: ReportSummary) -> str:
    """Say by how much money the formula differs."""
    simple, scope = summary.formula, summary.scope
    if simple is None:
        return ""
    gap = money(abs(simple.difference), scope.currency)
    side = "more" if simple.difference >= 0 else "less"
    share = relative(simple.value, simple.model)
    extent = f" ({percent(share, signed=True)})" if share is not None else ""
    return f"For the same customers the simple formula says {gap} {side} than the model{extent}."


def formula_gap(summary: ReportSummary) -> str:
    """Say which customers make most of the difference between formula and model."""
    simple, scope = summary.formula, summary.scope
    if simple is None or not simple.by_frequency:
        return ""
    gaps = [(row["simple_formula"] - row["model"], row["frequency"]) for row in simple.by_frequency]
    amount, group = max(gaps, key=lambda pair: abs(pair[0]))
    return (
        f"The widest gap is among customers with {repeats_in_words(group)}: "
        f"{money(abs(amount), scope.currency)} "
        f"{'more' if amount >= 0 else 'less'} by the formula."
    )


def formula_causes(summary: ReportSummary) -> str:
    """Say which of the causes moves most of the money between formula and model."""
    simple, scope = summary.formula, summary.scope
    if simple is None or not any(row["money"] for row in simple.causes):
        return ""
    largest = max(simple.causes, key=lambda row: abs(row["money"]))
    side = "more" if largest["money"] > 0 else "less"
    return (
        f"The largest cause makes the formula say {money(abs(largest['money']), scope.currency)} "
        f"{side}. {largest['explanation']}"
    )


def nearer(summary: ReportSummary) -> str:
    """Say which of the two came nearer on data that neither had seen."""
    holdout = summary.holdout
    if holdout is None:
        return (
            "This run held nothing out, so nobody has checked which of the two comes nearer to "
            "what customers do. Run with a hold-out to find out."
        )
    parts = [_nearer("purchases", holdout.purchases, None)]
    if holdout.spend is not None:
        parts.append(_nearer("spend", holdout.spend, summary.scope.currency))
    return (
        f"On the {holdout.days} days after {day(holdout.origin)}, which neither had seen: "
        f"{'; '.join(parts)}."
    )


def _nearer(what: str, figures: Comparison, currency: str | None) -> str:
    errors = (
        f"model {off_by(figures.model, figures.actual)}, "
        f"formula {off_by(figures.simple_formula, figures.actual)}"
    )
    actual = money(figures.actual, currency) if what == "spend" else count(figures.actual)
    if figures.nearer == "neither":
        return f"for {what} (actual {actual}) both came equally near ({errors})"
    return f"for {what} (actual {actual}) the {CONTENDERS[figures.nearer]} was nearer ({errors})"


def off_by(predicted: float, actual: float) -> str:
    """Say how far a prediction lies from what happened, such as ``12.1% too low``."""
    error = relative(predicted, actual)
    if error is None:
        return f"{number(predicted)} for none"
    if abs(error) < 0.0005:
        return "exact"
    return f"{percent(abs(error))} too {'high' if error > 0 else 'low'}"


def repeats_in_words(group: str) -> str:
    """Write the label of a group, such as ``7+``, in words."""
    amount = f"{group[:-1]} or more" if group.endswith("+") else group
    return f"{amount} repeat purchase{'' if group == '1' else 's'}"


RULES = {
    "unreadable_row": "Rows that could not be read (for example with too few fields)",
    "missing_customer_id": "Rows without a customer id",
    "missing_date": "Rows without a date",
    "unreadable_date": "Rows whose date could not be read",
    "after_observation_end": "Rows after the last day observed",
    "unreadable_amount": "Rows whose amount is missing or not a number",
    "non_finite_amount": "Rows whose amount is infinite or not a number",
    "amount_out_of_range": "Rows whose amount is too large to be added up exactly",
    "negative_amount": "Rows with a negative amount",
    "return_without_purchase": "Returns without an earlier purchase",
    "zero_amount": "Rows with the amount zero",
    "duplicate": "Exact repetitions of another row",
}


def rule_in_words(rule: str) -> str:
    """Say in plain words why rows were set aside."""
    return RULES.get(rule, f"Rows that broke the rule {printable(rule)}")
