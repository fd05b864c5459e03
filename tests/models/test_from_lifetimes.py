"""Fitters of lifetimes as models of ours: the same numbers, or the reason why not."""

from __future__ import annotations

import importlib.resources
import warnings
from copy import copy
from typing import Any

import numpy as np
import pandas as pd
import pytest

import clvmodels as clv
from clvmodels.errors import ConvergenceWarning, InputError, ParameterError
from clvmodels.models.pareto_nbd import ParetoNBDModel
from tests.models.lifetime_value import monthly_value

FITTERS = ("BetaGeoFitter", "ModifiedBetaGeoFitter", "ParetoNBDFitter")


@pytest.fixture(scope="module")
def summary() -> Any:
    return clv.load_cdnow("sample").summarize("1997-09-30", time_unit="week")


@pytest.fixture(scope="module")
def lifetimes() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import lifetimes
    return lifetimes


@pytest.fixture(scope="module")
def frame(lifetimes) -> pd.DataFrame:
    """Their own summary of the log: the customer is the index, money is 0 for one purchase."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifetimes.utils import summary_data_from_transaction_data

        log = read_log()
        return summary_data_from_transaction_data(
            log, "id", "date", "amount", observation_period_end="1997-09-30", freq_multiplier=7
        )


@pytest.fixture(scope="module")
def fitters(lifetimes, frame) -> dict[str, Any]:
    np.random.seed(3)  # noqa: NPY002  # theirs for Pareto/NBD starts at random
    spent = frame[frame["monetary_value"] > 0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = {
            name: getattr(lifetimes, name)().fit(frame["frequency"], frame["recency"], frame["T"])
            for name in FITTERS
        }
        fitted["GammaGammaFitter"] = lifetimes.GammaGammaFitter().fit(
            spent["frequency"], spent["monetary_value"]
        )
    return fitted


def test_their_summary_serves_as_it_is(frame, summary):
    ours = summary.to_pandas().set_index("customer_id")
    for column in ("frequency", "recency", "T"):
        np.testing.assert_allclose(frame[column], ours[column], rtol=1e-14)
    by_theirs = clv.BetaGeoModel().fit(frame, time_unit="week")
    assert by_theirs.params_ == pytest.approx(clv.BetaGeoModel().fit(summary).params_, rel=1e-7)
    alive = by_theirs.probability_alive(frame)
    assert alive.index[0] == "0001"
    spend = clv.GammaGammaModel().fit(frame, time_unit="week")
    expected = clv.GammaGammaModel().fit(summary).params_
    assert spend.params_ == pytest.approx(expected, rel=1e-7)
    value = clv.CustomerValue(by_theirs, spend).predict(frame)
    assert np.isfinite(value["clv"]).all()


@pytest.mark.parametrize("name", FITTERS)
def test_purchases(fitters, frame, name):
    fitter = fitters[name]
    model = clv.from_lifetimes(fitter, time_unit="week")
    assert model.params_ == pytest.approx(dict(fitter.params_), rel=1e-12)
    history = frame["frequency"], frame["recency"], frame["T"]
    alive = np.ravel(fitter.conditional_probability_alive(*history))
    np.testing.assert_allclose(model.probability_alive(frame), alive, rtol=1e-9)
    for weeks in (1, 39, 104):
        theirs = fitter.conditional_expected_number_of_purchases_up_to_time(weeks, *history)
        ours = model.expected_purchases(frame, f"{weeks}w")
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)
        new = fitter.expected_number_of_purchases_up_to_time(weeks)
        assert model.expected_purchases_new_customer(f"{weeks}w") == pytest.approx(
            float(new), rel=1e-9
        )


def test_spend(fitters, frame):
    fitter = fitters["GammaGammaFitter"]
    model = clv.from_lifetimes(fitter, time_unit="week")
    theirs = {"v": model.params_["gamma"], "p": model.params_["p"], "q": model.params_["q"]}
    assert theirs == pytest.approx(dict(fitter.params_), rel=1e-12)
    spend = fitter.conditional_expected_average_profit(frame["frequency"], frame["monetary_value"])
    np.testing.assert_allclose(model.expected_spend(frame), spend, rtol=1e-12)


def test_a_mean_of_zero_is_evidence_there_and_none_here(fitters):
    fitter = fitters["GammaGammaFitter"]
    model = clv.from_lifetimes(fitter, time_unit="week")
    gifts = pd.DataFrame({"frequency": [3], "recency": [9.0], "T": [20.0], "monetary_value": [0.0]})
    theirs = fitter.conditional_expected_average_profit(gifts["frequency"], gifts["monetary_value"])
    assert model.expected_spend(gifts)[0] == model.mean_spend_
    assert theirs[0] < 0.5 * model.mean_spend_


@pytest.mark.parametrize("name", FITTERS)
def test_their_lifetime_value_can_be_made_of_our_parts(fitters, frame, name):
    """Months of 4.345 weeks, each discounted at its end."""
    few = frame.iloc[::200]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs for Pareto/NBD takes the logarithm of a time of 0
        theirs = fitters["GammaGammaFitter"].customer_lifetime_value(
            fitters[name],
            *(few[column] for column in ("frequency", "recency", "T", "monetary_value")),
            time=12,
            discount_rate=0.01,
            freq="W",
        )
    model = clv.from_lifetimes(fitters[name], time_unit="week")
    spend = clv.from_lifetimes(fitters["GammaGammaFitter"], time_unit="week")
    ours = monthly_value(model, spend, few, 4.345)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


@pytest.mark.parametrize("name", [*FITTERS, "GammaGammaFitter"])
def test_likelihood_is_of_the_data_as_given(fitters, frame, name):
    """Theirs has time in units of the highest age, and is a mean but for Pareto/NBD."""
    fitter = fitters[name]
    model = clv.from_lifetimes(fitter, time_unit="week")
    assert model.fit_.customers == len(fitter.data)
    customers = 1 if name == "ParetoNBDFitter" else len(fitter.data)
    theirs = -fitter._negative_log_likelihood_ * customers
    if name != "GammaGammaFitter":
        theirs += np.log(fitter._scale) * frame["frequency"].sum()
    assert model.log_likelihood_ == pytest.approx(theirs, abs=1e-6)
    assert model.diagnostics_["converged"]


@pytest.mark.parametrize("name", ["BetaGeoFitter", "ModifiedBetaGeoFitter", "GammaGammaFitter"])
def test_standard_errors_with_the_data_and_without(fitters, name):
    fitter = fitters[name]
    model = clv.from_lifetimes(fitter, time_unit="week")
    theirs = fitter.standard_errors_.to_numpy()
    np.testing.assert_allclose(list(model.standard_errors_.values()), theirs, rtol=1e-6)
    alone = clv.from_lifetimes(without_data(fitter), time_unit="week")
    np.testing.assert_allclose(alone.covariance_, model.covariance_, rtol=1e-5)
    assert "customers" not in repr(alone)
    # Their own matrix is right on its diagonal only.
    matrix = fitter.variance_matrix_.to_numpy()
    assert not np.allclose(matrix, matrix.T, rtol=0.5)


def test_pareto_nbd_gets_standard_errors_from_its_data_alone(fitters, summary):
    fitter = fitters["ParetoNBDFitter"]
    fitted = clv.from_lifetimes(fitter, time_unit="week").standard_errors_
    ours = ParetoNBDModel().fit(summary, method="mle").standard_errors_
    assert fitted == pytest.approx(ours, rel=2e-3)
    alone = clv.from_lifetimes(without_data(fitter), time_unit="week")
    assert set(alone.standard_errors_.values()) == {0.0}


def test_grouped_customers_count_with_their_weights(lifetimes, fitters, frame):
    groups = frame.groupby(["frequency", "recency", "T"]).size().rename("n").reset_index()
    fitter = lifetimes.BetaGeoFitter().fit(
        groups["frequency"], groups["recency"], groups["T"], weights=groups["n"]
    )
    model = clv.from_lifetimes(fitter, time_unit="week")
    single = clv.from_lifetimes(fitters["BetaGeoFitter"], time_unit="week")
    assert model.fit_.customers == 2357
    assert model.log_likelihood_ == pytest.approx(single.log_likelihood_, abs=1e-6)


def test_a_penalty_does_not_count_as_knowledge(lifetimes, frame, fitters):
    fitter = lifetimes.BetaGeoFitter(penalizer_coef=0.01).fit(
        frame["frequency"], frame["recency"], frame["T"]
    )
    model = clv.from_lifetimes(fitter, time_unit="week")
    assert model.params_ == pytest.approx(dict(fitter.params_), rel=1e-12)
    assert model.standard_errors_["a"] > 1.5 * fitter.standard_errors_["a"]
    assert model.diagnostics_["penalizer_coef"] == 0.01
    # The document gives these.
    assert model.diagnostics_["distance_to_mode_in_sd"] == pytest.approx(5.1, abs=0.05)
    assert model.params_["a"] == pytest.approx(0.286, abs=5e-4)
    best = clv.from_lifetimes(fitters["BetaGeoFitter"], time_unit="week")
    assert best.log_likelihood_ - model.log_likelihood_ == pytest.approx(13.9, abs=0.05)


def test_a_fit_that_stopped_early_says_so(fitters):
    early = without_data(fitters["ParetoNBDFitter"], keep_data=True)
    early.params_ = early.params_ * [1.0, 1.03, 1.0, 1.0]
    with pytest.warns(ConvergenceWarning, match=r"ParetoNBDFitter .*standard errors from the"):
        model = clv.from_lifetimes(early, time_unit="week")
    assert not model.diagnostics_["converged"]
    early.params_ = early.params_ * [1.0, 1e-4, 30.0, 1e4]
    with pytest.warns(ConvergenceWarning, match="curvature of a maximum"):
        clv.from_lifetimes(early, time_unit="week")


def test_what_has_no_counterpart_is_refused(lifetimes, fitters):
    with pytest.raises(InputError, match="BetaGeoBetaBinomFitter has no counterpart"):
        clv.from_lifetimes(lifetimes.BetaGeoBetaBinomFitter(), time_unit="week")
    with pytest.raises(InputError, match="DataFrame has no counterpart"):
        clv.from_lifetimes(pd.DataFrame(), time_unit="week")
    with pytest.raises(InputError, match="ParetoNBDFitter has no parameters yet"):
        clv.from_lifetimes(lifetimes.ParetoNBDFitter(), time_unit="week")
    with pytest.raises(ParameterError, match="'day' or 'week'"):
        clv.from_lifetimes(fitters["BetaGeoFitter"], time_unit="month")


def test_a_mean_spend_that_does_not_exist_is_refused(fitters):
    bad = without_data(fitters["GammaGammaFitter"])
    bad.params_ = bad.params_.where(bad.params_.index != "q", 0.9)
    assert bad.conditional_expected_average_profit(pd.Series([0]), pd.Series([0.0]))[0] < 0
    with pytest.raises(InputError, match=r"q = 0\.9.*exists only for q above 1"):
        clv.from_lifetimes(bad, time_unit="week")


def test_summaries_that_count_the_first_purchase_are_refused(lifetimes):
    from lifetimes.utils import summary_data_from_transaction_data

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = summary_data_from_transaction_data(
            read_log(), "id", "date", include_first_transaction=True
        )
    with pytest.raises(InputError, match="recency must be above 0 where frequency is"):
        clv.BetaGeoModel().fit(frame, time_unit="day")


def read_log() -> pd.DataFrame:
    """CDNOW's sample as lifetimes takes it."""
    path = importlib.resources.files("lifetimes") / "datasets" / "CDNOW_sample.txt"
    names = ["master", "id", "date", "discs", "amount"]
    log = pd.read_csv(path, sep=r"\s+", header=None, names=names, dtype={"date": str, "id": str})
    return log.assign(date=pd.to_datetime(log["date"], format="%Y%m%d"))


def without_data(fitter: Any, *, keep_data: bool = False) -> Any:
    """Copy of a fitter as ``save_model(save_data=False)`` leaves it."""
    other = copy(fitter)
    other.data = fitter.data if keep_data else None
    return other
