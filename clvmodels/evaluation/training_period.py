"""What a saved model remembers of the log that taught it, and what it expected to come after."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from clvmodels.errors import ArtefactError
from clvmodels.evaluation.moments import purchase_moments
from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.models import GammaGammaModel, PurchaseModel
from clvmodels.models.purchases import distinct_pairs
from clvmodels.storage import read_json, write_json
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import DAYS_PER_UNIT
from clvmodels.value.parameters import parameter_pairs

if TYPE_CHECKING:
    from clvmodels.transactions.summary import CustomerSummary

SCHEMA = 1
# The totals ahead are smooth: they are kept for these days, a day to four years, and read between.
_DAYS = np.unique(np.rint(np.geomspace(1.0, 1461.0, 24)))
_POINTS = 8
# Beyond so many distinct histories neighbours within a week of each other count as one.
_MOST_TRIPLES = 100_000
# What a customer does while active is smooth in the age, most of all in its root: so many stand for
# all between. Totals, and what customers make them vary by, are then off by less than .1 %.
_AGES = 32
_COUNTS = ("customers", "repeat_purchases", "repeat_amount")


@dataclass(frozen=True)
class Expected:
    """What the customers of the training period should do within some days after it.

    Attributes
    ----------
    purchases
        Expected number.
    sd_parameters, sd_customers
        Standard deviations from not knowing the parameters, and from what customers will do.
    bunching
        Purchases that go with a purchase, itself included: the mean of the square over the mean.
    order_value
        Expected mean amount of these purchases; None without a spend model.
    """

    purchases: float
    sd_parameters: float
    sd_customers: float
    bunching: float
    order_value: float | None


@dataclass(frozen=True)
class TrainingPeriod:
    """The log behind a model, as sums, and the totals that the model expected after it.

    Attributes
    ----------
    first_purchase, observation_end
        First purchase of the log, and the last day that the model saw.
    customers, repeat_purchases
        How many there were.
    repeat_amount
        What repeat purchases brought; None where the model knows no money.
    days
        How many days after the observation end the totals of ``ahead`` are for.
    ahead
        The fields of `Expected` at these days, by name.
    """

    first_purchase: date
    observation_end: date
    customers: int
    repeat_purchases: int
    repeat_amount: float | None
    days: tuple[float, ...]
    ahead: Mapping[str, tuple[float, ...] | None]

    @classmethod
    def of(
        cls,
        customers: CustomerSummary,
        first_purchase: date,
        purchases: PurchaseModel,
        spend: GammaGammaModel | None,
    ) -> TrainingPeriod:
        """Sum up the customers that models were fitted to, and let the models look ahead."""
        triples = customers.triples()
        orders = customers.orders() if spend is not None else None
        amount = None
        if orders is not None:
            amount = float((orders.weights * orders.frequency * orders.monetary_value).sum())
        return cls(
            first_purchase,
            customers.observation_end,
            len(customers),
            round(float((triples.weights * triples.frequency).sum())),
            amount,
            tuple(_DAYS.tolist()),
            _look_ahead(_coarse(triples), orders, purchases, spend),
        )

    @property
    def span(self) -> int:
        """Days from the first purchase to the observation end."""
        return (self.observation_end - self.first_purchase).days

    def expected(self, days: float) -> Expected | None:
        """Give what was to be expected of the customers within some days; None beyond four years.

        Days 0 and before expect nothing, and are None too.
        """
        if not 0.0 < days <= self.days[-1]:
            return None
        at, nodes = math.log(days), np.log(self.days)
        values: dict[str, float | None] = {}
        for name, curve in self.ahead.items():
            if curve is None:
                values[name] = None
            else:
                # All are above 0 and close to powers of the time.
                values[name] = math.exp(np.interp(at, nodes, np.log(np.maximum(curve, 1e-12))))
        return Expected(**values)  # type: ignore[arg-type]

    def save(self, path: Path) -> None:
        """Write as JSON."""
        write_json(path, asdict(self), schema=SCHEMA)

    @classmethod
    def load(cls, path: Path) -> TrainingPeriod:
        """Read what `save` wrote.

        Raises
        ------
        ArtefactError
            If the file is missing, damaged or of another version.
        """
        content = read_json(path, schema=SCHEMA)
        try:
            days = tuple(float(day) for day in content["days"])
            ahead = {
                field.name: _curve(content["ahead"][field.name], len(days))
                for field in fields(Expected)
            }
            counts = {name: content[name] for name in _COUNTS}
            if any(not (value is None or value >= 0) for value in counts.values()):
                raise ValueError(_COUNTS)
            first, end = (
                date.fromisoformat(content[name]) for name in ("first_purchase", "observation_end")
            )
        except (KeyError, TypeError, ValueError) as error:
            msg = f"{path.name} is damaged ({type(error).__name__}: {error}). Fit again."
            raise ArtefactError(msg) from error
        return cls(first, end, **counts, days=days, ahead=ahead)


def _curve(values: Any, size: int) -> tuple[float, ...] | None:
    """A curve as it was saved, checked."""
    if values is None:
        return None
    curve = tuple(float(value) for value in values)
    if len(curve) != size or not all(math.isfinite(value) and value >= 0.0 for value in curve):
        msg = "a curve has holes"
        raise ValueError(msg)
    return curve


def _coarse(triples: CustomerColumns) -> CustomerColumns:
    """As few histories as serve a total: where there are many, one for each week."""
    if len(triples) <= _MOST_TRIPLES:
        return triples
    week = 7.0 / DAYS_PER_UNIT[triples.time_unit]
    x, weight = triples.frequency, triples.weights
    t_x, age = (np.floor(days / week).astype(np.int64) for days in (triples.recency, triples.age))
    base = int(age.max()) + 1
    key, which = np.unique((x * base + t_x) * base + age, return_inverse=True)
    total: FloatArray = np.bincount(which, weight).astype(np.float64)

    def mean(values: FloatArray) -> FloatArray:
        averages: FloatArray = np.bincount(which, weight * values) / total
        return averages

    recency = mean(triples.recency)
    return CustomerColumns(
        key // base**2,
        recency,
        np.maximum(mean(triples.age), recency),
        np.full(len(key), np.nan),
        triples.time_unit,
        weight=total,
    )


def _pairs(columns: CustomerColumns) -> tuple[IntArray, FloatArray, IntArray]:
    """Distinct (x, age), which of them each customer has; where there are many, few ages."""
    x, age, which = distinct_pairs(columns)
    root = np.sqrt(columns.age)
    low, high = float(root.min(initial=np.inf)), float(root.max(initial=0.0))
    if len(np.unique(age)) <= _AGES:
        return x, age, which
    place = np.minimum((root - low) / (high - low) * _AGES, _AGES - 1).astype(np.int64)
    key, which = np.unique(columns.frequency * _AGES + place, return_inverse=True)
    total = np.bincount(which, columns.weights)
    mean: FloatArray = np.bincount(which, columns.weights * columns.age) / total
    return key // _AGES, mean, which


def _look_ahead(
    triples: CustomerColumns,
    orders: CustomerColumns | None,
    purchases: PurchaseModel,
    spend: GammaGammaModel | None,
) -> dict[str, tuple[float, ...] | None]:
    """The curves of `Expected` over the days."""
    x, age, which = _pairs(triples)
    ends = _DAYS / DAYS_PER_UNIT[purchases.time_unit_]

    def if_alive(model: PurchaseModel) -> FloatArray:
        """Purchases of a pair if alive, shape (days, pairs)."""
        theta = model.fit_.parameters
        return np.array([model.kernel.alive_purchases(theta, x, age, float(end)) for end in ends])

    totals = [
        if_alive(model) @ np.bincount(which, triples.weights * model.alive(triples), len(x))
        for model, _ in parameter_pairs(purchases, None, _POINTS, by_curvature=True)
    ]
    alive = purchases.alive(triples)
    each, squares = purchase_moments(purchases.kernel, purchases.fit_.parameters, x, age, ends)
    active = np.bincount(which, triples.weights * alive, len(x))
    both = np.bincount(which, triples.weights * alive**2, len(x))
    square = squares @ active
    expected = each @ active
    curves: dict[str, FloatArray | None] = {
        "purchases": np.mean(totals, axis=0),
        "sd_parameters": np.std(totals, axis=0),
        "sd_customers": np.sqrt(np.maximum(square - each**2 @ both, 0.0)),
        "bunching": square / np.maximum(expected, 1e-300),
        "order_value": None,
    }
    if orders is not None and spend is not None:
        worth = _worth_by_frequency(x, np.bincount(which, triples.weights, len(x)), orders, spend)
        curves["order_value"] = each @ (active * worth) / np.maximum(expected, 1e-300)
    return {
        name: None if curve is None else tuple(np.asarray(curve, dtype=float).tolist())
        for name, curve in curves.items()
    }


def _worth_by_frequency(
    x: IntArray, weight: NDArray[Any], orders: CustomerColumns, spend: GammaGammaModel
) -> FloatArray:
    """Mean of the expected order value over customers of equal frequency, for each of ``x``.

    How much a customer spends tells nothing of how often or when, so the histories apart from
    their frequency need not be joined with the amounts.
    """
    known, row = np.unique(orders.frequency, return_inverse=True)
    told = np.bincount(row, orders.weights)
    worth = spend.spend(orders.frequency, orders.monetary_value)
    mean = np.bincount(row, orders.weights * worth) / told
    distinct, of = np.unique(x, return_inverse=True)
    there = np.bincount(of, weight)
    at = np.minimum(np.searchsorted(known, distinct), len(known) - 1)
    share = np.where(known[at] == distinct, np.minimum(told[at] / there, 1.0), 0.0)
    result: FloatArray = (share * mean[at] + (1.0 - share) * spend.mean_spend_)[of]
    return result
