"""Figures of a back-test: what is drawn, to the number."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from clvmodels import plots
from tests.report.factory import ORIGIN, backtest, tracking
from tests.report.splits import LIFTS, deciles

GROUPS = [
    {"frequency": "0", "actual": 0.25, "model": 0.2, "simple_formula": 0.8, "nbd": 0.4},
    {"frequency": "1+", "actual": 2.0, "model": 2.5, "simple_formula": 3.0, "nbd": 2.8},
]
COVERAGE = [
    {"level": 0.5, "covered": 0.78, "attainable": 0.77},
    {"level": 0.9, "covered": 0.93, "attainable": 0.96},
]
COHORTS = [
    {"cohort": "1997Q1", "actual": 100.0, "model": 80.0, "simple_formula": 150.0},
    {"cohort": "$x_{1}$", "actual": 0.0, "model": 1.0, "simple_formula": 2.0},
]
WINDOWS = [
    {"origin": "2021-12-31", "end": "2022-12-31", "actual_spend": 120.0, "predicted_spend": 100.0},
    {"origin": "2022-12-31", "end": "2023-12-31", "actual_spend": 80.0, "predicted_spend": 100.0},
]
STEPS = [
    {"step": "formula", "money": 1000.0},
    {"step": "lifespan", "money": 0.0},
    {"step": "will_leave", "money": -700.0},
    {"step": "pace", "money": 50.0},
    {"step": "model", "money": 350.0},
]


@pytest.fixture
def ax():
    figure = Figure(layout="constrained")
    FigureCanvasAgg(figure)
    return figure.subplots()


def heights(ax):
    return [bar.get_height() for bar in ax.patches]


def legend_of(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def lines_across(ax):
    """Heights of the level lines, in the order in which they were drawn."""
    found = [c for c in ax.collections if isinstance(c, LineCollection)]
    return [segment[0, 1] for lines in found for segment in lines.get_segments()]


def test_tracking_draws_a_band_where_there_is_one(ax):
    rows = tracking(10)
    for place, row in enumerate(rows):
        row["lower"] = None if place < 5 else row["expected"] * 0.9
        row["upper"] = None if place < 5 else row["expected"] * 1.2
    plots.plot_tracking(rows, calibration_end=ORIGIN, ax=ax)
    corners = ax.collections[0].get_paths()[0].vertices
    assert corners[:, 1].max() == pytest.approx(max(r["upper"] for r in rows[5:]))
    assert corners[:, 0].min() > ax.get_lines()[0].get_xdata()[4]
    assert legend_of(ax) == ["actual", "model", "model's range"]


def test_tracking_without_bounds_has_no_band(ax):
    plots.plot_tracking(tracking(10), ax=ax)
    assert not ax.collections
    assert legend_of(ax) == ["actual", "model"]


def test_calibration_draws_bars_and_each_method(ax):
    methods = {"model": "model", "simple_formula": "formula", "nbd": "nobody leaves"}
    plots.plot_calibration(pd.DataFrame(GROUPS), methods=methods, ax=ax)
    assert heights(ax) == [0.25, 2.0]
    drawn = {line.get_label(): line for line in ax.get_lines()}
    assert drawn["model"].get_ydata().tolist() == [0.2, 2.5]
    assert drawn["formula"].get_ydata().tolist() == [0.8, 3.0]
    assert drawn["nobody leaves"].get_ydata().tolist() == [0.4, 2.8]
    assert len({line.get_marker() for line in drawn.values()}) == 3
    assert [text.get_text() for text in ax.get_xticklabels()] == ["0", "1+"]
    assert not ax.collections


def test_calibration_draws_whiskers_that_are_given(ax):
    rows = [{**row, "actual_lower": 0.1, "actual_upper": row["actual"] + 1} for row in GROUPS]
    plots.plot_calibration(rows, ax=ax)
    segments = ax.collections[0].get_segments()
    assert [segment[:, 1].tolist() for segment in segments] == [[0.1, 1.25], [0.1, 3.0]]


@pytest.mark.parametrize(("customers", "bins"), [(40, 20), (1000, 20), (5000, 10)])
def test_the_band_of_a_right_forecast_is_binomial(customers, bins):
    low, high = plots.uniform_band(customers, bins, 0.9)
    share = 1 / bins

    def below(count):
        return sum(
            math.exp(
                math.lgamma(customers + 1)
                - math.lgamma(k + 1)
                - math.lgamma(customers - k + 1)
                + k * math.log(share)
                + (customers - k) * math.log1p(-share)
            )
            for k in range(count + 1)
        )

    tail = 0.05 / bins
    lowest, highest = round(low * customers), round(high * customers)
    assert below(lowest) >= tail
    assert lowest == 0 or below(lowest - 1) < tail
    assert below(highest) >= 1 - tail > below(highest - 1)


def test_the_band_keeps_nine_right_forecasts_in_ten():
    rng = np.random.default_rng(1)
    low, high = plots.uniform_band(2000, 20, 0.9)
    counts = rng.multinomial(2000, [0.05] * 20, size=4000) / 2000
    inside = np.mean(((counts >= low) & (counts <= high)).all(axis=1))
    assert 0.89 < inside < 0.95


def test_the_band_of_nobody_is_everything():
    assert plots.uniform_band(0, 20) == (0.0, 1.0)


def test_pit_marks_the_bars_outside_the_band(ax):
    shares = [0.05] * 18 + [0.02, 0.08]
    plots.plot_pit_histogram(shares, customers=1000, ax=ax)
    bars = ax.patches[:20]
    assert [bar.get_height() for bar in bars] == shares
    assert [place for place, bar in enumerate(bars) if bar.get_hatch()] == [18, 19]
    low, high = plots.uniform_band(1000, 20)
    drawn = sorted({line.get_ydata()[0] for line in ax.get_lines()})
    assert drawn == [low, 0.05, high]
    assert ax.get_ylim()[0] == 0
    assert ax.get_ylim()[1] > 0.08


def test_coverage_draws_what_held_what_was_promised_and_what_was_expected(ax):
    plots.plot_interval_coverage(COVERAGE, ax=ax)
    assert heights(ax) == [0.78, 0.93]
    assert lines_across(ax) == [0.5, 0.9]
    assert ax.get_lines()[0].get_ydata().tolist() == [0.77, 0.96]
    assert [text.get_text() for text in ax.texts] == ["78%", "93%"]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["50%", "90%"]


def test_coverage_without_the_attainable_one(ax):
    plots.plot_interval_coverage([{"level": 0.9, "covered": 0.8}], ax=ax)
    assert not ax.get_lines()
    assert legend_of(ax) == ["outcomes inside", "nominal"]


def test_lift_draws_the_share_of_each_tenth(ax):
    methods = {"model": deciles("bgnbd"), "formula": deciles("simple_formula")}
    plots.plot_decile_lift(methods, perfect=deciles("perfect"), quantity="spend", ax=ax)
    both = LIFTS["bgnbd"] + LIFTS["simple_formula"]
    assert heights(ax) == pytest.approx([lift / 10 for lift in both])
    assert lines_across(ax) == pytest.approx([lift / 10 for lift in LIFTS["perfect"]])
    assert legend_of(ax) == ["model", "formula", "perfect"]
    assert ax.texts[0].get_text() == "46%"
    assert "spend" in ax.get_ylabel()
    assert any(bar.get_hatch() for bar in ax.patches)


def test_lift_of_nothing_is_empty(ax):
    rows = [{"decile": place + 1, "lift": None} for place in range(10)]
    plots.plot_decile_lift({"model": rows}, ax=ax)
    assert heights(ax) == [0.0] * 10
    ax.figure.canvas.draw()


def test_errors_by_cohort_are_shares_of_what_happened(ax):
    plots.plot_error_by_cohort(
        COHORTS, methods={"model": "model", "simple_formula": "formula"}, ax=ax
    )
    model, formula = ax.get_lines()[1:]
    assert model.get_ydata()[0] == pytest.approx(-0.2)
    assert formula.get_ydata()[0] == pytest.approx(0.5)
    assert np.isnan(model.get_ydata()[1])
    assert [text.get_text() for text in ax.get_xticklabels()] == ["1997Q1", "$x_{1}$"]
    ax.figure.canvas.draw()


def test_chance_is_drawn_around_zero(ax):
    rows = [{**COHORTS[0], "lower": 70.0, "upper": 95.0}]
    plots.plot_error_by_cohort(rows, ax=ax)
    bar = ax.patches[0]
    assert bar.get_y() == pytest.approx(-0.1)
    assert bar.get_y() + bar.get_height() == pytest.approx(0.15)


def test_many_cohorts_have_few_labels(ax):
    rows = [{"cohort": f"{2000 + i // 4}Q{i % 4 + 1}", "actual": 9, "model": 8} for i in range(40)]
    plots.plot_error_by_cohort(rows, ax=ax)
    written = [text.get_text() for text in ax.get_xticklabels()]
    assert written == ["2000Q1", "2002Q1", "2004Q1", "2006Q1", "2008Q1"]


def test_common_shock_draws_actual_over_forecast(ax):
    plots.plot_common_shock(pd.DataFrame(WINDOWS), factor=1.6, quantity="spend", ax=ax)
    ratios = ax.get_lines()[-1].get_ydata()
    assert ratios.tolist() == pytest.approx([1.2, 0.8])
    texts = [text.get_text() for text in ax.texts]
    assert texts[1:] == ["+20%", "−20%"]
    band = ax.patches[0]
    assert (band.get_y(), band.get_y() + band.get_height()) == pytest.approx((1 / 1.6, 1.6))
    low, high = ax.get_ylim()
    assert low < 1 / 1.6
    assert high > 1.6
    assert ax.get_yscale() == "log"
    assert ax.get_xticklabels()[1].get_text() == "2022-12-31\nto 2023-12-31"


def test_causes_lead_from_formula_to_model(ax):
    plots.plot_formula_causes(STEPS, names={"will_leave": "customers leave"}, currency="$", ax=ax)
    bars = [(bar.get_x(), bar.get_width()) for bar in ax.patches]
    # The cause that moves nothing is left out.
    assert bars == [(0, 1000.0), (1000.0, -700.0), (300.0, 50.0), (0, 350.0)]
    assert [text.get_text() for text in ax.texts] == [
        "formula: 1,000",
        "customers leave: −700",
        "pace: +50",
        "model: 350",
    ]
    assert ax.get_xlabel() == "total value, $"
    ax.figure.canvas.draw()


def test_figures_take_the_rows_of_a_backtest(ax):
    split = backtest()["splits"][-1]
    counts, deciles = split["methods"]["bgnbd"]["counts"], split["methods"]["bgnbd"]["deciles"]
    plots.plot_pit_histogram(counts["pit_histogram"], customers=split["customers"], ax=ax)
    drawn = {round(bar.get_height(), 9) for bar in ax.patches}
    assert {round(share, 9) for share in counts["pit_histogram"]} <= drawn
    coverage = plots.plot_interval_coverage(counts["coverage"], ax=Figure().subplots())
    groups = plots.plot_calibration(split["by_frequency"], ax=Figure().subplots())
    lift = plots.plot_decile_lift({"model": deciles}, ax=Figure().subplots())
    for axes, rows in (
        (coverage, counts["coverage"]),
        (groups, split["by_frequency"]),
        (lift, deciles),
    ):
        assert len(axes.patches) == len(rows)
