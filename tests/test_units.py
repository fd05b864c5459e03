"""Durations and discounting."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clvmodels.errors import DurationError, ParameterError
from clvmodels.units import Duration, check_time_unit, discount_force, discounted_years


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("90d", 90),
        ("26w", 182),
        ("12m", 365.25),
        ("1y", 365.25),
        ("0.5Y", 182.625),
        (" 3 m ", 91.3125),
    ],
)
def test_durations_in_days(text, days):
    assert Duration.parse(text).days == pytest.approx(days, rel=1e-15)


@pytest.mark.parametrize(
    "text", ["1", "y", "1 year", "-1y", "0w", "nan d", "1e9y", "١y", "", None, 3]
)
def test_what_is_no_duration(text):
    with pytest.raises(DurationError, match="'26w'"):
        Duration.parse(text)


def test_lifetime_has_no_end():
    lifetime = Duration.parse("Lifetime")
    assert lifetime.is_lifetime
    assert math.isinf(lifetime.in_unit("week"))
    assert str(lifetime) == "lifetime"


@given(st.floats(0.0, 5.0), st.floats(0.01, 50.0))
def test_discounting_is_the_same_in_any_unit(rate, years):
    horizon = Duration.parse(f"{years:.6f}y")
    for unit in ("day", "week"):
        force = discount_force(rate, unit)
        factor = math.exp(-force * horizon.in_unit(unit))
        assert factor == pytest.approx((1.0 + rate) ** -horizon.years, rel=1e-9)


def test_present_value_of_a_yearly_cost():
    assert discounted_years(Duration.parse("3y"), 0.0) == 3.0
    force = math.log(1.1)
    assert discounted_years(Duration.parse("1y"), 0.1) == pytest.approx((1 - 1 / 1.1) / force)
    assert discounted_years(Duration.parse("lifetime"), 0.1) == pytest.approx(1 / force)
    assert math.isinf(discounted_years(Duration.parse("lifetime"), 0.0))


def test_bounds_are_named():
    with pytest.raises(ParameterError, match=r"annual_discount_rate is -0\.1"):
        discount_force(-0.1, "day")
    with pytest.raises(ParameterError, match="'month'"):
        check_time_unit("month")
