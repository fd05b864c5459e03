"""What a verdict does to a job: its exit status, what it prints, and what its report may say."""

from __future__ import annotations

import re

import pyarrow.parquet as pq
import pytest

import clvmodels as clv
from clvmodels import wording
from clvmodels.console import print_outcome
from tests.jobs import clvmodels, read
from tests.report.page import Page

GOOD = {"customers": 400, "parameters": {"r": 1.0, "alpha": 60.0, "a": 0.5, "b": 2.5}, "seed": 3}
SHOPS = {
    "trusted": GOOD,
    # Customers keep coming, and no season has been seen.
    "caution": GOOD | {"span": "32w"},
    "untrusted": GOOD | {"subscriptions": 0.9},
}
OPTIONS = ("--method", "map", "--horizon", "26w", "--origins", "1")


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    """How the job on each shop ended, and its folder."""
    folder = tmp_path_factory.mktemp("verdicts")
    done = {}
    for name, shop in SHOPS.items():
        log, _ = clv.simulate_tables(clv.SimulatedShop(**shop))
        pq.write_table(log, folder / f"{name}.parquet")
        out = folder / name
        done[name] = clvmodels("run", folder / f"{name}.parquet", "--out", out, *OPTIONS), out
    return done


def told_values(record):
    """Numbers of the base that a report states, as it writes them."""
    totals = record["totals"]
    for name in ("clv", "purchases", "potential_value"):
        for part in ("expected", "lower", "upper"):
            yield wording.number(totals[name][part])


def is_told(value, text):
    return bool(re.search(rf"(?<![\d,.]){re.escape(value)}(?![\d,])", text))


@pytest.mark.parametrize(("verdict", "status"), [("trusted", 0), ("caution", 0), ("untrusted", 4)])
def test_the_verdict_is_told_and_decides_the_status(jobs, verdict, status):
    done, out = jobs[verdict]
    assert done.status == status, done.stderr
    assert f"Verdict: {verdict}" in done.stderr
    assert read(out / "run.json")["trusted"] == verdict


def test_amber_and_red_signs_are_shown_with_their_evidence(jobs):
    for verdict, gate, sign in (
        ("caution", "amber, a year of history", "No season has been seen yet"),
        ("untrusted", "red, subscriptions", "buy at even intervals"),
    ):
        done, out = jobs[verdict]
        assert f"  {gate}: " in done.stderr
        assert sign in done.stderr
        assert sign in Page((out / "report.html").read_text("utf-8")).text


def test_the_worst_signs_come_first(capsys, tmp_path):
    levels = ("grey", "amber", "green", "red", "amber")
    gates = [
        {"name": f"gate {place}", "level": level, "evidence": "Seen.", "advice": "Do."}
        for place, level in enumerate(levels)
    ]
    record = {"config": {"currency": None}, "trusted": "untrusted", "gates": gates}
    print_outcome(record, tmp_path)
    verdict, *shown = capsys.readouterr().err.splitlines()
    assert verdict == "Verdict: untrusted; do not use these numbers (exit status 4)"
    assert shown == [
        "  red, gate 3: Seen. Do.",
        "  amber, gate 1: Seen. Do.",
        "  amber, gate 4: Seen. Do.",
        "  grey, gate 0: Seen. Do.",
    ]


@pytest.mark.parametrize("verdict", ["trusted", "caution"])
def test_a_value_that_can_be_used_is_the_headline(jobs, verdict):
    done, out = jobs[verdict]
    page = Page((out / "report.html").read_text("utf-8"))
    record = read(out / "run.json")
    assert all(is_told(value, page.text) for value in told_values(record))
    assert any("headline" in (part.get("class") or "") for part in page.find("p"))
    assert "Value of the base" in done.stderr


def test_an_untrusted_run_has_a_banner_and_no_headline(jobs):
    done, out = jobs["untrusted"]
    page = Page((out / "report.html").read_text("utf-8"))
    (banner,) = [part for part in page.find("section") if part.get("class") == "banner"]
    assert banner["role"] == "alert"
    assert "Do not use these numbers" in page.text
    assert "does not state what the base is worth" in page.text
    assert not [part for part in page.find("p") if "headline" in (part.get("class") or "")]
    record = read(out / "run.json")
    assert not [value for value in told_values(record) if is_told(value, page.text)]
    assert "Value of the base" not in done.stderr


def test_what_could_not_be_told_is_listed_as_such(jobs):
    _, out = jobs["caution"]
    gates = {gate["name"]: gate for gate in read(out / "run.json")["gates"]}
    assert gates["level of the base"]["level"] == "grey"
    page = Page((out / "report.html").read_text("utf-8"))
    assert "not known" in page.text
    assert "1 could not be made" in page.text


def test_a_fit_is_judged_by_the_signs_of_its_log(tmp_path):
    log, _ = clv.simulate_tables(clv.SimulatedShop(**SHOPS["untrusted"]))
    pq.write_table(log, tmp_path / "log.parquet")
    done = clvmodels("fit", tmp_path / "log.parquet", "--out", tmp_path / "fit", "--method", "map")
    assert done.status == 4
    gates = {gate["name"]: gate["level"] for gate in read(tmp_path / "fit" / "run.json")["gates"]}
    assert gates["subscriptions"] == "red"
    assert {"calendar", "purchases in bursts", "level of the base"} <= set(gates)
