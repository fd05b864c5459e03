"""What value means: margin, costs, discounting and horizon, in one place with their units."""

from __future__ import annotations

import math
from dataclasses import dataclass

from clvmodels.errors import ParameterError, UndiscountedLifetimeError
from clvmodels.units import Duration, discount_force, discounted_years


@dataclass(frozen=True)
class ValueTerms:
    """Terms on which future purchases are valued.

    Attributes
    ----------
    horizon : Duration
        How far ahead purchases count.
    margin : float
        Share of each amount that is profit, from 0 to 1.
    annual_discount_rate : float
        Effective yearly rate; 0.10 is 10 % a year.
    cost_per_order : float
        Money per purchase, paid when it is made.
    cost_per_customer_year : float
        Money per customer and year, paid over the whole horizon for every customer scored, since
        nobody sees who has left.
    """

    horizon: Duration
    margin: float = 1.0
    annual_discount_rate: float = 0.10
    cost_per_order: float = 0.0
    cost_per_customer_year: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 < self.margin <= 1.0:
            raise ParameterError(
                "margin", self.margin, "above 0 and at most 1, as a fraction: 0.35 is 35 %"
            )
        for name in ("cost_per_order", "cost_per_customer_year"):
            cost = getattr(self, name)
            if not 0.0 <= cost < math.inf:
                raise ParameterError(name, cost, "at least 0 and finite, in money")
        if self.horizon.is_lifetime and discount_force(self.annual_discount_rate, "day") == 0.0:
            raise UndiscountedLifetimeError

    @property
    def fixed_cost(self) -> float:
        """Present value of serving one customer over the horizon, in money."""
        if self.cost_per_customer_year == 0.0:
            return 0.0
        years = discounted_years(self.horizon, self.annual_discount_rate)
        return self.cost_per_customer_year * years


def check_interval(interval: float) -> tuple[float, float, float]:
    """Lower, median and upper level of a central interval, such as .05, .5 and .95 of 0.9."""
    if not 0.0 < interval < 1.0:
        raise ParameterError("interval", interval, "inside (0, 1), such as 0.9")
    half = 0.5 * (1.0 - interval)
    return half, 0.5, 1.0 - half
