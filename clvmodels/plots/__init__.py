"""Figures of a customer base: small functions from plain data to matplotlib axes.

Every function takes frames, arrays or the lists of ``backtest.json``, draws on ``ax`` (a new
figure without it) and returns the axes. Colours differ in lightness, lines in dashes and bars in
hatching, so that each figure reads in grey and for colour-blind readers.
"""

from clvmodels.plots.alive import plot_alive_grid
from clvmodels.plots.calibration import (
    plot_calibration,
    plot_interval_coverage,
    plot_pit_histogram,
    uniform_band,
)
from clvmodels.plots.errors import plot_common_shock, plot_error_by_cohort
from clvmodels.plots.formula import plot_formula_causes, plot_formula_comparison
from clvmodels.plots.frequency import plot_frequency_check
from clvmodels.plots.lift import plot_decile_lift
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
    "plot_calibration",
    "plot_common_shock",
    "plot_concentration",
    "plot_decile_lift",
    "plot_error_by_cohort",
    "plot_formula_causes",
    "plot_formula_comparison",
    "plot_frequency_check",
    "plot_interval_coverage",
    "plot_pit_histogram",
    "plot_tracking",
    "plot_value_distribution",
    "uniform_band",
    "value_histogram",
]
