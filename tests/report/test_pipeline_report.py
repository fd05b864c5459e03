"""The report of a real run: its figures are those of the score files, on page, PDF and in JSON."""

from __future__ import annotations

import io
import json

import duckdb
import pytest

from clvmodels.wording import count, money, number, percent
from tests.jobs import clvmodels
from tests.report.page import Page

pytestmark = pytest.mark.slow

_FIGURES = """
SELECT count(*) AS customers, count(*) FILTER (frequency > 0) AS repeaters, sum(clv) AS value,
    avg(clv) AS average, sum(expected_purchases) AS purchases, sum(probability_alive) AS active,
    sum(potential_value) AS potential, sum(clv_simple_formula) AS formula, max(clv) AS best,
    sum(clv) FILTER (segment = 'champions') AS champions
FROM read_parquet($1)
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    log, out = folder / "shop.parquet", folder / "run"
    assert clvmodels("simulate", "--customers", 2000, "--out", log, "--quiet").status == 0
    done = clvmodels(
        "run", log, "--out", out, "--currency", "EUR", "--margin", 0.4, "--paper", "A4"
    )
    assert done.status in {0, 4}, done.stderr
    return out


@pytest.fixture(scope="module")
def counted(run):
    """Ten figures, from nothing but the score files."""
    found = duckdb.execute(_FIGURES, [f"{run}/scores/*.parquet"])
    names = [column[0] for column in found.description]
    return dict(zip(names, found.fetchone(), strict=True))


def test_json_has_the_figures_of_the_scores(run, counted):
    told = json.loads((run / "report.json").read_text("utf-8"))
    answer, segments = told["answer"], told["outlook"]["segments"]["rows"]
    champions = next(row for row in segments if row["kind"] == "champions")
    assert counted == pytest.approx(
        {
            "customers": told["scope"]["customers"],
            "repeaters": told["scope"]["repeat_customers"],
            "value": answer["value"]["expected"],
            "average": answer["value"]["expected"] / told["scope"]["customers"],
            "purchases": answer["purchases"]["expected"],
            "active": answer["active_customers"]["expected"],
            "potential": answer["potential_value"]["expected"],
            "formula": told["formula"]["value_by_customer"],
            "best": told["spread"]["top"][0]["clv"],
            "champions": champions["clv"]["expected"],
        },
        rel=1e-6,
    )


def test_page_and_pdf_show_the_figures_of_the_scores(run, counted):
    pytest.importorskip("weasyprint")
    pypdf = pytest.importorskip("pypdf")
    page = Page((run / "report.html").read_text("utf-8")).text
    reader = pypdf.PdfReader(io.BytesIO((run / "report.pdf").read_bytes()))
    pdf = " ".join(sheet.extract_text() for sheet in reader.pages)
    shown = [
        count(counted["customers"]),
        f"{count(counted['repeaters'])} ({percent(counted['repeaters'] / counted['customers'])})",
        money(counted["value"], "EUR"),
        money(counted["average"], "EUR"),
        number(counted["purchases"]),
        number(counted["active"]),
        money(counted["potential"], "EUR"),
        money(counted["formula"], "EUR"),
        number(counted["best"]),
        number(counted["champions"]),
    ]
    for text in (page, pdf):
        readable = " ".join(text.split())
        missing = [figure for figure in shown if " ".join(figure.split()) not in readable]
        assert not missing


def test_settings_have_their_own_lines(run):
    page = Page((run / "report.html").read_text("utf-8"))
    settings = page.table("Setting")
    assert settings["margin"] == ["0.4"]
    assert settings["segments.top_share"] == ["0.2"]
    assert "Not set: " in page.text
