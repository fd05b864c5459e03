"""Power-scaling: against ArviZ, and where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from clvmodels.inference.compat import import_arviz, labelled_groups
from clvmodels.inference.sensitivity import SENSITIVE, power_sensitivity, rescaled_moments


def normal_posterior(prior_sd: float, data_sd: float, seen: float, draws: int = 4_000):
    """Draws of a normal mean with a normal prior around 0, and the two log-densities."""
    precision = prior_sd**-2 + data_sd**-2
    mean = seen * data_sd**-2 / precision
    rng = np.random.default_rng(5)
    values = mean + rng.standard_normal(draws) / np.sqrt(precision)
    return values[:, None], -0.5 * (values / prior_sd) ** 2, -0.5 * ((values - seen) / data_sd) ** 2


def test_it_is_what_arviz_finds():
    values, log_prior, log_likelihood = normal_posterior(1.0, 0.7, 2.0)
    for component in (log_prior, log_likelihood):
        # ArviZ 0.23 takes a prior only in a roundabout way, so either is given as the likelihood.
        data = labelled_groups(
            {"posterior": {"mu": values.T}, "log_likelihood": {"y": component[None]}},
            dims={},
            coords={},
        )
        arviz = import_arviz()
        theirs = (
            arviz.psens(data, component="likelihood")
            if arviz.__version__.startswith("0.")
            else arviz.psense(data, group="likelihood")
        )
        ours = power_sensitivity(values, component)[0]
        assert ours == pytest.approx(float(theirs["mu"]), rel=0.01)


def test_a_prior_far_from_the_data_is_found_and_a_flat_one_is_not():
    values, log_prior, log_likelihood = normal_posterior(1.0, 1.0, 8.0)
    assert power_sensitivity(values, log_prior)[0] > SENSITIVE
    assert power_sensitivity(values, log_likelihood)[0] > SENSITIVE
    values, log_prior, _ = normal_posterior(100.0, 1.0, 3.0)
    assert power_sensitivity(values, log_prior)[0] < 0.01


def test_moments_with_the_prior_squared_are_those_of_that_prior():
    values, log_prior, _ = normal_posterior(1.0, 0.7, 1.0, draws=200_000)
    mean, sd, pareto_k = rescaled_moments(values, log_prior, 2.0)
    precision = 2.0 + 0.7**-2
    assert mean[0] == pytest.approx(0.7**-2 / precision, abs=0.01)
    assert sd[0] == pytest.approx(precision**-0.5, rel=0.01)
    assert pareto_k < 0.5
