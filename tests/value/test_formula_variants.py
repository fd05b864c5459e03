"""Every variant of the simple formula, worked by hand; and the page that explains them."""

from __future__ import annotations

import contextlib
import io
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import clvmodels as clv
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.value.formula_variants import EXPLANATIONS, NO_LABEL, labels_of, yearly_churn
from clvmodels.value.simple_formula import simple_formula_per_customer
from clvmodels.value.terms import ValueTerms

PAGE = (Path(__file__).parents[2] / "docs" / "simple-formula.md").read_text("utf-8")
YEAR = 365.25


def base(**changes) -> CustomerColumns:
    """Two who stayed, one who stopped within the last year, one long gone, one new."""
    facts = {
        "frequency": np.array([3, 7, 1, 1, 0]),
        "recency": np.array([3.5, 2.0, 0.5, 0.5, 0.0]) * YEAR,
        "age": np.array([4.0, 2.5, 2.0, 3.0, 0.25]) * YEAR,
        "monetary_value": np.array([20.0, 40.0, 10.0, 30.0, np.nan]),
        "order_value": np.array([25.0, 40.0, 10.0, 30.0, 60.0]),
    }
    return CustomerColumns(**(facts | changes), time_unit="day")


@pytest.fixture(scope="module")
def variants():
    labels = {"channel": ["web", "shop", "web", "shop", None]}
    return clv.simple_formula(
        base(), "2y", margin=0.5, annual_discount_rate=0.1, lifespan_years=5, labels=labels
    )


def test_inputs_by_hand(variants):
    one = variants["horizon"]
    assert one.customers == 5
    # Σ amounts over Σ orders; Σ orders per year over customers, a year at least.
    assert one.mean_order_value == pytest.approx((100 + 320 + 20 + 60 + 60) / (4 + 8 + 2 + 2 + 1))
    assert one.orders_per_year == pytest.approx((4 / 4 + 8 / 2.5 + 2 / 2 + 2 / 3 + 1) / 5)
    assert one.margin == 0.5
    # Active a year ago: the two who stayed and the one who stopped since.
    assert one.yearly_churn == pytest.approx(1 / 3)


def test_years_by_hand(variants):
    years = {one.variant: one.years for one in variants.base}
    assert set(years) == set(EXPLANATIONS)
    assert years["horizon"] == pytest.approx(2.0)
    assert years["horizon_discounted"] == pytest.approx((1 - 1.1**-2) / np.log(1.1))
    assert years["lifespan_assumed"] == 5
    assert years["lifespan_observed"] == pytest.approx((3.5 + 2.0 + 0.5 + 0.5 + 0.0) / 5)
    assert years["lifespan_lapsed"] == pytest.approx(0.5)
    assert years["lifespan_churn"] == pytest.approx(3.0)
    assert years["retention_discounted"] == pytest.approx((2 / 3) / (1.1 - 2 / 3))


def test_value_is_the_product_of_the_inputs(variants):
    frame = variants.to_frame()
    product = frame["mean_order_value"] * frame["orders_per_year"] * frame["years"]
    product *= frame["margin"] * frame["customers"]
    np.testing.assert_allclose(frame["value"], product)
    assert len(frame) == len(EXPLANATIONS) * (1 + 3)
    assert not frame["explanation"].isna().any()


def test_groups_are_worked_out_from_their_own_customers(variants):
    web = [one for one in variants.groups if one.group == "web"]
    assert {one.label for one in web} == {"channel"}
    assert web[0].customers == 2
    assert web[0].mean_order_value == pytest.approx((100 + 20) / 6)
    assert web[0].orders_per_year == pytest.approx((1 + 1) / 2)
    assert web[0].yearly_churn == pytest.approx(1 / 2)
    (nobody,) = (one for one in variants.groups if one.group == NO_LABEL and one.years == 5)
    assert nobody.value == pytest.approx(60 * 1 * 5 * 0.5)
    assert np.isnan(nobody.yearly_churn)


def test_one_long_label_takes_room_for_itself_alone():
    tracemalloc.start()
    found = labels_of(None, {"note": ["x" * 100_000, *["y"] * 999]}, 1_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found["note"][0] == "x" * 100_000
    assert peak < 10_000_000


def test_each_customer_has_its_own_orders_and_the_years_of_the_base(variants):
    table = variants.per_customer
    terms = ValueTerms(clv.Duration.parse("2y"), margin=0.5)
    np.testing.assert_allclose(table["horizon"], simple_formula_per_customer(base(), terms))
    np.testing.assert_allclose(table["lifespan_churn"], table["horizon"] * 3.0 / 2.0)


def test_a_short_log_brings_its_churn_to_a_year():
    half = 0.5 * YEAR
    young = base(age=base().age / 4, recency=base().recency / 4)
    # Windows of half a year: ages 1, .625, .5, .75, .06; idle for .125, .125, .375, .625, .06.
    stopped, stayed = 1, 3
    assert yearly_churn(young, half) == pytest.approx(1 - (stayed / (stopped + stayed)) ** 2)
    found = clv.simple_formula(young)
    assert found["lifespan_churn"].yearly_churn == pytest.approx(7 / 16)


def test_nobody_stopping_leaves_no_lifespan_to_work_out():
    loyal = base(recency=base().age, frequency=np.array([3, 7, 1, 1, 1]))
    found = clv.simple_formula(loyal)
    assert np.isnan(found["lifespan_churn"].years)
    assert np.isnan(found["lifespan_lapsed"].years)
    # For ever, and discounted: a perpetuity.
    assert found["retention_discounted"].years == pytest.approx(1 / 0.1)


def test_what_cannot_be_worked_out_is_refused():
    bare = base(monetary_value=np.full(5, np.nan), order_value=None)
    with pytest.raises(clv.ClvError, match="No order has an amount"):
        clv.simple_formula(bare)
    with pytest.raises(clv.ClvError, match="finite"):
        clv.simple_formula(base(), "lifetime")
    with pytest.raises(clv.ClvError, match="lifespan_years is 0"):
        clv.simple_formula(base(), lifespan_years=0)
    with pytest.raises(clv.ClvError, match="2 labels"):
        clv.simple_formula(base(), labels={"channel": ["a", "b"]})


def test_labels_come_from_the_summary_or_a_table():
    log = pd.DataFrame({"customer_id": ["a", "b"], "date": ["2025-01-01"] * 2, "amount": [1, 2]})
    plain = clv.read_transactions(log).summarize()
    about = pd.DataFrame({"customer_id": ["b"], "channel": ["web"]})
    for summary, labels in ((plain, about), (plain.with_labels(about), None)):
        found = labels_of(summary, labels, 2)
        assert {name: values.tolist() for name, values in found.items()} == {
            "channel": [NO_LABEL, "web"]
        }
    assert labels_of(plain, None, 2) == {}


def test_the_page_prints_what_its_example_prints():
    code, printed = re.findall(r"```(?:python|text)\n(.*?)```", PAGE, re.DOTALL)[:2]
    said, names = io.StringIO(), {}
    with contextlib.redirect_stdout(said):
        exec(code, names)
    assert said.getvalue() == printed
    formula = names["formula"]["horizon"]
    text = " ".join(PAGE.split())
    for claim in (
        f"the average order is {formula.mean_order_value:.2f}",
        f"The mean is {formula.orders_per_year:.2f} orders a year",
        f"{formula.value_per_customer / 2:.2f} a year for each customer",
        f"and {formula.value:.0f} for all four over two years",
        f"yearly churn is {formula.yearly_churn:.0%}".replace("%", " %"),
    ):
        assert claim in text
    values = [one.value for one in names["formula"].base]
    assert f"from {min(values):.0f} to {max(values):.0f}" in text


def test_the_page_lists_every_variant():
    for variant in EXPLANATIONS:
        assert f"| `{variant}` |" in PAGE
