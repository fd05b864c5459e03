"""The table of segments: its figures, its JSON, and a CSV that no spreadsheet runs."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

import clvmodels as clv
from clvmodels.config.segments import SEGMENT_KINDS, SegmentRules
from clvmodels.segments import segment, write_segments_csv
from clvmodels.storage import plain
from clvmodels.value.shock import NO_SHOCK
from tests.segments.worlds import world

HOSTILE = {
    "new": '=HYPERLINK("http://x","y")',
    "promising": "<script>alert(1)</script>",
    "champions": "+1+1",
    "loyal": "@SUM(A1)",
    "at_risk": "\u202eksir-ta",
    "fading": " -2+3",
    "one_time": 'a,"b"\n=1+1',
    "lapsed": "x" * 10_000,
}


@pytest.fixture(scope="module")
def made():
    return world("bgnbd", 1_200, seed=2, weeks=1.0)


@pytest.fixture(scope="module")
def found(made):
    return segment(made.value, made.columns, rules=SegmentRules(names=HOSTILE), shock=NO_SHOCK)


def test_rows_recompute_from_the_scores(made, found):
    scores = made.value.predict(made.columns, "1y")
    by = scores.groupby(found.codes)
    for code, row in enumerate(found.content["rows"]):
        mine = by.get_group(code)
        assert row["kind"] == SEGMENT_KINDS[code]
        assert row["customers"] == len(mine)
        assert row["customers_share"] == pytest.approx(len(mine) / len(scores))
        assert row["clv"]["expected"] == pytest.approx(mine["clv"].sum())
        assert row["clv_share"] == pytest.approx(mine["clv"].sum() / scores["clv"].sum())
        assert row["probability_alive"] == pytest.approx(mine["probability_alive"].mean())
        assert row["orders_per_customer"] == pytest.approx(mine["expected_purchases"].mean())
        assert row["potential_value"]["expected"] == pytest.approx(mine["potential_value"].sum())
        at_risk = (mine["potential_value"] - mine["clv"]).sum()
        assert row["value_at_risk"] == pytest.approx(at_risk, abs=1e-6 * scores["clv"].sum())
        assert row["mean_age_days"] == pytest.approx(7.0 * mine["T"].mean())
        known = mine["monetary_value"].mean()
        assert row["mean_order"] == (None if np.isnan(known) else pytest.approx(known))
    total = found.content["total"]
    assert total["customers"] == len(scores)
    assert total["clv"]["expected"] == pytest.approx(scores["clv"].sum())
    assert total["clv_share"] == total["customers_share"] == 1.0


def test_the_table_is_json(found):
    content = json.loads(json.dumps(plain(found.content), allow_nan=False))
    assert [row["kind"] for row in content["rows"]] == list(SEGMENT_KINDS)
    assert {row["name"] for row in content["rows"]} == set(HOSTILE.values())
    assert all(row["definition"] and row["claim"] and row["action"] for row in content["rows"])
    assert content["limits"]["tier"] == "clv"


def test_a_spreadsheet_runs_nothing(found, tmp_path):
    write_segments_csv(tmp_path / "segments.csv", found.content)
    with (tmp_path / "segments.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    header, *rows = rows
    assert len(rows) == len(SEGMENT_KINDS) + 1
    assert rows[-1][0] == "total"
    for row, kind in zip(rows, SEGMENT_KINDS, strict=False):
        record = dict(zip(header, row, strict=True))
        assert record["kind"] == kind
        assert record["segment"].removeprefix("'") == HOSTILE[kind]
        for name in ("segment", "definition", "action"):
            assert record[name].lstrip()[:1] not in set("=+-@|%")
        float(record["customers"])
        float(record["clv"])


def test_without_money_its_columns_are_empty(made, tmp_path):
    found = segment(clv.CustomerValue(made.value.purchases, None), made.columns)
    row = found.content["rows"][2]
    assert row["clv"] is None
    assert row["value_at_risk"] is None
    assert row["purchases"]["expected"] > 0.0
    assert found.content["limits"]["tier"] == "expected_purchases"
    write_segments_csv(tmp_path / "segments.csv", found.content)
    assert ",,," in (tmp_path / "segments.csv").read_text("utf-8")


def test_an_empty_segment_has_a_row(made):
    found = segment(world("nbd", 300, seed=1, weeks=1.0).value, made.columns)
    row = found.content["rows"][SEGMENT_KINDS.index("lapsed")]
    assert row["customers"] == 0
    assert row["probability_alive"] is None
    assert row["clv"]["expected"] == 0.0
