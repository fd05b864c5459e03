"""How long it takes until customers have brought what winning them cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from clvmodels.config.economics import COHORT, EconomicsConfig
from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.models.gamma_gamma import GammaGammaModel
from clvmodels.outlook.estimate import Estimate, of_total
from clvmodels.outlook.lives import Life, Steps, life, yearly_force
from clvmodels.outlook.prospect import Curves, Prospect
from clvmodels.transactions.cohorts import DAYS_PER_MONTH
from clvmodels.units import DAYS_PER_UNIT, Duration, discounted_years
from clvmodels.value.parameters import parameter_pairs
from clvmodels.value.scorer import Scorer
from clvmodels.value.shock import CommonShock, CommonShocks
from clvmodels.value.terms import ValueTerms
from clvmodels.value.totals import Total
from clvmodels.wording import number_of_months

# New customers who are simulated, and points of the posterior that they take turns with.
_CUSTOMERS, _POINTS = 16_384, 16


@dataclass(frozen=True)
class MarginLife:
    """Cumulative discounted margin per acquired customer by age in months, from age 0 on.

    ``observed`` is the last age that all customers have lived through.
    """

    expected: FloatArray
    lower: FloatArray
    upper: FloatArray
    observed: int


def margin_life(
    seen: FloatArray,
    curves: Curves,
    steps: Steps,
    prospect: Prospect,
    rows: IntArray,
    interval: float,
    shock: CommonShock,
    terms: ValueTerms,
) -> MarginLife:
    """Margin of a group by age, discounted to each customer's first purchase, after all costs."""
    force = yearly_force(terms.annual_discount_rate)
    found = life(seen, curves, steps, prospect, rows, interval, shock, force)
    costs = _costs(found.months, terms)
    points = [found.at(month) for month in range(found.months + 1)]
    expected, lower, upper = (
        np.array([point[side] for point in points]) - costs
        for side in ("expected", "lower", "upper")
    )
    return MarginLife(expected, lower, upper, _last_observed(found))


def payback_of(found: MarginLife, cac: float) -> dict[str, Any]:
    """When a cumulative margin reaches what a customer cost to win.

    The earliest time is that of the upper bound, the latest that of the lower one.
    """
    reached = crossing(found.expected, cac)
    earliest, latest = crossing(found.upper, cac), crossing(found.lower, cac)
    horizon = float(len(found.expected) - 1)
    if reached is None:
        status = "not_within_horizon"
    else:
        status = "reached" if reached <= found.observed else "expected"
    return {
        "status": status,
        "months": reached,
        "earliest_months": earliest,
        "latest_months": latest,
        "horizon_months": horizon,
        "sentence": _sentence(status, reached, earliest, latest, horizon),
    }


def crossing(values: FloatArray, level: float) -> float | None:
    """First time at which a curve given at 0, 1, 2, … reaches a level, between them straight.

    Examples
    --------
    >>> crossing(np.array([1.0, 3.0, 4.0]), 2.0), crossing(np.array([1.0, 2.0]), 2.5)
    (0.5, None)
    """
    above = np.flatnonzero(values >= level)
    if not len(above):
        return None
    place = int(above[0])
    if place == 0:
        return 0.0
    before, after = float(values[place - 1]), float(values[place])
    return place - 1 + (level - before) / (after - before)


def payback(
    scorer: Scorer, shocks: CommonShocks, interval: float, economics: EconomicsConfig
) -> dict[str, Any] | None:
    """How long a customer won today takes to pay back; None without a CAC or without money.

    Returns
    -------
    dict
        As ``run.json`` has it under ``payback``, without the labels.
    """
    costs = _acquisition_costs(economics)
    if scorer.spend is None or not costs:
        return None
    horizon = Duration.parse(economics.payback_horizon)
    new = new_customers(scorer, horizon)
    bands = new.life(interval, shocks.value)
    ages = [month for month in (3, 6, 12, 24, 36, 60) if month < new.months] + [new.months]
    return {
        "horizon": str(horizon),
        "interval": interval,
        "discount": economics.annual_discount_rate,
        "new_customer": [
            {
                "channel": channel,
                "cac": cac,
                "payback": payback_of(bands, cac),
                "margin_at_horizon": Estimate(
                    expected=float(bands.expected[-1]),
                    lower=float(bands.lower[-1]),
                    upper=float(bands.upper[-1]),
                ),
                "customers_paid_back": {
                    "months": ages,
                    "share": [new.share_paid_back(cac, month) for month in ages],
                },
            }
            for channel, cac in costs
        ],
        "labels": None,
    }


@dataclass(frozen=True)
class NewCustomers:
    """Simulated customers from their first purchase on.

    ``margin`` is each one's cumulative discounted margin after all costs at ages of 0, 1, 2, …
    months, (customers, months + 1), and ``means`` the same expected at each point of the
    parameters, (points, months + 1).
    """

    margin: FloatArray
    means: FloatArray
    costs: FloatArray

    @property
    def months(self) -> int:
        """Last age."""
        return len(self.costs) - 1

    def share_paid_back(self, cac: float, month: int) -> float:
        """Share of customers who have at any age up to a month brought what they cost."""
        return float((self.margin[:, : month + 1].max(axis=1) >= cac).mean())

    def life(self, interval: float, shock: CommonShock) -> MarginLife:
        """Mean margin by age with what parameters and the common shock leave open."""
        gross = self.means + self.costs
        bands = [
            of_total(Total.of(float(mean - cost), float(sd), 0.0, interval, shock, float(cost)))
            for mean, sd, cost in zip(
                gross.mean(axis=0), gross.std(axis=0), self.costs, strict=True
            )
        ]
        expected, lower, upper = (
            np.array([band[side] for band in bands]) for side in ("expected", "lower", "upper")
        )
        return MarginLife(expected, lower, upper, 0)


def new_customers(scorer: Scorer, horizon: Duration) -> NewCustomers:
    """Simulate customers who come today, with the parameters as uncertain as they are."""
    spend, terms = scorer.spend, scorer.terms
    assert spend is not None
    months = max(int(np.ceil(horizon.days / DAYS_PER_MONTH - 1e-9)), 1)
    costs = _costs(months, terms)
    pairs = parameter_pairs(scorer.purchases, spend, _POINTS, by_curvature=True)
    force = yearly_force(terms.annual_discount_rate)
    factor = np.exp(-force * (np.arange(1, months + 1) - 0.5) / 12.0)
    edges: FloatArray = (
        np.arange(months + 1.0) * DAYS_PER_MONTH / DAYS_PER_UNIT[scorer.purchases.time_unit_]
    )
    rng = np.random.default_rng([scorer.seed, 2])
    each = _CUSTOMERS // len(pairs)
    margins, means = [], []
    for model, of_spend in pairs:
        assert of_spend is not None
        kernel, theta = model.kernel, model.fit_.parameters
        none, zero = np.zeros(1, dtype=np.int64), np.zeros(1)
        alive = float(kernel.probability_alive(theta, none, zero, zero)[0])
        bought = kernel.simulate_alive_counts(theta, 0, 0.0, edges, each, rng)
        bought = np.where(rng.random(each)[:, None] < alive, bought, 0)
        spent = _spent(of_spend, np.column_stack([np.ones(each, dtype=np.int64), bought]), rng)
        earned = terms.margin * spent - terms.cost_per_order * np.column_stack(
            [np.ones(each), bought]
        )
        earned[:, 1:] *= factor
        margins.append(np.cumsum(earned, axis=1) - costs)
        ahead = alive * kernel.alive_purchases(
            theta, np.zeros(months, dtype=np.int64), np.zeros(months), edges[1:]
        )
        worth = terms.margin * of_spend.mean_spend_ - terms.cost_per_order
        steps = np.diff(ahead, prepend=0.0) * factor
        means.append(worth * np.append(1.0, 1.0 + np.cumsum(steps)) - costs)
    return NewCustomers(np.concatenate(margins), np.array(means), costs)


def _spent(model: GammaGammaModel, orders: IntArray, rng: np.random.Generator) -> FloatArray:
    """Amounts of numbers of orders of each customer, whose orders share a mean."""
    p, q, gamma = model.fit_.parameters
    spent = np.zeros(orders.shape)
    some = orders > 0
    spent[some] = rng.standard_gamma(p * orders[some])
    rate = rng.standard_gamma(q, len(orders)) / gamma
    result: FloatArray = spent / rate[:, None]
    return result


def _costs(months: int, terms: ValueTerms) -> FloatArray:
    """What a customer has cost at each age, discounted to the first purchase."""
    if terms.cost_per_customer_year == 0.0:
        return np.zeros(months + 1)
    years = [
        discounted_years(Duration(month * DAYS_PER_MONTH, ""), terms.annual_discount_rate)
        for month in range(months + 1)
    ]
    return terms.cost_per_customer_year * np.array(years)


def _acquisition_costs(economics: EconomicsConfig) -> list[tuple[str | None, float]]:
    """What a customer costs to win today: in general, or in each channel."""
    costs: list[tuple[str | None, float]] = []
    if economics.cac is not None:
        costs.append((None, economics.cac))
    if economics.cac_label is not None and economics.cac_label != COHORT:
        costs += list(economics.cac_values.items())
    return costs


def _last_observed(found: Life) -> int:
    return max(month for month, status in enumerate(found.status) if status == "observed")


def _sentence(
    status: str,
    reached: float | None,
    earliest: float | None,
    latest: float | None,
    horizon: float,
) -> str:
    if reached is None:
        soonest = (
            "" if earliest is None else f" At the high end after {number_of_months(earliest)}."
        )
        return f"Not paid back within {number_of_months(horizon)}.{soonest}"
    if reached == 0.0 and status == "reached":
        return "Paid back with the first purchase."
    if status == "reached":
        return f"Paid back {_when(reached)}, on average."
    last = "not within what is looked at" if latest is None else _when(latest)
    first = _when(reached if earliest is None else earliest)
    span = f"at the high end {first}, at the low end {last}"
    return f"Expected to be paid back {_when(reached)}; {span}."


def _when(months: float) -> str:
    return "with the first purchase" if months == 0.0 else f"after {number_of_months(months)}"
