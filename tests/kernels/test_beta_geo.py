"""The BG/NBD kernel against 50-digit arithmetic."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from clvmodels.kernels.beta_geo import BetaGeo
from tests.oracle import beta_geo as oracle
from tests.oracle import freeze
from tests.oracle.cases import EXTREME, Case, beta_geo_cases
from tests.oracle.compare import relative_errors
from tests.oracle.mixing import Number, mp

TOLERANCE = 1e-9
HORIZONS = [1e-3, 39.0, 3000.0]
COUNTS = [0, 1, 2, 5, 20, 200]
# Below this a double holds fewer digits, or none.
SMALLEST = 1e-290
# What rounding may leave of a derivative whose terms of order 1 cancel, in a parameter's logarithm.
CANCELLED = 1e-13

KERNEL = BetaGeo()
SLOW = [pytest.param(case, marks=pytest.mark.slow) for case in beta_geo_cases(300, seed=2)]
QUICK = [*EXTREME.values(), *beta_geo_cases(60, seed=1)]
FROZEN = json.loads(freeze.PATH.read_text(encoding="utf-8"))

every_case = pytest.mark.parametrize("case", [*QUICK, *SLOW], ids=str)
some_cases = pytest.mark.parametrize("case", [*QUICK[:36], *SLOW[:150]], ids=str)


def theta(case: Case) -> np.ndarray:
    return np.array(case.theta)


def customer(case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.array([case.x]), np.array([case.t_x]), np.array([case.age])


def pair(case: Case) -> tuple[np.ndarray, np.ndarray]:
    return np.array([case.x]), np.array([case.age])


def assert_probability(got: float, exact: Number) -> None:
    """A probability that a double cannot hold may come out as anything that small."""
    if exact < SMALLEST:
        assert 0.0 <= got <= SMALLEST
    else:
        assert relative_errors([got], [exact])[0] < TOLERANCE


@every_case
def test_log_likelihood(case):
    exact = oracle.log_likelihood(case.theta, case.x, case.t_x, case.age)
    alone = KERNEL.log_likelihood(theta(case), *customer(case))
    total, _ = KERNEL.log_likelihood_gradient(theta(case), *customer(case), weight=np.ones(1))
    assert relative_errors([*alone, total], [exact, exact]).max() < TOLERANCE


@every_case
def test_gradient(case):
    _, gradient = KERNEL.log_likelihood_gradient(theta(case), *customer(case), weight=np.ones(1))
    exact = oracle.gradient(case.theta, case.x, case.t_x, case.age)
    by_log = [value * parameter for value, parameter in zip(exact, case.theta, strict=True)]
    miss = [
        float(abs(mp.mpf(got) * parameter - value))
        for got, parameter, value in zip(gradient, case.theta, by_log, strict=True)
    ]
    allowed = [TOLERANCE * float(abs(value)) + CANCELLED for value in by_log]
    assert np.all(np.array(miss) <= allowed)


@every_case
def test_probability_alive(case):
    (got,) = KERNEL.probability_alive(theta(case), *customer(case))
    assert_probability(got, oracle.probability_alive(case.theta, case.x, case.t_x, case.age))


@pytest.mark.parametrize("horizon", HORIZONS)
@every_case
def test_expected_purchases(case, horizon):
    got = KERNEL.alive_purchases(theta(case), *pair(case), horizon)
    exact = oracle.alive_purchases_closed_form(case.theta, case.x, case.age, horizon)
    assert relative_errors(got, [exact])[0] < TOLERANCE


@pytest.mark.parametrize("horizon", HORIZONS)
@some_cases
def test_number_of_purchases(case, horizon):
    pmf = KERNEL.alive_pmf(theta(case), *pair(case), horizon, max(COUNTS))[0]
    survival = KERNEL.alive_survival(theta(case), *pair(case), horizon, max(COUNTS))[0]
    at_least = np.concatenate([[1.0], survival])
    for count in COUNTS:
        arguments = (case.theta, case.x, case.age, horizon, count)
        assert_probability(pmf[count], oracle.alive_pmf(*arguments))
        assert_probability(at_least[count], oracle.alive_survival(*arguments))


@pytest.mark.parametrize("row", FROZEN, ids=str)
def test_discounted_purchases(row: dict[str, Any]):
    got = KERNEL.alive_purchases(
        np.array(row["theta"]),
        np.array([row["x"]]),
        np.array([row["age"]]),
        float(row["horizon"]),
        row["discount"],
    )
    assert relative_errors(got, [mp.mpf(row["value"])])[0] < TOLERANCE


def test_frozen_rows_are_the_cases():
    assert [{**row, "value": None} for row in FROZEN] == [
        {**row, "value": None} for row in freeze.rows()
    ]


@pytest.mark.parametrize(
    "row",
    [pytest.param(row, marks=pytest.mark.slow if i % 20 else ()) for i, row in enumerate(FROZEN)],
    ids=str,
)
def test_frozen_values_are_the_oracle_s(row: dict[str, Any]):
    assert freeze.value(row) == row["value"]


@pytest.mark.parametrize("case", [EXTREME["a just above 1"], EXTREME["a = 1"]], ids=str)
def test_nothing_happens_at_a_of_one(case):
    """The expectation is smooth in a: neighbours of a = 1 are at its tangent."""

    def purchases(a: float) -> float:
        point = np.array([*case.theta[:2], a, case.theta[3]])
        return float(KERNEL.alive_purchases(point, *pair(case), 39.0)[0])

    step = 1e-4
    middle = 0.5 * (purchases(1.0 - step) + purchases(1.0 + step))
    assert purchases(1.0) == pytest.approx(middle, rel=1e-8)
    assert purchases(1.0 + 1e-12) == pytest.approx(purchases(1.0), rel=1e-11)


def test_lifetime_discounted_is_the_limit_of_long_horizons():
    case = EXTREME["a = 1"]
    finite = KERNEL.alive_purchases(theta(case), *pair(case), 20_000.0, 0.0027)
    lifetime = KERNEL.alive_purchases(theta(case), *pair(case), math.inf, 0.0027)
    assert finite == pytest.approx(lifetime, rel=1e-12)
