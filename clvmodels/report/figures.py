"""The figures of a report: what each draws, says and needs to be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvmodels import plots
from clvmodels.report import findings
from clvmodels.report.evidence_figures import draw_evidence
from clvmodels.report.model_words import caveat
from clvmodels.report.outlook_figures import draw_outlook
from clvmodels.report.svg import Figure, make_figure, on_one
from clvmodels.report.words import odds
from clvmodels.wording import money, number, plural, printable

if TYPE_CHECKING:
    from clvmodels.report.summary import ReportSummary

_CAUSES = {
    "lifespan": "the horizon instead of assumed years",
    "averaging": "each customer's own orders and pace",
    "first_order": "the first order does not come again",
    "pace": "short histories lean on the others",
    "already_left": "some customers have left",
    "will_leave": "some will leave on the way",
    "order_value": "few orders lean on the others",
    "discounting": "money later is worth less",
    "costs": "orders and customers cost money",
    "parameters": "parameters are not known exactly",
}
"""What mends each cause of the difference between formula and model."""


def draw_figures(summary: ReportSummary) -> dict[str, Figure]:
    """Draw the figures that the summary has data for, by name."""
    drawers = (
        _tracking,
        _weeks,
        _frequency,
        _alive,
        _concentration,
        _distribution,
        _formula,
        _causes,
    )
    drawn = [draw(summary) for draw in drawers] + draw_evidence(summary)
    drawn += draw_outlook(summary)
    return {figure.name: figure for figure in drawn if figure is not None}


def _tracking(summary: ReportSummary) -> Figure | None:
    return _tracked(
        summary,
        "tracking",
        "Does the model follow the weeks?",
        findings.tracking(summary),
        "Repeat purchases of the customers known at the start of the shaded weeks, added up.",
        cumulative=True,
    )


def _weeks(summary: ReportSummary) -> Figure | None:
    return _tracked(
        summary,
        "weeks",
        "And week by week?",
        findings.weeks(summary),
        "The same purchases, each week on its own.",
        cumulative=False,
    )


def _tracked(
    summary: ReportSummary, name: str, title: str, takeaway: str, reading: str, *, cumulative: bool
) -> Figure | None:
    rows, holdout = summary.behaviour.tracking, summary.holdout
    if not rows or holdout is None:
        return None
    text = (
        f"{reading} The model learned from the weeks before the shading and saw none of the weeks "
        "in it."
    )
    if any(row.get("lower") is not None for row in rows):
        text += (
            " The blue range is what the model then held possible "
            f"{odds(summary.scope.interval)}: chance, limited data and a swing common to all "
            "weeks, but no season."
        )
    return make_figure(
        name,
        title,
        takeaway,
        text,
        on_one(
            lambda ax: plots.plot_tracking(
                rows, calibration_end=holdout.origin, cumulative=cumulative, ax=ax
            )
        ),
        height=3.4,
    )


def _frequency(summary: ReportSummary) -> Figure | None:
    rows = summary.behaviour.frequency_check
    if not rows:
        return None
    return make_figure(
        "frequency",
        "Does it get the mix of customers right?",
        findings.frequency(summary),
        "Bars count the customers with so many repeat purchases; diamonds are how many the model "
        "expects. Good fits put every diamond at the top of its bar.",
        on_one(lambda ax: plots.plot_frequency_check(rows, ax=ax)),
    )


def _alive(summary: ReportSummary) -> Figure | None:
    grid = summary.behaviour.alive_grid
    # Where nobody can have left there is nothing to draw.
    if grid is None or min(map(min, grid["probability"])) == 1.0:
        return None
    assumed = caveat([model.model for model in summary.models])
    return make_figure(
        "alive",
        "Who is still active?",
        findings.alive(summary),
        "Darker means more likely active; the lines carry the probability. Silence tells more "
        f"about frequent buyers than about occasional ones. {assumed}".strip(),
        on_one(lambda ax: plots.plot_alive_grid(grid, ax=ax)),
    )


def _concentration(summary: ReportSummary) -> Figure | None:
    curve = summary.spread.concentration
    if curve is None:
        return None
    what = "value" if summary.scope.has_money else "expected purchases"
    return make_figure(
        "concentration",
        f"How concentrated {'is value' if summary.scope.has_money else 'are purchases'}?",
        findings.concentration(summary),
        f"Customers are lined up from the most valuable to the least; the curve is the share of "
        f"{what} that they hold together. The dotted line is a base of equal customers.",
        on_one(lambda ax: plots.plot_concentration(curve, label=what, ax=ax)),
    )


def _distribution(summary: ReportSummary) -> Figure | None:
    spread, scope = summary.spread, summary.scope
    if not spread.histogram:
        return None
    middle, high = spread.quantiles["p50"], spread.quantiles["p90"]
    amount = (lambda x: money(x, scope.currency)) if scope.has_money else number
    marks = {f"half below {amount(middle)}": middle, f"a tenth above {amount(high)}": high}
    label = None if scope.has_money else "expected purchases of a customer (logarithmic scale)"
    what = "expected value" if scope.has_money else "expected purchases"
    rows = list(spread.histogram)
    hidden = rows[: plots.first_drawn([row["customers"] for row in rows])]
    left_out = ""
    if hidden or spread.not_positive:
        number_left_out = spread.not_positive + sum(row["customers"] for row in hidden)
        bound = amount(hidden[-1]["upper"]) if hidden else "anything above zero"
        left_out = f" {plural(number_left_out, 'customer')} below {bound} not drawn."
    return make_figure(
        "distribution",
        "What is one customer worth?" if scope.has_money else "How much will one customer buy?",
        findings.distribution(summary),
        f"Customers by {what}. Each bar to the right stands for 1.33 times the {what}; an even "
        f"scale would squeeze most customers into one bar.{left_out}",
        on_one(
            lambda ax: plots.plot_value_distribution(
                list(spread.histogram),
                currency=_unit(scope.currency),
                label=label,
                marks=marks,
                ax=ax,
            )
        ),
    )


def _formula(summary: ReportSummary) -> Figure | None:
    simple = summary.formula
    if simple is None:
        return None
    return make_figure(
        "formula",
        "Where formula and model differ",
        findings.formula_gap(summary),
        "Total value of the customers with so many repeat purchases, customer by customer. The "
        "formula takes everybody's "
        "past for the future; the model weighs how likely each customer is to have left.",
        on_one(
            lambda ax: plots.plot_formula_comparison(
                list(simple.by_frequency), currency=_unit(summary.scope.currency), ax=ax
            )
        ),
    )


def _causes(summary: ReportSummary) -> Figure | None:
    simple = summary.formula
    if simple is None or not any(row["money"] for row in simple.causes):
        return None
    steps = [
        {"step": "simple formula", "money": simple.value},
        *({"step": row["cause"], "money": -row["money"]} for row in simple.causes),
        {"step": "model", "money": simple.model},
    ]
    return make_figure(
        "causes",
        "From the formula to the model",
        findings.formula_causes(summary),
        "From the top: the formula's total, then what mending one thing after the other takes off "
        "(white) or adds (grey), and the model's total, to which the steps add up. Another order "
        "of the steps would share the difference differently. Steps too small to see are left out.",
        on_one(
            lambda ax: plots.plot_formula_causes(
                steps,
                names=_CAUSES,
                currency=_unit(summary.scope.currency),
                amount=number,
                ax=ax,
            )
        ),
        height=5.6,
    )


def _unit(currency: str | None) -> str | None:
    return None if currency is None else printable(currency, 12)
