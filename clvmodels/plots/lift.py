"""Whether a forecast finds the customers who matter: what its tenths went on to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from clvmodels.plots._canvas import (
    FORMULA_BAR,
    INK,
    MODEL,
    MUTED,
    OTHER,
    Table,
    canvas,
    columns,
    finish,
    legend,
    note,
    share_ticks,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FILLS: tuple[dict[str, Any], ...] = (
    {"color": MODEL},
    FORMULA_BAR,
    {"color": "white", "edgecolor": OTHER, "linewidth": 0.8, "hatch": "...."},
)


def plot_decile_lift(
    deciles: Mapping[str, Table],
    *,
    perfect: Table | None = None,
    quantity: str = "purchases",
    ax: Axes | None = None,
) -> Axes:
    """Draw which share of what happened came from each tenth of the customers.

    Parameters
    ----------
    deciles : mapping
        For each method, by its label (at most three), a table of ``decile`` (1 has the highest
        forecasts) and ``lift`` (mean of what happened over the mean of all customers).
    perfect : table, optional
        The same with the customers ordered by what they went on to do: no order can do better.
    quantity : str
        What happened: "purchases" or "spend".
    ax : matplotlib Axes, optional
    """
    ax = canvas(ax)
    width = 0.84 / max(len(deciles), 1)
    handles: list[Any] = []
    for place, ((label, table), fill) in enumerate(zip(deciles.items(), _FILLS, strict=False)):
        tenth, share = _shares(table)
        aside = (place - 0.5 * (len(deciles) - 1)) * width
        handles.append(ax.bar(tenth + aside, share, width=0.92 * width, label=label, **fill))
        if place == 0 and len(share):
            place_of_first = (tenth[0] + aside, share[0])
            note(ax, f"{share[0]:.0%}", place_of_first, (0, 2), ha="center", va="bottom")
    if perfect is not None:
        tenth, share = _shares(perfect)
        handles.append(
            ax.hlines(share, tenth - 0.46, tenth + 0.46, color=INK, linewidth=1.6, label="perfect")
        )
    ax.axhline(0.1, color=MUTED, linewidth=1.0, dashes=(1, 2))
    where: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "ha": "right", "va": "bottom"}
    note(ax, "no order at all", (1.0, 0.1), (0, 2), color=MUTED, **where)
    ax.set_xticks(range(1, 11))
    ax.margins(y=0.1)
    ax.set_ylim(bottom=0)
    share_ticks(ax.yaxis)
    finish(ax, x="tenth of the customers, highest forecast first", y=f"share of all {quantity}")
    legend(ax, handles, own_line=True)
    return ax


def _shares(table: Table) -> tuple[Any, Any]:
    """Give the tenths and their shares of the total; a tenth of nothing is nothing."""
    tenth, lift = columns(table, "decile", "lift")
    return tenth.astype(float), np.nan_to_num(lift.astype(float)) / 10.0
