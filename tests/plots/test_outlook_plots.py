"""What the figures of cohorts, the months ahead, the last run and the assumptions draw."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from clvmodels import plots
from tests.report import ahead


@pytest.fixture
def ax():
    figure = Figure(layout="constrained")
    FigureCanvasAgg(figure)
    return figure.subplots()


def test_cohorts_are_drawn_through_while_seen_and_dashed_where_forecast(ax):
    row = ahead.cohorts()["rows"][0]
    plots.plot_cohort_curves([row], currency="USD", ax=ax)
    past, ahead_line = ax.get_lines()[:2]
    seen = [cell for cell in row["curve"] if cell["status"] == "observed"]
    assert list(past.get_ydata()) == [cell["value"] for cell in seen]
    assert not past.is_dashed()
    assert ahead_line.is_dashed()
    # The forecast begins where what was seen ends, so that no gap is drawn.
    assert ahead_line.get_xdata()[0] == past.get_xdata()[-1]
    assert ahead_line.get_ydata()[-1] == row["curve"][-1]["value"]
    assert ax.get_ylabel() == "spent per customer so far, USD"
    assert ax.get_xlabel() == "months since the first purchase"


def test_the_band_of_a_cohort_holds_its_bounds(ax):
    row = ahead.cohorts()["rows"][0]
    plots.plot_cohort_curves([row], ax=ax)
    corners = ax.collections[0].get_paths()[0].vertices
    last = row["curve"][-1]
    there = corners[corners[:, 0] == last["months"]][:, 1]
    assert there.min() == pytest.approx(last["lower"])
    assert there.max() == pytest.approx(last["upper"])


def test_many_cohorts_are_thinned_from_first_to_last():
    rows = ahead.cohorts(rows=12)["rows"]
    shown = plots.drawn_cohorts(rows)
    assert len(shown) == 4
    assert [shown[0], shown[-1]] == [rows[0], rows[-1]]
    assert plots.drawn_cohorts(rows[:3]) == rows[:3]


def test_lines_of_cohorts_differ_without_colour(ax):
    plots.plot_cohort_curves(ahead.cohorts()["rows"], quantity="purchases", ax=ax)
    handles = [handle for handle in ax.get_legend().legend_handles if handle.get_marker() != "None"]
    assert len({handle.get_marker() for handle in handles}) == len(handles) == 4
    assert "purchases" in ax.get_ylabel()


def test_the_months_ahead_start_today(ax):
    spans = [{"months": 3, **ahead.estimate(30.0)}, {"months": 12, **ahead.estimate(90.0)}]
    plots.plot_forward(spans, label="sales, $", ax=ax)
    (line,) = ax.get_lines()
    assert line.get_xdata().tolist() == [0, 3, 12]
    assert line.get_ydata().tolist() == [0, 30, 90]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["today", "3", "12"]
    ax.clear()
    plots.plot_forward(spans, label="active", start=ahead.estimate(100.0), ax=ax)
    assert ax.get_lines()[0].get_ydata()[0] == 100


def test_the_tornado_reaches_from_low_to_high(ax):
    found = ahead.sensitivity(1000.0)
    plots.plot_tornado(found["entries"], found["value"], currency="USD", ax=ax)
    below, above = np.array_split(np.array(ax.patches, dtype=object), 2)
    for place, entry in enumerate(found["entries"]):
        box = below[place].get_extents().transformed(ax.transData.inverted())
        assert box.x0 == pytest.approx(entry["low"]["value"])
        box = above[place].get_extents().transformed(ax.transData.inverted())
        assert box.x1 == pytest.approx(entry["high"]["value"])
    texts = [text.get_text() for text in ax.texts]
    assert texts[0] == "Horizon\n9 months → 760; 15 months → 1,240"
    assert all(patch.get_hatch() for patch in below)
    assert not any(patch.get_hatch() for patch in above)


def test_a_value_that_no_assumption_moves_is_drawn_too(ax):
    still = {"label": "Margin", "low": {"input": "a", "value": 5.0}}
    still["high"] = {"input": "b", "value": 5.0}
    plots.plot_tornado([still], 5.0, ax=ax)
    low, high = ax.get_xlim()
    assert low < 5.0 < high


def test_the_change_hangs_each_step_where_the_last_one_ended(ax):
    steps = [
        {"step": "then", "money": 100.0},
        {"step": "behaviour", "money": -30.0},
        {"step": "nothing", "money": 0.0},
        {"step": "new", "money": 10.0},
        {"step": "now", "money": 80.0},
    ]
    plots.plot_change(steps, currency="$", ax=ax)
    ends = sorted((patch.get_x(), patch.get_x() + patch.get_width()) for patch in ax.patches)
    assert [tuple(sorted(end)) for end in ends] == [(0, 80), (0, 100), (70, 80), (70, 100)]
    assert [text.get_text() for text in ax.texts] == [
        "then: 100", "behaviour: −30", "new: +10", "now: 80"
    ]  # fmt: skip


def test_shades_of_lines_keep_their_order_in_grey(ax):
    plots.plot_cohort_curves(ahead.cohorts()["rows"], ax=ax)
    handles = [handle for handle in ax.get_legend().legend_handles if handle.get_marker() != "None"]
    grey = [np.dot((0.299, 0.587, 0.114), to_rgb(handle.get_color())) for handle in handles]
    assert grey == sorted(grey)
