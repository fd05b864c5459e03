from __future__ import annotations

import doctest

from clvmodels.report import words


def test_days_and_odds():
    assert words.day("1998-06-30") == "30 June 1998"
    assert words.odds(0.9) == "nine times in ten"
    assert words.odds(0.75) == "in 75% of cases"


def test_any_configured_value_can_be_said():
    assert words.plain(None) == "not set"
    assert words.plain(True) == "yes"
    assert words.plain({"a": [1, 0.25], "b": {}}) == "a: 1, 0.25, b: none"
    assert words.plain("x\u200by") == "x\\u200by"


def test_relative_error_of_nothing_is_unknown():
    assert words.relative(5, 0) is None
    assert words.relative(5, 4) == 0.25


def test_the_examples_in_the_documentation_hold():
    result = doctest.testmod(words)
    assert result.attempted >= 2
    assert result.failed == 0


def test_a_bound_that_is_nothing_beside_the_other_is_zero():
    assert words.quantity_range({"lower": 3.18e-14, "upper": 59.6}) == "0 to 59.6"
    assert words.quantity_range({"lower": 0.02, "upper": 59.6}) == "0.0200 to 59.6"
