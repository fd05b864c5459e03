"""From the summary to a self-contained HTML page: no scripts, nothing loaded from outside."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from clvmodels import wording
from clvmodels.report import (
    evidence_findings,
    findings,
    gate_words,
    model_words,
    outlook_findings,
    words,
)
from clvmodels.report.figures import draw_figures

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2 import Environment

    from clvmodels.report.summary import ReportSummary, Row

_PROOF = ("calibration", "lift", "pit", "coverage", "shocks")
_SHADES = 8
_TOLD_ELSEWHERE = ("segments.names", "segments.actions", "scenarios")


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
        ahead=outlook_findings,
        models=[model.model for model in summary.models],
        uncertainty=_sources(summary),
        settings=_settings(summary.configuration, ""),
    )


def _settings(configuration: Mapping[str, Any], table: str) -> dict[str, list[Any]]:
    """Give the settings that have a value, those of tables by their full names, and the others."""
    given: list[tuple[str, Any]] = []
    unset: list[str] = []
    for key, value in configuration.items():
        name = f"{table}{key}"
        if isinstance(value, Mapping) and value:
            if name not in _TOLD_ELSEWHERE:
                given += _settings(value, f"{name}.")["given"]
        elif value is None or value == {}:
            unset.append(name)
        else:
            given.append((name, value))
    return {"given": given, "unset": unset}


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


def render_staff_card(summary: ReportSummary) -> str:
    """Give the staff card as one HTML page: what one customer is worth, in plain words.

    A run that is not to be trusted, or that knows no money or no segments, gets a card that says
    why it has no figures.
    """
    card, reason = summary.outlook.staff_card, ""
    if summary.trust.verdict == "untrusted":
        reason = "The last calculation failed its checks, so nobody should act on its figures."
    elif not summary.scope.has_money:
        reason = "The log has no amounts, so what a customer is worth cannot be told."
    elif card is None:
        reason = "This run formed no segments, so there is nothing to tell for each of them."
    template = _environment().get_template("staff_card.html.j2")
    return template.render(card=None if reason else card, reason=reason, scope=summary.scope)


def _bounds(found: Mapping[str, Any]) -> str:
    return words.quantity_range(found)


def _shades(cohorts: Row) -> Callable[[float], int]:
    """Give what tells the shade of a cell of the heat map, 0 to 7, by its rank among all cells."""
    from bisect import bisect_left

    values = sorted({cell["value"] for row in cohorts["rows"] for cell in row["heat"]})
    return lambda value: _SHADES * bisect_left(values, value) // max(len(values), 1)


def _months(months: float) -> str:
    return "month" if months == 1 else f"{months:.3g} months"


def _is_proof(name: str) -> bool:
    return name in _PROOF or name.startswith("groups-")


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
        "number": wording.number,
        "count": wording.count,
        "percent": wording.percent,
        "share": words.share,
        "deviation": words.deviation,
        "money": wording.money,
        "to": wording.money_range,
        "error": words.relative,
        "day": words.day,
        "span": wording.span,
        "plural": wording.plural,
        "plain": words.plain,
        "printable": wording.printable,
        "in_words": model_words.in_words,
        "definition": model_words.definition,
        "caveat": model_words.caveat,
        "signed": words.signed,
        "capital": words.capital,
        "cohort": words.cohort,
        "duration": words.duration,
        "entered": words.entered,
        "months": _months,
        "bounds": _bounds,
        "shades": _shades,
        "payback": outlook_findings.payback_in_words,
        "meaning": gate_words.meaning,
        "merged": lambda row, values: {**row, **values},
    }
    environment.tests["evidence_name"] = _is_proof
    return environment
