"""What all figures share: columns from any table, a canvas, colours, axes with units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from clvmodels.errors import ConfigurationError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

Table: TypeAlias = Any
"""A frame or an Arrow table, a mapping of columns, or a sequence of records."""

INK = "#1f242b"
MUTED = "#59636e"
GRID = "#dfe3e8"
BAND = "#f1f3f5"
ACTUAL = "#1f242b"
ACTUAL_FILL = "#b9c0c9"
MODEL = "#1668a8"
MODEL_FILL = "#6ea6d0"
FORMULA = "#b45f06"
FORMULA_FILL = "#f4c58a"
OTHER = "#7a4fa3"
FORMULA_BAR: dict[str, Any] = {
    "color": FORMULA_FILL, "edgecolor": FORMULA, "linewidth": 0.8, "hatch": "////",
}  # fmt: skip
# Marker, fill and edge: shape carries the reading where colour fails.
MARKS = (("D", MODEL, MODEL), ("^", FORMULA_FILL, FORMULA), ("s", "white", OTHER))
PLAIN: dict[str, Any] = {"parse_math": False}
"""Text taken from a log or a configuration: a dollar sign is a dollar sign."""


def columns(table: Table, *names: str) -> list[NDArray[Any]]:
    """Give the named columns of any table as arrays.

    Parameters
    ----------
    table : DataFrame, Arrow table, mapping of columns or sequence of mappings
    *names : str

    Raises
    ------
    ConfigurationError
        If a column is missing; the message names the columns there are.
    """
    if isinstance(table, Sequence):
        records: Sequence[Mapping[str, Any]] = table
        _require(names, column_names(records) if records else names)
        return [np.asarray([record[name] for record in records]) for name in names]
    if hasattr(table, "to_pydict"):
        table = table.to_pydict()
    _require(names, column_names(table))
    return [np.asarray(table[name]) for name in names]


def column_names(table: Table) -> list[str]:
    """Give the names of the columns that a table has; none for an empty sequence."""
    if isinstance(table, Sequence):
        return list(table[0]) if table else []
    if hasattr(table, "column_names"):
        return list(table.column_names)
    return [str(name) for name in (table if isinstance(table, Mapping) else table.columns)]


def bounds(table: Table, lower: str, upper: str) -> NDArray[np.float64] | None:
    """Give two columns as rows of an array, shape (2, n); None where there are no bounds."""
    if not {lower, upper} <= set(column_names(table)):
        return None
    found = np.array([column.astype(float) for column in columns(table, lower, upper)])
    return found if np.isfinite(found).any() else None


def is_table(data: Table) -> bool:
    """Whether ``data`` has named columns (and is not one plain column of values)."""
    if isinstance(data, Sequence):
        return len(data) > 0 and isinstance(data[0], Mapping)
    return isinstance(data, Mapping) or hasattr(data, "columns") or hasattr(data, "to_pydict")


def _require(names: Sequence[str], found: Sequence[str]) -> None:
    missing = [name for name in names if name not in found]
    if missing:
        message = (
            f"This figure needs the columns {', '.join(names)}; {', '.join(missing)} "
            f"cannot be found among {', '.join(found)}."
        )
        raise ConfigurationError(message)


def canvas(ax: Axes | None) -> Axes:
    """Give ``ax``, or the axes of a new figure."""
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    return plt.subplots(figsize=(6.4, 4.0), layout="constrained")[1]


def finish(ax: Axes, *, x: str, y: str, grid: str | None = "y") -> Axes:
    """Label both axes, with the vertical axis's label lying flat above it, and calm the frame."""
    ax.set_xlabel(x, color=MUTED, **PLAIN)
    ax.set_ylabel(
        y, rotation=0, ha="left", va="bottom", color=MUTED, rotation_mode="anchor", **PLAIN
    )
    ax.yaxis.set_label_coords(0.0, 1.03)
    # Layout engines keep no height free for a label above the axes; for a title they do.
    ax.set_title(" ", loc="left")
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.spines["bottom"].set_color(MUTED)
    ax.tick_params(colors=MUTED, length=3)
    ax.tick_params(axis="y", length=0)
    ax.set_axisbelow(True)
    if grid is not None:
        ax.grid(visible=True, axis="y" if grid == "y" else "both", color=GRID, linewidth=0.8)
    return ax


def note(
    ax: Axes, text: str, at: tuple[float, float], offset: tuple[float, float], **how: Any
) -> None:
    """Write text beside a place in the data, ``offset`` points away; none of it is markup."""
    how = {"color": INK, **how}
    ax.annotate(text, at, xytext=offset, textcoords="offset points", **how, **PLAIN)


def marks(ax: Axes, x: Any, y: Any, look: tuple[str, str, str], label: str) -> list[Any]:
    """Draw points with a look of `MARKS`, and give the handles for a legend."""
    marker, fill, edge = look
    return ax.plot(
        x,
        y,
        linestyle="none",
        marker=marker,
        markersize=6,
        color=fill,
        markeredgecolor=edge,
        label=label,
    )


def shade_after(ax: Axes, cut: float, end: float) -> None:
    """Shade what comes after a day, behind a dotted line."""
    ax.axvspan(cut, end, color=BAND, zorder=0, linewidth=0)
    ax.axvline(cut, color=MUTED, linewidth=1.0, dashes=(1, 2))


def day_ticks(axis: Any) -> None:
    """Write the ticks of ``axis`` as days, months or years, whatever the span calls for."""
    from matplotlib import dates as matplotlib_dates

    dates: Any = matplotlib_dates  # Only partly typed.
    locator = dates.AutoDateLocator(minticks=3, maxticks=7)
    axis.set_major_locator(locator)
    axis.set_major_formatter(dates.ConciseDateFormatter(locator, show_offset=False))


def count_ticks(axis: Any, *, most: int = 5) -> None:
    """Write the ticks of ``axis`` as whole numbers with thousands separators."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=most, steps=[1, 2, 5, 10], integer=True))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def number_ticks(axis: Any) -> None:
    """Write the ticks of ``axis`` with thousands separators and no more decimals than needed."""
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))


def legend(
    ax: Axes,
    handles: Sequence[Any],
    *,
    side_by_side: bool = True,
    own_line: bool = False,
    columns: int | None = None,
) -> None:
    """Put a frameless legend of ``handles`` above the axes, to the right.

    With ``own_line`` it stands to the left, above the vertical axis's label, where the two would
    not fit into one line.
    """
    from matplotlib.transforms import ScaledTranslation

    line = 1.8 * float(ax.yaxis.label.get_fontsize()) / 72.0
    raised = ScaledTranslation(0.0, line, ax.figure.dpi_scale_trans)
    box = ax.legend(
        handles=handles,
        ncols=columns or (len(handles) if side_by_side else 1),
        frameon=False,
        loc="lower left" if own_line else "lower right",
        bbox_to_anchor=(0.0 if own_line else 1.0, 1.0),
        bbox_transform=ax.transAxes + raised if own_line else ax.transAxes,
        borderaxespad=0.2,
        borderpad=0.0 if own_line else None,
        handlelength=1.8,
        columnspacing=1.2,
        labelcolor=INK,
    )
    for text in box.get_texts():
        text.set_parse_math(False)


def share_ticks(axis: Any) -> None:
    """Write the ticks of ``axis``, shares, as percentages without needless decimals."""
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100.0 * value:.4g}%"))


def unit(currency: str | None) -> str:
    """Name the unit of money: the label given, or the log's own currency."""
    return currency or "the log's currency"
