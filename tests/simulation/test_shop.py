"""The configuration of a shop: frozen, with sensible defaults and bounds that say what is wrong."""

from __future__ import annotations

import dataclasses
import json
from datetime import date

import pytest

from clvmodels.errors import ClvError, ConfigurationError
from clvmodels.models import PURCHASE_MODELS
from clvmodels.simulation.from_text import shop_from_text
from clvmodels.simulation.shop import SimulatedShop
from clvmodels.storage import plain
from tests.simulation.logs import MESSY, shop


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"customers": 0}, "customers is 0; it must be a whole number of at least 1"),
        ({"customers": 1.5}, "customers is 1.5; it must be a whole number"),
        ({"customers": True}, "customers is True; it must be a whole number"),
        ({"seed": -1}, "seed is -1; it must be a whole number of at least 0"),
        ({"model": "pareto"}, "model is 'pareto'; it must be one of bgnbd, mbgnbd"),
        ({"parameters": {"r": 1.0}}, "exactly r, alpha, a, b"),
        ({"parameters": {}}, "exactly r, alpha, a, b"),
        ({"model": "nbd", "parameters": {"r": 1.0, "alpha": -1.0}}, "alpha is -1.0"),
        ({"spend": {"p": 6.0, "q": 0.9, "gamma": 15.0}}, "the mean spend does not exist"),
        ({"time_unit": "month"}, "'day' or 'week'"),
        ({"span": "2"}, "'2' is not a duration"),
        ({"span": "0.2d"}, "span is '0.2d'; it must be at least a day"),
        ({"span": "lifetime"}, "span is 'lifetime'; it must be at least a day and at most 100y"),
        ({"history": "101y"}, "history is '101y'"),
        ({"arrivals": "3y"}, "arrivals is '3y'; it must be at least a day and at most 730d"),
        ({"start": date(1, 1, 1), "history": "1y"}, "start is '0001-01-01'"),
        ({"start": date(9999, 1, 1)}, "start is '9999-01-01'"),
        ({"season": 1.0}, "season is 1.0; it must be at least 0 and below 1"),
        ({"season": float("nan")}, "season is nan"),
        ({"season": "0.5"}, "season is '0.5'"),
        ({"season_peak": "02-30"}, "season_peak is '02-30'"),
        ({"season_peak": "W50"}, "season_peak is 'W50'"),
        ({"events": ("24.12.",)}, "events is '24.12.'; it must be a month and a day such as"),
        ({"event_factor": 0.0}, "event_factor is 0.0; it must be above 0"),
        ({"trend": -1.0}, "trend is -1.0; it must be between -0.99 and 10"),
        ({"shock": -0.1}, "shock is -0.1"),
        ({"shock": 0.1, "shock_window": "3y"}, "shock_window is '3y'"),
        ({"shock_windows": 0}, "shock_windows is 0; it must be a whole number from 1"),
        ({"subscriptions": 1.1}, "subscriptions is 1.1; it must be a share between 0 and 1"),
        ({"subscription_gap": "lifetime"}, "subscription_gap is 'lifetime'"),
        ({"bursts": -0.1}, "bursts is -0.1"),
        ({"returns": 2}, "returns is 2"),
        ({"line_items": 0.5}, "line_items is 0.5; it must be between 1 and 100"),
        ({"dirt": 1.0}, "dirt is 1.0; it must be a share of at least 0 and below 1"),
    ],
)
def test_what_cannot_be_is_refused_when_the_shop_is_made(options, told):
    with pytest.raises(ConfigurationError) as caught:
        SimulatedShop(**({"customers": 10} | options))
    assert told in str(caught.value)


def test_a_shop_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        shop().seed = 1


def test_a_short_log_needs_no_shock_window():
    assert shop(span="10w").days == 70


@pytest.mark.parametrize("model", PURCHASE_MODELS)
def test_defaults_do_not_depend_on_the_time_unit(model):
    made = [shop(1, model=model, time_unit=unit).purchase_model() for unit in ("day", "week")]
    expected = [each.expected_purchases_new_customer("1y") for each in made]
    assert expected[0] == pytest.approx(expected[1], rel=1e-9)
    assert 0.5 < expected[0] < 2.5
    assert shop(1).spend_model().mean_spend_ == pytest.approx(50.0)


def test_days_of_the_shop_and_of_its_log():
    given = shop(start=date(2024, 3, 1), span="1y", history="10d")
    assert given.opening == 10
    assert given.days == 375
    assert given.first_day == date(2024, 2, 20)
    assert given.last_day == date(2025, 2, 28)


def test_a_shop_tells_itself_with_the_parameters_in_use():
    told = plain(shop(12, **MESSY).to_dict())
    assert set(told) == {field.name for field in dataclasses.fields(SimulatedShop)}
    assert told["parameters"]["r"] == 1.0
    assert told["start"] == "2023-01-01"
    json.dumps(told, allow_nan=False)


def test_text_becomes_the_same_shop():
    typed = {
        "parameters": "r=1, alpha=90.5,a=.5,b=2",
        "spend": "p=6,q=4,gamma=15",
        "start": "2024-02-29",
        "events": "11-29, 12-24",
        "season": 0.3,
        "order_ids": True,
        "span": None,
    }
    made = SimulatedShop(
        customers=7,
        parameters={"r": 1.0, "alpha": 90.5, "a": 0.5, "b": 2.0},
        spend={"p": 6.0, "q": 4.0, "gamma": 15.0},
        start=date(2024, 2, 29),
        events=("11-29", "12-24"),
        season=0.3,
        order_ids=True,
    )
    assert shop_from_text(7, typed) == made


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("parameters", "1,2,3"),
        ("parameters", "r=one"),
        ("parameters", "r=1=2"),
        ("parameters", ""),
        ("spend", "p"),
        ("start", "20230101"),
        ("start", "2023-02-29"),
        ("events", ""),
        ("events", "11-29,"),
    ],
)
def test_text_that_cannot_be_read(name, text):
    with pytest.raises(ClvError, match=rf"^{name} is "):
        shop_from_text(7, {name: text})
