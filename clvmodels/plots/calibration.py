"""Whether forecasts meet what happened: by class of customer, by probability, by interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from clvmodels.plots._canvas import (
    ACTUAL,
    ACTUAL_FILL,
    INK,
    MARKS,
    MODEL,
    MODEL_FILL,
    MUTED,
    PLAIN,
    Table,
    bounds,
    canvas,
    column_names,
    columns,
    finish,
    legend,
    marks,
    number_ticks,
    share_ticks,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

_MODEL_ONLY: Mapping[str, str] = {"model": "model"}


def plot_calibration(
    groups: Table,
    *,
    methods: Mapping[str, str] = _MODEL_ONLY,
    label: str = "repeat purchases before",
    quantity: str = "purchases per customer",
    ax: Axes | None = None,
) -> Axes:
    """Draw what groups of customers did on average, and what each method had forecast.

    Parameters
    ----------
    groups : table
        One row per group with ``frequency`` (its label), ``actual`` and a column per method, all
        means per customer. ``actual_lower`` and ``actual_upper``, where the table has them, are
        drawn as whiskers.
    methods : mapping
        Columns of the methods to draw, at most three, with their labels.
    label, quantity : str
        The two axes.
    ax : matplotlib Axes, optional
    """
    labels, actual = columns(groups, "frequency", "actual")
    places = np.arange(len(labels))
    ax = canvas(ax)
    handles: list[Any] = [
        ax.bar(places, actual.astype(float), width=0.78, color=ACTUAL_FILL, label="actual")
    ]
    whiskers = bounds(groups, "actual_lower", "actual_upper")
    if whiskers is not None:
        ax.vlines(places, *whiskers, color=ACTUAL, linewidth=1.1)
    shift = np.linspace(-0.18, 0.18, len(methods)) if len(methods) > 1 else np.zeros(1)
    for (name, text), look, aside in zip(methods.items(), MARKS, shift, strict=False):
        mean = columns(groups, name)[0].astype(float)
        handles += marks(ax, places + aside, mean, look, text)
    ax.set_xticks(places, [str(text) for text in labels], **PLAIN)
    ax.set_ylim(bottom=0)
    number_ticks(ax.yaxis)
    finish(ax, x=label, y=quantity)
    legend(ax, handles, own_line=True)
    return ax


def uniform_band(customers: int, bins: int, interval: float = 0.9) -> tuple[float, float]:
    """Give the shares between which all bins of a right forecast stay, with a probability.

    Parameters
    ----------
    customers, bins : int
        How many values fall into how many equal bins.
    interval : float
        Probability (at least) that every bin lies within.

    Returns
    -------
    tuple of float
        Lowest and highest share of the values in one bin: binomial quantiles, with what the
        probability leaves divided among the bins (Bonferroni).

    Examples
    --------
    >>> uniform_band(1000, 20)
    (0.032, 0.07)
    """
    if customers < 1:
        return 0.0, 1.0
    share = 1.0 / bins
    mean = customers * share
    most = min(customers, int(mean + 12.0 * mean**0.5 + 20.0))
    count = np.arange(1, most + 1)
    steps = np.log((customers - count + 1.0) / count * share / (1.0 - share))
    logs = customers * np.log1p(-share) + np.append(0.0, np.cumsum(steps))
    below = np.cumsum(np.exp(logs))
    tail = 0.5 * (1.0 - interval) / bins
    low, high = np.searchsorted(below, [tail, 1.0 - tail])
    return float(low) / customers, float(min(high, customers)) / customers


def plot_pit_histogram(
    shares: Sequence[float],
    *,
    customers: int,
    interval: float = 0.9,
    ax: Axes | None = None,
) -> Axes:
    """Draw where outcomes fell within their forecasts: level bars for a right forecast.

    Parameters
    ----------
    shares : sequence of float
        Share of the customers in each of equally wide bins of the probability integral transform,
        the probability that the forecast gave to less than what happened.
    customers : int
        How many customers the shares come from; chance alone moves the bars within the grey band
        (`uniform_band`).
    interval : float
        Probability that a right forecast keeps every bar within the band.
    ax : matplotlib Axes, optional
    """
    heights = np.asarray(shares, dtype=float)
    level = 1.0 / len(heights)
    low, high = uniform_band(customers, len(heights), interval)
    edges = np.linspace(0.0, 1.0, len(heights) + 1)
    inside = (heights >= low) & (heights <= high)
    ax = canvas(ax)
    bars = ax.bar(
        edges[:-1],
        heights,
        width=level,
        align="edge",
        color=[MODEL_FILL if kept else MODEL for kept in inside],
        edgecolor="white",
        linewidth=0.8,
    )
    for bar, kept in zip(bars, inside, strict=True):
        if not kept:
            bar.set_hatch("////")
    for edge in (low, high):
        ax.axhline(edge, color=INK, linewidth=0.9, dashes=(1, 1.6))
    band = ax.axhspan(low, high, color=MUTED, alpha=0.18, linewidth=0, label="chance alone")
    line = ax.axhline(level, color=INK, linewidth=1.4, label="a right forecast")
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.08 * max(float(heights.max(initial=0.0)), high))
    ax.set_xticks([0.0, 0.5, 1.0], ["less than forecast", "as forecast", "more"])
    first, _, last = ax.get_xticklabels()
    first.set_horizontalalignment("left")
    last.set_horizontalalignment("right")
    share_ticks(ax.yaxis)
    finish(ax, x="where the outcome fell within its forecast", y="share of customers")
    legend(ax, [band, line], own_line=True)
    return ax


def plot_interval_coverage(coverage: Table, *, ax: Axes | None = None) -> Axes:
    """Draw how often outcomes fell into intervals that promise a probability.

    Parameters
    ----------
    coverage : table
        One row per interval with ``level`` (its probability) and ``covered`` (share of the
        customers inside), both between 0 and 1. ``attainable``, where the table has it, is the
        probability that the forecast itself gives the interval: above the nominal one, since an
        interval of whole numbers cannot be cut finer.
    ax : matplotlib Axes, optional
    """
    nominal, reached = (c.astype(float) for c in columns(coverage, "level", "covered"))
    places = np.arange(len(nominal))
    ax = canvas(ax)
    handles: list[Any] = [
        ax.bar(places, reached, width=0.5, color=MODEL_FILL, label="outcomes inside"),
        ax.hlines(nominal, places - 0.36, places + 0.36, color=INK, linewidth=1.6, label="nominal"),
    ]
    if "attainable" in column_names(coverage):
        (attainable,) = columns(coverage, "attainable")
        handles += ax.plot(
            places,
            attainable.astype(float),
            linestyle="none",
            marker="D",
            color="white",
            markeredgecolor=MODEL,
            markeredgewidth=1.5,
            label="forecast's own",
        )
    for place, share in zip(places, reached, strict=True):
        ax.annotate(f"{share:.0%}", (place, 0.03), ha="center", va="bottom", color=INK)
    ax.set_xticks(places, [f"{100.0 * share:.4g}%" for share in nominal])
    ax.set_ylim(0.0, 1.0)
    share_ticks(ax.yaxis)
    finish(ax, x="what the interval promises", y="share of customers")
    legend(ax, handles, own_line=True)
    return ax
