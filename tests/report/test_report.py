"""The page: what it says, to whom it is readable, and that nothing in a log can harm it."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys

import pyarrow as pa
import pytest

from clvmodels import wording
from clvmodels.report import build_summary, render_html, write_report
from tests.report.factory import make_run, run_record, scores_table
from tests.report.page import Page

EVIL = "<script>alert('x')</script><img src=x onerror=alert(1)>\"'&{{ 7*7 }}\u202e"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    kinds = {
        "usual": {},
        "trusted": {"verdict": "trusted"},
        "untrusted": {"verdict": "untrusted"},
        "no money": {"money": False},
        "no holdout": {"holdout": False},
        "few": {"customers": 3},
    }
    return {name: make_run(folder / name, **kind) for name, kind in kinds.items()}


@pytest.fixture(scope="module")
def pages(runs):
    return {name: render_html(build_summary(folder)) for name, folder in runs.items()}


KINDS = ["usual", "trusted", "untrusted", "no money", "no holdout", "few"]


@pytest.mark.parametrize("kind", KINDS)
def test_pages_are_well_formed_and_accessible(pages, kind):
    page = Page(pages[kind])
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for attributes in page.find("a"):
        assert attributes["href"].removeprefix("#") in ids
    for attributes in page.find("section"):
        assert "aria-label" in attributes or attributes["aria-labelledby"] in ids
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(levels))
    assert all(attributes.get("scope") in {"col", "row"} for attributes in page.find("th"))
    assert len(page.find("caption")) == len(page.find("table"))
    assert page.find("html")[0]["lang"] == "en"
    assert "width=device-width" in page.find("meta")[2]["content"]


@pytest.mark.parametrize("kind", KINDS)
def test_pages_run_nothing_and_load_nothing(pages, kind):
    html, page = pages[kind], Page(pages[kind])
    tags = {tag for tag, _ in page.elements}
    assert not tags & {
        "script",
        "iframe",
        "object",
        "embed",
        "link",
        "img",
        "image",
        "form",
        "base",
    }
    for _, attributes in page.elements:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("href", "xlink:href", "src"):
            assert (attributes.get(name) or "#").startswith("#")
    outside = re.sub(r'xmlns(:xlink)?="[^"]+"', "", html)
    assert not re.search(r"https?:|@import|url\((?!#)", outside)
    policy = next(meta for meta in page.find("meta") if "http-equiv" in meta)
    assert policy["content"] == "default-src 'none'; style-src 'unsafe-inline'"


MODEL = {"tracking", "weeks", "frequency", "alive", "concentration", "distribution"}
PROOF = {"calibration", "lift", "pit", "coverage", "groups-0"}


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("usual", {*MODEL, *PROOF, "formula", "causes"}),
        ("untrusted", {*MODEL, *PROOF}),
        ("no money", {*MODEL, *PROOF}),
        ("no holdout", {*MODEL, "formula", "causes"} - {"tracking", "weeks"}),
    ],
)
def test_every_figure_has_a_takeaway_and_a_text(pages, kind, names):
    page = Page(pages[kind])
    assert {figure["id"].removeprefix("figure-") for figure in page.find("figure")} == names
    images = [part for part in page.find("div") if part.get("role") == "img"]
    assert len(images) == len(names)
    assert all(re.search(r"\d.*\.$", image["aria-label"]) for image in images)
    assert all(svg["aria-hidden"] == "true" for svg in page.find("svg"))


def test_the_answer_comes_first(runs, pages):
    page, summary = Page(pages["usual"]), build_summary(runs["usual"])
    value = summary.answer.value
    before = page.text[: page.text.index("Data and definitions")]
    assert wording.money(value.expected, "USD").replace("\xa0", " ") in before
    assert "nine times in ten" in before.lower()
    assert wording.number(value.lower) in before
    assert wording.number(value.upper) in before
    assert "Only with caution" in before
    assert "The log covers 18 months" in before
    assert "this size is an assumption" in before
    assert "Treat figures for single months as rough." in page.text


def test_trusted_runs_say_so(pages):
    assert (
        "Can this be trusted? Yes, within the range. The 1 check passed."
        in Page(pages["trusted"]).text
    )


def test_an_untrusted_report_has_a_banner_and_no_value_of_the_base(runs, pages, tmp_path):
    page = Page(pages["untrusted"])
    scores = scores_table(1000)
    totals = run_record(scores, money=True, holdout=True, verdict="untrusted")["totals"]
    assert "Do not use these numbers" in page.text
    assert any(part.get("class") == "banner" for part in page.find("section"))
    assert "61% of customers" in page.text
    assert "use a contract model" in page.text
    write_report(runs["untrusted"], paper="none")
    written = (runs["untrusted"] / "report.json").read_text("utf-8")
    values = [totals["simple_formula"]["value"]]
    for estimate in (totals["clv"], totals["purchases"], totals["potential_value"]):
        values += [estimate["expected"], estimate["lower"], estimate["upper"]]
    for value in values:
        assert not re.search(rf"(?<![\d,.]){re.escape(wording.number(value))}(?![\d,])", page.text)
        assert f"{value:.6g}"[:6] not in written
    # The same patterns do find the value where it is told.
    usual = Page(pages["usual"]).text
    assert re.search(rf"(?<![\d,.]){re.escape(wording.number(values[1]))}(?![\d,])", usual)


def test_without_amounts_there_is_no_money(pages):
    page = Page(pages["no money"])
    before = page.text[: page.text.index("Data and definitions")]
    assert "says nothing about money" in before
    assert "further purchases" in before
    assert not re.search(r"USD|Gamma-Gamma|Potential value|None|nan", page.text)


def test_without_a_holdout_the_report_says_so(pages):
    text = Page(pages["no holdout"]).text
    assert "This run held nothing out" in text
    assert "nobody has checked which of the two comes nearer" in text


def test_the_formula_stands_beside_the_model(runs, pages):
    rows = Page(pages["usual"]).table("Step")
    simple = build_summary(runs["usual"]).formula
    assert rows["Value of the base"] == [wording.number(simple.value), wording.number(simple.model)]
    assert rows["Mean value of an order"][0] == "36.3"
    assert rows["Orders per customer and year"][0] == "1.93"
    assert rows["Years"] == ["1.00", "1.00"]
    assert rows["Margin"] == ["35%", "35%"]
    text = Page(pages["usual"]).text
    assert f"{wording.number(simple.difference)} USD more than the model" in text.replace(
        "\xa0", " "
    )
    assert "the model was nearer (model 12.1% too low, formula 115% too high)" in text


def test_the_holdout_table_shows_the_errors(pages):
    rows = Page(pages["usual"]).table("Nearer")
    assert rows["Purchases"] == ["1,882", "1,653 (−12.1%)", "4,046 (+115%)", "model"]
    assert rows["Spend (USD)"][0] == "67,120"
    assert rows["Mean absolute error, purchases per customer"][1:3] == ["0.785", "1.92"]


def test_the_rows_balance_on_the_page(pages):
    page = Page(pages["usual"])
    rows = page.table("Number")
    numbers = [int(cells[0].replace(",", "")) for cells in rows.values()]
    assert sum(numbers[:-1]) == numbers[-1] == 69659
    assert rows["Rows with a negative amount, set aside"][0] == "500"
    assert rows["Rows whose date could not be read, set aside"][0] == "91"
    assert "67,000 + 2,068 + 0 + 591 = 69,659" in page.text
    assert "255 rows repeat another row exactly." in page.text


def test_parameters_come_with_standard_errors(pages):
    rows = Page(pages["usual"]).table("Standard error")
    assert rows["alpha"] == ["4.4136", "0.378"]
    assert rows["b"] == ["2.4259", "–"]


@pytest.mark.parametrize(("currency", "told"), [("$", "$"), (None, "in the log's currency")])
def test_amounts_have_their_unit(tmp_path, currency, told):
    def change(run, _):
        run["config"]["currency"] = currency

    summary = build_summary(make_run(tmp_path / "run", change=change))
    text = Page(render_html(summary)).text
    assert wording.money(summary.answer.value.expected, currency) in text
    assert told in text
    assert "None" not in text


def _hostile(run, check):
    run["config"].update(customer_id=EVIL, amount=EVIL, currency=EVIL, date="x" * 10_000)
    run["config"][EVIL] = EVIL
    run["inputs"][0]["name"] = EVIL + ".csv"
    run["versions"]["clvmodels"] = EVIL
    run["warnings"] = [{"code": EVIL, "message": EVIL, "count": 1}]
    run["gates"] = [{"level": "amber", "name": EVIL, "evidence": EVIL, "advice": EVIL}]
    run["rows"]["quarantined"] = {EVIL: 591}
    run["models"]["purchases"]["diagnostics"] = {EVIL: EVIL}
    run["models"]["purchases"]["parameters"] = {EVIL: 1.0}
    for row in check["frequency_check"]:
        row["frequency"] = "<b>&"
    last = check["splits"][-1]
    for row in last["by_frequency"]:
        row["frequency"] = "<b>&"
    for row in last["breakdowns"]["frequency"]:
        row["group"] = "<b>&"
    last["breakdowns"][EVIL] = [row | {"group": EVIL} for row in last["breakdowns"]["cohort"]]


def test_hostile_text_is_harmless(tmp_path):
    scores = scores_table(60)
    ids = pa.array([f"{EVIL}{place}" + "y" * 10_000 * (place == 1) for place in range(60)])
    scores = scores.set_column(0, "customer_id", ids)
    folder = make_run(tmp_path / "run", scores=scores, change=_hostile)
    write_report(folder, paper="none")
    html = (folder / "report.html").read_text("utf-8")
    page = Page(html)
    assert not {"script", "img"} & {tag for tag, _ in page.elements}
    assert not any("onerror" in attributes for _, attributes in page.elements)
    assert "&lt;script&gt;" in html
    assert "<script>alert" in page.text
    assert "{{ 7*7 }}" in page.text
    assert "\u202e" not in html
    assert "\\u202e" in html
    assert "x" * 300 not in html
    assert "y" * 100 not in html


def test_the_same_run_gives_the_same_bytes(tmp_path):
    folder = make_run(tmp_path / "run")
    write_report(folder, paper="none")
    first = [(folder / name).read_bytes() for name in ("report.html", "report.json")]
    write_report(folder, paper="none")
    assert first == [(folder / name).read_bytes() for name in ("report.html", "report.json")]


def test_json_says_what_the_page_says(tmp_path):
    folder = make_run(tmp_path / "run")
    summary = write_report(folder, paper="none")
    written = json.loads((folder / "report.json").read_text("utf-8"))
    assert written.pop("schema") == 2
    assert written == json.loads(json.dumps(summary.to_dict()))
    page = Page((folder / "report.html").read_text("utf-8"))
    estimate = written["answer"]["value"]
    for value in (estimate["expected"], estimate["lower"], estimate["upper"]):
        assert wording.number(value) in page.text
    for row in written["spread"]["deciles"]:
        assert page.table("Tenth")[str(row["decile"])][0] == wording.number(row["total"])


def test_every_run_can_be_reported(tmp_path):
    def change(run, check):
        run["holdout"]["purchases"].update(actual=0)
        run["holdout"]["spend"].update(actual=0)
        run["config"].update(cost_per_order=1.5, cost_per_customer_year=3.0, margin=1.0)
        run["config"]["annual_discount_rate"] = 0.0
        run["totals"]["new_customer"] = None
        run["warnings"], run["rows"]["quarantined"] = [], {}
        run["rows"]["read"] -= 591
        check.update(frequency_check=[], alive_grid=None)
        check["splits"][-1].update(tracking=[], by_frequency=[])

    text = Page(render_html(build_summary(make_run(tmp_path / "run", change=change)))).text
    assert "after costs of 1.50 USD per order and 3.00 USD per customer and year" in text.replace(
        "\xa0", " "
    )
    assert "not discounted" in text


def test_without_any_finite_number_the_report_says_so(tmp_path):
    def change(run, _):
        run["config"]["horizon"] = "lifetime"
        run["totals"]["purchases"] = None

    scores = scores_table(60, money=False)
    nothing = pa.nulls(60, pa.float64())
    for name in ("expected_purchases", "purchases_lower", "purchases_upper"):
        scores = scores.set_column(scores.column_names.index(name), name, nothing)
    folder = make_run(tmp_path / "run", scores=scores, money=False, change=change)
    page = Page(render_html(build_summary(folder)))
    assert "no finite number can be given" in page.text
    assert "no finite, positive expected purchases" in page.text
    assert not any("Tenth" in table[0] for table in page.tables)
    assert "None" not in page.text


def test_settings_of_tables_have_lines_of_their_own(tmp_path):
    def change(run, _):
        run["config"] |= {
            "amount": None,
            "segments": {"top_share": 0.2, "names": {"new": "arrivals"}},
            "cac_values": {},
        }

    page = Page(render_html(build_summary(make_run(tmp_path, change=change))))
    settings = page.table("Setting")
    assert settings["segments.top_share"] == ["0.2"]
    assert "segments.names.new" not in settings
    unset = page.text[page.text.index("Not set: ") :].split(".")[0]
    assert {"amount", "cac_values"} <= set(unset.removeprefix("Not set: ").split(", "))


def test_drawing_is_only_imported_to_draw():
    code = (
        "import sys, clvmodels.report, clvmodels.plots; "
        "slow = {'matplotlib', 'pandas', 'scipy', 'jinja2', 'duckdb'} & set(sys.modules); "
        "assert not slow, slow"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
