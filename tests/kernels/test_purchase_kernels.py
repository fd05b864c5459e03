"""Every purchase kernel against 50-digit arithmetic."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from clvmodels.models import PURCHASE_MODELS
from tests.oracle import freeze
from tests.oracle.cases import Case
from tests.oracle.compare import relative_errors
from tests.oracle.mixing import Number, mp
from tests.oracle.subjects import SUBJECTS, each_case, every_subject

TOLERANCE = 1e-9
# Below this a double holds fewer digits, or none.
SMALLEST = 1e-290
# What rounding may leave of a derivative whose terms of order 1 cancel, in a parameter's logarithm,
# and of the log-likelihood of what was to happen anyway.
CANCELLED = 1e-13
# As in the frozen counts, which serve the model whose oracle takes longest.
HORIZONS, COUNTS = freeze.HORIZONS, freeze.COUNTED

DISCOUNTED = json.loads(freeze.DISCOUNTED.read_text(encoding="utf-8"))
FROZEN_COUNTS = json.loads(freeze.COUNTS.read_text(encoding="utf-8"))


def theta(case: Case) -> np.ndarray:
    return np.array(case.theta)


def customer(case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.array([case.x]), np.array([case.t_x]), np.array([case.age])


def pair(case: Case) -> tuple[np.ndarray, np.ndarray]:
    return np.array([case.x]), np.array([case.age])


def of(row: dict[str, Any]) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, float]:
    """Kernel and arguments of a frozen row."""
    kernel = SUBJECTS[row["model"]].kernel
    return (
        kernel,
        np.array(row["theta"]),
        np.array([row["x"]]),
        np.array([row["age"]]),
        float(row["horizon"]),
    )


def assert_probability(got: float, exact: Number) -> None:
    """A probability that a double cannot hold may come out as anything that small."""
    if exact < SMALLEST:
        assert 0.0 <= got <= SMALLEST
    else:
        assert relative_errors([got], [exact])[0] < TOLERANCE


def sparse(rows: list[dict[str, Any]], step: int) -> Any:
    """One row in ``step`` in the fast suite, all of them in the slow one."""
    marks = (() if i % step == 0 else pytest.mark.slow for i in range(len(rows)))
    return pytest.mark.parametrize(
        "row", [pytest.param(row, marks=m) for row, m in zip(rows, marks, strict=True)], ids=str
    )


def test_every_purchase_model_has_an_oracle():
    assert set(SUBJECTS) == set(PURCHASE_MODELS)


@each_case(quick=20, slow=300, seed=1)
def test_log_likelihood(subject, case):
    exact = subject.oracle.log_likelihood(case.theta, case.x, case.t_x, case.age)
    alone = subject.kernel.log_likelihood(theta(case), *customer(case))
    total, _ = subject.kernel.log_likelihood_gradient(
        theta(case), *customer(case), weight=np.ones(1)
    )
    for got in (*alone, total):
        assert abs(mp.mpf(float(got)) - exact) <= TOLERANCE * abs(exact) + CANCELLED


@each_case(quick=4, slow=150, seed=2)
def test_gradient(subject, case):
    _, gradient = subject.kernel.log_likelihood_gradient(
        theta(case), *customer(case), weight=np.ones(1)
    )
    exact = subject.oracle.gradient(case.theta, case.x, case.t_x, case.age)
    by_log = [value * parameter for value, parameter in zip(exact, case.theta, strict=True)]
    miss = [
        float(abs(mp.mpf(got) * parameter - value))
        for got, parameter, value in zip(gradient, case.theta, by_log, strict=True)
    ]
    allowed = [TOLERANCE * float(abs(value)) + CANCELLED for value in by_log]
    assert np.all(np.array(miss) <= allowed)


@each_case(quick=20, slow=300, seed=1)
def test_probability_alive(subject, case):
    (got,) = subject.kernel.probability_alive(theta(case), *customer(case))
    exact = subject.oracle.probability_alive(case.theta, case.x, case.t_x, case.age)
    assert_probability(got, exact)


@pytest.mark.parametrize("horizon", HORIZONS)
@each_case(quick=30, slow=300, seed=3)
def test_expected_purchases(subject, case, horizon):
    got = subject.kernel.alive_purchases(theta(case), *pair(case), horizon)
    exact = subject.oracle.alive_purchases(case.theta, case.x, case.age, horizon)
    assert relative_errors(got, [exact])[0] < TOLERANCE


@pytest.mark.parametrize("ahead", HORIZONS)
@each_case(quick=20, slow=300, seed=6)
def test_share_that_stays(subject, case, ahead):
    got = subject.kernel.alive_share(theta(case), *pair(case), np.array([ahead]))
    assert_probability(got[0], subject.oracle.alive_share(case.theta, case.x, case.age, ahead))


@pytest.mark.parametrize("horizon", HORIZONS)
@each_case(quick=8, slow=100, seed=4, frozen=FROZEN_COUNTS)
def test_number_of_purchases(subject, case, horizon):
    pmf = subject.kernel.alive_pmf(theta(case), *pair(case), horizon, max(COUNTS))[0]
    survival = subject.kernel.alive_survival(theta(case), *pair(case), horizon, max(COUNTS))[0]
    at_least = np.concatenate([[1.0], survival])
    for count in COUNTS:
        arguments = (case.theta, case.x, case.age, horizon, count)
        assert_probability(pmf[count], subject.oracle.alive_pmf(*arguments))
        assert_probability(at_least[count], subject.oracle.alive_survival(*arguments))


@pytest.mark.parametrize("k_max", [None, 1000])
@pytest.mark.parametrize("row", FROZEN_COUNTS, ids=str)
def test_frozen_number_of_purchases(row, k_max):
    """Whether a few or many counts are asked for."""
    count = row["count"]
    kernel, *arguments = of(row)
    k_max = k_max or max(count, 1)
    assert_probability(kernel.alive_pmf(*arguments, k_max)[0, count], mp.mpf(row["pmf"]))
    if count:
        got = kernel.alive_survival(*arguments, k_max)[0, count - 1]
        assert_probability(got, mp.mpf(row["survival"]))


@pytest.mark.parametrize("row", DISCOUNTED, ids=str)
def test_frozen_discounted_purchases(row):
    kernel, *arguments = of(row)
    got = kernel.alive_purchases(*arguments, row["discount"])
    assert relative_errors(got, [mp.mpf(row["value"])])[0] < TOLERANCE


@pytest.mark.parametrize(("horizon", "discount"), freeze.AHEAD)
@each_case(quick=8, slow=100, seed=5, frozen=DISCOUNTED)
def test_discounted_purchases(subject, case, horizon, discount):
    got = subject.kernel.alive_purchases(theta(case), *pair(case), horizon, discount)
    exact = subject.oracle.alive_purchases(case.theta, case.x, case.age, horizon, discount)
    assert relative_errors(got, [exact])[0] < TOLERANCE


def test_frozen_rows_are_the_cases():
    assert [{**row, "value": None} for row in DISCOUNTED] == [
        {**row, "value": None} for row in freeze.discounted_rows()
    ]
    assert [{**row, "pmf": None, "survival": None} for row in FROZEN_COUNTS] == [
        {**row, "pmf": None, "survival": None} for row in freeze.count_rows()
    ]


@sparse(DISCOUNTED, 40)
def test_frozen_values_are_the_oracle_s(row):
    assert {**row, **freeze.discounted(row)} == row


@sparse(FROZEN_COUNTS, 40)
def test_frozen_counts_are_the_oracle_s(row):
    assert {**row, **freeze.counts(row)} == row


@pytest.mark.parametrize(
    ("name", "parameter", "case"),
    [
        ("bgnbd", 2, "a = 1"),
        ("bgnbd", 2, "a just above 1"),
        ("mbgnbd", 2, "a = 1"),
        ("pareto_nbd", 2, "s = 1"),
        ("pareto_nbd", 2, "s just above 1"),
    ],
)
def test_nothing_happens_at_one(name, parameter, case):
    """The expectation is smooth in a and s: neighbours of 1 are at its tangent."""
    subject = SUBJECTS[name]
    at = subject.extreme[case]

    def purchases(value: float) -> float:
        point = theta(at)
        point[parameter] = value
        return float(subject.kernel.alive_purchases(point, *pair(at), 39.0)[0])

    step = 1e-4
    middle = 0.5 * (purchases(1.0 - step) + purchases(1.0 + step))
    assert purchases(1.0) == pytest.approx(middle, rel=1e-8)
    assert purchases(1.0 + 1e-12) == pytest.approx(purchases(1.0), rel=1e-11)


@pytest.mark.parametrize(
    ("name", "limit"),
    [("bgnbd", (0.243, 4.414, 1e-200, 2.426)), ("pareto_nbd", (0.243, 4.414, 0.5, 1e200))],
)
def test_who_never_leaves_is_in_nbd(name, limit):
    """BG/NBD with a → 0 and Pareto/NBD with β → ∞ are NBD in everything."""
    subject, nbd = SUBJECTS[name], SUBJECTS["nbd"].kernel
    point = np.array(limit)
    x, t_x, age = np.array([0, 3, 40]), np.array([0.0, 20.0, 38.0]), np.array([39.0, 39.0, 39.0])
    for got, expected in (
        (
            subject.kernel.log_likelihood(point, x, t_x, age),
            nbd.log_likelihood(point[:2], x, t_x, age),
        ),
        (
            subject.kernel.alive_purchases(point, x, age, 39.0, 0.01),
            nbd.alive_purchases(point[:2], x, age, 39.0, 0.01),
        ),
        (
            subject.kernel.alive_pmf(point, x, age, 39.0, 90),
            nbd.alive_pmf(point[:2], x, age, 39.0, 90),
        ),
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-9)


@every_subject
def test_lifetime_discounted_is_the_limit_of_long_horizons(subject):
    point, x, age = np.array(subject.published), np.array([2]), np.array([38.86])
    finite = subject.kernel.alive_purchases(point, x, age, 20_000.0, 0.0027)
    lifetime = subject.kernel.alive_purchases(point, x, age, math.inf, 0.0027)
    assert finite == pytest.approx(lifetime, rel=1e-12)
