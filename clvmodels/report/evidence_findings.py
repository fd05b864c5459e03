"""What the back-test says, one plain sentence for each of its figures and tables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from clvmodels.plots import uniform_band
from clvmodels.report.findings import headline_estimate, off_by, repeats_in_words
from clvmodels.report.model_words import in_words
from clvmodels.report.words import cohort, deviation
from clvmodels.wording import count, number, percent, plural, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clvmodels.report.summary import Evidence, Method, ReportSummary, Row

METHODS = {
    "simple_formula": "Simple formula",
    "formula_churn": "Formula, years stayed by churn",
    "formula_lifespan": "Formula, years from first to last order",
    "repeat_rate": "Each customer's own rate so far",
    "hiatus": "Own rate, 0 for those silent for long",
    "last_period": "The period before, once more",
    "nbd": "NBD: nobody ever leaves",
}
_SHORT = {
    "simple_formula": "the simple formula",
    "formula_churn": "the formula with churn",
    "formula_lifespan": "the formula with the time from first to last order",
    "repeat_rate": "each customer's own rate",
    "hiatus": "the own rate with 0 for the silent",
    "last_period": "the period before",
    "nbd": "NBD, in which nobody leaves",
}
# Fewer points than this between two shares make no difference to anybody.
_SAME = 0.02


def method_in_words(name: str) -> str:
    """Give the name of a method as a table has it."""
    return METHODS.get(name) or in_words(name)


def methods(evidence: Evidence) -> str:
    """Say how the totals came out, and which methods came nearer to single customers."""
    own, *others = evidence.methods
    known = [share for share in own.totals_off if share is not None]
    if not known:
        return "Nobody bought anything in the spans held out, so there is nothing to compare."
    origins = len(evidence.origins)
    start = f"Looking ahead from {origins} earlier days, t" if origins > 1 else "T"
    text = f"{start}he total of {in_words(own.name)} was {_range_off(known)}"
    formula = next((one for one in others if one.name == "simple_formula"), None)
    if formula is not None:
        off = [share for share in formula.totals_off if share is not None]
        text += f"; the simple formula's was {_range_off(off)}"
    return f"{text}. {_ranked(others, origins)}".strip()


def _range_off(shares: Sequence[float]) -> str:
    """Say how far totals were off, such as ``9.7% too low to 4% too high``."""
    low, high = min(shares), max(shares)
    lowest, highest = (off_by(1.0 + share, 1.0) for share in (low, high))
    if lowest == highest:
        return lowest
    if high < 0:
        return f"{percent(-high)} to {percent(-low)} too low"
    if low > 0:
        return f"{percent(low)} to {percent(high)} too high"
    return f"between {lowest} and {highest}"


def _ranked(others: Sequence[Method], origins: int) -> str:
    """Say which methods did worse and better for single customers, wherever one looked from."""
    where = "" if origins == 1 else " each time"
    worse = [one for one in others if one.worse == origins]
    better = [one for one in others if one.better == origins]
    text = ""
    if worse:
        how_many = "all" if len(worse) == len(others) > 1 else f"{len(worse)} of the"
        text = (
            f"Customer by customer, {how_many} {plural(len(others), 'other method')} "
            f"{'was' if len(worse) == 1 else 'were'} clearly further off{where}"
        )
    if better:
        names = ", ".join(_SHORT.get(one.name) or in_words(one.name) for one in better)
        joined = f"{text}; clearly nearer came" if text else "Customer by customer, clearly nearer"
        return f"{joined} {names}." if text else f"{joined}{where} came {names}."
    if not text:
        return ""
    if len(worse) == len(others):
        return f"{text}."
    ever = any(one.better for one in others)
    return f"{text}, none clearly nearer{' every time' if ever else ''}."


def reading(evidence: Evidence) -> str:
    """Say how the table of methods is read, and whom it leaves out."""
    last = evidence.origins[-1]
    days = {origin["days"] for origin in evidence.origins}
    text = (
        f"Each method saw the log only up to the day in the heading and forecast the "
        f"{plural(max(days), 'day')} after it; a total of +10% is a tenth too high. The miss per "
        "customer is the mean, in purchases, in whichever direction, over all of these days. "
        "Squared misses weigh large ones heavily; they are compared on the same customers from "
        f"the last day, with their {percent(evidence.interval)} interval: where it is above 0 "
        "throughout, the method is further off than the model beyond chance."
    )
    if evidence.overlapping:
        text += " The spans overlap, since the log is too short to keep them apart."
    if last["newcomers"]:
        came, bought = count(last["newcomers"]), count(last["newcomer_purchases"])
        text += (
            f" {came} customers came only after the last of these days and made {bought} "
            "purchases, which no method was asked about."
        )
    return text


def absolute_errors(evidence: Evidence) -> str:
    """Explain a mean absolute error that is best where the squared one is not; else nothing."""
    own, *others = evidence.methods
    traps = [
        one
        for one in others
        if one.mean_absolute_error < own.mean_absolute_error
        and one.root_mean_squared_error > own.root_mean_squared_error
    ]
    if not traps:
        return ""
    names = ", ".join(_SHORT.get(one.name) or in_words(one.name) for one in traps)
    return (
        f"The mean miss alone can mislead: most customers buy nothing, so whoever forecasts too "
        f"little looks good by it. Here it is smaller than the model's for {names}, whose large "
        "misses are larger."
    )


def calibration(evidence: Evidence) -> str:
    """Say for which customers the model's forecast was furthest off in total."""
    rows = evidence.calibration
    if not rows:
        return ""
    worst = max(rows, key=lambda row: abs(row["model"] - row["actual"]) * row["customers"])
    gap = (worst["model"] - worst["actual"]) * worst["customers"]
    text = (
        f"Furthest off in total: customers with {repeats_in_words(worst['frequency'])}. They made "
        f"{number(worst['actual'])} further purchases each where {number(worst['model'])} were "
        f"forecast ({count(abs(gap))} too {'many' if gap > 0 else 'few'} in all)"
    )
    formula = worst.get("simple_formula")
    return f"{text}." if formula is None else f"{text}; the formula said {number(formula)}."


def pit(evidence: Evidence) -> str:
    """Say whether outcomes scatter around their forecasts as the model says they will."""
    shares = evidence.pit
    if not shares:
        return ""
    level = 1.0 / len(shares)
    low, high = uniform_band(evidence.origins[-1]["customers"], len(shares), evidence.interval)
    outside = [place for place, share in enumerate(shares) if not low <= share <= high]
    if not outside:
        return (
            "No bar leaves the grey band: the model is about as sure of its forecasts as it "
            "should be."
        )
    worst = max(outside, key=lambda place: abs(shares[place] - level))
    told = f"{percent(shares[worst])} of the customers, where {percent(level)} would be right"
    often = "more" if shares[worst] > high else "less"
    if worst in {0, len(shares) - 1}:
        far = "above" if worst else "below"
        who = "customers who buy a lot" if worst else "customers who disappoint"
        return (
            f"Outcomes far {far} their forecast came from {told}: {who} are {often} frequent than "
            "the model says."
        )
    return f"The widest gap is at an outcome {often} frequent than the model says: {told}."


def coverage(evidence: Evidence) -> str:
    """Say whether the widest interval of a customer's purchases holds as often as it says."""
    if not evidence.coverage:
        return ""
    row = max(evidence.coverage, key=lambda one: float(one["level"]))
    level, covered, own = row["level"], row["covered"], row["attainable"]
    text = (
        f"The {percent(level)} interval of a customer's purchases held for {percent(covered)} of "
        "the customers"
    )
    customers = evidence.origins[-1]["customers"]
    if covered < level - _chance(level, customers):
        return f"{text}: the intervals of single customers are too narrow."
    text += ": it keeps its promise."
    if abs(covered - own) <= max(_chance(own, customers), 0.005):
        return text
    sense = "a little too sure" if covered < own else "more cautious than it need be"
    return f"{text} The model itself expected {percent(own)}, so it is {sense}."


def _chance(share: float, customers: int) -> float:
    """Give how far chance alone moves a share, nineteen times in twenty."""
    return 2.0 * math.sqrt(share * (1.0 - share) / max(customers, 1))


def lift(evidence: Evidence) -> str:
    """Say what the tenth of customers with the highest forecasts made of all purchases."""
    top = {name: _top_tenth(rows) for name, rows in evidence.deciles.items()}
    model, formula, best = (top.get(name) for name in ("model", "simple_formula", "perfect"))
    if model is None:
        return ""
    text = (
        f"The tenth of the customers with the highest forecasts made {percent(model)} of all "
        f"{evidence.ranked_by}"
    )
    if best is not None:
        text += f" (perfect foresight: {percent(best)})"
    if formula is None:
        return f"{text}."
    text += f"; the formula's top tenth made {percent(formula)}"
    if abs(model - formula) < _SAME:
        return f"{text}. To tell who matters most, the two do about equally well."
    return f"{text}. The {'model' if model > formula else 'formula'} finds them better."


def _top_tenth(rows: Sequence[Row]) -> float | None:
    return float(rows[0]["lift"]) / 10.0 if rows and rows[0]["lift"] is not None else None


def groups(rows: Sequence[Row]) -> str:
    """Say which group of customers the model missed most, in purchases."""
    worst = max(rows, key=lambda row: abs(row["model"] - row["actual"]))
    name = printable(cohort(worst["cohort"]), 40)
    return (
        f"Most purchases were missed among “{name}”: {count(worst['actual'])} made, "
        f"{count(worst['model'])} forecast ({off_by(worst['model'], worst['actual'])})."
    )


def shocks(summary: ReportSummary) -> str:
    """Say how far earlier totals strayed, and what the range of the base makes of it."""
    learned = summary.shocks
    if learned is None:
        return ""
    what = learned.quantity
    ratios = [row[f"actual_{what}"] / row[f"predicted_{what}"] for row in learned.windows]
    low, high = min(ratios) - 1.0, max(ratios) - 1.0
    windows = plural(len(ratios), "earlier window")
    found = _apart(low)
    if deviation(low) != deviation(high):
        found = f"between {found} and {_apart(high)}"
    return (
        f"In {windows} as long as the horizon, {what} came out {found} the forecast. The range of "
        f"the base allows for a total {number(learned.factor)} times as high or as low."
    )


def _apart(share: float) -> str:
    """Say how far an outcome lies from its forecast."""
    text = deviation(share).lstrip("+−")
    return "0% off" if text == "0%" else f"{text} {'below' if share < 0 else 'above'}"


def assumptions(summary: ReportSummary) -> list[str]:
    """Say what the forecast takes for granted, so that a reader can tell when it does not hold."""
    scope = summary.scope
    told = [
        "Customers come and go without telling; nobody is bound by a contract.",
        "Each customer goes on buying at a pace of his or her own until leaving for good; the "
        "pace knows no season and no campaign.",
    ]
    if scope.has_money:
        told += [
            "What an order is worth does not depend on how often a customer orders, and does not "
            "drift.",
            f"The margin stays at {percent(scope.margin)} and the discount rate at "
            f"{percent(scope.annual_discount_rate)} a year.",
        ]
    estimate = headline_estimate(summary)
    if estimate is not None and estimate.common_shock > 0:
        source = "assumed" if estimate.common_shock_assumed else "measured on earlier windows"
        told.append(
            f"What strikes all customers alike stays about as large as {source}: "
            f"{percent(estimate.common_shock)}."
        )
    return told
