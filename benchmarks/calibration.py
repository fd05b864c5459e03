"""Simulation-based calibration: whether what the posterior says is true as often as it says.

``python -m benchmarks.calibration [replications]`` writes the tables and the picture of
``docs/calibration.md``. Parameters are drawn from the package's own priors, a shop of 300 customers
from the parameters, and the posterior from the shop; then the true parameters should stand anywhere
among the draws with equal probability (Talts et al. 2018), and so should what the shop then does.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

import clvmodels as clv
from benchmarks.calibration_page import write_page
from benchmarks.uniformity import position
from clvmodels.errors import PosteriorWarning
from clvmodels.inference.fit import fit_kernel
from clvmodels.kernels.base import FloatArray, IntArray, poisson_times
from clvmodels.models.base import Model
from clvmodels.models.purchases import PurchaseModel
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import Duration, discount_force
from clvmodels.value.shock import NO_SHOCK
from clvmodels.value.totals import Total

CUSTOMERS, HORIZON, DISCOUNT = 300, "1y", 0.10
# Weeks since the first purchase are part of the design, and so is their mean, which is the scale
# of the purchase models. That of Gamma-Gamma, usually the mean order, must not come from the data.
AGES = np.linspace(26.0, 78.0, CUSTOMERS)
MEAN_AGE, MEAN_ORDER = 52.0, 40.0
# Shops in which nobody bought again tell nothing about spend, and larger ones take long. To leave
# out shops for what is seen in them, and never for their parameters, takes nothing from exactness.
FEWEST_PURCHASES, MOST_PURCHASES = 1, 20_000
# Among how many expected totals the true one stands, and among how many years that might come.
EXPECTED_DRAWS, YEARS = 39, 255
INTERVALS = (0.5, 0.8, 0.9)

AnyModel = TypeVar("AnyModel", bound=Model)
Change = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Shop:
    """Customers as they are seen, and what only their maker knows.

    Attributes
    ----------
    purchases, spend
        Models at the true parameters.
    ahead : (2,)
        Purchases of the base within the horizon, and their discounted value.
    """

    columns: CustomerColumns
    purchases: PurchaseModel
    spend: clv.GammaGammaModel
    ahead: FloatArray


@dataclass(frozen=True)
class Replication:
    """A shop and what was learned from it."""

    shop: Shop
    value: clv.CustomerValue
    number: int

    @property
    def pareto_k(self) -> dict[str, float]:
        """How far the draws of each model can be relied on."""
        models = [self.value.purchases, self.value.spend]
        return {
            model.kernel.name: float(model.diagnostics_["pareto_k"])
            for model in models
            if model is not None
        }


@dataclass
class Study:
    """Positions of the truth among draws, by quantity, one for each replication."""

    model: str = ""
    positions: dict[str, list[float]] = field(default_factory=dict)
    pareto_k: dict[str, list[float]] = field(default_factory=dict)
    covered: dict[str, list[bool]] = field(default_factory=dict)
    seconds: float = 0.0


def open_shop(model: type[PurchaseModel], rng: np.random.Generator) -> Shop:
    """A shop with parameters from the priors, its past and the year after it."""
    while True:
        purchases = _from_prior(model, MEAN_AGE, rng)
        spend = _from_prior(clv.GammaGammaModel, MEAN_ORDER, rng)
        kernel, theta = purchases.kernel, purchases.fit_.parameters
        none, zero = np.zeros(CUSTOMERS, dtype=np.int64), np.zeros(CUSTOMERS)
        traits = kernel.draw_traits(theta, none, zero, rng)
        stays = rng.random(CUSTOMERS) < kernel.probability_alive(theta, none, zero, zero)
        end = np.where(stays, traits.life, 0.0)
        active = np.minimum(end, AGES)
        made = rng.poisson(traits.rate * active)
        x = np.minimum(made, traits.purchases_left)
        if not FEWEST_PURCHASES <= x.sum() <= MOST_PURCHASES:
            continue
        # The x-th of so many times that are spread evenly at random.
        share = np.where(x > 0, rng.beta(np.maximum(x, 1), made - x + 1.0), 0.0)
        p, q, gamma = spend.fit_.parameters
        pace = rng.gamma(q, size=CUSTOMERS) / gamma
        mean = np.where(x > 0, rng.gamma(p * np.maximum(x, 1)) / pace / np.maximum(x, 1), np.nan)
        left, longest = traits.purchases_left - x, np.minimum(end, AGES + _year()) - active
        return Shop(
            CustomerColumns(x, share * active, AGES, mean, "week"),
            purchases,
            spend,
            _happens(traits.rate, longest, left, pace, p, rng),
        )


def learn(shop: Shop, number: int) -> Replication:
    """Fit both models by Laplace with importance sampling, scales given."""
    triples, orders = shop.columns.triples(), shop.columns.orders()
    with warnings.catch_warnings():
        # Told by k-hat, which the study counts.
        warnings.simplefilter("ignore", PosteriorWarning)
        purchases = _fitted(
            shop.purchases,
            (triples.frequency, triples.recency, triples.age),
            triples.weights,
            MEAN_AGE,
            number,
        )
        spend = _fitted(
            shop.spend,
            (orders.frequency, orders.monetary_value),
            orders.weights,
            MEAN_ORDER,
            number,
        )
    value = clv.CustomerValue(purchases, spend, annual_discount_rate=DISCOUNT)
    return Replication(shop, value, number)


def replicate(model: type[PurchaseModel], number: int) -> Replication:
    """One shop and its fits; the same number gives the same."""
    rng = np.random.default_rng([number, *model.kernel.name.encode()])
    return learn(open_shop(model, rng), number)


def altered(replication: Replication, change: Change) -> Replication:
    """The same with other draws of the coordinates: what a wrong posterior would say."""
    value = replication.value
    assert value.spend is not None
    models = [copy(value.purchases), copy(value.spend)]
    for model in models:
        draws = model.fit_.posterior
        assert draws is not None
        wrong = replace(draws, coordinates=change(draws.coordinates))
        model.fit_ = replace(model.fit_, posterior=wrong)
    return replace(replication, value=replace(value, purchases=models[0], spend=models[1]))


def parameter_positions(replication: Replication) -> dict[str, float]:
    """Where the true parameters stand among the draws, by name."""
    shop, value = replication.shop, replication.value
    rng = np.random.default_rng([replication.number, 1])
    found = _parameters(shop.purchases, value.purchases, rng)
    if value.spend is not None:
        found |= _parameters(shop.spend, value.spend, rng)
    return found


def positions(replication: Replication, *, with_value: bool) -> dict[str, float]:
    """Where the truth stands among the draws, by quantity."""
    shop, value = replication.shop, replication.value
    rng = np.random.default_rng([replication.number, 2])
    if not with_value:
        value = replace(value, spend=None)
    found = parameter_positions(replace(replication, value=value))
    truth = replace(value, purchases=shop.purchases, spend=shop.spend if with_value else None)
    expected = truth.total_draws(shop.columns, HORIZON, 1).iloc[0]
    draws = value.total_draws(shop.columns, HORIZON, EXPECTED_DRAWS)
    for name in ("purchases", "clv") if with_value else ("purchases",):
        found[f"expected {name}"] = position(expected[name], draws[name].to_numpy(), rng)
    if with_value:
        years = years_ahead(value, shop.columns, YEARS, rng)
        for which, name in enumerate(("purchases", "clv")):
            found[f"realised {name}"] = position(shop.ahead[which], years[:, which], rng)
    return found


def years_ahead(
    value: clv.CustomerValue, columns: CustomerColumns, draws: int, rng: np.random.Generator
) -> FloatArray:
    """Purchases and discounted value of the base in years that might come, (draws, 2).

    Each has parameters of its own from both posteriors, and customers that are drawn one by one.
    """
    purchases, spend = value.purchases, value.spend
    assert spend is not None
    assert purchases.fit_.posterior is not None
    assert spend.fit_.posterior is not None
    kernel, x, age = purchases.kernel, columns.frequency, columns.age
    spent = np.where(x > 0, x * columns.monetary_value, 0.0)
    thetas = purchases.fit_.posterior.parameters[:draws]
    years = []
    for theta, (p, q, gamma) in zip(thetas, spend.fit_.posterior.parameters[:draws], strict=True):
        alive = kernel.probability_alive(theta, x, columns.recency, age)
        traits = kernel.draw_traits(theta, x, age, rng)
        active = rng.random(len(x)) < alive
        longest = np.where(active, np.minimum(traits.life, _year()), 0.0)
        pace = rng.gamma(q + p * x) / (gamma + spent)
        years.append(_happens(traits.rate, longest, traits.purchases_left, pace, p, rng))
    return np.array(years)


def covered(replication: Replication) -> dict[str, bool]:
    """Whether intervals of realised totals held, as `total` and `totals_by` make them."""
    shop, value = replication.shop, replication.value
    everybody = np.zeros(CUSTOMERS, dtype=np.int64)
    groups = value.totals_by(shop.columns, everybody, HORIZON, shock=NO_SHOCK)
    held = {}
    for actual, name, part in zip(
        shop.ahead, ("purchases", "clv"), (groups.purchases, groups.clv), strict=True
    ):
        assert part is not None
        parts = [float(each[0]) for each in (part.expected, part.sd_parameters, part.sd_customers)]
        for interval in INTERVALS:
            held[f"{name}, total, {interval:.0%}"] = _within(actual, parts, interval)
            low, high = np.quantile(part.draws, [0.5 - interval / 2.0, 0.5 + interval / 2.0])
            held[f"{name}, totals_by, {interval:.0%}"] = bool(low <= actual <= high)
    return held


def _within(actual: float, parts: list[float], interval: float) -> bool:
    closed = Total.of(*parts, interval, NO_SHOCK)
    return bool(closed.lower <= actual <= closed.upper)


def study(replications: Iterable[Replication], *, with_value: bool = False) -> Study:
    """Positions of every quantity over many shops of one model."""
    result, began = Study(), time.process_time()
    for replication in replications:
        result.model = replication.value.purchases.kernel.name
        for name, at in positions(replication, with_value=with_value).items():
            result.positions.setdefault(name, []).append(at)
        for name, k in replication.pareto_k.items():
            result.pareto_k.setdefault(name, []).append(k)
        if with_value:
            for name, holds in covered(replication).items():
                result.covered.setdefault(name, []).append(holds)
    result.seconds = time.process_time() - began
    return result


def _from_prior(model: type[AnyModel], scale: float, rng: np.random.Generator) -> AnyModel:
    """A model at parameters drawn from its prior."""
    kernel = model.kernel
    mean, sd = np.array(kernel.prior_mean), np.array(kernel.prior_sd)
    theta = kernel.from_coordinates(mean + sd * rng.standard_normal(len(mean)), scale)
    named = dict(zip(kernel.parameters, theta.tolist(), strict=True))
    return model.from_params(named, time_unit="week")


def _fitted(model: AnyModel, columns: Any, weight: FloatArray, scale: float, seed: int) -> AnyModel:
    fit = fit_kernel(model.kernel, columns, weight, scale, "laplace", seed)
    other = copy(model)
    other.fit_ = fit
    return other


def _parameters(truth: Model, fitted: Model, rng: np.random.Generator) -> dict[str, float]:
    draws = fitted.posterior_
    return {
        name: position(value, draws[name].to_numpy(), rng) for name, value in truth.params_.items()
    }


def _happens(
    rate: FloatArray,
    longest: FloatArray,
    left: IntArray,
    pace: FloatArray,
    p: float,
    rng: np.random.Generator,
) -> FloatArray:
    """Purchases of all customers together and their discounted value, (2,)."""
    times = poisson_times(rate, longest, rng)
    times[np.arange(times.shape[1]) >= left[:, None]] = np.inf
    who, _ = np.nonzero(np.isfinite(times))
    when = times[np.isfinite(times)]
    worth = rng.gamma(p, size=len(when)) / pace[who]
    return np.array([len(when), worth @ np.exp(-discount_force(DISCOUNT, "week") * when)])


def _year() -> float:
    return Duration.parse(HORIZON).in_unit("week")


def main(replications: int = 250) -> None:
    """Study BG/NBD with spend and value, the other models at half as many shops, and tell."""
    studies: list[Study] = []
    for model in (
        clv.BetaGeoModel, clv.ModifiedBetaGeoModel, clv.NBDModel, clv.ParetoNBDModel,
    ):  # fmt: skip
        first = not studies
        shops = replications if first else replications // 2
        studies.append(
            study((replicate(model, number) for number in range(shops)), with_value=first)
        )
        print(studies[-1].model, f"{studies[-1].seconds:.0f} s", flush=True)
    write_page(studies)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
