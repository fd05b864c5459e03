"""Ratios of gamma functions against 50 digits, to rounding."""

from __future__ import annotations

import numpy as np
import pytest

from clvmodels.kernels import tables
from tests.oracle.compare import relative_errors
from tests.oracle.mixing import mp

ROUNDING = 2e-13
STARTS = [1e-3, 0.24, 1.0, 4.4, 300.0]


def at(table: np.ndarray) -> np.ndarray:
    return table[[1, 2, 30, 5000]]


@pytest.mark.parametrize("start", STARTS)
def test_running_sums(start):
    a = mp.mpf(start)
    exact = [mp.loggamma(a + x) - mp.loggamma(a) for x in (1, 2, 30, 5000)]
    rising = tables.log_rising(start, 5000)
    assert rising[0] == 0.0
    # The first may be 0 and have no relative error.
    np.testing.assert_allclose(at(rising), np.array(exact, dtype=float), rtol=ROUNDING, atol=1e-15)
    exact = [mp.digamma(a + x) - mp.digamma(a) for x in (1, 2, 30, 5000)]
    assert relative_errors(at(tables.harmonic(start, 5000)), exact).max() < ROUNDING


@pytest.mark.parametrize("a", STARTS)
@pytest.mark.parametrize("b", STARTS)
def test_beta_steps(a, b):
    def log_beta(b):
        return mp.loggamma(b) - mp.loggamma(mp.mpf(a) + b)

    b_exact = mp.mpf(b)
    counts = (1, 2, 30, 5000)
    steps = [log_beta(b_exact + x) - log_beta(b_exact) for x in counts]
    assert relative_errors(at(tables.log_beta_step(a, b, 5000)), steps).max() < ROUNDING
    slopes = [
        mp.digamma(b_exact + x)
        - mp.digamma(a + b_exact + x)
        - mp.digamma(b_exact)
        + mp.digamma(a + b_exact)
        for x in counts
    ]
    assert relative_errors(at(tables.log_beta_step_slope_b(a, b, 5000)), slopes).max() < ROUNDING


@pytest.mark.parametrize("q", [0.01, 1.0, 3.74, 400.0])
def test_steps_of_any_length(q):
    """On both sides of where Stirling's series takes over, at 30, and far out."""
    a = np.array([0.5, 29.9, 30.0, 30.1, 45.0, 3e3, 3e5])
    rows = [mp.mpf(value) for value in a]
    exact = [mp.loggamma(value + q) - mp.loggamma(value) for value in rows]
    got = tables.log_gamma_step(a, q)
    np.testing.assert_allclose(got, np.array(exact, dtype=float), rtol=1e-13, atol=5e-14)
    exact = [mp.digamma(value + q) - mp.digamma(value) for value in rows]
    assert relative_errors(tables.digamma_step(a, q), exact).max() < 1e-11
