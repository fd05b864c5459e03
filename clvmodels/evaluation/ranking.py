"""How well a forecast puts customers in order: rank correlation, Gini, lift by decile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from clvmodels.kernels.base import FloatArray, IntArray

DECILES = 10


@dataclass(frozen=True)
class Ranking:
    """How a forecast orders customers.

    Attributes
    ----------
    spearman
        Rank correlation with average ranks for ties; None where forecasts or outcomes are equal.
    gini
        Gini coefficient of what happened in the forecast's order over that in the true order: 1 is
        perfect, 0 is chance. None where all customers did the same.
    deciles
        Ten rows, the highest forecasts first: ``decile`` (1 is the top), ``customers`` (a tenth,
        may be a fraction), ``predicted`` and ``actual`` (means per customer), ``lift`` (actual over
        the mean of all) and ``capture`` (share of the total here and above). Lift and capture are
        None where nothing happened.
    """

    spearman: float | None
    gini: float | None
    deciles: list[dict[str, Any]]


class Rank:
    """Ranks forecasts against one outcome; customers with equal forecasts share what they did."""

    def __init__(self, actual: FloatArray) -> None:
        self._actual = actual
        order = _Order(actual)
        self._ranks = order.ranks()
        self._best = _gini(order, actual)

    def __call__(self, predicted: FloatArray) -> Ranking:
        """Rank one forecast, (n,)."""
        order = _Order(predicted)
        return Ranking(
            spearman=_correlation(order.ranks(), self._ranks),
            gini=_gini(order, self._actual) / self._best if self._best > 0.0 else None,
            deciles=self._deciles(order, predicted),
        )

    @property
    def perfect(self) -> list[dict[str, Any]]:
        """Deciles in the true order, which no forecast can beat."""
        return self._deciles(_Order(self._actual), self._actual)

    def _deciles(self, order: _Order, predicted: FloatArray) -> list[dict[str, Any]]:
        n = len(predicted)
        edges = np.linspace(0.0, n, DECILES + 1)
        # Between the edges of ties the curve is straight, which splits them in proportion.
        happened, forecast = (
            np.diff(np.interp(edges, order.steps, order.captured(values)))
            for values in (self._actual, predicted)
        )
        total, size = float(self._actual.sum()), n / DECILES
        captured = np.cumsum(happened)
        return [
            {
                "decile": i + 1,
                "customers": size,
                "predicted": float(forecast[i] / size),
                "actual": float(happened[i] / size),
                "lift": float(happened[i] * DECILES / total) if total else None,
                "capture": float(captured[i] / total) if total else None,
            }
            for i in range(DECILES)
        ]


class _Order:
    """Customers from the highest value down; equal values are one step."""

    def __init__(self, values: FloatArray) -> None:
        self._order = np.argsort(-values, kind="stable")
        ranked = values[self._order]
        self._ends: IntArray = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]) + 1, len(ranked))

    @property
    def steps(self) -> FloatArray:
        """Customers from the top at the end of each step, from 0 on."""
        return np.append(0.0, self._ends)

    def captured(self, values: FloatArray) -> FloatArray:
        """Total of other values among the customers from the top, at each of `steps`."""
        total = np.cumsum(values[self._order])
        return np.append(0.0, total[self._ends - 1])

    def ranks(self) -> FloatArray:
        """Rank of each customer from the top, averaged within a step."""
        sizes = np.diff(self._ends, prepend=0)
        ranks = np.empty(len(self._order))
        ranks[self._order] = np.repeat(self._ends - (sizes - 1) / 2.0, sizes)
        return ranks


def _gini(order: _Order, actual: FloatArray) -> float:
    """Twice the area between the capture curve and the diagonal; 0 where nothing happened."""
    happened = order.captured(actual)
    # Of the same sum, so that it cancels where all customers did the same.
    total = float(happened[-1])
    if total <= 0.0:
        return 0.0
    area = np.sum(np.diff(order.steps) * (happened[1:] + happened[:-1])) / 2.0
    return float(2.0 * area / (total * len(actual)) - 1.0)


def _correlation(one: FloatArray, other: FloatArray) -> float | None:
    one, other = one - one.mean(), other - other.mean()
    scale = np.sqrt(np.sum(one**2) * np.sum(other**2))
    return float(np.sum(one * other) / scale) if scale > 0.0 else None
