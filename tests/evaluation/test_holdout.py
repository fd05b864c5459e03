"""The held-out check: published figures, and nothing seen from after the origin."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

import clvmodels as clv
from clvmodels.evaluation.holdout import default_origin, holdout_check
from clvmodels.evaluation.in_sample import alive_grid, frequency_check
from clvmodels.models import BetaGeoModel
from clvmodels.units import Duration

ORIGIN, END = date(1997, 9, 30), date(1998, 6, 30)


@pytest.fixture(scope="module")
def check():
    found = holdout_check(
        clv.load_cdnow("sample"), ORIGIN, END, BetaGeoModel, time_unit="week", method="mle"
    )
    assert found is not None
    return found


def test_cdnow_figures(check):
    """Sum 1653.4, mean absolute error .7855, actual 1,882 (reference figures)."""
    forecast = check.forecasts["bgnbd"]
    assert check.actual_purchases == 1882
    assert check.customers == 2357
    assert forecast.purchases == pytest.approx(1653.4, abs=0.05)
    assert forecast.mae == pytest.approx(0.7855, abs=5e-5)
    assert forecast.rmse > forecast.mae
    assert check.days == 273


def test_actual_spend_is_what_the_log_holds(check):
    log = clv.load_cdnow("sample")
    spent = log.holdout(ORIGIN, END).column("holdout_amount").to_numpy().sum()
    assert check.actual_spend == pytest.approx(spent)
    assert check.forecasts["bgnbd"].spend == pytest.approx(spent, rel=0.4)


def test_frequency_classes_add_up_to_the_totals(check):
    for column, total in (
        ("actual", check.actual_purchases),
        ("model", check.forecasts["bgnbd"].purchases),
        ("simple_formula", check.forecasts["simple_formula"].purchases),
    ):
        summed = sum(row[column] * row["customers"] for row in check.by_frequency)
        assert summed == pytest.approx(total)
    assert [row["frequency"] for row in check.by_frequency] == [*"0123456", "7+"]


def test_tracking_counts_every_repeat_purchase_of_the_cohort(check):
    last = check.tracking[-1]
    assert last["week_end"] == END.isoformat()
    assert last["cumulative_actual"] == 2457 + 1882
    assert sum(row["actual"] for row in check.tracking) == 2457 + 1882
    expected = np.array([row["cumulative_expected"] for row in check.tracking])
    assert (np.diff(expected) > 0).all()
    at_origin = next(r for r in check.tracking if r["week_end"] == ORIGIN.isoformat())
    assert at_origin["cumulative_actual"] == 2457
    assert at_origin["cumulative_expected"] == pytest.approx(2457, rel=0.03)


def test_nothing_after_the_origin_is_seen():
    """A planted flood of purchases after the origin changes what happened, not the forecast."""
    rows = pd.DataFrame(
        {
            "customer_id": [f"c{i % 60}" for i in range(600)],
            "date": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(np.random.default_rng(0).integers(0, 300, 600), unit="D"),
            "amount": 10.0,
        }
    ).drop_duplicates()
    origin, end = date(2024, 9, 1), date(2024, 12, 31)
    leak = pd.DataFrame(
        {
            "customer_id": [f"c{i % 60}" for i in range(6000)],
            "date": pd.Timestamp("2024-09-02") + pd.to_timedelta(np.arange(6000) % 100, unit="D"),
            "amount": 500.0,
        }
    )
    before, after = (
        holdout_check(
            clv.read_transactions(frame), origin, end, BetaGeoModel, time_unit="day", method="map"
        )
        for frame in (rows, pd.concat([rows, leak]).drop_duplicates(["customer_id", "date"]))
    )
    assert after.actual_purchases > 3 * before.actual_purchases
    for name, forecast in before.forecasts.items():
        assert after.forecasts[name].purchases == pytest.approx(forecast.purchases, rel=1e-9)
        assert after.forecasts[name].spend == pytest.approx(forecast.spend, rel=1e-9)


def test_too_short_a_log_has_nothing_to_hold_out():
    log = clv.load_cdnow("sample")
    assert (
        holdout_check(log, date(1997, 1, 1), END, BetaGeoModel, time_unit="day", method="map")
        is None
    )
    assert (
        holdout_check(log, date(1997, 1, 3), END, BetaGeoModel, time_unit="day", method="map")
        is None
    )


def test_default_holdout_is_a_quarter_of_the_span_and_at_most_a_year():
    assert default_origin(date(2020, 1, 1), date(2020, 1, 1 + 28), None) == date(2020, 1, 22)
    assert default_origin(date(2000, 1, 1), date(2020, 1, 1), None) == date(2019, 1, 1)
    assert default_origin(date(1997, 1, 1), END, Duration.parse("39w")) == ORIGIN


def test_frequency_check_counts_and_expects_every_customer():
    summary = clv.load_cdnow("sample").summarize("1997-09-30", time_unit="week")
    model = clv.BetaGeoModel().fit(summary, method="mle")
    rows = frequency_check(model, summary.triples())
    actual = {row["frequency"]: row["actual"] for row in rows}
    expected = {row["frequency"]: row["expected"] for row in rows}
    assert actual["0"] == 2357 - 946
    assert sum(actual.values()) == 2357
    assert sum(expected.values()) == pytest.approx(2357)
    # Published: the expected number of one-time buyers is close to the 1,411 counted.
    assert expected["0"] == pytest.approx(1411, rel=0.02)


def test_alive_grid_rises_with_recency():
    model = clv.BetaGeoModel.from_params(
        {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}, time_unit="week"
    )
    summary = clv.load_cdnow("sample").summarize("1997-09-30", time_unit="week")
    grid = alive_grid(model, summary.triples())
    probability = np.array(grid["probability"])
    assert probability.shape == (len(grid["frequency"]), len(grid["recency"]))
    assert (np.diff(probability, axis=1) > 0).all()
    assert grid["age"] == pytest.approx(272 / 7)
