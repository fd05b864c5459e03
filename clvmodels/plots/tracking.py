"""Repeat purchases week by week: what happened beside what the model expected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clvmodels.plots._canvas import (
    ACTUAL,
    MODEL,
    MODEL_FILL,
    MUTED,
    Table,
    bounds,
    canvas,
    columns,
    count_ticks,
    day_ticks,
    finish,
    legend,
    note,
    shade_after,
)

if TYPE_CHECKING:
    from datetime import date

    from matplotlib.axes import Axes


def plot_tracking(
    tracking: Table,
    *,
    calibration_end: date | str | None = None,
    cumulative: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw actual and expected repeat purchases per week, or added up.

    Parameters
    ----------
    tracking : table
        One row per week with ``week_end`` (a date or ISO text), ``actual`` and ``expected``;
        with ``cumulative=True`` ``cumulative_actual`` and ``cumulative_expected``. ``lower`` and
        ``upper`` (``cumulative_lower`` and ``cumulative_upper``), where the table has them, are
        drawn as a band; weeks in which they are missing (NaN, None) have none.
    calibration_end : date or str, optional
        The last day that the model has seen; the weeks after it are marked as held out.
    cumulative : bool
        Whether to draw the running totals.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        Weeks on the horizontal axis, repeat purchases on the vertical one.
    """
    from matplotlib import dates as matplotlib_dates

    dates: Any = matplotlib_dates  # Only partly typed.

    prefix = "cumulative_" if cumulative else ""
    ends, actual, expected = columns(tracking, "week_end", f"{prefix}actual", f"{prefix}expected")
    weeks = dates.date2num(ends.astype("datetime64[D]"))
    ax = canvas(ax)
    lines: list[Any] = [
        *ax.plot(weeks, actual.astype(float), color=ACTUAL, linewidth=1.8, label="actual"),
        *ax.plot(
            weeks,
            expected.astype(float),
            color=MODEL,
            linewidth=2.0,
            dashes=(4, 1.6),
            label="model",
        ),
    ]
    band = bounds(tracking, f"{prefix}lower", f"{prefix}upper")
    if band is not None:
        lines.append(
            ax.fill_between(
                weeks, *band, color=MODEL_FILL, alpha=0.35, linewidth=0, label="model's range"
            )
        )
    ax.set_ylim(bottom=0)
    if len(weeks) > 1:
        ax.set_xlim(weeks[0], weeks[-1])
    if calibration_end is not None and len(weeks):
        cut = float(dates.datestr2num(str(calibration_end)))
        shade_after(ax, cut, max(weeks[-1], cut))
        where: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "color": MUTED}
        if cumulative:
            note(ax, "held out", (cut, 0.0), (5, 5), va="bottom", **where)
        else:
            note(ax, "held out", (cut, 1.0), (5, -4), va="top", **where)
    day_ticks(ax.xaxis)
    count_ticks(ax.yaxis)
    finish(
        ax,
        x="end of week",
        y="repeat purchases so far" if cumulative else "repeat purchases a week",
    )
    legend(ax, lines, own_line=band is not None)
    return ax
