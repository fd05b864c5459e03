"""BG/NBD at 50 digits, from its story.

Purchases after the first come at a Poisson rate λ ~ Gamma(r, rate α); after each of them the
customer leaves with probability p ~ Beta(a, b), λ and p independent. A customer is (x, t_x, T):
x repeat purchases, the last at t_x, observed to T.
"""

from __future__ import annotations

from tests.oracle.mixing import (
    Number,
    arrival_probability,
    exact,
    log_beta_moment,
    log_gamma_moment,
    mp,
)

PARAMETERS = ("r", "alpha", "a", "b")


def _paths(theta: tuple[Number, ...], x: int, t_x: Number, age: Number) -> tuple[Number, Number]:
    """Log-likelihoods of the data together with still being there, and with having left at t_x."""
    r, alpha, a, b = theta
    alive = log_beta_moment(a, b, 0, x) + log_gamma_moment(r, alpha, x, age)
    if x == 0:
        return alive, -mp.inf
    return alive, log_beta_moment(a, b, 1, x - 1) + log_gamma_moment(r, alpha, x, t_x)


def log_likelihood(theta: list[float], x: int, t_x: float, age: float) -> Number:
    """Give log P(x purchases at their times, to T), without the times between."""
    return _log_likelihood(exact(*theta), x, *exact(t_x, age))


def _log_likelihood(theta: list[Number], x: int, t_x: Number, age: Number) -> Number:
    alive, left = _paths(theta, x, t_x, age)
    return alive if x == 0 else alive + mp.log1p(mp.exp(left - alive))


def gradient(theta: list[float], x: int, t_x: float, age: float) -> list[Number]:
    """Give the derivative of `log_likelihood` in each parameter, by differences at 100 digits."""
    point = exact(*theta)
    t_x, age = exact(t_x, age)

    def along(i: int) -> Number:
        def shifted(value: Number) -> Number:
            return _log_likelihood([*point[:i], value, *point[i + 1 :]], x, t_x, age)

        return mp.diff(shifted, point[i])

    return [along(i) for i in range(len(point))]


def probability_alive(theta: list[float], x: int, t_x: float, age: float) -> Number:
    """Give the probability of still being there at T."""
    alive, left = _paths(exact(*theta), x, *exact(t_x, age))
    return 1 / (1 + mp.exp(left - alive))


def purchase_rate(theta: list[float], x: int, age: float, ahead: Number) -> Number:
    """Give E[λ exp(−λ p s)] for a customer alive at T: the density of purchases at T + s.

    λ | alive ~ Gamma(r + x, α + T): mixing over it leaves n c^n / (c + p s)^(n+1) with n = r + x,
    c = α + T; mixing that over p | alive ~ Beta(a, b + x) is Euler's integral of
    ₂F₁(n + 1, a; a + b + x; −s/c). mpmath 1.4 gives garbage for this argument near −1.4 when n is
    in the thousands, so it gets Pfaff's form, whose argument lies in [0, 1).
    """
    r, alpha, a, b, age = exact(*theta, age)
    n, c = r + x, alpha + age
    z, both = ahead / c, a + b + x
    return n / c * (1 + z) ** -a * mp.hyp2f1(a, both - n - 1, both, z / (1 + z))


def alive_purchases(
    theta: list[float], x: int, age: float, horizon: float, discount: float = 0.0
) -> Number:
    """Give ∫₀ᴴ e^(−δs) rate(s) ds, with `purchase_rate`, to more than 20 digits.

    The panels are even in log(1 + s / scale), the scale on which the rate or the discount decays;
    beyond δs = 75 nothing is left that 30 digits would show.
    """
    with mp.workdps(30):
        r, alpha, a, b, age, horizon, discount = exact(*theta, age, horizon, discount)
        scale = (alpha + age) * min(1, (a + b + x) / (a * (r + x + 1)))
        end = horizon
        if discount:
            end = min(horizon, 75 / discount)
            scale = min(scale, 8 / discount)

        def integrand(w: Number) -> Number:
            s = scale * mp.expm1(w)
            return purchase_rate(theta, x, age, s) * (s + scale) * mp.exp(-discount * s)

        last = mp.log1p(end / scale)
        panels = mp.linspace(0, last, int(mp.ceil(last / 2)) + 1)
        value, error = mp.quad(integrand, panels, method="gauss-legendre", error=True)
        assert error < value * mp.mpf("1e-20"), f"quadrature error {error} of {value}"
        return value


def alive_purchases_closed_form(theta: list[float], x: int, age: float, horizon: float) -> Number:
    """Give the undiscounted expectation in the published form (Fader, Hardie & Lee 2005, eq. 10).

    The form is 0/0 at a = 1 and cancels near it and for short horizons; there it is evaluated
    1e-60 beside a = 1 (the expectation is smooth in a) and with three times the digits.
    """
    with mp.workdps(200):
        r, alpha, a, b, age, horizon = exact(*theta, age, horizon)
        if a == 1:
            a += mp.mpf(10) ** -60
        c, stay = alpha + age, b + x
        z = horizon / (c + horizon)
        power = mp.exp((r + x) * mp.log1p(-z))
        series = mp.hyp2f1(r + x, stay, a + stay - 1, z)
        return (a + stay - 1) / (a - 1) * (1 - power * series)


def alive_pmf(theta: list[float], x: int, age: float, horizon: float, count: int) -> Number:
    """Give P(``count`` purchases in the horizon), for a customer alive at T.

    Either all of them are survived and none follows, or the last one is the end and the Poisson
    clock may run on.
    """
    r, alpha, a, b, age, horizon = exact(*theta, age, horizon)
    n, c, stay = r + x, alpha + age, b + x
    log_count = log_gamma_moment(n, c, count, horizon) + count * mp.log(horizon)
    going = mp.exp(log_beta_moment(a, stay, 0, count) + log_count - mp.loggamma(count + 1))
    if count == 0:
        return going
    ended = mp.exp(log_beta_moment(a, stay, 1, count - 1))
    return going + ended * arrival_probability(n, c, count, horizon)


def alive_survival(theta: list[float], x: int, age: float, horizon: float, count: int) -> Number:
    """Give P(at least ``count`` purchases in the horizon), for a customer alive at T."""
    r, alpha, a, b, age, horizon = exact(*theta, age, horizon)
    if count == 0:
        return mp.one
    survived = mp.exp(log_beta_moment(a, b + x, 0, count - 1))
    return survived * arrival_probability(r + x, alpha + age, count, horizon)
