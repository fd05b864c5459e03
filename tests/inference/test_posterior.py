"""Draws, and the few that stand for all of them."""

from __future__ import annotations

import numpy as np

from clvmodels.inference.posterior import Posterior
from clvmodels.kernels.nbd import NBD

Z = np.random.default_rng(4).normal([0.2, -0.4], [0.1, 0.3], size=(4_000, 2))
POSTERIOR = Posterior(NBD(), Z, 50.0, "laplace")


def test_parameters_are_the_draws_in_natural_units():
    expected = [NBD().from_coordinates(z, 50.0) for z in Z]
    np.testing.assert_allclose(POSTERIOR.parameters, expected, rtol=1e-14)


def test_few_draws_are_the_first_of_many():
    many = POSTERIOR.spread(64)
    assert many.shape == (64, 2)
    for m in (1, 7, 32):
        np.testing.assert_array_equal(POSTERIOR.spread(m), many[:m])
    assert len(np.unique(many, axis=0)) == 64
    assert np.isin(many[:, 0], Z[:, 0]).all()


def test_few_draws_are_spaced_evenly_where_least_is_known():
    few = np.sort(POSTERIOR.spread(32)[:, 1])
    rank = np.searchsorted(np.sort(Z[:, 1]), few) / len(Z)
    # A random choice leaves gaps of 0.12 on average, and misses the mean by 0.18 sd.
    assert np.diff(rank).max() < 0.065
    assert abs(few.mean() - Z[:, 1].mean()) < 0.09 * Z[:, 1].std()


def test_more_than_there_are_is_all():
    np.testing.assert_array_equal(POSTERIOR.spread(5_000), Z)
