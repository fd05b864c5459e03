"""A saved model knows what it learned from, and a newer log is held against that."""

import datetime as dt
import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import clvmodels as clv
from clvmodels.errors import ArtefactError, DataWarning
from clvmodels.evaluation import training_period
from clvmodels.evaluation.drift import Comparison, _variance_over_mean, find_drift
from clvmodels.evaluation.drift_gates import drift_gates, no_memory_gate
from clvmodels.evaluation.shocks import LearnedShocks, ShockWindow
from clvmodels.evaluation.training_period import TrainingPeriod
from clvmodels.simulation.shop import SimulatedShop
from clvmodels.simulation.simulate import simulate_tables
from clvmodels.storage import plain
from clvmodels.value.parameters import parameter_pairs
from clvmodels.value.shock import NO_SHOCK
from clvmodels.value.totals import ValueGroups, value_totals

DAYS = 60


def make(seed: int = 4, **options) -> pa.Table:
    shop = {"customers": 3_000, "span": "2y", "parameters": {"r": 0.8, "alpha": 40.0, "a": 0.8,
            "b": 3.0}, "spend": {"p": 5.0, "q": 4.0, "gamma": 50.0}}  # fmt: skip
    return simulate_tables(SimulatedShop(**{**shop, **options}, seed=seed))[0]


class Shop:
    """A log, models fitted some days before its end, and what they remember."""

    def __init__(self, table: pa.Table, unit: str = "day") -> None:
        self.table = table
        self.end = pc.max(table["date"]).as_py()
        self.day = self.end - dt.timedelta(days=DAYS)
        self.log = clv.read_transactions(table)
        self.then = self.log.before(self.day).summarize(time_unit=unit)
        self.purchases = clv.BetaGeoModel().fit(self.then, method="map")
        self.spend = clv.GammaGammaModel().fit(self.then, method="map")
        self.training = TrainingPeriod.of(
            self.then, self.log.first_date, self.purchases, self.spend
        )

    def drift(self, table: pa.Table | None = None, end: dt.date | None = None, **changed):
        log = self.log if table is None else clv.read_transactions(table)
        now = log.summarize(end or self.end, time_unit=self.purchases.time_unit_)
        groups = ValueGroups.of(now.columns())
        training = changed.pop("training", self.training)
        models = {"purchases": self.purchases, "spend": self.spend, "shocks": LearnedShocks()}
        return find_drift(training, groups, now.observation_end, **(models | changed))


@pytest.fixture(scope="module")
def shop() -> Shop:
    return Shop(make())


def fired(drift) -> dict[str, str]:
    return {g.name: g.level for g in drift_gates(drift) if g.level in ("amber", "red")}


# --- what a model remembers -----------------------------------------------------------------------


@pytest.mark.parametrize("unit", ["day", "week"])
def test_what_was_to_come_is_what_the_model_itself_says(shop, unit):
    known = shop if unit == "day" else Shop(shop.table, "week")
    value = clv.CustomerValue(known.purchases, known.spend, annual_discount_rate=0.0)
    groups = ValueGroups.of(known.then.columns())
    for days in (20, 90, 400):
        ahead = known.training.expected(days)
        scorer = value.scorer(f"{days}d", 0.9)
        totals = value_totals(groups, scorer, 0.9, NO_SHOCK)
        # Few ages stand for all, and days are read between others.
        assert ahead.purchases == pytest.approx(totals.purchases.expected, rel=1e-3)
        assert ahead.sd_customers == pytest.approx(totals.purchases.sd_customers, rel=1e-3)
        # A few points of what the parameters may be, and slopes at the most probable ones.
        assert ahead.sd_parameters == pytest.approx(totals.purchases.sd_parameters, rel=0.02)
        order = totals.clv.expected / totals.purchases.expected
        assert ahead.order_value == pytest.approx(order, rel=0.015)
    assert known.training.customers == len(known.then)
    assert known.training.span == (known.day - known.log.first_date).days
    for days in (-5, 0, 5_000):
        assert known.training.expected(days) is None


def test_with_every_age_for_itself_the_totals_are_exact(shop, monkeypatch):
    monkeypatch.setattr(training_period, "_AGES", 10_000)
    monkeypatch.setattr(training_period, "_DAYS", training_period._DAYS[:13])
    exact = TrainingPeriod.of(shop.then, shop.log.first_date, shop.purchases, None)
    value = clv.CustomerValue(shop.purchases, None)
    groups = ValueGroups.of(shop.then.columns())
    for days in (5, 24, 61):
        ahead = exact.expected(days)
        scorer = value.scorer(f"{days}d", 0.9)
        totals = value_totals(groups, scorer, 0.9, NO_SHOCK).purchases
        assert ahead.sd_customers == pytest.approx(totals.sd_customers, rel=1e-7)
        alive = groups.columns.weights * shop.purchases.alive(groups.columns)
        bunching = alive @ scorer.mean_square_purchases(groups.columns) / totals.expected
        assert ahead.bunching == pytest.approx(bunching, rel=1e-7)
        each = [
            model.expected_purchases(shop.then, f"{days}d").sum()
            for model, _ in parameter_pairs(shop.purchases, None, 8, by_curvature=True)
        ]
        assert ahead.purchases == pytest.approx(np.mean(each), rel=1e-9)
        assert ahead.sd_parameters == pytest.approx(np.std(each), rel=1e-7)


def test_a_base_of_many_histories_is_looked_at_by_weeks(shop, monkeypatch):
    monkeypatch.setattr(training_period, "_MOST_TRIPLES", 0)
    coarse = TrainingPeriod.of(shop.then, shop.log.first_date, shop.purchases, shop.spend)
    assert coarse.repeat_purchases == shop.training.repeat_purchases
    for days in (7, 60, 600):
        ahead, exact = coarse.expected(days), shop.training.expected(days)
        assert ahead.purchases == pytest.approx(exact.purchases, rel=5e-4)
        assert ahead.sd_customers == pytest.approx(exact.sd_customers, rel=2e-4)
        assert ahead.order_value == pytest.approx(exact.order_value, rel=1e-4)
    assert coarse != shop.training


def test_the_memory_is_saved_and_read(shop, tmp_path):
    path = tmp_path / "training.json"
    shop.training.save(path)
    assert TrainingPeriod.load(path) == shop.training
    without = TrainingPeriod.of(shop.then, shop.log.first_date, shop.purchases, None)
    without.save(path)
    assert TrainingPeriod.load(path) == without
    assert without.repeat_amount is None
    assert without.expected(30).order_value is None


@pytest.mark.parametrize(
    "change",
    [
        {"customers": "many"},
        {"customers": -1},
        {"observation_end": "soon"},
        {"days": [1.0, 2.0]},
        {"ahead": {}},
        {"ahead": None},
    ],
)
def test_a_damaged_memory_is_named(shop, tmp_path, change):
    path = tmp_path / "training.json"
    shop.training.save(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ArtefactError, match=r"training\.json is damaged"):
        TrainingPeriod.load(path)


# --- what is compared -----------------------------------------------------------------------------


def test_what_known_customers_bought_since_is_counted_exactly(shop):
    found = shop.drift()
    later = shop.log.holdout(shop.day, shop.end)
    assert found.days == DAYS
    assert found.learned_from == len(later)
    assert found.customers == len(shop.log.summarize())
    assert found.arrived == found.customers - len(later)
    assert found.goes_on
    bought, spent = (float(pc.sum(later[f"holdout_{what}"]).as_py()) for what in (
        "purchases", "amount"))  # fmt: skip
    assert found.purchases.observed == bought
    assert found.order_value.observed == pytest.approx(spent / bought, rel=1e-9)
    new = shop.log.newcomers(shop.day, shop.end)
    assert found.newcomers.observed == new[1] - new[0]
    ahead = shop.training.expected(DAYS)
    assert found.purchases.expected == ahead.purchases


def test_newcomers_are_expected_to_do_what_new_customers_do(shop):
    found = shop.drift()
    columns = shop.log.summarize().columns()
    ages = columns.age[columns.age < DAYS]
    each = [
        shop.purchases.expected_purchases_new_customer(f"{age:.0f}d") if age else 0.0
        for age in np.unique(ages)
    ]
    total = float(np.bincount(np.unique(ages, return_inverse=True)[1]) @ np.array(each))
    # Averaged over what the parameters may be.
    assert found.newcomers.expected == pytest.approx(total, rel=0.02)


def test_the_spread_of_newcomers_is_that_of_simulated_ones(shop):
    ages, draws, rng = np.array([0.0, 3.0, 40.0, 300.0, 700.0]), 200_000, np.random.default_rng(3)
    for model in (shop.purchases, clv.ModifiedBetaGeoModel().fit(shop.then, method="map")):
        theta, none, start = model.fit_.parameters, np.zeros(1, dtype=np.int64), np.zeros(1)
        counts = model.kernel.simulate_alive_counts(theta, 0, 0.0, ages, draws, rng)
        stays = rng.random(draws) < model.kernel.probability_alive(theta, none, start, start)
        bought = np.cumsum(counts, axis=1) * stays[:, None]
        found = _variance_over_mean(model, ages)
        assert found[0] == 1.0
        for count, ratio in zip(bought.T, found[1:], strict=True):
            seen, kurtosis = count.var(), ((count - count.mean()) ** 4).mean()
            error = np.sqrt((kurtosis - seen**2) / draws)
            assert abs(seen - ratio * count.mean()) < 4.0 * error


def test_a_shop_that_goes_on_is_left_alone(shop):
    assert fired(shop.drift()) == {}
    assert [gate.name for gate in drift_gates(shop.drift())] == [
        "age of the model",
        "same shop",
        "purchases since the fit",
        "new customers since the fit",
        "order value since the fit",
    ]
    assert json.dumps(plain(shop.drift().to_dict()))


def times(shop: Shop, factor: float, *, only_new: bool) -> pa.Table:
    amount = shop.table["amount"].cast(pa.float64())
    where = pc.greater(shop.table["date"], pa.scalar(shop.day if only_new else dt.date(1900, 1, 1)))
    place = shop.table.column_names.index("amount")
    amounts = pc.if_else(where, pc.multiply(amount, factor), amount)
    return shop.table.set_column(place, "amount", amounts)


def test_customers_who_buy_half_as_often_are_noticed(shop):
    ids, days = shop.table["customer_id"], shop.table["date"]
    first = shop.table.group_by("customer_id").aggregate([("date", "min")])
    at = pc.index_in(ids, first["customer_id"])
    old = pc.equal(days, first["date_min"].combine_chunks().take(at))
    rng = np.random.default_rng(0)
    stays = pc.or_(pc.or_(old, pc.less_equal(days, pa.scalar(shop.day))),
                   pa.array(rng.random(len(ids)) < 0.5))  # fmt: skip
    found = shop.drift(shop.table.filter(stays), shop.end)
    assert fired(found)["purchases since the fit"] == "amber"
    assert found.purchases.observed < found.purchases.lower
    assert "order value since the fit" not in fired(found)


def test_orders_of_twice_the_amount_are_noticed(shop):
    assert fired(shop.drift(times(shop, 2.0, only_new=True))) == {
        "order value since the fit": "amber"
    }
    assert fired(shop.drift(times(shop, 1.1, only_new=True))) == {}


@pytest.mark.parametrize(("factor", "only_new"), [(100.0, True), (100.0, False), (0.01, False)])
def test_amounts_in_another_unit_are_not_to_be_used(shop, factor, only_new):
    drift = shop.drift(times(shop, factor, only_new=only_new))
    assert fired(drift)["order value since the fit"] == "red"
    said = {gate.name: gate.evidence for gate in drift_gates(drift)}
    since = said["order value since the fit"]
    assert f"{drift.order_value.observed:,.2f}" in since
    if only_new:
        ratio = drift.order_value.observed / drift.order_value.expected
        assert 90.0 < ratio < 110.0
        assert f"{ratio:,.0f} times the" in since
    else:
        # What was bought since is then a difference of two units, but the whole log is not.
        assert ("100 times the" if factor > 1.0 else "1/100 of the") in said["same shop"]


def test_a_mean_order_in_another_unit_is_told_as_a_ratio():
    for observed, said in ((26_379.6, "530 times"), (0.498, "1/100 of"), (-5.0, "beside")):
        found = Comparison(observed, 49.81, 40.0, 60.0)
        assert (found.times, found.is_of_another_unit) == (said, True)


def test_a_model_of_another_shop_is_not_to_be_used(shop):
    other = make(9, customers=4_000, parameters={"r": 2.0, "alpha": 30.0, "a": 0.8, "b": 3.0})
    found = shop.drift(other)
    assert not found.goes_on
    assert fired(found)["same shop"] == "red"
    assert found.purchases is found.order_value is None


def test_a_model_of_a_part_of_the_customers_may_score_them_all(shop):
    some = pc.less(pc.cast(pc.utf8_slice_codeunits(pc.cast(shop.table["customer_id"], "string"),
                                                   -1), "int64"), 3)  # fmt: skip
    part = Shop(shop.table.filter(some))
    found = part.drift(shop.table, shop.end)
    assert not found.goes_on
    assert fired(found) == {}
    (gate,) = [gate for gate in drift_gates(found) if gate.name == "same shop"]
    assert "these are others" in gate.evidence


def test_old_models_and_growing_bases_are_due(shop):
    young = replace(shop.training, first_purchase=shop.day - dt.timedelta(days=DAYS - 1))
    assert fired(shop.drift(training=young)) == {"age of the model": "amber"}
    small = shop.drift()
    assert fired(replace(small, arrived=small.customers // 2, learned_from=small.customers // 2))[
        "age of the model"
    ] == "amber"  # fmt: skip


def test_the_same_day_and_earlier_days_have_nothing_to_compare(shop):
    same = shop.drift(end=shop.day)
    assert (same.days, same.arrived) == (0, 0)
    assert [gate.level for gate in drift_gates(same)] == ["green", "green"]
    earlier = shop.drift(end=shop.day - dt.timedelta(days=90))
    assert {gate.name: gate.level for gate in drift_gates(earlier)} == {
        "age of the model": "grey",
        "same shop": "green",
    }
    assert no_memory_gate().level == "grey"


def test_a_log_without_money_has_no_order_value(shop):
    training = TrainingPeriod.of(shop.then, shop.log.first_date, shop.purchases, None)
    table = shop.table.drop_columns(["amount"])
    with pytest.warns(DataWarning, match="no amounts"):
        found = shop.drift(table, spend=None, training=training)
    assert found.order_value is found.base_order_value is None
    assert fired(found) == {}


def test_the_bounds_follow_what_earlier_windows_missed(shop):
    day = dt.date(2024, 1, 1)
    calm = tuple(ShockWindow.of(day, day, 9, (100.0, 900.0), (100.0, 900.0)) for _ in range(3))
    wild = tuple(ShockWindow.of(day, day, 9, (100.0, 900.0), (50.0, 1_800.0)) for _ in range(3))
    widths = []
    for windows in (calm, (), wild):
        found = shop.drift(shocks=LearnedShocks.of_windows(windows, "60d"))
        widths.append((found.purchases.upper, found.order_value.upper, found.newcomers.upper))
    assert all(np.diff(np.array(widths), axis=0).ravel() > 0.0)


def test_bounds_leave_room_for_chance_and_for_shocks():
    alone = Comparison.of(100.0, 100.0, 10.0, NO_SHOCK)
    assert np.log(alone.upper / 100.0) == pytest.approx(2.5758 * np.sqrt(np.log1p(0.01)), rel=1e-4)
    assert alone.lower == pytest.approx(100.0**2 / alone.upper)
    shocks = LearnedShocks().purchases
    both = Comparison.of(100.0, 100.0, 0.0, shocks)
    assert both.upper / 100.0 == pytest.approx(shocks.factor(0.9))
