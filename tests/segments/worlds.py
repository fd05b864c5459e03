"""Customers with known truth: whether they are still active, and what they will spend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import clvmodels as clv
from clvmodels.kernels.base import FloatArray, poisson_times
from clvmodels.models import PURCHASE_MODELS
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.value.customer_value import CustomerValue

PARAMETERS = {
    "bgnbd": {"r": 0.6, "alpha": 8.0, "a": 0.6, "b": 2.0},
    "mbgnbd": {"r": 0.8, "alpha": 8.0, "a": 0.5, "b": 2.0},
    "pareto_nbd": {"r": 0.8, "alpha": 8.0, "s": 0.6, "beta": 20.0},
    "nbd": {"r": 0.6, "alpha": 12.0},
}
SPEND = {"p": 5.0, "q": 5.0, "gamma": 40.0}


@dataclass(frozen=True)
class World:
    """Customers, the models that made them, and their truth."""

    columns: CustomerColumns
    value: CustomerValue
    active: FloatArray
    purchases: FloatArray
    spend: FloatArray


def world(model: str, customers: int, seed: int, weeks: float, span: int = 104) -> World:
    """Customers who came over the first three quarters of a span of weeks, in whole weeks."""
    purchases = PURCHASE_MODELS[model].from_params(PARAMETERS[model], time_unit="week")
    money = clv.GammaGammaModel.from_params(SPEND, time_unit="week")
    kernel, theta = purchases.kernel, purchases.fit_.parameters
    rng = np.random.default_rng(seed)
    age = rng.integers(span // 8, span, customers).astype(float)
    none, start = np.zeros(customers, dtype=np.int64), np.zeros(customers)
    traits = kernel.draw_traits(theta, none, start, rng)
    stays = rng.random(customers) < kernel.probability_alive(theta, none, start, start)
    times = poisson_times(traits.rate, age + weeks, rng)
    number = np.arange(times.shape[1])
    kept = (times <= traits.life[:, None]) & (number < traits.purchases_left[:, None])
    times = np.where(kept & stays[:, None], times, np.inf)
    past, ahead = times <= age[:, None], np.isfinite(times) & (times > age[:, None])
    x = past.sum(axis=1)
    rate = rng.standard_gamma(SPEND["q"], customers) / SPEND["gamma"]
    amounts = rng.standard_gamma(SPEND["p"], times.shape) / rate[:, None]
    with np.errstate(invalid="ignore"):
        mean = (amounts * past).sum(axis=1) / x
    columns = CustomerColumns(
        x.astype(np.int64),
        np.where(past, times, 0.0).max(axis=1, initial=0.0),
        age,
        np.where(x > 0, mean, np.nan),
        "week",
    )
    active = stays & (traits.life > age) & (x < traits.purchases_left)
    return World(
        columns,
        CustomerValue(purchases, money, annual_discount_rate=0.0),
        active,
        ahead.sum(axis=1).astype(float),
        (amounts * ahead).sum(axis=1),
    )
