"""Each option of a simulated shop does what it says, by a statistic of the log."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from clvmodels.simulation.calendar import make_calendar
from tests.simulation.logs import SIGMAS, STEADY, assert_share, frames, gaps, shop


def repeats(log: pd.DataFrame) -> pd.DataFrame:
    return log[log["customer_id"].duplicated()]


def days_from(dates: pd.Series, month_day: str) -> pd.Series:
    """Days to the nearest such day of any year."""
    day = dates.dt.day_of_year - pd.Timestamp(f"2023-{month_day}").day_of_year
    return (day + 182) % 365 - 182


# --- the models ---------------------------------------------------------------------------------


def test_a_plain_shop_is_as_its_model_says():
    log, truth = frames(20_000, seed=1)
    model = shop(1).purchase_model()
    age = (pd.Timestamp("2024-12-30") - truth["first_purchase"]).dt.days
    some = np.unique(np.linspace(0, age.max(), 60).astype(int))[1:]
    expected = [model.expected_purchases_new_customer(f"{days}d") for days in some]
    ahead = np.interp(age, [0, *some], [0.0, *expected])
    surplus = truth["purchase_days"] - 1 - ahead
    assert abs(surplus.mean()) < SIGMAS * surplus.std() / np.sqrt(len(surplus))
    assert len(log) == truth["orders"].sum()
    # λ ~ Gamma(1, rate 180): an exponential rate.
    assert_share(truth["rate"] > 1 / 180, np.exp(-1))
    spend = shop(1).spend_model()
    mean = truth["mean_spend"]
    assert mean.mean() == pytest.approx(spend.mean_spend_, rel=0.02)


@pytest.mark.parametrize("model", ["bgnbd", "mbgnbd", "pareto_nbd"])
def test_the_truth_tells_who_is_still_a_customer(model):
    """The model's P(alive) is right about the customers in the truth, in every class of it."""
    log, truth = frames(20_000, model=model, seed=2)
    purchases = shop(1, model=model).purchase_model()
    days = log.groupby("customer_id")["date"].agg(["min", "max", "nunique"]).loc[truth.index]
    customers = pd.DataFrame(
        {
            "frequency": days["nunique"] - 1,
            "recency": (days["max"] - days["min"]).dt.days,
            "T": (pd.Timestamp("2024-12-30") - days["min"]).dt.days,
            "monetary_value": np.nan,
        }
    )
    alive = purchases.probability_alive(customers)
    is_alive = truth["leaves"].isna()
    for low in np.arange(0.0, 1.0, 0.25):
        some = alive.between(low, low + 0.25)
        if some.sum() > 100:
            error = np.sqrt((alive * (1 - alive))[some].sum())
            # Rounding to days moves P(alive) by up to a percent.
            assert abs((is_alive - alive)[some].sum()) < SIGMAS * error + 0.01 * some.sum()


def test_nobody_buys_after_leaving_or_before_coming():
    log, truth = frames(model="mbgnbd", bursts=0.3, subscriptions=0.3, seed=3)
    of_row = truth.loc[log["customer_id"]]
    assert (log["date"].to_numpy() >= of_row["first_purchase"].to_numpy()).all()
    leaves = of_row["leaves"].to_numpy()
    assert (np.isnat(leaves) | (log["date"].to_numpy() <= leaves)).all()
    assert 0.2 < truth["leaves"].isna().mean() < 0.9
    # In MBG/NBD some leave with their first purchase.
    at_once = truth["leaves"] == truth["first_purchase"]
    parameters = shop(1, model="mbgnbd").purchase_model().params_
    assert_share(at_once, parameters["a"] / (parameters["a"] + parameters["b"]))


def test_nobody_leaves_before_the_last_purchase_in_pareto_nbd():
    """Also where a purchase has moved on to a day of its own."""
    busy = {"r": 2.0, "alpha": 8.0, "s": 1.0, "beta": 100.0}
    log, truth = frames(model="pareto_nbd", parameters=busy, seed=3)
    last = log.groupby("customer_id")["date"].max().loc[truth.index]
    left = truth["leaves"].notna()
    assert left.mean() > 0.5
    assert (last <= truth["leaves"])[left].all()


def test_traits_are_independent():
    """Subscribing, coming, buying and spending draw from different streams."""
    _, truth = frames(subscriptions=0.5)
    truth["subscribes"] = truth["kind"] == "subscription"
    truth["first_purchase"] = truth["first_purchase"].rank()
    regular = truth[~truth["subscribes"]]
    bound = SIGMAS / np.sqrt(len(regular))
    for one, other, some in (
        ("subscribes", "first_purchase", truth),
        ("subscribes", "mean_spend", truth),
        ("rate", "first_purchase", regular),
        ("rate", "mean_spend", regular),
        ("first_purchase", "mean_spend", regular),
    ):
        correlation = some[one].rank().corr(some[other].rank())
        assert abs(correlation) < bound, (one, other)


def test_nobody_ever_leaves_in_nbd():
    _, truth = frames(model="nbd")
    assert truth["leaves"].isna().all()


def test_spend_is_gamma_gamma_around_the_mean_of_the_truth():
    log, truth = frames(**STEADY)
    mean = truth.loc[log["customer_id"], "mean_spend"].to_numpy()
    p = shop(1).spend_model().params_["p"]
    ratio = log["amount"] / mean
    assert abs(ratio.mean() - 1.0) < SIGMAS / np.sqrt(p * len(ratio))
    assert ratio.var() == pytest.approx(1 / p, rel=0.02)
    assert (log["amount"] > 0).all()
    assert ((log["amount"] * 100).round() / 100 == log["amount"]).all()


# --- time and pace ------------------------------------------------------------------------------


def test_customers_arrive_over_time():
    _, truth = frames()
    day = (truth["first_purchase"] - pd.Timestamp("2023-01-01")).dt.days
    assert day.between(0, 729).all()
    assert_share(day < 365, 0.5)
    _, truth = frames(arrivals="13w")
    assert truth["first_purchase"].max() == pd.Timestamp("2023-04-01")


def test_start_and_span_bound_the_log():
    log, _ = frames(start=pd.Timestamp("2020-02-10").date(), span="26w")
    assert log["date"].min() == pd.Timestamp("2020-02-10")
    assert log["date"].max() == pd.Timestamp("2020-08-09")


@pytest.mark.parametrize("peak", ["12-15", "06-01"])
def test_a_season_swings_by_its_share(peak):
    log, _ = frames(season=0.6, season_peak=peak, **STEADY)
    near = days_from(repeats(log)["date"], peak).abs() < 91.25
    assert_share(near, 0.5 + 0.6 / np.pi)


def test_a_season_moves_purchases_and_leaves_leaving_alone_in_pareto_nbd():
    options = {"model": "pareto_nbd", "arrivals": "1d", "seed": 4}
    flat_log, flat = frames(**options)
    log, truth = frames(season=0.9, **options)
    later = (truth["leaves"].notna() != flat["leaves"].notna()).mean()
    assert later < 0.005
    both = truth["leaves"].notna() & flat["leaves"].notna()
    assert (truth["leaves"][both] == flat["leaves"][both]).mean() > 0.95
    assert truth["rate"].equals(flat["rate"])
    winter, flat_winter = (
        days_from(repeats(each)["date"], "12-15").abs().lt(91).mean() for each in (log, flat_log)
    )
    assert winter > flat_winter + 0.2


def test_a_trend_grows_by_its_share_each_year():
    log, _ = frames(trend=0.5, **STEADY)
    assert_share(repeats(log)["date"] >= pd.Timestamp("2024-01-01 06:00"), 1.5 / 2.5)
    _, truth = frames(trend=0.5, arrivals="730d")
    assert_share(truth["first_purchase"] >= pd.Timestamp("2024-01-01 06:00"), 1.5 / 2.5)


def test_the_pace_is_one_where_the_log_begins():
    calendar = make_calendar(shop(1, trend=1.0, history="1y"))
    assert calendar.pace[365] == 1.0
    assert calendar.pace[0] == pytest.approx(0.5, rel=0.01)
    assert make_calendar(shop(1)).pace.tolist() == [1.0] * 730


def test_events_gather_purchases_on_their_days():
    log, _ = frames(events=("11-29", "05-12"), event_factor=20.0, **STEADY)
    on_days = repeats(log)["date"].dt.strftime("%m-%d").isin(["11-29", "05-12"])
    # λ ~ Gamma(2, rate 150): a customer's second purchase of a day moves on to the next one.
    at_least_one = 1 - (150 / (150 + 20)) ** 2
    expected = 4 * at_least_one / ((726 + 4 * 20) * 2 / 150)
    assert on_days.mean() == pytest.approx(expected, rel=0.04)
    weeks = repeats(log).groupby(pd.Grouper(key="date", freq="W")).size().sort_values()
    busiest = weeks.iloc[-len(weeks) // 10 :].sum() / weeks.sum() / 0.1
    assert busiest > 1.5


def test_a_shock_multiplies_the_purchases_of_its_window():
    for seed in (5, 6):
        options = {**STEADY, "seed": seed}
        log, _ = frames(shock=0.5, shock_window="26w", **options)
        calendar = make_calendar(shop(1, shock=0.5, seed=seed))
        within = repeats(log)["date"] > pd.Timestamp("2024-12-30") - pd.Timedelta(weeks=26)
        hit = 182 * calendar.shock_factor
        assert_share(within, hit / (730 - 182 + hit))


def test_each_window_has_a_shock_of_its_own_and_the_last_one_stays():
    one = make_calendar(shop(1, shock=0.5, shock_window="26w", seed=5))
    three = make_calendar(shop(1, shock=0.5, shock_window="26w", shock_windows=3, seed=5))
    assert three.shock_factor == one.shock_factor
    np.testing.assert_array_equal(three.pace[-182:], one.pace[-182:])
    starts = [-182 * back for back in (1, 2, 3)]
    assert len({three.pace[start] for start in starts}) == 3
    for start in starts:
        assert len(set(three.pace[start : start + 182 or None])) == 1
    assert set(three.pace[: starts[-1]]) == {1.0}


def test_shocks_are_log_normal():
    logs = np.log(
        [make_calendar(shop(1, shock=0.5, seed=seed)).shock_factor for seed in range(400)]
    )
    assert abs(logs.mean()) < SIGMAS * 0.5 / 20
    assert logs.std() == pytest.approx(0.5, rel=0.15)
    assert make_calendar(shop(1)).shock_factor == 1.0


def test_a_log_that_begins_mid_life_lacks_what_was_before():
    log, truth = frames(history="2y", seed=7)
    assert log["date"].min() == pd.Timestamp("2023-01-01")
    assert truth["first_purchase"].min() == pd.Timestamp("2021-01-01")
    old = truth["first_purchase"] < pd.Timestamp("2023-01-01")
    assert_share(old, 0.5)
    assert (truth["orders"][old] == 0).mean() > 0.2
    assert (truth["orders"][~old] > 0).all()
    seen = log.groupby("customer_id")["date"].min()
    late = seen > truth.loc[seen.index, "first_purchase"]
    assert set(seen.index[late]) == set(truth.index[old & (truth["orders"] > 0)])
    # Old customers in disguise crowd the first days of the log.
    early = (seen < pd.Timestamp("2023-03-15")).mean()
    assert early > 1.5 * 73 / 730


# --- customers ----------------------------------------------------------------------------------


def test_subscribers_buy_on_schedule():
    log, truth = frames(subscriptions=0.4, subscription_gap="30d", **STEADY)
    subscribes = truth["kind"] == "subscription"
    assert_share(subscribes, 0.4)
    assert set(truth["kind"]) == {"subscription", "regular"}
    spread = gaps(log).groupby("customer_id")["gap"].agg(["mean", "std", "count"])
    spread = spread[spread["count"] >= 3]
    variation = (spread["std"] / spread["mean"]).groupby(subscribes.reindex(spread.index))
    steady = variation.apply(lambda cv: (cv < 0.25).mean())
    assert steady[True] > 0.99
    assert steady[False] < 0.2
    of_subscribers = spread["mean"][subscribes.reindex(spread.index)]
    assert of_subscribers.between(27, 33).mean() > 0.99
    assert np.allclose(truth["rate"][subscribes], 1 / 30)


def test_bursts_gather_purchases_within_days():
    def crowding(log):
        """Share of gaps below 5 % of the own mean gap, over that of a Poisson buyer."""
        found = gaps(log)
        own = found.groupby("customer_id")["gap"].agg(["mean", "count"])
        own = own[(own["mean"] >= 20) & (own["count"] >= 2)]
        found = found.join(own, on="customer_id", how="inner")
        expected = 1 - (1 - 0.05 / found["count"]) ** (found["count"] - 1)
        return (found["gap"] < 0.05 * found["mean"]).mean() / expected.mean()

    options = {**STEADY, "parameters": {"r": 2.0, "alpha": 200.0}}
    plain, _ = frames(**options)
    burst, _ = frames(bursts=0.4, **options)
    assert crowding(plain) < 1.3
    assert crowding(burst) > 3
    # Each has one purchase more and half the time a further one.
    assert len(burst) / len(plain) == pytest.approx(1 + 0.4 * 2, rel=0.03)


# --- rows ---------------------------------------------------------------------------------------


def test_returns_reduce_an_earlier_order():
    plain, _ = frames(order_ids=True, seed=8, **STEADY)
    log, truth = frames(order_ids=True, returns=0.2, seed=8, **STEADY)
    back = log[log["amount"] < 0].merge(log[log["amount"] > 0], on="order_id", suffixes=("", "_of"))
    assert len(back) == (log["amount"] < 0).sum()
    assert (back["customer_id"] == back["customer_id_of"]).all()
    assert (back["date"] > back["date_of"]).all()
    assert (-back["amount"] <= back["amount_of"]).all()
    assert not back["order_id"].duplicated().any()
    whole = -back["amount"] == back["amount_of"]
    assert 0.65 < whole.mean() < 0.75
    early = plain["date"] < pd.Timestamp("2024-09-01")
    assert_share(plain["order_id"][early].isin(back["order_id"]), 0.2)
    # The purchases are those of the shop without returns.
    kept = log[log["amount"] > 0].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, plain)
    assert truth["returned"].sum() == pytest.approx(-back["amount"].sum())


def test_a_return_may_lack_its_purchase_where_the_log_begins_later():
    log, _ = frames(history="1y", returns=0.2, order_ids=True)
    back = log[log["amount"] < 0]
    missing = ~back["order_id"].isin(log["order_id"][log["amount"] > 0])
    assert missing.any()
    assert (back["date"][missing] < pd.Timestamp("2023-04-15")).all()


def test_line_items_add_up_to_their_order():
    plain, _ = frames(order_ids=True, **STEADY)
    log, truth = frames(order_ids=True, line_items=3.0, **STEADY)
    orders = log.groupby("order_id").agg(n=("amount", "size"), amount=("amount", "sum"))
    orders = orders.loc[plain["order_id"]]
    assert ((orders["amount"] * 100).round() == (plain["amount"] * 100).round().to_numpy()).all()
    error = orders["n"].std() / np.sqrt(len(orders))
    assert abs(orders["n"].mean() - 3.0) < SIGMAS * error
    assert (log["amount"] >= 0.01).all()
    assert log.groupby("order_id")["date"].nunique().max() == 1
    assert truth["orders"].sum() == len(plain)
    # No item stands out: the first is worth as much as the last.
    first = log.groupby("order_id")["amount"].first().sum()
    assert first == pytest.approx(log.groupby("order_id")["amount"].last().sum(), rel=0.05)


def test_order_ids_name_an_order():
    log, truth = frames(order_ids=True)
    assert not log["order_id"].duplicated().any()
    assert (log["order_id"].str.rsplit("-", n=1).str[0] == log["customer_id"]).all()
    assert "order_id" not in frames(100)[0]
    assert len(log) == truth["orders"].sum()
