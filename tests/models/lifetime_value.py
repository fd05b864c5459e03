"""Customer lifetime value as lifetimes and PyMC-Marketing define it, made of our predictions."""

from __future__ import annotations

from typing import Any

import pandas as pd


def monthly_value(model: Any, spend: Any, frame: pd.DataFrame, weeks: float) -> pd.Series:
    """Value over 12 months of so many weeks, each discounted at its end by 1 %."""
    reached = [model.expected_purchases(frame, f"{weeks * month:.12f}w") for month in range(1, 13)]
    value, before = 0.0, 0.0
    for month, purchases in enumerate(reached, start=1):
        value, before = value + (purchases - before) / 1.01**month, purchases
    return value * spend.expected_spend(frame)
