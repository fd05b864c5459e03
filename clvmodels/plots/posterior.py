"""What the parameters may be, pair by pair."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from clvmodels.errors import ConfigurationError
from clvmodels.plots._canvas import (
    FORMULA,
    INK,
    MODEL,
    MODEL_FILL,
    MUTED,
    PLAIN,
    Table,
    column_names,
    columns,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.gridspec import GridSpecBase
    from numpy.typing import NDArray

SHARES = (0.5, 0.9)
_MOST, _SIDE, _BINS = 1_000, 40, 40
_STYLES: tuple[dict[str, Any], ...] = (
    {"color": MODEL, "linestyle": "solid", "linewidth": 1.4},
    {"color": FORMULA, "linestyle": (0, (3, 1.5)), "linewidth": 1.6},
)


def plot_posterior_pairs(
    posteriors: Mapping[str, Table],
    *,
    units: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> NDArray[Any]:
    """Draw the draws of each parameter, and of each pair of them below the diagonal.

    Points are draws of the first posterior. Lines hold the densest 50 % and 90 % of each, so that
    two posteriors can be compared.

    Parameters
    ----------
    posteriors : mapping of names to tables
        One or two tables of draws with a column per parameter, such as ``posterior_`` of a model.
    units : mapping, optional
        Units of parameters that have one, such as ``{"alpha": "weeks"}``.
    ax : matplotlib Axes, optional
        Gives its place to the panels.

    Returns
    -------
    array of Axes, shape (parameters, parameters)
        None above the diagonal.

    Raises
    ------
    ConfigurationError
        If there are more than two posteriors, or they have no parameters in common.
    """
    if not 1 <= len(posteriors) <= len(_STYLES):
        message = f"{len(posteriors)} posteriors were given; one or two can be drawn."
        raise ConfigurationError(message)
    tables = list(posteriors.values())
    shared = [column_names(table) for table in tables]
    names = [name for name in shared[0] if all(name in others for others in shared)]
    if not names:
        message = "The posteriors have no parameters in common."
        raise ConfigurationError(message)
    draws = [np.array([c.astype(float) for c in columns(table, *names)]) for table in tables]
    labels = [f"{name} ({units[name]})" if units and name in units else name for name in names]
    panels = _panels(ax, len(names))
    for row, column in zip(*np.tril_indices(len(names)), strict=True):
        panel = panels[row, column]
        if row == column:
            _alone(panel, [found[row] for found in draws])
        else:
            _pair(panel, [found[[column, row]] for found in draws])
        _frame(panel)
        if row == len(names) - 1:
            panel.set_xlabel(labels[column], color=MUTED, **PLAIN)
        else:
            panel.tick_params(labelbottom=False)
        if column == 0 and row:
            panel.set_ylabel(labels[row], color=MUTED, **PLAIN)
        elif column < row:
            panel.tick_params(labelleft=False)
    panels[0, 0].set_ylabel("density", color=MUTED)
    _legend(panels, list(posteriors))
    return panels


def densest(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Density of pairs on a grid, and the levels above which the densest shares of them lie.

    Returns
    -------
    tuple of arrays
        Grid of x (m,), grid of y (m,), density (m, m) with y down the rows, levels for the `SHARES`
        from the outermost inwards.
    """
    every = max(len(x) // _MOST, 1)
    points = np.array([x, y])[:, ::every]
    middle = points.mean(axis=1, keepdims=True)
    # Whitened, the two are as wide as each other: one width of the kernel fits all.
    whiten = np.linalg.inv(np.linalg.cholesky(np.cov(points)))
    white, width = whiten @ (points - middle), points.shape[1] ** (-1.0 / 6.0)
    grids = [
        np.linspace(p.min() - 0.1 * np.ptp(p), p.max() + 0.1 * np.ptp(p), _SIDE) for p in points
    ]
    at = np.array([axis.ravel() for axis in np.meshgrid(*grids)])
    there = _density(whiten @ (at - middle), white, width)
    levels = np.quantile(_density(white, white, width), [1.0 - share for share in SHARES[::-1]])
    return *grids, there.reshape(_SIDE, _SIDE), levels


def _density(at: NDArray[Any], points: NDArray[Any], width: float) -> NDArray[np.float64]:
    squares = (at**2).sum(axis=0)[:, None] + (points**2).sum(axis=0) - 2.0 * at.T @ points
    found: NDArray[np.float64] = np.exp(-0.5 * squares / width**2).mean(axis=1)
    return found


def _panels(ax: Axes | None, size: int) -> NDArray[Any]:
    """Axes in the lower triangle of a grid, in a new figure or in the place of ``ax``."""
    from matplotlib import pyplot as plt

    grid: GridSpecBase
    if ax is None:
        figure: Any = plt.figure(
            figsize=(2.0 * size + 0.8, 1.85 * size + 0.4), layout="constrained"
        )
        grid = figure.add_gridspec(size, size)
    else:
        figure, place = ax.figure, ax.get_subplotspec()
        ax.set_axis_off()
        box = ax.get_position()
        grid = (
            place.subgridspec(size, size)
            if place is not None
            else figure.add_gridspec(
                size, size, left=box.x0, right=box.x1, bottom=box.y0, top=box.y1
            )
        )
    panels = np.full((size, size), None, dtype=object)
    for row, column in zip(*np.tril_indices(size), strict=True):
        panels[row, column] = figure.add_subplot(
            grid[int(row), int(column)],
            sharex=panels[column, column] if row > column else None,
            sharey=panels[row, 0] if 0 < column < row else None,
        )
    return panels


def _alone(panel: Axes, draws: list[NDArray[Any]]) -> None:
    edges = np.histogram_bin_edges(np.concatenate(draws), bins=_BINS)
    for values, style in zip(draws, _STYLES, strict=False):
        panel.hist(values, bins=edges.tolist(), density=True, histtype="step", **style)
    panel.set_yticks([])


def _pair(panel: Axes, draws: list[NDArray[Any]]) -> None:
    # As a picture, thousands of points weigh nothing in a page of vector graphics.
    panel.plot(*draws[0], ",", color=MODEL_FILL, rasterized=True, zorder=1)
    for values, style in zip(draws, _STYLES, strict=False):
        x, y, density, levels = densest(*values)
        panel.contour(
            x,
            y,
            density,
            levels=levels,
            colors=[style["color"]],
            linestyles=[style["linestyle"]],
            linewidths=style["linewidth"],
        )


def _frame(panel: Axes) -> None:
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        panel.spines[side].set_color(MUTED)
    panel.tick_params(colors=MUTED, length=3)
    panel.locator_params(axis="x", nbins=4)


def _legend(panels: NDArray[Any], names: list[str]) -> None:
    """Names of the posteriors to the right of the first panel, where there is room."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], **style) for style, _ in zip(_STYLES, names, strict=False)]
    box = panels[0, 0].legend(
        handles,
        names,
        loc="upper left",
        bbox_to_anchor=(1.02, 1.0),
        frameon=False,
        labelcolor=INK,
        title=f"densest {SHARES[0]:.0%} and {SHARES[1]:.0%}" if len(panels) > 1 else None,
        alignment="left",
    )
    # The space is free in a triangle: the layout must not shrink the panels for it.
    box.set_in_layout(len(panels) == 1)
    for text in box.get_texts():
        text.set_parse_math(False)
