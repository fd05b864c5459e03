"""Numbers, money and spans in words, and text from outside that harms nobody."""

from __future__ import annotations

import csv
import doctest
import io
import math

import pytest

from clvmodels import wording


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
    assert wording.number(value) == text


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
    assert wording.percent(share) == text


def test_signed_percentages():
    assert wording.percent(0.25, signed=True) == "+25%"
    assert wording.percent(-0.25, signed=True) == "−25%"
    assert wording.percent(0.0, signed=True) == "0%"


@pytest.mark.parametrize(
    ("currency", "text"),
    [
        (None, "1,230"),
        ("", "1,230"),
        ("\u202e", "1,230\xa0\\u202e"),
        ("$", "$1,230"),
        ("€", "€1,230"),
        ("EUR", "1,230\xa0EUR"),
        ("K", "1,230\xa0K"),
        ("<b>", "1,230\xa0<b>"),
        ("x" * 40, "1,230\xa0" + "x" * 11 + "…"),
    ],
)
def test_money_names_its_unit(currency, text):
    assert wording.money(1234.5, currency) == text


def test_money_below_zero_and_unknown():
    assert wording.money(-3.0, "$") == "−$3.00"
    assert wording.money(None, "EUR") == "–"


@pytest.mark.parametrize(
    ("currency", "text"),
    [(None, "1,010 to 1,450"), ("$", "$1,010 to $1,450"), ("EUR", "1,010 to 1,450\xa0EUR")],
)
def test_a_range_names_a_label_once(currency, text):
    assert wording.money_range(1010, 1450, currency) == text


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
    assert wording.span(duration) == text


def test_what_does_not_print_is_shown_as_an_escape():
    assert wording.printable("a\u202eb\x00c\n") == "a\\u202eb\\u0000c\\u000a"
    assert wording.printable("naïve 東京 🙂") == "naïve 東京 🙂"
    assert wording.printable("x" * 10_000, 40) == "x" * 39 + "…"


def test_counts_have_their_noun():
    assert wording.plural(1, "row") == "1 row"
    assert wording.plural(2068, "row") == "2,068 rows"


def test_months_have_their_noun():
    assert wording.number_of_months(1.0) == "1 month"
    assert wording.number_of_months(4.21) == "4.21 months"


@pytest.mark.parametrize("text", ["=1", " =1", "\t1", "\r1", "-1", "+1", "@x", "|x", "＝1", "%x"])
def test_what_may_be_a_formula_is_text(text):
    assert wording.cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "champions", "a=1", "one-time", "'=1"])
def test_what_is_none_stays(text):
    assert wording.cell(text) == text


def test_a_cell_of_nothing_is_empty():
    assert wording.cell(None) == wording.cell(math.nan) == ""
    assert wording.cell(-2.5) == -2.5


def test_a_sheet_has_a_cell_for_every_column_and_no_formula():
    rows = [{"a": "=1", "b": 'x,"y"\n'}, {"b": None, "c": "not asked for"}, {"a": -1.5, "b": False}]
    text = wording.sheet(("a", "b"), rows)
    assert list(csv.reader(io.StringIO(text))) == [
        ["a", "b"], ["'=1", 'x,"y"\n'], ["", ""], ["-1.5", "no"],
    ]  # fmt: skip


def test_the_examples_in_the_documentation_hold():
    result = doctest.testmod(wording)
    assert result.attempted >= 5
    assert result.failed == 0
