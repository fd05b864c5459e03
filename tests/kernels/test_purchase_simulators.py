"""All simulators against closed forms, within four Monte Carlo standard errors."""

from __future__ import annotations

import numpy as np
import pytest

from tests.oracle import cases
from tests.oracle.subjects import SUBJECTS, Subject, every_subject

DRAWS = 200_000
SIGMAS = 4.0
CASES = [
    ("bgnbd", cases.BETA_GEO, 0, 0.0, 39.0),
    ("bgnbd", cases.BETA_GEO, 26, 31.0, 52.0),
    ("bgnbd", (0.11, 2.24, 0.31, 0.5), 0, 1.0, 30.0),
    ("bgnbd", (2.0, 5.0, 20.0, 3.0), 1, 10.0, 100.0),
    ("bgnbd", (3.0, 10.0, 0.8, 5000.0), 4, 40.0, 20.0),
    ("mbgnbd", cases.MODIFIED_BETA_GEO, 0, 0.0, 39.0),
    ("mbgnbd", cases.MODIFIED_BETA_GEO, 26, 31.0, 52.0),
    ("nbd", cases.NBD, 2, 38.86, 39.0),
    ("pareto_nbd", cases.PARETO_NBD, 0, 0.0, 39.0),
    ("pareto_nbd", cases.PARETO_NBD, 26, 31.0, 52.0),
    ("pareto_nbd", (3.0, 10.0, 20.0, 50.0), 4, 40.0, 20.0),
    ("pareto_nbd", (2.0, 5.0, 0.05, 300.0), 1, 1.0, 30.0),
]

every_case = pytest.mark.parametrize(
    ("subject", "theta", "x", "age", "horizon"),
    [(SUBJECTS[name], *case) for name, *case in CASES],
    ids=str,
)


def simulate(subject, theta, x, age, horizon, seed=0, draws=DRAWS) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return subject.kernel.simulate_alive(
        np.array(theta), np.full(draws, x), np.full(draws, age), horizon, rng
    )


def assert_mean(values: np.ndarray, expected: float) -> None:
    error = values.std() / np.sqrt(len(values))
    assert abs(values.mean() - expected) < SIGMAS * error


@every_case
def test_times(subject, theta, x, age, horizon):
    times = simulate(subject, theta, x, age, horizon, draws=5000)
    counts = np.isfinite(times).sum(axis=1)
    assert counts.max() == times.shape[1]
    made = np.arange(times.shape[1]) < counts[:, None]
    assert ((times > 0.0) & (times <= horizon))[made].all()
    assert np.isposinf(times[~made]).all()
    ahead = np.where(made, times, np.finfo(float).max)
    assert (np.diff(ahead, axis=1) >= 0.0).all()


@every_case
def test_mean_by_time_and_discounted(subject, theta, x, age, horizon):
    times = simulate(subject, theta, x, age, horizon)
    point = np.array(theta), np.array([x]), np.array([age])
    for share in (0.1, 0.5, 1.0):
        counts = (times <= share * horizon).sum(axis=1)
        assert_mean(counts, subject.kernel.alive_purchases(*point, share * horizon)[0])
    force = 2.0 / horizon
    worth = np.exp(-force * times).sum(axis=1)
    assert_mean(worth, subject.kernel.alive_purchases(*point, horizon, force)[0])


@every_case
def test_number_of_purchases(subject, theta, x, age, horizon):
    counts = np.isfinite(simulate(subject, theta, x, age, horizon, seed=1)).sum(axis=1)
    survival = subject.kernel.alive_survival(
        np.array(theta), np.array([x]), np.array([age]), horizon, 40
    )[0]
    for at_least in (1, 2, 3, 5, 10, 20, 40):
        expected = survival[at_least - 1]
        error = np.sqrt(expected * (1.0 - expected) / DRAWS)
        assert abs((counts >= at_least).mean() - expected) < SIGMAS * error + 1e-5


@every_case
def test_share_that_stays(subject, theta, x, age, horizon):
    point = np.array(theta), np.full(DRAWS, x), np.full(DRAWS, age)
    rng = np.random.default_rng(6)
    traits = subject.kernel.draw_traits(*point, rng)
    for share in (0.1, 1.0):
        ahead = share * horizon
        bought = rng.poisson(traits.rate * ahead)
        stays = (traits.life > ahead) & (bought < traits.purchases_left)
        one = np.array([x]), np.array([age]), np.array([ahead])
        expected = subject.kernel.alive_share(np.array(theta), *one)[0]
        error = np.sqrt(expected * (1.0 - expected) / DRAWS)
        assert abs(stays.mean() - expected) <= SIGMAS * error


@every_case
def test_counts_between_edges(subject, theta, x, age, horizon):
    edges = np.array([0.0, 0.1, 0.5, 1.0]) * horizon
    rng = np.random.default_rng(2)
    counts = subject.kernel.simulate_alive_counts(np.array(theta), x, age, edges, DRAWS, rng)
    assert counts.shape == (DRAWS, 3)
    assert (counts >= 0).all()
    point = np.array(theta), np.array([x]), np.array([age])
    expected = np.diff(
        [subject.kernel.alive_purchases(*point, edge)[0] for edge in edges[1:]], prepend=0.0
    )
    for column, mean in zip(counts.T, expected, strict=True):
        assert_mean(column, mean)
    # Periods are dependent through the customer's traits and leaving: the total has its own law.
    total = counts.sum(axis=1)
    survival = subject.kernel.alive_survival(*point, horizon, 20)[0]
    for at_least in (1, 3, 20):
        chance = survival[at_least - 1]
        error = np.sqrt(chance * (1.0 - chance) / DRAWS)
        assert abs((total >= at_least).mean() - chance) < SIGMAS * error + 1e-5


@every_subject
def test_each_customer_is_drawn_from_its_own_history(subject):
    theta = np.array(subject.published)
    x, age = np.repeat([0, 26], 50_000), np.repeat([38.86, 31.0], 50_000)
    rng = np.random.default_rng(3)
    times = subject.kernel.simulate_alive(theta, x, age, 39.0, rng)
    counts = np.isfinite(times).sum(axis=1)
    expected = subject.kernel.alive_purchases(theta, x[[0, -1]], age[[0, -1]], 39.0)
    assert_mean(counts[:50_000], expected[0])
    assert_mean(counts[50_000:], expected[1])


@every_subject
def test_seed_decides(subject):
    case = (subject.published, 2, 38.86, 39.0)
    first, again, other = (simulate(subject, *case, seed=seed, draws=100) for seed in (4, 4, 5))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("name", "theta"),
    [
        ("bgnbd", (0.5, 1.0, 1e-3, 50.0)),
        ("mbgnbd", (0.5, 1.0, 1e-3, 50.0)),
        ("pareto_nbd", (0.5, 1.0, 1e-3, 50.0)),
    ],
)
def test_never_leaving_is_survived(name, theta):
    """With a tiny dropout probability 1/p is beyond any integer, and so is the time of leaving."""
    subject: Subject = SUBJECTS[name]
    times = simulate(subject, theta, 0, 0.0, 100.0, draws=20_000)
    expected = subject.kernel.alive_purchases(
        np.array(theta), np.array([0]), np.array([0.0]), 100.0
    )[0]
    assert_mean(np.isfinite(times).sum(axis=1), expected)
