"""Among customers with a membership probability of p, the claim is true of a share p."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import clvmodels as clv
from clvmodels.config.segments import SEGMENT_KINDS, SegmentRules
from clvmodels.segments.kinds import CODES
from clvmodels.segments.learn import expectations, learn_segments
from clvmodels.value.plug_in import take
from clvmodels.value.scorer import Scorer
from tests.segments.worlds import world
from tests.value.posteriors import with_draws


def calibrated(probability, true, bins=4):
    """Every quantile bin within 4.5 standard errors: one test in some thousand fails by chance."""
    order = np.argsort(probability, kind="stable")
    for part in np.array_split(order, bins if len(order) > 400 else 1):
        said, seen = probability[part].mean(), true[part].mean()
        spread = np.sqrt((probability[part] * (1.0 - probability[part])).sum()) / len(part)
        assert abs(said - seen) <= 4.5 * max(spread, 0.5 / len(part)), (said, seen, len(part))


def truth(kind, made, limit, measure):
    """What the segment claims, of every customer."""
    above = (made.spend if measure == "clv" else made.purchases) >= limit
    return {
        "new": made.active,
        "promising": made.active,
        "champions": made.active & above,
        "loyal": made.active & ~above,
        "at_risk": above,
        "fading": ~made.active,
        "one_time": made.purchases == 0,
        "lapsed": ~made.active,
    }[kind]


def check_claims(made, scorer, fewest=8):
    segmenter = learn_segments(made.columns, scorer, SegmentRules())
    scores = expectations(made.columns, scorer)
    codes, probability = segmenter.assign(made.columns, scores, scorer)
    assert np.isfinite(probability).all()
    assert ((probability >= 0.0) & (probability <= 1.0)).all()
    looked_at = 0
    for kind in SEGMENT_KINDS:
        who = codes == CODES[kind]
        if kind == "at_risk":
            who &= made.active  # what it claims is claimed of those who are
        if who.sum() >= 50:
            limit = segmenter.limits.top
            calibrated(probability[who], truth(kind, made, limit, segmenter.limits.tier)[who])
            looked_at += 1
    assert looked_at >= fewest


@pytest.mark.parametrize("model", ["bgnbd", "mbgnbd", "pareto_nbd"])
def test_claims_are_calibrated(model):
    made = world(model, 6_000, seed=5, weeks=52.0, span=60)
    check_claims(made, made.value.scorer("52w", 0.9), fewest=7)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["bgnbd", "mbgnbd", "pareto_nbd"])
def test_claims_of_many_are_calibrated(model):
    made = world(model, 100_000, seed=5, weeks=52.0)
    check_claims(made, made.value.scorer("52w", 0.9))


def test_claims_are_calibrated_without_money():
    made = world("bgnbd", 6_000, seed=6, weeks=52.0, span=60)
    check_claims(made, replace(made.value, spend=None).scorer("52w", 0.9))


def test_claims_are_calibrated_where_value_is_simulated():
    made = world("bgnbd", 1_000, seed=7, weeks=104.0, span=24)
    check_claims(made, made.value.scorer("104w", 0.9), fewest=4)


def test_claims_are_calibrated_where_nobody_leaves():
    made = world("nbd", 5_000, seed=8, weeks=52.0, span=60)
    check_claims(made, made.value.scorer("52w", 0.9), fewest=5)


@pytest.mark.parametrize(
    ("horizon", "money"),
    [("26w", True), ("26w", False), pytest.param("2y", True, marks=pytest.mark.slow)],
)
def test_draws_are_mixed(horizon, money):
    """The probability is the mean over the points of the posterior that the scores use."""
    made = world("mbgnbd", 150, seed=9, weeks=1.0, span=40)
    purchases = with_draws(clv.ModifiedBetaGeoModel().fit(made.columns, method="map"), shrunk=0.4)
    spend = clv.GammaGammaModel().fit(made.columns, method="map") if money else None
    scorer = clv.CustomerValue(purchases, spend).scorer(horizon, 0.9)
    assert len(scorer.parts) > 1
    segmenter = learn_segments(made.columns, scorer, SegmentRules(top_share=0.4))
    scores = expectations(made.columns, scorer)
    codes, probability = segmenter.assign(made.columns, scores, scorer)
    each = []
    for part in scorer.parts:
        alone = Scorer(part.purchases, part.spend, scorer.terms, 0.9)
        here = expectations(made.columns, alone)
        said = segmenter._claims_of(alone).probability(made.columns, here, codes)
        # What is claimed of active customers weighs by how likely they are.
        weight = np.where(codes == CODES["at_risk"], here["probability_alive"], 1.0)
        each.append(said * weight)
    mean = np.mean(each, axis=0)
    mean[codes == CODES["at_risk"]] /= scores["probability_alive"][codes == CODES["at_risk"]]
    # Where value is simulated, every point draws its own futures.
    assert probability == pytest.approx(mean, abs=2e-9 if horizon == "26w" else 0.05)


def test_a_lifetime_without_amounts_tells_no_tier_from_a_distribution():
    made = world("bgnbd", 2_000, seed=10, weeks=1.0)
    value = replace(made.value, spend=None, annual_discount_rate=0.1)
    scorer = value.scorer("lifetime", 0.9)
    segmenter = learn_segments(made.columns, scorer, SegmentRules())
    scores = expectations(made.columns, scorer)
    codes, probability = segmenter.assign(made.columns, scores, scorer)
    tiered = np.isin(codes, [CODES[kind] for kind in ("champions", "loyal", "at_risk")])
    assert np.isnan(probability[tiered]).all()
    assert np.isfinite(probability[~tiered]).all()
    assert segmenter.limits.tier == "discounted_purchases"


def test_costs_shift_the_limit_and_not_the_claims():
    """A cost per customer takes the same from everybody: claims about value don't change."""
    made = world("bgnbd", 3_000, seed=11, weeks=1.0)
    found = []
    for cost in (0.0, 25.0):
        scorer = replace(made.value, cost_per_customer_year=cost).scorer("52w", 0.9)
        segmenter = learn_segments(made.columns, scorer, SegmentRules())
        found.append(segmenter.assign(made.columns, expectations(made.columns, scorer), scorer))
    assert (found[0][0] == found[1][0]).all()
    assert found[0][1] == pytest.approx(found[1][1], abs=1e-9)


def test_ages_of_any_length_give_the_same():
    """Whole days are looked up in a table by day, others one by one."""
    made = world("bgnbd", 500, seed=12, weeks=1.0)
    scorer = made.value.scorer("52w", 0.9)
    odd = replace(made.columns, age=made.columns.age + 1e-7)
    segmenter = learn_segments(made.columns, scorer, SegmentRules())
    whole = segmenter.assign(made.columns, expectations(made.columns, scorer), scorer)
    other = segmenter.assign(odd, expectations(odd, scorer), scorer)
    assert (whole[0] == other[0]).all()
    assert whole[1] == pytest.approx(other[1], abs=1e-6)
    one = take(made.columns, slice(3, 4))
    alone = segmenter.assign(one, expectations(one, scorer), scorer)
    assert alone[1] == pytest.approx(whole[1][3:4], abs=1e-12)
