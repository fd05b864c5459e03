"""What the signs of a log amount to: figures that gates hold against their thresholds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from clvmodels.kernels.base import FloatArray
from clvmodels.models.purchases import PurchaseModel
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.transactions.signs import SHORT, Signs
from clvmodels.units import DAYS_PER_UNIT, Duration

EARLY, LATE = 0.12, 0.25
_STILL, _STILL_LAST = 0.3, 0.05
_FEWEST_WEEKS = 20
_FEWEST_PURCHASES = 50
_NOISE_DRAWS = 200


@dataclass(frozen=True)
class Bursts:
    """Short gaps that there are, and that the same customers would show as Poisson buyers."""

    short: int
    expected: float

    @property
    def ratio(self) -> float:
        """How many times as many."""
        return self.short / self.expected


def bursts(signs: Signs) -> Bursts:
    """Gaps below a twentieth of the customer's own mean gap.

    A gap of a Poisson buyer with m gaps is a Beta(1, m - 1) share of their sum, and so below
    0.05 / m of it with probability 1 - (1 - 0.05 / m)^(m - 1).
    """
    expected = math.fsum(
        customers * m * (1.0 - (1.0 - SHORT / m) ** (m - 1))
        for m, (customers, _) in signs.gaps.items()
    )
    return Bursts(sum(short for _, short in signs.gaps.values()), expected)


def wheat_morrison(signs: Signs) -> tuple[float, float]:
    """Regularity k from each customer's last two gaps, and its standard error where k is 1.

    The share of one gap in both is Beta(k, k), whose variance about 1/2 is 1 / (4 (2k + 1))
    (Wheat & Morrison 1990): 1 for Poisson buyers, less for clumped and more for regular ones.
    """
    customers, squares = signs.last_two
    if customers == 0:
        return math.nan, math.inf
    variance = squares / customers
    k = math.inf if variance == 0.0 else (1.0 - 4.0 * variance) / (8.0 * variance)
    # For k = 1 the squares have mean 1/12 and variance 1/180, and dk/dv is -18.
    return k, 18.0 / math.sqrt(180.0 * customers)


@dataclass(frozen=True)
class Arrivals:
    """When customers were first seen: their number, and shares by span.

    ``span`` is in days; ``early`` is the share first seen in its first 12 %, ``late`` after its
    first 25 %, ``last`` in its last 25 %.
    """

    customers: int
    span: int
    early: float
    late: float
    last: float

    @property
    def usual(self) -> float:
        """Share that would come early at the pace of the later arrivals."""
        return self.late * EARLY / (1.0 - LATE)

    @property
    def continuous(self) -> bool:
        """Whether customers keep arriving: 30 % after a quarter of the span, or 5 % at its end."""
        return self.late >= _STILL or self.last >= _STILL_LAST


def arrivals(triples: CustomerColumns) -> Arrivals:
    """When the customers of a summary were first seen."""
    age = triples.age * DAYS_PER_UNIT[triples.time_unit]
    span = float(age.max())
    customers = float(triples.weights.sum())
    seen = span - age

    def share(among: NDArray[np.bool_]) -> float:
        return float(triples.weights[among].sum()) / customers

    return Arrivals(
        customers=round(customers),
        span=round(span),
        early=share(seen < EARLY * span),
        late=share(seen > LATE * span),
        last=share(seen > (1.0 - LATE) * span),
    )


def spend_correlation(orders: CustomerColumns) -> tuple[float, int]:
    """Spearman's correlation of frequency and mean spend among repeat buyers, and their number.

    NaN where all buy equally often or spend the same.
    """
    weight = orders.weights
    customers = round(float(weight.sum()))
    if len(orders) < 2:
        return math.nan, customers
    x = _ranks(orders.frequency.astype(np.float64), weight)
    m = _ranks(orders.monetary_value, weight)
    x, m = x - np.average(x, weights=weight), m - np.average(m, weights=weight)
    scale = math.sqrt(float(weight @ x**2) * float(weight @ m**2))
    return (float(weight @ (x * m)) / scale if scale > 0.0 else math.nan), customers


def _ranks(values: FloatArray, weight: FloatArray) -> FloatArray:
    """Mean rank of each value, where it stands for as many customers as its weight."""
    _, which = np.unique(values, return_inverse=True)
    tied = np.bincount(which, weights=weight)
    rank: FloatArray = (np.cumsum(tied) - (tied - 1.0) / 2.0)[which]
    return rank


@dataclass(frozen=True)
class WeeklyPath:
    """Repeat purchases of the whole base by full week since the first day, and those expected."""

    actual: FloatArray
    expected: FloatArray

    @property
    def is_enough(self) -> bool:
        """Whether there are weeks and purchases to look at, and an expectation of them."""
        return bool(
            len(self.actual) >= _FEWEST_WEEKS
            and self.actual.sum() >= _FEWEST_PURCHASES
            and 0.0 < self.expected.sum() < math.inf
        )


def weekly_path(
    purchases: Mapping[date, int], triples: CustomerColumns, model: PurchaseModel
) -> WeeklyPath:
    """Repeat purchases by week, and what the model expects of new customers who came when they did.

    Unlike the share of weeks in all activity, this holds nothing against a launch: young
    customers are expected to buy more.
    """
    per_unit = DAYS_PER_UNIT[triples.time_unit]
    age = np.rint(triples.age * per_unit).astype(np.int64)
    span = int(age.max())
    born = np.bincount(span - age, weights=triples.weights, minlength=span + 1)
    first = min(purchases)
    bought = np.zeros(span + 1)
    for day, count in purchases.items():
        bought[(day - first).days] = count
    # Young customers' expectations bend; later ones are straight within a week.
    ages = np.unique(np.concatenate([np.arange(1, min(14, span) + 1), np.arange(14, span + 7, 7)]))
    counts = [
        model.expected_purchases_new_customer(Duration(float(days), f"{days}d"))
        for days in ages.tolist()
    ]
    by_age = np.interp(np.arange(span + 1), [0, *ages.tolist()], [0.0, *counts])
    ends = np.arange(6, span + 1, 7)
    # The expectation at a week's end, summed over the days on which customers were first seen.
    expected = np.array([born[: end + 1] @ by_age[end::-1] for end in ends.tolist()])
    actual = np.cumsum(bought - born)[ends]
    return WeeklyPath(np.diff(actual, prepend=0.0), np.diff(expected, prepend=0.0))


def concentration(path: WeeklyPath) -> tuple[float, float]:
    """Repeat purchases in the busiest tenth of weeks over those expected, and the same by chance.

    The busiest weeks are those with the most purchases beyond the expected. Chance alone makes
    some weeks busier: the second figure is what Poisson counts around the expected path show.
    """
    total, expected = path.actual.sum(), path.expected.sum()
    mean = path.expected * (total / expected)
    noise = np.random.default_rng(0).poisson(mean, (_NOISE_DRAWS, len(mean))).astype(np.float64)
    return float(_busiest(path.actual[None], mean)[0]), float(_busiest(noise, mean).mean())


def _busiest(weeks: FloatArray, mean: FloatArray) -> FloatArray:
    """Purchases in the busiest tenth of weeks over their mean; rows are paths."""
    count = max(1, round(weeks.shape[1] / 10))
    top = np.argpartition(weeks - mean, -count, axis=1)[:, -count:]
    bought = np.take_along_axis(weeks, top, axis=1).sum(axis=1)
    ratio: FloatArray = bought / mean[top].sum(axis=1)
    return ratio


def drift(path: WeeklyPath) -> tuple[float, int]:
    """Largest distance of the cumulative paths as a share of all purchases, and its week."""
    apart = np.cumsum(path.expected - path.actual) / path.actual.sum()
    week = int(np.argmax(np.abs(apart)))
    return float(apart[week]), week + 1


def week_end(first: date, week: int) -> date:
    """Last day of a week of a path, counted from 1."""
    return first + timedelta(days=7 * week - 1)
