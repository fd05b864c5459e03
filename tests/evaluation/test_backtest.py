"""The back-test: published figures, nothing seen from after an origin, everybody counted."""

from __future__ import annotations

import json
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

import clvmodels as clv
from clvmodels.errors import ParameterError
from clvmodels.evaluation.baselines import POINT_METHODS
from clvmodels.storage import plain

ORIGIN, END = date(1997, 9, 30), date(1998, 6, 30)
# One model and the null model are enough where no model is in question.
ONE = ["bgnbd"]
# Reference figures: sum and mean absolute error of 39 weeks held out, as printed.
PRINTED = {
    "nbd": ("2929.8", "1.041"),
    "pareto_nbd": ("1665.5", "0.7545"),
    "bgnbd": ("1653.4", "0.7855"),
    "mbgnbd": ("1576.7", "0.7648"),
}


@pytest.fixture(scope="module")
def sample():
    return clv.load_cdnow("sample")


@pytest.fixture(scope="module")
def check(sample):
    return clv.backtest(sample, "39w", 1, time_unit="week", method="mle")


@pytest.fixture(scope="module")
def split(check):
    return check.last


def orders(seed: int = 0, customers: int = 150, days: int = 400) -> pd.DataFrame:
    """Orders of a small shop; customers keep coming."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(customers):
        day = rng.integers(0, days)
        rate = rng.gamma(1.0, 1.0 / 40.0)
        while day < days and len(rows) < 50_000:
            rows.append((f"c{i:03d}", day, round(rng.gamma(5.0, 4.0), 2)))
            day += 1 + int(rng.exponential(1.0 / rate))
            if rng.random() < 0.1:
                break
    frame = pd.DataFrame(rows, columns=["customer_id", "day", "amount"])
    frame["date"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(frame["day"], unit="D")
    return frame.drop(columns="day")


def test_cdnow_figures(split):
    assert (split.origin, split.end, split.days) == (ORIGIN, END, 273)
    assert (split.customers, split.actual_purchases) == (2357, 1882)
    for name, (purchases, mae) in PRINTED.items():
        found = split.forecasts[name]
        assert f"{found.purchases:.1f}" == purchases
        assert f"{found.mae:.{len(mae) - 2}f}" == mae
        assert found.bias == pytest.approx(float(purchases) / 1882 - 1.0, abs=1e-4)
        assert found.rmse > found.mae
        assert found.converged


def test_every_method_is_held_against_the_same_customers(split):
    assert list(split.forecasts) == ["bgnbd", "mbgnbd", "pareto_nbd", "nbd", *POINT_METHODS]
    for name, forecast in split.forecasts.items():
        assert len(forecast.deciles) == len(forecast.spend_deciles) == 10
        by_decile = sum(row["predicted"] * row["customers"] for row in forecast.deciles)
        assert by_decile == pytest.approx(forecast.purchases)
        actual = sum(row["actual"] * row["customers"] for row in forecast.deciles)
        assert actual == pytest.approx(1882)
        assert (forecast.counts is None) == (name in POINT_METHODS)
        assert (forecast.spends is None) == (name in POINT_METHODS)
        path = [row["forecasts"][name] for row in split.path]
        assert sum(path) == pytest.approx(forecast.purchases)
    assert sum(row["actual"] for row in split.path) == 1882
    assert len(split.path) == 39


def test_spend_is_that_of_the_log(split, sample):
    spent = sample.holdout(ORIGIN, END).column("holdout_amount").to_numpy().sum()
    assert split.actual_spend == pytest.approx(spent)
    forecast = split.forecasts["bgnbd"]
    assert forecast.spend == pytest.approx(spent, rel=0.4)
    assert forecast.spend_bias == pytest.approx(forecast.spend / spent - 1.0)


def test_losses_of_differences_are_those_of_the_forecasts(split):
    for difference in split.differences:
        one, other = (split.forecasts[n] for n in (difference.method, difference.against))
        if difference.measure == "absolute_error":
            assert difference.difference == pytest.approx(one.mae - other.mae)
        elif difference.measure == "squared_error":
            assert difference.difference == pytest.approx(one.rmse**2 - other.rmse**2)
        elif difference.measure == "crps":
            assert difference.difference == pytest.approx(one.counts.crps - other.counts.crps)
        assert difference.lower <= difference.difference <= difference.upper
    # NBD, which knows no dropout, is beaten beyond doubt.
    (null,) = (
        d for d in split.differences
        if (d.measure, d.method, d.against) == ("log_score", "nbd", "bgnbd")
    )  # fmt: skip
    assert null.lower > 0.0
    assert null.better == 0.0


def test_groups_add_up_to_the_base(split):
    assert [row["group"] for row in split.breakdowns["frequency"]] == [*"0123456", "7+"]
    assert [row["group"] for row in split.breakdowns["cohort"]] == ["1997Q1"]
    for rows in split.breakdowns.values():
        assert sum(row["customers"] for row in rows) == 2357
        assert sum(row["purchases"] for row in rows) == 1882
        assert sum(row["spend"] for row in rows) == pytest.approx(split.actual_spend)
        for name, forecast in split.forecasts.items():
            found = [row["methods"][name] for row in rows]
            assert sum(m["purchases"] for m in found) == pytest.approx(forecast.purchases)
            assert sum(m["spend"] for m in found) == pytest.approx(forecast.spend)
            mae = sum(m["mae"] * r["customers"] for m, r in zip(found, rows, strict=True))
            assert mae == pytest.approx(forecast.mae * 2357)
    for row in split.by_frequency:
        assert set(row) == {"frequency", "customers", "actual", "model", "simple_formula"}


def test_tracking_counts_every_repeat_purchase_of_the_cohort(split):
    last = split.tracking[-1]
    assert last["week_end"] == END.isoformat()
    assert last["cumulative_actual"] == 2457 + 1882
    assert sum(row["actual"] for row in split.tracking) == 2457 + 1882
    expected = np.array([row["cumulative_expected"] for row in split.tracking])
    assert (np.diff(expected) > 0).all()
    at_origin = next(r for r in split.tracking if r["week_end"] == ORIGIN.isoformat())
    assert at_origin["cumulative_actual"] == 2457
    assert at_origin["cumulative_expected"] == pytest.approx(2457, rel=0.03)


def test_what_the_last_origin_fitted_is_kept():
    found = clv.backtest(clv.read_transactions(orders()), "60d", 2, ONE)
    first, last = found.splits
    assert first.refit is None
    refit = last.refit
    assert refit.purchases.params_ == last.forecasts["bgnbd"].parameters
    assert len(refit.outcome.columns) == last.customers
    assert refit.outcome.spend.sum() == pytest.approx(last.actual_spend)
    assert "refit" not in last.to_dict()


def test_an_outcome_of_fewer_customers_is_theirs():
    log = clv.read_transactions(orders())
    outcome = clv.backtest(log, "60d", 1, ONE).last.refit.outcome
    assert outcome.thinned(len(outcome.columns)) is outcome
    for customers in (100, 40):
        thin = outcome.thinned(customers)
        step = -(-len(outcome.columns) // customers)
        assert customers / 2 < len(thin.columns) <= customers
        assert thin.columns.frequency.tolist() == outcome.columns.frequency[::step].tolist()
        assert thin.purchases.tolist() == outcome.purchases[::step].tolist()
        assert thin.spend.tolist() == outcome.spend[::step].tolist()
        recent = thin.evidence.recent
        assert recent.purchases.tolist() == outcome.evidence.recent.purchases[::step].tolist()


def test_the_summary_has_a_row_for_each_origin_and_method(check):
    frame = check.summary()
    assert frame.index.names == ["origin", "method"]
    assert frame.loc[(ORIGIN, "bgnbd"), "purchases"] == pytest.approx(1653.4, abs=0.05)
    assert np.isnan(frame.loc[(ORIGIN, "hiatus"), "crps"])
    assert "bgnbd" in repr(check)
    assert "bgnbd" in check._repr_html_()
    assert len(check.differences()) == len(check.last.differences)


def test_all_of_it_has_a_json_form(check):
    content = json.loads(json.dumps(plain(check.to_dict()), allow_nan=False))
    (split,) = content["splits"]
    counts = split["methods"]["bgnbd"]["counts"]
    assert len(counts["pit_histogram"]) == 20
    assert [row["level"] for row in counts["coverage"]] == [0.5, 0.8, 0.9]
    assert {row["level"] for row in split["methods"]["nbd"]["spends"]["pinball"]} == {
        0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95,
    }  # fmt: skip
    assert split["methods"]["hiatus"]["counts"] is None


def test_nothing_after_an_origin_is_seen():
    """A planted flood of purchases after the last origin changes what happened, not a forecast."""
    rows = orders()
    end = rows["date"].max()
    origin = (end - timedelta(days=90)).date()
    flood = pd.DataFrame(
        {
            "customer_id": [f"c{i % 150:03d}" for i in range(6_000)],
            "amount": 500.0,
            "date": end - pd.to_timedelta(np.arange(6_000) % 90, unit="D"),
        }
    ).drop_duplicates()
    before, after = (
        clv.backtest(clv.read_transactions(frame), "90d", 1, ONE).last
        for frame in (rows, pd.concat([rows, flood]))
    )
    assert before.origin == after.origin == origin
    assert after.actual_purchases > 3 * before.actual_purchases
    for name, forecast in before.forecasts.items():
        leaked = after.forecasts[name]
        assert leaked.purchases == pytest.approx(forecast.purchases, rel=1e-9), name
        assert leaked.spend == pytest.approx(forecast.spend, rel=1e-9), name
        assert leaked.parameters == forecast.parameters
    assert [row["expected"] for row in before.tracking] == [
        row["expected"] for row in after.tracking
    ]
    # The flood would have been seen one day earlier: this is what the leak looks like.
    early = flood.assign(date=flood["date"] - timedelta(days=1))
    seen = clv.backtest(clv.read_transactions(pd.concat([rows, early])), "90d", 1, ONE).last
    assert seen.forecasts["bgnbd"].purchases > 1.05 * before.forecasts["bgnbd"].purchases
    assert seen.forecasts["last_period"].purchases > before.forecasts["last_period"].purchases


def test_names_and_order_of_customers_change_nothing():
    rows = orders(1)
    shuffled = rows.sample(frac=1.0, random_state=0)
    names = rows["customer_id"].unique()
    renamed = rows.assign(
        customer_id=rows["customer_id"].map(dict(zip(names, names[::-1], strict=True)))
    )
    first, *others = (
        plain(clv.backtest(clv.read_transactions(frame), "60d", 2, ONE).to_dict())
        for frame in (rows, shuffled, renamed)
    )
    assert first["splits"][-1]["newcomers"]["customers"] > 0
    for other in others:
        assert json.dumps(other) == json.dumps(first)


def test_newcomers_and_purchases_are_those_of_the_rows():
    rows = orders(2)
    found = clv.backtest(clv.read_transactions(rows), "60d", 3, ONE)
    assert len(found.splits) == 3
    assert not found.overlapping
    days = rows.groupby(["customer_id", "date"], as_index=False)["amount"].sum()
    first = days.groupby("customer_id")["date"].transform("min")
    for split in found.splits:
        origin, end = pd.Timestamp(split.origin), pd.Timestamp(split.end)
        inside = (days["date"] > origin) & (days["date"] <= end)
        known, new = days[inside & (first <= origin)], days[inside & (first > origin)]
        assert split.customers == days.loc[first <= origin, "customer_id"].nunique()
        assert split.actual_purchases == len(known)
        assert split.actual_spend == pytest.approx(known["amount"].sum())
        assert split.newcomers.customers == new["customer_id"].nunique() > 0
        assert split.newcomers.purchases == len(new)
        assert split.newcomers.spend == pytest.approx(new["amount"].sum())


def test_labels_are_groups_of_their_own():
    rows = orders(3)
    names = sorted(rows["customer_id"].unique())
    labels = pd.DataFrame(
        {
            "customer_id": names[:100],
            "channel": ["web", "shop"] * 50,
            "sales": names[:100],
            "cohort": "spring",
        }
    )
    split = clv.backtest(clv.read_transactions(rows), "60d", 1, ONE, labels=labels).last
    channel = split.breakdowns["channel"]
    assert [row["group"] for row in channel] == ["shop", "web", None]
    known = set(rows.loc[rows["date"] <= pd.Timestamp(split.origin), "customer_id"])
    web = labels.loc[labels["channel"] == "web", "customer_id"]
    assert channel[1]["customers"] == len(known & set(web))
    bought = rows[
        (rows["date"] > pd.Timestamp(split.origin)) & rows["customer_id"].isin(known & set(web))
    ]
    assert channel[1]["purchases"] == bought.drop_duplicates(["customer_id", "date"]).shape[0]
    # A label with a value for each customer keeps fifty and joins the rest.
    assert len(split.breakdowns["sales"]) == 52
    assert split.breakdowns["sales"][-2]["group"] == "(other)"
    assert sum(row["customers"] for row in split.breakdowns["sales"]) == split.customers
    # One that is called like a breakdown of ours takes no place.
    assert [row["group"] for row in split.breakdowns["cohort (label)"]] == ["spring", None]
    assert all(row["group"][4] == "Q" for row in split.breakdowns["cohort"])


def test_origins_without_enough_to_learn_from_are_named():
    rows = orders(4)
    found = clv.backtest(clv.read_transactions(rows), "380d", 3, ONE)
    assert not found.splits
    assert found.last is None
    assert {s.origin for s in found.skipped}
    assert all("are needed" in s.reason or "nothing to learn" in s.reason for s in found.skipped)
    assert len(found.summary()) == 0
    some = clv.backtest(clv.read_transactions(rows), "100d", 4, ONE)
    assert len(some.splits) + len(some.skipped) == 4
    assert some.overlapping


def test_without_amounts_there_is_no_money_and_everything_else():
    with pytest.warns(clv.ClvWarning, match="no amounts"):
        log = clv.read_transactions(orders(5)[["customer_id", "date"]])
    split = clv.backtest(log, "60d", 1, ["mbgnbd"]).last
    assert split.model == "mbgnbd"
    assert list(split.forecasts) == ["mbgnbd", "nbd", *POINT_METHODS]
    assert split.actual_spend is None
    assert {f.spend for f in split.forecasts.values()} == {None}
    assert {f.spend_bias for f in split.forecasts.values()} == {None}
    assert split.forecasts["mbgnbd"].spends is None
    assert json.dumps(plain(split.to_dict()))


def test_the_unit_of_time_changes_no_forecast():
    log = clv.read_transactions(orders(6))
    day, week = (clv.backtest(log, "60d", 1, ONE, time_unit=unit).last for unit in ("day", "week"))
    for name, forecast in day.forecasts.items():
        assert week.forecasts[name].purchases == pytest.approx(forecast.purchases, rel=1e-4)
        assert week.forecasts[name].gini == pytest.approx(forecast.gini, abs=1e-3)


def test_the_end_may_lie_after_the_last_purchase():
    rows = orders(7)
    last = rows["date"].max().date()
    found = clv.backtest(
        clv.read_transactions(rows), "60d", 1, ONE, observation_end=last + timedelta(days=9)
    )
    assert found.last.end == last + timedelta(days=9)
    assert found.last.days == 60


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"models": ["bgndb"]}, "names out of bgnbd"),
        ({"models": "bgnbd"}, "names out of bgnbd"),
        ({"models": []}, "names out of bgnbd"),
        ({"origins": 0}, "at least 1"),
        ({"holdout": "lifetime"}, "finite"),
        ({"interval": 1.0}, "interval"),
        ({"time_unit": "month"}, "time_unit"),
    ],
)
def test_bad_arguments_are_refused(sample, options, complaint):
    with pytest.raises(ParameterError, match=complaint):
        clv.backtest(sample, **options)
