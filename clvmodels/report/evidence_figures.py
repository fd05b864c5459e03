"""The figures of the back-test: what each draws, says and needs to be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clvmodels import plots
from clvmodels.report import evidence_findings as findings
from clvmodels.report.svg import Figure, make_figure, on_one
from clvmodels.report.words import cohort
from clvmodels.wording import percent, printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from clvmodels.report.summary import Evidence, ReportSummary, Row

_LABELS = {"model": "model", "simple_formula": "formula", "nbd": "nobody leaves"}


def draw_evidence(summary: ReportSummary) -> list[Figure | None]:
    """Draw the figures that the back-test has data for."""
    shocks = _shocks(summary)
    found = summary.evidence
    if found is None:
        return [shocks]
    drawn = [_calibration(found), _lift(found), _pit(found), _coverage(found), shocks]
    return drawn + [
        _groups(place, name, rows) for place, (name, rows) in enumerate(found.groups.items())
    ]


def _calibration(evidence: Evidence) -> Figure | None:
    rows = evidence.calibration
    if not rows:
        return None
    methods = {name: label for name, label in _LABELS.items() if name in rows[0]}
    if evidence.model == "nbd":
        methods.pop("nbd")
    return make_figure(
        "calibration",
        "Is each kind of customer forecast rightly?",
        findings.calibration(evidence),
        "Bars are what customers with so many repeat purchases went on to buy, on average; "
        "diamonds are the model, triangles the simple formula, squares a model in which nobody "
        "ever leaves. A good forecast sits on top of its bar.",
        on_one(lambda ax: plots.plot_calibration(rows, methods=methods, ax=ax)),
        height=3.1,
    )


def _lift(evidence: Evidence) -> Figure | None:
    deciles: dict[str, Any] = dict(evidence.deciles)
    perfect = deciles.pop("perfect")
    if all(row["lift"] is None for row in perfect):
        return None
    return make_figure(
        "lift",
        "Does it find the customers who matter?",
        findings.lift(evidence),
        "Customers in ten groups of equal size, those with the highest forecasts first; bars are "
        f"the share of all later {evidence.ranked_by} that each group made. Black lines are the "
        "most that perfect foresight could have found.",
        on_one(
            lambda ax: plots.plot_decile_lift(
                {_LABELS[name]: rows for name, rows in deciles.items()},
                perfect=perfect,
                quantity=evidence.ranked_by,
                ax=ax,
            )
        ),
        height=3.1,
    )


def _pit(evidence: Evidence) -> Figure | None:
    if not evidence.pit:
        return None
    return make_figure(
        "pit",
        "Is the model as sure as it should be?",
        findings.pit(evidence),
        "For every customer: how likely the model held less than what happened. If its "
        "probabilities are right, the bars are level; chance alone keeps all of them within the "
        f"grey band in {percent(evidence.interval)} of cases. High ends mean too sure, a high "
        "middle too cautious.",
        on_one(
            lambda ax: plots.plot_pit_histogram(
                evidence.pit,
                customers=evidence.origins[-1]["customers"],
                interval=evidence.interval,
                ax=ax,
            )
        ),
    )


def _coverage(evidence: Evidence) -> Figure | None:
    if not evidence.coverage:
        return None
    return make_figure(
        "coverage",
        "Do the ranges of single customers hold?",
        findings.coverage(evidence),
        "Bars are the share of customers whose purchases fell within their interval; the line is "
        "what it promises. Diamonds are what the model itself expects of these intervals: a bar "
        "should reach its diamond.",
        on_one(lambda ax: plots.plot_interval_coverage(evidence.coverage, ax=ax)),
    )


def _groups(place: int, name: str, rows: tuple[Row, ...]) -> Figure:
    what = "quarter of the first purchase" if name == "cohort" else printable(name, 40)
    short = [{**row, "cohort": printable(cohort(row["cohort"]), 12)} for row in rows]

    def draw(canvas: Canvas) -> None:
        above, below = canvas.subplots(2, 1)
        for ax, method, label in ((above, "model", "model"), (below, "simple_formula", "formula")):
            plots.plot_error_by_cohort(short, methods={method: label}, label=what, ax=ax)
        above.set_xlabel("")
        below.set_ylabel("")

    return make_figure(
        f"groups-{place}",
        f"Is anybody forecast worse than others? By {what}",
        findings.groups(rows),
        "How far the forecast of each group's purchases was above or below what the group "
        "bought: diamonds for the model (above), triangles for the simple formula (below), each "
        "on a scale of its own, since the formula's misses would hide the model's.",
        draw,
        height=4.6,
    )


def _shocks(summary: ReportSummary) -> Figure | None:
    learned = summary.shocks
    if learned is None or any(row[f"actual_{learned.quantity}"] <= 0 for row in learned.windows):
        return None
    return make_figure(
        "shocks",
        "How far did earlier totals stray?",
        findings.shocks(summary),
        "Each diamond is one earlier span of the log, forecast from what was known before it. "
        "What moves all customers at once (seasons, prices, crises) shows here, and the blue "
        "range of the base allows for it.",
        on_one(
            lambda ax: plots.plot_common_shock(
                learned.windows, factor=learned.factor, quantity=learned.quantity, ax=ax
            )
        ),
    )
