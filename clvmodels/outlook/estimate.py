"""Numbers with an interval, as ``run.json`` has them."""

from __future__ import annotations

from typing import TypedDict

from clvmodels.kernels.base import FloatArray
from clvmodels.outlook.prospect import Curves
from clvmodels.value.shock import CommonShock
from clvmodels.value.totals import Total


class Estimate(TypedDict):
    """An expected number and its interval."""

    expected: float
    lower: float
    upper: float


def estimate(
    curves: Curves, weight: FloatArray, interval: float, shock: CommonShock, fixed_cost: float = 0.0
) -> Estimate:
    """Weighted sum of curves with an interval that carries what strikes everybody at once."""
    expected, sd_parameters, sd_customers = curves.total(weight)
    return of_total(
        Total.of(expected - fixed_cost, sd_parameters, sd_customers, interval, shock, fixed_cost)
    )


def of_total(total: Total) -> Estimate:
    """Give a total as ``run.json`` has it."""
    return {"expected": total.expected, "lower": total.lower, "upper": total.upper}


def scaled(found: Estimate, factor: float, plus: float = 0.0) -> Estimate:
    """The same times a positive factor, and something certain on top."""
    return {
        "expected": found["expected"] * factor + plus,
        "lower": found["lower"] * factor + plus,
        "upper": found["upper"] * factor + plus,
    }


def certain(value: float) -> Estimate:
    """Something known for sure."""
    return {"expected": value, "lower": value, "upper": value}
