"""A base added up by batches has the groups of the whole base."""

from __future__ import annotations

import numpy as np
import pytest

from clvmodels.transactions.columns import CustomerColumns
from clvmodels.value.group_sums import GroupSums
from clvmodels.value.histories import HistoryIndex
from clvmodels.value.plug_in import take
from clvmodels.value.simple_formula import formula_sums
from clvmodels.value.totals import SUMS, ValueGroups


def base(unit="day", size=3_000):
    rng = np.random.default_rng(1)
    per_unit = 7.0 if unit == "week" else 1.0
    x = rng.integers(0, 6, size)
    days = rng.integers(20, 60, size)
    recency = np.where(x > 0, rng.integers(1, 20, size), 0)
    money = np.where(x > 0, rng.gamma(2.0, 10.0, size) * (rng.random(size) > 0.05), np.nan)
    return CustomerColumns(
        x, recency / per_unit, days / per_unit, money, unit, order_value=rng.gamma(2.0, 10.0, size)
    )


def added(columns, codes=None, size=250):
    triples = columns.triples()
    index = HistoryIndex(triples)
    sums = GroupSums(triples, 1 if codes is None else 4)
    for start in range(0, len(columns), size):
        part = take(columns, slice(start, start + size))
        places = index.find(part)
        sums.add(part, places, None if codes is None else codes[start : start + size])
    return sums


def assert_same(one, other):
    for name in ("frequency", "recency", "age"):
        assert (getattr(one.columns, name) == getattr(other.columns, name)).all()
    assert (one.n == other.n).all()
    np.testing.assert_allclose(one.columns.weights, other.columns.weights, rtol=1e-12)
    np.testing.assert_allclose(one.columns.monetary_value, other.columns.monetary_value, rtol=1e-12)
    for name in SUMS:
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-12)


@pytest.mark.parametrize("unit", ["day", "week"])
def test_batches_add_up_to_the_whole(unit):
    columns = base(unit)
    assert_same(added(columns).total(), ValueGroups.of(columns))


@pytest.mark.parametrize("size", [1, 100, 3_000])
def test_the_size_of_batches_changes_no_bit(size):
    columns = base()
    one, other = added(columns).total(), added(columns, size=size).total()
    for name in SUMS:
        assert (getattr(one, name) == getattr(other, name)).all()


def test_parts_of_the_base_stay_apart():
    columns = base()
    codes = np.random.default_rng(2).integers(0, 3, len(columns))
    sums = added(columns, codes)
    for code, part in enumerate(sums.divided()):
        some = np.flatnonzero(codes == code)
        assert part.columns.weights.sum() == len(some)
        assert_same(part, ValueGroups.of(take(columns, some)))
    assert_same(sums.total(), ValueGroups.of(columns))


def test_amounts_that_are_not_known_are_not_counted():
    columns = base()
    columns.order_value[::3] = np.nan
    assert_same(added(columns).total(), ValueGroups.of(columns))


def test_an_empty_part_has_no_groups():
    columns = base()
    parts = added(columns, np.zeros(len(columns), dtype=np.int64)).divided()
    assert [len(part.columns) > 0 for part in parts] == [True, False, False, False]


@pytest.mark.parametrize("unit", ["day", "week"])
def test_the_sums_of_the_formula_are_those_of_the_customers(unit):
    columns = base(unit)
    columns.order_value[::7] = np.nan
    found = added(columns).total().formula_sums()
    np.testing.assert_allclose(found, formula_sums(columns), rtol=1e-12)
