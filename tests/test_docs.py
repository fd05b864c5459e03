"""The documentation site: its snippets run and print what stands there, and nothing is left out.

Every snippet of every page is found and run in the order of its page, or it is in one of the two
lists below. Cells of the gallery are run by ``make docs``.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import os
import re
import shlex
import subprocess
import sys
import warnings
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import typer.main

import clvmodels as clv
from clvmodels import plots
from clvmodels.cli import app
from clvmodels.config import resolve_config
from clvmodels.errors import DataWarning, ExitStatus
from clvmodels.transactions.account import RULES
from clvmodels.value.plug_in import PREDICTIONS
from tests import cluster

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
# Pages with a test of their own, which runs their snippets.
ELSEWHERE = {
    "coming-from-lifetimes-and-pymc-marketing": "tests/models/test_from_pymc_marketing.py",
    "mathematics": "tests/test_docs_mathematics.py",
}
# Snippets that nothing here can run, by page and how they begin; each is marked so on its page.
NOT_RUN = [
    ("databases", "psql --csv"),
    ("operations", "15 2 * * *  clvmodels score"),
    ("operations", "score = BashOperator("),
    ("spark", "pip install 'clvmodels[spark]'"),
    ("spark", "python -m venv env"),
    ("spark", "PYSPARK_PYTHON=./environment/bin/python spark-submit"),
    ("spark", 'log = clv.read_transactions(\n    spark.table("main.'),
]
# Snippets that take more than a few seconds.
SLOW = {"backtest", "decisions", "segments", "spark"}
# Pages that ask the folders of earlier runs.
NEED_RUNS = {"databases", "decisions"}
LANGUAGES = {"python", "sh", "text", "toml"}
FENCE = re.compile(
    r"^(<!-- not run: [^\n]+ -->\n+)?```([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL
)


class Snippet(NamedTuple):
    """What stands between two fences; text below Python is what that prints."""

    language: str
    code: str
    printed: str | None = None
    run: bool = True


def page(name: str) -> str:
    return (DOCS / f"{name}.md").read_text("utf-8")


def snippets(name: str) -> list[Snippet]:
    found: list[Snippet] = []
    text, end = page(name), None
    for fence in FENCE.finditer(text):
        mark, language, code = fence.groups()
        if language.startswith("{"):
            continue
        assert language in LANGUAGES, f"{name}: a fence is called {language!r}"
        beneath = end is not None and not text[end : fence.start()].strip()
        if language == "text" and beneath and found[-1].language == "python":
            found[-1] = found[-1]._replace(printed=code)
        else:
            assert language != "text" or mark, f"{name}: nothing prints this\n{code}"
            found.append(Snippet(language, code, run=not mark))
        end = fence.end()
    return found


PAGES = {
    name: found
    for path in sorted(DOCS.rglob("*.md"))
    if (name := str(path.relative_to(DOCS).with_suffix(""))) not in ELSEWHERE
    and (found := snippets(name))
}


def pages_with(*languages: str, slow: bool = False) -> list[object]:
    """Pages with a snippet to run in one of these languages."""
    names = [
        name
        for name, found in PAGES.items()
        if any(s.run and s.language in languages for s in found)
    ]
    assert names, languages
    return [
        pytest.param(name, marks=pytest.mark.slow) if slow or name in SLOW else name
        for name in names
    ]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder with what the snippets read: a small log in several files, and its customers."""
    folder = tmp_path_factory.mktemp("shop")
    made = clv.SimulatedShop(customers=250, span="600d", seed=3)
    clv.simulate_log(made, folder / "made.parquet")
    log = pq.read_table(folder / "made.parquet").to_pandas()
    log.to_csv(folder / "orders.csv", index=False)
    # Under the names of the contract, and under those that some pages give it.
    named = log[["customer_id", "date", "amount"]].set_axis(["user", "ordered_at", "total"], axis=1)
    pd.concat([log, named], axis=1).to_parquet(folder / "orders.parquet", index=False)
    (folder / "monthly").mkdir()
    for number, part in enumerate(np.array_split(np.arange(len(log)), 2)):
        log.iloc[part].to_csv(folder / "monthly" / f"{number}.csv", index=False)
    customers = log[["customer_id"]].drop_duplicates()
    customers["channel"] = np.resize(["web", "shop"], len(customers))
    customers["country"] = np.resize(["AT", "DE", "CH"], len(customers))
    customers.to_csv(folder / "customers.csv", index=False)
    summary = clv.read_transactions(log).summarize().to_arrow()
    pq.write_table(summary, folder / "summary.parquet")
    summary.to_pandas().to_csv(folder / "summary.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def runs(shop):
    """Runs that pages ask, a decision log, and what the page on decisions calls the demo."""
    shell("clvmodels demo --out reports/cdnow --quiet", shop)
    shell("clvmodels fit orders.csv --out run --quiet", shop)
    last = pd.read_csv(shop / "orders.csv")["date"].max()
    before = pd.Timestamp(last).date() - pd.Timedelta(days=60)
    shell(f"clvmodels run orders.csv --observation-end {before} --out runs/2025-q1 --quiet", shop)
    shell("clvmodels run orders.csv --out runs/2025-q2 --quiet", shop)
    who = pd.read_csv(shop / "customers.csv")["customer_id"].iloc[0]
    call = f"{before + pd.Timedelta(days=5)},{who},refund,4,0.3"
    (shop / "decision-log.csv").write_text(f"date,customer,action,cost,keeps\n{call}\n", "utf-8")


def shell(command: str, folder: Path) -> None:
    """Run a command as a terminal would, with this interpreter's programs."""
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["sh", "-c", command],
        check=False,
        cwd=folder,
        env=os.environ | {"PATH": programs},
        capture_output=True,
        text=True,
    )
    assert done.returncode in (ExitStatus.DONE, ExitStatus.UNTRUSTED), f"{command}\n{done.stderr}"


def lines(code: str) -> list[str]:
    """Commands of a shell snippet, those over several lines in one."""
    return code.replace("\\\n", " ").splitlines()


@pytest.mark.parametrize("name", pages_with("python"))
def test_python_runs_and_prints_what_stands_beneath_it(name, shop, request, monkeypatch):
    if name in NEED_RUNS:
        request.getfixturevalue("runs")
    if name == "spark":
        on_spark(shop)
        return
    monkeypatch.chdir(shop)
    mpl.use("Agg")
    namespace = {"__name__": "__main__"}
    for snippet in PAGES[name]:
        if snippet.language != "python" or not snippet.run:
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), warnings.catch_warnings():
            # The log of a snippet may deserve a look.
            warnings.simplefilter("ignore", DataWarning)
            exec(compile(snippet.code, f"{name}.md", "exec"), namespace)
        if snippet.printed is not None:
            assert "\n".join(map(str.rstrip, printed.getvalue().split("\n"))) == snippet.printed
    if name == "decisions":
        assert f"*{' '.join(namespace['made'].sentence.split())}*" in " ".join(page(name).split())


def on_spark(folder: Path) -> None:
    """Run the page on Spark in a process of its own, with a table and files in place."""
    (folder / "orders").mkdir(exist_ok=True)
    table = pq.read_table(folder / "orders.parquet")
    pq.write_table(table.select(["customer_id", "date", "amount"]), folder / "orders" / "1.parquet")
    before = (
        "from pyspark.sql import SparkSession\n"
        "session = SparkSession.builder.master('local[2]').getOrCreate()\n"
        "session.sql('CREATE DATABASE shop')\n"
        "session.read.parquet('orders.parquet').withColumnRenamed('user', 'user_id')"
        ".drop('customer_id', 'date', 'amount').write.saveAsTable('shop.orders')\n"
    )
    code = [s.code for s in PAGES["spark"] if s.language == "python" and s.run]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join([before, *code, "assert len(customers) > 200"])],
        check=False,
        cwd=folder,
        env=os.environ | small_spark(folder),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def small_spark(folder: Path) -> dict[str, str]:
    """Variables with which Spark's processes start, with settings for little data."""
    settings = [f"{name} {value}\n" for name, value in cluster._SMALL.items()]
    (folder / "spark-defaults.conf").write_text("".join(settings), "utf-8")
    return cluster.environment() | {"SPARK_CONF_DIR": str(folder)}


@pytest.mark.parametrize("name", pages_with("sh", slow=True))
def test_commands_run(name, shop, request, monkeypatch):
    if name in NEED_RUNS:
        request.getfixturevalue("runs")
    if name == "spark":
        for key, value in small_spark(shop).items():
            monkeypatch.setenv(key, value)
    for snippet in PAGES[name]:
        if snippet.language == "toml":
            (shop / "clv.toml").write_text(snippet.code, "utf-8")
        for line in lines(snippet.code) if snippet.language == "sh" and snippet.run else []:
            shell(line, shop)


@pytest.mark.parametrize("name", pages_with("toml"))
def test_configurations_are_understood(name, tmp_path):
    for number, snippet in enumerate(s for s in PAGES[name] if s.language == "toml"):
        file = tmp_path / f"{number}.toml"
        file.write_text(snippet.code, "utf-8")
        assert resolve_config(file, {}) != resolve_config(None, {})


def test_what_is_not_run_is_marked_and_listed():
    marked = [(name, s.code) for name, found in PAGES.items() for s in found if not s.run]
    for (name, code), (listed, begins) in zip(marked, NOT_RUN, strict=True):
        assert name == listed
        assert code.startswith(begins)
    for name, file in ELSEWHERE.items():
        assert f'"{name}.md"' in (ROOT / file).read_text("utf-8")


def test_commands_that_cannot_run_here_are_understood():
    known = typer.main.get_command(app).commands
    found = 0
    for _, snippet in [(name, s) for name, found in PAGES.items() for s in found if not s.run]:
        for line in lines(snippet.code):
            for words in re.findall(r'clvmodels\)?"? ((?:[a-z]+) [^\n"]*)', line):
                command, *arguments = shlex.split(words)
                with known[command].make_context(command, arguments, resilient_parsing=False):
                    found += 1
    assert found == 5


def test_every_public_name_is_in_the_reference():
    written = "\n".join(path.read_text("utf-8") for path in (DOCS / "api").glob("*.md"))
    described = re.findall(r"auto(?:class|function):: clvmodels\.[\w.]*?(\w+)$", written, re.M)
    # Errors and figures are described by their modules; the version is named in the text.
    assert set(clv.__all__) <= {*described, "ClvError", "ClvWarning", "__version__"}
    assert "automodule:: clvmodels.plots" in written
    assert "automodule:: clvmodels.errors" in written


def test_the_gallery_draws_every_figure():
    drawn = set(re.findall(r"\bplots\.(\w+)\(", page("gallery")))
    assert drawn == set(plots.__all__)
    for name in plots.__all__:
        assert inspect.isroutine(getattr(plots, name)), name


def rows(text: str, heading: str) -> list[str]:
    """First cells of the table under a heading."""
    table = text.split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| ([^|]*?) \|", table, re.MULTILINE)[1:]


def test_the_data_contract_is_that_of_the_code():
    text = page("data-contract")
    assert tuple(rows(text, "Rows that are set aside")) == tuple(f"`{rule}`" for rule in RULES)
    columns = re.findall(r"`(\w+)`", " ".join(rows(text, "Score columns")))
    assert tuple(columns) == (
        *("customer_id", "first_purchase", "last_purchase", "frequency", "recency", "T"),
        *("monetary_value", *PREDICTIONS, "segment", "segment_probability"),
    )
    assert [int(status) for status in rows(text, "Exit status")] == [*ExitStatus]


def test_every_page_is_in_a_table_of_contents():
    listed, open_ = set(), ["index"]
    while open_:
        here = open_.pop()
        listed.add(here)
        for tree in re.findall(r"^```\{toctree\}\n(.*?)^```", page(here), re.MULTILINE | re.DOTALL):
            for entry in tree.split():
                inside = f"{here.rpartition('/')[0]}/{entry}".lstrip("/")
                if entry.startswith(":"):
                    continue
                if entry.startswith("../") and here.count("/") == 0:
                    assert list((DOCS / here).parent.glob(f"{entry}.*")), entry
                else:
                    open_.append(inside)
    assert listed == {str(path.relative_to(DOCS).with_suffix("")) for path in DOCS.rglob("*.md")}
