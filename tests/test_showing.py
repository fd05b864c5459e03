"""Every public class shows itself, in a terminal and in a notebook, and what it shows is text."""

from __future__ import annotations

import importlib
import inspect

import pandas as pd
import pytest

import clvmodels as clv
from clvmodels.report import build_summary
from clvmodels.report.figures import draw_figures
from clvmodels.showing import ShownAsFacts, ShownAsText
from clvmodels.simulation.simulate import simulate_tables
from clvmodels.transactions import InputFile, LogWarning, TableColumns, open_summary
from clvmodels.value import CommonShock, CommonShocks, ValueTerms
from tests.report.factory import make_run
from tests.report.page import Page
from tests.test_public_api import PUBLIC

EVIL = "<script>alert(1)</script>\x1b[2J\u202e"
# Known parameters will do to show a model; a decision needs a whole run (tests/decisions).
PARAMETERS = {
    clv.ModifiedBetaGeoModel: {"r": 0.6, "alpha": 50.0, "a": 0.4, "b": 2.0},
    clv.NBDModel: {"r": 0.5, "alpha": 80.0},
    clv.ParetoNBDModel: {"r": 0.6, "alpha": 60.0, "s": 0.5, "beta": 200.0},
}
CLASSES = {
    thing
    for module, names in PUBLIC.items()
    for name in names
    if inspect.isclass(thing := getattr(importlib.import_module(module), name))
    and not issubclass(thing, Exception)
    and not inspect.isabstract(thing)
} - {clv.Decision, importlib.import_module("clvmodels.models").PurchaseModel}
# One line says all of them.
BRIEF = {
    "CommonShock",
    "CommonShocks",
    "CsvOptions",
    "Duration",
    "FormulaVariant",
    "InputFile",
    "LogWarning",
    "RowAccount",
    "TableColumns",
    "ValueTerms",
}


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """One object at least of every public class, and of those that public functions give."""
    folder = tmp_path_factory.mktemp("shown")
    shop = clv.SimulatedShop(customers=150, span="2y", events=("11-29",), seed=4)
    log = clv.read_transactions(simulate_tables(shop)[0])
    customers = log.summarize()
    purchases, spend = clv.BetaGeoModel().fit(customers), clv.GammaGammaModel().fit(customers)
    value = clv.CustomerValue(purchases, spend)
    totals, variants = value.total(customers), clv.simple_formula(customers)
    path = folder / "summary.csv"
    pd.concat(batch.to_pandas() for batch in customers.batches()).to_csv(path, index=False)
    summary = build_summary(make_run(folder / "run", customers=200))
    return [
        *(model.from_params(known, time_unit="day") for model, known in PARAMETERS.items()),
        shop,
        log,
        log.check(),
        log.check().account,
        customers,
        customers.columns(),
        open_summary(path),
        purchases,
        spend,
        purchases.loo(customers),
        value,
        value.new_customer(),
        totals,
        totals.clv,
        value.simple_formula(customers),
        variants,
        variants.base[0],
        clv.compare_formula(customers, value),
        clv.common_shocks(log, "26w"),
        clv.segment(value, customers),
        clv.backtest(log, "26w"),
        clv.SegmentRules(),
        clv.CsvOptions(delimiter=";"),
        clv.Duration.parse("26w"),
        ValueTerms(clv.Duration.parse("1y")),
        CommonShock(0.2, 8.0),
        CommonShocks(),
        InputFile("log.csv", 3),
        LogWarning("duplicates", "3 rows are exact duplicates.", 3),
        TableColumns(),
        summary,
        *draw_figures(summary).values(),
    ]


def test_every_public_class_is_among_them(shown):
    assert not CLASSES - {type(one) for one in shown}


def test_a_terminal_shows_lines_that_people_can_read(shown):
    for one in shown:
        lines = repr(one).split("\n")
        assert "object at 0x" not in lines[0]
        assert "array(" not in repr(one)
        assert max(map(len, lines)) <= 360, (type(one), max(lines, key=len))
        if type(one).__name__ in BRIEF:
            assert len(lines) == 1


def test_a_notebook_shows_markup_that_is_whole(shown):
    for one in shown:
        if type(one).__name__ in BRIEF:
            assert not hasattr(one, "_repr_html_")
            continue
        page = Page(one._repr_html_())
        assert page.text.strip()
        assert not page.find("script")


def test_a_notebook_and_a_terminal_show_the_same_facts(shown):
    for one in shown:
        if isinstance(one, ShownAsFacts):
            text, page = repr(one), Page(one._repr_html_())
            for name, fact in one._facts().items():
                assert name in text
                assert fact[:200] in text
                assert name in page.text


@pytest.mark.parametrize("base", [ShownAsFacts, ShownAsText])
def test_hostile_text_stays_text(base):
    class Hostile(base):
        def _facts(self):
            return {EVIL: EVIL}

    if base is ShownAsText:
        Hostile.__repr__ = lambda _: f"first\n{EVIL}"
    markup = Hostile()._repr_html_()
    assert not Page(markup).find("script")
    assert "&lt;script&gt;" in markup
    assert not {"\x1b", "\u202e"} & set(markup)
    if base is ShownAsFacts:
        assert not {"\x1b", "\u202e"} & set(repr(Hostile()))
    else:
        assert "first\n" in markup
