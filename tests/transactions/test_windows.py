"""What a log tells of a window before a day, and of who came after it."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

import clvmodels as clv

ROWS = pd.DataFrame(
    [
        ("a", "2024-01-01", 10.0),
        ("a", "2024-01-20", 5.0),
        ("b", "2024-01-10", 7.0),
        ("c", "2024-01-25", 3.0),
        ("d", "2024-02-05", 4.0),
        ("d", "2024-02-09", 6.0),
        ("e", "2024-02-20", 9.0),
        ("a", "2024-02-06", 1.0),
    ],
    columns=["customer_id", "date", "amount"],
)


def test_since_counts_first_purchases_too():
    past = clv.read_transactions(ROWS).before("2024-01-31")
    assert past.since("2024-01-10").to_pylist() == [
        {"customer_id": "a", "purchases": 1, "amount": 5.0},
        {"customer_id": "b", "purchases": 0, "amount": 0.0},
        {"customer_id": "c", "purchases": 1, "amount": 3.0},
    ]


def test_newcomers_are_those_not_known_before():
    log = clv.read_transactions(ROWS)
    assert log.newcomers("2024-01-31", date(2024, 2, 10)) == (1, 2, 10.0)
    assert log.newcomers("2024-01-31", "2024-03-01") == (2, 3, 19.0)
    assert log.newcomers("2024-03-01", "2024-04-01") == (0, 0, 0.0)


def test_who_returned_everything_was_known_all_the_same():
    """A customer whose only purchase is returned later is no newcomer when they come back."""
    back = pd.DataFrame([("b", "2024-02-02", -7.0), ("b", "2024-02-08", 2.0)], columns=ROWS.columns)
    log = clv.read_transactions(pd.concat([ROWS, back]))
    assert log.newcomers("2024-01-31", "2024-02-10") == (1, 2, 10.0)


def test_without_amounts():
    with pytest.warns(clv.ClvWarning, match="no amounts"):
        log = clv.read_transactions(ROWS[["customer_id", "date"]])
    assert log.newcomers("2024-01-31", "2024-03-01") == (2, 3, None)
    assert log.since("2024-01-10")["amount"].null_count == 5
