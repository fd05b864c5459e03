"""How likely a customer is still active, by number of purchases and their recency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clvmodels.errors import ConfigurationError
from clvmodels.plots._canvas import INK, MUTED, canvas, finish

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes

# Filled bands instead of cells: a page of thousands of cells is large and slow.
_BANDS = 10
_LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)


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
    import matplotlib as mpl
    import numpy as np

    frequency = np.asarray(alive_grid["frequency"], dtype=float)
    recency = np.asarray(alive_grid["recency"], dtype=float)
    probability = np.asarray(alive_grid["probability"], dtype=float)
    if probability.shape != (len(frequency), len(recency)):
        message = (
            f"probability has the shape {probability.shape}; with {len(frequency)} frequencies "
            f"and {len(recency)} recencies it must be {(len(frequency), len(recency))}."
        )
        raise ConfigurationError(message)
    # Without a repeat purchase the last purchase is the first one: no recency to draw it at.
    again = frequency > 0
    frequency, probability = frequency[again], probability[again]
    ax = canvas(ax)
    shades = ax.contourf(
        _reaching_out(recency),
        _reaching_out(frequency),
        np.ma.masked_invalid(np.pad(probability, 1, mode="edge")),
        levels=np.linspace(0.0, 1.0, _BANDS + 1),
        cmap=mpl.colormaps["Blues"],
    )
    # Without edges of their own colour, hairlines show between the bands.
    shades.set(edgecolors="face", linewidth=0.3)
    _draw_levels(ax, recency, frequency, probability)
    quarters = (0.0, 0.25, 0.5, 0.75, 1.0)
    bar: Any = ax.figure.colorbar(shades, ax=ax, fraction=0.05, pad=0.03, ticks=quarters)
    bar.ax.set_yticklabels([f"{share:.0%}" for share in quarters], color=MUTED)
    bar.ax.tick_params(length=0)
    bar.solids.set_edgecolor("face")
    bar.outline.set_visible(False)
    finish(
        ax,
        x=f"weeks from first to last purchase (first was {alive_grid['age']:,.0f} weeks ago)",
        y="repeat purchases; colour: probability of being active",
        grid=None,
    )
    return ax


def _reaching_out(steps: Any) -> Any:
    """Give the steps with one more on either side, half a step away."""
    import numpy as np

    width = float(np.diff(steps).mean()) if len(steps) > 1 else 1.0
    return np.concatenate([[steps[0] - 0.5 * width], steps, [steps[-1] + 0.5 * width]])


def _draw_levels(ax: Axes, recency: Any, frequency: Any, probability: Any) -> None:
    """Draw labelled lines of equal probability, which carry the reading where colour fails."""
    import numpy as np

    if min(probability.shape) < 2 or not np.isfinite(probability).any():
        return
    low, high = np.nanmin(probability), np.nanmax(probability)
    levels = [level for level in _LEVELS if low < level < high]
    if not levels:
        return
    for above, colour in ((False, INK), (True, "white")):
        chosen = [level for level in levels if (level > 0.5) is above]
        if chosen:
            lines = ax.contour(
                recency,
                frequency,
                np.ma.masked_invalid(probability),
                levels=chosen,
                colors=colour,
                linewidths=0.8,
            )
            ax.clabel(lines, fmt=lambda level: f"{level:.0%}", inline_spacing=3)
