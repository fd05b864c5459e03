"""Costs of single customers, taken off scores and totals."""

import numpy as np
import pyarrow as pa
import pytest

import clvmodels as clv
from clvmodels.errors import ConfigurationError, InputError
from clvmodels.units import discounted_years
from clvmodels.value.customer_costs import (
    CHARGED,
    charge,
    charge_totals,
    parsed_costs,
    present_cost,
    yearly_costs,
)

PARAMETERS = {"r": 0.5, "alpha": 60.0, "a": 0.5, "b": 2.5}
BUYERS = clv.BetaGeoModel.from_params(PARAMETERS, time_unit="day")
SPEND = clv.GammaGammaModel.from_params({"p": 5.0, "q": 4.0, "gamma": 60.0}, time_unit="day")


def summary_of(costs):
    ids = [f"c{number}" for number in range(4)]
    days = ["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01"]
    log = pa.table(
        {"customer_id": ids * 2, "date": days + ["2024-06-01"] * 4, "amount": [30.0] * 8}
    )
    summary = clv.read_transactions(log).summarize("2024-12-31")
    return summary.with_labels(pa.table({"customer_id": ids, "service": costs}))


def test_a_cost_of_everybody_is_the_same_as_one_of_each():
    summary = summary_of(["12", "12.0", "1.2e1", "12"])
    own = clv.CustomerValue(BUYERS, SPEND, margin=0.5)
    common = clv.CustomerValue(BUYERS, SPEND, margin=0.5, cost_per_customer_year=12.0)
    costs = yearly_costs(summary, "service")
    for horizon in ("1y", "lifetime"):
        scorer = own.scorer(horizon, 0.9)
        charged = charge(scorer.score(summary.columns()), costs, scorer.terms)
        wanted = common.scorer(horizon, 0.9).score(summary.columns())
        for name, values in wanted.items():
            np.testing.assert_allclose(charged[name], values, rtol=1e-12, err_msg=name)
        cost = present_cost(costs, scorer.terms)
        totals = charge_totals(own.total(summary, horizon), cost)
        other = common.total(summary, horizon)
        for total, same in (
            (totals.clv, other.clv),
            (totals.potential_value, other.potential_value),
        ):
            for side in ("expected", "lower", "upper"):
                assert getattr(total, side) == pytest.approx(getattr(same, side))
        assert totals.purchases == other.purchases


def test_each_pays_their_own_and_who_has_none_pays_nothing():
    costs = yearly_costs(summary_of(["5", None, "", "0"]), "service")
    assert costs.tolist() == [5.0, 0.0, 0.0, 0.0]
    terms = clv.CustomerValue(BUYERS, SPEND).terms("2y")
    years = discounted_years(terms.horizon, 0.10)
    assert present_cost(costs, terms) == pytest.approx(5.0 * years)
    scores = {name: np.full(4, 100.0) for name in (*CHARGED, "clv_simple_formula")}
    charged = charge(scores, costs, terms)
    assert charged["clv_median"].tolist() == [100.0 - 5.0 * years, 100.0, 100.0, 100.0]
    assert charged["clv_simple_formula"].tolist() == [100.0] * 4


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "=1+1", "1,5", "twelve", "x" * 500])
def test_what_is_no_cost_is_named(text):
    with pytest.raises(InputError, match="1 customers have a 'service' that is no yearly") as told:
        parsed_costs(pa.array(["1", text]), "service")
    assert len(str(told.value)) < 250


def test_a_label_that_is_not_there_is_named():
    with pytest.raises(ConfigurationError, match="no such label; there is 'service'"):
        yearly_costs(summary_of(["1", "1", "1", "1"]), "costs")


def test_totals_without_money_stay_without():
    totals = clv.CustomerValue(BUYERS, None).total(summary_of(["1", "1", "1", "1"]))
    assert charge_totals(totals, 5.0).clv is None
