"""Gamma-Gamma spend at 50 digits, from its story.

A customer's orders are Gamma(p, rate ν) with ν ~ Gamma(q, rate γ); m is the mean of x orders.
"""

from __future__ import annotations

from tests.oracle.mixing import Number, exact, mp

PARAMETERS = ("p", "q", "gamma")


def log_likelihood(theta: list[float], x: int, m: float) -> Number:
    """Give the log-density of the mean m of x ≥ 1 orders."""
    return _log_likelihood(exact(*theta), x, mp.mpf(m))


def _log_likelihood(theta: list[Number], x: int, m: Number) -> Number:
    """The mean is Gamma(p x, rate ν x) given ν, so m x / γ is beta-prime with (p x, q)."""
    p, q, gamma = theta
    ratio = m * x / gamma
    log_beta = mp.loggamma(p * x) + mp.loggamma(q) - mp.loggamma(p * x + q)
    return (
        (p * x - 1) * mp.log(ratio) - (p * x + q) * mp.log1p(ratio) - log_beta + mp.log(x / gamma)
    )


def gradient(theta: list[float], x: int, m: float) -> list[Number]:
    """Give the derivative of `log_likelihood` in each parameter, by differences at 100 digits."""
    point, mean = exact(*theta), mp.mpf(m)

    def along(i: int) -> Number:
        def shifted(value: Number) -> Number:
            return _log_likelihood([*point[:i], value, *point[i + 1 :]], x, mean)

        return mp.diff(shifted, point[i])

    return [along(i) for i in range(len(point))]


def mean_spend(theta: list[float], x: int, m: float) -> Number:
    """Give E[p / ν] with ν | data ~ Gamma(q + p x, rate γ + x m); x = 0 is the population."""
    p, q, gamma = exact(*theta)
    mean = mp.mpf(m) if x else mp.zero
    return p * (gamma + x * mean) / (q + p * x - 1)
