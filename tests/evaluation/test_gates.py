"""Gates: each fires on its sign, names its evidence, and stays silent otherwise."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

import clvmodels as clv
from clvmodels.evaluation.gates import (
    Gate,
    convergence_gate,
    history_gate,
    holdout_gate,
    interval_gate,
    model_gates,
    posterior_gate,
    repeat_gate,
    size_gate,
    verdict,
)
from clvmodels.evaluation.split import Forecast, Split
from clvmodels.units import Duration
from clvmodels.value.shock import CommonShock
from tests.shops import simulate_shop

CHECK = Split(
    origin=date(2024, 1, 1),
    end=date(2024, 7, 1),
    customers=500,
    actual_purchases=400,
    actual_spend=None,
    model="bgnbd",
    forecasts={"bgnbd": Forecast(410.0, None, 0.5, 0.9)},
)


def test_the_worst_sign_decides():
    green, amber, red = (Gate("g", level, "", "") for level in ("green", "amber", "red"))
    assert verdict([green, green]) == "trusted"
    assert verdict([green, amber, green]) == "caution"
    assert verdict([amber, red, green]) == "untrusted"


def test_what_cannot_be_told_is_neither_good_nor_bad():
    green, grey, amber = (Gate("g", level, "", "") for level in ("green", "grey", "amber"))
    assert verdict([green, grey]) == "trusted"
    assert verdict([grey, amber]) == "caution"


@pytest.mark.parametrize(
    ("repeaters", "level"), [(19, "red"), (20, "amber"), (99, "amber"), (100, "green")]
)
def test_repeat_customers_are_counted(repeaters, level):
    gate = size_gate(5_000, repeaters)
    assert gate.level == level
    assert f"{repeaters:,} of 5,000" in gate.evidence


def test_a_horizon_beyond_the_log_is_amber():
    first, end = date(2024, 1, 1), date(2024, 12, 31)
    assert history_gate(first, end, Duration.parse("26w")).level == "green"
    assert history_gate(first, end, Duration.parse("2y")).level == "amber"
    assert history_gate(first, end, Duration.parse("lifetime")).level == "amber"


def test_hardly_any_repeats_is_amber():
    rare = clv.BetaGeoModel.from_params(
        {"r": 0.05, "alpha": 30.0, "a": 0.8, "b": 2.0}, time_unit="week"
    )
    usual = clv.BetaGeoModel.from_params(
        {"r": 0.25, "alpha": 4.0, "a": 0.8, "b": 2.0}, time_unit="week"
    )
    assert repeat_gate(rare, 1_000, 100).level == "amber"
    assert repeat_gate(usual, 1_000, 100).level == "green"
    assert repeat_gate(rare, 1_000, 600).level == "green"


def test_a_fit_that_did_not_converge_is_red():
    model = clv.BetaGeoModel().fit(simulate_shop(np.array([0.8, 20.0, 0.6, 3.0]), 300, seed=1))
    assert convergence_gate(model, "purchases").level == "green"
    model.fit_ = replace(model.fit_, diagnostics=model.diagnostics_ | {"converged": False})
    assert convergence_gate(model, "purchases").level == "red"


def test_parameters_that_were_given_have_no_fit_to_judge(tmp_path):
    given = clv.BetaGeoModel.from_params(
        {"r": 0.25, "alpha": 4.0, "a": 0.8, "b": 2.0}, time_unit="week"
    )
    spend = clv.GammaGammaModel.from_params({"p": 6.0, "q": 4.0, "gamma": 15.0}, time_unit="week")
    given.save(tmp_path / "purchases.json")
    for model in (given, clv.BetaGeoModel.load(tmp_path / "purchases.json")):
        gates = model_gates(model, spend)
        assert [gate.level for gate in gates] == ["grey", "grey"]
        assert all("given" in gate.evidence for gate in gates)
    # As a migrated model that stopped away from its mode.
    given.fit_ = replace(given.fit_, diagnostics=given.diagnostics_ | {"converged": False})
    assert convergence_gate(given, "purchases").level == "red"


@pytest.mark.parametrize(
    ("actual", "level"),
    [(400, "green"), (690, "green"), (710, "amber"), (235, "amber"), (0, "amber")],
)
def test_a_total_outside_its_interval_is_amber(actual, level):
    gate = holdout_gate(replace(CHECK, actual_purchases=actual), 0.9)
    assert gate.level == level
    assert "410" in gate.evidence
    assert f"{actual:,}" in gate.evidence


NUTS = {
    "posterior_method": "nuts",
    "r_hat": 1.004,
    "ess_bulk": 1_800.0,
    "ess_tail": 1_500.0,
    "divergences": 0,
    "bfmi": 0.9,
}


@pytest.mark.parametrize(
    ("diagnostics", "level", "said"),
    [
        ({"pareto_k": 0.7}, "green", "k-hat of 0.70"),
        ({"pareto_k": 0.71}, "red", "k-hat of 0.71"),
        ({"pareto_k": math.nan}, "red", "k-hat of nan"),
        (NUTS, "green", "R-hat 1.004"),
        (NUTS | {"r_hat": 1.02}, "red", "R-hat is 1.020"),
        (NUTS | {"ess_bulk": 300.0}, "red", "300 effective"),
        (NUTS | {"divergences": 3}, "red", "3 transitions diverged"),
        (NUTS | {"bfmi": 0.2}, "red", "BFMI is 0.20"),
    ],
)
def test_draws_that_cannot_be_relied_on_are_red(diagnostics, level, said):
    model = clv.BetaGeoModel().fit(
        simulate_shop(np.array([0.8, 20.0, 0.6, 3.0]), 100, seed=1), method="map"
    )
    assert posterior_gate(model, "purchases") is None
    found = {"posterior_method": "laplace", "effective_sample_size": 900.0} | diagnostics
    model.fit_ = replace(model.fit_, diagnostics=model.diagnostics_ | found)
    gate = posterior_gate(model, "purchases")
    assert gate is not None
    assert gate.level == level
    assert said in gate.evidence
    assert gate in model_gates(model, None)


@pytest.mark.parametrize(
    ("errors", "level"), [([], "grey"), ([0.2], "green"), ([0.5], "amber"), ([0.1] * 3, "green")]
)
def test_a_total_that_strays_widely_is_amber(errors, level):
    shock = CommonShock.of_errors(errors)
    gate = interval_gate(shock)
    assert gate.level == level
    assert ("No earlier window" in gate.evidence) == (not errors)
    assert (f"{shock.factor(0.9):.2f}" in gate.evidence) == bool(errors)


def test_an_interval_is_wide_beyond_its_threshold():
    def wide(factor):
        # Known for sure, the 90 % interval is 1.645 standard deviations to either side.
        return interval_gate(CommonShock(math.log(factor) / 1.6448536, math.inf, 3)).level

    assert (wide(1.749), wide(1.751)) == ("green", "amber")


def test_no_holdout_is_amber_not_silent():
    assert holdout_gate(None, 0.9).level == "amber"
