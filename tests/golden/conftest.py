"""The published CDNOW sample, summarised and fitted once for all golden tests."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import clvmodels as clv
from tests.golden.figures import GOLDEN

CDNOW = GOLDEN["cdnow_sample"]


@pytest.fixture(scope="session")
def log() -> Any:
    return clv.load_cdnow("sample")


@pytest.fixture(scope="session")
def customers(log) -> Any:
    """Customers at the end of the 39 published weeks, in exact weeks."""
    return log.summarize(observation_end=CDNOW["observation_end"], time_unit="week")


@pytest.fixture(scope="session")
def held_out(log) -> pd.Series:
    """Purchase days of each customer in the 39 weeks after."""
    table = log.holdout(CDNOW["observation_end"], CDNOW["holdout_end"]).to_pandas()
    return table.set_index("customer_id")["holdout_purchases"]


@pytest.fixture(scope="session")
def spend(customers) -> Any:
    return clv.GammaGammaModel().fit(customers, method="mle")
