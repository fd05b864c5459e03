"""Baselines by hand: what each forecasts, and how the hiatus learns its threshold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from clvmodels.evaluation.baselines import (
    POINT_METHODS,
    Evidence,
    Recent,
    hiatus_threshold,
    point_forecast,
)
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import DAYS_PER_YEAR, Duration

# Days; the third customer came today.
COLUMNS = CustomerColumns(
    frequency=np.array([4, 1, 0]),
    recency=np.array([700.0, 100.0, 0.0]),
    age=np.array([730.5, 365.25, 0.0]),
    monetary_value=np.array([20.0, 8.0, np.nan]),
    order_value=np.array([18.0, 9.0, 5.0]),
    time_unit="day",
)
EVIDENCE = Evidence(
    columns=COLUMNS,
    horizon=Duration.parse("6m"),
    recent=Recent(np.array([2.0, 0.0, 1.0]), np.array([41.0, 0.0, 5.0]), 1.0),
    hiatus=200.0,
)
HALF = 0.5


def test_simple_formula_is_orders_per_year_times_years():
    found = point_forecast("simple_formula", EVIDENCE)
    np.testing.assert_allclose(found.purchases, np.array([5 / 2, 2.0, 1.0]) * HALF)
    np.testing.assert_allclose(found.spend, found.purchases * [18.0, 9.0, 5.0])


def test_repeat_rate_and_hiatus():
    rate = np.array([4 / 2, 1.0, 0.0]) * HALF
    np.testing.assert_allclose(point_forecast("repeat_rate", EVIDENCE).purchases, rate)
    # The second has been silent for 265 days.
    silent = point_forecast("hiatus", EVIDENCE).purchases
    np.testing.assert_allclose(silent, rate * [1, 0, 1])
    unknown = replace(EVIDENCE, hiatus=float("nan"))
    np.testing.assert_allclose(point_forecast("hiatus", unknown).purchases, rate)


def test_last_period_repeats_what_was_bought_then():
    found = point_forecast("last_period", EVIDENCE)
    assert found.purchases.tolist() == [2.0, 0.0, 1.0]
    assert found.spend.tolist() == [41.0, 0.0, 5.0]
    short = replace(EVIDENCE, recent=replace(EVIDENCE.recent, share=0.5))
    assert point_forecast("last_period", short).purchases.tolist() == [4.0, 0.0, 2.0]


def test_formula_stops_after_the_mean_time_from_first_to_last_purchase():
    short = replace(COLUMNS, recency=np.array([60.0, 30.0, 0.0]))
    found = point_forecast("formula_lifespan", replace(EVIDENCE, columns=short)).purchases
    np.testing.assert_allclose(found, np.array([5 / 2, 2.0, 1.0]) * 30.0 / DAYS_PER_YEAR)
    # 267 days on average are more than the horizon.
    found = point_forecast("formula_lifespan", EVIDENCE).purchases
    np.testing.assert_allclose(found, np.array([5 / 2, 2.0, 1.0]) * HALF)


def test_formula_with_churn_counts_the_years_that_customers_stay():
    # Of those active half a year before the last half, one in two has stopped: churn 3/4 a year.
    window = DAYS_PER_YEAR / 2.0
    columns = CustomerColumns(
        frequency=np.array([3, 3]),
        recency=np.array([4.0 * window, 2.5 * window]),
        age=np.array([4.0 * window, 4.0 * window]),
        monetary_value=np.array([1.0, 1.0]),
        time_unit="day",
    )
    found = point_forecast("formula_churn", replace(EVIDENCE, columns=columns)).purchases
    grid = (np.arange(10_000) + 0.5) / 10_000 * HALF
    years = np.mean(0.25**grid) * HALF
    np.testing.assert_allclose(found, np.array([2.0, 2.0]) * years, rtol=1e-6)


def test_every_method_gives_finite_numbers_and_no_money_without_amounts():
    bare = replace(EVIDENCE, recent=replace(EVIDENCE.recent, spend=None))
    for name in POINT_METHODS:
        found = point_forecast(name, EVIDENCE)
        assert np.isfinite(found.purchases).all()
        assert np.isfinite(found.spend).all()
        assert point_forecast(name, bare).spend is None


def test_hiatus_threshold_separates_best():
    idle = np.array([1.0, 2.0, 3.0, 10.0, 20.0, 30.0])
    columns = CustomerColumns(
        frequency=np.ones(6, dtype=np.int64),
        recency=100.0 - idle,
        age=np.full(6, 100.0),
        monetary_value=np.full(6, np.nan),
        time_unit="day",
    )
    assert hiatus_threshold(columns, np.array([1, 2, 1, 0, 0, 0])) == 3.0
    assert hiatus_threshold(columns, np.array([1, 1, 0, 1, 0, 0])) == 10.0
    # Rare buyers count as much as the many others.
    assert hiatus_threshold(columns, np.array([0, 0, 1, 0, 0, 0])) == 3.0
    assert np.isnan(hiatus_threshold(columns, np.zeros(6, dtype=np.int64)))
    assert np.isnan(hiatus_threshold(columns, np.ones(6, dtype=np.int64)))


@pytest.mark.parametrize("name", ["nbd", "unknown"])
def test_unknown_methods_are_a_defect(name):
    with pytest.raises(KeyError):
        point_forecast(name, EVIDENCE)
