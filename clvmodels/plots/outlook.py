"""The months ahead, and what would move the value of the base."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from clvmodels.plots._canvas import (
    FORMULA_BAR,
    INK,
    MODEL,
    MODEL_FILL,
    MUTED,
    canvas,
    count_ticks,
    finish,
    note,
    number_ticks,
    unit,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BAR = 0.34


def plot_forward(
    spans: Sequence[Mapping[str, Any]],
    *,
    label: str,
    start: Mapping[str, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a quantity over the next months, each with its range.

    Parameters
    ----------
    spans : sequence of mappings
        One per span with ``months``, ``expected``, ``lower`` and ``upper``.
    label : str
        The vertical axis.
    start : mapping, optional
        ``expected``, ``lower`` and ``upper`` today; without it the quantity starts at 0.
    ax : matplotlib Axes, optional
    """
    none = {"expected": 0.0, "lower": 0.0, "upper": 0.0}
    points = [{"months": 0, **(start or none)}, *spans]
    months, expected, lower, upper = (
        np.array([point[name] for point in points], dtype=float)
        for name in ("months", "expected", "lower", "upper")
    )
    ax = canvas(ax)
    ax.fill_between(months, lower, upper, color=MODEL_FILL, alpha=0.35, linewidth=0)
    ax.plot(months, expected, color=MODEL, linewidth=2.0, marker="D", markersize=5)
    ax.vlines(months, lower, upper, color=MODEL, linewidth=1.0)
    ax.set_xticks(months, ["today", *(f"{month:.0f}" for month in months[1:])])
    ax.set_xlim(0, float(months[-1]) * 1.02)
    ax.set_ylim(0, float(upper.max()) * 1.06 or 1.0)
    count_ticks(ax.yaxis)
    finish(ax, x="months from today", y=label)
    ax.yaxis.label.set_parse_math(False)
    return ax


def plot_tornado(
    entries: Sequence[Mapping[str, Any]],
    value: float,
    *,
    currency: str | None = None,
    label: str | None = None,
    amount: Callable[[float], str] = "{:,.0f}".format,
    ax: Axes | None = None,
) -> Axes:
    """Draw how far the value of the base moves when one assumption at a time is changed.

    Parameters
    ----------
    entries : sequence of mappings
        One per assumption, the one that moves most first: ``label`` and, as ``low`` and ``high``,
        ``input`` (what was put in) and ``value`` (what came out).
    value : float
        The value as it stands.
    currency : str, optional
        Unit of the horizontal axis; without it "the log's currency".
    label : str, optional
        The horizontal axis in full, where it is not money.
    amount : callable
        How an amount is written.
    ax : matplotlib Axes, optional
    """
    ax = canvas(ax)
    low, high = (
        np.array([entry[side]["value"] for entry in entries], dtype=float)
        for side in ("low", "high")
    )
    places = np.arange(len(entries))
    below, above = np.minimum(low, value), np.maximum(high, value)
    ax.barh(places, below - value, left=value, height=_BAR, **FORMULA_BAR)
    full: dict[str, Any] = {"color": MODEL, "edgecolor": MODEL, "linewidth": 0.8}
    ax.barh(places, above - value, left=value, height=_BAR, **full)
    ax.axvline(value, color=INK, linewidth=1.2)
    for place, entry in enumerate(entries):
        note(
            ax,
            f"{entry['label']}\n{entry['low']['input']} → {amount(entry['low']['value'])}; "
            f"{entry['high']['input']} → {amount(entry['high']['value'])}",
            (0.0, place - 0.5 * _BAR),
            (0, 2),
            xycoords=("axes fraction", "data"),
            va="bottom",
            linespacing=1.15,
            fontsize=8.5,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
        )
    spread = max(float(above.max() - below.min()), 1e-9 * abs(value), 1e-12)
    ax.set_xlim(float(below.min()) - 0.04 * spread, float(above.max()) + 0.04 * spread)
    ax.set_ylim(len(entries) - 0.6, -0.95)
    number_ticks(ax.xaxis)
    ax.locator_params(axis="x", nbins=4)
    finish(ax, x=label or f"value of the base, {unit(currency)}", y="", grid=None)
    ax.set_yticks([])
    ax.spines["bottom"].set_color(MUTED)
    return ax
