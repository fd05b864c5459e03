"""Figures of a customer base: small functions from plain data to matplotlib axes.

Every function takes frames, arrays or the lists of ``backtest.json``, draws on ``ax`` (a new
figure without it) and returns the axes. Colours differ in lightness, lines in dashes and bars in
hatching, so that each figure reads in grey and for colour-blind readers.
"""

from clvmodels.plots.alive import plot_alive_grid
from clvmodels.plots.formula import plot_formula_comparison
from clvmodels.plots.frequency import plot_frequency_check
from clvmodels.plots.tracking import plot_tracking
from clvmodels.plots.value import (
    concentration_points,
    first_drawn,
    plot_concentration,
    plot_value_distribution,
    value_histogram,
)

__all__ = [
    "concentration_points",
    "first_drawn",
    "plot_alive_grid",
    "plot_concentration",
    "plot_formula_comparison",
    "plot_frequency_check",
    "plot_tracking",
    "plot_value_distribution",
    "value_histogram",
]
