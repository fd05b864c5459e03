"""Who the customers of a shop are and when they buy, one block of them at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clvmodels.errors import ConfigurationError
from clvmodels.kernels.base import FloatArray, IntArray, Traits
from clvmodels.simulation.calendar import Calendar
from clvmodels.simulation.shop import SimulatedShop
from clvmodels.simulation.streams import Feature, stream
from clvmodels.units import DAYS_PER_UNIT, Duration

BLOCK = 4_096
"""Customers that are drawn and held together; part of what a seed means."""
# A block of a base that buys several times a day would not fit into memory.
_MOST_ROWS = 5e6
_SUBSCRIPTION_SWING = 0.1
_BURST_EXTRA, _BURST_DAYS = 1.0, 2.0


@dataclass(frozen=True)
class Customers:
    """Traits of a block's customers, each array of shape (n,); times in days of the calendar.

    ``rate`` is purchases per day where the pace is 1; ``leaves`` is inf for whoever is still
    active at the end.
    """

    first: FloatArray
    rate: FloatArray
    leaves: FloatArray
    subscribes: NDArray[np.bool_]


@dataclass(frozen=True)
class Orders:
    """Purchases of a block's customers by customer and time, the first ones included."""

    owner: IntArray
    time: FloatArray

    def number(self) -> IntArray:
        """Which purchase of its customer each is, from 0."""
        return np.arange(len(self.owner)) - np.searchsorted(self.owner, self.owner)


def draw_customers(shop: SimulatedShop, calendar: Calendar, block: int) -> tuple[Customers, Orders]:
    """Customers of a block with everything that they buy until the log ends.

    Raises
    ------
    ConfigurationError
        If they buy so much that a block would not fit into memory.
    """
    rng = stream(shop.seed, Feature.TRAITS, block)
    first = _first_purchases(shop, calendar, rng)
    traits = _draw_traits(shop, rng)
    chooses = stream(shop.seed, Feature.SUBSCRIPTIONS, block)
    subscribes = chooses.random(BLOCK) < shop.subscriptions
    gap = Duration.parse(shop.subscription_gap).days
    rate = np.where(subscribes, 1.0 / gap, traits.rate)
    customers = Customers(first, rate, first + traits.life, subscribes)
    rng = stream(shop.seed, Feature.PURCHASES, block)
    orders = _repeat_purchases(shop, calendar, customers, rng)
    kept = orders.number() < traits.purchases_left[orders.owner]
    orders = _on_days_of_their_own(
        _in_order(
            np.concatenate([np.arange(BLOCK), orders.owner[kept]]),
            np.concatenate([first, orders.time[kept]]),
        )
    )
    customers = replace(customers, leaves=_leaves(shop, customers, traits, orders))
    within = orders.time < shop.days
    orders = Orders(orders.owner[within], orders.time[within])
    if shop.bursts:
        orders = _with_bursts(shop, customers, orders, stream(shop.seed, Feature.BURSTS, block))
    return customers, orders


def _first_purchases(
    shop: SimulatedShop, calendar: Calendar, rng: np.random.Generator
) -> FloatArray:
    """Times of first purchases, which come at the pace of the calendar.

    They are at noon, and the log ends at noon of its last day: then T, counted in calendar days,
    is the time in which a customer could buy, and recency is rounded and not cut.
    """
    days = float(shop.days)
    if shop.arrivals is not None:
        days = min(days, Duration.parse(shop.arrivals).days)
    shown = rng.random(BLOCK) * calendar.to_clock(np.array(days))
    noon: FloatArray = np.minimum(np.floor(calendar.to_time(shown)), np.ceil(days) - 1.0) + 0.5
    return noon


def _draw_traits(shop: SimulatedShop, rng: np.random.Generator) -> Traits:
    """Traits of new customers, per day; who leaves at the first purchase has a life of 0."""
    model = shop.purchase_model()
    theta = np.array(list(model.params_.values()))
    x, zeros = np.zeros(BLOCK, dtype=np.int64), np.zeros(BLOCK)
    traits = model.kernel.draw_traits(theta, x, zeros, rng)
    stays = rng.random(BLOCK) < model.kernel.probability_alive(theta, x, zeros, zeros)
    per_unit = DAYS_PER_UNIT[shop.time_unit]
    life = np.where(stays, traits.life * per_unit, 0.0)
    return Traits(traits.rate / per_unit, life, traits.purchases_left)


def _repeat_purchases(
    shop: SimulatedShop, calendar: Calendar, customers: Customers, rng: np.random.Generator
) -> Orders:
    """Purchases after the first until the customer's life or the log ends."""
    first, rate, subscribes = customers.first, customers.rate, customers.subscribes
    end = np.minimum(customers.leaves, shop.days - 0.5)
    begun = calendar.to_clock(first)
    ahead = calendar.to_clock(end) - begun
    # The last slot of a subscriber may fall before the end by its swing.
    slots = np.floor((end - first) * rate + _SUBSCRIPTION_SWING)
    expected = np.where(subscribes, slots, rate * ahead)
    _check_size(shop, float(expected.sum()))
    made = np.where(subscribes, slots, rng.poisson(expected)).astype(np.int64)
    owner = np.repeat(np.arange(BLOCK), made)
    share = 1.0 - rng.random(len(owner))
    time = calendar.to_time(begun[owner] + share * ahead[owner])
    slot = Orders(owner, time).number() + 1 + _SUBSCRIPTION_SWING * (2.0 * share - 1.0)
    time = np.where(subscribes[owner], first[owner] + slot / rate[owner], time)
    kept = time <= end[owner]
    return _in_order(owner[kept], time[kept])


def _on_days_of_their_own(orders: Orders) -> Orders:
    """Move a purchase to the next day on which its customer has no other.

    A purchase is a customer's calendar day. Merging two of them would lose one, and the models
    would find lower rates than the log was made with.
    """
    number = orders.number()
    step = orders.time.astype(np.int64) - number
    # Far enough apart that a running maximum starts anew at each customer.
    base = orders.owner * (int(np.ptp(step)) + 1)
    day = np.maximum.accumulate(step + base) - base + number
    return Orders(orders.owner, np.where(day > orders.time, day + 0.5, orders.time))


def _leaves(
    shop: SimulatedShop, customers: Customers, traits: Traits, orders: Orders
) -> FloatArray:
    """When each customer leaves: by time or after a purchase, and never before the last one."""
    leaves = customers.leaves.copy()
    last = orders.number() == traits.purchases_left[orders.owner]
    leaves[orders.owner[last]] = orders.time[last]
    np.maximum.at(leaves, orders.owner, orders.time)
    leaves[leaves >= shop.days] = np.inf
    return leaves


def _check_size(shop: SimulatedShop, purchases: float) -> None:
    rows = purchases * shop.line_items * (1.0 + shop.bursts * (1.0 + _BURST_EXTRA))
    if not rows <= _MOST_ROWS:
        msg = (
            f"These customers would make {rows / BLOCK:,.0f} rows each on average, more than "
            f"{_MOST_ROWS / BLOCK:,.0f}. Lower the purchase rate, the trend or the span."
        )
        raise ConfigurationError(msg)


def _with_bursts(
    shop: SimulatedShop, customers: Customers, orders: Orders, rng: np.random.Generator
) -> Orders:
    """The same purchases, some of them followed by others within days."""
    starts = rng.random(len(orders.owner)) < shop.bursts
    more = np.where(starts, 1 + rng.poisson(_BURST_EXTRA, len(starts)), 0)
    owner = np.repeat(orders.owner, more)
    time = np.repeat(orders.time, more) + 1.0 + rng.exponential(_BURST_DAYS, len(owner))
    kept = time < np.minimum(customers.leaves[owner], shop.days)
    return _in_order(
        np.concatenate([orders.owner, owner[kept]]), np.concatenate([orders.time, time[kept]])
    )


def _in_order(owner: IntArray, time: FloatArray) -> Orders:
    order = np.lexsort((time, owner))
    return Orders(owner[order], time[order])
