"""Where a forecast was off: by group of customers, and by window of the past."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from clvmodels.plots._canvas import (
    BAND,
    INK,
    MARKS,
    MODEL,
    MODEL_FILL,
    MUTED,
    PLAIN,
    Table,
    bounds,
    canvas,
    columns,
    finish,
    legend,
    marks,
    note,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MODEL_ONLY: Mapping[str, str] = {"model": "model"}
_MOST_METHODS = 2
_MARK_OF = {"simple_formula": 1}
"""Methods that have a mark of their own wherever they stand."""
_TICKS = (0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)


def plot_error_by_cohort(
    cohorts: Table,
    *,
    methods: Mapping[str, str] = _MODEL_ONLY,
    label: str = "month of the first purchase",
    ax: Axes | None = None,
) -> Axes:
    """Draw how far the forecast of each group was above or below what the group did.

    Parameters
    ----------
    cohorts : table
        One row per group with ``cohort`` (its label), ``actual`` and a column per method, in the
        same unit. ``lower`` and ``upper``, where the table has them, bound in that unit what
        chance alone makes of the first method's forecast, and are drawn as bars around zero. A
        group in which nothing happened has no relative error and stays empty.
    methods : mapping
        Columns of the methods to draw, at most two, with their labels.
    label : str
        What the groups are.
    ax : matplotlib Axes, optional
    """
    from matplotlib.ticker import FuncFormatter

    labels, actual = columns(cohorts, "cohort", "actual")
    base = np.where(actual.astype(float) > 0, actual.astype(float), np.nan)
    places = np.arange(len(labels))
    ax = canvas(ax)
    handles: list[Any] = []
    chance = bounds(cohorts, "lower", "upper")
    if chance is not None:
        first = columns(cohorts, next(iter(methods)))[0].astype(float)
        low, high = (chance - first) / base
        bars = ax.bar(
            places, high - low, bottom=low, width=0.7, color=BAND, edgecolor=MUTED, linewidth=0.6
        )
        bars.set_label("chance alone")
        handles.append(bars)
    ax.axhline(0.0, color=INK, linewidth=1.2)
    for place, (name, text) in enumerate(list(methods.items())[:_MOST_METHODS]):
        look = MARKS[_MARK_OF.get(name, place)]
        error = columns(cohorts, name)[0].astype(float) / base - 1.0
        low, high = np.minimum(error, 0.0), np.maximum(error, 0.0)
        ax.vlines(places, low, high, color=look[2], linewidth=0.9)
        handles += marks(ax, places, error, look, text)
    _thinned_labels(ax, [str(text) for text in labels])
    ax.use_sticky_edges = False
    ax.margins(x=0.5 / max(len(labels), 1), y=0.06)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _signed(value)))
    finish(ax, x=label, y="forecast above (+) or below (−) what happened")
    legend(ax, handles, own_line=True)
    return ax


def plot_common_shock(
    windows: Table,
    *,
    factor: float | None = None,
    quantity: Literal["purchases", "spend"] = "purchases",
    ax: Axes | None = None,
) -> Axes:
    """Draw how far the total of the base strayed from its forecast in earlier windows.

    Parameters
    ----------
    windows : table
        One row per window with ``origin`` and ``end`` (dates or ISO text) and, for purchases,
        ``actual_purchases`` and ``predicted_purchases``, as `LearnedShocks.to_frame` gives them.
    factor : float, optional
        By what a total is multiplied and divided for its interval; drawn as a band.
    quantity : str
        "purchases" or "spend".
    ax : matplotlib Axes, optional
    """
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    origins, ends, actual, predicted = columns(
        windows, "origin", "end", f"actual_{quantity}", f"predicted_{quantity}"
    )
    ratio = actual.astype(float) / predicted.astype(float)
    places = np.arange(len(ratio))
    ax = canvas(ax)
    if factor is not None:
        ax.axhspan(1.0 / factor, factor, color=MODEL_FILL, alpha=0.3, linewidth=0)
        text, where = "range that the value of the base allows for", ("axes fraction", "data")
        note(ax, text, (0.0, factor), (4, -3), xycoords=where, va="top")
    ax.axhline(1.0, color=INK, linewidth=1.2)
    ax.vlines(places, np.minimum(ratio, 1.0), np.maximum(ratio, 1.0), color=MODEL, linewidth=1.2)
    ax.plot(places, ratio, linestyle="none", marker="D", color=MODEL)
    for place, value in enumerate(ratio.tolist()):
        note(ax, _off(value), (place, value), (7, 0), va="center")
    spread = max([1.1, factor or 1.0, *np.exp(np.abs(np.log(ratio[ratio > 0])))]) * 1.08
    ax.set_yscale("log")
    ax.set_ylim(1.0 / spread, spread)
    ax.yaxis.set_major_locator(
        FixedLocator([tick for tick in _TICKS if 1.0 / spread <= tick <= spread])
    )
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _off(value)))
    names = [
        f"{str(one)[:10]}\nto {str(other)[:10]}" for one, other in zip(origins, ends, strict=True)
    ]
    ax.set_xticks(places, names)
    ax.set_xlim(-0.6, len(ratio) - 0.4)
    return finish(ax, x="earlier window", y=f"{quantity}: what happened against the forecast")


def _off(ratio: float) -> str:
    text = _signed(ratio - 1.0)
    return "as forecast" if text == "0%" else text


def _signed(share: float) -> str:
    text = f"{share:+.0%}".replace("-", "−")
    return "0%" if text[1:] == "0%" else text


def _thinned_labels(ax: Axes, labels: list[str], most: int = 40) -> None:
    """Write labels of at most so many characters below the axis, evenly from the first on."""
    step = -(-sum(len(label) + 2 for label in labels) // most) or 1
    ax.set_xticks(range(0, len(labels), step), labels[::step], **PLAIN)
