"""Fits of PyMC-Marketing as models of ours: the same numbers, or the reason why not.

It is not installed here: `record_pymc_marketing.py` ran it and recorded what it left.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import clvmodels as clv
from clvmodels.errors import (
    ConvergenceWarning,
    InputError,
    ParameterError,
    UntrustworthyModelWarning,
)
from tests.models.lifetime_value import monthly_value

DOCUMENT = Path(__file__).parents[2] / "docs" / "coming-from-lifetimes-and-pymc-marketing.md"
RECORDED = Path(__file__).parent / "pymc_marketing"
THEIRS = json.loads((RECORDED / "predictions.json").read_text("utf-8"))
PURCHASES = ("bgnbd", "mbgnbd", "pareto_nbd")


@pytest.fixture(scope="module")
def summary() -> Any:
    return clv.load_cdnow("sample").summarize("1997-09-30", time_unit="week")


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    return pd.DataFrame(THEIRS["customers"]).set_index("customer_id")


def test_their_summary_serves_as_it_is(summary):
    """A column customer_id, numbers as floats, money 0 for one purchase."""
    customers = open_idata("bgnbd").fit_data
    frame = pd.DataFrame({name: customers[name].values for name in customers.data_vars})
    ours = summary.to_pandas()
    for column in ("frequency", "recency", "T"):
        np.testing.assert_allclose(frame[column], ours[column], rtol=1e-14)
    money = ours["monetary_value"].fillna(0.0)
    np.testing.assert_allclose(frame["monetary_value"], money, rtol=1e-12)
    spend = clv.GammaGammaModel().fit(frame, time_unit="week")
    expected = clv.GammaGammaModel().fit(summary).params_
    assert spend.params_ == pytest.approx(expected, rel=1e-7)
    assert spend.expected_spend(frame).index[0] == 1


@pytest.mark.parametrize("name", PURCHASES)
@pytest.mark.parametrize("draw", ["map", 0, 4])
def test_purchases_at_a_point(customers, name, draw):
    """A point keeps its parameters, so its predictions are theirs."""
    idata, recorded, i = open_point(name, draw)
    model = clv.from_pymc_marketing(idata, time_unit="week")
    assert model.kernel.name == name
    alive = model.probability_alive(customers)
    np.testing.assert_allclose(alive, recorded["probability_alive"][i], rtol=1e-8)
    for weeks, expected in recorded["expected_purchases"].items():
        ours = model.expected_purchases(customers, f"{weeks}w")
        np.testing.assert_allclose(ours, expected[i], rtol=1e-8)
    new = model.expected_purchases_new_customer("39w")
    assert new == pytest.approx(recorded["new_customer_39"][i], rel=1e-9)


@pytest.mark.parametrize("draw", ["map", 0, 4])
def test_spend_at_a_point(customers, draw):
    idata, recorded, i = open_point("gamma_gamma", draw)
    model = clv.from_pymc_marketing(idata, time_unit="week")
    expected = model.expected_spend(customers)
    np.testing.assert_allclose(expected, recorded["expected_spend"][i], rtol=1e-9)
    assert model.mean_spend_ == pytest.approx(recorded["new_customer_spend"][i], rel=1e-9)


@pytest.mark.parametrize("name", PURCHASES)
def test_draws_become_their_mean_and_covariance(name, summary, customers):
    idata = with_customers(open_idata(name))
    recorded = THEIRS["models"][name]["sampled"]
    model = clv.from_pymc_marketing(idata, time_unit="week")
    logs = np.log([idata.posterior[p].values.ravel() for p in ("r", "alpha")])
    assert model.params_["r"] == pytest.approx(np.exp(logs[0].mean()), rel=1e-12)
    assert model.params_["alpha"] == pytest.approx(np.exp(logs[1].mean()), rel=1e-12)
    assert model.fit_.coordinate_covariance[0, 0] == pytest.approx(logs[0].var(ddof=1))
    alive = model.probability_alive(customers)
    np.testing.assert_allclose(alive, recorded["mean_probability_alive"], atol=0.01)
    expected = model.expected_purchases(customers, "39w")
    np.testing.assert_allclose(
        expected, recorded["mean_expected_purchases_39"], rtol=0.02, atol=0.005
    )
    # What the parameters leave open: by the delta method, and over the draws one by one.
    total = clv.CustomerValue(model, None).total(summary, horizon="39w").purchases
    assert total.expected == pytest.approx(recorded["total_39"]["mean"], rel=0.005)
    assert total.sd_parameters == pytest.approx(recorded["total_39"]["sd"], rel=0.1)


@pytest.mark.parametrize("name", [*PURCHASES, "gamma_gamma"])
@pytest.mark.parametrize("told", [True, False], ids=["with customers", "alone"])
def test_draws_are_kept(name, told, summary, tmp_path):
    idata = open_idata(name)
    fitted = with_customers(idata, of=name) if told else idata
    if not told and hasattr(idata, "fit_data"):
        fitted = SimpleNamespace(attrs=idata.attrs, posterior=idata.posterior)
    model = clv.from_pymc_marketing(fitted, time_unit="week")
    names = ["p", "q", "v"] if name == "gamma_gamma" else list(model.params_)
    for ours, theirs in zip(model.params_, names, strict=True):
        np.testing.assert_allclose(
            model.posterior_[ours], idata.posterior[theirs].values.ravel(), rtol=1e-12
        )
    draws = model.fit_.posterior
    assert (draws.method, draws.chains) == ("pymc-marketing", 2)
    # Ours, where there are customers to have one: there the coordinates mean what the prior says.
    fit = model.fit_
    assert draws.scale == fit.scale
    if told:
        ours = type(model)().fit(summary, method="map").fit_
        assert fit.scale == pytest.approx(ours.scale, rel=1e-12)
    else:
        assert fit.scale == 1.0
    np.testing.assert_allclose(fit.coordinates, draws.coordinates.mean(axis=0), atol=1e-12)
    model.save(tmp_path / "model.json")
    again = type(model).load(tmp_path / "model.json").fit_.posterior
    np.testing.assert_array_equal(again.coordinates, draws.coordinates)


def test_customers_are_averaged_over_their_draws(customers):
    """What the mean of the coordinates says of them is further off, see the document."""
    recorded = THEIRS["models"]["bgnbd"]["sampled"]
    model = clv.from_pymc_marketing(open_idata("bgnbd"), time_unit="week")
    scores = clv.CustomerValue(model, None).predict(customers, "39w")
    np.testing.assert_allclose(
        scores["probability_alive"], recorded["mean_probability_alive"], atol=0.003
    )
    np.testing.assert_allclose(
        scores["expected_purchases"], recorded["mean_expected_purchases_39"], rtol=0.01, atol=0.002
    )


def test_draws_of_spend(customers):
    recorded = THEIRS["models"]["gamma_gamma"]["sampled"]
    model = clv.from_pymc_marketing(open_idata("gamma_gamma"), time_unit="week")
    expected = model.expected_spend(customers)
    np.testing.assert_allclose(expected, recorded["mean_expected_spend"], rtol=0.005)
    new = recorded["mean_new_customer_spend"]
    assert model.mean_spend_ == pytest.approx(new["mean"], rel=0.002)
    step = np.eye(3) * 1e-4
    z = model.fit_.coordinates
    slopes = [(model.at(z + s).mean_spend_ - model.at(z - s).mean_spend_) / 2e-4 for s in step]
    sd = np.sqrt(slopes @ model.fit_.coordinate_covariance @ slopes)
    assert sd == pytest.approx(new["sd"], rel=0.1)


@pytest.mark.parametrize("name", [*PURCHASES, "gamma_gamma"])
def test_likelihood_is_theirs_where_the_customers_are_saved(name):
    maximum = open_idata(name, "map")
    alone = clv.from_pymc_marketing(maximum, time_unit="week")
    assert np.isnan(alone.log_likelihood_)
    assert set(alone.standard_errors_.values()) == {0.0}
    assert "customers" not in repr(alone)
    told = clv.from_pymc_marketing(with_customers(maximum, of=name), time_unit="week")
    assert told.params_ == alone.params_
    recorded = THEIRS["models"][name]["map"]["log_likelihood"]
    assert told.log_likelihood_ == pytest.approx(recorded, abs=1e-6)
    sampled = clv.from_pymc_marketing(open_idata(name), time_unit="week").standard_errors_
    if name == "gamma_gamma":
        # Their prior for p is nearly all below 2, so it says more than 946 customers do.
        assert told.standard_errors_["p"] > 1.3 * sampled["p"]
    else:
        assert told.standard_errors_ == pytest.approx(sampled, rel=0.5)


@pytest.mark.parametrize("name", [*PURCHASES, "gamma_gamma"])
def test_the_draws_are_judged(name):
    model = clv.from_pymc_marketing(open_idata(name), time_unit="week")
    found = model.diagnostics_
    assert found["converged"]
    assert found["chains"] == 2
    assert found["largest_rhat"] < 1.03
    assert found["divergences"] == (None if name == "pareto_nbd" else 0)
    assert "pymc-marketing" in repr(model)


def test_chains_that_disagree_are_found():
    idata = open_idata("bgnbd")
    values = idata.posterior["r"].values
    values[1] *= 1.2
    with pytest.warns(ConvergenceWarning, match=r"chains of this BG/NBD disagree"):
        model = clv.from_pymc_marketing(idata, time_unit="week")
    assert not model.diagnostics_["converged"]


@pytest.mark.parametrize("name", [*PURCHASES, "gamma_gamma"])
def test_models_trees_and_inference_data_serve_alike(name, tmp_path):
    import xarray as xr

    expected = clv.from_pymc_marketing(open_idata(name), time_unit="week")
    with xr.open_datatree(RECORDED / f"{name}.nc", engine="h5netcdf") as tree:
        trees = [tree.load(), SimpleNamespace(idata=tree.load())]
    for fitted in trees:
        model = clv.from_pymc_marketing(fitted, time_unit="week")
        assert model.params_ == expected.params_
        assert model.standard_errors_ == expected.standard_errors_
    expected.save(tmp_path / "model.json")
    assert type(expected).load(tmp_path / "model.json").covariance_.equals(expected.covariance_)


def test_their_lifetime_value_can_be_made_of_our_parts(customers):
    """Months of 365.25 / 12 days, each discounted at its end."""
    model = clv.from_pymc_marketing(open_idata("bgnbd", "map"), time_unit="week")
    spend = clv.from_pymc_marketing(open_idata("gamma_gamma", "map"), time_unit="week")
    ours = monthly_value(model, spend, customers, 365.25 / 12.0 / 7.0)
    recorded = THEIRS["models"]["gamma_gamma"]["map"]["clv_12_months_with_bgnbd"]
    np.testing.assert_allclose(ours, recorded, rtol=1e-7)


def test_variables_tell_the_model_where_nothing_names_it():
    for name in ("pareto_nbd", "gamma_gamma"):
        idata = open_idata(name, "map")
        idata.attrs.pop("model_type")
        assert clv.from_pymc_marketing(idata, time_unit="week").kernel.name == name
    idata = open_idata("mbgnbd", "map")
    idata.attrs.pop("model_type")
    with pytest.raises(InputError, match="may be 'BG/NBD', 'MBG/NBD'"):
        clv.from_pymc_marketing(idata, time_unit="week")


def test_what_has_no_counterpart_is_refused():
    idata = open_idata("bgnbd", "map")
    idata.attrs["model_type"] = "BG/BB"
    with pytest.raises(InputError, match="'BG/BB' has no counterpart"):
        clv.from_pymc_marketing(idata, time_unit="week")
    idata.attrs["model_type"] = "Pareto/NBD"
    with pytest.raises(InputError, match="of Pareto/NBD lacks s, beta"):
        clv.from_pymc_marketing(idata, time_unit="week")
    for nothing in (SimpleNamespace(idata=None), pd.DataFrame(), None):
        with pytest.raises(InputError, match="holds no posterior"):
            clv.from_pymc_marketing(nothing, time_unit="week")
    with pytest.raises(ParameterError, match="'day' or 'week'"):
        clv.from_pymc_marketing(open_idata("bgnbd", "map"), time_unit="month")


def test_covariates_are_refused():
    idata = open_idata("bgnbd", "map")
    posterior = idata.posterior
    alpha = posterior["alpha"].expand_dims(customer_id=3)
    fitted = SimpleNamespace(attrs=idata.attrs, posterior=posterior.assign(alpha=alpha))
    with pytest.raises(InputError, match="alpha differ between customers"):
        clv.from_pymc_marketing(fitted, time_unit="week")


def test_draws_that_are_no_parameters_are_refused():
    idata = open_idata("bgnbd")
    idata.posterior["a"].values[0, 3] = np.nan
    with pytest.raises(InputError, match="not above 0 and finite"):
        clv.from_pymc_marketing(idata, time_unit="week")


def test_draws_without_a_mean_spend_are_left_out_or_refused():
    idata = open_idata("gamma_gamma")
    honest = clv.from_pymc_marketing(idata, time_unit="week")
    q = idata.posterior["q"].values
    q[:, :4] = 0.9
    share = 8 / q.size
    with pytest.warns(UntrustworthyModelWarning, match=f"In {share:.1%} of the draws"):
        some = clv.from_pymc_marketing(idata, time_unit="week")
    assert some.mean_spend_ == pytest.approx(honest.mean_spend_, rel=0.01)
    q[:] = 0.9
    with pytest.raises(InputError, match="In 100% of the draws"):
        clv.from_pymc_marketing(idata, time_unit="week")


def test_figures():
    text = DOCUMENT.read_text("utf-8")
    other = THEIRS["default_priors_know_the_unit"]
    in_weeks = THEIRS["models"]["bgnbd"]["map"]["total_39"]["mean"]
    dollars = THEIRS["models"]["gamma_gamma"]["map"]["new_customer_spend"][0]
    for figure in (
        f"{in_weeks:,.0f}",
        f"{other['total_39_in_days']:,.0f}",
        f"{dollars:.2f}",
        f"{other['new_customer_spend_in_cents'] / 100:.2f}",
    ):
        assert figure in text, figure


def test_snippets_run(tmp_path):
    blocks = re.findall(r"^```python\n(.*?)^```", DOCUMENT.read_text("utf-8"), re.M | re.S)
    assert blocks
    (tmp_path / "pymc_marketing_fit.nc").write_bytes((RECORDED / "bgnbd.nc").read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(blocks)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_neither_package_is_imported():
    code = (
        "import sys, clvmodels as clv\n"
        "from clvmodels.errors import InputError\n"
        "try:\n    clv.from_lifetimes(1, time_unit='week')\n"
        "except InputError:\n    print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "clvmodels.models.migration" in loaded
    assert not loaded & {"lifetimes", "pymc_marketing", "pymc", "arviz", "xarray", "pandas"}


def open_idata(name: str, method: str = "sampled") -> Any:
    file = RECORDED / (f"{name}_map.nc" if method == "map" else f"{name}.nc")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ArviZ announces its next version once a day
        import arviz as az

        idata = az.from_netcdf(file)
        idata.load()
    return idata


def open_point(name: str, draw: str | int) -> tuple[Any, dict[str, Any], int]:
    """A fit with one draw, what they recorded, and where in the record it stands."""
    if draw == "map":
        return open_idata(name, "map"), THEIRS["models"][name]["map"], 0
    idata = open_idata(name)
    posterior = idata.posterior.isel(chain=[0], draw=[draw])
    fitted = SimpleNamespace(attrs=idata.attrs, posterior=posterior)
    return fitted, THEIRS["models"][name]["sampled"], int(draw)


def with_customers(idata: Any, of: str = "bgnbd") -> Any:
    """A fit beside the customers that it learned from."""
    source = open_idata("gamma_gamma" if of == "gamma_gamma" else "bgnbd")
    return SimpleNamespace(
        attrs=idata.attrs, posterior=idata.posterior, fit_data=source.fit_data, sample_stats={}
    )
