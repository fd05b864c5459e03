"""BG/NBD and MBG/NBD at 50 digits, from their story.

Purchases after the first come at a Poisson rate λ ~ Gamma(r, rate α); after each of them the
customer leaves with probability p ~ Beta(a, b), λ and p independent. In MBG/NBD the customer may
leave right after the first purchase too.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.oracle.mixing import (
    Number,
    arrival_probability,
    exact,
    log_beta_moment,
    log_gamma_moment,
    mp,
)
from tests.oracle.purchases import PurchaseOracle


@dataclass(frozen=True)
class BetaGeoOracle(PurchaseOracle):
    """``first`` is the number of chances to leave before the first repeat purchase, 0 or 1."""

    first: int
    parameters = ("r", "alpha", "a", "b")

    def paths(
        self, theta: list[Number], x: int, t_x: Number, age: Number
    ) -> tuple[Number, Number | None]:
        """All chances to leave were passed by, or all but the last, which came at t_x."""
        r, alpha, a, b = theta
        chances = x + self.first
        alive = log_beta_moment(a, b, 0, chances) + log_gamma_moment(r, alpha, x, age)
        if chances == 0:
            return alive, None
        return alive, log_beta_moment(a, b, 1, chances - 1) + log_gamma_moment(r, alpha, x, t_x)

    def purchase_rate(self, theta: list[float], x: int, age: float, ahead: Number) -> Number:
        """Give E[λ exp(−λ p s)] for a customer alive at T: the density of purchases at T + s.

        λ | alive ~ Gamma(r + x, α + T): mixing over it leaves n c^n / (c + p s)^(n+1) with
        n = r + x, c = α + T; mixing that over p | alive ~ Beta(a, b′) is Euler's integral of
        ₂F₁(n + 1, a; a + b′; −s/c). mpmath 1.4 gives garbage for this argument near −1.4 when n
        is in the thousands, so it gets Pfaff's form, whose argument lies in [0, 1).
        """
        r, alpha, a, b, age = exact(*theta, age)
        n, c = r + x, alpha + age
        z, both = ahead / c, a + b + x + self.first
        return n / c * (1 + z) ** -a * mp.hyp2f1(a, both - n - 1, both, z / (1 + z))

    def alive_purchases(
        self, theta: list[float], x: int, age: float, horizon: float, discount: float = 0.0
    ) -> Number:
        """Give ∫₀ᴴ e^(−δs) rate(s) ds, to 20 digits; without a discount in closed form."""
        if discount == 0.0:
            return self._closed_form(theta, x, age, horizon)
        return self.integrated_rate(theta, x, age, horizon, discount)

    def integrated_rate(
        self, theta: list[float], x: int, age: float, horizon: float, discount: float = 0.0
    ) -> Number:
        """Give ∫₀ᴴ e^(−δs) rate(s) ds by quadrature.

        The panels are even in log(1 + s / scale), the scale on which the rate or the discount
        decays; beyond δs = 75 nothing is left that 30 digits would show.
        """
        with mp.workdps(30):
            r, alpha, a, b, age, horizon, discount = exact(*theta, age, horizon, discount)
            both = a + b + x + self.first
            scale = (alpha + age) * min(1, both / (a * (r + x + 1)))
            end = horizon
            if discount:
                end = min(horizon, 75 / discount)
                scale = min(scale, 8 / discount)

            def integrand(w: Number) -> Number:
                s = scale * mp.expm1(w)
                return self.purchase_rate(theta, x, age, s) * (s + scale) * mp.exp(-discount * s)

            last = mp.log1p(end / scale)
            panels = mp.linspace(0, last, int(mp.ceil(last / 2)) + 1)
            value, error = mp.quad(integrand, panels, method="gauss-legendre", error=True)
            assert error < value * mp.mpf("1e-20"), f"quadrature error {error} of {value}"
            return value

    def _closed_form(self, theta: list[float], x: int, age: float, horizon: float) -> Number:
        """Give the undiscounted expectation as published (Fader, Hardie & Lee 2005, eq. 10).

        The form is 0/0 at a = 1 and cancels near it and for short horizons; there it is evaluated
        1e-60 beside a = 1 (the expectation is smooth in a) and with four times the digits.
        """
        with mp.workdps(200):
            r, alpha, a, b, age, horizon = exact(*theta, age, horizon)
            if a == 1:
                a += mp.mpf(10) ** -60
            c, stay = alpha + age, b + x + self.first
            z = horizon / (c + horizon)
            power = mp.exp((r + x) * mp.log1p(-z))
            series = mp.hyp2f1(r + x, stay, a + stay - 1, z)
            return (a + stay - 1) / (a - 1) * (1 - power * series)

    def alive_pmf(
        self, theta: list[float], x: int, age: float, horizon: float, count: int
    ) -> Number:
        """Give P(``count`` purchases in the horizon).

        Either all of them are survived and none follows, or the last one is the end and the
        Poisson clock may run on.
        """
        r, alpha, a, b, age, horizon = exact(*theta, age, horizon)
        n, c, stay = r + x, alpha + age, b + x + self.first
        log_count = log_gamma_moment(n, c, count, horizon) + count * mp.log(horizon)
        going = mp.exp(log_beta_moment(a, stay, 0, count) + log_count - mp.loggamma(count + 1))
        if count == 0:
            return going
        ended = mp.exp(log_beta_moment(a, stay, 1, count - 1))
        return going + ended * arrival_probability(n, c, count, horizon)

    def alive_survival(
        self, theta: list[float], x: int, age: float, horizon: float, count: int
    ) -> Number:
        """Give P(at least ``count`` purchases in the horizon): all but the last survived."""
        r, alpha, a, b, age, horizon = exact(*theta, age, horizon)
        if count == 0:
            return mp.one
        survived = mp.exp(log_beta_moment(a, b + x + self.first, 0, count - 1))
        return survived * arrival_probability(r + x, alpha + age, count, horizon)

    def alive_share(self, theta: list[float], x: int, age: float, ahead: float) -> Number:
        """Give E[exp(−λ p s)], mixed as `purchase_rate` is."""
        r, alpha, a, b, age, ahead = exact(*theta, age, ahead)
        z, both = ahead / (alpha + age), a + b + x + self.first
        return (1 + z) ** -a * mp.hyp2f1(a, both - r - x, both, z / (1 + z))


BETA_GEO, MODIFIED_BETA_GEO = BetaGeoOracle(0), BetaGeoOracle(1)
