"""A base added up by batches has the groups of the whole base."""

from __future__ import annotations

import numpy as np
import pytest

from clvmodels.transactions.columns import CustomerColumns
from clvmodels.value import group_sums as module
from clvmodels.value.group_sums import GroupSums
from clvmodels.value.plug_in import take
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
    sums = GroupSums(columns.triples())
    for start in range(0, len(columns), size):
        part = slice(start, start + size)
        of_part = None if codes is None else codes[part]
        sums.add(ValueGroups.of(take(columns, part), of_part))
    return sums.total()


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
    assert_same(added(columns), ValueGroups.of(columns))


@pytest.mark.parametrize("waiting", [1, 700, 1_000_000])
def test_parts_of_the_base_stay_apart(monkeypatch, waiting):
    monkeypatch.setattr(module, "_MOST_WAITING", waiting)
    columns = base()
    codes = np.random.default_rng(2).integers(0, 3, len(columns))
    groups = added(columns, codes)
    for code, part in enumerate(groups.divided(4)):
        some = np.flatnonzero(codes == code)
        alone = CustomerColumns(
            columns.frequency[some],
            columns.recency[some],
            columns.age[some],
            columns.monetary_value[some],
            "day",
            order_value=columns.order_value[some],
        )
        assert part.columns.weights.sum() == len(some)
        assert_same(part, ValueGroups.of(alone))
    assert_same(groups.undivided(), ValueGroups.of(columns))


def test_an_empty_part_has_no_groups():
    columns = base()
    parts = added(columns, np.zeros(len(columns), dtype=np.int64)).divided(2)
    assert [len(part.columns) > 0 for part in parts] == [True, False]
