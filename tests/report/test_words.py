from __future__ import annotations

import doctest
import math

import pytest

from clvmodels.report import words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234567, "1,230,000"),
        (999.6, "1,000"),
        (99.96, "100"),
        (9.996, "10.0"),
        (0.09996, "0.100"),
        (12.345, "12.3"),
        (-1234.5, "−1,230"),
        (0.0, "0"),
        (-0.0, "0"),
        (1e-12, "1.00e−12"),
        (123456789.0, "123,000,000"),
        (2.5e9, "2.50 billion"),
        (7.77e13, "77.7 trillion"),
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "–"),
    ],
)
def test_numbers_have_three_significant_figures(value, text):
    assert words.number(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.1234, "12.3%"),
        (0.9, "90%"),
        (1.0, "100%"),
        (2.663, "266%"),
        (0.0042, "0.42%"),
        (0.0, "0%"),
        (0.00001, "0%"),
        (10.0, "1,000%"),
        (-0.25, "−25%"),
        (None, "–"),
    ],
)
def test_percentages(share, text):
    assert words.percent(share) == text


def test_signed_percentages():
    assert words.percent(0.25, signed=True) == "+25%"
    assert words.percent(-0.25, signed=True) == "−25%"
    assert words.percent(0.0, signed=True) == "0%"


@pytest.mark.parametrize(
    ("currency", "text"),
    [
        (None, "1,230"),
        ("$", "$1,230"),
        ("€", "€1,230"),
        ("EUR", "1,230\xa0EUR"),
        ("K", "1,230\xa0K"),
        ("<b>", "1,230\xa0<b>"),
        ("x" * 40, "1,230\xa0" + "x" * 11 + "…"),
    ],
)
def test_money_names_its_unit(currency, text):
    assert words.money(1234.5, currency) == text


def test_money_below_zero_and_unknown():
    assert words.money(-3.0, "$") == "−$3.00"
    assert words.money(None, "EUR") == "–"


@pytest.mark.parametrize(
    ("currency", "text"),
    [(None, "1,010 to 1,450"), ("$", "$1,010 to $1,450"), ("EUR", "1,010 to 1,450\xa0EUR")],
)
def test_a_range_names_a_label_once(currency, text):
    assert words.money_range(1010, 1450, currency) == text


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        ("1y", "the next year"),
        ("2y", "the next 2 years"),
        ("26w", "the next 26 weeks"),
        ("1.5y", "the next 1.5 years"),
        ("12m", "the next 12 months"),
        ("1d", "the next day"),
        ("lifetime", "the rest of their lifetime"),
    ],
)
def test_spans(duration, text):
    assert words.span(duration) == text


def test_days_and_counts():
    assert words.day("1998-06-30") == "30 June 1998"
    assert words.plural(1, "row") == "1 row"
    assert words.plural(2068, "row") == "2,068 rows"
    assert words.odds(0.9) == "nine times in ten"
    assert words.odds(0.75) == "in 75% of cases"


def test_what_does_not_print_is_shown_as_an_escape():
    assert words.printable("a\u202eb\x00c\n") == "a\\u202eb\\u0000c\\u000a"
    assert words.printable("naïve 東京 🙂") == "naïve 東京 🙂"
    assert words.printable("x" * 10_000, 40) == "x" * 39 + "…"


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
    assert result.attempted >= 4
    assert result.failed == 0


def test_a_bound_that_is_nothing_beside_the_other_is_zero():
    assert words.quantity_range({"lower": 3.18e-14, "upper": 59.6}) == "0 to 59.6"
    assert words.quantity_range({"lower": 0.02, "upper": 59.6}) == "0.0200 to 59.6"
