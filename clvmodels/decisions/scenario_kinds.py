"""The scenarios beyond purchases: what is entered for each, and what it comes to in money.

Every formula is a product or a sum of products of numbers that are not negative, so that the low
inputs together give the low end and the high ones together the high end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from clvmodels.kernels.base import FloatArray

Numbers = Mapping[str, FloatArray]


@dataclass(frozen=True)
class Group:
    """Customers whom a scenario is about.

    Attributes
    ----------
    customers, active
        How many, and the sum of their probabilities to be active.
    value
        Expected money from them before what is paid in any case: what is lost if all leave.
    """

    name: str | None
    customers: float
    active: float
    value: float


@dataclass(frozen=True)
class Kind:
    """One kind of scenario.

    Attributes
    ----------
    inputs
        Name of each input, what it is called, and its unit.
    formula
        In words.
    of_group
        Money for a group from the inputs, the number of years (discounted), the worth of a new
        customer and the factor by which the group's value may differ from what is expected.
    per_customer
        Whether one active customer stands for the rest.
    by_segment
        Whether segments make sense.
    """

    name: str
    title: str
    direction: str
    inputs: tuple[tuple[str, str, str], ...]
    formula: str
    of_group: Callable[[Numbers, Group, float, FloatArray, FloatArray], FloatArray]
    per_customer: bool = True
    by_segment: bool = True


def _referrals(i: Numbers, g: Group, years: float, new: FloatArray, _: FloatArray) -> FloatArray:
    return g.active * years * i["referrals_per_year"] * i["conversion"] * new


def _reviews(i: Numbers, g: Group, years: float, new: FloatArray, _: FloatArray) -> FloatArray:
    return g.active * years * i["reviews_per_year"] * i["readers"] * i["conversion"] * new


def _influencers(i: Numbers, g: Group, years: float, new: FloatArray, _: FloatArray) -> FloatArray:
    return g.customers * years * i["reach_per_year"] * i["conversion"] * new


def _praise(i: Numbers, g: Group, years: float, new: FloatArray, _: FloatArray) -> FloatArray:
    return g.active * years * i["customers"] * i["reach"] * i["conversion"] * new


def _failing(i: Numbers, g: Group, years: float, new: FloatArray, _: FloatArray) -> FloatArray:
    return g.active * years * i["customers"] * i["reach"] * i["deterred"] * new


def _feedback(i: Numbers, g: Group, years: float, new: FloatArray, _: FloatArray) -> FloatArray:
    del g, new
    return years * i["suggestions_per_year"] * i["used"] * i["value"]


def _bad(i: Numbers, g: Group, years: float, new: FloatArray, factor: FloatArray) -> FloatArray:
    del years
    told = g.active * i["told"] * i["deterred"] * new
    return i["customers"] * (i["leave"] * g.value * factor + told)


_CONVERSION = ("conversion", "Share of them who become customers through it", "share")
_DETERRED = ("deterred", "Share of them who would have become customers, and now do not", "share")

KINDS: tuple[Kind, ...] = (
    Kind(
        "referrals",
        "Referrals and word of mouth",
        "gain",
        (
            ("referrals_per_year", "People whom an active customer refers", "a year"),
            _CONVERSION,
        ),
        "active customers × people referred a year × years × share who become customers × value "
        "of a new customer",
        _referrals,
    ),
    Kind(
        "reviews",
        "Ratings and reviews",
        "gain",
        (
            ("reviews_per_year", "Reviews that an active customer writes", "a year"),
            ("readers", "People who read one", "people"),
            _CONVERSION,
        ),
        "active customers × reviews a year × years × readers × share who become customers × value "
        "of a new customer",
        _reviews,
    ),
    Kind(
        "influencers",
        "Influential customers",
        "gain",
        (
            ("reach_per_year", "People whom an influential customer reaches about us", "a year"),
            _CONVERSION,
        ),
        "influential customers × people reached a year × years × share who become customers × "
        "value of a new customer",
        _influencers,
        by_segment=False,
    ),
    Kind(
        "praise",
        "Praise that travels",
        "gain",
        (
            ("customers", "Share of active customers who praise us in public", "a year"),
            ("reach", "People whom one praise reaches", "people"),
            _CONVERSION,
        ),
        "active customers × share who praise a year × years × people reached × share who become "
        "customers × value of a new customer",
        _praise,
    ),
    Kind(
        "failing",
        "A failing that travels further",
        "loss",
        (
            ("customers", "Share of active customers who make a failing public", "a year"),
            ("reach", "People whom one failing reaches", "people"),
            _DETERRED,
        ),
        "active customers × share who tell a year × years × people reached × share who stay away × "
        "value of a new customer",
        _failing,
    ),
    Kind(
        "feedback",
        "Feedback that improves the product",
        "gain",
        (
            ("suggestions_per_year", "Suggestions that come in", "a year"),
            ("used", "Share of them that are used", "share"),
            ("value", "Profit from one that is used", "money"),
        ),
        "suggestions a year × years × share used × profit from one",
        _feedback,
        per_customer=False,
        by_segment=False,
    ),
    Kind(
        "bad_experience",
        "One bad experience",
        "loss",
        (
            ("customers", "Share of the customers who have it", "share"),
            ("leave", "Share of them who leave over it", "share"),
            ("told", "People whom each of them tells", "people"),
            _DETERRED,
        ),
        "share of customers × (share who leave × value of their purchases ahead + active customers "
        "× people told × share who stay away × value of a new customer)",
        _bad,
    ),
)


def numbers_of(rule: Any, kind: Kind, pick: Callable[[Any], FloatArray]) -> dict[str, FloatArray]:
    """Inputs of a scenario as arrays: ``pick`` takes them from a range."""
    return {name: pick(getattr(rule, name)) for name, _, _ in kind.inputs}
