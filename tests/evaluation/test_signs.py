"""What signs amount to: against naive counts, published figures and what chance makes."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

import clvmodels as clv
from clvmodels.evaluation import signs as of
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.transactions.signs import Signs
from tests.shops import simulate_shop

DAY0 = date(2024, 1, 1)
NONE = Signs(purchases={DAY0: 1}, gaps={}, last_two=(0, 0.0), even=(0, 0), slope=None, share=1.0)


def signs(**found):
    return Signs(**{**vars(NONE), **found})


@pytest.mark.parametrize(("end", "k"), [(None, 0.98505), ("1997-09-30", 1.04846)])
def test_wheat_and_morrisons_k_of_cdnow(end, k):
    log = clv.load_cdnow("sample")
    assert of.wheat_morrison(log.signs(log.summarize(end)))[0] == pytest.approx(k, abs=5e-6)


@pytest.mark.parametrize("k", [0.5, 1.0, 2.0, 4.0])
def test_k_of_erlang_buyers_is_found(k):
    share = np.random.default_rng(1).beta(k, k, 40_000)
    found, error = of.wheat_morrison(signs(last_two=(40_000, float(((share - 0.5) ** 2).sum()))))
    assert found == pytest.approx(k, rel=0.03)
    assert error == pytest.approx(1.342 / 200, rel=1e-3)


def test_the_error_of_k_is_that_of_poisson_buyers():
    share = np.random.default_rng(2).random((4_000, 300))
    squares = ((share - 0.5) ** 2).sum(axis=1)
    found = [of.wheat_morrison(signs(last_two=(300, float(s))))[0] for s in squares]
    assert np.std(found) == pytest.approx(
        of.wheat_morrison(signs(last_two=(300, 25.0)))[1], rel=0.1
    )


def test_nobody_with_two_gaps_has_no_k():
    assert math.isnan(of.wheat_morrison(NONE)[0])


@pytest.mark.parametrize("m", [2, 3, 10])
def test_poisson_buyers_show_as_many_short_gaps_as_expected(m):
    gaps = np.random.default_rng(m).exponential(size=(60_000, m))
    short = int((gaps < 0.05 * gaps.mean(axis=1, keepdims=True)).sum())
    assert of.bursts(signs(gaps={m: (60_000, short)})).ratio == pytest.approx(1.0, rel=0.05)


def columns(frequency, age, money=None, weight=None):
    n = len(age)
    return CustomerColumns(
        frequency=np.asarray(frequency, dtype=np.int64),
        recency=np.zeros(n),
        age=np.asarray(age, dtype=float),
        monetary_value=np.full(n, np.nan) if money is None else np.asarray(money, dtype=float),
        time_unit="day",
        weight=None if weight is None else np.asarray(weight, dtype=float),
    )


def test_arrivals_count_who_came_when():
    ages = [100, 89, 88, 75, 74, 50, 24, 0]
    found = of.arrivals(columns([0] * 8, ages, weight=[1, 1, 1, 1, 2, 2, 1, 1]))
    assert (found.customers, found.span) == (10, 100)
    assert found.early == pytest.approx(0.2)
    assert found.late == pytest.approx(0.6)
    assert found.last == pytest.approx(0.2)
    assert found.usual == pytest.approx(0.6 * 0.12 / 0.75)
    assert found.continuous


def test_arrivals_in_weeks_span_days():
    in_weeks = replace(columns([0] * 2, [10, 4]), time_unit="week")
    assert of.arrivals(in_weeks).span == 70


def test_a_cohort_does_not_arrive_continuously():
    assert not of.arrivals(columns([0] * 4, [100, 95, 90, 80])).continuous


def test_rank_correlation_is_that_of_pandas():
    rng = np.random.default_rng(5)
    x = rng.integers(1, 6, 300)
    m = np.round(rng.gamma(2.0, 10.0, 300) + 2.0 * x)
    weight = rng.integers(1, 4, 300)
    found, customers = of.spend_correlation(columns(x, np.full(300, 9.0), m, weight))
    long = pd.DataFrame({"x": np.repeat(x, weight), "m": np.repeat(m, weight)})
    expected = long.rank().corr().iloc[0, 1]
    assert found == pytest.approx(expected, rel=1e-12)
    assert customers == weight.sum()


def test_equal_frequencies_have_no_rank_correlation():
    assert math.isnan(of.spend_correlation(columns([1, 1], [9, 9], [3, 4]))[0])


def test_the_weekly_path_is_a_plain_sum_over_customers():
    shop = simulate_shop(np.array([0.8, 20.0, 0.6, 3.0]), 200, seed=1)
    model = clv.BetaGeoModel().fit(shop)
    age = np.rint(shop.age * 7).astype(int)
    first = DAY0
    span = int(age.max())
    rng = np.random.default_rng(0)
    again = rng.integers(0, span, 500)
    bought = {
        first + timedelta(days=day): int((span - age == day).sum() + (again == day).sum())
        for day in range(span + 1)
    }
    path = of.weekly_path(bought, shop.triples(), model)
    for week in (0, 10, 40, len(path.actual) - 1):
        end = 7 * week + 6
        old = end - (span - age)
        expected = sum(
            model.expected_purchases_new_customer(f"{days}d") for days in old[old > 0].tolist()
        )
        assert path.expected[: week + 1].sum() == pytest.approx(expected, rel=2e-3)
        assert path.actual[: week + 1].sum() == (again <= end).sum()
    assert path.is_enough


def path(weeks, expected=None):
    actual = np.asarray(weeks, dtype=float)
    return of.WeeklyPath(
        actual, np.full(len(actual), actual.mean()) if expected is None else expected
    )


def test_chance_alone_is_no_concentration():
    weeks = np.random.default_rng(4).poisson(3.0, (200, 100))
    found = np.array([of.concentration(path(row)) for row in weeks])
    assert np.mean(found[:, 0] / found[:, 1]) == pytest.approx(1.0, abs=0.02)
    assert found[:, 1].mean() > 1.5


def test_all_in_a_tenth_of_the_weeks_is_tenfold():
    weeks = np.zeros(100)
    weeks[::10] = 1_000.0
    found, chance = of.concentration(path(weeks))
    assert found == pytest.approx(10.0)
    # Expected mean of the ten largest of a hundred normal draws: 1.755 (sd of a week: 10 of 100).
    assert chance == pytest.approx(1.1755, abs=0.01)


def test_concentration_does_not_care_for_the_level_of_the_expected():
    weeks = np.random.default_rng(6).poisson(5.0, 100)
    found = of.concentration(path(weeks, np.full(100, 5.0)))
    assert of.concentration(path(weeks, np.full(100, 20.0))) == pytest.approx(found)


def test_a_launch_that_is_expected_is_no_concentration():
    expected = 1_000.0 * np.exp(-np.arange(100) / 15.0) + 20.0
    assert of.concentration(path(np.rint(expected), expected))[0] < 1.05
    assert of.concentration(path(np.rint(expected)))[0] > 3.0


def test_drift_is_the_largest_distance_and_says_when():
    weeks = np.array([10.0, 10.0, 30.0, 10.0, 20.0, 20.0])
    expected = np.full(6, 100 / 6)
    apart, week = of.drift(path(weeks, expected))
    assert (apart, week) == (pytest.approx((100 / 3 - 20) / 100), 2)
    assert of.week_end(DAY0, 2) == DAY0 + timedelta(days=13)


def test_too_few_weeks_or_purchases_are_not_enough():
    assert not path(np.full(19, 100.0)).is_enough
    assert not path(np.full(100, 0.4)).is_enough
    assert not path(np.full(100, 9.0), np.zeros(100)).is_enough
    assert path(np.full(20, 2.5)).is_enough
