"""NUTS: its judgement of itself, and that importance sampling comes to the same."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import clvmodels as clv
from clvmodels.errors import PosteriorWarning
from clvmodels.inference.density import LogDensity
from clvmodels.inference.fit import Fit, fit_kernel
from clvmodels.inference.laplace import LARGEST_PARETO_K
from clvmodels.inference.nuts import nuts_posterior, unmet_thresholds
from clvmodels.inference.posterior import Posterior
from clvmodels.transactions.columns import CustomerColumns
from tests.shops import simulate_shop

GOOD = {"r_hat": 1.005, "ess_bulk": 900.0, "ess_tail": 700.0, "divergences": 0, "bfmi": 0.8}


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("r_hat", 1.02, "R-hat is 1.020"),
        ("r_hat", np.nan, "R-hat is nan"),
        ("ess_bulk", 250.0, "the bulk has 250"),
        ("ess_tail", 399.0, "the tails have 399"),
        ("divergences", 3, "3 transitions diverged"),
        ("bfmi", 0.2, "BFMI is 0.20"),
        ("bfmi", np.nan, "BFMI is nan"),
    ],
)
def test_each_threshold_is_named_when_it_is_missed(name, value, told):
    assert unmet_thresholds(GOOD) == []
    (complaint,) = unmet_thresholds({**GOOD, name: value})
    assert re.match(told, complaint)


def cdnow(which: str) -> CustomerColumns:
    return clv.load_cdnow(which).summarize("1997-09-30", time_unit="week").columns()


def some_of(everybody: CustomerColumns, who: np.ndarray) -> CustomerColumns:
    return CustomerColumns(
        everybody.frequency[who],
        everybody.recency[who],
        everybody.age[who],
        everybody.monetary_value[who],
        everybody.time_unit,
    )


def random_few(n: int, seed: int) -> CustomerColumns:
    everybody = cdnow("sample")
    return some_of(everybody, np.random.default_rng(seed).choice(len(everybody), n, replace=False))


def nobody_leaves() -> CustomerColumns:
    """Nearly so: the chance to leave after a purchase is one in a thousand."""
    return simulate_shop(np.array([1.5, 12.0, 0.02, 20.0]), 1_000, seed=8)


def one_timers() -> CustomerColumns:
    """Nine in ten never come back."""
    everybody = simulate_shop(np.array([0.9, 12.0, 0.8, 2.5]), 4_000, seed=9)
    again, once = np.flatnonzero(everybody.frequency), np.flatnonzero(everybody.frequency == 0)
    few = len(once) // 9
    return some_of(everybody, np.concatenate([once, again[:few]]))


CASES = {
    "cdnow sample": lambda: cdnow("sample"),
    "cdnow master": lambda: cdnow("master"),
    "100 customers": lambda: random_few(100, seed=1),
    "300 customers": lambda: random_few(300, seed=2),
    "nobody leaves": nobody_leaves,
    "one-timers": one_timers,
}


def densities(model: type, customers: CustomerColumns, seed: int) -> tuple[Fit, LogDensity]:
    """What auto gives, and the density that it is of."""
    evidence = model()._evidence(customers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PosteriorWarning)
        fit = fit_kernel(
            model.kernel, evidence.columns, evidence.weight, evidence.scale, "auto", seed=seed
        )
    assert fit.posterior is not None
    return fit, evidence.density(model.kernel)


@pytest.fixture(scope="module")
def both():
    """By importance sampling and by NUTS, each case fitted once."""

    @cache
    def fitted(model: type, case: str) -> tuple[Fit, Posterior]:
        fit, density = densities(model, CASES[case](), seed=1)
        chain = nuts_posterior(
            density, fit.coordinates, fit.coordinate_covariance, seed=2, progress=False
        )
        return fit, chain

    return fitted


def agree(fit: Fit, chain: Posterior) -> None:
    assert fit.posterior.method == "laplace"
    assert fit.posterior.diagnostics["pareto_k"] <= LARGEST_PARETO_K
    assert unmet_thresholds(chain.diagnostics) == []
    for ours, theirs in (
        (fit.posterior.coordinates, chain.coordinates),
        (np.log(fit.posterior.parameters), np.log(chain.parameters)),
    ):
        sd = theirs.std(axis=0)
        np.testing.assert_array_less(np.abs(ours.mean(axis=0) - theirs.mean(axis=0)) / sd, 0.1)
        np.testing.assert_allclose(ours.std(axis=0), sd, rtol=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_purchases_by_importance_sampling_are_those_of_nuts(case, both):
    agree(*both(clv.BetaGeoModel, case))


@pytest.mark.slow
@pytest.mark.parametrize("case", ["cdnow sample", "100 customers"])
def test_spend_by_importance_sampling_is_that_of_nuts(case, both):
    agree(*both(clv.GammaGammaModel, case))


@pytest.mark.slow
@pytest.mark.parametrize("case", ["cdnow sample", "100 customers"])
def test_quantiles_of_the_total_are_those_of_nuts(case, both):
    """Of the expected value of the base, which the parameters leave open."""
    customers, totals = CASES[case](), []
    for which in (0, 1):
        pair = []
        for kind in (clv.BetaGeoModel, clv.GammaGammaModel):
            found = both(kind, case)
            model = kind()
            model.time_unit_, model.fingerprint_ = "week", None
            model.fit_ = replace(found[0], posterior=(found[0].posterior, found[1])[which])
            pair.append(model)
        draws = clv.CustomerValue(*pair).total_draws(customers, "1y", draws=1_000)
        totals.append(draws["clv"])
    ours, theirs = totals
    levels = np.array([0.05, 0.5, 0.95])
    # Three standard errors of quantiles of so many draws, by a normal's density there. For few
    # customers, whose total is known to a third or so, that is more than one in a hundred.
    density = np.array([0.103, 0.399, 0.103]) / theirs.std()
    noise = 3.0 * np.sqrt(2.0 * levels * (1.0 - levels) / len(theirs)) / density
    miss = np.abs(np.quantile(ours, levels) - np.quantile(theirs, levels))
    allowed = 0.01 * np.quantile(theirs, levels)
    np.testing.assert_array_less(miss, allowed if case == "cdnow sample" else noise)


@pytest.mark.slow
def test_nuts_is_a_method_of_every_model_and_repeats_itself():
    customers = random_few(100, seed=3)
    first = clv.BetaGeoModel().fit(customers, method="nuts", seed=4)
    again = clv.BetaGeoModel().fit(customers, method="nuts", seed=4)
    assert first.fit_.method == "nuts"
    assert first.fit_.posterior.chains == 4
    np.testing.assert_array_equal(
        first.fit_.posterior.coordinates, again.fit_.posterior.coordinates
    )
    groups = first.to_arviz(customers)
    assert dict(groups["posterior"].sizes) == {"chain": 4, "draw": 1_000}
    assert {"r_hat", "ess_bulk", "ess_tail", "divergences", "bfmi"} <= set(
        first.fit_.posterior.diagnostics
    )
