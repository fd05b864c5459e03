"""The simple formula, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

import clvmodels as clv
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import Duration
from clvmodels.value.simple_formula import (
    formula_of_base,
    formula_of_sums,
    formula_sums,
    simple_formula_per_customer,
)
from clvmodels.value.terms import ValueTerms

# Four orders of 25 over two years; one order of 40 half a year ago.
CUSTOMERS = CustomerColumns(
    frequency=np.array([3, 0]),
    recency=np.array([600.0, 0.0]),
    age=np.array([730.5, 182.625]),
    monetary_value=np.array([20.0, np.nan]),
    order_value=np.array([25.0, 40.0]),
    time_unit="day",
)


def test_per_customer_by_hand():
    terms = ValueTerms(Duration.parse("3y"), margin=0.5)
    # 25 x 4 orders / 2 years x 3 years x .5, and 40 x 1 order / 1 year (at least) x 3 x .5
    np.testing.assert_allclose(simple_formula_per_customer(CUSTOMERS, terms), [75.0, 60.0])


def test_base_by_hand():
    formula = formula_of_base(CUSTOMERS, ValueTerms(Duration.parse("3y"), margin=0.5))
    assert formula.mean_order_value == pytest.approx((4 * 25 + 40) / 5)
    assert formula.orders_per_year == pytest.approx((2 + 1) / 2)
    assert formula.value_per_customer == pytest.approx(28 * 1.5 * 3 * 0.5)
    assert formula.value == pytest.approx(2 * 28 * 1.5 * 3 * 0.5)
    assert formula.customers == 2


def test_sums_add_up_over_batches():
    terms = ValueTerms(Duration.parse("1y"))
    one = formula_sums(CUSTOMERS)
    assert formula_of_sums(one + one, terms).value == pytest.approx(
        2 * formula_of_base(CUSTOMERS, terms).value
    )


def test_weeks_give_what_days_give():
    weeks = CustomerColumns(
        CUSTOMERS.frequency,
        CUSTOMERS.recency / 7,
        CUSTOMERS.age / 7,
        CUSTOMERS.monetary_value,
        "week",
        order_value=CUSTOMERS.order_value,
    )
    terms = ValueTerms(Duration.parse("1y"))
    np.testing.assert_allclose(
        simple_formula_per_customer(weeks, terms), simple_formula_per_customer(CUSTOMERS, terms)
    )


def test_repeat_mean_stands_in_where_orders_are_not_known():
    from dataclasses import replace

    bare = replace(CUSTOMERS, order_value=None)
    per_customer = simple_formula_per_customer(bare, ValueTerms(Duration.parse("1y")))
    assert per_customer[0] == pytest.approx(20.0 * 2)
    assert np.isnan(per_customer[1])


def test_cdnow_base_from_its_log():
    log = clv.load_cdnow("sample")
    customers = log.summarize("1998-06-30", time_unit="week")
    frame = customers.to_pandas()
    models = (
        clv.BetaGeoModel.from_params({"r": 0.2, "alpha": 4, "a": 0.8, "b": 2.4}, time_unit="week"),
        clv.GammaGammaModel.from_params({"p": 6, "q": 4, "gamma": 15}, time_unit="week"),
    )
    formula = clv.CustomerValue(*models).simple_formula(customers, "1y")
    orders = frame["frequency"] + 1
    assert formula.mean_order_value == pytest.approx(
        (frame["order_value"] * orders).sum() / orders.sum()
    )
    years = np.maximum(frame["T"] * 7 / 365.25, 1.0)
    assert formula.orders_per_year == pytest.approx((orders / years).mean())
