"""Proper scores, PIT and coverage of predictive distributions of purchase counts.

A customer is active with probability a, and given that buys at least j times with probability S_j;
so P(Y ≥ j) = a S_j for j ≥ 1. What depends on S alone is computed once per distinct (x, T).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.kernels.counts import count_reach
from clvmodels.models.purchases import PurchaseModel, distinct_pairs
from clvmodels.transactions.columns import CustomerColumns

COVERAGES = (0.5, 0.8, 0.9)
PIT_BINS = 20
# What the distribution of an active customer may leave out.
_REST = 1e-9
_CELLS_AT_ONCE = 1 << 21
# A probability that underflows counts as the smallest that a double holds.
_SMALLEST = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True)
class CountScores:
    """Scores of the count forecast of each customer, (n,) each; lower is better.

    Attributes
    ----------
    log_score
        Minus the log of the probability of what happened.
    crps
        Continuous ranked probability score Σ_k (F(k) - 1{k ≥ y})², in purchases.
    pit
        Randomised probability integral transform, uniform if the forecast is right.
    covered, attainable
        By nominal level: whether the central interval holds what happened, and the probability
        that the forecast itself gives this interval (above nominal, as counts are discrete).
    variance
        Of the number of purchases.
    """

    log_score: FloatArray
    crps: FloatArray
    pit: FloatArray
    covered: dict[float, FloatArray]
    attainable: dict[float, FloatArray]
    variance: FloatArray


def score_counts(
    model: PurchaseModel,
    columns: CustomerColumns,
    horizon: float,
    actual: IntArray,
    uniform: FloatArray,
) -> CountScores:
    """Scores of a model's distribution of purchases within a horizon in its own unit.

    Parameters
    ----------
    actual : (n,)
        Purchases that happened.
    uniform : (n,)
        Draws from (0, 1) that randomise the PIT.
    """
    kernel, theta = model.kernel, model.fit_.parameters
    x, age, which = distinct_pairs(columns)
    alive = model.alive(columns)
    reach = count_reach(kernel, theta, x, age, horizon, _REST)
    np.maximum.at(reach, which, actual)
    n = len(columns)
    scores = _empty(n)
    # Neighbours in this order need tables of similar width.
    order = np.argsort(reach, kind="stable")
    place = np.empty(len(x), dtype=np.int64)
    place[order] = np.arange(len(x))
    customers = np.argsort(place[which], kind="stable")
    at = place[which][customers]
    start = 0
    while start < len(order):
        width = int(reach[order[min(start + 1023, len(order) - 1)]]) + 1
        end = min(start + max(min(1024, _CELLS_AT_ONCE // width), 1), len(order))
        pairs = order[start:end]
        chosen = customers[np.searchsorted(at, start) : np.searchsorted(at, end)]
        pmf = kernel.alive_pmf(theta, x[pairs], age[pairs], horizon, int(reach[pairs].max()))
        _score_block(
            scores, chosen, place[which[chosen]] - start, pmf, alive[chosen], actual[chosen],
            uniform[chosen],
        )  # fmt: skip
        start = end
    return scores


def interval_levels(probability: float) -> tuple[float, float]:
    """Levels of the bounds of a central interval; rounded, since they also name quantiles."""
    return round(0.5 - probability / 2.0, 9), round(0.5 + probability / 2.0, 9)


def pit_distance(pit: FloatArray) -> float:
    """Kolmogorov distance of values in (0, 1) from the uniform distribution."""
    value = np.sort(pit)
    n = len(value)
    above, below = np.arange(1, n + 1) / n - value, value - np.arange(n) / n
    return float(max(above.max(initial=0.0), below.max(initial=0.0)))


def pit_histogram(pit: FloatArray, weight: FloatArray | None = None) -> list[float]:
    """Share of the values in each of `PIT_BINS` equal bins; 1 / `PIT_BINS` each is perfect."""
    counts, _ = np.histogram(pit, bins=PIT_BINS, range=(0.0, 1.0), weights=weight)
    total = counts.sum()
    return [float(count / total) if total else 0.0 for count in counts]


def pinball_loss(level: float, quantile: FloatArray, actual: FloatArray) -> FloatArray:
    """Loss whose mean the ``level`` quantile of the outcome makes smallest, shape (n,)."""
    miss = actual - quantile
    loss: FloatArray = np.maximum(level * miss, (level - 1.0) * miss)
    return loss


def _empty(n: int) -> CountScores:
    return CountScores(
        np.empty(n),
        np.empty(n),
        np.empty(n),
        {level: np.empty(n) for level in COVERAGES},
        {level: np.empty(n) for level in COVERAGES},
        np.empty(n),
    )


def _score_block(
    scores: CountScores,
    chosen: IntArray,
    row: IntArray,
    pmf: FloatArray,
    alive: FloatArray,
    actual: IntArray,
    uniform: FloatArray,
) -> None:
    """Fill in the scores of the customers ``chosen``, whose tables are the rows of ``pmf``."""
    cdf = np.minimum(np.cumsum(pmf, axis=1), 1.0)
    survival = 1.0 - cdf  # column k: P(more than k | active)
    reached = np.concatenate([np.zeros((len(pmf), 1)), np.cumsum(survival, axis=1)], axis=1)
    squares = np.einsum("ij,ij->i", survival, survival)
    second = survival @ (2.0 * np.arange(survival.shape[1]) + 1.0)
    probability = alive * pmf[row, actual] + (1.0 - alive) * (actual == 0)
    scores.log_score[chosen] = -np.log(np.maximum(probability, _SMALLEST))
    # Σ_{k<y} (1 - a S)² + Σ_{k≥y} (a S)², multiplied out.
    scores.crps[chosen] = actual - 2.0 * alive * reached[row, actual] + alive**2 * squares[row]
    scores.variance[chosen] = alive * second[row] - (alive * reached[row, -1]) ** 2
    below = np.where(actual > 0, 1.0 - alive * survival[row, np.maximum(actual - 1, 0)], 0.0)
    scores.pit[chosen] = np.clip(below + uniform * probability, 0.0, 1.0)
    for level in COVERAGES:
        low, high = (_quantile(survival, row, alive, bound) for bound in interval_levels(level))
        scores.covered[level][chosen] = (low <= actual) & (actual <= high)
        under = np.where(low > 0, 1.0 - alive * survival[row, np.maximum(low - 1, 0)], 0.0)
        scores.attainable[level][chosen] = 1.0 - alive * survival[row, high] - under


def _quantile(survival: FloatArray, row: IntArray, alive: FloatArray, level: float) -> IntArray:
    """Smallest k with P(Y ≤ k) ≥ level, by bisection in the rows of ``survival``."""
    bound = (1.0 - level) / np.maximum(alive, _SMALLEST)
    last = survival.shape[1] - 1
    low, high = np.zeros(len(row), dtype=np.int64), np.full(len(row), last)
    for _ in range(int(last + 1).bit_length()):
        middle = (low + high) // 2
        enough = survival[row, middle] <= bound
        high = np.where(enough, middle, high)
        low = np.where(enough, low, np.minimum(middle + 1, last))
    return low
