"""Customers and parameters to compare on: drawn far beyond what data give, and named extremes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

BETA_GEO = (0.243, 4.414, 0.793, 2.426)
MODIFIED_BETA_GEO = (0.525, 6.183, 0.891, 1.614)
NBD = (0.385, 12.072)
PARETO_NBD = (0.553, 10.578, 0.606, 11.669)

# Parameters are drawn log-uniformly between these.
BETA_GEO_RANGE = ((0.03, 0.02, 0.03, 0.03), (30.0, 500.0, 60.0, 300.0))
PARETO_NBD_RANGE = ((0.03, 0.02, 0.01, 0.02), (30.0, 500.0, 30.0, 500.0))
NBD_RANGE = ((0.03, 0.02), (30.0, 500.0))


@dataclass(frozen=True)
class Case:
    """A customer (x, t_x, T) under a parameter vector."""

    theta: tuple[float, ...]
    x: int
    t_x: float
    age: float

    def __str__(self) -> str:
        return f"theta={self.theta} x={self.x} t_x={self.t_x} T={self.age}"


def random_cases(
    within: tuple[tuple[float, ...], tuple[float, ...]], count: int, seed: int
) -> list[Case]:
    """Random cases: parameters log-uniform over three to four orders, x up to 5,000."""
    rng = np.random.default_rng(seed)
    low, high = np.log(within)
    cases = []
    for theta in np.exp(rng.uniform(low, high, size=(count, len(low)))):
        age = float(np.exp(rng.uniform(math.log(0.01), math.log(5000.0))))
        kind = rng.integers(4)
        x = int(np.exp(rng.uniform(0.0, math.log(5000.0)))) if kind else 0
        # The share of the age before the last purchase: anywhere, near the end, or the end.
        share = (0.0, rng.uniform(), 1.0 - 0.01 * rng.uniform(), 1.0)[kind]
        cases.append(Case(tuple(map(float, theta)), x, age * share if x else 0.0, age))
    return cases


BETA_GEO_EXTREME: dict[str, Case] = {
    "many purchases, long gone": Case(BETA_GEO, 500, 300.0, 365.0),
    "many purchases, t_x = T": Case(BETA_GEO, 500, 365.0, 365.0),
    "2,000 purchases, t_x = T": Case(BETA_GEO, 2000, 730.0, 730.0),
    "5,000 purchases": Case(BETA_GEO, 5000, 700.0, 730.0),
    "5,000 purchases in an hour of a long life": Case(BETA_GEO, 5000, 0.005, 3000.0),
    "a + b < 1": Case((0.11, 2.24, 0.31, 0.50), 0, 0.0, 1.0),
    "a + b < 1, some purchases": Case((0.11, 2.24, 0.31, 0.50), 3, 0.5, 1.0),
    "a = 1": Case((0.243, 4.414, 1.0, 2.426), 2, 30.43, 38.86),
    "a = 1, new": Case((0.243, 4.414, 1.0, 2.426), 0, 0.0, 0.0),
    "a = b = r = alpha = 1": Case((1.0, 1.0, 1.0, 1.0), 1, 1.0, 1.0),
    "a just above 1": Case((0.243, 4.414, 1.0 + 1e-9, 2.426), 4, 20.0, 38.86),
    "large a": Case((0.5, 10.0, 400.0, 2.0), 6, 30.0, 40.0),
    "large a, no purchase": Case((0.5, 10.0, 400.0, 2.0), 0, 0.0, 40.0),
    "large b, nobody leaves": Case((0.5, 10.0, 0.9, 50_000.0), 6, 30.0, 40.0),
    "large b, new": Case((0.5, 5.0, 4.0, 200.0), 0, 0.0, 0.0),
    "larger b, young": Case((0.25, 4.4, 0.8, 2500.0), 1, 1.0, 2.0),
    "large a and b": Case((2.5, 10.0, 3000.0, 9000.0), 20, 39.0, 40.0),
    "tiny a and b": Case((0.5, 10.0, 1e-3, 1e-3), 3, 20.0, 40.0),
    "large r and alpha, nearly one rate": Case((900.0, 3000.0, 0.8, 2.4), 30, 90.0, 100.0),
    "tiny r": Case((1e-3, 4.0, 0.8, 2.4), 1, 1.0, 100.0),
    "tiny alpha": Case((0.3, 1e-4, 0.8, 2.4), 3, 20.0, 40.0),
    "first day": Case(BETA_GEO, 0, 0.0, 0.0),
    "T tiny": Case(BETA_GEO, 0, 0.0, 1e-6),
    "T tiny beside alpha": Case((0.243, 4414.0, 0.793, 2.426), 0, 0.0, 1e-6),
    "T tiny, a purchase": Case(BETA_GEO, 1, 1e-6, 1e-6),
    "T huge": Case(BETA_GEO, 3, 20.0, 1e7),
    "T huge, t_x = T": Case(BETA_GEO, 3000, 1e7, 1e7),
}


PARETO_NBD_EXTREME: dict[str, Case] = {
    "many purchases, long gone": Case(PARETO_NBD, 500, 300.0, 365.0),
    "many purchases, t_x = T": Case(PARETO_NBD, 500, 365.0, 365.0),
    "2,000 purchases, t_x just before T": Case(PARETO_NBD, 2000, 730.0 - 1e-7, 730.0),
    "5,000 purchases": Case(PARETO_NBD, 5000, 700.0, 730.0),
    "5,000 purchases in an hour of a long life": Case(PARETO_NBD, 5000, 0.005, 3000.0),
    "130 purchases, where others become NaN": Case(PARETO_NBD, 130, 30.0, 38.86),
    "s = 1": Case((0.553, 10.578, 1.0, 11.669), 2, 30.43, 38.86),
    "s = 1, new": Case((0.553, 10.578, 1.0, 11.669), 0, 0.0, 0.0),
    "s just above 1": Case((0.553, 10.578, 1.0 + 1e-9, 11.669), 4, 20.0, 38.86),
    "s tiny": Case((0.553, 10.578, 1e-6, 11.669), 2, 30.43, 38.86),
    "s large, leaving at once": Case((0.553, 10.578, 900.0, 11.669), 1, 2.0, 38.86),
    "alpha = beta": Case((0.553, 10.0, 0.606, 10.0), 3, 20.0, 38.86),
    "alpha = beta, r = s = 1": Case((1.0, 1.0, 1.0, 1.0), 1, 1.0, 1.0),
    "alpha far above beta": Case((0.553, 1e6, 0.606, 1e-3), 3, 20.0, 38.86),
    "alpha far above beta, no purchase": Case((0.553, 1e6, 0.606, 1e-3), 0, 0.0, 38.86),
    "beta far above alpha": Case((0.553, 1e-4, 0.606, 1e6), 3, 20.0, 38.86),
    "beta far above alpha, no purchase": Case((0.553, 1e-4, 0.606, 1e6), 0, 0.0, 38.86),
    "nobody leaves": Case((0.385, 12.072, 0.606, 1e12), 6, 30.0, 40.0),
    "one dropout rate": Case((0.553, 10.578, 3000.0, 1e5), 6, 30.0, 40.0),
    "nearly one rate": Case((900.0, 3000.0, 0.606, 11.669), 30, 90.0, 100.0),
    "tiny r": Case((1e-3, 4.0, 0.606, 11.669), 1, 1.0, 100.0),
    "tiny r and s, tiny alpha": Case((0.02, 1e-5, 0.01, 3.0), 0, 0.0, 4000.0),
    "first day": Case(PARETO_NBD, 0, 0.0, 0.0),
    "T tiny": Case(PARETO_NBD, 0, 0.0, 1e-6),
    "T tiny beside alpha": Case((0.553, 10578.0, 0.606, 11.669), 0, 0.0, 1e-6),
    "T tiny, a purchase": Case(PARETO_NBD, 1, 0.5e-6, 1e-6),
    "T huge": Case(PARETO_NBD, 3, 20.0, 1e7),
    "T huge, t_x = T": Case(PARETO_NBD, 3000, 1e7, 1e7),
    "leaving soon, observed for long": Case((0.553, 1e6, 1.5, 1e-3), 0, 0.0, 1e6),
}


@dataclass(frozen=True)
class SpendCase:
    """x orders of mean m under a parameter vector (p, q, gamma)."""

    theta: tuple[float, float, float]
    x: int
    m: float


def gamma_gamma_cases(count: int, seed: int) -> list[SpendCase]:
    """Random cases: p and q over three orders (q above 1), x up to 5,000, amounts over nine."""
    rng = np.random.default_rng(seed)
    cases = []
    for _ in range(count):
        p = float(np.exp(rng.uniform(math.log(0.1), math.log(100.0))))
        q = 1.0 + float(np.exp(rng.uniform(math.log(0.01), math.log(50.0))))
        unit = float(10.0 ** rng.uniform(-3.0, 6.0))
        m = unit * float(np.exp(rng.normal(0.0, 1.5)))
        x = int(np.exp(rng.uniform(0.0, math.log(5000.0))))
        cases.append(SpendCase((p, q, unit * (q - 1.0) / p), x, m))
    return cases


SPEND_EXTREME: dict[str, SpendCase] = {
    "published": SpendCase((6.25, 3.74, 15.44), 2, 40.0),
    "amount nearly 0": SpendCase((6.25, 3.74, 15.44), 1, 1e-6),
    "huge amount": SpendCase((6.25, 3.74, 15.44), 1, 1e12),
    "5,000 orders": SpendCase((6.25, 3.74, 15.44), 5000, 35.0),
    "q just above 1": SpendCase((6.25, 1.0 + 1e-6, 15.44), 3, 35.0),
    "all customers alike": SpendCase((6.25, 4000.0, 20_000.0), 3, 35.0),
    "all orders of a customer alike": SpendCase((4000.0, 3.74, 0.02), 3, 35.0),
    "p below 1": SpendCase((0.02, 3.74, 1500.0), 1, 35.0),
}
