"""Figures that README.md and docs/canon-and-choices.md quote, measured again."""

import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import clvmodels as clv
from clvmodels.transactions import CustomerColumns

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
CHOICES = (ROOT / "docs" / "canon-and-choices.md").read_text("utf-8")


def claim(document: str, text: str) -> None:
    """The sentence that a test is about still stands there."""
    assert text in " ".join(document.split()), text


def one_customer(x, t_x, T):
    return pd.DataFrame({"frequency": [x], "recency": [t_x], "T": [T]}).astype(float)


def lifetimes_beta_geo(**params):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifetimes import BetaGeoFitter
    fitter = BetaGeoFitter()
    fitter.params_ = pd.Series(params)
    return fitter


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("params", "customer", "weeks", "theirs", "ours"),
    [
        ({"r": 0.11, "alpha": 2.24, "a": 0.31, "b": 0.5}, (0, 0, 1), 30, np.nan, 0.5645886),
        ({"r": 0.243, "alpha": 4.414, "a": 1.0, "b": 2.426}, (2, 30.43, 38.86), 39, np.inf, 1.1021),
    ],
)
def test_expected_purchases_where_lifetimes_has_none(params, customer, weeks, theirs, ours):
    claim(README, "where `lifetimes` gives NaN (a + b < 1) or infinity (a = 1)")
    frame = one_customer(*customer)
    given = lifetimes_beta_geo(**params).conditional_expected_number_of_purchases_up_to_time(
        weeks, *(np.array([float(value)]) for value in customer)
    )
    np.testing.assert_equal(float(given[0]), theirs)
    model = clv.BetaGeoModel.from_params(params, time_unit="week")
    assert model.expected_purchases(frame, f"{weeks}w").iloc[0] == pytest.approx(ours, rel=1e-4)


def test_a_mean_spend_that_does_not_exist_is_refused_and_not_negative():
    claim(README, "`lifetimes` returns a negative one")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifetimes import GammaGammaFitter
    fitter = GammaGammaFitter()
    fitter.params_ = pd.Series({"p": 6.0, "q": 0.8, "v": 15.0})
    theirs = fitter.conditional_expected_average_profit(pd.Series([0]), pd.Series([0.0]))
    assert theirs.iloc[0] == pytest.approx(-450.0)
    with pytest.raises(clv.ClvError, match="q is above 1"):
        clv.GammaGammaModel.from_params({"p": 6.0, "q": 0.8, "gamma": 15.0}, time_unit="week")


def test_held_out_figures_of_cdnow():
    claim(
        README, "16,875 purchases where 19,684 happened (−14 %), the simple formula 35,807 (+82 %)"
    )
    log = clv.load_cdnow()
    check = clv.backtest(log, "39w", 1, ["bgnbd"], time_unit="week").last
    model, formula = check.forecasts["bgnbd"], check.forecasts["simple_formula"]
    assert check.actual_purchases == 19_684
    assert round(model.purchases) == 16_875
    assert round(formula.purchases) == 35_807
    claim(README, "in money −17 % and +66 %")
    assert round(100 * (model.spend / check.actual_spend - 1)) == -17
    assert round(100 * (formula.spend / check.actual_spend - 1)) == 66


@pytest.fixture(scope="module")
def sample() -> pd.DataFrame:
    folder = Path(find_spec("lifetimes").submodule_search_locations[0]) / "datasets"
    rows = [line.split() for line in (folder / "CDNOW_sample.txt").read_text("ascii").splitlines()]
    frame = pd.DataFrame(rows, columns=["master", "customer_id", "date", "cds", "amount"])
    return frame.assign(
        date=pd.to_datetime(frame["date"], format="%Y%m%d"), amount=frame["amount"].astype(float)
    )


@pytest.mark.parametrize(
    ("options", "customers", "p"),
    [
        ({}, 2_357, 6.250),
        ({"duplicates": "drop"}, 2_357, 6.276),
        ({"zero_amounts": "drop"}, 2_349, 6.250),
    ],
)
def test_what_dropping_rows_of_the_sample_changes(sample, options, customers, p):
    claim(CHOICES, "p moves from 6.250 to 6.276")
    claim(CHOICES, "leaves 2,349 of 2,357 customers")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", clv.ClvWarning)
        log = clv.read_transactions(sample, **options)
    summary = log.summarize("1997-09-30", time_unit="week")
    assert len(summary) == customers
    spend = clv.GammaGammaModel().fit(summary, method="mle")
    assert spend.params_["p"] == pytest.approx(p, abs=5e-4)


def test_priors_hardly_move_a_base_of_thousands():
    claim(CHOICES, "39 weeks ahead 1,655.4 purchases instead of 1,653.4")
    summary = clv.load_cdnow("sample").summarize("1997-09-30", time_unit="week")
    ahead = [
        clv.BetaGeoModel().fit(summary, method=method).expected_purchases(summary, "39w").sum()
        for method in ("map", "mle")
    ]
    assert ahead == pytest.approx([1655.4, 1653.4], abs=0.05)


@pytest.mark.slow
def test_small_bases_need_priors():
    claim(CHOICES, "of 200 random subsets of 300 customers, maximum likelihood sends 12")
    base = clv.load_cdnow().summarize("1997-09-30", time_unit="week").columns()
    rng = np.random.default_rng(1)
    extreme = {"map": 0, "mle": 0}
    for _ in range(200):
        chosen = rng.choice(len(base), 300, replace=False)
        subset = CustomerColumns(
            base.frequency[chosen],
            base.recency[chosen],
            base.age[chosen],
            base.monetary_value[chosen],
            "week",
        )
        for method in extreme:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", clv.ClvWarning)
                params = clv.BetaGeoModel().fit(subset, method=method).params_
            extreme[method] += params["a"] + params["b"] > 100
    assert extreme == {"map": 0, "mle": 12}
