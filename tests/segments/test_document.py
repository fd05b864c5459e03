"""The figures of docs/segments.md are those that CDNOW gives."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

import clvmodels as clv
from clvmodels.config.segments import SegmentRules
from clvmodels.segments import learn_segments, segment
from clvmodels.segments.evidence import held_out_evidence
from clvmodels.segments.stability import segment_stability

DOCUMENT = (Path(__file__).parents[2] / "docs" / "segments.md").read_text("utf-8")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def log():
    return clv.load_cdnow()


@pytest.fixture(scope="module")
def value(log):
    customers = log.summarize("1998-06-30", time_unit="week")
    purchases, spend = clv.BetaGeoModel().fit(customers), clv.GammaGammaModel().fit(customers)
    return customers, clv.CustomerValue(purchases, spend)


def test_the_table_of_cdnow(value):
    found = segment(value[1], value[0])
    sure = found.to_pandas().groupby("segment", observed=False)["segment_probability"].mean()
    lines = []
    for row in found.content["rows"]:
        worth = row["clv"]
        lines.append(
            f"| {row['name']} | {row['customers']:,} | {row['customers_share']:.1%} | "
            f"{worth['expected']:,.0f} ({worth['lower']:,.0f} to {worth['upper']:,.0f}) | "
            f"{row['clv_share']:.1%} | {row['probability_alive']:.0%} | "
            f"{row['orders_per_customer']:.2f} | {row['value_at_risk']:,.0f} | "
            f"{sure[row['name']]:.0%} |"
        )
    table = re.search(r"<!-- cdnow -->\n[^\n]*\n[^\n]*\n(.*?)<!-- /cdnow -->", DOCUMENT, re.DOTALL)
    assert table.group(1).splitlines() == lines
    total = found.content["total"]["clv"]
    text = f"{total['expected']:,.0f} ({total['lower']:,.0f} to {total['upper']:,.0f})"
    assert text in DOCUMENT
    limits = found.segmenter.limits
    assert f"limit is {limits.top:.2f}, young is up to {limits.new_until_days} days" in DOCUMENT


def test_the_evidence_of_cdnow(log):
    found = held_out_evidence(log, date(1997, 9, 30), date(1998, 6, 30), time_unit="week")
    for row in found["rows"]:
        line = (
            f"| {row['name']} | {row['predicted']:.0f} | {row['actual']:.0f} "
            f"({row['actual_lower']:.0f} to {row['actual_upper']:.0f}) | "
            f"{row['predicted_bought']:.0%} | {row['bought']:.0%} |"
        )
        assert line in DOCUMENT
    order = found["order"]
    assert f"{order['in_order']} of {order['pairs']} pairs" in DOCUMENT
    assert order["clearly_out_of_order"] == 3
    text = " ".join(DOCUMENT.split())
    shares = {row["method"]: f"{100 * row['capture']:.1f} %" for row in found["lift"]}
    assert f"made {shares['rfm']} of later spend" in text
    assert f"segments {shares['segments']}" in text
    assert f"value itself {shares['score']}" in text
    against = found["against_rfm"]
    assert against["better"] == "rfm"
    assert (
        f"{-100 * against['difference']:.1f} points "
        f"({-100 * against['upper']:.1f} to {-100 * against['lower']:.1f})"
    ) in text
    assert found["score_against_rfm"]["better"] == "undecided"
    claims = {row["kind"]: row for row in found["claims"]}
    assert f"{claims['lapsed']['customers']} customers (1 %)" in text
    for kind in ("champions", "one_time"):
        for name in ("claimed", "seen"):
            assert f"{100 * claims[kind][name]:.0f} %" in text


def test_the_stability_on_cdnow(log, value):
    customers, worth = value
    scorer = worth.scorer("1y", 0.9)
    segmenter = learn_segments(customers, scorer, SegmentRules())
    end = customers.observation_end
    found = segment_stability(log, scorer, segmenter, observation_end=end, customers=30_000)
    for row in found["rows"]:
        share = f"{100 * row['changed']:.1f} %" if row["changed"] else "seed 0 %"
        assert share in DOCUMENT
    assert f"{100 * found['moved']['changed']:.1f} % moved" in DOCUMENT
