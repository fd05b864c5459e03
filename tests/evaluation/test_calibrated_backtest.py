"""On logs simulated from a model its back-test behaves: no bias, uniform PIT, nominal coverage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import clvmodels as clv
from clvmodels.evaluation.scoring import COVERAGES


def split_of(customers: int, seed: int, model: str = "bgnbd"):
    # Days are rounded to the next free one: rare purchases, so that this changes little.
    parameters = {
        "bgnbd": {"r": 0.8, "alpha": 90.0, "a": 0.8, "b": 3.0},
        "pareto_nbd": {"r": 0.8, "alpha": 90.0, "s": 0.6, "beta": 120.0},
    }[model]
    shop = clv.SimulatedShop(
        customers=customers, model=model, parameters=parameters, arrivals="1y", seed=seed
    )
    log, _ = clv.simulate_tables(shop)
    return clv.backtest(clv.read_transactions(log), "26w", 1, [model], seed=seed).last


@pytest.mark.parametrize("model", ["bgnbd", "pareto_nbd"])
def test_the_model_that_made_the_log_is_found_right(model):
    split = split_of(4_000, 0, model)
    right, null = split.forecasts[model], split.forecasts["nbd"]
    noise = 1.0 / np.sqrt(split.actual_purchases)
    assert abs(right.bias) < 6.0 * noise
    assert null.bias > 0.2
    assert right.counts.pit_distance < stats.kstwo.ppf(0.9999, split.customers)
    assert null.counts.pit_distance > 0.05
    for level in COVERAGES:
        error = np.sqrt(level * (1.0 - level) / split.customers)
        for found in (right.counts, right.spends):
            assert abs(found.coverage[level] - found.attainable[level]) < 5.0 * error
    assert right.counts.log_score < null.counts.log_score
    assert right.counts.crps < null.counts.crps


@pytest.mark.slow
def test_over_many_logs_the_measures_are_centred():
    """Mean bias near zero, PIT rejected about as often as it should be, differences cover."""
    splits = [split_of(1_000, seed) for seed in range(40)]
    found = [split.forecasts["bgnbd"] for split in splits]
    for predicted, actual in (
        ([each.purchases for each in found], [split.actual_purchases for split in splits]),
        ([each.spend for each in found], [split.actual_spend for split in splits]),
    ):
        # Of the sums: the mean of ratios lies above that of the forecasts, as 1 / actual is convex.
        # Whole days cost the forecast 1 %: purchases are moved to the next free day.
        assert abs(np.sum(predicted) / np.sum(actual) - 1.0) < 0.03
    rejected = sum(
        split.forecasts["bgnbd"].counts.pit_distance > stats.kstwo.ppf(0.9, split.customers)
        for split in splits
    )
    # Parameters were fitted to the same customers, so fewer than one in ten is no wonder.
    assert rejected <= 10
    for level in COVERAGES:
        gap = [
            split.forecasts["bgnbd"].counts.coverage[level]
            - split.forecasts["bgnbd"].counts.attainable[level]
            for split in splits
        ]
        assert abs(np.mean(gap)) < 0.01
