"""What is released: its dependencies and their bounds, wheel and source archive, and that they run.

The slow tests build in a folder of their own and install without any network: what the wheel needs
is taken from the environment of the tests.
"""

import ast
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import clvmodels

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "clvmodels"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCKS = {"requirements.lock", "requirements-dev.lock"}
PYTHONS = ("3.11", "3.12", "3.13")
# Imported, and always there with what is declared; a bound of its own would bind twice.
CARRIED = {"markupsafe": "jinja2", "pytensor": "pymc", "_typeshed": "for type checkers only"}
# Declared for its files: the CDNOW log.
NOT_IMPORTED = {"lifetimes"}


def declared():
    """Every direct dependency, with the lock that has to have it."""
    extras = PROJECT["project"]["optional-dependencies"]
    groups = {
        "requirements.lock": [*PROJECT["project"]["dependencies"], *extras["pdf"]],
        "requirements-dev.lock": [
            *(line for name, lines in extras.items() if name != "pdf" for line in lines),
            *PROJECT["dependency-groups"]["dev"],
        ],
    }
    for lock, lines in groups.items():
        for line in lines:
            yield pytest.param(Requirement(line), lock, id=line)


def locked(lock):
    """Requirements of a lock file, without their hashes."""
    text = (ROOT / lock).read_text("utf-8")
    return [Requirement(line) for line in re.findall(r"^([a-z0-9][^\\\n]*==[^\\\n]*)", text, re.M)]


def imports(folder=PACKAGE):
    """Top-level packages from outside that a folder's modules import."""
    names = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(node.module)
    tops = {name.partition(".")[0] for name in names}
    return tops - sys.stdlib_module_names - {"clvmodels"}


@pytest.mark.parametrize(("requirement", "lock"), list(declared()))
def test_every_dependency_has_a_lower_bound_that_the_lock_satisfies(requirement, lock):
    operators = [bound.operator for bound in requirement.specifier]
    assert operators == [">="], "a lower bound, and no upper one"
    name = canonicalize_name(requirement.name)
    found = [entry for entry in locked(lock) if canonicalize_name(entry.name) == name]
    for python in PYTHONS:
        environment = {"python_full_version": f"{python}.0", "python_version": python}
        environment |= {"sys_platform": "linux", "platform_python_implementation": "CPython"}
        valid = [e for e in found if e.marker is None or e.marker.evaluate(environment)]
        assert len(valid) == 1, f"{name} on Python {python}: {valid}"
        (exact,) = valid[0].specifier
        assert exact.operator == "=="
        assert requirement.specifier.contains(Version(exact.version)), valid[0]


def test_what_is_imported_is_declared_and_what_is_declared_is_imported():
    distributions = packages_distributions()
    extras = PROJECT["project"]["optional-dependencies"]
    known = [*PROJECT["project"]["dependencies"], *extras["pdf"], *extras["spark"]]
    names = {canonicalize_name(Requirement(line).name) for line in known}
    used = set()
    for top in imports() - set(CARRIED):
        homes = {canonicalize_name(home) for home in distributions.get(top, [top])}
        assert homes & names, f"{top} is imported and not declared"
        used |= homes
    assert names - used - NOT_IMPORTED == set()


def test_the_pythons_are_the_same_everywhere():
    listed = [
        text.rpartition(" ")[2]
        for text in PROJECT["project"]["classifiers"]
        if re.search(r":: 3\.\d+$", text)
    ]
    assert tuple(listed) == PYTHONS
    assert PROJECT["project"]["requires-python"] == f">={PYTHONS[0]}"


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """Wheel and source archive, built as an index's users build them: from the project file."""
    folder = tmp_path_factory.mktemp("dist")
    code = (
        "import sys; from hatchling import build\n"
        "print(build.build_wheel(sys.argv[1])); print(build.build_sdist(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        check=True, cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    return tuple(folder / name for name in done.stdout.split())


@pytest.mark.slow
def test_the_wheel_has_all_of_the_package_and_nothing_else(archives):
    with zipfile.ZipFile(archives[0]) as wheel:
        content = {name: wheel.read(name) for name in wheel.namelist()}
    metadata = f"clvmodels-{clvmodels.__version__}.dist-info/"
    ours = {
        path.relative_to(ROOT).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in content if not name.startswith(metadata)} == ours
    assert {"clvmodels/py.typed", "clvmodels/report/templates/report.css"} <= ours
    assert f"{metadata}licenses/LICENSE" in content
    machine = re.compile(rb"(?<![\w.~-])/(?:work|root|home|Users|tmp)/[\w.]")
    for name, data in content.items():
        assert machine.search(data) is None, name
    described = content[f"{metadata}METADATA"].decode()
    required = re.findall(r"^Requires-Dist: ([\w-]+)(?!.*extra)", described, re.MULTILINE)
    assert len(required) == len(PROJECT["project"]["dependencies"])
    assert b"clvmodels = clvmodels.cli:main" in content[f"{metadata}entry_points.txt"]


@pytest.mark.slow
def test_a_wheel_can_be_built_from_the_source_archive(archives, tmp_path):
    wheel, source = archives
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    kept = {path.name for path in folder.iterdir()}
    assert {"README.md", "LICENSE", "CITATION.cff", "Makefile", "tests", "docs"} <= kept
    assert not kept & {".venv", "build", "dist", ".git"}
    assert not (folder / "reports" / "cdnow").exists()
    code = "import sys; from hatchling import build; print(build.build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        check=True, cwd=folder, capture_output=True, text=True,
    )  # fmt: skip
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(tmp_path / done.stdout.strip()) as other:
        assert set(one.namelist()) == set(other.namelist())


@pytest.fixture(scope="module")
def installed(archives, tmp_path_factory):
    """The scripts of an environment with the wheel, which sees the dependencies of the tests."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    scheme = {"base": str(folder), "platbase": str(folder)}
    scripts = Path(sysconfig.get_path("scripts", "venv", scheme))
    command = [sys.executable, "-m", "pip", "--python", str(scripts / "python"), "install"]
    offline = ["--no-index", "--no-deps", "--no-compile", "--quiet"]
    subprocess.run([*command, *offline, str(archives[0])], check=True)
    # Read after the environment's own packages: the wheel comes before the sources.
    packages = Path(sysconfig.get_path("purelib", "venv", scheme))
    (packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n", "utf-8")
    return scripts


def ran(command, folder):
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        list(map(str, command)), check=False, cwd=folder, env=environment,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode in (0, 4), done.stderr
    return done


@pytest.mark.slow
def test_the_installed_wheel_does_the_job_and_renders_every_template(installed, tmp_path):
    home = ran(
        [installed / "python", "-c", "import clvmodels; print(clvmodels.__file__)"], tmp_path
    )
    assert Path(home.stdout.strip()).is_relative_to(installed.parent)
    assert "Usage: clvmodels" in ran([installed / "clvmodels", "--help"], tmp_path).stdout
    demo = ran([installed / "clvmodels", "demo", "--out", "cdnow", "--quiet"], tmp_path)
    assert "Traceback" not in demo.stderr
    for name in ("report.html", "staff-card.html"):
        assert (tmp_path / "cdnow" / name).stat().st_size > 5_000, name
    # Those of the card too, and those that only another run would show.
    code = (
        "from clvmodels.report.render import _environment as e; env = e()\n"
        "for name in env.list_templates():\n"
        "    if name.endswith('.j2'): env.get_template(name)\n"
        "    print(name)"
    )
    found = ran([installed / "python", "-c", code], tmp_path).stdout.split()
    templates = PACKAGE / "report" / "templates"
    assert set(found) == {path.name for path in templates.iterdir()}


@pytest.mark.slow
def test_the_ten_lines_of_the_readme_run_on_the_installed_wheel(installed, tmp_path):
    text = (ROOT / "README.md").read_text("utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    done = ran([installed / "python", "-W", "error::FutureWarning", "-c", code], tmp_path)
    assert re.search(r"^The base: [\d,]+, [\d,]+ to [\d,]+$", done.stdout, re.MULTILINE)
