"""The simple formula beside the model: where their money differs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from clvmodels.plots._canvas import (
    FORMULA_BAR,
    MODEL,
    Table,
    canvas,
    columns,
    finish,
    legend,
    number_ticks,
    unit,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_formula_comparison(
    groups: Table, *, currency: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the total value by number of repeat purchases, by the model and by the formula.

    Parameters
    ----------
    groups : table
        One row per group with ``frequency`` (its label), ``model`` and ``simple_formula`` (total
        value of the group's customers).
    currency : str, optional
        Unit of the vertical axis; without it "the log's currency".
    ax : matplotlib Axes, optional
    """
    labels, model, formula = columns(groups, "frequency", "model", "simple_formula")
    ax = canvas(ax)
    places = np.arange(len(labels))
    ours = ax.bar(places - 0.2, model.astype(float), width=0.38, color=MODEL, label="model")
    theirs = ax.bar(
        places + 0.2,
        formula.astype(float),
        width=0.38,
        label="simple formula",
        **FORMULA_BAR,
    )
    ax.set_xticks(places, [str(label) for label in labels])
    number_ticks(ax.yaxis)
    finish(ax, x="repeat purchases so far", y=f"total value, {unit(currency)}")
    legend(ax, [ours, theirs], side_by_side=False)
    return ax
