"""Expectations over the dropout probability, over all shapes and every way they are computed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from clvmodels.kernels.mixing import mean_power_decay
from tests.oracle.compare import relative_errors
from tests.oracle.mixing import Number, mp

TOLERANCE = 1e-10
# Cases in which scipy's hypergeometric function is wrong or not a number.
HARD = [
    (4.0, 200.0, 1.5, 6000.0),
    (0.8, 240.0, 1.25, 900.0),
    (0.47, 131.7, 5.5, 3.5e4),
    (16.1, 94.3, 10.1, 1051.0),
    (3.2, 513.7, 1.07, 4e5),
    (5.0, 3000.0, 1.2, 1e5),
    (32.6, 0.074, 30.8, 0.0034),
    (42.0, 0.1, 30.5, 3.8e-6),
    (59.0, 0.04, 33.0, 5.0),
    (50.0, 5000.0, 5000.0, 0.9),
    (0.02, 3300.0, 3005.0, 1.4),
    (5.66, 27.43, 11.28, 7e4),
    (21.53, 0.32, 32.64, 10.1),
    (12.68, 3.16, 23.71, 110.0),
]


def exact(a: float, b: float, power: float, z: float) -> Number:
    with mp.workdps(30):
        a, b, power, z = (mp.mpf(value) for value in (a, b, power, z))
        return (1 + z) ** -a * mp.hyp2f1(a, a + b - power, a + b, z / (1 + z))


def random_arguments(count: int, seed: int) -> list[tuple[float, ...]]:
    """Shapes as the models give them: b′ and the power share the number of purchases x."""
    rng = np.random.default_rng(seed)
    low, high = np.log([0.03, 0.03, 0.03, 1e-5]), np.log([60.0, 1500.0, 40.0, 1e6])
    draws = np.exp(rng.uniform(low, high, size=(count, 4)))
    purchases = np.where(
        rng.random(count) < 0.4, 0.0, np.floor(np.exp(rng.uniform(0.0, math.log(5000.0), count)))
    )
    draws[:, 1] += purchases
    draws[:, 2] += purchases + 1.0
    return [tuple(map(float, row)) for row in draws]


SLOW = [pytest.param(row, marks=pytest.mark.slow) for row in random_arguments(300, seed=2)]


@pytest.mark.parametrize("arguments", [*HARD, *random_arguments(60, seed=1), *SLOW], ids=str)
def test_against_the_oracle(arguments):
    a, b, power, z = arguments
    got = mean_power_decay(a, np.array([b]), np.array([power]), np.array([z]))
    expected = exact(*arguments)
    # Nothing this small adds to an integral that starts at 1.
    if expected < 1e-40:
        assert abs(got[0]) < 1e-39
    else:
        assert relative_errors(got, [expected])[0] < TOLERANCE


def test_finite_and_between_its_bounds_everywhere():
    """Between Jensen's bound (1 + z E p)^−power and 1."""
    rng = np.random.default_rng(3)
    for a in np.geomspace(0.02, 80.0, 40):
        purchases = np.floor(rng.pareto(0.5, size=1000)).clip(0.0, 5000.0)
        b = np.exp(rng.uniform(-4.0, 8.0, size=1000)) + purchases
        power = np.exp(rng.uniform(-4.0, 4.0, size=1000)) + purchases + 1.0
        z = np.exp(rng.uniform(-14.0, 16.0, size=1000))
        got = mean_power_decay(float(a), b, power, z)
        bound = np.exp(-power * np.log1p(z * a / (a + b)))
        assert np.isfinite(got).all()
        assert (got >= bound * (1.0 - 1e-9) - 1e-30).all()
        assert (got <= 1.0 + 1e-9).all()


def test_shapes_broadcast():
    b, power = np.array([[2.0], [300.0]]), np.array([[1.5], [40.0]])
    z = np.array([[0.0, 1.0, 1e4], [0.0, 0.1, 1e3]])
    got = mean_power_decay(35.0, b, power, z)
    assert got.shape == (2, 3)
    assert got[:, 0] == pytest.approx(1.0)
    each = [
        mean_power_decay(35.0, b[i], power[i], z[i, [j]])[0] for i in range(2) for j in range(3)
    ]
    np.testing.assert_allclose(got.ravel(), each, rtol=1e-13)
