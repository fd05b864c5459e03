"""How value is spread over customers: concentration and distribution."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from clvmodels.errors import ConfigurationError
from clvmodels.plots._canvas import (
    INK,
    MODEL,
    MODEL_FILL,
    MUTED,
    Table,
    canvas,
    columns,
    count_ticks,
    finish,
    is_table,
    legend,
    note,
    number_ticks,
    unit,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

BINS_PER_DECADE = 8
_DASHES = ((4, 2), (1, 1.5))


def concentration_points(values: ArrayLike, points: int = 100) -> dict[str, NDArray[np.float64]]:
    """Give the share of value that the most valuable customers hold.

    Parameters
    ----------
    values : array-like, shape (n,)
        One value per customer; their sum must be positive.
    points : int
        Number of steps of the curve.

    Returns
    -------
    dict
        ``customers`` and ``value``: shares from 0 to 1, most valuable customers first, shape
        (points + 1,).

    Raises
    ------
    ConfigurationError
        If the values do not add up to more than 0: there is nothing to share out.
    """
    ranked = np.sort(np.asarray(values, dtype=float))[::-1]
    if not ranked.sum() > 0:
        message = (
            f"The sum of the values is {ranked.sum():g}; it must be positive to be shared out."
        )
        raise ConfigurationError(message)
    running = np.concatenate([[0.0], np.cumsum(ranked)])
    shares = np.linspace(0.0, 1.0, points + 1)
    held = np.interp(shares * len(ranked), np.arange(len(running)), running)
    return {"customers": shares, "value": held / running[-1]}


def value_histogram(values: ArrayLike) -> dict[str, NDArray[np.float64]]:
    """Count customers by value in bins that are equally wide on a logarithmic scale.

    Parameters
    ----------
    values : array-like, shape (n,)
        One value per customer; those at or below zero are left out.

    Returns
    -------
    dict
        ``lower`` and ``upper`` bounds and ``customers`` per bin, shape (bins,).
    """
    kept = np.asarray(values, dtype=float)
    steps = np.floor(np.log10(kept[kept > 0]) * BINS_PER_DECADE).astype(int)
    first = int(steps.min()) if len(steps) else 0
    counts = np.bincount(steps - first) if len(steps) else np.zeros(0)
    edges = 10.0 ** ((first + np.arange(len(counts) + 1)) / BINS_PER_DECADE)
    return {"lower": edges[:-1], "upper": edges[1:], "customers": counts.astype(float)}


def plot_concentration(values: Table, *, label: str = "value", ax: Axes | None = None) -> Axes:
    """Draw which share of value the most valuable customers hold (a Lorenz curve from the top).

    Parameters
    ----------
    values : array-like of one value per customer, or table
        A table has ``customers`` and ``value``, cumulative shares from 0 to 1.
    label : str
        What is shared out, such as "value" or "expected purchases".
    ax : matplotlib Axes, optional
    """
    from matplotlib.ticker import PercentFormatter

    table = values if is_table(values) else concentration_points(values)
    customers, value = (column.astype(float) for column in columns(table, "customers", "value"))
    ax = canvas(ax)
    ax.plot([0, 1], [0, 1], color=MUTED, linewidth=1.0, dashes=(1, 2))
    ax.annotate("if all were equal", (0.62, 0.595), color=MUTED, va="top")
    ax.plot(customers, value, color=MODEL, linewidth=2.2)
    for share in (0.1, 0.2, 0.5):
        held = float(np.interp(share, customers, value))
        ax.plot([share], [held], "o", color=MODEL, markersize=5, markeredgecolor="white")
        note(ax, f"top {share:.0%}: {held:.0%}", (share, held), (7, -4), va="top")
    ax.set_xlim(0, 1)
    ax.set_ylim(min(0.0, float(value.min())), max(1.0, float(value.max())) + 0.02)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    return finish(
        ax, x="share of customers, most valuable first", y=f"share of {label}", grid="both"
    )


def first_drawn(customers: ArrayLike) -> int:
    """Give the first bin that is drawn: the lowest hundredth of the customers is left out.

    A few customers who are almost surely gone would otherwise stretch a logarithmic axis over
    many empty decades.
    """
    counts = np.asarray(customers, dtype=float)
    return int(np.searchsorted(np.cumsum(counts), 0.01 * counts.sum(), side="right"))


def plot_value_distribution(
    values: Table,
    *,
    currency: str | None = None,
    label: str | None = None,
    marks: dict[str, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw how many customers are worth how much, on a logarithmic scale.

    The lowest hundredth of the customers is left out (`first_drawn`).

    Parameters
    ----------
    values : array-like of one value per customer, or table
        A table has ``lower``, ``upper`` and ``customers``, one row per bin.
    currency : str, optional
        Unit of the horizontal axis; without it "the log's currency".
    label : str, optional
        The horizontal axis in full, where it is not money.
    marks : dict, optional
        Values to mark with a line, by their label, such as ``{"median": 12.5}``.
    ax : matplotlib Axes, optional
    """
    from matplotlib.ticker import NullLocator

    table = values if is_table(values) else value_histogram(values)
    lower, upper, customers = (
        column.astype(float) for column in columns(table, "lower", "upper", "customers")
    )
    drawn = slice(first_drawn(customers), None)
    lower, upper, customers = lower[drawn], upper[drawn], customers[drawn]
    ax = canvas(ax)
    ax.bar(
        lower,
        customers,
        width=upper - lower,
        align="edge",
        color=MODEL_FILL,
        edgecolor="white",
        linewidth=0.8,
    )
    ax.set_xscale("log")
    ax.set_ylim(0, 1.05 * float(customers.max()) if len(customers) else 1.0)
    _draw_marks(ax, marks or {})
    number_ticks(ax.xaxis)
    # Small ticks would be most of the drawing.
    ax.xaxis.set_minor_locator(NullLocator())
    count_ticks(ax.yaxis)
    return finish(
        ax, x=label or f"value of a customer, {unit(currency)} (logarithmic scale)", y="customers"
    )


def _draw_marks(ax: Axes, marks: dict[str, float]) -> None:
    """Draw marked values as lines whose dashes the legend explains."""
    lines = [
        ax.axvline(value, color=INK, linewidth=1.4, dashes=dashes, label=name)
        for (name, value), dashes in zip(marks.items(), itertools.cycle(_DASHES), strict=False)
        if value > 0
    ]
    if lines:
        legend(ax, lines, side_by_side=False)
