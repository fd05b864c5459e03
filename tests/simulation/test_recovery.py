"""What a shop was made with is what the models find in its log."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from clvmodels.errors import DataWarning
from clvmodels.models import PURCHASE_MODELS, GammaGammaModel
from clvmodels.simulation.shop import SimulatedShop
from clvmodels.simulation.simulate import simulate_log
from clvmodels.transactions import read_transactions
from tests.simulation.logs import SIGMAS

PER_DAY = {"r": 0.8, "alpha": 60.0, "a": 0.6, "b": 3.0}
SHOPS = {
    "bgnbd": {"parameters": PER_DAY},
    "mbgnbd": {"parameters": PER_DAY},
    "nbd": {"parameters": {"r": 0.7, "alpha": 20.0}, "time_unit": "week"},
    "pareto_nbd": {
        "parameters": {"r": 0.9, "alpha": 10.0, "s": 0.7, "beta": 15.0},
        "time_unit": "week",
    },
}


def deviations(fitted, true: dict[str, float]) -> pd.Series:
    """Estimate minus truth, in standard errors."""
    return (pd.Series(fitted.params_) - pd.Series(true)) / pd.Series(fitted.standard_errors_)


def refit(path, shop):
    simulate_log(shop, path)
    with warnings.catch_warnings():
        # Two purchases of a day can have the same amount by chance.
        warnings.simplefilter("ignore", DataWarning)
        log = read_transactions(path)
    assert log.first_date >= shop.start
    customers = log.summarize(shop.last_day, time_unit=shop.time_unit)
    assert len(customers) == shop.customers
    purchases = PURCHASE_MODELS[shop.model]().fit(customers, method="mle")
    return purchases, GammaGammaModel().fit(customers, method="mle")


def assert_recovered(path, shop):
    purchases, spend = refit(path, shop)
    found = pd.concat(
        [
            deviations(purchases, shop.purchase_model().params_),
            deviations(spend, shop.spend_model().params_),
        ]
    )
    assert (found.abs() < SIGMAS).all(), found


def test_every_model_has_a_shop():
    assert set(SHOPS) == set(PURCHASE_MODELS)


@pytest.mark.parametrize("model", SHOPS)
def test_parameters_are_recovered(tmp_path, model):
    shop = SimulatedShop(customers=12_000, model=model, seed=1, **SHOPS[model])
    assert_recovered(tmp_path / "log.parquet", shop)


@pytest.mark.parametrize("model", PURCHASE_MODELS)
def test_defaults_are_recovered(tmp_path, model):
    shop = SimulatedShop(customers=12_000, model=model, seed=5)
    assert_recovered(tmp_path / "log.csv", shop)


@pytest.mark.parametrize("model", ["bgnbd", "mbgnbd", "nbd"])
def test_parameters_are_recovered_on_the_clock_of_a_season(model):
    """Whoever knows the pace and reads time on its clock finds the parameters again."""
    from clvmodels.simulation.calendar import make_calendar
    from clvmodels.simulation.customers import draw_customers

    shop = SimulatedShop(
        customers=4_096, model=model, season=0.8, trend=0.5, events=("11-29",), seed=3
    )
    calendar = make_calendar(shop)
    rows = []
    for block in range(3):
        customers, orders = draw_customers(shop, calendar, block)
        shown = calendar.to_clock(orders.time)
        begun = calendar.to_clock(customers.first)
        last = pd.Series(shown).groupby(orders.owner).max().to_numpy()
        rows.append(
            pd.DataFrame(
                {
                    "frequency": np.bincount(orders.owner) - 1,
                    "recency": last - begun,
                    "T": calendar.clock[-1] - begun,
                    "monetary_value": np.nan,
                }
            )
        )
    fitted = PURCHASE_MODELS[model]().fit(pd.concat(rows), time_unit="day", method="mle")
    found = deviations(fitted, shop.purchase_model().params_)
    assert (found.abs() < SIGMAS).all(), found


@pytest.mark.slow
@pytest.mark.parametrize("model", SHOPS)
def test_parameters_of_large_shops_are_recovered(tmp_path, model):
    """Rounding to days and cents stays below the standard errors of 100,000 customers."""
    shop = SimulatedShop(customers=100_000, model=model, seed=4)
    assert_recovered(tmp_path / "log.parquet", shop)


@pytest.mark.slow
@pytest.mark.parametrize("model", SHOPS)
def test_deviations_over_many_shops_are_standard(tmp_path, model):
    """The mean deviation of an estimate is near 0 and its spread near 1."""
    found = []
    for seed in range(30):
        shop = SimulatedShop(customers=6_000, model=model, seed=seed, **SHOPS[model])
        purchases, _ = refit(tmp_path / "log.parquet", shop)
        found.append(deviations(purchases, shop.purchase_model().params_))
    table = pd.DataFrame(found)
    assert (table.mean().abs() < SIGMAS / np.sqrt(30) + 0.2).all(), table.mean()
    assert table.std().between(0.5, 1.6).all(), table.std()
