"""Figures of a customer base: small functions from plain data to matplotlib axes.

Every function takes frames, arrays or the lists of ``backtest.json``, draws on ``ax`` (a new
figure without it) and returns the axes. Colours differ in lightness, lines in dashes and bars in
hatching, so that each figure reads in grey and for colour-blind readers.
"""

from clvmodels.plots.alive import plot_alive_grid, plot_purchases_grid
from clvmodels.plots.calibration import (
    plot_calibration,
    plot_interval_coverage,
    plot_pit_histogram,
    uniform_band,
)
from clvmodels.plots.cohorts import drawn_cohorts, plot_cohort_curves
from clvmodels.plots.errors import plot_common_shock, plot_error_by_cohort
from clvmodels.plots.formula import plot_formula_comparison
from clvmodels.plots.frequency import plot_frequency_check
from clvmodels.plots.history import alive_path, plot_customer_history
from clvmodels.plots.lift import plot_decile_lift
from clvmodels.plots.outlook import plot_forward, plot_tornado
from clvmodels.plots.posterior import plot_posterior_pairs
from clvmodels.plots.segments import plot_segment_evidence, plot_segments
from clvmodels.plots.steps import plot_change, plot_formula_causes
from clvmodels.plots.tracking import plot_tracking
from clvmodels.plots.value import (
    concentration_points,
    first_drawn,
    plot_concentration,
    plot_value_distribution,
    value_histogram,
)

__all__ = [
    "alive_path",
    "concentration_points",
    "drawn_cohorts",
    "first_drawn",
    "plot_alive_grid",
    "plot_calibration",
    "plot_change",
    "plot_cohort_curves",
    "plot_common_shock",
    "plot_concentration",
    "plot_customer_history",
    "plot_decile_lift",
    "plot_error_by_cohort",
    "plot_formula_causes",
    "plot_formula_comparison",
    "plot_forward",
    "plot_frequency_check",
    "plot_interval_coverage",
    "plot_pit_histogram",
    "plot_posterior_pairs",
    "plot_purchases_grid",
    "plot_segment_evidence",
    "plot_segments",
    "plot_tornado",
    "plot_tracking",
    "plot_value_distribution",
    "uniform_band",
    "value_histogram",
]
