"""Pareto-smoothed importance sampling against ArviZ, which has it from its authors."""

from __future__ import annotations

import importlib
import math
import warnings

import numpy as np
import pytest
from scipy.special import logsumexp

from clvmodels.inference.psis import smooth_weights


def arviz_psis(log_ratios):
    """ArviZ's answer, wherever the installed version keeps it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        arviz = importlib.import_module("arviz")
        if hasattr(arviz, "psislw"):
            log_weights, pareto_k = arviz.psislw(log_ratios.copy())
        else:
            stats = importlib.import_module("arviz_stats.base").array_stats
            # From 1.0 on it takes log-likelihoods, which are minus the log of these ratios.
            log_weights, pareto_k = stats.psislw(-log_ratios)
    return np.asarray(log_weights), float(pareto_k)


def apart() -> float:
    """How far ArviZ may be: from 1.0 on it takes a tail of another length."""
    return 1e-9 if hasattr(importlib.import_module("arviz"), "psislw") else 0.05


@pytest.mark.parametrize("n", [60, 1_000, 4_000])
@pytest.mark.parametrize("tail", [0.1, 0.5, 0.9])
def test_weights_and_tail_are_those_of_arviz(n, tail):
    rng = np.random.default_rng(n)
    log_ratios = tail * rng.exponential(size=n) - 700.0
    ours, ours_k = smooth_weights(log_ratios)
    theirs, theirs_k = arviz_psis(log_ratios)
    # ArviZ 1 does not normalise.
    np.testing.assert_allclose(ours, theirs - logsumexp(theirs), rtol=1e-9, atol=apart())
    assert ours_k == pytest.approx(theirs_k, abs=apart())


def test_tail_of_known_shape_is_recognised():
    rng = np.random.default_rng(5)
    for shape in (0.3, 0.6):
        _, pareto_k = smooth_weights(shape * rng.exponential(size=40_000))
        assert pareto_k == pytest.approx(shape, abs=0.12)


def test_weights_sum_to_one_and_input_is_left_alone():
    log_ratios = np.random.default_rng(1).normal(size=500)
    before = log_ratios.copy()
    log_weights, _ = smooth_weights(log_ratios)
    assert np.exp(log_weights).sum() == pytest.approx(1.0, rel=1e-12)
    np.testing.assert_array_equal(log_ratios, before)


def test_no_tail_means_no_judgement():
    assert smooth_weights(np.zeros(20))[1] == math.inf
    log_weights, pareto_k = smooth_weights(np.array([0.0, -3000.0, -4000.0] * 10))
    assert pareto_k == math.inf
    assert np.exp(log_weights).sum() == pytest.approx(1.0)


def test_rows_are_smoothed_each_by_itself():
    rng = np.random.default_rng(7)
    many = np.linspace(0.1, 1.2, 40)[:, None] * rng.exponential(size=(40, 1_000))
    # Draws that repeat themselves shorten the tail, each in a way of its own.
    many[::2] = many[::2, rng.integers(0, 700, 1_000)]
    many[5] = 0.0
    many[6] = np.tile([0.0, -3000.0], 500)
    before = many.copy()
    log_weights, pareto_k = smooth_weights(many)
    np.testing.assert_array_equal(many, before)
    assert np.isinf(pareto_k).nonzero()[0].tolist() == [5, 6]
    np.testing.assert_allclose(np.exp(log_weights).sum(axis=1), 1.0, rtol=1e-12)
    for row, ours, ours_k in zip(many, log_weights, pareto_k, strict=True):
        if math.isinf(ours_k) and apart() > 1e-9:
            continue  # from 1.0 on ArviZ refuses weights without a tail
        theirs, theirs_k = arviz_psis(row)
        theirs = theirs - logsumexp(theirs)
        # Which of equal draws gets which of their weights is open.
        np.testing.assert_allclose(np.sort(ours), np.sort(theirs), rtol=1e-9, atol=apart())
        assert ours_k == pytest.approx(theirs_k, abs=apart())
