"""What histories decide is worked out once for each, and every customer gets their own."""

from __future__ import annotations

import numpy as np
import pytest

import clvmodels as clv
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.value.histories import HistoryIndex, HistoryScores
from clvmodels.value.plug_in import take

BG = {"r": 0.7, "alpha": 30.0, "a": 0.8, "b": 2.5}
GG = {"p": 4.0, "q": 6.0, "gamma": 40.0}


def base(unit="day", size=2_000):
    rng = np.random.default_rng(3)
    per_unit = 7.0 if unit == "week" else 1.0
    x = rng.integers(0, 6, size)
    days = rng.integers(20, 80, size)
    recency = np.where(x > 0, rng.integers(1, 20, size), 0)
    money = np.where(x > 0, rng.gamma(2.0, 10.0, size) * (rng.random(size) > 0.05), np.nan)
    orders = rng.gamma(2.0, 10.0, size)
    return CustomerColumns(x, recency / per_unit, days / per_unit, money, unit, order_value=orders)


@pytest.mark.parametrize("unit", ["day", "week"])
def test_every_history_is_found(unit):
    columns = base(unit)
    triples = columns.triples()
    places = HistoryIndex(triples).find(columns)
    for name in ("frequency", "recency", "age"):
        assert (getattr(triples, name)[places] == getattr(columns, name)).all()


def test_a_history_of_nobody_is_nowhere():
    columns = base()
    triples = take(columns, slice(0, 100)).triples()
    known = set(zip(triples.frequency, triples.recency, triples.age, strict=True))
    keys = zip(columns.frequency, columns.recency, columns.age, strict=True)
    found = HistoryIndex(triples).find(columns) < len(triples)
    assert found.tolist() == [key in known for key in keys]
    assert 0 < found.sum() < len(columns)


def test_no_customers_have_no_histories():
    nobody = take(base(), slice(0, 0))
    assert len(HistoryIndex(nobody.triples()).find(nobody)) == 0


def scorer(horizon, *, spend=True, **terms):
    value = clv.CustomerValue(
        clv.BetaGeoModel.from_params(BG, time_unit="day"),
        clv.GammaGammaModel.from_params(GG, time_unit="day") if spend else None,
        margin=0.4,
        **terms,
    )
    return value.scorer(horizon, 0.9)


@pytest.mark.parametrize(
    ("horizon", "terms"),
    [
        ("1y", {}),
        ("1y", {"spend": False}),
        ("26w", {"cost_per_customer_year": 2.0}),
        ("2y", {}),
        ("lifetime", {}),
    ],
)
def test_scores_are_those_of_the_customers(horizon, terms):
    columns = take(base(), slice(0, 2_000 if horizon in ("1y", "26w") else 60))
    plain, triples = scorer(horizon, **terms), columns.triples()
    histories = HistoryScores.of(scorer(horizon, **terms), triples)
    assert histories is not None
    found = histories.score(columns, HistoryIndex(triples).find(columns))
    for name, expected in plain.score(columns).items():
        np.testing.assert_allclose(found[name], expected, rtol=1e-13, err_msg=name)


def test_costs_of_orders_leave_no_common_distribution():
    assert HistoryScores.of(scorer("1y", cost_per_order=1.0), base().triples()) is None
