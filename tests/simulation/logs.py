"""Simulated shops for tests, as data frames, and what a count may stray by."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from clvmodels.simulation.shop import SimulatedShop
from clvmodels.simulation.simulate import simulate_tables

SIGMAS = 4.0
# Everybody comes on the first day and nobody leaves: purchases follow the pace of the calendar.
STEADY: dict[str, Any] = {
    "model": "nbd",
    "parameters": {"r": 2.0, "alpha": 150.0},
    "arrivals": "1d",
}
# Every feature at once.
MESSY: dict[str, Any] = {
    "model": "mbgnbd",
    "history": "1y",
    "season": 0.5,
    "trend": 0.2,
    "events": ("11-29",),
    "shock": 0.3,
    "subscriptions": 0.1,
    "bursts": 0.2,
    "returns": 0.1,
    "line_items": 2.0,
    "order_ids": True,
    "dirt": 0.05,
}


def shop(customers: int = 8_000, **options: Any) -> SimulatedShop:
    return SimulatedShop(customers=customers, **options)


def frames(customers: int = 8_000, **options: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Log and truth with dates as timestamps; the truth by customer."""
    log, truth = (table.to_pandas() for table in simulate_tables(shop(customers, **options)))
    log["date"] = pd.to_datetime(log["date"], errors="coerce")
    for column in ("first_purchase", "leaves"):
        truth[column] = pd.to_datetime(truth[column])
    return log, truth.set_index("customer_id")


def assert_share(values: Any, expected: float) -> None:
    """Whether a share of independent cases is what it should be, within four standard errors."""
    error = np.sqrt(expected * (1.0 - expected) / len(values))
    assert abs(np.mean(values) - expected) < SIGMAS * error, (np.mean(values), expected, error)


def gaps(log: pd.DataFrame) -> pd.DataFrame:
    """Days between the purchase days of each customer."""
    days = log[["customer_id", "date"]].drop_duplicates().sort_values(["customer_id", "date"])
    days["gap"] = days.groupby("customer_id")["date"].diff().dt.days
    return days.dropna()
