"""The economic figures of a job, and how they become terms of value."""

import pytest
from pydantic import ValidationError

import clvmodels as clv
from clvmodels.config.economics import EconomicsConfig
from tests.outlook.bases import model_of, simulated, spend_model


def test_what_is_given_back_and_spent_on_staying_is_in_the_terms():
    config = EconomicsConfig(
        margin=0.35, promotions=0.05, cost_per_order=2.0, cost_per_customer_year=3.0,
        retention_per_customer_year=1.5, annual_discount_rate=0.0,
    )  # fmt: skip
    terms = config.value_terms()
    assert terms == {
        "margin": pytest.approx(0.3), "annual_discount_rate": 0.0, "cost_per_order": 2.0,
        "cost_per_customer_year": 4.5,
    }  # fmt: skip
    # By hand: of each expected order, 30 % of its amount less 2; and 4.5 for the year.
    customers = simulated(40)
    value = clv.CustomerValue(model_of("bgnbd"), spend_model(), **terms)
    scores = value.scorer("1y", 0.9).score(customers)
    wanted = scores["expected_purchases"] * (0.3 * scores["expected_spend"] - 2.0) - 4.5
    assert scores["clv"] == pytest.approx(wanted)


def test_defaults_change_nothing():
    assert EconomicsConfig().value_terms() == {
        "margin": 1.0, "annual_discount_rate": 0.10, "cost_per_order": 0.0,
        "cost_per_customer_year": 0.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"margin": 0.3, "promotions": 0.3}, "more is given back than the margin"),
        ({"promotions": -0.1}, "greater than or equal to 0"),
        ({"cac": float("inf")}, "finite"),
        ({"cac_values": {"web": 1.0}}, "belong together"),
        ({"cac_label": "channel"}, "belong together"),
        ({"cac_label": "cohort", "cac_values": {"Q1 2024": 1.0}}, "write a year"),
        ({"cac_label": "channel", "cac_values": {"web": -1.0}}, "greater than or equal to 0"),
        ({"payback_horizon": "lifetime"}, "needs an end"),
        ({"payback_horizon": "soon"}, "not a duration"),
        ({"cost_label": ""}, "at least 1 character"),
        ({"margins": 0.3}, "Extra inputs"),
    ],
)
def test_what_cannot_be_is_refused(given, told):
    with pytest.raises(ValidationError, match=told):
        EconomicsConfig.model_validate(given)
