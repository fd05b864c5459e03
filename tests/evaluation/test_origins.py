"""Origins: the last one hold-out before the end, earlier ones without overlap if possible."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from clvmodels.evaluation.origins import choose_origins, holdout_days
from clvmodels.units import Duration

FIRST = date(2020, 1, 1)


def days(n: int) -> date:
    return FIRST + timedelta(days=n)


def test_a_quarter_of_the_span_is_held_out_and_at_most_a_year():
    assert holdout_days(FIRST, days(28), None) == 7
    assert holdout_days(FIRST, days(7_000), None) == 365
    assert holdout_days(FIRST, days(7_000), Duration.parse("39w")) == 273


def test_long_logs_hold_no_day_out_twice():
    assert choose_origins(FIRST, days(400), 100, 3) == [days(100), days(200), days(300)]
    assert choose_origins(FIRST, days(400), 100, 1) == [days(300)]


def test_short_logs_spread_their_origins_evenly():
    # Stepping back by 100 days would leave 90 before the first origin, fewer than are held out.
    assert choose_origins(FIRST, days(390), 100, 3) == [days(100), days(195), days(290)]
    assert choose_origins(FIRST, days(300), 200, 3) == [days(50), days(75), days(100)]


@pytest.mark.parametrize("span", [1, 2, 3, 5, 11, 100])
@pytest.mark.parametrize("held", [1, 2, 50, 200])
def test_origins_are_distinct_and_end_at_the_last(span, held):
    found = choose_origins(FIRST, days(span), held, 4)
    assert found == sorted(set(found))
    assert found[-1] == days(span - held)
