"""NBD at 50 digits: purchases come at a Poisson rate λ ~ Gamma(r, rate α), and nobody leaves."""

from __future__ import annotations

from tests.oracle.mixing import Number, arrival_probability, exact, log_gamma_moment, mp
from tests.oracle.purchases import PurchaseOracle


class NBDOracle(PurchaseOracle):
    """The null model."""

    parameters = ("r", "alpha")

    def paths(
        self, theta: list[Number], x: int, t_x: Number, age: Number
    ) -> tuple[Number, Number | None]:
        """Only one way."""
        r, alpha = theta
        return log_gamma_moment(r, alpha, x, age), None

    def alive_purchases(
        self, theta: list[float], x: int, age: float, horizon: float, discount: float = 0.0
    ) -> Number:
        """Give the mean rate times ∫₀ᴴ e^(−δs) ds."""
        r, alpha, age, horizon, discount = exact(*theta, age, horizon, discount)
        span = horizon if discount == 0 else (1 - mp.exp(-discount * horizon)) / discount
        return (r + x) / (alpha + age) * span

    def alive_pmf(
        self, theta: list[float], x: int, age: float, horizon: float, count: int
    ) -> Number:
        """Give the Poisson probability, mixed over λ."""
        r, alpha, age, horizon = exact(*theta, age, horizon)
        log_count = log_gamma_moment(r + x, alpha + age, count, horizon) + count * mp.log(horizon)
        return mp.exp(log_count - mp.loggamma(count + 1))

    def alive_survival(
        self, theta: list[float], x: int, age: float, horizon: float, count: int
    ) -> Number:
        """Give P(the purchase number ``count`` comes within the horizon)."""
        r, alpha, age, horizon = exact(*theta, age, horizon)
        return mp.one if count == 0 else arrival_probability(r + x, alpha + age, count, horizon)

    def alive_share(self, theta: list[float], x: int, age: float, ahead: float) -> Number:
        """Nobody leaves."""
        return mp.one
