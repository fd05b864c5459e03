"""Ranking measures against other definitions of the same, ties included."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from clvmodels.evaluation.ranking import Rank

RNG = np.random.default_rng(0)
ACTUAL = RNG.poisson(RNG.gamma(0.5, 2.0, 503)).astype(float)
FORECAST = np.round(ACTUAL * 0.5 + RNG.gamma(1.0, 1.0, 503), 1)


def test_spearman_is_scipys_with_ties():
    expected = stats.spearmanr(FORECAST, ACTUAL).statistic
    assert Rank(ACTUAL)(FORECAST).spearman == pytest.approx(expected)


def test_gini_ratio_is_the_mean_over_orders_of_ties():
    """Customers with equal forecasts come in a random order: the mean of what the orders give."""

    def area(order):
        share = np.cumsum(ACTUAL[order]) / ACTUAL.sum()
        return np.mean(np.append(0.0, share)[:-1] + share) - 1.0

    rng = np.random.default_rng(1)
    found = [area(np.lexsort((rng.random(503), -FORECAST))) for _ in range(3_000)]
    best = [area(np.lexsort((rng.random(503), -ACTUAL))) for _ in range(2)]
    assert best[0] == pytest.approx(best[1])
    assert Rank(ACTUAL)(FORECAST).gini == pytest.approx(np.mean(found) / best[0], abs=2e-3)


def test_a_perfect_order_and_none():
    rank = Rank(ACTUAL)
    perfect, constant, reverse = rank(ACTUAL * 3.0), rank(np.ones(503)), rank(-ACTUAL)
    assert perfect.gini == pytest.approx(1.0)
    assert perfect.spearman == pytest.approx(1.0)
    assert constant.gini == pytest.approx(0.0)
    assert constant.spearman is None
    assert [row["lift"] for row in constant.deciles] == pytest.approx([1.0] * 10)
    assert reverse.gini == pytest.approx(-1.0)


def test_deciles_without_ties_are_tenths_of_the_sorted_customers():
    forecast = RNG.permutation(500) + 0.5
    actual = RNG.poisson(forecast / 100.0).astype(float)
    rows = Rank(actual)(forecast).deciles
    tenths = actual[np.argsort(-forecast)].reshape(10, 50)
    assert [row["decile"] for row in rows] == list(range(1, 11))
    assert [row["actual"] for row in rows] == pytest.approx(list(tenths.mean(axis=1)))
    assert [row["lift"] for row in rows] == pytest.approx(list(tenths.mean(axis=1) / actual.mean()))
    assert [row["capture"] for row in rows] == pytest.approx(
        list(np.cumsum(tenths.sum(axis=1)) / actual.sum())
    )
    assert sum(row["predicted"] * row["customers"] for row in rows) == pytest.approx(forecast.sum())


def test_perfect_deciles_hold_those_who_did_most():
    actual = np.random.default_rng(5).permutation(np.repeat([0.0, 1.0, 4.0], [600, 300, 100]))
    rows = Rank(actual).perfect
    assert [row["actual"] for row in rows] == pytest.approx([4.0, 1.0, 1.0, 1.0] + [0.0] * 6)
    assert rows[0]["capture"] == pytest.approx(4 / 7)
    assert all(row["predicted"] == row["actual"] for row in rows)


def test_nothing_happened():
    ranking = Rank(np.zeros(20))(np.arange(20.0))
    assert ranking.gini is None
    assert ranking.spearman is None
    assert {row["lift"] for row in ranking.deciles} == {None}


def test_all_did_the_same():
    """Sums of .1 round differently in different orders; nothing of that is a ranking."""
    ranking = Rank(np.full(503, 0.1))(np.arange(503.0))
    assert ranking.gini is None
    assert ranking.spearman is None
    assert [row["lift"] for row in ranking.deciles] == pytest.approx([1.0] * 10)


def test_order_of_customers_changes_nothing():
    order = RNG.permutation(503)
    one, other = Rank(ACTUAL)(FORECAST), Rank(ACTUAL[order])(FORECAST[order])
    assert one.gini == pytest.approx(other.gini)
    assert one.spearman == pytest.approx(other.spearman)
    for row, same in zip(one.deciles, other.deciles, strict=True):
        assert row == pytest.approx(same)
