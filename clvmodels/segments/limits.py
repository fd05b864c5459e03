"""The limits between segments: learned from a log, kept with the model, refused on other terms."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from clvmodels.errors import ArtefactError
from clvmodels.value.scorer import Scorer
from clvmodels.value.terms import ValueTerms

Tier = Literal["clv", "expected_purchases", "discounted_purchases"]


@dataclass(frozen=True)
class Limits:
    """What decides to which segment a customer belongs.

    Attributes
    ----------
    tier
        Score that the value tier looks at: expected value or, without a spend model, expected
        purchases (discounted for a lifetime).
    top
        From here on is the top tier, in money or purchases.
    top_share
        Share of repeat customers that was to be above when the limit was learned.
    active_from, lapsed_below
        P(alive) from which a customer counts as active, below which as gone.
    new_until_days
        Age in days up to which a customer is young, and new without a repeat purchase.
    few_orders
        Orders, the first included, up to which one who came back is still promising.
    terms
        What value meant when the limit was learned, by name.
    """

    tier: Tier
    top: float
    top_share: float
    active_from: float
    lapsed_below: float
    new_until_days: int
    few_orders: int
    terms: dict[str, Any]

    def misfit(self, scorer: Scorer) -> str | None:
        """Why a limit in money says nothing about a scorer's values; None where it does."""
        tier, terms = tier_of(scorer), described(scorer.terms)
        if tier != self.tier:
            return f"its value tier looks at {self.tier}, and the scores at {tier}"
        changed = [name for name, value in terms.items() if self.terms.get(name) != value]
        if changed:
            return "; ".join(
                f"{name} was {self.terms.get(name)} and is {terms[name]}" for name in changed
            )
        return None

    def to_dict(self) -> dict[str, Any]:
        """Give the limits as JSON has them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Any, file: str) -> Limits:
        """Read what `to_dict` gave.

        Raises
        ------
        ArtefactError
            If a limit is missing, or not what it should be.
        """
        try:
            limits = cls(**content)
            numbers = (limits.top, limits.top_share, limits.active_from, limits.lapsed_below)
            whole = (limits.new_until_days, limits.few_orders)
            sound = (
                all(isinstance(number, int | float) for number in numbers)
                and all(isinstance(number, int) for number in whole)
                and limits.tier in ("clv", "expected_purchases", "discounted_purchases")
                and isinstance(limits.terms, dict)
            )
        except TypeError:
            sound = False
        if not sound:
            msg = f"The limits in {file} are damaged. Restore it, or fit the model again."
            raise ArtefactError(msg)
        return limits


def tier_of(scorer: Scorer) -> Tier:
    """Score that the value tier looks at."""
    if scorer.spend is not None:
        return "clv"
    return "discounted_purchases" if scorer.terms.horizon.is_lifetime else "expected_purchases"


def described(terms: ValueTerms) -> dict[str, Any]:
    """What value means, by name, as limits are kept with it."""
    return {
        "horizon": str(terms.horizon),
        "margin": terms.margin,
        "annual_discount_rate": terms.annual_discount_rate,
        "cost_per_order": terms.cost_per_order,
        "cost_per_customer_year": terms.cost_per_customer_year,
    }
