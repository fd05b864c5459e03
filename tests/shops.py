"""Customers simulated from known parameters, for tests."""

from __future__ import annotations

import numpy as np

from clvmodels.kernels.base import FloatArray, PurchaseKernel
from clvmodels.kernels.beta_geo import BetaGeo
from clvmodels.transactions.columns import CustomerColumns


def simulate_shop(
    theta: FloatArray,
    customers: int,
    seed: int,
    *,
    span: float = 104.0,
    spend: tuple[float, float, float] | None = None,
    kernel: PurchaseKernel | None = None,
) -> CustomerColumns:
    """Customers of a model (BG/NBD) in weeks; first purchases in the first half of the span."""
    kernel = kernel or BetaGeo()
    rng = np.random.default_rng(seed)
    age = span - np.round(rng.uniform(0.0, span / 2.0, customers) * 7.0) / 7.0
    zeros = np.zeros(customers, dtype=np.int64)
    times = kernel.simulate_alive(theta, zeros, np.zeros(customers), span, rng)
    stays = kernel.probability_alive(theta, zeros, np.zeros(customers), np.zeros(customers))
    if (stays < 1.0).any():
        times[rng.random(customers) >= stays] = np.nan
    times = np.where(times <= age[:, None], times, np.nan)
    frequency = np.isfinite(times).sum(axis=1)
    recency = np.nanmax(np.column_stack([np.zeros(customers), times]), axis=1)
    money = np.full(customers, np.nan)
    if spend is not None:
        p, q, gamma = spend
        rate = rng.gamma(q, size=customers) / gamma
        again = frequency > 0
        x = frequency[again]
        money[again] = rng.gamma(p * x) / rate[again] / x
    return CustomerColumns(
        frequency=frequency.astype(np.int64),
        recency=recency,
        age=age,
        monetary_value=money,
        time_unit="week",
    )
