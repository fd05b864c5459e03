"""The decision that each section informs, one sentence with its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvmodels.report.words import amount, expectation
from clvmodels.wording import percent, plural

if TYPE_CHECKING:
    from clvmodels.report.summary import ReportSummary

_ROWS_TO_MEND = 0.01


def informs(summary: ReportSummary) -> dict[str, str]:
    """Give by section the decision that it informs."""
    return {
        "customers": _customers(summary),
        "forward": _forward(summary),
        "formula": _formula(summary),
        "evidence": _evidence(summary),
        "data": _data(summary),
    }


def _customers(summary: ReportSummary) -> str:
    if summary.answer is None:
        return "Whom to look after first; this cannot be told before the checks have passed."
    segments, curve = summary.outlook.segments, summary.spread.concentration
    best = (
        next((row for row in segments["rows"] if row["kind"] == "champions"), None)
        if segments
        else None
    )
    if best is not None and best["customers"] and best["clv_share"] is not None:
        return (
            f"Whom to look after first. The {plural(best['customers'], 'customer')} in "
            f"“{best['name']}” hold {percent(best['clv_share'])} of the value; a service that "
            "treats everybody alike spends most of its effort on the others."
        )
    if curve is None:
        return "Whom to look after first: here nobody stands out."
    return (
        "Whom to look after first. A service that treats everybody alike spends nine tenths of "
        f"its effort on customers who hold {percent(1.0 - curve['value'][10])} of the "
        f"{'value' if summary.scope.has_money else 'expected purchases'}."
    )


def _forward(summary: ReportSummary) -> str:
    if summary.answer is None:
        return "What to budget; no forecast of this run should enter one."
    forward = summary.outlook.forward
    year = forward["spans"][-1] if forward and forward["spans"] else None
    figures = (year["revenue"] or year["purchases"]) if year else None
    if year is None or figures is None:
        return "What to plan for: the range of the value on page one, not its middle alone."
    told = expectation(figures, summary, sales=bool(year["revenue"]))
    return (
        f"What to budget. Today's customers should bring {told} in {year['label']}; whatever a "
        "plan needs beyond that has to come from new customers."
    )


def _formula(summary: ReportSummary) -> str:
    simple, holdout = summary.formula, summary.holdout
    test = None if holdout is None else holdout.spend or holdout.purchases
    start = "Which figure goes into plans and prices. "
    if test is None:
        return f"{start}Nothing has tested the two on this log, so neither should go in unchecked."
    name = {"model": "the model's", "simple_formula": "the formula's", "neither": "either"}
    told = f"{start}On the test {name[test.nearer]} was nearer"
    if test.nearer == "neither":
        return f"{start}On the test both came equally near."
    if simple is None:
        return f"{told}."
    gap = amount(abs(simple.difference), summary)
    return f"{told}; planning with the other one moves {gap} for today's customers alone."


def _evidence(summary: ReportSummary) -> str:
    if summary.trust.verdict == "untrusted":
        return "Whether to act on these numbers at all: not before the failed checks are cleared."
    if summary.trust.verdict == "caution":
        return (
            "How far to lean on these numbers. They will do to rank customers and to choose whom "
            "to look after; promise the total to nobody before the open points are cleared."
        )
    return (
        "How far to lean on these numbers: to rank customers and, within the range, to plan with "
        "the total."
    )


def _data(summary: ReportSummary) -> str:
    data = summary.data
    if data is None or not data.read:
        return "What to mend before the next run: nothing is known here about single rows."
    aside = sum(data.quarantined.values())
    if aside / data.read >= _ROWS_TO_MEND:
        return (
            f"What to mend before the next run. {percent(aside / data.read)} of the rows were set "
            "aside; the commonest reason is the place to begin."
        )
    return (
        "Whether the log needs mending before the next run: it does not, "
        f"{percent(1.0 - aside / data.read)} of its rows could be used."
    )
