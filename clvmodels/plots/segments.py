"""Segments: who they are beside what they are worth, and whether they bore out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from clvmodels.plots._canvas import (
    ACTUAL,
    ACTUAL_FILL,
    MODEL,
    MODEL_FILL,
    MUTED,
    PLAIN,
    canvas,
    finish,
    legend,
    note,
    number_ticks,
    share_ticks,
    unit,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_LETTERS = 28


def plot_segments(rows: Sequence[Mapping[str, Any]], *, ax: Axes | None = None) -> Axes:
    """Draw each segment's share of customers beside its share of expected value.

    Parameters
    ----------
    rows
        ``rows`` of the ``segments`` of a run, or of ``Segments.content``. Without money the share
        of expected purchases is drawn.
    ax : matplotlib Axes, optional
    """
    ax = canvas(ax)
    worth = [_worth(row) for row in rows]
    total = sum(worth) or 1.0
    sets = (
        ("customers", [float(row["customers_share"] or 0.0) for row in rows], _EMPTY),
        (_worth_name(rows), [value / total for value in worth], _FULL),
    )
    place = np.arange(len(rows), dtype=float)
    handles = []
    for aside, (label, shares, style) in zip((-0.2, 0.2), sets, strict=True):
        handles.append(ax.barh(place + aside, shares, height=0.36, label=label, **style))
        for y, share in zip(place + aside, shares, strict=True):
            text = f"{share:.0%}" if share >= 0.005 or share == 0.0 else "<1%"
            note(ax, text, (max(share, 0.0), y), (3, 0), va="center", fontsize="small")
    _names(ax, rows)
    share_ticks(ax.xaxis)
    ax.margins(x=0.12)
    finish(ax, x="share of the base", y="", grid=None)
    legend(ax, handles)
    return ax


def plot_segment_evidence(
    rows: Sequence[Mapping[str, Any]],
    *,
    measure: str = "spend",
    currency: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw what was expected of each segment's customers against what they went on to do.

    Parameters
    ----------
    rows
        ``evidence.rows`` of the ``segments`` of a run.
    measure : str
        "spend" or "purchases".
    currency : str, optional
        Unit of spend.
    ax : matplotlib Axes, optional
    """
    ax = canvas(ax)
    there = [row for row in rows if row["customers"]]
    place = np.arange(len(there), dtype=float)
    actual, lower, upper, predicted = (
        np.array([float(row[name]) for row in there])
        for name in ("actual", "actual_lower", "actual_upper", "predicted")
    )
    seen = ax.barh(place, actual, height=0.62, label="what happened", **_EMPTY)
    ax.hlines(place, lower, upper, color=ACTUAL, linewidth=1.4)
    (said,) = ax.plot(
        predicted, place, "D", color=MODEL, markersize=6, label="expected beforehand", zorder=3
    )
    _names(ax, there)
    number_ticks(ax.xaxis)
    of = (
        f"spend per customer ({unit(currency)})" if measure == "spend" else "purchases per customer"
    )
    finish(ax, x=f"{of} in the hold-out", y="", grid=None)
    ax.set_xlim(left=0.0)
    legend(ax, [seen, said])
    return ax


_EMPTY: dict[str, Any] = {"color": ACTUAL_FILL, "edgecolor": MUTED, "linewidth": 0.6}
_FULL: dict[str, Any] = {
    "color": MODEL_FILL, "edgecolor": MODEL, "linewidth": 0.6, "hatch": "////",
}  # fmt: skip


def _worth(row: Mapping[str, Any]) -> float:
    total = row["clv"] or row["purchases"] or {"expected": 0.0}
    return max(float(total["expected"]), 0.0)


def _worth_name(rows: Sequence[Mapping[str, Any]]) -> str:
    return "expected value" if any(row["clv"] for row in rows) else "expected purchases"


def _names(ax: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """Name the bars, the first on top; a name is text, and no longer than fits."""
    names = [str(row["name"]) for row in rows]
    short = [
        name if len(name) <= _MOST_LETTERS else f"{name[: _MOST_LETTERS - 1]}…" for name in names
    ]
    ax.set_yticks(range(len(rows)), short, **PLAIN)
    ax.invert_yaxis()
