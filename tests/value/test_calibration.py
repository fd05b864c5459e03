"""Predictive distributions against what CDNOW's customers then did: 39 weeks held out."""

from __future__ import annotations

import numpy as np
import pytest

import clvmodels as clv


@pytest.fixture(scope="module")
def held_out():
    log = clv.load_cdnow()
    past = log.summarize("1997-09-30", time_unit="week").to_pandas().set_index("customer_id")
    later = log.summarize("1998-06-30", time_unit="week").to_pandas().set_index("customer_id")
    later = later.loc[past.index]
    bought = (later["frequency"] - past["frequency"]).to_numpy()
    paid = [
        (frame["frequency"] * frame["monetary_value"].fillna(0.0)).to_numpy()
        for frame in (past, later)
    ]
    summary = log.summarize("1997-09-30", time_unit="week")
    value = clv.CustomerValue(clv.BetaGeoModel().fit(summary), clv.GammaGammaModel().fit(summary))
    spent = np.where(bought > 0, np.round(paid[1] - paid[0], 6), 0.0)
    return value.distribution(summary, "39w"), bought, spent


def kolmogorov(pit: np.ndarray) -> float:
    rank = np.arange(len(pit) + 1) / len(pit)
    ordered = np.sort(pit)
    return float(max((rank[1:] - ordered).max(), (ordered - rank[:-1]).max()))


def test_purchases_are_calibrated(held_out):
    ahead, bought, _ = held_out
    cdf = np.cumsum(ahead.purchase_pmf().to_numpy(), axis=1)
    rows = np.arange(len(bought))
    upto = cdf[rows, bought]
    below = np.where(bought > 0, cdf[rows, np.maximum(bought - 1, 0)], 0.0)
    pit = below + np.random.default_rng(0).random(len(bought)) * (upto - below)
    assert kolmogorov(pit) <= 0.03
    np.testing.assert_allclose(upto[bought == 0], ahead.probability_no_purchase()[bought == 0])


def test_spend_is_calibrated(held_out):
    ahead, _, spent = held_out
    upto = ahead.spend_cdf(spent).to_numpy()
    pit = np.where(spent > 0, upto, np.random.default_rng(0).random(len(spent)) * upto)
    assert kolmogorov(pit) <= 0.04


@pytest.mark.parametrize("probability", [0.5, 0.8, 0.9])
def test_intervals_cover_what_a_discrete_distribution_allows(held_out, probability):
    """No less than asked for, and no more than the model itself gives to its intervals.

    Where most customers buy nothing, an interval cannot help holding more than it is asked for.
    What is reached stays up to .025 below that, since the base bought a sixth more than expected.
    """
    ahead, bought, spent = held_out
    half = 0.5 * (1.0 - probability)
    cdf = np.cumsum(ahead.purchase_pmf().to_numpy(), axis=1)
    rows = np.arange(len(bought))
    low, high = (ahead.purchase_quantile(level).to_numpy() for level in (half, 1.0 - half))
    attainable = (cdf[rows, high] - np.where(low > 0, cdf[rows, low - 1], 0.0)).mean()
    reached = ((low <= bought) & (bought <= high)).mean()
    assert attainable - 0.025 < reached < attainable
    assert reached > probability
    floor, ceiling = (ahead.spend_quantile(level) for level in (half, 1.0 - half))
    none = ahead.spend_cdf(0.0).to_numpy()
    # An interval that starts at 0 holds all who don't buy.
    attainable = (np.maximum(none, 1.0 - half) - np.where(floor > 0, half, 0.0)).mean()
    reached = ((floor <= spent) & (spent <= ceiling)).mean()
    assert attainable - 0.025 < reached < attainable
    assert reached > probability
