"""The maximum-likelihood estimates by 50-digit arithmetic: no direction is left to climb."""

from __future__ import annotations

import pytest

from clvmodels.models import PURCHASE_MODELS
from tests.oracle import gamma_gamma
from tests.oracle.mixing import mp
from tests.oracle.subjects import SUBJECTS


@pytest.mark.slow
@pytest.mark.parametrize("name", SUBJECTS)
def test_purchase_score_is_zero(customers, name):
    oracle = SUBJECTS[name].oracle
    fit = PURCHASE_MODELS[name]().fit(customers, method="mle")
    theta = list(fit.params_.values())
    triples = customers.triples()
    score, total = [mp.zero] * len(theta), mp.zero
    rows = zip(triples.frequency, triples.recency, triples.age, triples.weights, strict=True)
    for x, t_x, age, weight in rows:
        slopes = oracle.gradient(theta, int(x), t_x, age)
        score = [s + weight * slope for s, slope in zip(score, slopes, strict=True)]
        total += weight * oracle.log_likelihood(theta, int(x), t_x, age)
    assert fit.log_likelihood_ == pytest.approx(float(total), rel=1e-12)
    # A score of 1e-6 in a log-parameter moves the estimate by about 1e-8 of itself.
    assert max(abs(s) * p for s, p in zip(score, theta, strict=True)) < 1e-6


def test_gamma_gamma_score_is_zero(customers, spend):
    theta = list(spend.params_.values())
    orders = customers.orders()
    score, total = [mp.zero] * 3, mp.zero
    for x, m, weight in zip(orders.frequency, orders.monetary_value, orders.weights, strict=True):
        slopes = gamma_gamma.gradient(theta, int(x), m)
        score = [s + weight * slope for s, slope in zip(score, slopes, strict=True)]
        total += weight * gamma_gamma.log_likelihood(theta, int(x), m)
    assert spend.log_likelihood_ == pytest.approx(float(total), rel=1e-12)
    assert max(abs(s) * p for s, p in zip(score, theta, strict=True)) < 1e-6
