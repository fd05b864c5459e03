"""What active customers will do, as a smooth surface over frequency, age and time ahead.

A model's expectations are smooth in all three, so that a few points of the surface serve every
customer of a base and every day ahead, at ten million customers as at ten thousand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import chebyshev

from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.models.purchases import PurchaseModel

# Frequencies up to the first have a point each; the rest share the second's.
_EVERY_FREQUENCY, _HIGHER_FREQUENCIES = 20, 10
# Points over age and over time ahead: a constant, and for each e-fold of the range.
_FEWEST, _PER_FOLD = 6.0, 2.5
# Curves bend at the scale of the models' rates, if that is no smaller a share of what is looked at.
_SMALLEST_BEND = 1e-3


@dataclass(frozen=True)
class Surface:
    """Where a base is looked at: its frequencies, its ages, and how far ahead.

    Attributes
    ----------
    frequencies, ages, times
        The points, in the models' unit of time.
    by_frequency : (x from 0 to the largest, frequencies)
        What each point adds at a frequency.
    by_age : (distinct ages, ages)
        The same for each age of the base.
    """

    frequencies: IntArray
    ages: FloatArray
    times: FloatArray
    by_frequency: FloatArray
    by_age: FloatArray
    _bend: float

    @classmethod
    def of(cls, model: PurchaseModel, largest: int, ages: FloatArray, reach: float) -> Surface:
        """Choose the points for frequencies up to the largest, ages, and a time ahead."""
        frequencies = _frequencies(largest)
        bend = _bend(model, max(float(ages.mean()), reach))
        low, high = np.log1p(float(ages.min()) / bend), np.log1p(float(ages.max()) / bend)
        nodes, by_age = _basis(np.log1p(ages / bend), low, high)
        top = np.log1p(reach / bend)
        times = bend * np.expm1(top * _lobatto(_points(top) + 1))
        by_frequency = _by_frequency(frequencies, largest)
        return cls(frequencies, bend * np.expm1(nodes), times, by_frequency, by_age, bend)

    def by_time(self, ahead: FloatArray) -> FloatArray:
        """What each point in time adds at times ahead, (…, times); they start from 0."""
        top = np.log1p(self.times[-1] / self._bend)
        u = 2.0 * np.log1p(np.clip(ahead, 0.0, self.times[-1]) / self._bend) / top - 1.0
        nodes = 2.0 * _lobatto(len(self.times)) - 1.0
        degree = len(nodes) - 1
        inverse = np.linalg.inv(chebyshev.chebvander(nodes, degree))
        basis: FloatArray = chebyshev.chebvander(u, degree) @ inverse
        return basis

    def purchases(self, model: PurchaseModel) -> FloatArray:
        """Expected purchases of an active customer, (frequencies, ages, times)."""
        return self._each(
            lambda x, age, ahead: model.kernel.alive_purchases(
                model.fit_.parameters, x, age, ahead
            ),
            0.0,
        )

    def discounted(self, model: PurchaseModel, horizon: float, force: float) -> FloatArray:
        """Expected discounted purchases within one horizon, (frequencies, ages)."""
        size = (len(self.frequencies), len(self.ages))
        x = np.repeat(self.frequencies, size[1])
        age = np.tile(self.ages, size[0])
        found = model.kernel.alive_purchases(model.fit_.parameters, x, age, horizon, force)
        return found.reshape(size)

    def staying(self, model: PurchaseModel) -> FloatArray:
        """Share of active customers who still are, (frequencies, ages, times)."""
        return self._each(
            lambda x, age, ahead: model.kernel.alive_share(model.fit_.parameters, x, age, ahead),
            1.0,
        )

    def _each(
        self, predict: Callable[[IntArray, FloatArray, FloatArray], FloatArray], now: float
    ) -> FloatArray:
        size = (len(self.frequencies), len(self.ages), len(self.times) - 1)
        x = np.repeat(self.frequencies, size[1] * size[2])
        age = np.tile(np.repeat(self.ages, size[2]), size[0])
        ahead = np.tile(self.times[1:], size[0] * size[1])
        values = np.empty((*size[:2], len(self.times)))
        values[..., 0] = now
        values[..., 1:] = predict(x, age, ahead).reshape(size)
        return values


def _frequencies(largest: int) -> IntArray:
    every = np.arange(min(largest, _EVERY_FREQUENCY) + 1)
    if largest <= _EVERY_FREQUENCY:
        return every
    low, high = np.log(_EVERY_FREQUENCY + 1.0), np.log(float(largest))
    nodes = np.exp(low + _lobatto(_HIGHER_FREQUENCIES) * (high - low))
    return np.concatenate([every, np.unique(np.rint(nodes).astype(np.int64))])


def _by_frequency(frequencies: IntArray, largest: int) -> FloatArray:
    """What each point adds at every frequency, (largest + 1, points)."""
    basis = np.zeros((largest + 1, len(frequencies)))
    every = min(largest, _EVERY_FREQUENCY) + 1
    basis[:every, :every] = np.eye(every)
    if every <= largest:
        nodes = np.log(frequencies[every:])
        low, high = nodes[0], max(nodes[-1], nodes[0] + 1.0)
        degree = len(nodes) - 1
        to_unit = 2.0 / (high - low)
        inverse = np.linalg.inv(chebyshev.chebvander(to_unit * (nodes - low) - 1.0, degree))
        u = to_unit * (np.log(np.arange(every, largest + 1)) - low) - 1.0
        basis[every:, every:] = chebyshev.chebvander(u, degree) @ inverse
    return basis


def _bend(model: PurchaseModel, span: float) -> float:
    """Time at which expectations begin to change with age: the smallest of the models' scales."""
    parameters = dict(zip(model.kernel.parameters, model.fit_.parameters.tolist(), strict=True))
    scales = [parameters[name] for name in ("alpha", "beta") if name in parameters]
    return float(np.clip(min(scales, default=span), _SMALLEST_BEND * span, span))


def _points(folds: float) -> int:
    return int(np.ceil(_FEWEST + _PER_FOLD * folds))


def _basis(u: FloatArray, low: float, high: float) -> tuple[FloatArray, FloatArray]:
    """Chebyshev points in [low, high], and what each adds at ``u``, (u, points)."""
    if high <= low:
        return np.array([low]), np.ones((len(u), 1))
    count = min(_points(high - low), len(u))
    nodes = np.cos(np.pi * (np.arange(count) + 0.5) / count)[::-1]
    inverse = np.linalg.inv(chebyshev.chebvander(nodes, count - 1))
    basis = chebyshev.chebvander(2.0 * (u - low) / (high - low) - 1.0, count - 1) @ inverse
    return low + 0.5 * (nodes + 1.0) * (high - low), basis


def _lobatto(count: int) -> FloatArray:
    """Chebyshev points in [0, 1], with both ends."""
    points: FloatArray = 0.5 - 0.5 * np.cos(np.pi * np.arange(count) / (count - 1))
    return points
