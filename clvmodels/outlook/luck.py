"""How far totals stray because customers are chance themselves, by simulating some of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.units import DAYS_PER_UNIT
from clvmodels.value.scorer import Scorer

# Shares of the reach at which variances are simulated; between them they are straight lines.
_TIMES = np.array([0.0, 0.1, 0.25, 0.5, 1.0])
# As for the totals of a base: where the variance of spend is infinite, it is kept large and finite.
_LEAST_ABOVE_TWO = 0.05


@dataclass(frozen=True)
class Luck:
    """Variance of purchases, revenue and active customers of each row, (3, rows, times)."""

    days: FloatArray
    variances: FloatArray

    @classmethod
    def of(
        cls,
        scorer: Scorer,
        x: IntArray,
        t_x: FloatArray,
        age: FloatArray,
        weight: FloatArray,
        row: IntArray,
        rows: int,
        spend: tuple[IntArray, FloatArray, FloatArray],
        reach: float,
    ) -> Luck:
        """Simulate two futures of each entry: the mean of their product is a squared mean.

        ``spend`` is n with the mean and the mean square of γ′.
        """
        model = scorer.purchases
        theta, kernel = model.fit_.parameters, model.kernel
        rng = np.random.default_rng([scorer.seed, 1])
        days = reach * _TIMES
        edges = days / DAYS_PER_UNIT[model.time_unit_]
        alive = kernel.probability_alive(theta, x, t_x, age)
        bought, active = zip(*(_future(scorer, x, age, edges, rng) for _ in range(2)), strict=True)
        a = (alive * weight)[:, None]
        both = (alive**2 * weight)[:, None]
        found = np.zeros((3, len(x), len(edges)))
        square = 0.5 * (bought[0] ** 2 + bought[1] ** 2)
        product = bought[0] * bought[1]
        found[0] = a * square - both * product
        if scorer.spend is not None:
            p, q, _ = scorer.spend.fit_.parameters
            n, _, scale_square = spend
            shape = (q + p * n)[:, None]
            orders = p * 0.5 * (bought[0] + bought[1]) + p**2 * square
            first = 1.0 / (shape - 1.0)
            second = first / np.maximum(shape - 2.0, _LEAST_ABOVE_TWO)
            found[1] = scale_square[:, None] * (
                a * orders * second - both * p**2 * product * first**2
            )
        found[2] = a * 0.5 * (active[0] + active[1]) - both * active[0] * active[1]
        sums = np.zeros((3, rows, len(edges)))
        for which in range(3):
            for time in range(len(edges)):
                sums[which, :, time] = np.bincount(row, found[which, :, time], rows)
        return cls(days, sums)

    def variance(self, quantity: str, days: FloatArray) -> FloatArray:
        """Variance of each row at its days ahead, (rows, times)."""
        which = {"purchases": 0, "revenue": 1, "active": 2}[quantity]
        place = np.clip(np.searchsorted(self.days, days, side="right") - 1, 0, len(self.days) - 2)
        share = (days - self.days[place]) / np.diff(self.days)[place]
        rows = np.arange(len(days))[:, None]
        values = self.variances[which]
        result: FloatArray = (1.0 - share) * values[rows, place] + share * values[rows, place + 1]
        return result


def _future(
    scorer: Scorer, x: IntArray, age: FloatArray, edges: FloatArray, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Purchases up to each edge, and whether still active, of customers active now."""
    model = scorer.purchases
    traits = model.kernel.draw_traits(model.fit_.parameters, x, age, rng)
    steps = np.diff(np.minimum(edges, traits.life[:, None]), axis=1, prepend=0.0)
    bought = np.cumsum(rng.poisson(traits.rate[:, None] * steps), axis=1).astype(np.float64)
    left = traits.purchases_left[:, None].astype(np.float64)
    active = (edges < traits.life[:, None]) & (bought < left)
    return np.minimum(bought, left), active.astype(np.float64)
