"""ARCHITECTURE.md is the rule: every import of the package is held against its table."""

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "clvmodels"
DOCUMENT = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
MODULES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES, MOST_FUNCTION_LINES = 420, 70


@dataclass(frozen=True)
class Room:
    name: str
    path: Path
    ours: frozenset[str]
    outside: frozenset[str]


@dataclass(frozen=True)
class Import:
    line: int
    name: str  # the module, or the name taken from it, in full
    deferred: bool  # inside a function, or for type checkers only

    @property
    def is_ours(self) -> bool:
        return self.name.split(".")[0] == "clvmodels"

    @property
    def room(self) -> str:
        """Room of the package that the import reaches into."""
        part = [*self.name.split("."), ""][1]
        return part if part in ROOMS else "__init__"


def code_words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def room_name(file: str) -> str:
    return file.removesuffix("/").removesuffix(".py")


def read_rooms(document: str) -> dict[str, Room]:
    """Read the only table whose header starts with "room"; its order is the direction."""
    header, *lines = re.findall(r"^\| room .*(?:\n\|.*)*", document, re.MULTILINE)[0].split("\n")
    everywhere = set(code_words(header))
    rooms: dict[str, Room] = {}
    for line in lines[1:]:
        file, _, ours, outside = (cell.strip() for cell in line.strip("|").split("|"))
        (path,) = code_words(file)
        above = set(rooms)
        named = set(code_words(ours))
        assert named or ours in ("nothing", "everything above"), f"{path}: unclear cell {ours!r}"
        assert named <= above, f"{path} may import {named - above}, which stand below it"
        allowed = above if ours == "everything above" else named | (everywhere & above)
        rooms[room_name(path)] = Room(
            room_name(path), PACKAGE / path, frozenset(allowed), frozenset(code_words(outside))
        )
    return rooms


ROOMS = read_rooms(DOCUMENT)
SLOW = set(code_words(DOCUMENT.split("Slow packages", 1)[1].split("\n-", 1)[0])) - {
    "clvmodels --help"
}


def room_of(module: Path) -> str:
    return room_name(module.relative_to(PACKAGE).parts[0])


def imports_of(source: str, package: tuple[str, ...]) -> Iterator[Import]:
    """Every import of a module that lies in ``package``, wherever it stands."""

    def visit(node: ast.AST, deferred: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(node.lineno, alias.name, deferred)
        elif isinstance(node, ast.ImportFrom):
            origin = [node.module] if node.module else []
            if node.level:
                origin = [*package[: len(package) - node.level + 1], *origin]
            for alias in node.names:
                yield Import(node.lineno, ".".join([*origin, alias.name]), deferred)
        inside = deferred or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            inside = True
        for child in ast.iter_child_nodes(node):
            yield from visit(child, inside)

    yield from visit(ast.parse(source), deferred=False)


def breaches(room: Room, imports: Iterator[Import]) -> list[str]:
    """What a module of a room imports against the table or too early."""
    found = []
    for imported in imports:
        top = imported.name.split(".")[0]
        if imported.is_ours:
            if imported.room not in room.ours | {room.name}:
                found.append(f"line {imported.line}: {imported.name} is not for {room.name}")
        elif top not in sys.stdlib_module_names and top not in room.outside:
            found.append(f"line {imported.line}: {top} is not for {room.name}")
        slow = any(f"{imported.name}.".startswith(f"{package}.") for package in SLOW)
        if slow and not imported.deferred:
            found.append(f"line {imported.line}: {imported.name} is slow; import it where used")
    return found


def test_the_rooms_of_the_document_are_the_rooms_of_the_package():
    there = {room_of(module) for module in MODULES}
    assert there == set(ROOMS)
    for room in ROOMS.values():
        assert room.path.exists(), room.path


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_follow_the_table(module):
    package = ("clvmodels", *module.relative_to(PACKAGE).parts[:-1])
    found = breaches(ROOMS[room_of(module)], imports_of(module.read_text("utf-8"), package))
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("kernels", "from clvmodels.models import base"),
        ("kernels", "import clvmodels.value"),
        ("kernels", "from clvmodels import pipeline"),
        ("kernels", "from clvmodels import BetaGeoModel"),
        ("kernels", "from ..report import build"),
        ("kernels", "from .. import cli"),
        ("kernels", "import pyarrow"),
        ("kernels", "from scipy import stats"),
        ("kernels", "import scipy.stats as st"),
        ("transactions", "from clvmodels.kernels.base import FloatArray"),
        ("value", "def f():\n    from clvmodels.engines import batch"),
        ("models", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import clvmodels.cli"),
        ("models", "import pandas as pd"),
        ("models", "class A:\n    import pandas"),
        ("report", "from clvmodels import pipeline"),
    ],
)
def test_a_breach_is_found(room, source):
    assert breaches(ROOMS[room], imports_of(source, ("clvmodels", room)))


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("kernels", "from .base import Kernel\nfrom scipy import special"),
        ("models", "def f():\n    import pandas as pd"),
        ("models", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pandas"),
        ("cli", "from clvmodels import __version__, pipeline"),
        ("units", "from clvmodels.errors import ClvError"),
    ],
)
def test_what_is_allowed_passes(room, source):
    assert breaches(ROOMS[room], imports_of(source, ("clvmodels", room))) == []


def test_the_names_in_the_text_exist():
    """Such as `engines.duckdb.write_scores` or `TransactionLog.before`."""
    public = importlib.import_module("clvmodels.transactions")
    found = 0
    for word in code_words(re.sub(r"```.*?```", "", DOCUMENT, flags=re.DOTALL)):
        parts = word.removesuffix("()").split(".")
        if len(parts) < 2 or parts[-1] in ("py", "json"):
            continue
        if parts[0] in ROOMS:
            thing = importlib.import_module(f"clvmodels.{parts[0]}")
        elif hasattr(public, parts[0]):
            thing = getattr(public, parts[0])
        else:
            continue
        for name in parts[1:]:
            if not hasattr(thing, name):
                importlib.import_module(f"{thing.__name__}.{name}")
            thing = getattr(thing, name)
        found += 1
    assert found >= 5


def test_no_module_hides_an_import_in_text():
    hidden = re.compile(r"import_module\(|__import__\(|\bexec\(|\beval\(|\bpickle\b")
    front = PACKAGE / "__init__.py"
    for module in MODULES:
        if module != front:
            assert not hidden.search(module.read_text("utf-8")), module


def test_help_needs_no_slow_package_and_no_arrays():
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from clvmodels.cli import app\n"
        "assert CliRunner().invoke(app, ['run', '--help']).exit_code == 0\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "clvmodels.cli" in loaded
    assert not loaded & (SLOW | {"numpy", "scipy", "duckdb", "pyarrow", "clvmodels.pipeline"})


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_and_functions_stay_short(module):
    source = module.read_text("utf-8")
    assert source.count("\n") < MOST_LINES
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            text = first.end_lineno - first.lineno + 1 if is_text else 0
            lines = node.end_lineno - node.lineno + 1 - text
            assert lines < MOST_FUNCTION_LINES, f"{node.name}: {lines} lines"


def test_the_limits_are_those_of_the_document():
    assert f"under {MOST_LINES} lines" in DOCUMENT
    assert f"under {MOST_FUNCTION_LINES} lines" in DOCUMENT
