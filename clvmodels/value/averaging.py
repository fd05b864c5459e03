"""How many points of the posterior a prediction needs: as many as change it, and no more."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.models.gamma_gamma import GammaGammaModel
from clvmodels.models.purchases import PurchaseModel
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import DAYS_PER_UNIT, Duration
from clvmodels.value.mixture import Mixture
from clvmodels.value.parameters import Pair, has_draws, parameter_pairs
from clvmodels.value.plug_in import PlugIn, look_ahead
from clvmodels.value.terms import ValueTerms

TOLERANCE = 0.005
FIRST_DRAWS, MOST_DRAWS = 16, 256
# The change that is looked at: all but one customer in twenty change by less.
_SHARE = 0.95
# Ages of the customers that are tried, in mean ages, and how many of each.
_AGES, _CUSTOMERS_PER_AGE = (0.6, 1.4), 24
_LONGEST_EXACT = Duration.parse("1y")


@dataclass(frozen=True)
class Averaging:
    """Over how many points of the posterior predictions are averaged.

    Attributes
    ----------
    draws_used
        1 where the mode alone serves: parameters known exactly or estimated without draws, or
        known so well that averaging changes nothing that can be seen.
    error
        What the next doubling (or averaging at all) changed: the largest of the change in a
        quantile's level and the relative change of an expected number or value, which 95 % of
        typical customers stay below. None without draws.
    tolerance
        The error from which on nothing more is added.
    """

    draws_used: int
    error: float | None
    tolerance: float = TOLERANCE


def measured_averaging(
    purchases: PurchaseModel,
    spend: GammaGammaModel | None,
    terms: ValueTerms,
    levels: tuple[float, float, float],
) -> Averaging:
    """Double the points until they change nothing that can be seen, starting with the mode.

    Tried on customers that the models themselves hold for typical, so that the answer depends on
    the fit and the terms alone, and not on who is scored.
    """
    if not has_draws(purchases, spend):
        return Averaging(1, None)
    customers = typical_customers(purchases, spend)
    few = _Trial([(purchases, spend)], customers, terms, levels)
    used, error = 1, np.inf
    draws = FIRST_DRAWS
    while draws <= MOST_DRAWS:
        more = _Trial(parameter_pairs(purchases, spend, draws), customers, terms, levels)
        error = few.change(more)
        if error <= TOLERANCE:
            break
        few, used = more, draws
        draws *= 2
    return Averaging(used, error)


def typical_customers(purchases: PurchaseModel, spend: GammaGammaModel | None) -> CustomerColumns:
    """Customers of several ages as the models expect them, the same for the same fit."""
    rng = np.random.default_rng(0)
    kernel, theta = purchases.kernel, purchases.fit_.parameters
    per_day = DAYS_PER_UNIT[purchases.time_unit_]
    frequency, recency, ages = [], [], []
    for share in _AGES:
        age = max(round(share * purchases.fit_.scale * per_day), 1) / per_day
        none, zero = np.zeros(_CUSTOMERS_PER_AGE, dtype=np.int64), np.zeros(_CUSTOMERS_PER_AGE)
        times = kernel.simulate_alive(theta, none, zero, age, rng)
        stays = rng.random(len(none)) < kernel.probability_alive(theta, none, zero, zero)
        bought = np.isfinite(times) & stays[:, None]
        frequency.append(bought.sum(axis=1))
        recency.append(np.where(bought, times, 0.0).max(axis=1, initial=0.0))
        ages.append(np.full(len(none), age))
    x = np.concatenate(frequency)
    money = np.full(len(x), np.nan)
    if spend is not None:
        p, q, gamma = spend.fit_.parameters
        rate = rng.standard_gamma(q, size=len(x)) / gamma
        money = np.where(x > 0, rng.standard_gamma(p * np.maximum(x, 1)) / rate, np.nan)
        money = money / np.maximum(x, 1)
    return CustomerColumns(
        x, np.concatenate(recency), np.concatenate(ages), money, purchases.time_unit_
    )


class _Trial:
    """Predictions for the customers that are tried."""

    def __init__(
        self,
        pairs: list[Pair],
        customers: CustomerColumns,
        terms: ValueTerms,
        levels: tuple[float, float, float],
    ) -> None:
        # Beyond a year value is drawn, and noise would hide a change; the expectations show it.
        near = min(terms.horizon, _LONGEST_EXACT, key=lambda horizon: horizon.days)
        exact = replace(terms, horizon=near, cost_per_order=0.0)
        self._levels, self._money = levels, pairs[0][1] is not None
        self._mixture = Mixture([PlugIn(*pair, exact, levels) for pair in pairs], customers)
        ahead = [look_ahead(purchases, customers, terms) for purchases, _ in pairs]
        alive = np.array([part.alive for part in ahead])
        worth = alive * np.array([part.discounted for part in ahead])
        if self._money:
            worth = worth * self._mixture.spend
        self._expected: FloatArray = np.array([alive.mean(axis=0), worth.mean(axis=0)])

    def change(self, other: _Trial) -> float:
        """What the other trial changes for nearly all customers."""
        shifts = [np.abs(other._expected[1] / self._expected[1] - 1.0)]
        shifts.append(np.abs(other._expected[0] - self._expected[0]))
        mine, others = self._mixture, other._mixture
        for level in self._levels:
            k: IntArray = mine.purchases_quantile(level)
            shifts.append(np.abs(others.purchases_cdf(k) - mine.purchases_cdf(k)))
            if self._money:
                value = mine.value_quantile(level)
                shifts.append(np.abs(others.value_cdf(value) - mine.value_cdf(value)))
        return float(max(np.quantile(shift, _SHARE) for shift in shifts))
