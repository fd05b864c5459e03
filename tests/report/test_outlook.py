"""The parts that look ahead: shown where they are, left out or explained where they are not."""

from __future__ import annotations

import itertools
import json
import re

import pytest

from clvmodels import wording
from clvmodels.report import build_summary, findings, outlook_findings, render_html, words
from clvmodels.report.page_one import page_one
from clvmodels.report.render import render_staff_card
from tests.report import ahead
from tests.report.factory import make_run
from tests.report.page import Page


def full(run, _):
    ahead.everything(run)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")

    def without_money(run, _):
        ahead.everything(run, money=False)

    kinds = {
        "full": {"change": full},
        "untrusted": {"change": full, "verdict": "untrusted"},
        "no money": {"change": without_money, "money": False},
        "old": {},
    }
    return {name: make_run(folder / name, **kind) for name, kind in kinds.items()}


@pytest.fixture(scope="module")
def summaries(runs):
    return {name: build_summary(folder) for name, folder in runs.items()}


@pytest.fixture(scope="module")
def pages(summaries):
    return {name: Page(render_html(summary)) for name, summary in summaries.items()}


def text_of(page):
    return page.text.replace("\xa0", " ")


@pytest.mark.parametrize("kind", ["full", "untrusted", "no money", "old"])
def test_pages_are_accessible(pages, kind):
    page = pages[kind]
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(levels))
    assert all(cell.get("scope") in {"col", "row"} for cell in page.find("th"))
    assert len(page.find("caption")) == len(page.find("table"))
    assert all(svg["aria-hidden"] == "true" for svg in page.find("svg"))
    images = [part for part in page.find("div") if part.get("role") == "img"]
    assert len(images) == len(page.find("svg"))
    assert all(re.search(r"\d.*\.$", image["aria-label"]) for image in images)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert not re.search(r"None|nan|Undefined|\binf\b", page.text)


def test_every_section_ends_with_the_decision_it_informs(pages, summaries):
    for kind, page in pages.items():
        told = re.findall(r"The decision this informs:", text_of(page))
        assert len(told) == 5, kind
        informs = summaries[kind].page_one.informs
        assert [*informs] == ["customers", "forward", "formula", "evidence", "data"]
        places = [text_of(page).index(text.replace("\xa0", " ")) for text in informs.values()]
        assert places == sorted(places)


def test_page_one_answers(pages, summaries):
    summary = summaries["full"]
    page_text = text_of(pages["full"])
    first = page_text[: page_text.index("Data and definitions")]
    value = summary.answer.value
    for told in (
        wording.money(value.expected, "USD"),
        wording.number(value.lower),
        wording.number(value.upper),
        "Only with caution.",
        "Three findings",
        "What to decide",
        "Since 31 March 1998 the value of the base went down by 640 USD (−8%).",
        "What customers did −960 This is because of behaviour.",
    ):
        assert told.replace("\xa0", " ") in first, told
    assert len(summary.page_one.findings) == 3
    assert len(summary.page_one.decisions) == 3
    assert all(re.search(r"\d", text) for text in summary.page_one.findings)


def test_the_parts_of_the_change_add_up_to_it(pages):
    rows = pages["full"].table("In short")
    numbers = [float(cells[0].replace("−", "-").replace(",", "")) for cells in rows.values()]
    assert sum(numbers[:-1]) == pytest.approx(numbers[-1], rel=2e-3)


def test_the_first_run_says_so(pages):
    assert "This is the first run" in text_of(pages["old"])
    assert "In short" not in text_of(pages["old"])


@pytest.mark.parametrize("reason", ["The last run used another horizon.", None])
def test_a_run_that_cannot_be_compared_says_why(tmp_path, reason):
    def change(run, _):
        run["change"] = ahead.change(1000.0) | {"status": "not_comparable", "reason": reason}

    summary = build_summary(make_run(tmp_path / "run", customers=50, change=change))
    assert outlook_findings.change(summary) == (
        f"The last run cannot be compared. {reason or ''}".strip()
    )


def test_the_weightiest_findings_are_told(tmp_path):
    """A missed forecast outweighs a formula that comes near; both are measured, neither chosen."""

    def missed(run, _):
        ahead.everything(run)
        run["last_forecast"] = ahead.last_forecast(inside=False)
        run["last_forecast"]["revenue"]["off"] = -0.97

    summary = build_summary(make_run(tmp_path / "run", customers=200, change=missed))
    assert summary.page_one.findings[0] == outlook_findings.last_forecast(summary)
    assert page_one(summary) == summary.page_one


def test_findings_do_not_claim_cohorts_that_differ_by_chance(tmp_path):
    def change(run, _):
        ahead.everything(run)
        for row in run["cohorts"]["rows"]:
            row["customers"] = 10

    told = build_summary(make_run(tmp_path / "run", customers=60, change=change)).page_one.findings
    assert not any("Customers who came in" in text for text in told)


def test_segments_are_shown_with_intervals_and_actions(pages, summaries):
    rows = pages["full"].table("Each")
    assert [*rows] == [name for name, *_ in ahead.KINDS.values()] + ["All"]
    worth = summaries["full"].outlook.segments["rows"][2]["clv"]
    assert rows["Champions"][2] == (
        f"{wording.number(worth['expected'])} "
        f"({wording.number(worth['lower'])} to {wording.number(worth['upper'])})"
    )
    assert text_of(pages["full"]).count("Thank them, ask for referrals") == 8
    assert "26 of 28 pairs of segments" in text_of(pages["full"])


def test_the_heat_map_has_every_figure_and_tells_seen_from_forecast(pages):
    page = pages["full"]
    rows = page.table("3 mo.")
    cohorts = ahead.cohorts()
    for row in cohorts["rows"]:
        cells = rows[row["cohort"]][1 : len(row["heat"]) + 1]
        assert [cell.rstrip("*") for cell in cells] == [
            wording.number(cell["value"]) for cell in row["heat"]
        ]
    classes = [cell.get("class", "") for cell in page.find("td")]
    shown = {
        kind: sum(kind in name.split() for name in classes)
        for kind in ("observed", "partly", "forecast")
    }
    assert shown == {
        kind: sum(cell["status"] == kind for row in cohorts["rows"] for cell in row["heat"])
        for kind in shown
    }
    shades = {name for classed in classes for name in classed.split() if "heat-" in name}
    assert shades == {f"heat-{place}" for place in range(8)}


def test_a_wide_heat_map_is_cut(tmp_path):
    def change(run, _):
        run["cohorts"] = ahead.cohorts(rows=12)

    page = Page(render_html(build_summary(make_run(tmp_path / "r", customers=50, change=change))))
    table = next(table for table in page.tables if any("36 mo." in cell for cell in table[0]))
    assert len(table[0]) == 2 + 12 + 1
    assert "Later columns are in run.json" in text_of(page)


def test_scenarios_stand_beside_the_value_and_never_in_it(pages, summaries):
    text = text_of(pages["full"])
    assert "Beside the value: scenarios that were entered" in text
    rows = pages["full"].table("What was entered")
    assert rows["Referrals and word of mouth"][0].startswith("Referrals: 0.2 a year (0.1 to 0.4)")
    assert rows["Referrals and word of mouth"][1:] == ["+2,100", "+1,010 to +4,400"]
    assert rows["One bad experience"][0].startswith("Share who leave: 60% (30% to 70%)")
    assert rows["One bad experience"][1:] == ["−2,100", "−1,010 to −4,400"]
    assert "no source given" in rows["One bad experience"][0]
    assert summaries["full"].answer.value == summaries["old"].answer.value
    assert "scenarios that were entered" not in text_of(pages["old"])


def test_payback_is_told_in_months(pages):
    rows = pages["full"].table("Cost of winning one (CAC)")
    assert rows["All channels"][-1] == "4.23 months (3.61 to 5.94)"
    told = outlook_findings.payback_in_words
    assert told(ahead.PAYBACK | {"latest_months": None}).endswith("(3.61 to later than seen here)")
    assert told(ahead.PAYBACK | {"status": "not_within_horizon"}) == "not in sight"
    assert told(ahead.PAYBACK | {"status": "reached"}) == "4.23 months"
    assert told(None) == "–"


def test_an_untrusted_run_tells_no_value_anywhere(runs, pages, summaries):
    summary, page = summaries["untrusted"], pages["untrusted"]
    outlook = summary.outlook
    kept = {name for name, part in vars(outlook).items() if part is not None}
    assert kept == {"cohorts", "change", "last_forecast"}
    assert outlook.change["status"] == "not_comparable"
    statuses = {
        cell["status"] for row in outlook.cohorts["rows"] for cell in (*row["heat"], *row["curve"])
    }
    assert statuses == {"observed"}
    # Each forecast number of the run is nowhere on the page.
    run = json.loads((runs["untrusted"] / "run.json").read_text("utf-8"))
    hidden = [
        run["forward"]["spans"][-1]["revenue"]["expected"],
        run["sensitivity"]["entries"][0]["low"]["value"],
        run["change"]["before"],
        run["segments"]["rows"][2]["clv"]["expected"],
        run["cohorts"]["rows"][0]["to_year_ahead"]["upper"],
    ]
    full_text, text = pages["full"].text, page.text
    for value in hidden:
        pattern = rf"(?<![\d,.]){re.escape(wording.number(value))}(?![\d,])"
        assert re.search(pattern, full_text), value
        assert not re.search(pattern, text), value
    assert summary.page_one.findings == ()
    assert "What failed, and what to do about it" in text
    assert "This looks like subscriptions: use a contract model." in summary.page_one.decisions


def test_without_money_purchases_are_told(pages):
    text = text_of(pages["no money"])
    assert "should bring 1,080 purchases" in text
    assert "Paid back" not in text
    assert "USD" not in text


def test_without_an_outlook_the_report_still_answers(pages, summaries):
    text = text_of(pages["old"])
    assert "This run looked no further than the value over the next year" in text
    assert "There is no earlier report whose forecast could be held against" in text
    assert "Segments" not in text
    assert all(part is None for part in vars(summaries["old"].outlook).values())


def test_a_run_that_only_scored_can_be_reported(tmp_path):
    def change(run, _):
        run.update(rows=None, holdout=None)

    folder = make_run(tmp_path / "run", customers=60, holdout=False, change=change)
    (folder / "backtest.json").unlink()
    text = text_of(Page(render_html(build_summary(folder))))
    assert "The customers were summarised elsewhere" in text
    assert "This run held nothing out" in text


def test_texts_of_a_run_are_cut_and_printable_in_the_summary_too(tmp_path):
    evil = "<script>alert(1)</script>\u202e" + "x" * 10_000

    def change(run, _):
        ahead.everything(run)
        run["segments"]["rows"][0].update(name=evil, action=evil, definition=evil)
        run["payback"]["labels"].update(label=evil)
        run["payback"]["labels"]["rows"][0]["value"] = evil
        run["change"]["previous"]["run"] = evil
        run["cohorts"]["rows"][0]["cohort"] = evil
        run["staff_card"]["segments"][0]["segment"] = evil
        run["scenarios"]["items"][0]["inputs"][0]["source"] = evil

    summary = build_summary(make_run(tmp_path / "run", customers=60, change=change))
    written = json.dumps(summary.to_dict(), ensure_ascii=False)
    assert "\u202e" not in written
    assert "x" * 600 not in written
    for html in (render_html(summary), render_staff_card(summary)):
        page = Page(html)
        assert not {"script", "img"} & {tag for tag, _ in page.elements}
        assert "&lt;script&gt;" in html
        assert "x" * 600 not in html
        assert "\u202e" not in html


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("full", "One customer is worth"),
        ("untrusted", "failed its checks"),
        ("no money", "has no amounts"),
        ("old", "formed no segments"),
    ],
)
def test_the_staff_card_tells_or_says_why_not(summaries, kind, told):
    page = Page(render_staff_card(summaries[kind]))
    assert told in page.text
    assert ("Three worked examples" in page.text) == (kind == "full")
    assert all(cell.get("scope") for cell in page.find("th"))


def test_the_staff_card_has_no_personal_data(runs, summaries):
    text = Page(render_staff_card(summaries["full"])).text
    top = summaries["full"].spread.top
    assert len(top) == 10
    assert not any(row["customer_id"] in text for row in top)


def test_the_headline_of_the_forward_table_agrees_with_its_figure(summaries, pages):
    span = summaries["full"].outlook.forward["spans"][-1]
    rows = pages["full"].table("Active at the end")
    cells = next(cells for name, cells in rows.items() if name.startswith("12 months"))
    assert cells[1].split(" ")[0] == wording.number(span["revenue"]["expected"])
    assert wording.number(span["revenue"]["expected"]) in outlook_findings.forward(
        summaries["full"]
    )
    assert findings.headline(summaries["full"]) in pages["full"].text


def test_an_unchanged_value_is_one_sentence(tmp_path):
    def same(run, _):
        ahead.everything(run)
        found = run["change"]
        found |= {"difference": 0.0, "before": found["now"], "moves": None}
        found["parts"] = [part | {"money": 0.0} for part in found["parts"]]

    page = Page(render_html(build_summary(make_run(tmp_path, change=same))))
    assert "The value of the base is unchanged since" in page.text
    assert "Where the change comes from" not in page.text
    assert "Who moved between segments" not in page.text


def test_the_price_of_new_customers_stands_beside_what_they_bring(summaries):
    summary = summaries["full"]
    dearest = max(summary.outlook.payback["new_customer"], key=lambda row: row["cac"])
    told = next(text for text in page_one(summary).decisions if "new customers" in text)
    assert words.amount(dearest["cac"], summary) in told
    assert words.amount(dearest["margin_at_horizon"]["expected"], summary) in told


def test_what_a_new_customer_brings_has_an_interval(tmp_path, pages):
    def without_cac(run, _):
        full(run, None)
        run["payback"] = None

    summary = build_summary(make_run(tmp_path, change=without_cac))
    told = next(text for text in summary.page_one.decisions if "new customers" in text)
    mean = summary.outlook.forward["new_customer"]
    for value in mean.values():
        assert wording.number(value) in told
    bounds = wording.money_range(mean["lower"], mean["upper"], "USD").replace("\xa0", " ")
    assert f"90% interval of the average: {bounds}" in text_of(pages["full"])


def test_without_an_interval_page_one_gives_no_number_of_a_new_customer(summaries):
    assert summaries["old"].answer.new_customer is not None
    assert not any("new customers" in text for text in summaries["old"].page_one.decisions)


@pytest.mark.parametrize(
    ("kind", "last"), [("full", "sales of 81,200 USD"), ("no money", "3,100 purchases")]
)
def test_the_need_for_new_customers_names_what_it_repeats_once(summaries, kind, last):
    told = next(t for t in page_one(summaries[kind]).findings if t.startswith("To repeat"))
    assert told.replace("\xa0", " ").startswith(f"To repeat last year's {last}, ")


def test_a_payback_within_a_month_has_no_tiny_numbers():
    found = {"status": "expected", "months": 0.03, "earliest_months": 0.0, "latest_months": 0.4}
    assert outlook_findings.payback_in_words(found) == "less than a month"
    found["latest_months"] = 1.91
    assert outlook_findings.payback_in_words(found) == "less than a month (0 to 1.91)"
    slower = found | {"latest_months": 1.9}
    assert outlook_findings.payback_in_words(slower).endswith("(0 to 1.9)")
