"""Fits and predictions equal to those of ``lifetimes`` on CDNOW."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import clvmodels as clv
from clvmodels.models import PURCHASE_MODELS

FITTERS = {
    "bgnbd": "BetaGeoFitter",
    "mbgnbd": "ModifiedBetaGeoFitter",
    "pareto_nbd": "ParetoNBDFitter",
}


@pytest.fixture(scope="module")
def frame(customers) -> pd.DataFrame:
    return customers.to_pandas().set_index("customer_id")


@pytest.fixture(scope="module", params=FITTERS)
def name(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def their_purchases(frame, name) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import lifetimes

        fitter = getattr(lifetimes, FITTERS[name])()
        # It starts at random and its default tolerance leaves up to 4e-4 in Pareto/NBD.
        return fitter.fit(frame["frequency"], frame["recency"], frame["T"], tol=1e-8)


@pytest.fixture(scope="module")
def their_spend(frame) -> Any:
    repeat = frame[(frame["frequency"] > 0) & (frame["monetary_value"] > 0)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifetimes import GammaGammaFitter

        return GammaGammaFitter().fit(repeat["frequency"], repeat["monetary_value"])


@pytest.fixture(scope="module")
def purchases(customers, name) -> Any:
    return PURCHASE_MODELS[name]().fit(customers, method="mle")


@pytest.fixture(scope="module")
def same_purchases(their_purchases, name) -> Any:
    """Our model at their estimates, so that predictions are compared and not optimisers."""
    return PURCHASE_MODELS[name].from_params(dict(their_purchases.params_), time_unit="week")


def test_purchase_parameters(purchases, their_purchases):
    assert purchases.params_ == pytest.approx(dict(their_purchases.params_), rel=1e-4)


def test_purchase_standard_errors(purchases, their_purchases):
    if not hasattr(their_purchases, "standard_errors_"):
        pytest.skip("lifetimes has none for this model")
    theirs = dict(their_purchases.standard_errors_)
    assert purchases.standard_errors_ == pytest.approx(theirs, rel=1e-3)


def test_purchase_likelihood_is_at_least_theirs(purchases, same_purchases, customers):
    triples = customers.triples()
    theta = np.array(list(same_purchases.params_.values()))
    columns = triples.frequency, triples.recency, triples.age
    there = float(same_purchases.kernel.log_likelihood(theta, *columns) @ triples.weights)
    assert there <= purchases.log_likelihood_ + 1e-9
    assert there == pytest.approx(purchases.log_likelihood_, abs=1e-4)


def test_fits_predict_the_same(purchases, their_purchases, customers, frame):
    ours = purchases.expected_purchases(customers, "39w")
    theirs = their_purchases.conditional_expected_number_of_purchases_up_to_time(
        39.0, frame["frequency"], frame["recency"], frame["T"]
    )
    np.testing.assert_allclose(ours, theirs.reindex(ours.index), rtol=1e-4, atol=1e-9)


def test_expected_purchases(same_purchases, their_purchases, customers, frame):
    ours = same_purchases.expected_purchases(customers, "39w")
    theirs = their_purchases.conditional_expected_number_of_purchases_up_to_time(
        39.0, frame["frequency"], frame["recency"], frame["T"]
    )
    np.testing.assert_allclose(ours, theirs.reindex(ours.index), rtol=1e-9)


def test_probability_alive(same_purchases, their_purchases, customers, frame):
    ours = same_purchases.probability_alive(customers)
    theirs = their_purchases.conditional_probability_alive(
        frame["frequency"], frame["recency"], frame["T"]
    )
    theirs = pd.Series(np.asarray(theirs).ravel(), index=frame.index)
    np.testing.assert_allclose(ours, theirs.reindex(ours.index), rtol=1e-10)


def test_new_customer(same_purchases, their_purchases):
    for weeks in (1, 39, 78):
        ours = same_purchases.expected_purchases_new_customer(f"{weeks}w")
        theirs = their_purchases.expected_number_of_purchases_up_to_time(float(weeks))
        assert ours == pytest.approx(float(theirs), rel=1e-9)


def test_pmf_of_a_new_customer(same_purchases, their_purchases):
    if not hasattr(their_purchases, "probability_of_n_purchases_up_to_time"):
        pytest.skip("lifetimes has none for this model")
    new = pd.DataFrame({"frequency": [0], "recency": [0.0], "T": [0.0]})
    ours = same_purchases.purchase_pmf(new, "39w", k_max=20)[0]
    theirs = [their_purchases.probability_of_n_purchases_up_to_time(39.0, k) for k in range(21)]
    np.testing.assert_allclose(ours, np.array(theirs, dtype=float), rtol=1e-6)


def test_spend_parameters(spend, their_spend):
    """They call γ ``v``."""
    theirs = dict(their_spend.params_)
    theirs["gamma"] = theirs.pop("v")
    assert spend.params_ == pytest.approx(theirs, rel=1e-4)


def test_expected_spend(spend, their_spend, customers, frame):
    p, q, v = (float(their_spend.params_[name]) for name in ("p", "q", "v"))
    model = clv.GammaGammaModel.from_params({"p": p, "q": q, "gamma": v}, time_unit="week")
    theirs = their_spend.conditional_expected_average_profit(
        frame["frequency"], frame["monetary_value"].fillna(0.0)
    )
    ours = model.expected_spend(customers)
    # A repeat buyer whose mean is 0 has told nothing here, and has a mean of 0 there.
    told = (frame["frequency"] == 0) | (frame["monetary_value"] > 0)
    kept = told.reindex(ours.index).to_numpy()
    np.testing.assert_allclose(ours[kept], theirs.reindex(ours.index)[kept], rtol=1e-10)
    fitted = spend.expected_spend(customers)
    np.testing.assert_allclose(fitted[kept], theirs.reindex(ours.index)[kept], rtol=1e-4)
