"""Leave-one-out prediction with weights: against ArviZ, and against fits without the customer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import clvmodels as clv
from clvmodels.inference.compat import import_arviz, labelled_groups
from clvmodels.inference.loo import LeaveOneOut, leave_one_out


@pytest.fixture(scope="module")
def cdnow():
    customers = clv.load_cdnow("sample").summarize("1997-09-30", time_unit="week")
    return customers, clv.BetaGeoModel().fit(customers).fit_.posterior


def test_weights_give_what_arviz_finds_for_every_customer(cdnow):
    customers, posterior = cdnow
    posterior = replace(posterior, coordinates=posterior.coordinates[::4])
    triples, everybody = customers.triples(), customers.columns()
    ours = leave_one_out(
        posterior, (triples.frequency, triples.recency, triples.age), triples.weights
    )
    assert len(ours.weight) < len(everybody) == 2357 == ours.weight.sum()
    each = posterior.kernel.log_likelihood(
        posterior.parameters.T[:, :, None],
        everybody.frequency,
        everybody.recency,
        everybody.age,
    )
    data = labelled_groups(
        {
            "posterior": {"r": posterior.parameters[None, :, 0]},
            "log_likelihood": {"customer": each[None]},
        },
        dims={"customer": ["entry"]},
        coords={"entry": np.arange(len(everybody))},
    )
    theirs = import_arviz().loo(data, pointwise=True, reff=1.0)
    elpd, error, p = theirs_of(theirs)
    # ArviZ 0.23 gives the same to rounding; ArviZ 1 cuts the tails elsewhere and divides by n - 1.
    same = import_arviz().__version__.startswith("0.")
    error *= 1.0 if same else np.sqrt(2356 / 2357)
    assert ours.elpd == pytest.approx(elpd, rel=1e-9 if same else 1e-7)
    assert ours.standard_error == pytest.approx(error, rel=1e-9 if same else 1e-6)
    assert ours.effective_parameters == pytest.approx(p, rel=1e-6 if same else 1e-3)
    k = np.asarray(theirs.pareto_k)
    # In the order of the triples.
    keys = np.stack([everybody.frequency, everybody.recency, everybody.age])
    _, which = np.unique(keys, axis=1, return_inverse=True)
    np.testing.assert_allclose(ours.pareto_k[which.ravel()], k, atol=1e-6 if same else 0.1)
    assert ours.unreliable_customers == 0.0


def theirs_of(found):
    """Names differ between releases."""
    if hasattr(found, "elpd_loo"):
        return found.elpd_loo, found.se, found.p_loo
    return found.elpd, found.se, found.p


def test_memory_is_bounded_by_chunks(cdnow, monkeypatch):
    customers, posterior = cdnow
    posterior = replace(posterior, coordinates=posterior.coordinates[:50])
    triples = customers.triples()
    columns = (triples.frequency, triples.recency, triples.age)
    whole = leave_one_out(posterior, columns, triples.weights)
    monkeypatch.setattr("clvmodels.inference.loo._CELLS_AT_ONCE", 7 * 50)
    pieces = leave_one_out(posterior, columns, triples.weights)
    np.testing.assert_allclose(pieces.pointwise, whole.pointwise, rtol=1e-12)
    np.testing.assert_allclose(pieces.fitted, whole.fitted, rtol=1e-12)


def test_the_left_out_are_predicted_as_by_a_fit_without_them():
    customers = clv.load_cdnow("sample").summarize("1997-09-30", time_unit="week").to_pandas()
    some = customers.iloc[::20].reset_index(drop=True)
    model = clv.BetaGeoModel().fit(some, time_unit="week", method="laplace")
    found, triples = model.loo(some), model._same_unit(some).triples()
    reliable = []
    for who in [0, 5, 17, 40, int(some["frequency"].argmax())]:
        person = [some[name].to_numpy()[[who]] for name in ("frequency", "recency", "T")]
        x, t_x, age = person
        (at,) = np.flatnonzero(
            (triples.frequency == x) & (triples.recency == t_x) & (triples.age == age)
        )
        rest = clv.BetaGeoModel().fit(some.drop(index=who), time_unit="week", method="laplace")
        thetas = rest.fit_.posterior.parameters.T[:, :, None]
        without = np.log(np.exp(rest.kernel.log_likelihood(thetas, *person)).mean())
        reliable.append(found.pareto_k[at] < 0.7)
        assert (abs(found.pointwise[at] - without) < 0.01) == reliable[-1]
        assert found.fitted[at] > found.pointwise[at]
    # The last bought 21 times in five weeks and then no more: weights alone don't leave them out.
    assert reliable == [True, True, True, True, False]
    assert found.unreliable_customers == 1.0


def test_differences_are_taken_customer_by_customer():
    weight = np.array([1.0, 3.0])
    zeros = np.zeros(2)
    first = LeaveOneOut(np.array([-1.0, -2.0]), zeros, np.array([0.2, 0.9]), weight)
    second = LeaveOneOut(np.array([-1.5, -4.0]), zeros, np.array([np.nan, 0.1]), weight)
    difference, error = first.less(second)
    assert difference == pytest.approx(0.5 + 3 * 2.0)
    everybody = np.array([0.5, 2.0, 2.0, 2.0])
    assert error == pytest.approx(np.sqrt(4 * everybody.var()))
    assert first.unreliable_customers == 3.0
    assert second.unreliable_customers == 1.0, "what cannot be judged is not reliable"
