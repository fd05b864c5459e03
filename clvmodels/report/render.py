"""From the summary to a self-contained HTML page: no scripts, nothing loaded from outside."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from clvmodels.report import evidence_findings, findings, model_words, words
from clvmodels.report.figures import draw_figures

if TYPE_CHECKING:
    from jinja2 import Environment

    from clvmodels.report.summary import ReportSummary


def render_html(summary: ReportSummary) -> str:
    """Give the report as one HTML page.

    Styles and figures (SVG) are inside the page, which forbids scripts and outside sources by its
    content security policy. Text from the log is escaped, cut, and shown with control and
    direction marks as escapes.
    """
    from markupsafe import Markup

    figures = {
        name: {
            "title": figure.title,
            "takeaway": figure.takeaway,
            "reading": figure.reading,
            # Written by matplotlib, which escapes the text that it is given.
            "svg": Markup(figure.svg),  # noqa: S704
        }
        for name, figure in draw_figures(summary).items()
    }
    template = _environment().get_template("report.html.j2")
    return template.render(
        summary=summary,
        scope=summary.scope,
        figures=figures,
        say=findings,
        proof=evidence_findings,
        models=[model.model for model in summary.models],
        uncertainty=_sources(summary),
    )


def _sources(summary: ReportSummary) -> list[dict[str, Any]]:
    """Give what makes the headline number uncertain, the largest first."""
    estimate = findings.headline_estimate(summary)
    if estimate is None:
        return []
    shock = abs(estimate.expected) * estimate.common_shock
    assumed = " (size assumed)" if estimate.common_shock_assumed else ""
    sources = [
        ("Chance in what each customer does", estimate.sd_customers),
        ("Limited data behind the model's parameters", estimate.sd_parameters),
        (f"A swing that strikes all customers alike{assumed}", shock),
    ]
    return [
        {
            "source": source,
            "deviation": deviation,
            "share": deviation / abs(estimate.expected) if estimate.expected else None,
        }
        for source, deviation in sorted(sources, key=lambda pair: -pair[1])
    ]


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("clvmodels.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": words.number,
        "count": words.count,
        "percent": words.percent,
        "share": words.share,
        "deviation": words.deviation,
        "money": words.money,
        "to": words.money_range,
        "error": words.relative,
        "day": words.day,
        "span": words.span,
        "plural": words.plural,
        "plain": words.plain,
        "printable": words.printable,
        "in_words": model_words.in_words,
        "definition": model_words.definition,
        "caveat": model_words.caveat,
    }
    return environment
