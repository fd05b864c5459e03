"""The limit that users give is one for the whole job."""

from __future__ import annotations

import pytest

from clvmodels.errors import ConfigurationError
from clvmodels.transactions.database import Database


def limit_of(database):
    query = "SELECT value FROM duckdb_settings() WHERE name = 'memory_limit'"
    number, unit = database.run(query)[0][0].split()
    return float(number) * {"MiB": 1.0, "GiB": 1024.0}[unit]


@pytest.mark.parametrize(
    ("given", "left"), [("4000MiB", 3100.0), ("800MiB", 400.0), ("2000MiB", 1100.0)]
)
def test_duckdb_gets_what_our_own_arrays_leave(given, left):
    # DuckDB rounds a limit down to a tenth of its unit when it states it.
    assert left - 0.1 * 1024.0 <= limit_of(Database(given)) <= left + 1.0


def test_without_a_limit_duckdb_has_its_own():
    assert limit_of(Database()) > 0.0


def test_a_limit_that_is_none_is_refused():
    with pytest.raises(ConfigurationError, match="memory_limit='much'"):
        Database("much")
