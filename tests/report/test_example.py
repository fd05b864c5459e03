"""The committed example: whole, self-contained and small."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.report.page import Page

EXAMPLE = Path(__file__).parents[2] / "reports" / "example"
PAGES = ("report.html", "staff-card.html")
MEGABYTE = 1_000_000


def test_it_is_whole_and_small():
    files = [*PAGES, "report.json", "report.pdf", "staff-card.pdf"]
    assert sum((EXAMPLE / name).stat().st_size for name in files) < 1.5 * MEGABYTE
    for name in ("report.pdf", "staff-card.pdf"):
        assert (EXAMPLE / name).read_bytes().startswith(b"%PDF-")


@pytest.mark.parametrize("name", PAGES)
def test_its_pages_load_nothing(name):
    page = Page((EXAMPLE / name).read_text("utf-8"))
    assert not page.find("script")
    for _, attributes in page.elements:
        for key in ("src", "href", "xlink:href"):
            assert (attributes.get(key) or "#").startswith("#")


def test_every_part_has_something_to_tell():
    told = json.loads((EXAMPLE / "report.json").read_text("utf-8"))
    assert told["answer"]["value"]["expected"] > 0
    assert all(told["outlook"].values())
    assert told["outlook"]["change"]["status"] == "compared"
    assert told["outlook"]["last_forecast"]["status"] == "checked"


def test_it_names_no_folder_of_the_machine_that_built_it():
    told = (EXAMPLE / "report.json").read_text("utf-8")
    assert json.loads(told)["configuration"]["labels"] == "customers.csv"
    assert '"/' not in told
