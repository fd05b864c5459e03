"""One customer: purchases as they happened, and how sure one could be that more would come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from clvmodels.errors import ParameterError
from clvmodels.plots._canvas import (
    INK,
    MODEL,
    MUTED,
    Table,
    canvas,
    columns,
    day_ticks,
    finish,
    legend,
    note,
    shade_after,
    share_ticks,
)
from clvmodels.units import DAYS_PER_UNIT, Duration

if TYPE_CHECKING:
    from datetime import date

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from clvmodels.models.purchases import PurchaseModel

_TICKS = 0.12
"""Height of the strip below the curve in which purchases are drawn."""


def alive_path(
    purchases: PurchaseModel,
    days: Sequence[date | str],
    today: date | str,
    *,
    ahead: str | Duration | None = None,
) -> dict[str, NDArray[Any]]:
    """P(alive) of one customer on every day since the first purchase.

    On each day the customer is scored as known on that day; the parameters are those of the
    model throughout.

    Parameters
    ----------
    purchases : PurchaseModel
        A fitted model.
    days : sequence of dates or ISO text
        The customer's purchase days; those after today are not looked at.
    today : date or str
        The last day observed.
    ahead : str or Duration, optional
        How much further to go, such as "13w", as if the customer bought nothing more.

    Returns
    -------
    dict
        ``day`` (datetime64) and ``probability_alive``, a day each.

    Raises
    ------
    ParameterError
        If there is no purchase up to today, or ``ahead`` is a lifetime.
    """
    import pandas as pd

    last = np.datetime64(str(today), "D")
    bought = np.unique(_as_days(days))
    bought = bought[bought <= last]
    if not len(bought):
        raise ParameterError("days", list(days), f"at least one purchase day up to {last}")
    further = Duration.parse(ahead) if ahead is not None else None
    if further is not None and further.is_lifetime:
        raise ParameterError("ahead", ahead, "a span of days, weeks, months or years")
    extra = 0 if further is None else round(further.days)
    path = np.arange(bought[0], last + np.timedelta64(extra + 1, "D"))
    seen = np.searchsorted(bought, path, side="right")
    unit = purchases.time_unit_
    known = pd.DataFrame(
        {
            "frequency": seen - 1,
            "recency": (bought[seen - 1] - bought[0]).astype(float) / DAYS_PER_UNIT[unit],
            "T": (path - bought[0]).astype(float) / DAYS_PER_UNIT[unit],
        }
    )
    return {"day": path, "probability_alive": purchases.probability_alive(known).to_numpy()}


def plot_customer_history(
    path: Table, days: Sequence[date | str], today: date | str, *, ax: Axes | None = None
) -> Axes:
    """Draw a customer's purchases as ticks and the probability to be still active as a line.

    Parameters
    ----------
    path : table
        ``day`` and ``probability_alive``, as `alive_path` gives them. What lies after today is
        drawn dashed: no purchase is known of there.
    days : sequence of dates or ISO text
        The purchase days. Those after today, where they are known by now, are drawn hollow.
    today : date or str
        Marked by a line.
    ax : matplotlib Axes, optional
    """
    from matplotlib import dates as matplotlib_dates

    dates: Any = matplotlib_dates  # Only partly typed.
    on, alive = columns(path, "day", "probability_alive")
    on, bought = _as_days(on), _as_days(days)
    last = np.datetime64(str(today), "D")
    ax = canvas(ax)
    past, later = on <= last, on >= last
    # A line of one day has no length.
    curve: dict[str, Any] = {"color": MODEL, "linewidth": 2.0, "marker": "o" * (len(on) == 1)}
    handles = ax.plot(on[past], alive[past].astype(float), label="P(alive)", **curve)
    if later.sum() > 1:
        handles += ax.plot(
            on[later],
            alive[later].astype(float),
            dashes=(4, 1.6),
            label="if nothing more is bought",
            **curve,
        )
    known = bought[bought <= last]
    handles += _ticks(ax, known, INK, "purchase")
    if (unknown := bought[bought > last]).size:
        handles += _ticks(ax, unknown, "white", "purchase since")
    cut, end = (float(dates.date2num(day)) for day in (last, max(on[-1], last, *bought)))
    shade_after(ax, cut, end)
    where: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "ha": "right", "va": "bottom"}
    note(ax, f"today, {last}", (cut, 1.0), (0, 3), color=MUTED, **where)
    ax.axhline(0.0, color=MUTED, linewidth=0.6)
    ax.set_ylim(-_TICKS, 1.02)
    ax.set_yticks([0.0, 0.25, 0.5, 0.75, 1.0])
    share_ticks(ax.yaxis)
    day_ticks(ax.xaxis)
    finish(ax, x="day", y="probability to be still active")
    legend(ax, handles, own_line=True, columns=2)
    return ax


def _ticks(ax: Axes, days: NDArray[Any], fill: str, label: str) -> list[Any]:
    """Purchases as bars of the strip below the curve; wide enough to be seen when hollow."""
    return ax.plot(
        days,
        np.full(len(days), -0.5 * _TICKS),
        linestyle="none",
        marker="|" if fill == INK else "d",
        markersize=11 if fill == INK else 6,
        markeredgewidth=1.6 if fill == INK else 1.0,
        markeredgecolor=INK,
        markerfacecolor=fill,
        label=label,
    )


def _as_days(days: Any) -> NDArray[np.datetime64]:
    return np.asarray([str(day)[:10] for day in days], dtype="datetime64[D]")
