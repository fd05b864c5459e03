"""What the customers who came together have brought so far, and are expected to bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from clvmodels.plots._canvas import MUTED, canvas, finish, legend, number_ticks, unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

_MOST = 4
# Dark to light, so that they keep their order in grey; a marker and a name tell them apart too.
_LOOKS = (
    ("#123a63", "o"),
    ("#1668a8", "s"),
    ("#b45f06", "^"),
    ("#7a9a3a", "D"),
)


def drawn_cohorts(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Give the cohorts that a figure has room for: the first, the last, and some evenly between."""
    known = [row for row in rows if row["curve"]]
    if len(known) <= _MOST:
        return known
    places = np.linspace(0, len(known) - 1, _MOST).round().astype(int)
    return [known[place] for place in places]


def plot_cohort_curves(
    rows: Sequence[Mapping[str, Any]],
    *,
    quantity: str = "revenue",
    currency: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw cumulative spend per customer by cohort: observed, then forecast with bands.

    Parameters
    ----------
    rows : sequence of mappings
        One per cohort with ``cohort`` (its name) and ``curve``, a list of ``months`` since the
        first purchase, ``value`` so far, ``lower`` and ``upper`` (None where nothing is uncertain)
        and ``status``: "observed", "partly" or "forecast". At most four are drawn.
    quantity : str
        "revenue" or "purchases".
    currency : str, optional
        Unit of revenue; without it "the log's currency".
    ax : matplotlib Axes, optional
    """
    from matplotlib.lines import Line2D

    ax = canvas(ax)
    handles: list[Any] = []
    for row, (colour, marker) in zip(drawn_cohorts(rows), _LOOKS, strict=False):
        curve = row["curve"]
        months, value = (_numbers(curve, name) for name in ("months", "value"))
        seen = sum(cell["status"] == "observed" for cell in curve)
        past, ahead = slice(0, seen), slice(max(seen - 1, 0), None)
        ax.plot(months[past], value[past], color=colour, linewidth=2.0)
        ax.plot(months[ahead], value[ahead], color=colour, linewidth=1.8, dashes=(3, 1.5))
        # The band opens where what was seen ends.
        low, high = (
            np.where(np.isfinite(bound), bound, value)[ahead]
            for bound in (_numbers(curve, "lower"), _numbers(curve, "upper"))
        )
        ax.fill_between(months[ahead], low, high, color=colour, alpha=0.16, linewidth=0)
        step = max(1, len(months) // 6)
        marked: dict[str, Any] = {"color": colour, "marker": marker, "markersize": 5}
        ax.plot(months[::step], value[::step], linestyle="none", **marked)
        handles.append(Line2D([], [], linewidth=2.0, label=str(row["cohort"]), **marked))
    handles.append(Line2D([], [], color=MUTED, linewidth=1.8, dashes=(3, 1.5), label="forecast"))
    ax.set_ylim(bottom=0)
    ax.set_xlim(left=0)
    number_ticks(ax.yaxis)
    what = f"spent per customer so far, {unit(currency)}"
    finish(
        ax,
        x="months since the first purchase",
        y=what if quantity == "revenue" else "purchases per customer so far",
    )
    legend(ax, handles, own_line=True, columns=3)
    return ax


def _numbers(curve: Sequence[Mapping[str, Any]], name: str) -> NDArray[np.float64]:
    return np.array([np.nan if cell[name] is None else cell[name] for cell in curve], dtype=float)
