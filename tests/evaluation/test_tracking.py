"""Paths week by week: what was expected of each day's newcomers, and of each customer known."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from clvmodels.evaluation.tracking import Cohort, even_path, model_path, path_error, weekly_tracking
from clvmodels.models import PURCHASE_MODELS
from tests.shops import simulate_shop

FIRST = date(2024, 1, 1)
PARAMS = {
    "bgnbd": {"r": 0.5, "alpha": 6.0, "a": 0.8, "b": 2.4},
    "pareto_nbd": {"r": 0.55, "alpha": 10.6, "s": 0.61, "beta": 11.7},
}


def made(name: str, **changes: float):
    return PURCHASE_MODELS[name].from_params(PARAMS[name] | changes, time_unit="week")


def cohort(days: int, ahead: int) -> Cohort:
    """Newcomers on the first, third and last day before the origin; a purchase every day."""
    born, bought = np.zeros(days + ahead + 1), np.ones(days + ahead + 1)
    born[[0, 2, days]] = 5.0, 3.0, 2.0
    bought[0] = 0.0
    origin = FIRST + timedelta(days=days)
    return Cohort(FIRST, origin, origin + timedelta(days=ahead), born, bought)


@pytest.mark.parametrize("name", ["bgnbd", "pareto_nbd", "mbgnbd", "nbd"])
def test_tracking_adds_up_what_is_expected_of_each_days_newcomers(name):
    model = PURCHASE_MODELS[name].from_params(
        PARAMS.get(name)
        or {k: PARAMS["bgnbd"][k] for k in PURCHASE_MODELS[name].kernel.parameters},
        time_unit="week",
    )
    rows = weekly_tracking(cohort(9, 8), model)
    assert [row["week_end"] for row in rows] == ["2024-01-07", "2024-01-14", "2024-01-18"]

    def until(day: int) -> float:
        return sum(
            count * model.expected_purchases_new_customer(f"{day - born}d")
            for born, count in ((0, 5.0), (2, 3.0), (9, 2.0))
            if day > born
        )

    expected = [until(6), until(13), until(17)]
    assert [row["cumulative_expected"] for row in rows] == pytest.approx(expected, rel=1e-10)
    assert [row["expected"] for row in rows] == pytest.approx(np.diff([0.0, *expected]), rel=1e-9)
    assert [row["cumulative_actual"] for row in rows] == [6, 13, 17]
    assert [row["actual"] for row in rows] == [6, 7, 4]


@pytest.mark.parametrize(("ahead", "weeks"), [(80, 12), (283, 41), (728, 104)])
@pytest.mark.parametrize("name", PARAMS)
def test_the_path_is_that_of_each_customer(name, ahead, weeks):
    """Also where a curve through a few points stands for the weeks."""
    model, base = made(name), cohort(30, ahead)
    columns = simulate_shop(model.fit_.parameters, 60, 1, kernel=model.kernel)
    found = model_path(base, model, columns)
    ends = [*range(7, ahead + 1, 7), *([ahead] if ahead % 7 else [])]
    exact = [float(model.expected_purchases(columns, f"{day}d").sum()) for day in ends]
    assert len(found) == len(base.weekly) == weeks
    np.testing.assert_allclose(found, np.diff([0.0, *exact]), rtol=1e-6)


def test_the_path_holds_where_customers_buy_many_times_a_week():
    model, base = made("bgnbd", alpha=0.1), cohort(30, 364)
    columns = simulate_shop(np.array([0.5, 6.0, 0.8, 2.4]), 60, 2, span=20.0)
    exact = [float(model.expected_purchases(columns, f"{w}w").sum()) for w in range(1, 53)]
    np.testing.assert_allclose(model_path(base, model, columns), np.diff([0.0, *exact]), rtol=1e-3)


def test_an_even_path_and_its_error():
    base = cohort(9, 10)
    path = even_path(base, 20.0)
    assert path == pytest.approx([14.0, 6.0])
    assert list(base.weekly) == [7.0, 3.0]
    assert path_error(path, base.weekly) == pytest.approx(1.0)
    assert path_error(path, np.zeros(2)) is None
