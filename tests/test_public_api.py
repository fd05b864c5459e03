"""The names that users may rely on: listed here, importable, described, with running examples."""

import doctest
import importlib
import inspect
import pkgutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import clvmodels
from clvmodels.models import PURCHASE_MODELS

ROOT = Path(__file__).parents[1]

# A change here is a change for users: it belongs into CHANGELOG.md.
PUBLIC = {
    "clvmodels": {
        "Backtest",
        "BetaGeoModel",
        "ClvError",
        "ClvWarning",
        "CsvOptions",
        "CustomerValue",
        "Decision",
        "Duration",
        "GammaGammaModel",
        "ModifiedBetaGeoModel",
        "NBDModel",
        "ParetoNBDModel",
        "SegmentRules",
        "Segments",
        "SimulatedShop",
        "__version__",
        "backtest",
        "common_shocks",
        "compare_formula",
        "compare_models",
        "decide",
        "from_lifetimes",
        "from_pymc_marketing",
        "load_cdnow",
        "read_transactions",
        "segment",
        "simple_formula",
        "simulate_log",
        "simulate_tables",
    },
    "clvmodels.models": {
        "PURCHASE_MODELS",
        "BetaGeoModel",
        "GammaGammaModel",
        "ModifiedBetaGeoModel",
        "NBDModel",
        "ParetoNBDModel",
        "PurchaseModel",
    },
    "clvmodels.plots": {
        "alive_path",
        "concentration_points",
        "drawn_cohorts",
        "first_drawn",
        "plot_alive_grid",
        "plot_calibration",
        "plot_change",
        "plot_cohort_curves",
        "plot_common_shock",
        "plot_concentration",
        "plot_customer_history",
        "plot_decile_lift",
        "plot_error_by_cohort",
        "plot_formula_causes",
        "plot_formula_comparison",
        "plot_forward",
        "plot_frequency_check",
        "plot_interval_coverage",
        "plot_pit_histogram",
        "plot_posterior_pairs",
        "plot_purchases_grid",
        "plot_segment_evidence",
        "plot_segments",
        "plot_tornado",
        "plot_tracking",
        "plot_value_distribution",
        "uniform_band",
        "value_histogram",
    },
    "clvmodels.report": {"ReportSummary", "build_summary", "render_html", "write_report"},
    "clvmodels.transactions": {
        "CsvOptions",
        "CustomerColumns",
        "CustomerSummary",
        "InputFile",
        "LogCheck",
        "LogWarning",
        "RowAccount",
        "SummaryFile",
        "TableColumns",
        "TransactionLog",
        "load_cdnow",
        "open_summary",
        "read_transactions",
        "summary_sql",
    },
    "clvmodels.value": {
        "CommonShock",
        "CommonShocks",
        "CustomerValue",
        "FormulaVariant",
        "FormulaVariants",
        "SimpleFormula",
        "Total",
        "ValueTerms",
        "ValueTotals",
        "simple_formula",
    },
}
# What the contract promises of every purchase model, as far as it is built.
PURCHASE_MODEL = {
    "alive",
    "expected_purchases",
    "expected_purchases_new_customer",
    "fit",
    "from_params",
    "load",
    "loo",
    "posterior_predictive",
    "prior_predictive",
    "prior_sensitivity",
    "probability_alive",
    "purchase_pmf",
    "save",
    "simulate",
    "summary",
    "to_arviz",
    "to_pymc",
}
SCORES = [
    "first_purchase",
    "last_purchase",
    "frequency",
    "recency",
    "T",
    "monetary_value",
    "probability_alive",
    "expected_purchases",
    "purchases_lower",
    "purchases_upper",
    "expected_spend",
    "clv",
    "clv_lower",
    "clv_median",
    "clv_upper",
    "potential_value",
    "clv_simple_formula",
]

NAMES = [(module, name) for module, names in PUBLIC.items() for name in sorted(names)]


def objects():
    for module, name in NAMES:
        thing = getattr(importlib.import_module(module), name)
        if inspect.isclass(thing) or inspect.isroutine(thing):
            yield pytest.param(thing, id=f"{module}.{name}")


def find_doctests():
    """Every docstring of the package that has an example."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    for info in pkgutil.walk_packages(clvmodels.__path__, "clvmodels."):
        module = importlib.import_module(info.name)
        for test in finder.find(module):
            if test.examples:
                yield pytest.param(test, id=test.name)


EXAMPLES = list(find_doctests())


@pytest.mark.parametrize("module", PUBLIC)
def test_the_public_names_are_these(module):
    exported = importlib.import_module(module).__all__
    assert set(exported) == PUBLIC[module]
    assert len(exported) == len(set(exported))


def test_names_load_when_they_are_used_and_others_are_refused():
    assert PUBLIC["clvmodels"] <= set(dir(clvmodels))
    with pytest.raises(AttributeError, match="nothing_like_it"):
        _ = clvmodels.nothing_like_it
    code = "import sys, clvmodels; print(*[m for m in sys.modules if m.startswith('clvmodels')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["clvmodels"]


def test_type_checkers_see_the_same_names():
    text = (ROOT / "clvmodels" / "__init__.py").read_text("utf-8")
    for name in PUBLIC["clvmodels"] - {"__version__"}:
        assert f"import {name} as {name}" in text, name
    assert (ROOT / "clvmodels" / "py.typed").exists()


@pytest.mark.parametrize("thing", list(objects()))
def test_everything_public_is_described(thing):
    assert inspect.getdoc(thing), thing
    first = inspect.getdoc(thing).split("\n")[0]
    assert first.endswith("."), f"the first line of {thing} is no sentence: {first!r}"
    for name, member in inspect.getmembers(thing) if inspect.isclass(thing) else []:
        if name.startswith("_") or not getattr(member, "__module__", "").startswith("clvmodels"):
            continue
        assert inspect.getdoc(member), f"{thing.__name__}.{name}"


@pytest.mark.parametrize("name", sorted(PUBLIC["clvmodels"] - {"__version__"}))
def test_every_top_level_name_is_in_the_readme(name):
    assert f"`{name}`" in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("model", list(PURCHASE_MODELS.values()))
def test_every_purchase_model_has_what_the_contract_promises(model):
    assert set(dir(model)) >= PURCHASE_MODEL


def test_scores_have_the_columns_of_the_contract():
    customers = clvmodels.load_cdnow("sample").summarize("1997-09-30", time_unit="week")
    value = clvmodels.CustomerValue(
        clvmodels.BetaGeoModel().fit(customers), clvmodels.GammaGammaModel().fit(customers)
    )
    scores = value.predict(customers)
    assert list(scores.columns) == SCORES
    assert scores.index.name == "customer_id"
    assert scores.index[0] == "0001"


def test_there_are_examples():
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_run_as_printed(example):
    said: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        doctest.DocTestRunner(verbose=False).run(example, out=said.append)
    assert not said, "".join(said)
