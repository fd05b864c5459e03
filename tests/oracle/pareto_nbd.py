"""Pareto/NBD at 50 digits, from its story.

Purchases after the first come at a Poisson rate λ ~ Gamma(r, rate α) until the customer leaves,
which happens at the rate μ ~ Gamma(s, rate β), λ and μ independent. Given the time of leaving
both mix in closed form; what is left is one integral over that time. In its logarithm every such
integrand here is log-concave, so the quadrature can see where it lives.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.oracle.mixing import Number, exact, log_gamma_moment, mp
from tests.oracle.purchases import PurchaseOracle

_DIGITS = 32
# exp(-_NEGLIGIBLE) of the largest value adds nothing at that many digits.
_NEGLIGIBLE = 80


class ParetoNBDOracle(PurchaseOracle):
    """Every quadrature says its error, which is held below 1e-22 of the value."""

    parameters = ("r", "alpha", "s", "beta")

    def paths(
        self, theta: list[Number], x: int, t_x: Number, age: Number
    ) -> tuple[Number, Number | None]:
        """Leaving comes after T, or at some time between t_x and T."""
        r, alpha, s, beta = theta
        alive = log_gamma_moment(r, alpha, x, age) + log_gamma_moment(s, beta, 0, age)
        if t_x == age:
            return alive, None

        def log_integrand(v: Number) -> Number:
            since = mp.exp(v)
            return v - (r + x) * mp.log(alpha + t_x + since) - (s + 1) * mp.log(beta + t_x + since)

        log_constant = mp.loggamma(r + x) - mp.loggamma(r) + r * mp.log(alpha)
        log_constant += mp.log(s) + s * mp.log(beta)
        return alive, log_constant + _log_integral(log_integrand, mp.log(age - t_x))

    def published_log_likelihood(
        self, theta: list[float], x: int, t_x: float, age: float
    ) -> Number:
        """Give it by the difference of two hypergeometric functions (Fader & Hardie 2005).

        At 400 digits that difference keeps enough of them.
        """
        with mp.workdps(400):
            r, alpha, s, beta, t_x, age = exact(*theta, t_x, age)
            total = r + s + x
            larger, second = (alpha, s + 1) if alpha >= beta else (beta, r + x)
            apart = abs(alpha - beta)

            def power_function(time: Number) -> Number:
                z = apart / (larger + time)
                return mp.hyp2f1(total, second, total + 1, z) / (larger + time) ** total

            since = power_function(t_x) - power_function(age)
            constant = mp.exp(mp.loggamma(r + x) - mp.loggamma(r)) * alpha**r * beta**s
            stayed = (alpha + age) ** -(r + x) * (beta + age) ** -s
            return mp.log(constant * (stayed + s / total * since))

    def alive_purchases(
        self, theta: list[float], x: int, age: float, horizon: float, discount: float = 0.0
    ) -> Number:
        """Give the mean rate times ∫₀ᴴ e^(−δu) P(still there at u) du.

        With c = β + T it is c e^(δc) E_s(δc), less that from the horizon on.
        """
        with mp.workdps(80):
            r, alpha, s, beta, age, horizon, discount = exact(*theta, age, horizon, discount)
            rate, c = (r + x) / (alpha + age), beta + age

            def from_there_on(start: Number) -> Number:
                if mp.isinf(start):
                    return mp.zero
                z = discount * (c + start)
                there = (c / (c + start)) ** s * mp.exp(-discount * start)
                return there * (c + start) * mp.exp(z) * mp.expint(s, z)

            if discount:
                return rate * (from_there_on(mp.zero) - from_there_on(horizon))
            if s == 1:
                return rate * c * mp.log1p(horizon / c)
            return rate * c / (1 - s) * mp.expm1((1 - s) * mp.log1p(horizon / c))

    def alive_pmf(
        self, theta: list[float], x: int, age: float, horizon: float, count: int
    ) -> Number:
        """Give P(``count`` purchases until the horizon or the time of leaving)."""
        r, alpha, s, beta, age, horizon = exact(*theta, age, horizon)
        n, c, d = r + x, alpha + age, beta + age

        def log_integrand(v: Number) -> Number:
            until = mp.exp(v)
            leaving = mp.log(s / d) - (s + 1) * mp.log1p(until / d)
            return log_gamma_moment(n, c, count, until) + (count + 1) * v + leaving

        gone = _log_integral(log_integrand, mp.log(horizon))
        stayed = log_gamma_moment(n, c, count, horizon) + count * mp.log(horizon)
        stayed += log_gamma_moment(s, d, 0, horizon)
        return (mp.exp(gone) + mp.exp(stayed)) / mp.factorial(count)

    def alive_survival(
        self, theta: list[float], x: int, age: float, horizon: float, count: int
    ) -> Number:
        """Give P(the purchase number ``count`` comes within the horizon and before leaving)."""
        if count == 0:
            return mp.one
        r, alpha, s, beta, age, horizon = exact(*theta, age, horizon)
        n, c, d = r + x, alpha + age, beta + age

        def log_integrand(v: Number) -> Number:
            when = mp.exp(v)
            arrival = log_gamma_moment(n, c, count, when) + count * v
            return arrival + log_gamma_moment(s, d, 0, when)

        return mp.exp(_log_integral(log_integrand, mp.log(horizon))) / mp.factorial(count - 1)

    def alive_share(self, theta: list[float], x: int, age: float, ahead: float) -> Number:
        """Give E[exp(−μ s)] for μ | alive ~ Gamma(s, β + T)."""
        _, _, s, beta, age, ahead = exact(*theta, age, ahead)
        return mp.exp(log_gamma_moment(s, beta + age, 0, ahead))


def _log_integral(log_integrand: Callable[[Number], Number], last: Number) -> Number:
    """Log of ∫ exp(log_integrand(v)) dv over v ≤ last, for a log-concave real part.

    Parameters may be complex; the path is real.
    """
    with mp.workdps(15):

        def height(v: Number) -> Number:
            return mp.re(log_integrand(v))

        low, high = last - 400, +last
        for _ in range(60):
            third = (high - low) / 3
            if height(low + third) < height(high - third):
                low += third
            else:
                high -= third
        top = height(high)
        left, right = _edge(height, high, top, -1, last), _edge(height, high, top, 1, last)
    with mp.workdps(_DIGITS):
        scale = log_integrand(high)
        panels = mp.linspace(left, right if right < last else last, 17)
        value, error = mp.quad(
            lambda v: mp.exp(log_integrand(v) - scale),
            panels,
            method="gauss-legendre",
            error=True,
        )
        assert error < abs(value) * mp.mpf("1e-22"), f"quadrature error {error} of {value}"
        return scale + mp.log(value)


def _edge(
    height: Callable[[Number], Number], mode: Number, top: Number, way: int, last: Number
) -> Number:
    """Where the integrand has become negligible, or the end of the range."""
    step = mp.mpf("1e-6")
    while True:
        v = mode + way * step
        if v >= last:
            return last
        if height(v) < top - _NEGLIGIBLE:
            return v
        step *= 1.3
