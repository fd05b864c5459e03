"""Numbers of what customers share: the same for the same triple, however it comes."""

from __future__ import annotations

import numpy as np
import pytest

from clvmodels.kernels import places as module
from clvmodels.kernels.places import Places


def base(seed, *, per_unit=1, most_x=40, size=2_000):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, most_x, size)
    age = rng.integers(0, 700, size) / per_unit
    n = np.where(rng.random(size) < 0.1, 0, x)
    return x, age, n


def numbered(places, x, age, n):
    places.add(*places.missing(x, age, n))
    return places.find(x, age, n)


@pytest.mark.parametrize("per_unit", [1, 7, 3.7], ids=["days", "weeks", "neither"])
@pytest.mark.parametrize("cells", [1 << 18, 4_000, 0], ids=["all fit", "some fit", "none fits"])
def test_equal_triples_and_no_others_have_equal_numbers(monkeypatch, per_unit, cells):
    monkeypatch.setattr(module, "_MOST_CELLS", cells)
    places = Places()
    seen = {}
    for seed, most_x in ((1, 5), (2, 40), (3, 90)):
        x, age, n = base(seed, per_unit=per_unit, most_x=most_x)
        found = numbered(places, x, age, n)
        assert (found >= 0).all()
        for triple, number in zip(zip(x, age, n, strict=True), found, strict=True):
            assert seen.setdefault(triple, number) == number
    assert len(set(seen.values())) == len(seen) == len(places)


def test_weeks_may_follow_whole_weeks():
    places = Places()
    whole = np.array([0, 3, 3]), np.array([5.0, 5.0, 9.0]), np.array([0, 3, 0])
    first = numbered(places, *whole)
    x, age, n = base(4, per_unit=7)
    numbered(places, x, age, n)
    assert (places.find(*whole) == first).all()


def test_what_was_never_added_has_no_number():
    places = Places()
    x, age, n = base(5)
    assert (places.find(x, age, n) == -1).all()
    numbered(places, x, age, n)
    assert (places.find(x + 100, age, n + 100) == -1).all()
    assert (places.find(x, age + 0.5, n) == -1).all()
    assert (places.find(x, age + 10_000, n) == -1).all()


def test_triples_beyond_any_table_are_found_too():
    places = Places()
    x, age = np.array([10**12, 2, 10**12]), np.array([1e9, 3e8, 1e9])
    found = numbered(places, x, age, x)
    assert found[0] == found[2] != found[1]
