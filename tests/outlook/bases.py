"""Bases with known models, for tests of what lies ahead."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa

import clvmodels as clv
from clvmodels.models import PURCHASE_MODELS
from clvmodels.models.purchases import PurchaseModel
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.value.plug_in import look_ahead
from clvmodels.value.scorer import Scorer
from clvmodels.value.totals import ValueGroups, expected_totals

PARAMETERS = {
    "bgnbd": {"r": 0.5, "alpha": 60.0, "a": 0.5, "b": 2.5},
    "mbgnbd": {"r": 0.6, "alpha": 50.0, "a": 0.4, "b": 2.0},
    "pareto_nbd": {"r": 0.6, "alpha": 60.0, "s": 0.5, "beta": 200.0},
    "nbd": {"r": 0.5, "alpha": 80.0},
}
SPEND = {"p": 5.0, "q": 4.0, "gamma": 60.0}
END = date(2024, 12, 31)


def model_of(name: str, *, uncertain: bool = False, customers: int = 0) -> PurchaseModel:
    """A model with known parameters, or one that learned them from customers of its own kind."""
    known = PURCHASE_MODELS[name].from_params(PARAMETERS[name], time_unit="day")
    if not uncertain:
        return known
    return PURCHASE_MODELS[name]().fit(simulated(customers or 800, name), method="map")


def spend_model() -> clv.GammaGammaModel:
    return clv.GammaGammaModel.from_params(SPEND, time_unit="day")


def expected_value(groups: ValueGroups, scorer: Scorer) -> float:
    """Expected value of a base, customer by customer and without its interval."""
    ahead = look_ahead(scorer.purchases, groups.columns, scorer.terms)
    return float(expected_totals(groups, scorer.spend, scorer.terms, ahead)[2])


def simulated(customers: int, name: str = "bgnbd", seed: int = 3) -> CustomerColumns:
    """Customers who came over the last two years and bought as a model says."""
    rng = np.random.default_rng(seed)
    model = PURCHASE_MODELS[name].from_params(PARAMETERS[name], time_unit="day")
    kernel, theta = model.kernel, model.fit_.parameters
    age = rng.integers(0, 730, customers).astype(np.float64)
    none, zero = np.zeros(customers, dtype=np.int64), np.zeros(customers)
    times = np.ceil(kernel.simulate_alive(theta, none, zero, 730.0, rng))
    stays = rng.random(customers) < kernel.probability_alive(theta, none, zero, zero)
    bought = (times <= age[:, None]) & stays[:, None]
    frequency = bought.sum(axis=1)
    recency = np.where(bought, times, 0.0).max(axis=1, initial=0.0)
    # Purchases of one day are one.
    frequency = np.minimum(frequency, recency.astype(np.int64))
    mean = np.where(frequency > 0, rng.gamma(8.0, 12.0, customers), np.nan)
    return CustomerColumns(frequency, recency, age, mean, "day")


def as_table(rows: list[tuple[str, str, float]]) -> pa.Table:
    """A log of (customer, day, amount)."""
    customers, days, amounts = zip(*rows, strict=True)
    return pa.table({"customer_id": customers, "date": days, "amount": amounts})


# Three customers of January 2023, one of March: by hand.
TINY = [
    ("a", "2023-01-10", 10.0),
    ("a", "2023-02-09", 20.0),  # 30 days: within the first month of 30.44 days
    ("a", "2023-02-10", 5.0),  # 31 days: within the second
    ("b", "2023-01-10", 40.0),
    ("c", "2023-01-31", 7.0),
    ("c", "2024-01-31", 3.0),  # 365 days: within the twelfth
    ("d", "2023-03-01", 100.0),
    ("d", "2024-02-29", 1.0),  # 365 days later
]
