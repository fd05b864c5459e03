"""Totals by label and the path ahead: they agree with the total of the base."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import clvmodels as clv
from clvmodels.errors import InputError, ParameterError, UndiscountedLifetimeError
from clvmodels.value.plug_in import take
from clvmodels.value.shock import ASSUMED, NO_SHOCK
from tests.shops import simulate_shop

THETA = np.array([0.243, 4.414, 0.793, 2.426])


@pytest.fixture(scope="module")
def shop():
    return simulate_shop(THETA, 400, seed=3, spend=(6.25, 3.74, 15.44))


@pytest.fixture(scope="module")
def value(shop):
    return clv.CustomerValue(
        clv.BetaGeoModel().fit(shop, method="map"), clv.GammaGammaModel().fit(shop, method="map")
    )


def known_parameters() -> clv.CustomerValue:
    return clv.CustomerValue(
        clv.BetaGeoModel.from_params(
            dict(zip(["r", "alpha", "a", "b"], THETA, strict=True)), time_unit="week"
        ),
        clv.GammaGammaModel.from_params({"p": 6.25, "q": 3.74, "gamma": 15.44}, time_unit="week"),
    )


@pytest.fixture(scope="module")
def labels(shop):
    return np.where(shop.frequency > 1, "loyal", "other")


def test_groups_make_up_the_total(value, shop, labels):
    table = value.totals_by(shop, labels, "1y").to_pandas()
    total = value.total(shop, "1y")
    assert list(table.index) == ["loyal", "other", "total"]
    assert table["customers"].tolist()[2] == 400
    for name in ("purchases", "clv"):
        whole = getattr(total, name)
        parts = table[name].iloc[:2].sum()
        assert table[name].iloc[2] == pytest.approx(parts)
        assert parts == pytest.approx(whole.expected, rel=0.01)
        assert table[f"{name}_lower"].iloc[2] == pytest.approx(whole.lower, rel=0.04)
        assert table[f"{name}_upper"].iloc[2] == pytest.approx(whole.upper, rel=0.04)


def test_groups_rise_and_fall_together(value, shop, labels):
    shaken = value.totals_by(shop, labels, "1y").clv
    calm = value.totals_by(shop, labels, "1y", shock=NO_SHOCK).clv
    assert np.corrcoef(shaken.draws.T)[0, 1] > 0.6
    assert np.corrcoef(calm.draws.T)[0, 1] < np.corrcoef(shaken.draws.T)[0, 1]
    assert (np.diag(calm.covariance) < np.diag(shaken.covariance)).all()
    both = calm.sd_parameters**2 + calm.sd_customers**2
    np.testing.assert_allclose(np.diag(calm.covariance), both, rtol=0.06)


def test_labels_may_be_missing_or_wrong(value, shop, labels):
    some = pd.Series(labels, dtype=object).where(np.arange(400) > 9, None)
    found = value.totals_by(shop, some, "13w")
    assert found.labels == ("loyal", "other", None)
    assert found.customers[2] == 10
    with pytest.raises(InputError, match="3 labels for 400 customers"):
        value.totals_by(shop, ["a", "b", "c"])
    few = value.totals_by(take(shop, slice(0, 20)), labels[:20], "lifetime")
    assert few.purchases is None
    assert (few.clv.expected > 0.0).all()


def test_draws_of_the_total_have_the_delta_methods_spread(value, shop):
    draws = value.total_draws(shop, "1y", draws=64)
    total = value.total(shop, "1y")
    for name in ("active", "purchases", "clv"):
        assert draws[name].mean() == pytest.approx(getattr(total, name).expected, rel=0.02)
        spread = getattr(total, name).sd_parameters
        assert draws[name].std() == pytest.approx(spread, rel=0.1)


@pytest.mark.parametrize(("every", "periods"), [("week", 53), ("month", 12)])
def test_the_path_ends_at_the_total(value, shop, every, periods):
    path, total = value.path(shop, "1y", every), value.total(shop, "1y")
    assert len(path) == periods
    assert path["day"].iloc[-1] == 365.25
    for name, whole in (("purchases", total.purchases), ("value", total.clv)):
        np.testing.assert_allclose(path[name].cumsum(), path[f"cumulative_{name}"])
        last = path.iloc[-1]
        assert last[f"cumulative_{name}"] == pytest.approx(whole.expected, rel=0.01)
        assert last[f"cumulative_{name}_upper"] == pytest.approx(whole.upper, rel=0.02)
        assert (path[f"{name}_lower"] < path[name]).all()
        assert (path[f"{name}_upper"] > path[name]).all()


def test_the_path_passes_through_shorter_horizons(shop):
    known = known_parameters()
    path = known.path(shop, "1y", "week")
    for week in (1, 13, 40):
        near = known.total(shop, f"{week}w")
        here = path.loc[week]
        assert here["cumulative_purchases"] == pytest.approx(near.purchases.expected, rel=1e-4)
        assert here["cumulative_value"] == pytest.approx(near.clv.expected, rel=1e-4)


def test_the_path_refuses_what_has_no_end(value, shop):
    with pytest.raises(UndiscountedLifetimeError):
        value.path(shop, "lifetime")
    with pytest.raises(ParameterError, match="'week' or 'month'"):
        value.path(shop, "1y", "day")


def test_labels_find_their_customers(value, shop, labels):
    frame = pd.DataFrame(
        {
            "frequency": shop.frequency,
            "recency": shop.recency,
            "T": shop.age,
            "monetary_value": shop.monetary_value,
            "label": labels,
        },
        index=[f"c{i}" for i in range(len(shop))],
    )
    wanted = value.totals_by(shop, labels, "13w").to_pandas()
    for given in (frame["label"], frame["label"].sample(frac=1.0, random_state=1)):
        found = value.totals_by(frame, given, "13w")
        pd.testing.assert_frame_equal(found.to_pandas(), wanted)
    assert "90% intervals" in repr(found)
    assert "loyal" in found._repr_html_()
    with pytest.raises(InputError, match="other ids"):
        value.totals_by(frame, frame["label"].iloc[1:], "13w")
    with pytest.raises(InputError, match="single column"):
        value.totals_by(frame, np.column_stack([labels, labels]), "13w")
    with pytest.raises(ParameterError, match="draws"):
        value.total_draws(shop, draws=0)
    # Rows that were picked from a frame with ids of its own are in order already.
    some = frame.assign(customer_id=frame.index).reset_index(drop=True)[frame["T"].to_numpy() > 80]
    assert value.totals_by(some, some["label"], "13w").customers.sum() == len(some)


def test_the_sum_of_groups_varies_like_the_total(value, shop):
    """Parameters move groups together: their covariances belong to the variance of the sum.

    In a large base, where parameters are most of what is not known.
    """
    shop = replace(shop, weight=np.full(len(shop), 100.0))
    labels = np.where(np.arange(len(shop)) % 2, "odd", "even")
    found, total = value.totals_by(shop, labels, "1y", shock=NO_SHOCK), value.total(shop, "1y")
    for joint, whole in ((found.purchases, total.purchases), (found.clv, total.clv)):
        variance = whole.sd_parameters**2 + whole.sd_customers**2
        assert joint.draws.sum(axis=1).var() == pytest.approx(variance, rel=0.12)
        np.testing.assert_allclose((joint.sd_customers**2).sum(), whole.sd_customers**2, rtol=1e-6)


def test_costs_and_weights_enter_groups_as_they_enter_totals(value, shop, labels):
    dear = replace(value, cost_per_customer_year=3.0, margin=0.6)
    groups = dear.totals_by(shop, labels, "1y", shock=NO_SHOCK).clv
    total = dear.total(shop, "1y").clv
    gross = total.expected + dear.terms("1y").fixed_cost * len(shop)
    # Averaged over points of the posterior, where the total takes the mode.
    assert groups.expected.sum() == pytest.approx(total.expected, abs=0.01 * gross)
    assert groups.draws.sum(axis=1).mean() == pytest.approx(total.expected, abs=0.02 * gross)
    once = value.totals_by(shop, labels, "13w")
    thrice = value.totals_by(replace(shop, weight=np.full(len(shop), 3.0)), labels, "13w")
    assert (thrice.customers == 3 * once.customers).all()
    for one, three in ((once.purchases, thrice.purchases), (once.clv, thrice.clv)):
        np.testing.assert_allclose(three.expected, 3.0 * one.expected)
        np.testing.assert_allclose(three.sd_parameters, 3.0 * one.sd_parameters)
        np.testing.assert_allclose(three.sd_customers, 3.0**0.5 * one.sd_customers)


def test_bands_of_the_path_are_those_of_simulated_bases(shop):
    """With known parameters and no shock: what customers do, each week and by then."""
    known, few, repeats = known_parameters(), take(shop, slice(0, 200)), 400
    path = known.path(few, "1y", "week", shock=NO_SHOCK)
    frame = pd.DataFrame({"frequency": few.frequency, "recency": few.recency, "T": few.age})
    many = pd.concat([frame] * repeats, ignore_index=True)
    log = known.purchases.simulate_future(many, "1y", seed=4)
    week = np.ceil(log["time"].to_numpy()).astype(int)
    base = log["customer_id"].to_numpy() // len(frame)
    counts = np.histogram2d(base, week, bins=[np.arange(repeats + 1), np.arange(1, 55)])[0]
    for name, drawn in (("purchases", counts), ("cumulative_purchases", counts.cumsum(axis=1))):
        for at in (2, 13, 30, 52):
            low, expected, high = path.loc[at, [f"{name}_lower", name, f"{name}_upper"]]
            sd = expected * np.sqrt(np.expm1((np.log(high / low) / (2.0 * 1.6449)) ** 2))
            assert drawn[:, at - 1].mean() == pytest.approx(expected, rel=0.03 + 0.3 / expected)
            assert sd == pytest.approx(drawn[:, at - 1].std(), rel=0.12), (name, at)


def test_a_shock_widens_every_period_of_the_path(shop):
    known = known_parameters()
    calm, shaken = (known.path(shop, "1y", "month", shock=shock) for shock in (NO_SHOCK, ASSUMED))
    for name in ("purchases", "cumulative_purchases", "value", "cumulative_value"):
        for path, factor in ((calm, 1.0), (shaken, ASSUMED.factor(0.9))):
            widest = np.log(path[f"{name}_upper"] / path[name])
            own = np.log(calm[f"{name}_upper"] / calm[name])
            np.testing.assert_allclose(widest, np.hypot(own, np.log(factor)), rtol=1e-9)
