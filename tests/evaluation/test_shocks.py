"""Common shocks learned from earlier windows: which windows, what they compare, what they give."""

from __future__ import annotations

import json
import math
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

import clvmodels as clv
from benchmarks.common_shocks import coverage
from clvmodels.evaluation.shocks import LearnedShocks, ShockWindow
from clvmodels.value.shock import ASSUMED, CommonShock

NAN = float("nan")


@pytest.fixture(scope="module")
def log():
    return clv.load_cdnow("sample")


@pytest.fixture(scope="module")
def found(log):
    return clv.common_shocks(log, "13w")


def test_windows_are_the_latest_three_in_order_and_do_not_overlap(found):
    ends = [window.end for window in found.windows]
    assert ends == [date(1997, 12, 30), date(1998, 3, 31), date(1998, 6, 30)]
    for window in found.windows:
        assert window.end - window.origin == timedelta(weeks=13)
    assert [window.origin for window in found.windows[1:]] == ends[:-1]


@pytest.mark.parametrize(
    ("horizon", "windows"), [("39w", 1), ("274d", 0), ("26w", 2), ("18w", 3), ("lifetime", 0)]
)
def test_a_window_has_at_least_its_own_length_behind_it(log, horizon, windows):
    """The log has 78 weeks."""
    found = clv.common_shocks(log, horizon)
    assert found.purchases.windows == found.value.windows == windows
    assert found.purchases.assumed is (windows == 0)
    if windows:
        span = found.windows[0].origin - date(1996, 12, 31)
        assert span >= found.windows[0].end - found.windows[0].origin
    else:
        assert found.purchases == found.value == ASSUMED


def test_each_window_compares_a_forecast_from_before_with_what_happened(log, found):
    for window in found.windows:
        customers = log.before(window.origin).summarize()
        value = clv.CustomerValue(
            clv.BetaGeoModel().fit(customers, method="map"),
            clv.GammaGammaModel().fit(customers, method="map"),
            annual_discount_rate=0.0,
        )
        scores = value.predict(customers, "91d")
        happened = log.before(window.end).holdout(window.origin, window.end)
        assert window.customers == len(scores)
        assert window.predicted_purchases == pytest.approx(scores["expected_purchases"].sum())
        assert window.predicted_spend == pytest.approx(scores["clv"].sum())
        bought = happened.column("holdout_purchases").to_numpy().sum()
        spent = happened.column("holdout_amount").to_numpy().sum()
        assert window.actual_purchases == bought
        assert window.actual_spend == pytest.approx(spent)
        assert window.purchases_log_error == pytest.approx(
            math.log(bought / window.predicted_purchases)
        )
        assert window.spend_log_error == pytest.approx(math.log(spent / window.predicted_spend))


def test_sizes_follow_from_the_errors(found):
    for shock, errors in (
        (found.purchases, [window.purchases_log_error for window in found.windows]),
        (found.value, [window.spend_log_error for window in found.windows]),
    ):
        assert shock == CommonShock.of_errors(errors)
    assert found.purchases != found.value


def test_nothing_after_the_observation_end_is_seen(log, found):
    cut = date(1998, 3, 31)
    early = clv.common_shocks(log, "13w", observation_end=cut)
    assert early == clv.common_shocks(log.before(cut), "13w", observation_end=cut)
    assert early.windows[-1].end == cut
    assert early.windows[1:] == found.windows[:2]


def test_what_newcomers_buy_does_not_count():
    """Every window brings as many new customers, who buy as the old ones did."""
    start = pd.Timestamp("2022-01-01")
    rng = np.random.default_rng(3)
    rows = []
    for n in range(200):
        first = int(rng.integers(0, 700))
        days = first + np.cumsum(rng.integers(5, 60, 40))
        rows += [(n, start + pd.Timedelta(days=int(day)), 10.0) for day in (first, *days)]
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    log = clv.read_transactions(frame[frame["date"] < start + pd.Timedelta(days=720)])
    for window in clv.common_shocks(log, "90d", model="nbd").windows:
        assert abs(window.purchases_log_error) < 0.15


def test_returns_count_as_they_stood_at_the_end_of_the_window():
    shop = clv.SimulatedShop(customers=400, span="2y", returns=0.2, seed=3)
    log = clv.read_transactions(clv.simulate_tables(shop)[0])
    for window in clv.common_shocks(log, "120d").windows:
        happened = log.before(window.end).holdout(window.origin, window.end)
        assert window.actual_purchases == happened.column("holdout_purchases").to_numpy().sum()
        spent = happened.column("holdout_amount").to_numpy().sum()
        assert window.actual_spend == pytest.approx(spent)


def test_a_total_of_zero_counts_as_half_a_purchase():
    days = (date(2024, 1, 1), date(2024, 4, 1))
    window = ShockWindow.of(*days, 9, (20.0, 500.0), (0.0, 0.0))
    assert window.purchases_log_error == pytest.approx(math.log(0.5 / 20.0))
    assert window.spend_log_error == pytest.approx(math.log(0.5 * 25.0 / 500.0))
    none = ShockWindow.of(*days, 9, (0.1, 2.5), (3.0, 75.0))
    assert none.purchases_log_error == pytest.approx(math.log(3.0 / 0.5))
    assert none.spend_log_error == pytest.approx(math.log(75.0 / 12.5))


def test_a_log_without_amounts_teaches_purchases_alone(log):
    frame = log.purchases_by_day().to_pandas()[["day"]]
    rng = np.random.default_rng(1)
    days = frame["day"].sample(900, replace=True, random_state=1).to_numpy()
    bare = pd.DataFrame({"customer_id": rng.integers(0, 150, 900), "date": days})
    with pytest.warns(clv.ClvWarning):
        found = clv.common_shocks(clv.read_transactions(bare), "20w")
    assert found.purchases.windows == 2
    assert found.windows[0].predicted_spend is None
    assert found.value.assumed


def test_a_window_without_repeat_buyers_before_it_is_left_out():
    start = pd.Timestamp("2024-01-01")
    rows = [(n, start + pd.Timedelta(days=200 + 7 * n + 30 * k)) for n in range(20) for k in (0, 1)]
    rows += [(99, start)]
    frame = pd.DataFrame(rows, columns=["customer_id", "date"]).assign(amount=5.0)
    log = clv.read_transactions(frame)
    found = clv.common_shocks(log, "60d")
    # Before the first of three windows only some had bought again.
    assert found.purchases.windows == 1


def test_saving_keeps_everything(found, tmp_path):
    found.save(tmp_path / "shock.json")
    assert LearnedShocks.load(tmp_path / "shock.json") == found
    content = json.loads((tmp_path / "shock.json").read_text())
    assert content["schema"] == 1
    assert content["purchases"]["windows"] == len(content["windows"]) == 3
    assert len(found.to_frame()) == 3
    assert "from 3 earlier windows" in repr(found)
    assert "assumed" in repr(LearnedShocks())


@pytest.mark.parametrize(
    "damage",
    [
        {"windows": None},
        {"windows": [{"origin": "1997-01-01"}]},
        {"horizon": "soon"},
    ],
)
def test_a_damaged_file_is_refused(found, tmp_path, damage):
    path = tmp_path / "shock.json"
    found.save(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | damage))
    with pytest.raises(clv.ClvError, match=r"shock\.json is damaged"):
        LearnedShocks.load(path)


def test_totals_carry_what_was_learned(log, found):
    customers = log.summarize()
    value = clv.CustomerValue(
        clv.BetaGeoModel().fit(customers, method="map"),
        clv.GammaGammaModel().fit(customers, method="map"),
    )
    learned = value.total(customers, "13w", shock=found)
    assert learned.purchases.common_shock == found.purchases.sd
    assert learned.clv.common_shock == learned.potential_value.common_shock == found.value.sd
    assert learned.active.common_shock == 0.0
    assert not learned.clv.common_shock_assumed
    assumed = value.total(customers, "13w")
    assert assumed.clv.common_shock_assumed
    assert learned.purchases.upper < assumed.purchases.upper


def test_unknown_models_and_numbers_of_windows_are_refused(log):
    with pytest.raises(clv.ClvError, match="model is 'best'"):
        clv.common_shocks(log, model="best")
    with pytest.raises(clv.ClvError, match="windows is -1"):
        clv.common_shocks(log, windows=-1)
    assert clv.common_shocks(log, "13w", windows=1).purchases.windows == 1


@pytest.mark.slow
def test_intervals_of_the_base_hold_with_the_layer_and_fail_without():
    """Sixty shops whose pace swings by a quarter every half year."""
    for layers in coverage(0.25, 60).values():
        assert layers["without"][0] < 0.5
        assert 0.85 <= layers["learned"][0] <= 0.98
