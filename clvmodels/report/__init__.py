"""The report of a run: one summary of numbers, rendered as HTML and JSON."""

from clvmodels.report.build import build_summary
from clvmodels.report.render import render_html
from clvmodels.report.summary import ReportSummary
from clvmodels.report.write import write_report

__all__ = ["ReportSummary", "build_summary", "render_html", "write_report"]
