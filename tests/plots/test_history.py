"""P(alive) of one customer over time, and its figure."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import date2num, num2date
from matplotlib.figure import Figure

import clvmodels as clv
from clvmodels import plots
from clvmodels.errors import ConfigurationError, ParameterError

DAYS = ["2024-01-01", "2024-01-29", "2024-04-01", "2024-07-01"]
TODAY = "2024-05-31"


@pytest.fixture(scope="module")
def model():
    parameters = {"r": 0.24, "alpha": 4.4, "a": 0.8, "b": 2.4}
    return clv.BetaGeoModel.from_params(parameters, time_unit="week")


@pytest.fixture
def ax():
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    return figure.subplots()


def alive(frequency, recency, age):
    """P(alive) of BG/NBD, written out."""
    if frequency == 0:
        return 1.0
    silence = ((4.4 + age) / (4.4 + recency)) ** (0.24 + frequency)
    return 1.0 / (1.0 + 0.8 / (2.4 + frequency - 1.0) * silence)


def test_each_day_is_scored_as_it_was_known_on_that_day(model):
    path = plots.alive_path(model, DAYS, TODAY)
    assert path["day"][0] == np.datetime64("2024-01-01")
    assert path["day"][-1] == np.datetime64(TODAY)
    assert np.unique(np.diff(path["day"])).tolist() == [np.timedelta64(1, "D")]
    on = dict(zip(path["day"].astype(str), path["probability_alive"], strict=True))
    assert on["2024-01-28"] == 1.0
    assert on["2024-01-29"] == pytest.approx(alive(1, 4.0, 4.0))
    assert on["2024-03-31"] == pytest.approx(alive(1, 4.0, 90 / 7))
    assert on["2024-04-01"] == pytest.approx(alive(2, 13.0, 13.0))
    assert on[TODAY] == pytest.approx(alive(2, 13.0, 151 / 7))


def test_ahead_nothing_more_is_bought(model):
    path = plots.alive_path(model, DAYS, TODAY, ahead="13w")
    assert path["day"][-1] == np.datetime64(TODAY) + np.timedelta64(91, "D")
    assert path["probability_alive"][-1] == pytest.approx(alive(2, 13.0, (151 + 91) / 7))


def test_order_repetition_and_kind_of_days_don_t_matter(model):
    shuffled = [pd.Timestamp(day) for day in (*DAYS[::-1], DAYS[1])]
    ours, theirs = (plots.alive_path(model, days, TODAY) for days in (DAYS, shuffled))
    assert ours["probability_alive"].tolist() == theirs["probability_alive"].tolist()


def test_a_model_in_days_gives_the_same_path(model):
    parameters = {"r": 0.24, "alpha": 4.4 * 7, "a": 0.8, "b": 2.4}
    daily = clv.BetaGeoModel.from_params(parameters, time_unit="day")
    ours, theirs = (plots.alive_path(m, DAYS, TODAY)["probability_alive"] for m in (model, daily))
    assert ours == pytest.approx(theirs, rel=1e-12)


def test_a_customer_who_has_not_come_yet_is_refused(model):
    with pytest.raises(ParameterError, match="at least one purchase day up to 2023-12-31"):
        plots.alive_path(model, DAYS, "2023-12-31")


def test_a_lifetime_has_no_last_day(model):
    with pytest.raises(ParameterError, match="ahead"):
        plots.alive_path(model, DAYS, TODAY, ahead="lifetime")


def test_purchases_are_ticks_and_the_future_is_dashed(model, ax):
    path = plots.alive_path(model, DAYS, TODAY, ahead="13w")
    assert plots.plot_customer_history(pd.DataFrame(path), DAYS, TODAY, ax=ax) is ax
    lines = {line.get_label(): line for line in ax.get_lines()}
    past, later = lines["P(alive)"], lines["if nothing more is bought"]
    assert past.get_xdata()[-1] == later.get_xdata()[0] == np.datetime64(TODAY)
    assert past.get_ydata()[-1] == pytest.approx(alive(2, 13.0, 151 / 7))
    assert past.is_dashed() is False
    assert later.is_dashed() is True
    assert lines["purchase"].get_xdata().astype(str).tolist() == DAYS[:3]
    assert lines["purchase since"].get_xdata().astype(str).tolist() == DAYS[3:]
    assert lines["purchase since"].get_markerfacecolor() == "white"
    assert [text.get_text() for text in ax.texts] == [f"today, {TODAY}"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("day", "probability to be still active")
    (marked,) = (line for line in ax.get_lines() if list(line.get_ydata()) == [0, 1])
    assert num2date(marked.get_xdata()[0]).date().isoformat() == TODAY


def test_without_a_future_nothing_of_it_is_drawn(model, ax):
    plots.plot_customer_history(plots.alive_path(model, DAYS[:3], TODAY), DAYS[:3], TODAY, ax=ax)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["P(alive)", "purchase"]
    ax.figure.canvas.draw()


def test_one_day_can_be_drawn(model, ax):
    path = plots.alive_path(model, [TODAY], TODAY)
    plots.plot_customer_history(path, [TODAY], TODAY, ax=ax)
    ax.figure.canvas.draw()
    lines = {line.get_label(): line for line in ax.get_lines()}
    chance, bought = lines["P(alive)"], lines["purchase"]
    assert list(chance.get_ydata()) == [1.0]
    # A line through one point would not be seen.
    assert chance.get_marker() == "o"
    day = date2num(np.datetime64(TODAY))
    for line in (chance, bought):
        assert line.get_xdata(orig=False).tolist() == [day]
    first, last = ax.get_xlim()
    assert first < day < last
    assert last - first < 10 * 366
    assert any(text.get_text() == f"today, {TODAY}" for text in ax.texts)


def test_nothing_leaves_the_figure(model, ax):
    path = plots.alive_path(model, DAYS, TODAY, ahead="13w")
    plots.plot_customer_history(path, DAYS, TODAY, ax=ax)
    ax.figure.canvas.draw()
    drawn = ax.get_tightbbox()
    width, height = ax.figure.canvas.get_width_height()
    assert drawn.x0 >= 0
    assert drawn.y0 >= 0
    assert drawn.x1 <= width
    assert drawn.y1 <= height


def test_a_path_without_probabilities_is_refused(ax):
    with pytest.raises(ConfigurationError, match="probability_alive"):
        plots.plot_customer_history({"day": DAYS}, DAYS, TODAY, ax=ax)
