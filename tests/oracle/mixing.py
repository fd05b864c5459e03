"""Exact moments of the mixing distributions, at 50 digits, in a precision context of their own.

Every model here mixes a Poisson process over a gamma distribution of rates and a coin over a beta
distribution of dropout probabilities. The two moments below are all that a likelihood needs;
`test_oracle_by_quadrature.py` compares them, and everything built on them, with the integrals
that define them.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from mpmath import MPContext

DIGITS = 50

mp = MPContext()
mp.dps = DIGITS

Number = Any
"""An mpmath number, or an int or float that is taken exactly as it stands."""


def exact(*values: float) -> list[Number]:
    """Take binary floating-point numbers as the exact rationals that they are."""
    return [mp.mpf(value) for value in values]


def log_gamma_moment(shape: Number, rate: Number, power: int, time: Number) -> Number:
    """Give log E[λ^power exp(−λ time)] for λ ~ Gamma(shape, rate)."""
    return (
        mp.loggamma(shape + power)
        - mp.loggamma(shape)
        + shape * mp.log(rate)
        - (shape + power) * mp.log(rate + time)
    )


def log_beta_moment(a: Number, b: Number, dropped: int, stayed: int) -> Number:
    """Give log E[p^dropped (1 − p)^stayed] for p ~ Beta(a, b)."""
    return (
        mp.loggamma(a + dropped)
        - mp.loggamma(a)
        + mp.loggamma(b + stayed)
        - mp.loggamma(b)
        + mp.loggamma(a + b)
        - mp.loggamma(a + b + dropped + stayed)
    )


@cache
def arrival_probability(shape: Number, rate: Number, count: int, time: Number) -> Number:
    """Give P(at least ``count`` ≥ 1 Poisson arrivals by ``time``) for a rate ~ Gamma(shape, rate).

    The time of the arrival over ``rate`` is beta-prime with parameters (count, shape). Kept, as
    models that count alike ask for the same.
    """
    return regularized_beta(count, shape, time / (rate + time))


def regularized_beta(a: Number, b: Number, z: Number) -> Number:
    """Give the distribution function of a Beta(a, b) at z, in [0, 1].

    Written as the always positive series of the lower tail, or one minus that of the upper tail
    where this converges faster: `mpmath.betainc` loses its way for parameters in the thousands.
    """
    if z <= 0 or z >= 1:
        return mp.mpf(z >= 1)
    if z * (a + b + 2) > a + 1:
        return 1 - _lower_beta_tail(b, a, 1 - z)
    return _lower_beta_tail(a, b, z)


def _lower_beta_tail(a: Number, b: Number, z: Number) -> Number:
    front = a * mp.log(z) + b * mp.log1p(-z) - mp.log(a)
    front -= mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)
    term = total = mp.one
    n = 0
    while term > total * mp.eps:
        term *= z * (a + b + n) / (a + 1 + n)
        total += term
        n += 1
    return mp.exp(front) * total
