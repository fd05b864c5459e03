"""Equal tuples of keys are brought together in a fixed order, however large the keys are."""

from __future__ import annotations

import numpy as np
import pytest

from clvmodels.transactions.columns import in_runs


@pytest.mark.parametrize("factor", [1.0, 1.0 / 7.0, 2.0**40, 0.3], ids=str)
def test_runs_are_those_of_sorted_tuples(factor):
    rng = np.random.default_rng(1)
    keys = [rng.integers(0, 4, 500), rng.integers(0, 9, 500) * factor, rng.integers(0, 3, 500)]
    order, starts = in_runs(*keys)
    tuples = list(zip(*keys, strict=True))
    assert order.tolist() == sorted(range(500), key=lambda i: (tuples[i], i))
    ordered = [tuples[i] for i in order]
    assert starts.tolist() == [i for i in range(500) if i == 0 or ordered[i] != ordered[i - 1]]


def test_keys_too_large_to_be_packed_are_sorted_all_the_same():
    keys = [np.array([2**40, 1, 2**40, 1]), np.array([3, 2**30, 3, 5])]
    order, starts = in_runs(*keys)
    assert order.tolist() == [3, 1, 0, 2]
    assert starts.tolist() == [0, 1, 2]


def test_nothing_has_no_runs():
    order, starts = in_runs(np.zeros(0, dtype=np.int64), np.zeros(0))
    assert len(order) == len(starts) == 0
