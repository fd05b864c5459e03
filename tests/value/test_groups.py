"""Totals by label and the path ahead: they agree with the total of the base."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import clvmodels as clv
from clvmodels.errors import InputError, ParameterError, UndiscountedLifetimeError
from clvmodels.value.plug_in import take
from clvmodels.value.shock import NO_SHOCK
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
    known = clv.CustomerValue(
        clv.BetaGeoModel.from_params(
            dict(zip(["r", "alpha", "a", "b"], THETA, strict=True)), time_unit="week"
        ),
        clv.GammaGammaModel.from_params({"p": 6.25, "q": 3.74, "gamma": 15.44}, time_unit="week"),
    )
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
