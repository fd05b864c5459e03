"""What single figures of the page show and say."""

from __future__ import annotations

import re

import pytest

from clvmodels import wording
from clvmodels.plots import plot_error_by_cohort
from clvmodels.report import build_summary, findings
from clvmodels.report.figures import _CAUSES, draw_figures
from clvmodels.value.formula_causes import CAUSES
from tests.report.factory import make_run
from tests.report.page import Page


@pytest.fixture(scope="module")
def summary(tmp_path_factory):
    return build_summary(make_run(tmp_path_factory.mktemp("run")))


@pytest.fixture(scope="module")
def figures(summary):
    return draw_figures(summary)


def test_the_way_from_formula_to_model_is_drawn_in_plain_words(summary, figures):
    drawn, simple = figures["causes"], summary.formula
    gap = simple.difference
    assert gap > 0
    shown = wording.money(0.7 * gap, "USD")
    assert drawn.takeaway == (
        f"The largest cause makes the formula say {shown} more. Because of first_order."
    )
    for name, share in (("first_order", -0.7), ("pace", 0.1), ("already_left", -0.4)):
        sign = "+" if share > 0 else "−"
        assert f"{_CAUSES[name]}: {sign}{wording.number(abs(share) * gap)}" in drawn.svg
    # It moves nothing.
    assert _CAUSES["averaging"] not in drawn.svg
    assert f"simple formula: {wording.number(simple.value)}" in drawn.svg
    assert f"model: {wording.number(simple.model)}" in drawn.svg


def test_a_cause_that_lowers_the_formula_is_told_so(tmp_path):
    def change(run, _):
        for row in run["formula_comparison"]["causes"]:
            row["money"] = -5.0 if row["cause"] == "pace" else 1.0

    summary = build_summary(make_run(tmp_path / "run", change=change))
    text = findings.formula_causes(summary).replace("\xa0", " ")
    assert text == "The largest cause makes the formula say 5.00 USD less. Because of pace."


def test_every_cause_has_plain_words():
    assert list(_CAUSES) == list(CAUSES)


@pytest.mark.parametrize("compared", [None, "absent"])
def test_a_run_that_compared_nothing_has_no_such_figure(tmp_path, compared):
    def change(run, _):
        run["formula_comparison"] = None
        if compared == "absent":
            del run["formula_comparison"]

    summary = build_summary(make_run(tmp_path / "run", change=change))
    assert findings.formula_causes(summary) == ""
    assert {"causes", "formula"} & set(draw_figures(summary)) == {"formula"}


def test_held_out_weeks_have_a_range_that_is_explained(figures, tmp_path):
    assert "what the model then held possible nine times in ten" in figures["tracking"].reading
    assert "model's range" in figures["tracking"].svg

    def change(_, backtest):
        for row in backtest["splits"][-1]["tracking"]:
            for name in ("lower", "upper", "cumulative_lower", "cumulative_upper"):
                del row[name]

    plain = draw_figures(build_summary(make_run(tmp_path / "run", change=change)))["tracking"]
    assert "held possible" not in plain.reading
    assert "model's range" not in plain.svg


def test_drawings_are_small(figures):
    """A page of many thousand paths opens slowly and cannot be sent."""
    sizes = {name: len(figure.svg) for name, figure in figures.items()}
    assert max(sizes.values()) < 60_000, sizes
    assert all(figure.svg.count("<path") < 250 for figure in figures.values())


def test_drawings_carry_no_names_or_groups_that_serve_nothing(figures):
    for name, figure in figures.items():
        page = Page(figure.svg)
        used = set(re.findall(r'(?:url\(|href=")#([^")]+)', figure.svg))
        named = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
        assert set(named) == used, name
        assert all(one.startswith(f"{name}-") for one in named)
        assert all(group for group in page.find("g")), name
        assert "<!--" not in figure.svg


def test_large_misses_of_the_formula_leave_the_models_readable(figures):
    """In the cohorts the formula is 100% too high, the model at most 17% too low."""
    svg = figures["groups-0"].svg
    assert "−15%" in svg
    assert "+100%" in svg


def test_the_formula_keeps_its_mark_when_it_stands_alone():
    rows = [{"cohort": "1997Q1", "actual": 100.0, "model": 80.0, "simple_formula": 150.0}]
    marks = [
        plot_error_by_cohort(rows, methods={name: name}).get_lines()[1].get_marker()
        for name in ("model", "simple_formula")
    ]
    assert marks == ["D", "^"]
