"""Models that contain each other: the larger one is never less likely at its maximum."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvmodels.errors import ConvergenceWarning
from clvmodels.models import PURCHASE_MODELS
from tests.oracle.subjects import SUBJECTS
from tests.shops import simulate_shop

# NBD is where nobody leaves: a → 0 in (M)BG/NBD, β → ∞ in Pareto/NBD.
CONTAIN_NBD = ("bgnbd", "mbgnbd", "pareto_nbd")


def log_likelihoods(shop) -> dict[str, float]:
    with warnings.catch_warnings():
        # A customer base that nobody leaves has no finite maximum in the larger models.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return {
            name: PURCHASE_MODELS[name]().fit(shop, method="mle").log_likelihood_
            for name in ("nbd", *CONTAIN_NBD)
        }


def assert_nested(name: str, spread: list[float], customers: int, span: float, seed: int) -> None:
    """Parameters are the published ones times exp(spread)."""
    subject = SUBJECTS[name]
    theta = np.array(subject.published) * np.exp(spread[: len(subject.published)])
    shop = simulate_shop(theta, customers, seed, span=span, kernel=subject.kernel)
    found = log_likelihoods(shop)
    for larger in CONTAIN_NBD:
        assert found["nbd"] <= found[larger] + 1e-6, larger


anything = {
    "name": st.sampled_from(sorted(SUBJECTS)),
    "spread": st.lists(st.floats(-2.0, 2.0), min_size=4, max_size=4),
    "customers": st.integers(20, 600),
    "span": st.sampled_from([26.0, 104.0, 400.0]),
    "seed": st.integers(0, 2**32 - 1),
}


@settings(max_examples=3, deadline=None, derandomize=True)
@given(**anything)
def test_nbd_is_never_likelier(name, spread, customers, span, seed):
    assert_nested(name, spread, customers, span, seed)


@pytest.mark.slow
@settings(max_examples=200, deadline=None, derandomize=True)
@given(**anything)
def test_nbd_is_never_likelier_on_many_logs(name, spread, customers, span, seed):
    assert_nested(name, spread, customers, span, seed)


def test_where_nobody_leaves_all_models_agree():
    """The larger models end at their edge, and tell the same customers apart no better."""
    shop = simulate_shop(
        np.array([1.2, 10.0]), 500, seed=0, span=104.0, kernel=SUBJECTS["nbd"].kernel
    )
    found = log_likelihoods(shop)
    for larger in CONTAIN_NBD:
        assert -1e-6 <= found[larger] - found["nbd"] < 4.0


def test_where_many_leave_nbd_is_far_behind():
    shop = simulate_shop(np.array([0.8, 5.0, 0.9, 2.5]), 2000, seed=4)
    found = log_likelihoods(shop)
    for larger in CONTAIN_NBD:
        assert found[larger] > found["nbd"] + 100.0
