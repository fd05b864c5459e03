"""Causes of the difference between formula and model, added up over groups and batches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import clvmodels as clv
from clvmodels.errors import NoSpendModelError
from clvmodels.value.formula_causes import CAUSES, causes_of_base
from clvmodels.value.plug_in import take
from clvmodels.value.simple_formula import formula_of_base
from clvmodels.value.totals import ValueGroups, value_totals
from tests.shops import simulate_shop

SPEND = clv.GammaGammaModel.from_params({"p": 6.25, "q": 3.74, "gamma": 15.44}, time_unit="week")
PURCHASES = clv.BetaGeoModel.from_params(
    {"r": 0.5, "alpha": 6.0, "a": 0.8, "b": 2.4}, time_unit="week"
)


@pytest.fixture(scope="module")
def base():
    """Customers with many in each group, amounts of their own, and some of whom none is known."""
    rng = np.random.default_rng(3)
    columns = simulate_shop(np.array([0.5, 6.0, 0.8, 2.4]), 2000, 1, span=60.0)
    money = np.where(columns.frequency > 0, rng.gamma(6.0, 5.0, 2000), np.nan)
    orders = np.where(rng.random(2000) < 0.1, np.nan, rng.gamma(6.0, 5.0, 2000))
    return replace(
        columns,
        recency=np.round(columns.recency),
        age=np.round(columns.age / 20 + 1) * 20,
        monetary_value=money,
        order_value=orders,
    )


def in_batches(columns, size):
    parts = [take(columns, slice(start, start + size)) for start in range(0, len(columns), size)]
    return ValueGroups.merged([ValueGroups.of(part) for part in parts])


@pytest.mark.parametrize("costs", [{}, {"cost_per_order": 2.0, "cost_per_customer_year": 1.0}])
def test_batches_give_the_causes_of_the_customers_one_by_one(base, costs):
    value = clv.CustomerValue(PURCHASES, SPEND, margin=0.4, **costs)
    expected = clv.compare_formula(base, value, "39w")
    scorer, formula = value.scorer("39w", 0.9), formula_of_base(base, value.terms("39w"))
    groups = in_batches(base, 300)
    assert len(groups.n) < len(base) / 2
    model = value_totals(groups, scorer, 0.9).clv.expected
    causes = causes_of_base(groups, scorer, formula, model)
    assert list(causes) == list(CAUSES)
    assert sum(causes.values()) == pytest.approx(formula.value - model, rel=1e-12)
    for name, money in expected.causes["money"].items():
        assert causes[name] == pytest.approx(money, rel=1e-9, abs=1e-6 * abs(model)), name


def test_amounts_that_are_not_known_are_average(base):
    """Leaving the average in their place changes the inputs of the formula by nothing."""
    scorer = clv.CustomerValue(PURCHASES, SPEND).scorer("1y", 0.9)
    formula = formula_of_base(base, scorer.terms)
    filled = replace(
        base, order_value=np.nan_to_num(base.order_value, nan=formula.mean_order_value)
    )
    found = [causes_of_base(in_batches(each, 700), scorer, formula, 0.0) for each in (base, filled)]
    assert found[0] == pytest.approx(found[1])
    assert abs(found[0]["averaging"]) > 1.0


def test_without_a_spend_model_there_are_no_causes(base):
    scorer = clv.CustomerValue(PURCHASES, None).scorer("1y", 0.9)
    with pytest.raises(NoSpendModelError):
        causes_of_base(in_batches(base, 700), scorer, formula_of_base(base, scorer.terms), 0.0)
