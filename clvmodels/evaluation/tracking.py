"""Repeat purchases of a cohort, week by week, against what the model expects of it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np

from clvmodels.models.purchases import PurchaseModel
from clvmodels.transactions.log import TransactionLog


def weekly_tracking(
    log: TransactionLog, past: TransactionLog, model: PurchaseModel, origin: date, end: date
) -> list[dict[str, Any]]:
    """Actual and expected repeat purchases of the customers first seen up to the origin.

    Parameters
    ----------
    log, past
        The whole log, and the log as it stood at the origin.
    model
        Fitted up to the origin.

    Returns
    -------
    list of dict
        One row per week from the first purchase to the end, with ``week_end``, ``actual``,
        ``expected``, ``cumulative_actual`` and ``cumulative_expected``.
    """
    start = log.first_date
    span = (end - start).days
    born = np.zeros(span + 1)
    for row in past.purchases_by_day().to_pylist():
        born[(row["day"] - start).days] += row["new_customers"]
    bought = np.zeros(span + 1)
    for row in log.purchases_by_day(cohort_end=origin).to_pylist():
        if row["day"] <= end:
            bought[(row["day"] - start).days] += row["repeat_purchases"]
    # A customer of age τ days is expected to have bought again E[X(τ)] times.
    by_age = np.array(
        [0.0] + [model.expected_purchases_new_customer(f"{days}d") for days in range(1, span + 1)]
    )
    expected = np.convolve(born, by_age)[: span + 1]
    actual = np.cumsum(bought)
    ends = np.unique(np.append(np.arange(6, span + 1, 7), span))
    rows, before = [], (0.0, 0.0)
    for day in ends.tolist():
        now = (float(actual[day]), float(expected[day]))
        rows.append(
            {
                "week_end": (start + timedelta(days=day)).isoformat(),
                "actual": now[0] - before[0],
                "expected": now[1] - before[1],
                "cumulative_actual": now[0],
                "cumulative_expected": now[1],
            }
        )
        before = now
    return rows
