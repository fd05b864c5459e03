"""Samples of customers: the same ones by their ids, in a summary and in its log."""

from __future__ import annotations

import hashlib
import warnings

import numpy as np
import pyarrow as pa
import pytest

from clvmodels.kernels.gamma_gamma import GammaGamma
from clvmodels.transactions import sql
from clvmodels.transactions import summary as summaries
from clvmodels.transactions.columns import CustomerColumns
from tests.transactions.logs import quiet

CUSTOMERS = 2_000


def table(*, returns=False):
    rng = np.random.default_rng(4)
    size = 3 * CUSTOMERS
    who = np.concatenate([np.arange(CUSTOMERS), rng.integers(0, CUSTOMERS, size - CUSTOMERS)])
    days = np.datetime64("2024-01-01") + rng.integers(0, 400, size)
    amount = np.round(rng.gamma(2.0, 20.0, size), 2)
    if returns:
        amount[rng.random(size) < 0.05] *= -1.0
    return pa.table(
        {
            "customer_id": [f"C{i}" for i in who],
            "date": pa.array(days),
            "amount": amount,
            "order_id": rng.integers(0, 40, size),
        }
    )


def expected_ids(total, customers, ids):
    limit = f"{(customers << 64) // total:016x}"
    return sorted(i for i in ids if hashlib.md5(i.encode()).hexdigest() < limit)


def test_a_sample_of_a_summary_is_chosen_by_md5():
    summary = quiet(table()).summarize()
    part, whole = summary.sample(500), summary.columns()
    ids = part.customer_id.to_pylist()
    assert ids == expected_ids(len(summary), 500, whole.customer_id.to_pylist())
    assert len(ids) == pytest.approx(500, rel=0.15)
    at = [whole.customer_id.to_pylist().index(i) for i in ids]
    assert (part.frequency == whole.frequency[at]).all()
    assert (part.order_value == whole.order_value[at]).all()
    assert len(summary.sample(CUSTOMERS)) == len(summary)


@pytest.mark.parametrize("order_id", [None, "order_id"])
@pytest.mark.parametrize("returns", [False, True])
@pytest.mark.parametrize("known", [False, True])
def test_a_sample_of_a_log_is_the_log_of_these_customers(returns, order_id, known):
    rows = table(returns=returns)
    options = {"order_id": order_id} if order_id else {}
    log = quiet(rows, **options)
    held = log.summarize() if known else None
    part = log.sample(500)
    ids = set(rows["customer_id"].to_pylist())
    if returns:  # some never bought anything that counts
        ids = {i for i, amount in zip(*rows.select([0, 2]), strict=True) if amount.as_py() >= 0}
        ids = {i.as_py() for i in ids}
    total = len(ids)
    ids = set(expected_ids(total, 500, ids))
    keep = [i in ids for i in rows["customer_id"].to_pylist()]
    alone = quiet(rows.filter(pa.array(keep)), **options)
    assert part.share == pytest.approx(len(ids) / total)
    for end in ("2025-02-03", "2024-08-01"):
        assert part.summarize(end).to_arrow().equals(alone.summarize(end).to_arrow())
    got, want = part.before("2024-08-01"), alone.before("2024-08-01")
    assert got.summarize().to_arrow().equals(want.summarize().to_arrow())
    future = ("2024-08-01", "2025-01-01")
    assert part.holdout(*future).equals(alone.holdout(*future))
    del held


def test_a_log_with_no_more_customers_is_its_own_sample():
    log = quiet(table())
    assert log.sample(CUSTOMERS) is log
    assert log.share == 1.0


@pytest.fixture
def spenders():
    return quiet(table()).summarize()


def test_put_together_orders_have_the_likelihood_of_all(spenders, monkeypatch):
    exact = spenders.orders()
    monkeypatch.setattr(summaries, "_MOST_ORDERS", 10)
    bins = quiet(table()).summarize().orders()
    assert bins.bin_width == sql.SPEND_BIN
    assert exact.bin_width == 0.0
    assert bins.weights.sum() == pytest.approx(exact.weights.sum(), rel=1e-12)
    kernel = GammaGamma()
    for theta in np.array([[6.25, 3.74, 15.44], [1.2, 2.2, 40.0], [25.0, 9.0, 12.0]]):
        one = kernel.log_likelihood_gradient(
            theta, exact.frequency, exact.monetary_value, weight=exact.weights
        )
        other = kernel.log_likelihood_gradient(
            theta, bins.frequency, bins.monetary_value, weight=bins.weights
        )
        bound = kernel.binning_error(theta, bins.frequency, bins.weights, bins.bin_width)
        assert abs(one[0] - other[0]) < bound + 1e-11 * abs(one[0])
        np.testing.assert_allclose(other[1], one[1], atol=1e-5 * exact.weights.sum() ** 0.5)


def test_a_wide_bin_stays_within_its_bound(monkeypatch):
    """Random contents of bins so wide that the bound is no matter of rounding."""
    rng = np.random.default_rng(8)
    size = 5_000
    x = rng.integers(1, 4, size)
    place = rng.integers(0, 12, size)
    off = rng.beta(0.5, 0.8, size) - 0.5
    monkeypatch.setattr("clvmodels.transactions.columns.SPEND_BIN", 0.8)
    spent = np.exp((place + 0.5 + off) * 0.8)
    key, which = np.unique(x * 100 + place, return_inverse=True)

    def sums(values):
        return np.bincount(which, weights=values)

    steps = off * sql.SPEND_STEPS
    bins = pa.table(
        {
            "frequency": key // 100,
            "bin": key % 100,
            "weight": sums(np.ones(size)),
            "first": sums(steps),
            "second": sums(steps**2),
            "third": sums((steps / sql.COARSER) ** 3),
        }
    )
    columns = CustomerColumns.from_spend_bins(bins, "day")
    kernel, theta = GammaGamma(), np.array([3.0, 2.5, 30.0])
    exact, _ = kernel.log_likelihood_gradient(theta, x, spent / x, weight=np.ones(size))
    got, _ = kernel.log_likelihood_gradient(
        theta, columns.frequency, columns.monetary_value, weight=columns.weights
    )
    bound = kernel.binning_error(theta, columns.frequency, columns.weights, columns.bin_width)
    assert 1e-4 * bound < abs(exact - got) < bound


def test_the_queries_speak_spark():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import sqlglot

        for query in (sql.spend_bins_query("customers"), f"SELECT {sql.in_sample(5, 100)}"):
            assert sqlglot.transpile(query, read="duckdb", write="spark")


def test_a_fit_says_how_far_putting_together_may_be_off(spenders, monkeypatch):
    from clvmodels.models import GammaGammaModel

    exact = GammaGammaModel().fit(spenders, method="map")
    monkeypatch.setattr(summaries, "_MOST_ORDERS", 10)
    bins = GammaGammaModel().fit(quiet(table()).summarize(), method="map")
    assert "binning_error" not in exact.diagnostics_
    assert 0.0 < bins.diagnostics_["binning_error"] < 1e-6
    for name, value in exact.params_.items():
        assert bins.params_[name] == pytest.approx(value, rel=1e-6)
