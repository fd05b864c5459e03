"""Documents keep their promises: links lead somewhere, snippets run, nothing is of one machine."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import clvmodels as clv
from clvmodels.cli import app

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    [
        *ROOT.glob("*.md"),
        *(path for name in ("benchmarks", "data", "docs") for path in (ROOT / name).rglob("*.md")),
        ROOT / "reports" / "README.md",
    ]
)
WITH_SNIPPETS = [ROOT / "README.md", ROOT / "data" / "README.md"]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(document):
    for link in LINK.findall(document.read_text("utf-8")):
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        target = (document.parent / file) if file else document
        assert target.exists(), link
        assert target.resolve().is_relative_to(ROOT), link
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text("utf-8"), re.MULTILINE)
            assert anchor in map(slug, headings), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_files_and_targets_that_are_named_exist(document):
    code = re.findall(r"`([^`\n]+)`", document.read_text("utf-8"))
    for word in code:
        if re.fullmatch(r"(clvmodels|tests|docs|notebooks|benchmarks|data|\.ci)/[\w./-]*", word):
            assert (ROOT / word).exists(), word
        if word.startswith("make "):
            assert word.split()[1] in TARGETS, word


def test_the_readme_names_every_command():
    text = (ROOT / "README.md").read_text("utf-8")
    sentence = re.search(r"^Commands: (.*?);", text, re.MULTILINE).group(1)
    commands = {command.name or command.callback.__name__ for command in app.registered_commands}
    commands |= {group.typer_instance.info.name for group in app.registered_groups}
    assert set(re.findall(r"`(\w+)`", sentence)) == commands


def test_the_version_is_the_same_everywhere():
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.search(r"^## (\S+)", changelog, re.MULTILINE).group(1) == clv.__version__
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert re.search(r"^version: (\S+)", citation, re.MULTILINE).group(1) == clv.__version__


@pytest.fixture
def shop(tmp_path):
    """A folder with the logs that the snippets read: 800 customers of a made-up shop."""
    model = clv.BetaGeoModel.from_params(
        {"r": 0.7, "alpha": 40.0, "a": 0.8, "b": 3.0}, time_unit="day"
    )
    rng = np.random.default_rng(5)
    orders = model.simulate(800, "700d", seed=5)
    start = pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 300, 800), "D")
    mean = rng.gamma(4.0, 10.0, 800)
    orders["date"] = start[orders["customer_id"]] + pd.to_timedelta(orders["time"], "D")
    orders["amount"] = (mean[orders["customer_id"]] * rng.gamma(6.0, 1 / 6, len(orders))).round(2)
    orders = orders[orders["date"] < "2024-12-31"].drop(columns="time")
    orders.to_csv(tmp_path / "orders.csv", index=False)
    names = {"customer_id": "user", "date": "ordered_at", "amount": "total"}
    orders.rename(columns=names).to_parquet(tmp_path / "orders.parquet", index=False)
    return tmp_path


def run(command, folder):
    here = str(Path(sys.executable).parent)
    environment = os.environ | {"PATH": os.pathsep.join([here, os.environ["PATH"]])}
    return subprocess.run(
        command, check=False, cwd=folder, env=environment, capture_output=True, text=True
    )


@pytest.mark.slow
@pytest.mark.parametrize("document", WITH_SNIPPETS, ids=name_of)
def test_snippets_run_as_printed(document, shop):
    blocks = BLOCK.findall(document.read_text("utf-8"))
    assert {language for language, _ in blocks} == {"python", "sh"}
    # What a shell line reads may be made by the Python that stands beside it.
    for language, code in sorted(blocks, key=lambda block: block[0]):
        for command in [code] if language == "python" else code.splitlines():
            if language == "sh" and command.startswith("make "):
                assert command.split()[1] in TARGETS, command
                continue
            starter = [sys.executable, "-c"] if language == "python" else ["sh", "-c"]
            done = run([*starter, command], shop)
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
            assert "Warning" not in done.stderr, done.stderr
    for out in re.findall(r"--out (\S+)", document.read_text("utf-8")):
        assert (shop / out / "report.html").exists(), out


def test_nothing_is_of_one_machine():
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert "README.md" in files
    machine = re.compile(
        r"(?<![\w.~-])/(?:work|root|home|Users)/[\w.]"
        r"|--(?:extra-)?index-url|--find-links|--trusted-host|pythonhosted|pypi\.org|/simple/"
    )
    for name in files:
        path = ROOT / name
        if (
            path == Path(__file__)
            or not path.is_file()
            or path.suffix in (".png", ".parquet", ".nc", ".pdf", ".zip")
        ):
            continue
        found = machine.search(path.read_text("utf-8"))
        assert found is None, f"{name}: {found.group()}"
