"""The public names as a type checker sees them from outside, in strict mode."""

import subprocess
import sys
from pathlib import Path

import pytest

import clvmodels

USER = Path(__file__).parent / "typing" / "user.py"


def mypy(script, folder):
    """Check one script as its author would: no configuration, errors of the package silent."""
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", "cache"]
    return subprocess.run(
        [*command, str(script)], check=False, cwd=folder, capture_output=True, text=True
    )


@pytest.mark.slow
def test_a_script_of_a_user_is_typed_throughout(tmp_path):
    done = mypy(USER, tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    # The same, were a name of no type.
    script = USER.read_text("utf-8").replace("clv.load_cdnow(", "clv.__getattr__('load_cdnow')(")
    (tmp_path / "untyped.py").write_text(script, "utf-8")
    done = mypy("untyped.py", tmp_path)
    assert done.returncode == 1
    assert 'Expression is of type "Any", not "TransactionLog"' in done.stdout


@pytest.mark.parametrize("name", sorted(set(clvmodels.__all__) - {"__version__"}))
def test_the_script_uses_every_name(name):
    assert f"clv.{name}" in USER.read_text("utf-8")
