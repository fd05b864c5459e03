"""The documentation site: its snippets run and print what stands there, and nothing is left out."""

from __future__ import annotations

import contextlib
import inspect
import io
import re
import shlex
import warnings
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import clvmodels as clv
from clvmodels import plots
from clvmodels.cli import app
from clvmodels.errors import DataWarning, ExitStatus
from clvmodels.transactions.account import RULES
from clvmodels.value.plug_in import PREDICTIONS

DOCS = Path(__file__).parents[1] / "docs"
# Pages whose snippets run one after the other, each page in one go.
WITH_PYTHON = [
    "add-a-model",
    pytest.param("backtest", marks=pytest.mark.slow),
    "data-contract",
    "databases",
    "faq",
    "guide",
    "real-files",
    "simple-formula",
    "start",
]
WITH_COMMANDS = ["guide", "start"]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", re.MULTILINE | re.DOTALL)


def page(name: str) -> str:
    return (DOCS / f"{name}.md").read_text("utf-8")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder with what the snippets read: a small log in several files, and its customers."""
    folder = tmp_path_factory.mktemp("shop")
    made = clv.SimulatedShop(customers=250, span="600d", seed=3)
    clv.simulate_log(made, folder / "made.parquet")
    log = pq.read_table(folder / "made.parquet").to_pandas()
    log.to_csv(folder / "orders.csv", index=False)
    named = {"customer_id": "user", "date": "ordered_at", "amount": "total"}
    log.rename(columns=named).to_parquet(folder / "orders.parquet", index=False)
    (folder / "monthly").mkdir()
    for number, part in enumerate(np.array_split(np.arange(len(log)), 2)):
        log.iloc[part].to_csv(folder / "monthly" / f"{number}.csv", index=False)
    customers = log[["customer_id"]].drop_duplicates()
    customers["channel"] = np.resize(["web", "shop"], len(customers))
    customers["country"] = np.resize(["AT", "DE", "CH"], len(customers))
    customers.to_csv(folder / "customers.csv", index=False)
    pq.write_table(clv.read_transactions(log).summarize().to_arrow(), folder / "summary.parquet")
    return folder


def run_line(line: str) -> None:
    name, *arguments = shlex.split(line)
    assert name == "clvmodels", line
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code in (ExitStatus.DONE, ExitStatus.UNTRUSTED), f"{line}\n{done.output}"


@pytest.mark.parametrize("name", WITH_PYTHON)
def test_python_runs_and_prints_what_stands_beneath_it(name, shop, monkeypatch):
    monkeypatch.chdir(shop)
    mpl.use("Agg")
    namespace = {"__name__": "__main__"}
    for code, said in PYTHON.findall(page(name)):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), warnings.catch_warnings():
            # The log of a snippet may deserve a look.
            warnings.simplefilter("ignore", DataWarning)
            exec(compile(code, f"{name}.md", "exec"), namespace)
        if said:
            assert "\n".join(map(str.rstrip, printed.getvalue().split("\n"))) == said


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_COMMANDS)
def test_commands_run(name, shop, monkeypatch):
    monkeypatch.chdir(shop)
    for language, code in FENCE.findall(page(name)):
        if language == "toml":
            (shop / "clv.toml").write_text(code, "utf-8")
        for line in code.splitlines() if language == "sh" else []:
            run_line(line)


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
