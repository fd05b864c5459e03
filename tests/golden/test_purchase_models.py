"""Every purchase model against its row in `golden.json`: tight, and as published."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from clvmodels.models import PURCHASE_MODELS
from clvmodels.units import DAYS_PER_YEAR
from tests.golden.figures import GOLDEN, all_as_printed, as_printed, numbers

CDNOW, MODELS = GOLDEN["cdnow_sample"], GOLDEN["purchases"]

every_model = pytest.mark.parametrize("name", MODELS)


def each(section: str) -> Any:
    """One test for every row that the models have in a section of their ``at_published``."""
    return _each_row(lambda golden: golden.get("at_published", {}).get(section, []))


def each_at_estimates(section: str) -> Any:
    """One test for every row that the models have in a section."""
    return _each_row(lambda golden: golden.get(section, []))


def _each_row(rows: Callable[[dict[str, Any]], list[Any]]) -> Any:
    pairs = [(name, row) for name, golden in MODELS.items() for row in rows(golden)]
    return pytest.mark.parametrize(("name", "row"), pairs, ids=str)


def with_figure(figure: str) -> Any:
    """One test for every model that has the figure."""
    return pytest.mark.parametrize(
        "name", [name for name, golden in MODELS.items() if figure in golden]
    )


@pytest.fixture(scope="module")
def fits(customers) -> dict[str, Any]:
    return {name: PURCHASE_MODELS[name]().fit(customers, method="mle") for name in MODELS}


def published(name: str) -> Any:
    """The model at its published parameters, of three decimals."""
    return PURCHASE_MODELS[name].from_params(numbers(MODELS[name]["published"]), time_unit="week")


def one_customer(x: int, t_x: float, age: float) -> pd.DataFrame:
    return pd.DataFrame({"frequency": [x], "recency": [t_x], "T": [age]})


def annual_rate(weekly_force: float) -> float:
    return math.expm1(weekly_force * DAYS_PER_YEAR / 7.0)


def test_models_all_have_golden_figures():
    assert set(PURCHASE_MODELS) == set(MODELS)


def test_data_are_the_published_ones(customers, held_out):
    frame = customers.to_pandas()
    assert len(frame) == CDNOW["customers"]
    assert (frame["frequency"] > 0).sum() == CDNOW["repeat_customers"]
    assert frame["frequency"].sum() == CDNOW["repeat_purchases"]
    assert held_out.sum() == CDNOW["held_out_purchases"]
    days = frame["T"] * 7.0
    np.testing.assert_allclose(days, days.round(), rtol=0.0, atol=1e-9)


@every_model
def test_parameters(fits, name):
    golden, fit = MODELS[name], fits[name]
    assert fit.params_ == all_as_printed(golden["estimates"])
    elsewhere = numbers(golden["estimates_of_r_packages"])
    assert fit.params_ == pytest.approx(elsewhere, rel=5e-5)


@with_figure("published")
def test_published_parameters(fits, name):
    assert fits[name].params_ == all_as_printed(MODELS[name]["published"])


@with_figure("standard_errors")
def test_standard_errors(fits, name):
    assert fits[name].standard_errors_ == all_as_printed(MODELS[name]["standard_errors"])


@every_model
def test_log_likelihood(fits, customers, name):
    golden, fit = MODELS[name], fits[name]
    assert fit.log_likelihood_ == as_printed(golden["log_likelihood"])
    triples = customers.triples()
    elsewhere = np.array(list(numbers(golden["estimates_of_r_packages"]).values()))
    columns = triples.frequency, triples.recency, triples.age
    there = fit.kernel.log_likelihood(elsewhere, *columns) @ triples.weights
    assert fit.log_likelihood_ >= there


@with_figure("published_log_likelihood")
def test_published_log_likelihood(fits, name):
    published = MODELS[name]["published_log_likelihood"]
    assert fits[name].log_likelihood_ == as_printed(published)


@each_at_estimates("individual_log_likelihoods")
def test_individual_log_likelihoods(fits, name, row):
    theta = np.array(list(fits[name].params_.values()))
    got = fits[name].kernel.log_likelihood(
        theta,
        np.array([row["x"]]),
        np.array([row["recency_days"] / 7.0]),
        np.array([row["age_days"] / 7.0]),
    )
    assert got[0] == as_printed(row["value"])


@every_model
def test_held_out(fits, customers, held_out, name):
    golden = MODELS[name]
    expected = fits[name].expected_purchases(customers, horizon=CDNOW["horizon"])
    assert expected.sum() == as_printed(golden["held_out_sum"])
    miss = expected - held_out.reindex(expected.index)
    assert miss.abs().mean() == as_printed(golden["held_out_mae"])
    alive = fits[name].probability_alive(customers)
    assert alive.mean() == as_printed(golden["mean_probability_alive"])


@each_at_estimates("new_customer_at_estimates")
def test_new_customers(fits, name, row):
    got = fits[name].expected_purchases_new_customer(row["horizon"])
    assert got == as_printed(row["value"])


@each("probability_alive")
def test_probability_alive(name, row):
    got = published(name).probability_alive(one_customer(*row["customer"]))
    assert got.iloc[0] == as_printed(row["value"])


@each("expected_purchases")
def test_expected_purchases(name, row):
    got = published(name).expected_purchases(one_customer(*row["customer"]), row["horizon"])
    assert got.iloc[0] == as_printed(row["value"])
    if row["customer"] == [0, 0.0, 0.0]:
        new = published(name).expected_purchases_new_customer(row["horizon"])
        assert new == as_printed(row["value"])


@each("discounted_purchases")
def test_discounted_purchases(name, row):
    got = published(name).expected_purchases(
        one_customer(*row["customer"]),
        row["horizon"],
        annual_discount_rate=annual_rate(row["weekly_force"]),
    )
    assert got.iloc[0] == as_printed(row["value"])


@each("new_customer_pmf")
def test_new_customer_pmf(name, row):
    pmf = published(name).purchase_pmf(one_customer(0, 0.0, 0.0), row["horizon"], k_max=row["k"])
    assert pmf.shape == (1, row["k"] + 1)
    assert pmf[0, row["k"]] == as_printed(row["value"])


@each("log_likelihood")
def test_log_likelihood_under_stress(name, row):
    kernel = PURCHASE_MODELS[name].kernel
    theta = np.array([numbers(MODELS[name]["published"])[p] for p in kernel.parameters])
    x, t_x, age = row["customer"]
    got = kernel.log_likelihood(theta, np.array([x]), np.array([t_x]), np.array([age]))
    assert got[0] == as_printed(row["value"])


@each_at_estimates("elsewhere")
def test_expected_purchases_elsewhere(name, row):
    model = PURCHASE_MODELS[name].from_params(row["parameters"], time_unit="week")
    rate = annual_rate(row.get("weekly_force", 0.0))
    got = model.expected_purchases(one_customer(*row["customer"]), row["horizon"], rate)
    assert got.iloc[0] == as_printed(row["value"])
