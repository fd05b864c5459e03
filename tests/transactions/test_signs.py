"""Signs counted in SQL agree with a slow count of the same log, row by row."""

from __future__ import annotations

import datetime as dt
import math
import warnings
from collections import Counter, defaultdict

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvmodels.transactions import log as logs
from clvmodels.transactions import read_transactions
from clvmodels.transactions import signs as counted
from tests.transactions.logs import quiet

DAY0 = dt.date(2024, 1, 1)
ROWS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 400), st.integers(0, 5_000)),
    min_size=1,
    max_size=60,
)


def log_of(rows, *, amounts=True):
    table = {
        "customer_id": pa.array([f"c{row[0]}" for row in rows]),
        "date": pa.array([DAY0 + dt.timedelta(days=row[1]) for row in rows]),
    }
    if amounts:
        table["amount"] = pa.array([row[2] / 100 for row in rows])
    return quiet(pa.table(table), threads=1)


def days_of(rows, last):
    """Amount in cents by day, for each customer."""
    days = defaultdict(lambda: defaultdict(int))
    for customer, day, cents in rows:
        if day <= last:
            days[customer][day] += cents
    return days


def naive_gaps(days):
    gaps, last_two, even = {}, [0, 0.0], [0, 0]
    for bought in days.values():
        apart = np.diff(sorted(bought)).astype(float)
        m = len(apart)
        if m < 2:
            continue
        last_two[0] += 1
        last_two[1] += (apart[-1] / (apart[-1] + apart[-2]) - 0.5) ** 2
        if apart.mean() >= 20.0:
            slow, short = gaps.get(m, (0, 0))
            gaps[m] = (slow + 1, short + int((apart < 0.05 * apart.mean()).sum()))
        if m >= 3:
            even[0] += 1
            even[1] += bool(apart.std(ddof=1) < 0.25 * apart.mean())
    return gaps, tuple(last_two), tuple(even)


def naive_slope(days):
    """Least squares with a dummy for each customer, and errors clustered by customer."""
    parts = []
    for bought in days.values():
        points = [(day / 365.25, math.log(cents / 100)) for day, cents in bought.items() if cents]
        if len(points) > 1:
            t, y = np.array(points).T
            parts.append((t - t.mean(), y - y.mean()))
    if not parts:
        return None
    xx = sum(t @ t for t, _ in parts)
    slope = sum(t @ y for t, y in parts) / xx
    error = math.sqrt(sum((t @ (y - slope * t)) ** 2 for t, y in parts)) / xx
    return slope, error, len(parts)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(ROWS, st.integers(0, 400))
def test_signs_are_those_of_a_slow_count(rows, last):
    rows = [*rows, (0, 0, 100)]
    log = log_of(rows)
    end = DAY0 + dt.timedelta(days=last)
    signs = log.signs(log.summarize(end))
    days = days_of(rows, last)
    gaps, last_two, even = naive_gaps(days)
    assert signs.gaps == gaps
    assert signs.even == even
    assert signs.last_two == (last_two[0], pytest.approx(last_two[1], abs=1e-10))
    by_day = Counter(day for bought in days.values() for day in bought)
    assert signs.purchases == {DAY0 + dt.timedelta(days=day): n for day, n in by_day.items()}
    expected = naive_slope(days)
    if expected is None:
        assert signs.slope is None
    else:
        slope, error, customers = signs.slope
        assert (slope, error) == pytest.approx(expected[:2], rel=1e-4, abs=1e-4)
        assert customers == expected[2]
    assert signs.share == 1.0


def test_gaps_at_the_edge_of_short_and_slow():
    # Means of 20 and of 40 days exactly: 2 is 5 % of 40 and not below it, 1 is.
    rows = [(0, 0, 1), (0, 2, 1), (0, 80, 1), (1, 0, 1), (1, 1, 1), (1, 80, 1)]
    rows += [(2, 0, 1), (2, 20, 1), (2, 40, 1), (3, 0, 1), (3, 20, 1), (3, 39, 1)]
    log = log_of(rows)
    assert log.signs(log.summarize()).gaps == {2: (3, 1)}


def test_gaps_at_the_edge_of_even():
    # Coefficients of variation of 0.25 and 0.225, with the variance over n - 1.
    rows = [
        (c, day, 1) for c, days in enumerate([(0, 30, 70, 120), (0, 31, 71, 120)]) for day in days
    ]
    log = log_of(rows)
    assert log.signs(log.summarize()).even == (2, 1)


def test_a_log_without_amounts_has_no_slope():
    rows = [(0, 0, 1), (0, 30, 1), (1, 0, 1)]
    log = log_of(rows, amounts=False)
    assert log.signs(log.summarize()).slope is None


def test_a_view_of_the_past_shows_nothing_later():
    rows = [(0, 0, 100), (0, 50, 300), (0, 100, 200), (0, 103, 900)]
    past = log_of(rows).before(DAY0 + dt.timedelta(days=100))
    assert past.signs(past.summarize()) == log_of(rows[:3]).signs(log_of(rows[:3]).summarize())


def test_returned_purchases_are_no_sign():
    table = pa.table(
        {
            "customer_id": ["a"] * 4,
            "date": ["2024-01-01", "2024-03-01", "2024-03-02", "2024-03-05"],
            "amount": [10.0, 10.0, 10.0, -10.0],
        }
    )
    log = read_transactions(table)
    assert len(log.signs(log.summarize()).purchases) == 2


def test_a_large_base_is_counted_over_a_part_of_it(monkeypatch):
    rng = np.random.default_rng(3)
    rows = [(c, int(d), 100) for c in range(2_000) for d in rng.integers(0, 400, 4)]
    log = log_of(rows)
    whole = log.signs(log.summarize())
    monkeypatch.setattr(logs, "EVIDENCE_CUSTOMERS", 500)
    part = log.signs(log.summarize())
    assert part.share == pytest.approx(0.25, rel=0.1)
    assert part.purchases == whole.purchases
    for found, of_all in (
        (part.last_two[0], whole.last_two[0]),
        (part.even[0], whole.even[0]),
        (part.slope[2], whole.slope[2]),
    ):
        assert found == pytest.approx(of_all / 4, rel=0.2)
    assert part == log.signs(log.summarize())


def test_the_queries_speak_spark():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import sqlglot
    for query in (counted.gaps_query("days"), counted.slope_query("days")):
        spark = sqlglot.transpile(query, read="duckdb", write="spark")[0]
        assert "::" not in spark
        assert "DATEDIFF" in spark.upper()
