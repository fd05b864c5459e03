"""Gamma-Gamma against its row in `golden.json`: tight, and as published."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import clvmodels as clv
from tests.golden.figures import GOLDEN, all_as_printed, as_printed, numbers

FIGURES = GOLDEN["spend"]["gamma_gamma"]


def test_repeat_orders(spend):
    golden = FIGURES["repeat_orders"]
    assert spend.params_ == all_as_printed(golden["estimates"])
    assert spend.params_ == all_as_printed(golden["published"])
    assert spend.log_likelihood_ == as_printed(golden["log_likelihood"])
    assert spend.mean_spend_ == as_printed(golden["mean_spend"])


def test_expected_spend_of_the_first_ten_customers(spend, customers):
    expected = spend.expected_spend(customers).sort_index().iloc[:10]
    assert list(expected.index) == [f"{i:04d}" for i in range(1, 11)]
    for got, printed in zip(expected, FIGURES["first_ten_customers"], strict=True):
        assert got == as_printed(printed)


def test_expected_spend_at_the_estimates():
    estimates = numbers(FIGURES["repeat_orders"]["estimates"])
    model = clv.GammaGammaModel.from_params(estimates, time_unit="week")
    for row in FIGURES["conditional"]:
        got = model.spend(np.array([row["x"]]), np.array([row["m"]]))
        assert got[0] == as_printed(row["value"])


def test_all_orders_the_first_included(customers):
    """x + 1 orders and the mean of all; customers who never spent anything are left out."""
    golden = FIGURES["all_orders"]
    frame = customers.to_pandas()
    assert (frame["order_value"] <= 0.0).sum() == golden["customers_left_out"]
    orders = pd.DataFrame(
        {
            "frequency": frame["frequency"] + 1,
            "recency": frame["recency"] + 1.0,
            "T": frame["T"] + 1.0,
            "monetary_value": frame["order_value"],
        }
    )
    model = clv.GammaGammaModel().fit(orders, time_unit="week", method="mle")
    assert model.params_ == all_as_printed(golden["estimates"])
    elsewhere = numbers(golden["estimates_of_r_packages"])
    assert model.params_ == pytest.approx(elsewhere, rel=1e-5)
    assert model.log_likelihood_ == as_printed(golden["log_likelihood"])
