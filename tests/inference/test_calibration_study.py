"""Simulation-based calibration in short, and that it would see a wrong posterior."""

from __future__ import annotations

import numpy as np
import pytest

import clvmodels as clv
from benchmarks.calibration import (
    FEWEST_PURCHASES,
    MOST_PURCHASES,
    Study,
    altered,
    parameter_positions,
    replicate,
    study,
)
from benchmarks.calibration_page import ALL, corrected, judged
from benchmarks.uniformity import holm, pooled, position, uniformity
from clvmodels.inference.laplace import LARGEST_PARETO_K

SHOPS, VALUED = 200, 80


@pytest.fixture(scope="module")
def replications():
    """Shops that the study itself does not draw."""
    return [replicate(clv.BetaGeoModel, number) for number in range(1000, 1000 + SHOPS)]


def short_study(replications):
    found = Study("bgnbd")
    for replication in replications:
        for name, at in parameter_positions(replication).items():
            found.positions.setdefault(name, []).append(at)
    return found


def narrowed(draws):
    return draws.mean(axis=0) + 0.8 * (draws - draws.mean(axis=0))


def widened(draws):
    return draws.mean(axis=0) + 1.25 * (draws - draws.mean(axis=0))


def moved(draws):
    return draws + 0.5 * draws.std(axis=0)


def assert_calibrated(found, quantities):
    evidence = judged([found])
    p_values = corrected(evidence)
    assert len(p_values) == 4 * quantities + 2
    assert min(p_values.values()) > 0.01, p_values
    together = evidence["bgnbd", ALL]
    assert abs(together.shift) < 3 * together.shift_error < 0.3
    assert abs(together.narrow) < 3 * together.narrow_error < 0.3


@pytest.mark.slow
def test_parameters_are_calibrated(replications):
    assert_calibrated(short_study(replications), 7)
    for name in ("bgnbd", "gamma_gamma"):
        k = np.array([each.pareto_k[name] for each in replications])
        assert (k <= LARGEST_PARETO_K).mean() > 0.95


@pytest.mark.slow
def test_totals_are_calibrated_expected_and_realised(replications):
    found = study(replications[:VALUED], with_value=True)
    assert_calibrated(found, 11)
    # Three standard errors around what the interval promises.
    for interval in (0.5, 0.8, 0.9):
        error = (interval * (1.0 - interval) / VALUED) ** 0.5
        held = np.mean(found.covered[f"purchases, totals_by, {interval:.0%}"])
        assert held == pytest.approx(interval, abs=3 * error)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "test", "sign"), [(narrowed, "cup", 1), (widened, "cup", -1), (moved, "slope", -1)]
)
def test_a_wrong_posterior_is_caught(replications, change, test, sign):
    evidence = judged([short_study([altered(one, change) for one in replications])])
    assert corrected(evidence)[f"BG/NBD, {ALL}, {test}"] < 1e-6
    together = evidence["bgnbd", ALL]
    assert sign * (together.narrow if test == "cup" else together.shift) > 0.1


def test_the_same_number_gives_the_same_shop_and_draws():
    one, same, other = (replicate(clv.NBDModel, number) for number in (3, 3, 4))
    np.testing.assert_array_equal(one.shop.columns.recency, same.shop.columns.recency)
    np.testing.assert_array_equal(one.shop.ahead, same.shop.ahead)
    assert parameter_positions(one) == parameter_positions(same) != parameter_positions(other)
    for each in (one, other):
        columns = each.shop.columns
        assert FEWEST_PURCHASES <= columns.frequency.sum() <= MOST_PURCHASES
        bought = columns.frequency > 0
        assert ((columns.recency > 0) == bought).all()
        assert (columns.recency <= columns.age).all()
        assert (np.isfinite(columns.monetary_value) == bought).all()


def test_a_position_is_random_among_equals():
    draws = np.repeat([1.0, 2.0, 3.0], 3)
    rng = np.random.default_rng(0)
    low, high = position(0.5, draws, rng), position(3.5, draws, rng)
    assert 0.0 < low < 0.1 < 0.9 < high < 1.0
    among = np.array([position(2.0, draws, rng) for _ in range(2000)])
    # Three draws below and three above, so the truth is one of the four in the middle tenths.
    assert 0.3 <= among.min() < 0.31
    assert 0.69 < among.max() <= 0.7
    assert among.mean() == pytest.approx(0.5, abs=0.01)


def test_p_values_are_corrected_as_holm_does():
    given = {"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}
    assert holm(given) == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02})
    assert holm({"a": 0.9, "b": 0.8}) == {"a": 1.0, "b": 1.0}


@pytest.mark.parametrize(
    ("shift", "narrow", "seen"),
    [(0.0, 0.0, set()), (0.3, 0.0, {"slope"}), (0.0, 0.2, {"cup"}), (0.0, -0.2, {"cup"})],
)
def test_faults_are_told_apart_and_measured(shift, narrow, seen):
    from scipy.stats import norm

    z = np.random.default_rng(8).standard_normal((1000, 3))
    at = norm.cdf((z + shift) / (1.0 - narrow))
    found = uniformity(at[:, 0])
    assert {test for test in ("slope", "cup") if found.p_values[test] < 1e-4} == seen
    assert (min(found.p_values["chi_square"], found.p_values["kolmogorov"]) < 1e-2) == bool(seen)
    together = pooled(dict(zip("abc", at.T, strict=True)))
    assert together.shift == pytest.approx(shift, abs=4 * together.shift_error)
    assert together.narrow == pytest.approx(narrow, abs=0.02 + 4 * together.narrow_error)
    # Three independent quantities know as much as three times the shops.
    assert found.shift_error / together.shift_error == pytest.approx(3**0.5, rel=0.25)


def test_what_depends_on_each_other_counts_once():
    at = np.random.default_rng(9).random(500)
    once, thrice = uniformity(at), pooled(dict.fromkeys("abc", at))
    assert thrice.shift == pytest.approx(once.shift)
    assert thrice.shift_error == pytest.approx(once.shift_error, rel=0.1)
    assert thrice.p_values["cup"] == pytest.approx(once.p_values["cup"], abs=0.05)
