"""How many points of the posterior a prediction needs: as many as change it, and no more."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from clvmodels.kernels.base import FloatArray
from clvmodels.kernels.counts import count_reach
from clvmodels.kernels.spend_total import spend_cdf
from clvmodels.models.gamma_gamma import GammaGammaModel, spend_evidence
from clvmodels.models.purchases import PurchaseModel, distinct_pairs
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import DAYS_PER_UNIT, Duration
from clvmodels.value.mixture import Mixture
from clvmodels.value.parameters import Pair, has_draws, parameter_pairs
from clvmodels.value.plug_in import PlugIn, look_ahead
from clvmodels.value.terms import ValueTerms

TOLERANCE = 0.005
# The most are for logs that teach hardly anything: a hundred customers need a quarter of them.
FIRST_DRAWS, MOST_DRAWS = 16, 128
# The change that is looked at: all but one customer in twenty change by less.
_SHARE = 0.95
# Ages of the customers that are tried, in mean ages, and how many of each.
_AGES, _CUSTOMERS_PER_AGE = (0.6, 1.4), 24
_LONGEST_EXACT = Duration.parse("1y")
# Share of the purchases ahead whose distribution is left out: far less than can be seen.
_REST = 1e-4


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


class Averagings:
    """Decisions already taken, for fits, terms and levels, so that none is taken twice."""

    def __init__(self) -> None:
        self._taken: list[tuple[tuple[object, ...], tuple[object, ...], Averaging]] = []

    def of(
        self,
        purchases: PurchaseModel,
        spend: GammaGammaModel | None,
        terms: ValueTerms,
        levels: tuple[float, float, float],
    ) -> Averaging:
        """The decision for the models as they are fitted now."""
        fits = (purchases.fit_, None if spend is None else spend.fit_)
        asked = (terms, levels, purchases.time_unit_)
        for others, terms_, averaging in self._taken:
            # A model that is fitted again has another fit.
            if terms_ == asked and all(a is b for a, b in zip(others, fits, strict=True)):
                return averaging
        averaging = measured_averaging(purchases, spend, terms, levels)
        self._taken.append((fits, asked, averaging))
        return averaging


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
    trial = _Trial((purchases, spend), typical_customers(purchases, spend), terms, levels)
    few = trial.predictions([(purchases, spend)])
    used, error = 1, np.inf
    draws = FIRST_DRAWS
    while draws <= MOST_DRAWS:
        more = trial.predictions(parameter_pairs(purchases, spend, draws))
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


@dataclass(frozen=True)
class _Predictions:
    """P(alive) and the expected value of each customer tried, and P(≤ a bound) for each bound."""

    alive: FloatArray
    worth: FloatArray
    cdf: FloatArray

    def change(self, other: _Predictions) -> float:
        """What the other predictions change for nearly all customers."""
        shifts = [
            np.abs(other.worth / self.worth - 1.0),
            np.abs(other.alive - self.alive),
            *np.abs(other.cdf - self.cdf),
        ]
        return float(max(np.quantile(shift, _SHARE) for shift in shifts))


class _Trial:
    """Customers that are tried, with the bounds that the mode gives them."""

    def __init__(
        self,
        mode: Pair,
        customers: CustomerColumns,
        terms: ValueTerms,
        levels: tuple[float, float, float],
    ) -> None:
        self._customers, self._terms = customers, terms
        # Beyond a year value is drawn, and noise would hide a change; the expectations show it.
        near = min(terms.horizon, _LONGEST_EXACT, key=lambda horizon: horizon.days)
        self._near = replace(terms, horizon=near, cost_per_order=0.0)
        self._n, self._mean = spend_evidence(customers)
        purchases, spend = mode
        self._x, self._age, self._which = distinct_pairs(customers)
        span = near.in_unit(purchases.time_unit_)
        reach = count_reach(
            purchases.kernel, purchases.fit_.parameters, self._x, self._age, span, _REST
        )
        self._span, self._k_max = span, int(reach.max())
        part = PlugIn(purchases, spend, self._near, levels)
        mixture = Mixture([part], customers)
        self._counts = [mixture.purchases_quantile(level) for level in levels]
        self._amounts: list[FloatArray] = []
        if spend is not None:
            self._amounts = [mixture.value_quantile(level) for level in levels]

    def predictions(self, pairs: list[Pair]) -> _Predictions:
        """Averages over the pairs."""
        each = [self._with(*pair) for pair in pairs]
        return _Predictions(*(np.mean(parts, axis=0) for parts in zip(*each, strict=True)))

    def _with(
        self, purchases: PurchaseModel, spend: GammaGammaModel | None
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """P(alive), expected value and the cdf at the bounds with known parameters."""
        customers, theta = self._customers, purchases.fit_.parameters
        ahead = near = look_ahead(purchases, customers, self._terms)
        if self._near.horizon != self._terms.horizon:
            near = look_ahead(purchases, customers, self._near)
        alive, worth = ahead.alive, ahead.alive * ahead.discounted
        pmf = purchases.kernel.alive_pmf(theta, self._x, self._age, self._span, self._k_max)
        pmf = pmf[self._which]
        upto, rows = np.cumsum(pmf, axis=1), np.arange(len(customers))
        cdf = [1.0 - alive + alive * upto[rows, k] for k in self._counts]
        if spend is not None:
            p, q, gamma = spend.fit_.parameters
            worth = worth * spend.spend(self._n, self._mean)
            scale = (gamma + self._n * self._mean) * self._near.margin * near.ratio
            cdf += [
                spend_cdf(amount, alive, pmf, p, q + p * self._n, scale) for amount in self._amounts
            ]
        return alive, worth, np.array(cdf)
