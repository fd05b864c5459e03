"""The size of what strikes everybody at once: the published factors, and the exact predictive."""

from __future__ import annotations

import math

import numpy as np
import pytest

from clvmodels.value.shock import ASSUMED, NO_SHOCK, CommonShock, CommonShocks
from clvmodels.value.totals import Total


def test_published_factors():
    """At n = 3 and s = .25: ×/÷ 1.42 for 80 %, 1.61 for 90 %; with no window 1.70."""
    three = CommonShock.of_errors([0.25, -0.25, 0.25])
    assert three.sd == pytest.approx(0.25)
    assert three.factor(0.8) == pytest.approx(1.42, abs=0.005)
    assert three.factor(0.9) == pytest.approx(1.61, abs=0.005)
    assert ASSUMED.factor(0.9) == pytest.approx(1.70, abs=0.005)


def test_size_by_hand():
    shock = CommonShock.of_errors([0.1, -0.4])
    assert shock.sd == pytest.approx(math.sqrt((4 * 0.0625 + 0.01 + 0.16) / 6))
    assert shock.degrees_of_freedom == 6
    assert shock.windows == 2
    assert not shock.assumed
    assert ASSUMED.assumed
    assert ASSUMED.windows == 0
    assert not NO_SHOCK.assumed
    assert NO_SHOCK.factor(0.9) == 1.0


@pytest.mark.parametrize("windows", [0, 3])
def test_it_is_the_exact_predictive_under_its_prior(windows):
    """Variances drawn from the prior, errors from the variance: the next one is covered as told."""
    rng = np.random.default_rng(8)
    held = 0
    for _ in range(4_000):
        sd = math.sqrt(4 * 0.0625 / rng.chisquare(4))
        *errors, last = (sd * rng.standard_normal(windows + 1)).tolist()
        held += abs(last) <= CommonShock.of_errors(errors).half_width(0.9)
    assert held / 4_000 == pytest.approx(0.9, abs=4 * math.sqrt(0.09 / 4_000))


def test_one_shock_stands_for_purchases_and_value():
    assert CommonShocks.of(NO_SHOCK) == CommonShocks(NO_SHOCK, NO_SHOCK)
    both = CommonShocks(ASSUMED, NO_SHOCK)
    assert CommonShocks.of(both) is both


def test_a_total_tells_its_parts():
    shock = CommonShock.of_errors([0.1, 0.2, 0.3])
    total = Total.of(100.0, 3.0, 4.0, 0.9, shock)
    assert (total.sd_parameters, total.sd_customers) == (3.0, 4.0)
    assert total.common_shock == shock.sd
    assert total.common_shock_degrees == 7
    assert total.common_shock_windows == 3
    assert total.common_shock_assumed is False
    width = math.hypot(1.6448536 * math.sqrt(math.log(1.0 + 0.05**2)), shock.half_width(0.9))
    assert total.upper == pytest.approx(100.0 * math.exp(width))
    assert total.lower == pytest.approx(100.0 * math.exp(-width))


def test_a_total_of_which_hardly_anything_is_left_has_bounds():
    total = Total.of(1e-9, 0.0, 1.0, 0.9, NO_SHOCK)
    assert 0.0 < total.lower < total.expected < total.upper < 1.0


def test_a_fixed_cost_is_paid_in_good_times_and_bad():
    """It moves both bounds of what comes in before it, and a shock can push the rest below 0."""
    gross = Total.of(100.0, 0.0, 0.0, 0.9)
    net = Total.of(10.0, 0.0, 0.0, 0.9, fixed_cost=90.0)
    assert net.lower == pytest.approx(gross.lower - 90.0)
    assert net.upper == pytest.approx(gross.upper - 90.0)
    assert net.lower < 0.0
