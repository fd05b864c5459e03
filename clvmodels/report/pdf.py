"""The same pages as PDF, by WeasyPrint where it is installed."""

from __future__ import annotations

import logging
from typing import Any, Literal, TypeAlias

from clvmodels.errors import ConfigurationError

Paper: TypeAlias = Literal["A4", "Letter"]
_SMALLER = (1.0, 0.92, 0.85, 0.78, 0.7)


class _Refusing:
    """A fetcher that fetches nothing; WeasyPrint goes on without what it asked for."""

    _fail_on_errors = False

    def __call__(self, url: str, *_args: Any, **_options: Any) -> Any:
        message = f"A report loads nothing, but asks for {url[:80]}."
        raise ValueError(message)


def render_pdf(html: str, *, paper: Paper = "A4", pages: int | None = None) -> bytes:
    """Give a page of ours as PDF; the same page gives the same bytes.

    Nothing is loaded, whatever the page asks for.

    Parameters
    ----------
    html : str
        A page as `render_html` or `render_staff_card` gives it.
    paper : "A4" or "Letter"
    pages : int, optional
        How many pages it may have: text shrinks, to seven tenths at most, until it fits.

    Raises
    ------
    ConfigurationError
        If WeasyPrint or Pango is missing; the message says what to install.
    """
    document = _layout(html, paper, 1.0)
    for size in _SMALLER[1:]:
        if pages is None or len(document.pages) <= pages:
            break
        document = _layout(html, paper, size)
    # A fixed identifier and no date: the same report has the same bytes.
    pdf: bytes = document.write_pdf(pdf_tags=True, pdf_identifier=b"clvmodels", full_fonts=False)
    return pdf


def _layout(html: str, paper: Paper, size: float) -> Any:
    try:
        from weasyprint import CSS, HTML  # type: ignore[import-untyped]
    except (ImportError, OSError) as error:
        # Without Pango the import itself fails with an OSError.
        message = (
            f"A PDF needs WeasyPrint and Pango ({type(error).__name__}: {error}). Install them "
            "with pip install 'clvmodels[pdf]' and your system's package of Pango; the HTML page "
            "has the same numbers and can be printed from any browser."
        )
        raise ConfigurationError(message) from error
    # It complains about screen-only rules that it skips, as it should.
    logging.getLogger("weasyprint").setLevel(logging.CRITICAL)
    sheet = f"@page {{ size: {paper}; }} html {{ font-size: {10 * size:.3g}pt !important; }}"
    page = HTML(string=html, url_fetcher=_Refusing(), base_url=None)
    return page.render(stylesheets=[CSS(string=sheet, url_fetcher=_Refusing())])
