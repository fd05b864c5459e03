"""Every customer has exactly one segment, whatever order, unit, currency or batch."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clvmodels as clv
from clvmodels.config.segments import SEGMENT_KINDS, SegmentRules
from clvmodels.errors import ArtefactError
from clvmodels.models import PURCHASE_MODELS
from clvmodels.segments.kinds import CLAIMS, DEFINITIONS, QUESTIONS, code_table, kind_of
from clvmodels.segments.learn import expectations, learn_segments
from clvmodels.segments.segmenter import Segmenter
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.value.plug_in import take
from tests.segments.worlds import PARAMETERS, SPEND, world

KEPT = Path(__file__).parent / "kept" / "segments_schema_1.json"


def scorer_of(model="bgnbd", unit="week", money=1.0, horizon="1y", **terms):
    scale = 7.0 if unit == "day" else 1.0
    parameters = {
        name: value * scale if name in ("alpha", "beta") else value
        for name, value in PARAMETERS[model].items()
    }
    purchases = PURCHASE_MODELS[model].from_params(parameters, time_unit=unit)
    spend = None
    if money:
        scaled = SPEND | {"gamma": SPEND["gamma"] * money}
        spend = clv.GammaGammaModel.from_params(scaled, time_unit=unit)
    return clv.CustomerValue(purchases, spend, **terms).scorer(horizon, 0.9)


@st.composite
def customers(draw):
    """Customers of a few ages, days whole, ties likely."""
    size = draw(st.integers(2, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    age = rng.integers(1, draw(st.sampled_from([3, 40, 900])), size)
    x = np.minimum(rng.geometric(draw(st.sampled_from([0.2, 0.5, 0.9])), size) - 1, age)
    t_x = np.where(x > 0, np.minimum(x + rng.integers(0, 900, size), age), 0)
    amount = np.round(rng.gamma(2.0, 20.0, size), draw(st.sampled_from([0, 2])))
    money = np.where(x > 0, amount, np.nan)
    return CustomerColumns(x.astype(np.int64), t_x / 7.0, age / 7.0, money, "week")


def segments(columns, scorer, segmenter=None):
    segmenter = segmenter or learn_segments(columns, scorer, SegmentRules())
    return segmenter.assign(columns, expectations(columns, scorer), scorer)


def test_the_table_of_patterns_is_the_rule():
    table = code_table()
    assert len(table) == 2 ** len(QUESTIONS)
    for number, bits in enumerate(product((False, True), repeat=len(QUESTIONS))):
        answers = dict(zip(QUESTIONS, reversed(bits), strict=True))
        assert SEGMENT_KINDS[table[number]] == kind_of(**answers)
    assert set(table.tolist()) == set(range(len(SEGMENT_KINDS)))
    assert set(DEFINITIONS) == set(CLAIMS) == set(SEGMENT_KINDS)


@pytest.mark.parametrize(
    ("frequency", "recency", "age", "kind"),
    [
        (0, 0.0, 10.0, "new"),
        (0, 0.0, 100.0, "one_time"),
        (1, 9.0, 10.0, "promising"),
        (1, 95.0, 100.0, "promising"),
        (4, 90.0, 100.0, "loyal"),
        (2, 90.0, 100.0, "loyal"),
        (30, 99.0, 100.0, "champions"),
        (1, 9.0, 20.0, "promising"),
        (25, 60.0, 100.0, "lapsed"),
        (8, 55.0, 100.0, "at_risk"),
        (1, 10.0, 60.0, "fading"),
    ],
)
def test_each_kind_of_customer_is_where_a_practitioner_looks(frequency, recency, age, kind):
    scorer = scorer_of()
    made = world("bgnbd", 3_000, seed=1, weeks=1.0)
    segmenter = learn_segments(made.columns, scorer, SegmentRules(newest_share=0.0))
    one = CustomerColumns(
        np.array([frequency]),
        np.array([recency]),
        np.array([age]),
        np.array([40.0 if frequency else np.nan]),
        "week",
    )
    codes, _ = segments(one, scorer, segmenter)
    assert SEGMENT_KINDS[codes[0]] == kind


@settings(derandomize=True, deadline=None, max_examples=15)
@given(customers(), st.sampled_from(sorted(PARAMETERS)), st.integers(0, 99))
def test_order_and_batches_change_nothing(columns, model, seed):
    scorer = scorer_of(model)
    segmenter = learn_segments(columns, scorer, SegmentRules())
    codes, probability = segments(columns, scorer, segmenter)
    assert codes.shape == probability.shape == (len(columns),)
    assert ((codes >= 0) & (codes < len(SEGMENT_KINDS))).all()
    assert ((probability >= 0.0) & (probability <= 1.0)).all()
    order = np.random.default_rng(seed).permutation(len(columns))
    shuffled = CustomerColumns(
        *(values[order] for values in (columns.frequency, columns.recency, columns.age)),
        columns.monetary_value[order],
        "week",
    )
    assert learn_segments(shuffled, scorer, SegmentRules()).limits == segmenter.limits
    again, said = segments(shuffled, scorer, segmenter)
    assert (again == codes[order]).all()
    assert said == pytest.approx(probability[order], abs=1e-12)
    cut = len(columns) // 3
    parts = [
        segments(take(columns, part), scorer, segmenter)
        for part in (slice(0, cut), slice(cut, None))
    ]
    assert (np.concatenate([part[0] for part in parts]) == codes).all()
    assert np.concatenate([part[1] for part in parts]) == pytest.approx(probability, abs=1e-12)


@settings(derandomize=True, deadline=None, max_examples=15)
@given(customers(), st.sampled_from(sorted(PARAMETERS)), st.sampled_from([0.0, 1.0]))
def test_days_and_weeks_agree(columns, model, money):
    days = replace(columns, recency=np.rint(columns.recency * 7), age=np.rint(columns.age * 7),
                   time_unit="day")  # fmt: skip
    found = []
    for each, unit in ((columns, "week"), (days, "day")):
        scorer = scorer_of(model, unit, money)
        segmenter = learn_segments(each, scorer, SegmentRules())
        found.append((segmenter.limits.new_until_days, *segments(each, scorer, segmenter)))
    assert found[0][0] == found[1][0]
    assert (found[0][1] == found[1][1]).all()
    assert found[0][2] == pytest.approx(found[1][2], abs=1e-6)


@settings(derandomize=True, deadline=None, max_examples=15)
@given(customers(), st.sampled_from([1e-3, 0.3, 117.0, 1e6]), st.sampled_from([0.2, 1.0]))
def test_a_currency_changes_nothing(columns, money, margin):
    richer = replace(columns, monetary_value=columns.monetary_value * money)
    codes, probability = segments(columns, scorer_of())
    again, said = segments(richer, scorer_of(money=money, margin=margin))
    assert (again == codes).all()
    assert said == pytest.approx(probability, abs=1e-6)


@pytest.mark.parametrize("model", sorted(PARAMETERS))
@pytest.mark.parametrize("money", [0.0, 1.0])
def test_no_segment_of_a_shop_is_empty(model, money):
    """But those of customers who left, where nobody leaves."""
    made = world(model, 2_000, seed=3, weeks=1.0)
    codes, _ = segments(made.columns, scorer_of(model, money=money))
    empty = {SEGMENT_KINDS[code] for code in set(range(8)) - set(codes.tolist())}
    assert empty == ({"at_risk", "fading", "lapsed"} if model == "nbd" else set())


@pytest.mark.parametrize(
    ("model", "end"),
    [
        ("bgnbd", "1997-09-30"),
        ("bgnbd", "1998-06-30"),
        ("mbgnbd", "1998-06-30"),
        pytest.param("pareto_nbd", "1997-09-30", marks=pytest.mark.slow),
        pytest.param("pareto_nbd", "1998-06-30", marks=pytest.mark.slow),
    ],
)
def test_no_segment_of_cdnow_is_empty(model, end):
    customers = clv.load_cdnow("sample").summarize(end, time_unit="week")
    purchases = PURCHASE_MODELS[model]().fit(customers, method="map")
    spend = clv.GammaGammaModel().fit(customers, method="map")
    scorer = clv.CustomerValue(purchases, spend).scorer("1y", 0.9)
    segmenter = learn_segments(customers, scorer, SegmentRules())
    codes, _ = segments(customers.columns(), scorer, segmenter)
    assert len(set(codes.tolist())) == len(SEGMENT_KINDS)


def test_what_was_saved_gives_the_same(tmp_path):
    made = world("bgnbd", 500, seed=4, weeks=1.0)
    scorer = scorer_of()
    rules = SegmentRules(names={"new": "=cmd()", "loyal": "<i>\u202eloyal</i>"})
    segmenter = learn_segments(made.columns, scorer, rules)
    segmenter.save(tmp_path / "segments.json")
    loaded = Segmenter.load(tmp_path / "segments.json")
    assert loaded == segmenter
    assert loaded.names == segmenter.names
    for one, other in zip(
        segments(made.columns, scorer, loaded),
        segments(made.columns, scorer, segmenter),
        strict=True,
    ):
        assert (one == other).all()


def test_the_kept_example_is_read():
    segmenter = Segmenter.load(KEPT)
    assert segmenter.limits.new_until_days == 174
    assert segmenter.limits.top == 78.75
    assert segmenter.names[2] == "VIP"
    assert segmenter.limits.misfit(scorer_of()) is None


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("limits", "top", "much"),
        ("limits", "tier", "mood"),
        ("limits", "surprise", 1),
        ("limits", "new_until_days", 3.5),
        ("rules", "top_share", 7),
        ("rules", "names", {"new": 3}),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, part, name, value):
    content = json.loads(KEPT.read_text("utf-8"))
    content[part][name] = value
    damaged = tmp_path / "segments.json"
    damaged.write_text(json.dumps(content), "utf-8")
    with pytest.raises(ArtefactError, match=r"segments\.json"):
        Segmenter.load(damaged)


def test_rounding_of_an_age_makes_nobody_old():
    made = world("bgnbd", 300, seed=4, weeks=1.0)
    scorer = scorer_of()
    segmenter = learn_segments(made.columns, scorer, SegmentRules())
    age = np.array([segmenter.limits.new_until_days / 7.0]) * (1.0 + 1e-12)
    one = CustomerColumns(np.array([0]), np.zeros(1), age, np.array([np.nan]), "week")
    codes, _ = segments(one, scorer, segmenter)
    assert SEGMENT_KINDS[codes[0]] == "new"


def test_limits_are_not_for_other_terms():
    made = world("bgnbd", 300, seed=4, weeks=1.0)
    limits = learn_segments(made.columns, scorer_of(), SegmentRules()).limits
    assert limits.misfit(scorer_of()) is None
    assert limits.misfit(scorer_of(horizon="2y")) == "horizon was 1y and is 2y"
    assert "margin" in str(limits.misfit(scorer_of(margin=0.5)))
    assert "clv" in str(limits.misfit(scorer_of(money=0.0)))
