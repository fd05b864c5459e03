"""Pairs of parameters: panels, lines that hold what they say, one posterior or two."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from clvmodels import plots
from clvmodels.errors import ConfigurationError
from clvmodels.plots.posterior import densest

NAMES = ["r", "alpha", "a"]


@pytest.fixture
def ax():
    figure = Figure(figsize=(6.4, 6.0), layout="constrained")
    FigureCanvasAgg(figure)
    return figure.subplots()


def draws(seed, shift=0.0):
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(2_000, 3)) @ np.array([[1.0, 0.9, 0.0], [0.0, 0.4, 0.0], [0, 0, 2.0]])
    return pd.DataFrame(mixed + shift, columns=NAMES)


def test_panels_fill_the_lower_triangle_and_are_labelled(ax):
    panels = plots.plot_posterior_pairs({"one": draws(1)}, units={"alpha": "weeks"}, ax=ax)
    assert panels.shape == (3, 3)
    assert [(row, column) for row, column in np.ndindex(3, 3) if panels[row, column] is None] == [
        (0, 1),
        (0, 2),
        (1, 2),
    ]
    assert [panel.get_xlabel() for panel in panels[2]] == ["r", "alpha (weeks)", "a"]
    assert [panel.get_ylabel() for panel in panels[:, 0]] == ["density", "alpha (weeks)", "a"]
    assert not ax.axison
    ax.figure.canvas.draw()


def test_points_are_the_draws_of_the_first_posterior(ax):
    ours, theirs = draws(1), draws(2, shift=1.0)
    panels = plots.plot_posterior_pairs({"ours": ours, "theirs": theirs}, ax=ax)
    (points,) = panels[2, 1].get_lines()
    assert points.get_xdata().tolist() == ours["alpha"].tolist()
    assert points.get_ydata().tolist() == ours["a"].tolist()
    assert points.get_rasterized() is True
    assert len(panels[2, 1].collections) == 2
    assert [text.get_text() for text in panels[0, 0].get_legend().get_texts()] == ["ours", "theirs"]


def test_two_posteriors_differ_in_dashes_and_grey(ax):
    panels = plots.plot_posterior_pairs({"ours": draws(1), "theirs": draws(2)}, ax=ax)
    ours, theirs = panels[0, 0].get_legend().get_lines()
    assert (ours.is_dashed(), theirs.is_dashed()) == (False, True)
    drawn = [outline.get_linestyle() for outline in panels[0, 0].patches]
    assert drawn == [(0, None), (0, (3, 1.5))]
    greys = [
        np.dot(mpl.colors.to_rgb(colour), [0.299, 0.587, 0.114])
        for colour in (panels[2, 1].get_lines()[0].get_color(), ours.get_color())
    ]
    assert greys[0] - greys[1] > 0.15, "lines are to be seen on their points"


def test_histograms_are_densities_over_all_draws(ax):
    panels = plots.plot_posterior_pairs({"ours": draws(1), "theirs": draws(2, 4.0)}, ax=ax)
    for outline in panels[1, 1].patches:
        x, y = outline.get_xy().T
        area = (np.diff(x) * y[:-1]).sum()
        assert area == pytest.approx(1.0, abs=1e-9)


def test_lines_hold_the_shares_that_they_say():
    found = draws(3)
    x, y = found["r"].to_numpy(), found["alpha"].to_numpy()
    across, up, density, levels = densest(x, y)
    column, row = np.searchsorted(across, x).clip(1) - 1, np.searchsorted(up, y).clip(1) - 1
    at = density[row, column]
    assert levels[0] < levels[1]
    assert (at >= levels[0]).mean() == pytest.approx(0.9, abs=0.03)
    assert (at >= levels[1]).mean() == pytest.approx(0.5, abs=0.05)


def test_the_density_lies_along_a_ridge():
    rng = np.random.default_rng(5)
    x = rng.normal(size=2_000)
    across, up, density, _ = densest(x, 100.0 * x + rng.normal(size=2_000))
    height = up[density.argmax(axis=0)]
    inner = np.abs(across) < 1.5
    assert height[inner] == pytest.approx(100.0 * across[inner], abs=25.0)


def test_only_shared_parameters_are_drawn(ax):
    other = draws(2).rename(columns={"a": "s"})
    assert plots.plot_posterior_pairs({"one": draws(1), "two": other}, ax=ax).shape == (2, 2)


def test_one_parameter_is_a_histogram(ax):
    panels = plots.plot_posterior_pairs({"one": draws(1)[["r"]]}, ax=ax)
    assert panels.shape == (1, 1)
    assert panels[0, 0].get_xlabel() == "r"
    ax.figure.canvas.draw()


@pytest.mark.parametrize("count", [0, 3])
def test_one_or_two_posteriors_can_be_drawn(count):
    given = {str(number): draws(number) for number in range(count)}
    with pytest.raises(ConfigurationError, match="one or two can be drawn"):
        plots.plot_posterior_pairs(given)


def test_posteriors_need_something_in_common():
    with pytest.raises(ConfigurationError, match="no parameters in common"):
        plots.plot_posterior_pairs({"one": draws(1)[["r"]], "two": draws(2)[["a"]]})


def test_panels_take_the_place_of_axes_without_a_grid():
    figure = Figure(figsize=(6.4, 6.0))
    FigureCanvasAgg(figure)
    ax = figure.add_axes((0.5, 0.1, 0.4, 0.8))
    panels = plots.plot_posterior_pairs({"one": draws(1)}, ax=ax)
    box = panels[2, 0].get_position()
    assert box.x0 == pytest.approx(0.5)
    assert box.y0 == pytest.approx(0.1)


def test_dollar_signs_in_names_are_dollar_signs(ax):
    panels = plots.plot_posterior_pairs({"$a$": draws(1)}, units={"r": "$/$"}, ax=ax)
    assert panels[0, 0].get_legend().get_texts()[0].get_parse_math() is False
    assert panels[2, 0].xaxis.label.get_parse_math() is False
