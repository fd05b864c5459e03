"""In-sample checks: whether a fitted model reproduces what it was fitted to."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import clvmodels as clv
from clvmodels.evaluation.in_sample import alive_grid, frequency_check, purchases_grid


def test_frequency_check_counts_and_expects_every_customer():
    summary = clv.load_cdnow("sample").summarize("1997-09-30", time_unit="week")
    model = clv.BetaGeoModel().fit(summary, method="mle")
    rows = frequency_check(model, summary.triples())
    actual = {row["frequency"]: row["actual"] for row in rows}
    expected = {row["frequency"]: row["expected"] for row in rows}
    assert actual["0"] == 2357 - 946
    assert sum(actual.values()) == 2357
    assert sum(expected.values()) == pytest.approx(2357)
    # Published: the expected number of one-time buyers is close to the 1,411 counted.
    assert expected["0"] == pytest.approx(1411, rel=0.02)


def test_alive_grid_rises_with_recency():
    model = clv.BetaGeoModel.from_params(
        {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}, time_unit="week"
    )
    summary = clv.load_cdnow("sample").summarize("1997-09-30", time_unit="week")
    grid = alive_grid(model, summary.triples())
    probability = np.array(grid["probability"])
    assert probability.shape == (len(grid["frequency"]), len(grid["recency"]))
    assert (np.diff(probability, axis=1) > 0).all()
    assert grid["age"] == pytest.approx(272 / 7)


def test_purchases_grid_is_what_the_model_expects_within_the_horizon():
    model = clv.BetaGeoModel.from_params(
        {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}, time_unit="week"
    )
    triples = clv.load_cdnow("sample").summarize("1997-09-30", time_unit="week").triples()
    grid = purchases_grid(model, triples, "39w")
    purchases = np.array(grid["purchases"])
    assert grid["horizon"] == "39w"
    assert (np.diff(purchases, axis=1) > 0).all()
    one = pd.DataFrame({"frequency": [3], "recency": [grid["recency"][40]], "T": [grid["age"]]})
    assert purchases[2, 40] == pytest.approx(model.expected_purchases(one, "39w").iloc[0])
