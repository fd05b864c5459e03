"""The figures of a report as inline SVG: the same bytes for the same summary, nothing to load."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

from clvmodels import plots
from clvmodels.report import findings
from clvmodels.report.model_words import caveat
from clvmodels.report.words import money, number, plural, printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

    from clvmodels.report.summary import ReportSummary

WIDTH = 4.6
"""Inches at 72 units each: narrow enough that text stays legible across a phone."""
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "clvmodels",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.5,
    "axes.labelsize": 9.5,
    "legend.fontsize": 9.5,
    "hatch.linewidth": 0.7,
}
_FONTS = "font-family: system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"


@dataclass(frozen=True)
class Figure:
    """A figure with what goes around it: title, takeaway, how to read it."""

    name: str
    title: str
    takeaway: str
    reading: str
    svg: str


def draw_figures(summary: ReportSummary) -> dict[str, Figure]:
    """Draw the figures that the summary has data for, by name."""
    drawers = (_tracking, _frequency, _alive, _concentration, _distribution, _formula)
    drawn = (draw(summary) for draw in drawers)
    return {figure.name: figure for figure in drawn if figure is not None}


def _tracking(summary: ReportSummary) -> Figure | None:
    rows, holdout = summary.behaviour.tracking, summary.holdout
    if not rows or holdout is None:
        return None

    def draw(canvas: Canvas) -> None:
        above, below = canvas.subplots(2, 1)
        for ax, cumulative in ((above, True), (below, False)):
            plots.plot_tracking(rows, calibration_end=holdout.origin, cumulative=cumulative, ax=ax)
        above.set_xlabel("")
        below.get_legend().remove()

    return _figure(
        "tracking",
        "Does the model follow the weeks?",
        findings.tracking(summary),
        "Repeat purchases of the customers known at the start of the shaded weeks: added up "
        "(above) and week by week (below). The model learned from the weeks before the shading "
        "and saw none of the weeks in it.",
        draw,
        height=5.2,
    )


def _frequency(summary: ReportSummary) -> Figure | None:
    rows = summary.behaviour.frequency_check
    if not rows:
        return None
    return _figure(
        "frequency",
        "Does it get the mix of customers right?",
        findings.frequency(summary),
        "Bars count the customers with so many repeat purchases; diamonds are how many the model "
        "expects. Good fits put every diamond at the top of its bar.",
        _on_one(lambda ax: plots.plot_frequency_check(rows, ax=ax)),
    )


def _alive(summary: ReportSummary) -> Figure | None:
    grid = summary.behaviour.alive_grid
    # Where nobody can have left there is nothing to draw.
    if grid is None or min(map(min, grid["probability"])) == 1.0:
        return None
    assumed = caveat([model.model for model in summary.models])
    return _figure(
        "alive",
        "Who is still active?",
        findings.alive(summary),
        "Darker means more likely active; the lines carry the probability. Silence tells more "
        f"about frequent buyers than about occasional ones. {assumed}".strip(),
        _on_one(lambda ax: plots.plot_alive_grid(grid, ax=ax)),
    )


def _concentration(summary: ReportSummary) -> Figure | None:
    curve = summary.spread.concentration
    if curve is None:
        return None
    what = "value" if summary.scope.has_money else "expected purchases"
    return _figure(
        "concentration",
        f"How concentrated {'is value' if summary.scope.has_money else 'are purchases'}?",
        findings.concentration(summary),
        f"Customers are lined up from the most valuable to the least; the curve is the share of "
        f"{what} that they hold together. The dotted line is a base of equal customers.",
        _on_one(lambda ax: plots.plot_concentration(curve, label=what, ax=ax)),
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
    return _figure(
        "distribution",
        "What is one customer worth?" if scope.has_money else "How much will one customer buy?",
        findings.distribution(summary),
        f"Customers by {what}. Each bar to the right stands for 1.33 times the {what}; an even "
        f"scale would squeeze most customers into one bar.{left_out}",
        _on_one(
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
    return _figure(
        "formula",
        "Where formula and model differ",
        findings.formula_gap(summary),
        "Total value of the customers with so many repeat purchases, customer by customer. The "
        "formula takes everybody's "
        "past for the future; the model weighs how likely each customer is to have left.",
        _on_one(
            lambda ax: plots.plot_formula_comparison(
                list(simple.by_frequency), currency=_unit(summary.scope.currency), ax=ax
            )
        ),
    )


def _unit(currency: str | None) -> str | None:
    return None if currency is None else printable(currency, 12)


def _on_one(draw: Callable[[Axes], Any]) -> Callable[[Canvas], None]:
    def on_canvas(canvas: Canvas) -> None:
        draw(canvas.subplots())

    return on_canvas


def _figure(
    name: str,
    title: str,
    takeaway: str,
    reading: str,
    draw: Callable[[Canvas], None],
    *,
    height: float = 2.9,
) -> Figure:
    import matplotlib as mpl
    from matplotlib.figure import Figure as Canvas

    target = StringIO()
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # The reader's own fonts draw the text, whatever glyphs the measuring font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        canvas = Canvas(figsize=(WIDTH, height), layout="constrained")
        draw(canvas)
        canvas.savefig(target, format="svg", transparent=True)
    return Figure(name, title, takeaway, reading, _inline(target.getvalue(), name))


def _inline(svg: str, name: str) -> str:
    """Make a stand-alone SVG fit into a page: own ids, no metadata, no style of its own.

    Assistive technology gets the figure's text from the page, so the drawing itself is hidden.
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<style[^>]*>.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', body)
    body = re.sub(r'(xlink:href="|url\()#', rf"\1#{name}-", body)
    body = re.sub(r"font-family: [^;\"]+", _FONTS, body)
    view = re.search(r'viewBox="([^"]+)"', body)
    if view is None:  # pragma: no cover - matplotlib always writes one
        return body
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{view[1]}" stroke-linejoin="round" stroke-linecap="butt" '
        f'aria-hidden="true" focusable="false">'
    )
    return opening + body[body.index(">") + 1 :]
