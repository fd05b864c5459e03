"""How many customers made 0, 1, 2 ... repeat purchases, and how many the model expects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvmodels.plots._canvas import (
    ACTUAL_FILL,
    MODEL,
    Table,
    canvas,
    columns,
    count_ticks,
    finish,
    legend,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_frequency_check(
    frequency_check: Table, *, label: str = "repeat purchases", ax: Axes | None = None
) -> Axes:
    """Draw the customers by number of purchases: bars for actual, marks for the model.

    Parameters
    ----------
    frequency_check : table
        One row per group with ``frequency`` (its label, such as "0" or "7+"), ``actual`` and
        ``expected`` (customers).
    label : str
        What is counted on the horizontal axis, such as "purchases in the held-out weeks".
    ax : matplotlib Axes, optional
    """
    labels, actual, expected = columns(frequency_check, "frequency", "actual", "expected")
    ax = canvas(ax)
    places = range(len(labels))
    bars = ax.bar(places, actual.astype(float), width=0.72, color=ACTUAL_FILL, label="actual")
    marks = ax.plot(
        places,
        expected.astype(float),
        linestyle="none",
        marker="D",
        markersize=6,
        color=MODEL,
        markeredgecolor="white",
        label="model",
    )
    ax.set_xticks(places, [str(label) for label in labels])
    ax.set_ylim(bottom=0)
    count_ticks(ax.yaxis)
    finish(ax, x=label, y="customers")
    legend(ax, [bars, *marks])
    return ax
