"""Runs that several tests look at and none changes."""

from pathlib import Path

import pytest

from tests.decisions.runs import learned_models, make_run
from tests.jobs import shop


@pytest.fixture(scope="session")
def known(tmp_path_factory) -> Path:
    """A run with parameters that are certain, a margin and a cost of being a customer."""
    folder = tmp_path_factory.mktemp("known") / "shop-2024"
    return make_run(folder, margin=0.4, cost_per_customer_year=3.0, currency="EUR")


@pytest.fixture(scope="session")
def learned(tmp_path_factory) -> Path:
    """A run whose parameters were learned from 120 customers."""
    folder, log = tmp_path_factory.mktemp("learned") / "shop-2024", shop(120)
    return make_run(folder, log, learned_models(log), currency="$")


@pytest.fixture(scope="session")
def unpriced(tmp_path_factory) -> Path:
    """A run without amounts."""
    log = shop().drop(columns="amount")
    return make_run(tmp_path_factory.mktemp("unpriced") / "shop-2024", log)
