"""What page one says besides the answer: three findings and what to decide, chosen by rule.

Every finding has a weight, which is the share of the money (or of the customers) that it is
about; the three weightiest are told. No rule looks at anything but the numbers of the summary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from clvmodels.report import outlook_findings
from clvmodels.report.findings import headline_estimate, off_by
from clvmodels.report.informs import informs
from clvmodels.report.summary import PageOne
from clvmodels.report.words import amount, cohort, odds, percent_range, quantity_range, relative
from clvmodels.wording import count, money_range, number, number_of_months, percent, plural, span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clvmodels.report.summary import ReportSummary, Row

_TOLD = 3
# Groups of fewer customers than this differ by chance.
_FEW = 50
_MATTERS = 0.05
_KEPT_KINDS = ("at_risk", "champions", "loyal", "promising", "fading")


class Finding(NamedTuple):
    """A sentence and how much of the base it is about, from 0 to 1."""

    weight: float
    text: str


def page_one(summary: ReportSummary) -> PageOne:
    """Choose what page one tells; the weightiest finding first."""
    closing = informs(summary)
    if summary.answer is None:
        return PageOne(findings=(), decisions=_mend(summary), informs=closing)
    rules = (
        _concentration,
        _one_timers,
        _at_risk,
        _formula,
        _newcomers,
        _going_quiet,
        _younger_cohorts,
        _last_forecast,
        _acquisition,
    )
    found = [finding for rule in rules if (finding := rule(summary)) is not None]
    found.sort(key=lambda finding: -finding.weight)
    return PageOne(
        findings=tuple(finding.text for finding in found[:_TOLD]),
        decisions=_decisions(summary),
        informs=closing,
    )


def _mend(summary: ReportSummary) -> tuple[str, ...]:
    """Give what to do about the checks that failed."""
    return tuple(gate.advice for gate in summary.trust.gates if gate.level == "red")[:_TOLD]


def _concentration(summary: ReportSummary) -> Finding | None:
    curve = summary.spread.concentration
    if curve is None:
        return None
    held = {round(share, 2): value for share, value in zip(*curve.values(), strict=True)}
    what = "value" if summary.scope.has_money else "expected purchases"
    return Finding(
        min(1.0, held[0.1] - 0.1),
        f"One customer in ten holds {percent(held[0.1])} of the {what}; the less valuable half "
        f"of all customers holds {percent(1.0 - held[0.5])}.",
    )


def _one_timers(summary: ReportSummary) -> Finding | None:
    scope, simple = summary.scope, summary.formula
    once = scope.customers - scope.repeat_customers
    share = once / scope.customers
    text = f"{percent(share)} of the customers have bought only once"
    if simple is not None and simple.model > 0 and simple.by_frequency:
        text += f"; together they hold {percent(simple.by_frequency[0]['model'] / simple.model)} of"
        text += " the value"
    return Finding(0.7 * share, f"{text}.")


def _at_risk(summary: ReportSummary) -> Finding | None:
    answer = summary.answer
    if answer is None or answer.value is None or answer.potential_value is None:
        return None
    potential = answer.potential_value.expected
    lost = potential - answer.value.expected
    if potential <= 0 or lost <= 0:
        return None
    text = (
        f"{amount(lost, summary)} more would come in if nobody had left: "
        f"{percent(lost / potential)} of what these customers could bring is in doubt"
    )
    worst = next(iter(_at_stake(summary)), None)
    if worst is not None:
        text += f", most of it ({amount(worst['value_at_risk'], summary)}) among “{worst['name']}”"
    return Finding(lost / potential, f"{text}.")


def _at_stake(summary: ReportSummary) -> list[Row]:
    """Give the segments in which value is in doubt, the one with most first."""
    segments = summary.outlook.segments
    rows: Sequence[Row] = segments["rows"] if segments else ()
    known = [row for row in rows if row["customers"] and (row["value_at_risk"] or 0.0) > 0]
    return sorted(known, key=lambda row: -row["value_at_risk"])


def _worth_keeping(summary: ReportSummary) -> Row | None:
    """Give the segment where most is in doubt for each customer, if it is a sum that matters."""
    rows = _at_stake(summary)
    total = sum(row["value_at_risk"] for row in rows)
    known = [
        row
        for row in rows
        if row["kind"] in _KEPT_KINDS and row["value_at_risk"] >= _MATTERS * total
    ]
    return max(known, key=lambda row: row["value_at_risk"] / row["customers"], default=None)


def _formula(summary: ReportSummary) -> Finding | None:
    simple, holdout = summary.formula, summary.holdout
    if simple is None:
        return None
    share = relative(simple.value, simple.model)
    if share is None:
        return None
    side = "more" if share > 0 else "less"
    text = (
        f"The usual formula (order value × orders a year × years) would say "
        f"{amount(simple.value, summary)}, {percent(abs(share))} {side}"
    )
    test = None if holdout is None else holdout.spend or holdout.purchases
    if test is not None:
        text += (
            f". When both were tested, the formula was {off_by(test.simple_formula, test.actual)}, "
            f"this report's method {off_by(test.model, test.actual)}"
        )
    return Finding(0.6 * min(1.0, abs(share)), f"{text}.")


def _newcomers(summary: ReportSummary) -> Finding | None:
    need = (summary.outlook.forward or {}).get("new_customers")
    if need is None or need["last_year"]["total"] <= 0:
        return None
    share, total = need["share"], need["last_year"]["total"]
    what = f"{count(total)} purchases"
    if need["quantity"] == "revenue":
        what = f"sales of {amount(total, summary)}"
    return Finding(
        0.9 * share["expected"],
        f"To repeat last year's {what}, {percent(share['expected'])} "
        f"({percent_range(share['lower'], share['upper'])}) would have to come from customers who "
        "are not here yet.",
    )


def _going_quiet(summary: ReportSummary) -> Finding | None:
    forward = summary.outlook.forward
    later = forward["spans"][-1] if forward and forward["spans"] else None
    if forward is None or later is None or later["active_at_end"] is None:
        return None
    now, then = forward["active_today"], later["active_at_end"]
    if now["expected"] <= 0:
        return None
    return Finding(
        0.8 * (1.0 - then["expected"] / now["expected"]),
        f"Of today's {number(now['expected'])} active customers, {number(then['expected'])} "
        f"({quantity_range(then)}) should still be active in {later['label']}.",
    )


def _younger_cohorts(summary: ReportSummary) -> Finding | None:
    """Compare the youngest cohort with the oldest at the greatest age that both have reached."""
    cohorts = summary.outlook.cohorts
    rows = [
        row
        for row in (cohorts["rows"] if cohorts else ())
        if row["customers"] >= _FEW and row["start"] is not None
    ]
    reached = [
        {cell["months"]: cell["value"] for cell in row["curve"] if cell["status"] == "observed"}
        for row in rows
    ]
    old, young = (reached[0], reached[-1]) if len(rows) > 1 else ({}, {})
    months = max((month for month in young if month >= 3 and month in old), default=None)
    if cohorts is None or months is None or old[months] <= 0:
        return None
    share = young[months] / old[months] - 1.0
    if abs(share) < 0.05:
        return None
    did = "spent" if cohorts["quantity"] == "revenue" else "bought"
    return Finding(
        min(1.0, abs(share)),
        f"Customers who came in {cohort(rows[-1]['cohort'])} have {did} {percent(abs(share))} "
        f"{'more' if share > 0 else 'less'} each in their first {number_of_months(months)} than "
        f"those of {cohort(rows[0]['cohort'])}.",
    )


def _last_forecast(summary: ReportSummary) -> Finding | None:
    last = summary.outlook.last_forecast
    if last is None or last["status"] != "checked":
        return None
    figures = last["revenue"] or last["purchases"]
    # Where nothing was expected, there is no share by which it was missed.
    off = 1.0 if figures["off"] is None else min(1.0, abs(figures["off"]))
    return Finding(0.05 if figures["inside"] else off, outlook_findings.last_forecast(summary))


def _acquisition(summary: ReportSummary) -> Finding | None:
    rows = (summary.outlook.payback or {}).get("new_customer") or ()
    if not rows:
        return None
    dearest = max(rows, key=lambda row: row["cac"])
    channel = f" through {dearest['channel']}" if dearest["channel"] else ""
    return Finding(
        0.3,
        f"A new customer{channel} costs {amount(dearest['cac'], summary)} to win. "
        f"{dearest['payback']['sentence']}",
    )


def _decisions(summary: ReportSummary) -> tuple[str, ...]:
    rules = (_keep, _acquire, _enter_margin, _plan)
    told = [text for rule in rules if (text := rule(summary))]
    return tuple(told[:_TOLD])


def _keep(summary: ReportSummary) -> str:
    row = _worth_keeping(summary)
    if row is None:
        return ""
    each = row["value_at_risk"] / row["customers"]
    return (
        f"What to spend on keeping or winning back the {plural(row['customers'], 'customer')} in "
        f"“{row['name']}”: {amount(row['value_at_risk'], summary)} is in doubt there, so more than "
        f"{amount(each, summary)} a customer can't pay back."
    )


def _acquire(summary: ReportSummary) -> str:
    rows = (summary.outlook.payback or {}).get("new_customer") or ()
    if rows:
        dearest = max(rows, key=lambda row: row["cac"])
        earned, horizon = dearest["margin_at_horizon"], (summary.outlook.payback or {})["horizon"]
        channel = f" through {dearest['channel']}" if dearest["channel"] else ""
        between = money_range(earned["lower"], earned["upper"], summary.scope.currency)
        return (
            f"What to pay for new customers: one brings {amount(earned['expected'], summary)} "
            f"({between}) over {span(horizon)}, the first order included; winning one{channel} "
            f"costs {amount(dearest['cac'], summary)}."
        )
    mean = (summary.outlook.forward or {}).get("new_customer")
    if mean is None:
        return ""
    between = money_range(mean["lower"], mean["upper"], summary.scope.currency, "and")
    return (
        f"What to pay for new customers: after the first order, one brings "
        f"{amount(mean['expected'], summary)} over {span(summary.scope.horizon)} on average; "
        f"{odds(summary.scope.interval)} the average of many should lie between {between}."
    )


def _enter_margin(summary: ReportSummary) -> str:
    if not summary.scope.has_money or summary.scope.margin != 1.0:
        return ""
    return (
        "Which margin to count with: none was entered, so every amount here is sales, not profit."
    )


def _plan(summary: ReportSummary) -> str:
    estimate = headline_estimate(summary)
    if estimate is None:
        return ""
    low = amount(estimate.lower, summary)
    return (
        f"Which figure to plan with: budgets that must hold should stand at {low}, the low end "
        "of the range."
    )
