"""How many customers change segment: found again by hand, and zero where nothing differs."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

import clvmodels as clv
from clvmodels.config.segments import SegmentRules
from clvmodels.segments import segment
from clvmodels.segments.learn import expectations, learn_segments
from clvmodels.segments.stability import segment_stability

END = date(1998, 6, 30)


def models(customers, purchases=clv.BetaGeoModel):
    return clv.CustomerValue(
        purchases().fit(customers, method="map"), clv.GammaGammaModel().fit(customers, method="map")
    )


@pytest.fixture(scope="module")
def log():
    return clv.load_cdnow("sample")


@pytest.fixture(scope="module")
def found(log):
    customers = log.summarize(END, time_unit="week")
    scorer = models(customers).scorer("1y", 0.9)
    segmenter = learn_segments(customers, scorer, SegmentRules())
    return segment_stability(log, scorer, segmenter, observation_end=END)


@pytest.mark.slow
def test_shares_are_those_found_by_hand(log, found):
    customers = log.summarize(END, time_unit="week")
    now = segment(models(customers), customers)
    rows = {row["name"]: row for row in found["rows"]}
    other = segment(models(customers, clv.ModifiedBetaGeoModel), customers)
    changed = other.codes != now.codes
    assert rows["MBG/NBD"]["changed"] == pytest.approx(changed.mean())
    clv_ = models(customers).predict(customers)["clv"].to_numpy()
    assert rows["MBG/NBD"]["value_share_changed"] == pytest.approx(clv_[changed].sum() / clv_.sum())
    past = log.before(END - timedelta(days=30)).summarize(END - timedelta(days=30), "week")
    scorer = models(past).scorer("1y", 0.9)
    earlier = learn_segments(past, scorer, SegmentRules())
    columns = customers.columns()
    codes = earlier.codes(columns, expectations(columns, scorer))
    (month,) = (row for row in found["rows"] if row["against"] == "month")
    assert month["changed"] == pytest.approx((codes != now.codes).mean())
    then = earlier.codes(past.columns(), expectations(past.columns(), scorer))
    assert found["moved"]["changed"] == pytest.approx((then != now.codes).mean())
    assert np.sum(found["moved"]["matrix"]) == len(past)
    assert np.trace(found["moved"]["matrix"]) == (then == now.codes).sum()


def test_nothing_differs_where_the_mode_serves(found):
    (seed,) = (row for row in found["rows"] if row["against"] == "seed")
    assert seed["changed"] == 0.0


def test_most_customers_stay_where_they_are(found):
    assert {row["against"] for row in found["rows"]} == {"seed", "month", "model"}
    assert all(row["changed"] < 0.12 for row in found["rows"])
    assert found["moved"]["changed"] < 0.12


@pytest.mark.slow
def test_two_seeds_are_compared_where_draws_matter(log):
    early = log.before("1997-04-15")
    customers = early.summarize("1997-04-15", time_unit="week")
    purchases = clv.BetaGeoModel().fit(customers, method="laplace")
    scorer = clv.CustomerValue(purchases, None).scorer("1y", 0.9)
    assert scorer.averaging.draws_used > 1
    segmenter = learn_segments(customers, scorer, SegmentRules())
    found = segment_stability(early, scorer, segmenter)
    (seed,) = (row for row in found["rows"] if row["against"] == "seed")
    assert 0.0 <= seed["changed"] < 0.1


def test_a_log_too_short_is_not_judged(log):
    customers = log.summarize(END, time_unit="week")
    scorer = models(customers).scorer("1y", 0.9)
    segmenter = learn_segments(customers, scorer, SegmentRules())
    assert segment_stability(log, scorer, segmenter, observation_end=date(1997, 1, 2)) is None
