"""The files of a report, written whole into the directory of their run."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from clvmodels.errors import ClvWarning, ConfigurationError
from clvmodels.report.build import build_summary
from clvmodels.report.pdf import render_pdf
from clvmodels.report.render import render_html, render_staff_card
from clvmodels.report.summary import SCHEMA, ReportSummary
from clvmodels.storage import aside, write_json, write_text

if TYPE_CHECKING:
    from clvmodels.report.pdf import Paper

_CARD_PAGES = 1


def write_report(run_dir: str | Path, *, paper: Paper | Literal["none"] = "A4") -> ReportSummary:
    """Write the report and the staff card of a run, and give the summary behind both.

    ``report.html``, ``report.json`` and ``staff-card.html`` are always written; ``report.pdf`` and
    ``staff-card.pdf`` unless there is no ``paper``, where WeasyPrint is installed.

    Parameters
    ----------
    run_dir : path
        The folder of the run.
    paper : "A4", "Letter" or "none"
        Format of the PDF files, which take some seconds; ``"none"`` leaves them out.

    Raises
    ------
    ArtefactError
        If the files of the run are missing or damaged.

    Warns
    -----
    ClvWarning
        If PDF files are wanted but WeasyPrint or Pango is missing.
    """
    folder = Path(run_dir)
    summary = build_summary(folder)
    pages = {"report": render_html(summary), "staff-card": render_staff_card(summary)}
    for name, page in pages.items():
        write_text(folder / f"{name}.html", page)
    write_json(folder / "report.json", summary.to_dict(), schema=SCHEMA)
    # A PDF of an earlier report would contradict this one.
    for name in pages:
        (folder / f"{name}.pdf").unlink(missing_ok=True)
    if paper != "none":
        _write_pdfs(folder, pages, paper)
    return summary


def _write_pdfs(folder: Path, pages: dict[str, str], paper: Paper) -> None:
    for name, page in pages.items():
        try:
            content = render_pdf(page, paper=paper, pages=_CARD_PAGES if name != "report" else None)
        except ConfigurationError as error:
            warnings.warn(str(error), ClvWarning, stacklevel=3)
            return
        with aside(folder / f"{name}.pdf") as file:
            file.write_bytes(content)
