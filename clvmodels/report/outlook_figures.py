"""The figures of cohorts, the months ahead, the last run and the assumptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clvmodels import plots
from clvmodels.report import outlook_findings as findings
from clvmodels.report.svg import Figure, make_figure, on_one
from clvmodels.report.words import capital, cohort, day, odds
from clvmodels.wording import number, printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure as Canvas

    from clvmodels.report.summary import ReportSummary


def draw_outlook(summary: ReportSummary) -> list[Figure | None]:
    """Draw the figures that the outlook has data for."""
    drawers = (_segments, _cohorts, _forward, _change, _segment_evidence, _tornado)
    return [draw(summary) for draw in drawers]


def _cohorts(summary: ReportSummary) -> Figure | None:
    found = summary.outlook.cohorts
    if found is None or not any(len(row["curve"]) > 1 for row in found["rows"]):
        return None
    rows = [row | {"cohort": printable(cohort(row["cohort"]), 20)} for row in found["rows"]]
    shown = plots.drawn_cohorts(rows)
    ahead = ""
    if summary.answer is not None:
        ahead = f": drawn through while seen, dashed where forecast, in its {_range(summary)}"
    which = "" if len(shown) == len(rows) else f" {len(shown)} of {len(rows)} cohorts are drawn."
    return make_figure(
        "cohorts",
        "What a customer brings, by when he or she came",
        findings.cohorts(summary),
        "Each line adds up what a customer of that cohort has brought since the first "
        f"purchase{ahead}. A line that still rises comes from customers who still buy.{which}",
        on_one(
            lambda ax: plots.plot_cohort_curves(
                shown, quantity=found["quantity"], currency=_unit(summary), ax=ax
            )
        ),
        height=3.6,
    )


def _forward(summary: ReportSummary) -> Figure | None:
    found = summary.outlook.forward
    if found is None or not found["spans"]:
        return None
    name = "revenue" if found["spans"][0]["revenue"] else "purchases"
    if found["spans"][0][name] is None:
        return None
    label = "purchases, added up"
    if name == "revenue":
        label = f"sales, added up, {_unit(summary) or 'the log' + chr(39) + 's currency'}"
    sums = [{"months": one["months"], **_bounds(one[name])} for one in found["spans"]]
    still = [
        {"months": one["months"], **_bounds(one["active_at_end"])}
        for one in found["spans"]
        if one["active_at_end"] is not None
    ]

    def draw(canvas: Canvas) -> None:
        panels = canvas.subplots(2, 1) if still else [canvas.subplots()]
        plots.plot_forward(sums, label=label, ax=panels[0])
        if still:
            panels[0].set_xlabel("")
            today = _bounds(found["active_today"])
            plots.plot_forward(still, label="customers still active", start=today, ax=panels[1])

    return make_figure(
        "forward",
        "What the months ahead should bring",
        f"{findings.forward(summary)} {findings.active(summary)}".strip(),
        f"Diamonds are what is expected of today's customers, the blue area the "
        f"{_range(summary)}. Customers yet to come are in neither figure. The model knows no "
        "season: a strong or weak quarter moves money between the diamonds.",
        draw,
        height=4.6 if still else 2.9,
    )


def _change(summary: ReportSummary) -> Figure | None:
    found = summary.outlook.change
    if found is None or found["status"] != "compared" or not found["parts"]:
        return None
    if not any(part["money"] for part in found["parts"]) or found["before"] <= 0:
        return None
    before = found["previous"]["observation_end"]
    steps = [
        {"step": f"on {day(before)}", "money": found["before"]},
        *(
            {"step": findings.PARTS.get(part["part"], part["label"]), "money": part["money"]}
            for part in found["parts"]
        ),
        {"step": f"on {day(summary.scope.observation_end)}", "money": found["now"]},
    ]
    label = "expected purchases of the base" if found["quantity"] == "purchases" else None
    return make_figure(
        "change",
        "From the last run to this one",
        findings.largest_part(summary),
        "From the top: the value at the last run, then what each cause added (grey) or took away "
        "(white), and the value now. Causes too small to see are left out.",
        on_one(
            lambda ax: plots.plot_change(
                steps, currency=_unit(summary), label=label, amount=number, ax=ax
            )
        ),
        height=3.9,
    )


def _tornado(summary: ReportSummary) -> Figure | None:
    found = summary.outlook.sensitivity
    if found is None or not found["entries"]:
        return None
    entries = [
        {
            **entry,
            "label": printable(entry["label"], 30),
            **{
                side: {**entry[side], "input": printable(entry[side]["input"], 18)}
                for side in ("low", "high")
            },
        }
        for entry in found["entries"]
    ]
    label = "expected purchases of the base" if found["quantity"] == "purchases" else None
    return make_figure(
        "tornado",
        "Which assumption matters most?",
        findings.tornado(summary),
        "Each bar changes one assumption and leaves the others alone: hatched is what lowers the "
        "value, blue what raises it, the line the value as it stands.",
        on_one(
            lambda ax: plots.plot_tornado(
                entries,
                found["value"],
                currency=_unit(summary),
                label=label,
                amount=number,
                ax=ax,
            )
        ),
        height=0.8 + 0.68 * len(entries),
    )


def _segments(summary: ReportSummary) -> Figure | None:
    found = summary.outlook.segments
    if found is None or not any(row["customers"] for row in found["rows"]):
        return None
    rows = [row | {"name": capital(row["name"])} for row in found["rows"]]
    has_value = any(row["clv"] for row in rows)
    what = "expected value" if has_value else "expected purchases"
    return make_figure(
        "segments",
        "Who holds the value?" if has_value else "Who will buy?",
        findings.segments(summary),
        f"Grey bars are each segment's share of the customers, hatched blue bars its share of the "
        f"{what}.",
        on_one(lambda ax: plots.plot_segments(rows, ax=ax)),
        height=0.7 + 0.42 * len(rows),
    )


def _segment_evidence(summary: ReportSummary) -> Figure | None:
    found = (summary.outlook.segments or {}).get("evidence")
    if not found or not any(row["customers"] for row in found["rows"]):
        return None
    return make_figure(
        "segment-evidence",
        "What was expected of each, and what happened",
        findings.segment_order(summary),
        "Bars are what customers of each segment went on to do, on average, the lines at their "
        "ends how far chance reaches; diamonds are what was expected beforehand.",
        on_one(
            lambda ax: plots.plot_segment_evidence(
                [row | {"name": capital(row["name"])} for row in found["rows"]],
                measure=found["measure"],
                currency=_unit(summary),
                ax=ax,
            )
        ),
        height=0.7 + 0.36 * len(found["rows"]),
    )


def _bounds(estimate: Mapping[str, Any]) -> dict[str, float]:
    return {name: estimate[name] for name in ("expected", "lower", "upper")}


def _range(summary: ReportSummary) -> str:
    return f"range that should hold {odds(summary.scope.interval)}"


def _unit(summary: ReportSummary) -> str | None:
    currency = summary.scope.currency
    return None if currency is None else printable(currency, 12)
