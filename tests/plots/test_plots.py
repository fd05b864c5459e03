from __future__ import annotations

import re

import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import num2date
from matplotlib.figure import Figure
from matplotlib.text import Text

from clvmodels import plots
from clvmodels.errors import ConfigurationError
from clvmodels.plots._canvas import columns
from tests.report.factory import ORIGIN, alive_grid, backtest, tracking

RECORDS = [
    {"frequency": "0", "actual": 5, "expected": 4.5},
    {"frequency": "1+", "actual": 2, "expected": 2.5},
]
GROUPS = [
    {"frequency": "0", "model": 10.0, "simple_formula": 30.0},
    {"frequency": "1+", "model": 20.0, "simple_formula": 25.0},
]


@pytest.fixture
def ax():
    figure = Figure(layout="constrained")
    FigureCanvasAgg(figure)
    return figure.subplots()


@pytest.mark.parametrize(
    "make",
    [
        list,
        lambda records: {name: [record[name] for record in records] for name in records[0]},
        pd.DataFrame,
        pl.DataFrame,
        pa.Table.from_pylist,
    ],
)
def test_any_table_gives_the_same_columns(make):
    labels, actual = columns(make(RECORDS), "frequency", "actual")
    assert labels.tolist() == ["0", "1+"]
    assert actual.tolist() == [5, 2]


def test_a_missing_column_is_named_with_those_there_are():
    with pytest.raises(
        ConfigurationError, match="expected cannot be found among frequency, actual"
    ):
        columns([{"frequency": "0", "actual": 1}], "frequency", "actual", "expected")


def test_tracking_draws_both_lines_and_marks_the_calibration_end(ax):
    rows = tracking()
    assert plots.plot_tracking(rows, calibration_end=ORIGIN, cumulative=True, ax=ax) is ax
    lines = {line.get_label(): line for line in ax.get_lines()}
    assert lines["actual"].get_ydata()[-1] == rows[-1]["cumulative_actual"]
    assert lines["model"].get_ydata()[-1] == pytest.approx(rows[-1]["cumulative_expected"])
    cut = next(line for line in ax.get_lines() if len(set(line.get_xdata())) == 1)
    assert num2date(cut.get_xdata()[0]).date().isoformat() == ORIGIN
    assert ax.get_ylabel() == "repeat purchases so far"
    assert [text.get_text() for text in ax.texts] == ["held out"]


def test_tracking_per_week_without_a_calibration_end(ax):
    rows = tracking()
    plots.plot_tracking(pd.DataFrame(rows), ax=ax)
    actual = ax.get_lines()[0]
    assert actual.get_ydata().tolist() == [row["actual"] for row in rows]
    assert ax.get_ylabel() == "repeat purchases a week"
    assert not ax.texts


def test_one_week_can_be_drawn(ax):
    rows = tracking()[:1]
    plots.plot_tracking(rows, calibration_end="1997-01-07", ax=ax)
    ax.figure.canvas.draw()
    assert ax.get_lines()[0].get_ydata().tolist() == [rows[0]["actual"]]


def test_frequency_check_draws_bars_and_marks(ax):
    plots.plot_frequency_check(backtest()["frequency_check"], ax=ax)
    rows = backtest()["frequency_check"]
    assert [bar.get_height() for bar in ax.patches] == [row["actual"] for row in rows]
    assert ax.get_lines()[0].get_ydata().tolist() == [row["expected"] for row in rows]
    assert [label.get_text() for label in ax.get_xticklabels()][-1] == "7+"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("repeat purchases", "customers")


def test_alive_grid_is_shaded_by_its_probability(ax):
    grid = alive_grid()
    plots.plot_alive_grid(grid, ax=ax)
    shades = ax.collections[0]
    assert shades.levels == pytest.approx(np.arange(11) / 10)
    colours = shades.cmap(shades.norm(shades.cvalues))
    brightness = colours[:, :3].sum(axis=1)
    assert (np.diff(brightness) < 0).all(), "darker means more likely active"
    for frequency, recency in ((5, 20), (5, 30), (12, 35), (2, 10)):
        probability = grid["probability"][frequency][recency]
        inside = [
            path.contains_point((grid["recency"][recency], frequency))
            for path in shades.get_paths()
        ]
        assert inside.index(True) == int(10 * probability)
    assert "weeks" in ax.get_xlabel()
    ax.figure.canvas.draw()


def test_alive_grid_leaves_out_who_never_bought_again(ax):
    plots.plot_alive_grid(alive_grid(), ax=ax)
    lowest = min(path.vertices[:, 1].min() for path in ax.collections[0].get_paths() if len(path))
    assert lowest == 0.5


@pytest.mark.parametrize("rows", [1, 3])
def test_an_alive_grid_that_hardly_varies_is_drawn(ax, rows):
    grid = {"frequency": list(range(1, rows + 1)), "recency": [1.0, 2.0], "age": 2}
    plots.plot_alive_grid({**grid, "probability": np.full((rows, 2), 0.55)}, ax=ax)
    drawn = [place for place, path in enumerate(ax.collections[0].get_paths()) if len(path)]
    assert drawn == [5]
    ax.figure.canvas.draw()


def purchases_grid():
    grid = alive_grid()
    expected = np.asarray(grid["probability"]) * (np.asarray(grid["frequency"])[:, None] + 0.24) / 2
    return {**grid, "purchases": expected, "horizon": "1y"}


def test_expected_purchases_are_shaded_from_none_to_most(ax):
    grid = purchases_grid()
    plots.plot_purchases_grid(grid, ax=ax)
    shades = ax.collections[0]
    assert shades.levels[0] == 0.0
    assert shades.levels[-1] >= grid["purchases"].max()
    paths = shades.get_paths()
    for frequency, recency in ((5, 20), (12, 35), (15, 38), (2, 10)):
        band = np.searchsorted(shades.levels, grid["purchases"][frequency, recency]) - 1
        place = (grid["recency"][recency], frequency)
        assert [path.contains_point(place) for path in paths].index(True) == band
    assert "within 1y" in ax.get_ylabel()
    assert {text.get_text() for text in ax.texts} == {"1.5", "3", "4.5", "6"}
    ax.figure.canvas.draw()


def test_a_base_of_which_nothing_is_expected_is_drawn(ax):
    plots.plot_purchases_grid({**purchases_grid(), "purchases": np.zeros((16, 40))}, ax=ax)
    ax.figure.canvas.draw()
    assert ax.collections[0].levels[-1] == 1.0
    # No line stands where nothing is expected, and no number of one.
    assert not ax.texts


def test_an_alive_grid_of_the_wrong_shape_is_refused(ax):
    grid = {"frequency": [0, 1], "recency": [0, 1, 2], "age": 2, "probability": [[1.0, 1.0]]}
    with pytest.raises(ConfigurationError, match=r"\(1, 2\).*must be \(2, 3\)"):
        plots.plot_alive_grid(grid, ax=ax)


def test_concentration_by_hand():
    curve = plots.concentration_points([1.0, 6.0, 1.0, 2.0], points=4)
    assert curve["customers"].tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert curve["value"].tolist() == pytest.approx([0.0, 0.6, 0.8, 0.9, 1.0])


@pytest.mark.parametrize("values", [[], [0.0, 0.0], [1.0, -1.0]])
def test_nothing_to_share_is_refused(values):
    with pytest.raises(ConfigurationError, match="positive"):
        plots.concentration_points(values)


def test_concentration_takes_values_or_a_curve(ax):
    values = np.random.default_rng(1).gamma(0.5, 10, 500)
    plots.plot_concentration(pd.Series(values), ax=ax)
    other = Figure().subplots()
    plots.plot_concentration(plots.concentration_points(values), ax=other)
    curves = [axes.get_lines()[1].get_ydata() for axes in (ax, other)]
    np.testing.assert_allclose(*curves)
    assert (
        ax.texts[1].get_text() == f"top 10%: {np.sort(values)[::-1][:50].sum() / values.sum():.0%}"
    )


def test_histogram_counts_every_positive_value_once():
    values = np.array([0.0, -1.0, 0.5, 1.0, 1.2, 10.0, 99.0, 5e5])
    bins = plots.value_histogram(values)
    assert bins["customers"].sum() == 6
    for value in values[values > 0]:
        inside = (bins["lower"] <= value * (1 + 1e-12)) & (value < bins["upper"])
        assert bins["customers"][inside].sum() >= 1
    np.testing.assert_allclose(bins["upper"] / bins["lower"], 10 ** (1 / 8))


def test_value_distribution_marks_and_units(ax):
    marks = {"half below $5": 5.0, "none below $0": 0.0}
    plots.plot_value_distribution([1.0, 5.0, 70.0], currency="$", marks=marks, ax=ax)
    assert ax.get_xscale() == "log"
    assert "$" in ax.get_xlabel()
    assert [line.get_label() for line in ax.get_lines()] == ["half below $5"]
    assert sum(bar.get_height() for bar in ax.patches) == 3
    ax.figure.canvas.draw()


def test_money_without_a_currency_says_so(ax):
    plots.plot_formula_comparison(GROUPS, ax=ax)
    assert ax.get_ylabel() == "total value, the log's currency"


def test_formula_comparison_draws_both(ax):
    plots.plot_formula_comparison(GROUPS, currency="EUR", ax=ax)
    assert [bar.get_height() for bar in ax.patches] == [10.0, 20.0, 30.0, 25.0]
    assert ax.get_ylabel() == "total value, EUR"
    assert any(bar.get_hatch() for bar in ax.patches)


@pytest.mark.parametrize("currency", ["$$", "$\\frac{$", "<b>&", "\\$ $x_{$"])
def test_a_currency_is_text_and_never_a_formula(ax, currency):
    plots.plot_value_distribution(
        [1.0, 2.0], currency=currency, marks={f"half {currency}": 1}, ax=ax
    )
    assert currency in ax.get_xlabel()
    ax.figure.canvas.draw()
    told = [text for text in ax.figure.findobj(Text) if currency in text.get_text()]
    assert len(told) == 2
    assert not any(text.get_parse_math() for text in told)


def test_without_axes_a_new_figure_is_made():
    from matplotlib import pyplot as plt

    first, second = plots.plot_frequency_check(RECORDS), plots.plot_frequency_check(RECORDS)
    assert first.figure is not second.figure
    plt.close("all")


def test_the_readers_own_settings_are_left_alone(ax):
    before = dict(mpl.rcParams)
    plots.plot_tracking(tracking(), calibration_end=ORIGIN, ax=ax)
    plots.plot_alive_grid(alive_grid(), ax=Figure().subplots())
    assert dict(mpl.rcParams) == before


def test_lines_differ_by_more_than_colour(ax):
    plots.plot_tracking(tracking(), ax=ax)
    actual, model = ax.get_lines()
    assert actual.get_linestyle() == "-"
    assert model.get_linestyle() == "--"


@pytest.mark.parametrize("name", plots.__all__)
def test_public_functions_say_what_they_give(name):
    assert re.match(r"[A-Z].*\.", getattr(plots, name).__doc__)


def test_a_long_lower_tail_is_not_drawn(ax):
    values = np.concatenate([[1e-13, 1e-9], np.full(500, 8.0), np.full(500, 90.0)])
    plots.plot_value_distribution(values, ax=ax)
    assert sum(bar.get_height() for bar in ax.patches) == 1000
    assert ax.get_xlim()[0] > 1
    assert plots.first_drawn([5, 0, 990, 5]) == 2
    assert plots.first_drawn([50, 50]) == 0
    assert plots.first_drawn([]) == 0
