"""Totals of segments: sums of customers, uncertain together, adding up to the base."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import clvmodels as clv
from clvmodels.config.segments import SegmentRules
from clvmodels.segments.learn import expectations, learn_segments
from clvmodels.segments.totals import QUANTITIES, segment_totals
from clvmodels.value.shock import NO_SHOCK, CommonShock, CommonShocks
from clvmodels.value.totals import ValueGroups, value_totals
from tests.segments.worlds import world
from tests.value.posteriors import with_draws

SHOCKS = CommonShocks(CommonShock(0.1, 8.0), CommonShock(0.2, 6.0))


def divided(made, scorer):
    segmenter = learn_segments(made.columns, scorer, SegmentRules())
    codes, _ = segmenter.assign(made.columns, expectations(made.columns, scorer), scorer)
    return codes, ValueGroups.of(made.columns, codes).divided(8)


def fitted(draws):
    made = world("bgnbd", 400, seed=1, weeks=1.0)
    purchases = clv.BetaGeoModel().fit(made.columns, method="map")
    spend = clv.GammaGammaModel().fit(made.columns, method="map")
    if draws:
        purchases = with_draws(purchases, shrunk=0.4)
    terms = {"margin": 0.5, "cost_per_customer_year": 3.0}
    return made, clv.CustomerValue(purchases, spend, **terms).scorer("26w", 0.9)


@pytest.fixture(scope="module", params=[False, True], ids=["mode", "draws"])
def base(request):
    made, scorer = fitted(request.param)
    assert (scorer.averaging.draws_used > 1) == request.param
    codes, groups = divided(made, scorer)
    return made, scorer, codes, groups


def test_expectations_are_sums_over_customers(base):
    made, scorer, codes, groups = base
    totals, scores = segment_totals(groups, scorer, SHOCKS), scorer.score(made.columns)
    names = ("probability_alive", "expected_purchases", "clv", "potential_value")
    for which, name in enumerate(names):
        sums = np.bincount(codes, weights=scores[name], minlength=8)
        assert totals.expected[:, which] == pytest.approx(sums, rel=1e-9), name
    assert totals.customers.tolist() == np.bincount(codes, minlength=8).tolist()


def test_segments_together_are_the_base(base):
    made, scorer, _, groups = base
    totals = segment_totals(groups, scorer, SHOCKS)
    whole = value_totals(ValueGroups.of(made.columns), scorer, 0.9, SHOCKS)
    for quantity in QUANTITIES:
        ours, theirs = totals.total(quantity, range(8), 0.9), getattr(whole, quantity)
        for name in ("expected", "lower", "upper", "sd_parameters", "sd_customers"):
            assert getattr(ours, name) == pytest.approx(getattr(theirs, name), rel=2e-5), name
        assert ours.common_shock == theirs.common_shock


def test_a_segment_is_a_base_of_its_own(base):
    _, scorer, codes, groups = base
    totals = segment_totals(groups, scorer, SHOCKS)
    code = int(np.bincount(codes).argmax())
    alone = value_totals(groups[code], scorer, 0.8, SHOCKS).clv
    ours = totals.total("clv", [code], 0.8)
    assert (ours.lower, ours.upper) == pytest.approx((alone.lower, alone.upper), rel=2e-5)


def test_joint_draws_spread_as_the_parts_say_and_add_up(base):
    _, scorer, _, groups = base
    totals = segment_totals(groups, scorer, CommonShocks(NO_SHOCK, NO_SHOCK))
    joint = totals.joint("clv", seed=1)
    assert joint.draws.mean(axis=0) == pytest.approx(joint.expected, rel=0.05, abs=5.0)
    spread = np.hypot(joint.sd_parameters, joint.sd_customers)
    assert joint.draws.std(axis=0) == pytest.approx(spread, rel=0.1)
    whole = totals.total("clv", range(8), 0.9)
    together = joint.draws.sum(axis=1)
    sd = np.hypot(whole.sd_parameters, whole.sd_customers)
    assert together.std() == pytest.approx(sd, rel=0.05)


def test_segments_vary_together_with_the_parameters(base):
    _, scorer, _, groups = base
    totals = segment_totals(groups, scorer, CommonShocks(NO_SHOCK, NO_SHOCK))
    alone = replace(totals, variance=np.zeros_like(totals.variance))
    shared = totals.deviations[:, :, QUANTITIES.index("clv")]
    covariance = shared.T @ shared
    sd = np.sqrt(covariance.diagonal())
    correlation = covariance / np.outer(sd, sd)
    assert np.ptp(correlation) > 0.5
    assert np.corrcoef(alone.joint("clv").draws.T) == pytest.approx(correlation, abs=0.05)


def test_a_shock_strikes_all_segments_at_once(base):
    _, scorer, _, groups = base
    shocks = CommonShocks(CommonShock(0.3, np.inf), CommonShock(0.3, np.inf))
    joint = segment_totals(groups, scorer, shocks).joint("purchases")
    large = np.argsort(joint.expected)[-3:]
    assert np.corrcoef(joint.draws[:, large].T).min() > 0.6


def test_a_segment_may_be_empty():
    made, scorer = fitted(draws=False)
    groups = ValueGroups.of(made.columns, np.full(len(made.columns), 2)).divided(8)
    totals = segment_totals(groups, scorer, SHOCKS)
    assert totals.expected[0].tolist() == [0.0, 0.0, 0.0, 0.0]
    nothing = totals.total("clv", [0], 0.9)
    assert (nothing.expected, nothing.lower, nothing.upper) == (0.0, 0.0, 0.0)
    assert np.isfinite(totals.joint("clv").draws).all()


def test_without_money_there_are_no_totals_in_it():
    made = world("bgnbd", 300, seed=1, weeks=1.0)
    scorer = clv.CustomerValue(made.value.purchases, None).scorer("26w", 0.9)
    _, groups = divided(made, scorer)
    totals = segment_totals(groups, scorer, SHOCKS)
    assert totals.total("clv", [1], 0.9) is None
    assert totals.joint("potential_value") is None
    assert totals.total("purchases", [1], 0.9).expected > 0.0
