"""The same report as PDF: the same numbers, whole pages, nothing loaded, nothing executed."""

from __future__ import annotations

import io
import json
import re
import struct
import sys
import zlib

import pytest

from clvmodels import wording
from clvmodels.errors import ClvWarning, ConfigurationError
from clvmodels.report import build_summary, write_report
from clvmodels.report.pdf import render_pdf
from clvmodels.report.render import render_html, render_staff_card
from tests.native import need
from tests.report import ahead
from tests.report.factory import make_run
from tests.report.page import Page

PAPERS = {"A4": (595, 842), "Letter": (612, 792)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_run(
        tmp_path_factory.mktemp("pdf") / "run",
        customers=500,
        change=lambda run, _: ahead.everything(run),
    )


@pytest.fixture(scope="module")
def card(folder):
    return render_staff_card(build_summary(folder))


def pages_of(pdf):
    from pypdf import PdfReader

    return PdfReader(io.BytesIO(pdf)).pages


def texts(pdf):
    found = [" ".join(page.extract_text().split()) for page in pages_of(pdf)]
    # What a line could not hold is broken at a hyphen or a space; a reader sees no difference.
    return [text.replace("\xa0", " ") for text in found]


@pytest.fixture(scope="module", autouse=True)
def _weasyprint():
    need("weasyprint")


@pytest.mark.parametrize("paper", PAPERS)
def test_the_staff_card_is_one_page_of_that_paper(card, paper):
    pdf = render_pdf(card, paper=paper, pages=1)
    (page,) = pages_of(pdf)
    assert [round(float(side)) for side in page.mediabox[2:]] == list(PAPERS[paper])
    (text,) = texts(pdf)
    for told in ("What a customer is worth", "Champions", "Three worked examples", "1 / 1"):
        assert told in text


def test_a_card_with_long_texts_shrinks_to_one_page(folder):
    def longer(run, _):
        ahead.everything(run)
        for example in run["staff_card"]["examples"]:
            example["situation"] = example["situation"] * 4
        run["staff_card"]["reading"] *= 3

    path = make_run(folder.parent / "long", customers=50, change=longer)
    card = render_staff_card(build_summary(path))
    assert len(pages_of(render_pdf(card))) > 1
    assert len(pages_of(render_pdf(card, pages=1))) == 1


def test_the_same_page_gives_the_same_bytes(card):
    assert render_pdf(card) == render_pdf(card)


def test_nothing_is_loaded(tmp_path):
    """A picture on disk that a page asks for, which WeasyPrint would put in by itself."""
    picture = tmp_path / "picture.png"
    picture.write_bytes(_png())
    html = f"<html><body><p>text</p><img alt='x' src='{picture.as_uri()}'></body></html>"
    assert list(pages_of(render_pdf(html))[0].images) == []

    from weasyprint import HTML

    assert len(pages_of(HTML(string=html).write_pdf())[0].images) == 1


def _png():
    def chunk(name, data):
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + header
        + chunk(b"IDAT", zlib.compress(b"\0\xff\0\0"))
        + chunk(b"IEND", b"")
    )


def test_without_weasyprint_there_is_html_and_a_message(tmp_path, monkeypatch):
    run = make_run(tmp_path / "run", customers=30)
    (run / "report.pdf").write_bytes(b"of an earlier run")
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'clvmodels\[pdf\]'"):
        render_pdf("<p>text</p>")
    with pytest.warns(ClvWarning, match="A PDF needs WeasyPrint and Pango"):
        write_report(run)
    assert (run / "report.html").exists()
    assert (run / "staff-card.html").exists()
    # It would contradict the page.
    assert not (run / "report.pdf").exists()


@pytest.fixture(scope="module")
def report(folder):
    return render_pdf(render_html(build_summary(folder)))


@pytest.mark.slow
def test_page_json_and_pdf_show_the_same_numbers(folder):
    write_report(folder)
    written = json.loads((folder / "report.json").read_text("utf-8"))
    page = Page((folder / "report.html").read_text("utf-8")).text.replace("\xa0", " ")
    pdf = " ".join(texts((folder / "report.pdf").read_bytes()))
    answer, outlook = written["answer"], written["outlook"]
    estimates = [
        *(answer[name] for name in ("value", "purchases", "active_customers", "potential_value")),
        *(row["clv"] for row in outlook["segments"]["rows"]),
        *(row["to_year_ahead"] for row in outlook["cohorts"]["rows"]),
        *(
            span[name]
            for span in outlook["forward"]["spans"]
            for name in ("purchases", "revenue", "margin", "active_at_end")
        ),
        outlook["last_forecast"]["purchases"]["forecast"],
    ]
    numbers = [estimate[side] for estimate in estimates for side in ("expected", "lower", "upper")]
    numbers += [part["money"] for part in outlook["change"]["parts"] if part["money"]]
    numbers += [row["total"] for row in written["spread"]["deciles"]]
    numbers += [written["formula"]["value"], written["formula"]["difference"]]
    assert len(numbers) > 80
    for number in numbers:
        told = rf"(?<![\d,.]){re.escape(wording.number(number))}(?![\d,])"
        assert re.search(told, page), number
        assert re.search(told, pdf), number
    for text in (*written["page_one"]["findings"], *written["page_one"]["decisions"]):
        assert text.replace("\xa0", " ") in page
        assert "".join(text.split()) in "".join(pdf.split())


@pytest.mark.slow
def test_page_one_stands_alone_and_the_pages_are_numbered(report):
    first, *others = texts(report)
    for told in ("Can this be trusted?", "Three findings", "What to decide", "Change since"):
        assert told in first
    assert "Customers" not in first.split("Change since")[1].split("This run")[1]
    assert others[0].startswith("Customers")
    total = len(others) + 1
    for place, text in enumerate([first, *others], 1):
        assert f"{place} / {total}" in text


@pytest.mark.slow
@pytest.mark.parametrize("paper", PAPERS)
def test_the_report_prints_on_both_papers(folder, paper):
    pdf = render_pdf(render_html(build_summary(folder)), paper=paper)
    pages = pages_of(pdf)
    assert 8 <= len(pages) <= 20
    assert {round(float(page.mediabox[2])) for page in pages} == {PAPERS[paper][0]}
    assert len(pdf) < 1_000_000
    # No page is left with little more than its footer.
    assert min(len(text) for text in texts(pdf)) > 150


@pytest.mark.slow
def test_a_hostile_run_makes_a_harmless_pdf(tmp_path):
    evil = (
        "<script>app.alert(1)</script>=HYPERLINK('http://evil.example')\u202e{{7*7}}" + "z" * 9999
    )

    def change(run, _):
        ahead.everything(run)
        run["segments"]["rows"][0].update(name=evil, action=evil)
        run["config"].update(currency=evil, customer_id=evil)
        run["inputs"][0]["name"] = evil
        run["staff_card"]["segments"][0]["segment"] = evil
        run["staff_card"]["examples"][0]["situation"] = evil

    run = make_run(tmp_path / "run", customers=60, change=change)
    write_report(run)
    for name in ("report.pdf", "staff-card.pdf"):
        pdf = (run / name).read_bytes()
        assert not re.search(rb"/JavaScript|/JS\b|/Launch|/URI|/OpenAction|/EmbeddedFile", pdf)
        assert "<script>" in " ".join(texts(pdf)).replace(" ", "")
        assert "\u202e" not in " ".join(texts(pdf))
    assert len(pages_of((run / "staff-card.pdf").read_bytes())) == 1
