"""Distribution of what a customer spends in a horizon, at 50 digits.

Given k orders and ν ~ Gamma(shape, rate ``scale``) the total is Gamma(p k, rate ν), so that
total / scale is beta-prime with (p k, shape); a customer who has left orders nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.oracle.mixing import Number, exact, mp, regularized_beta


def spend_cdf(
    s: float,
    p_alive: float,
    pmf: Sequence[float],
    p: float,
    shape: float,
    scale: float,
) -> Number:
    """Give P(total ≤ s) for ``pmf`` = P(k orders | alive), k = 0, 1, …, and s ≥ 0."""
    s, p_alive, p, shape, scale = exact(s, p_alive, p, shape, scale)
    none, *some = exact(*pmf)
    share = s / (scale + s)
    below = (
        weight * regularized_beta(p * k, shape, share) for k, weight in enumerate(some, start=1)
    )
    return 1 - p_alive + p_alive * (none + mp.fsum(below))
