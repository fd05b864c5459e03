"""One pace s(t) for the whole shop, and the clock that runs at it.

A rate λ·s(t) in time is the rate λ on the clock τ = ∫ s dt, so that season, trend, events and shock
cost one transform of the purchases. Whoever leaves by time and not by purchases, as in Pareto/NBD,
leaves in calendar time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from clvmodels.kernels.base import FloatArray
from clvmodels.simulation.shop import SimulatedShop
from clvmodels.simulation.streams import Feature, stream
from clvmodels.units import DAYS_PER_YEAR, Duration


@dataclass(frozen=True)
class Calendar:
    """Pace of a shop by day since its first, and the common shock to the end of it.

    Times are in days since the beginning of the shop's first day.
    """

    pace: FloatArray
    clock: FloatArray
    shock_factor: float

    def to_clock(self, time: FloatArray) -> FloatArray:
        """What the clock shows at calendar times."""
        return np.interp(time, np.arange(len(self.clock)), self.clock)

    def to_time(self, shown: FloatArray) -> FloatArray:
        """Calendar time at which the clock shows what is given."""
        return np.interp(shown, self.clock, np.arange(len(self.clock)))


def make_calendar(shop: SimulatedShop) -> Calendar:
    """Calendar of a shop; the pace is 1 on the first day of the log but for season and events."""
    days = [shop.first_day + timedelta(days=day) for day in range(shop.days)]
    # A leap year, so that it has every day.
    peak = date.fromisoformat(f"2024-{shop.season_peak}").timetuple().tm_yday - 1
    of_year = np.array([day.timetuple().tm_yday - 1 for day in days], dtype=np.float64)
    pace = 1.0 + shop.season * np.cos(2.0 * np.pi * (of_year - peak) / DAYS_PER_YEAR)
    years = (np.arange(shop.days) - shop.opening) / DAYS_PER_YEAR
    pace *= (1.0 + shop.trend) ** years
    pace[[day.strftime("%m-%d") in shop.events for day in days]] *= shop.event_factor
    draws = stream(shop.seed, Feature.CALENDAR).standard_normal(shop.shock_windows)
    factors = np.exp(shop.shock * draws)
    if shop.shock:
        # Counted back from the end, so that further windows leave the last one's factor alone.
        back = shop.days - 1 - np.arange(shop.days)
        window = back // round(Duration.parse(shop.shock_window).days)
        hit = window < shop.shock_windows
        pace[hit] *= factors[window[hit]]
    return Calendar(pace, np.concatenate([[0.0], np.cumsum(pace)]), float(factors[0]))
