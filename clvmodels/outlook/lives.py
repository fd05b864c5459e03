"""What customers of a cohort or a channel bring by age: seen so far, and then forecast.

The age of a customer is the time since their own first purchase. At an age that only the older
ones have reached, what these did and what the younger are expected to do are added up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.outlook.estimate import Estimate, certain, estimate, scaled
from clvmodels.outlook.prospect import Curves, Prospect
from clvmodels.transactions.cohorts import DAYS_PER_MONTH
from clvmodels.units import DAYS_PER_YEAR, discount_force
from clvmodels.value.shock import CommonShock

MONTHS_AHEAD = 12


@dataclass(frozen=True)
class Steps:
    """When the customers of a prospect's rows reach the ages ahead of them.

    Attributes
    ----------
    first : (rows,)
        The first whole month of age that each row has not lived through.
    days : (rows, months)
        Days from now to that age and the following ones.
    """

    first: IntArray
    days: FloatArray

    @classmethod
    def of(cls, prospect: Prospect) -> Steps:
        """A year of whole months ahead of each row, and a month more where one is half over."""
        first = np.floor(prospect.age / DAYS_PER_MONTH + 1e-9).astype(np.int64) + 1
        ages = first[:, None] + np.arange(MONTHS_AHEAD)
        return cls(first, ages * DAYS_PER_MONTH - prospect.age[:, None])


@dataclass(frozen=True)
class Life:
    """Cumulative money or purchases per customer of a group, at whole months of age.

    Attributes
    ----------
    seen : (months + 1,)
        What was observed, from age 0 (the first purchase day) on; constant once nobody is older.
    ahead : list of Estimate
        What is expected on top, at the same ages.
    status : list of str
        ``observed``, ``partly`` or ``forecast``.
    """

    customers: float
    seen: FloatArray
    ahead: list[Estimate]
    status: list[str]

    @property
    def months(self) -> int:
        """Last age, in months."""
        return len(self.seen) - 1

    def at(self, month: int) -> Estimate:
        """Cumulative so far or to be expected at an age."""
        return scaled(self.ahead[month], 1.0, float(self.seen[month]))


def life(
    seen: FloatArray,
    curves: Curves,
    steps: Steps,
    prospect: Prospect,
    rows: IntArray,
    interval: float,
    shock: CommonShock,
    force: float = 0.0,
) -> Life:
    """Join what was seen of a group with what is expected of its rows of a prospect.

    Parameters
    ----------
    seen
        Money or purchases at age 0 and within each month of age, summed over the group.
    curves
        The same ahead, cumulative at the times of ``steps``.
    rows
        Which rows of the prospect the group is.
    force
        Continuous yearly rate at which both are discounted to the first purchase.
    """
    customers = float(prospect.customers[rows].sum())
    youngest, oldest = (int(f(steps.first[rows])) - 1 for f in (np.min, np.max))
    # Nobody is forecast further than a year of whole months.
    last = youngest + MONTHS_AHEAD
    factor = np.exp(-force * (np.arange(1, last + 1) - 0.5) * DAYS_PER_MONTH / DAYS_PER_YEAR)
    padded = np.zeros(last + 1)
    padded[: min(len(seen), last + 1)] = seen[: last + 1]
    padded[1:] *= factor
    # A curve at a time less the curve at the time before, each discounted at its middle: the weight
    # of a cumulative value is the difference of two discount factors.
    place = steps.first[rows][:, None] + np.arange(MONTHS_AHEAD)
    discount = np.exp(-force * (place - 0.5) * DAYS_PER_MONTH / DAYS_PER_YEAR)
    own = curves.of_rows(rows)
    ahead = [certain(0.0)] * (youngest + 1)
    for month in range(youngest + 1, last + 1):
        here = np.where(place <= month, discount, 0.0)
        weight = here - np.append(here[:, 1:], np.zeros((len(rows), 1)), axis=1)
        ahead.append(scaled(estimate(own, weight, interval, shock), 1.0 / customers))
    status = [
        "observed" if month <= youngest else "partly" if month <= oldest else "forecast"
        for month in range(last + 1)
    ]
    return Life(customers, np.cumsum(padded) / customers, ahead, status)


def yearly_force(annual_rate: float) -> float:
    """Continuous rate a year of an effective one."""
    return discount_force(annual_rate, "day") * DAYS_PER_YEAR
