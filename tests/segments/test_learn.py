"""Limits that are learned: between values, at the log's own pace."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clvmodels as clv
from clvmodels.config.segments import SegmentRules
from clvmodels.models import PURCHASE_MODELS
from clvmodels.segments import learn
from clvmodels.segments.learn import expectations, learn_segments, settling_days, upper_limit
from tests.segments.worlds import PARAMETERS, world
from tests.value.posteriors import with_draws


def test_the_limit_lies_between_two_values():
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    assert upper_limit(values, np.ones(5), 0.2) == 4.5
    assert upper_limit(values, np.ones(5), 0.4) == 3.5
    # Four of the customers with the highest value: one entry is enough.
    assert upper_limit(values, np.array([1.0, 1.0, 1.0, 1.0, 4.0]), 0.4) == 4.5


def test_ties_are_never_split():
    values = np.array([1.0] * 7 + [2.0] * 3)
    assert upper_limit(values, np.ones(10), 0.2) == 1.5
    nearly = np.array([1.0, 2.0, 2.0 * (1 + 1e-12), 2.0 * (1 + 2e-12)])
    assert upper_limit(nearly, np.ones(4), 0.3) == pytest.approx(1.5)
    assert upper_limit(np.full(4, 7.0), np.ones(4), 0.2) == 7.0


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 30), min_size=2, max_size=80), st.floats(0.05, 0.95))
def test_as_near_to_the_share_as_ties_allow(numbers, share):
    values = np.array(numbers, dtype=float)
    limit = upper_limit(values, np.ones(len(values)), share)
    reached = abs((values >= limit).mean() - share)
    others = [abs((values > cut).mean() - share) for cut in np.unique(values)[:-1]]
    assert reached <= min(others, default=1.0) + 1e-12


@pytest.mark.parametrize("model", sorted(PARAMETERS))
def test_settling_is_when_most_who_come_back_have(model):
    purchases = PURCHASE_MODELS[model].from_params(PARAMETERS[model], time_unit="week")
    days = settling_days(purchases, 365, 0.8)
    first = purchases.simulate(40_000, "365d", seed=1).query("time > 0")
    first = first.groupby("customer_id")["time"].min() * 7.0
    assert (first <= days).mean() == pytest.approx(0.8, abs=0.02)
    assert (first <= days - 1).mean() < (first <= days).mean()


def test_where_nobody_came_lately_the_newest_count_as_young():
    made = world("bgnbd", 2_000, seed=1, weeks=1.0)
    old = replace(made.columns, age=made.columns.age + 500.0, recency=made.columns.recency)
    scorer = made.value.scorer("1y", 0.9)
    limits = learn_segments(old, scorer, SegmentRules()).limits
    share = (old.age * 7.0 <= limits.new_until_days).mean()
    assert 0.1 <= share < 0.15
    strict = learn_segments(old, scorer, SegmentRules(newest_share=0.0)).limits
    assert strict.new_until_days == settling_days(scorer.purchases, 365, 0.8)
    # A fresh base is not all young.
    same = replace(made.columns, age=np.full(2_000, 60.0))
    assert learn_segments(same, scorer, SegmentRules()).limits.new_until_days < 420


def test_expectations_are_the_scores():
    made = world("mbgnbd", 200, seed=2, weeks=1.0)
    purchases = with_draws(clv.ModifiedBetaGeoModel().fit(made.columns, method="map"), shrunk=0.4)
    spend = clv.GammaGammaModel().fit(made.columns, method="map")
    terms = {"margin": 0.4, "cost_per_customer_year": 2.0}
    for model in (purchases, made.value.purchases):
        scorer = clv.CustomerValue(model, spend, **terms).scorer("26w", 0.9)
        scores = scorer.score(made.columns)
        for name, values in expectations(made.columns, scorer).items():
            assert values == pytest.approx(scores[name], rel=1e-9), name


def test_a_large_base_is_learned_from_its_sample(monkeypatch):
    made = world("bgnbd", 400, seed=3, weeks=1.0)
    scorer = made.value.scorer("1y", 0.9)
    asked = []

    class Large:
        time_unit = "week"
        triples = made.columns.triples

        def __len__(self):
            return 1000

        def sample(self, customers):
            asked.append(customers)
            return made.columns

        def columns(self):
            raise AssertionError

    monkeypatch.setattr(learn, "MOST_CUSTOMERS", 500)
    found = learn_segments(Large(), scorer, SegmentRules())
    assert asked == [500]
    assert found.limits == learn_segments(made.columns, scorer, SegmentRules()).limits


def test_weighted_customers_count_as_often():
    made = world("bgnbd", 300, seed=4, weeks=1.0)
    scorer = made.value.scorer("1y", 0.9)
    columns = made.columns
    weight = np.where(np.arange(300) % 3 == 0, 3.0, 1.0)
    repeat = np.repeat(np.arange(300), weight.astype(int))
    spread = replace(
        columns,
        frequency=columns.frequency[repeat],
        recency=columns.recency[repeat],
        age=columns.age[repeat],
        monetary_value=columns.monetary_value[repeat],
    )
    one = learn_segments(replace(columns, weight=weight), scorer, SegmentRules()).limits
    other = learn_segments(spread, scorer, SegmentRules()).limits
    assert one.new_until_days == other.new_until_days
    assert one.top == pytest.approx(other.top, rel=1e-12)
