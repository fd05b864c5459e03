"""What a base's frequency and recency say: who is still active, and what is expected of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clvmodels.errors import ConfigurationError
from clvmodels.plots._canvas import INK, MUTED, canvas, finish

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.axes import Axes

# Filled bands instead of cells: a page of thousands of cells is large and slow.
_BANDS = 10
_LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
_QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)


def plot_alive_grid(alive_grid: Mapping[str, Any], *, ax: Axes | None = None) -> Axes:
    """Draw P(alive) as shades and lines: recency across, repeat purchases upwards.

    Parameters
    ----------
    alive_grid : mapping
        ``frequency`` (n), ``recency`` (m, in weeks), ``age`` (weeks since the first purchase) and
        ``probability`` (n x m, between 0 and 1; null where a combination cannot be).
    ax : matplotlib Axes, optional

    Raises
    ------
    ConfigurationError
        If the shape of ``probability`` does not match the two axes.
    """
    ax = canvas(ax)
    shares = {level: f"{level:.0%}" for level in (*_LEVELS, *_QUARTERS)}
    bar = _draw(ax, alive_grid, "probability", 1.0, _LEVELS, lambda level: shares[level])
    bar.set_ticks(_QUARTERS, labels=[shares[level] for level in _QUARTERS], color=MUTED)
    return _finish(ax, alive_grid, "probability of being active")


def plot_purchases_grid(purchases_grid: Mapping[str, Any], *, ax: Axes | None = None) -> Axes:
    """Draw expected purchases as shades and lines: recency across, repeat purchases upwards.

    Parameters
    ----------
    purchases_grid : mapping
        ``frequency`` (n), ``recency`` (m, in weeks), ``age`` (weeks since the first purchase),
        ``purchases`` (n x m, from 0; null where a combination cannot be) and ``horizon`` (text).
    ax : matplotlib Axes, optional

    Raises
    ------
    ConfigurationError
        If the shape of ``purchases`` does not match the two axes.
    """
    import numpy as np
    from matplotlib.ticker import MaxNLocator

    ax = canvas(ax)
    found = np.asarray(purchases_grid["purchases"], dtype=float)
    most = float(np.nanmax(found, initial=0.0))
    ticks = [float(tick) for tick in MaxNLocator(5).tick_values(0.0, most or 1.0)]
    bar = _draw(ax, purchases_grid, "purchases", ticks[-1], ticks[1:-1], "{:,g}".format)
    bar.set_ticks(ticks, labels=[f"{tick:,g}" for tick in ticks], color=MUTED)
    return _finish(ax, purchases_grid, f"purchases expected within {purchases_grid['horizon']}")


def _draw(
    ax: Axes,
    grid: Mapping[str, Any],
    name: str,
    top: float,
    levels: Sequence[float],
    label: Callable[[float], str],
) -> Any:
    """Draw shades from 0 to ``top`` and labelled lines; gives the bar of shades."""
    import matplotlib as mpl
    import numpy as np

    frequency = np.asarray(grid["frequency"], dtype=float)
    recency = np.asarray(grid["recency"], dtype=float)
    values = np.asarray(grid[name], dtype=float)
    if values.shape != (len(frequency), len(recency)):
        message = (
            f"{name} has the shape {values.shape}; with {len(frequency)} frequencies "
            f"and {len(recency)} recencies it must be {(len(frequency), len(recency))}."
        )
        raise ConfigurationError(message)
    # Without a repeat purchase the last purchase is the first one: no recency to draw it at.
    again = frequency > 0
    frequency, values = frequency[again], values[again]
    shades = ax.contourf(
        _reaching_out(recency),
        _reaching_out(frequency),
        np.ma.masked_invalid(np.pad(values, 1, mode="edge")),
        levels=np.linspace(0.0, top, _BANDS + 1),
        cmap=mpl.colormaps["Blues"],
    )
    # Without edges of their own colour, hairlines show between the bands.
    shades.set(edgecolors="face", linewidth=0.3)
    _draw_levels(ax, (recency, frequency, values), levels, top, label)
    bar: Any = ax.figure.colorbar(shades, ax=ax, fraction=0.05, pad=0.03)
    bar.ax.tick_params(length=0)
    bar.solids.set_edgecolor("face")
    bar.outline.set_visible(False)
    return bar


def _finish(ax: Axes, grid: Mapping[str, Any], what: str) -> Axes:
    """Name the axes and give them back."""
    finish(
        ax,
        x=f"weeks from first to last purchase (first was {grid['age']:,.0f} weeks ago)",
        y=f"repeat purchases; colour: {what}",
        grid=None,
    )
    return ax


def _reaching_out(steps: Any) -> Any:
    """Give the steps with one more on either side, half a step away."""
    import numpy as np

    width = float(np.diff(steps).mean()) if len(steps) > 1 else 1.0
    return np.concatenate([[steps[0] - 0.5 * width], steps, [steps[-1] + 0.5 * width]])


def _draw_levels(
    ax: Axes,
    surface: tuple[Any, Any, Any],
    levels: Sequence[float],
    top: float,
    label: Callable[[float], str],
) -> None:
    """Draw labelled lines of equal value, which carry the reading where colour fails."""
    import numpy as np

    recency, frequency, values = surface
    if min(values.shape) < 2 or not np.isfinite(values).any():
        return
    low, high = np.nanmin(values), np.nanmax(values)
    crossed = [level for level in levels if low < level < high]
    for above, colour in ((False, INK), (True, "white")):
        chosen = [level for level in crossed if (level > 0.5 * top) is above]
        if chosen:
            lines = ax.contour(
                recency,
                frequency,
                np.ma.masked_invalid(values),
                levels=chosen,
                colors=colour,
                linewidths=0.8,
            )
            ax.clabel(lines, fmt=label, inline_spacing=3)
