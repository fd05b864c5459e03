"""The files of a report, written whole into the directory of their run."""

from __future__ import annotations

from pathlib import Path

from clvmodels.report.build import build_summary
from clvmodels.report.render import render_html
from clvmodels.report.summary import SCHEMA, ReportSummary
from clvmodels.storage import write_json, write_text


def write_report(run_dir: str | Path) -> ReportSummary:
    """Write ``report.html`` and ``report.json`` of a run, and give the summary behind both.

    Raises
    ------
    ArtefactError
        If the files of the run are missing or damaged.
    """
    folder = Path(run_dir)
    summary = build_summary(folder)
    page = render_html(summary)
    write_text(folder / "report.html", page)
    write_json(folder / "report.json", summary.to_dict(), schema=SCHEMA)
    return summary
