"""The way from one total to another, one step after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clvmodels.plots._canvas import (
    ACTUAL_FILL,
    FORMULA_BAR,
    INK,
    MODEL,
    MUTED,
    Table,
    canvas,
    columns,
    count_ticks,
    finish,
    note,
    unit,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

_BAR = 0.42
"""Height of a bar; the rest of its row is for its name."""
_BEFORE: dict[str, Any] = {"color": ACTUAL_FILL, "edgecolor": INK, "linewidth": 0.8}


def plot_formula_causes(
    steps: Table,
    *,
    names: Mapping[str, str] | None = None,
    currency: str | None = None,
    amount: Callable[[float], str] = "{:,.0f}".format,
    ax: Axes | None = None,
) -> Axes:
    """Draw the way from the simple formula's total to the model's, one cause after the other.

    Parameters
    ----------
    steps : table
        Rows of ``step`` (a name) and ``money``: first the formula's total, then what each cause
        adds to it or takes from it, last the model's total, as `FormulaComparison.to_frame` gives
        them. Causes that move less than a thousandth of the larger total are left out.
    names : mapping, optional
        What to write for a step instead of its name.
    currency : str, optional
        Unit of the horizontal axis; without it "the log's currency".
    amount : callable
        How a positive amount is written.
    ax : matplotlib Axes, optional
    """
    label = f"total value, {unit(currency)}"
    return _draw(steps, names or {}, label, amount, FORMULA_BAR, ax)


def plot_change(
    steps: Table,
    *,
    currency: str | None = None,
    label: str | None = None,
    amount: Callable[[float], str] = "{:,.0f}".format,
    ax: Axes | None = None,
) -> Axes:
    """Draw the way from the value of the base at the last run to that of today.

    Parameters
    ----------
    steps : table
        Rows of ``step`` (a name) and ``money``: first the value then, then what each cause added
        or took, last the value now. Causes that move less than a thousandth are left out.
    currency : str, optional
        Unit of the horizontal axis; without it "the log's currency".
    label : str, optional
        The horizontal axis in full, where it is not money.
    amount : callable
        How a positive amount is written.
    ax : matplotlib Axes, optional
    """
    return _draw(steps, {}, label or f"value of the base, {unit(currency)}", amount, _BEFORE, ax)


def _draw(
    steps: Table,
    names: Mapping[str, str],
    label: str,
    amount: Callable[[float], str],
    first: Mapping[str, Any],
    ax: Axes | None,
) -> Axes:
    labels, money = _moving(steps)
    titles = [names.get(str(name), str(name)) for name in labels]
    differences, last = money[1:-1], len(money) - 1
    # Each bar hangs where the one before it ended.
    reached = money[0] + np.concatenate([[0.0], np.cumsum(differences)])
    ax = canvas(ax)
    ax.barh(0, money[0], height=_BAR, **first)
    ax.barh(
        np.arange(1, last),
        differences,
        left=reached[:-1],
        height=_BAR,
        color=["white" if step < 0 else ACTUAL_FILL for step in differences],
        edgecolor=INK,
        linewidth=0.9,
    )
    ax.barh(last, money[-1], height=_BAR, color=MODEL)
    for place, total in enumerate(reached):
        ax.vlines(total, place, place + 1, color=MUTED, linewidth=0.8, zorder=0)
    for place, (title, step) in enumerate(zip(titles, money, strict=True)):
        sign = "" if place in {0, last} else "−" if step < 0 else "+"
        # Beside the bars a phone has no room for words.
        note(
            ax,
            f"{title}: {sign}{amount(abs(step))}",
            (0.0, place - 0.5 * _BAR),
            (4, 2),
            xycoords=("axes fraction", "data"),
            va="bottom",
            # The lines between bars stop where a name stands.
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
        )
    ax.axvline(0.0, color=MUTED, linewidth=1.0)
    ax.set_ylim(last + 0.4, -0.85)
    count_ticks(ax.xaxis, most=4)
    finish(ax, x=label, y="", grid=None)
    ax.set_yticks([])
    return ax


def _moving(steps: Table) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Give the names and amounts of the two totals and of the causes that move anything."""
    labels, values = columns(steps, "step", "money")
    money = values.astype(float)
    kept = np.abs(money) >= 1e-3 * max(abs(money[0]), abs(money[-1]))
    kept[[0, -1]] = True
    return labels[kept], money[kept]
