"""Temporary folders of killed processes are removed by the next one."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from clvmodels.storage import Scratch, scratch

HOLDER = """
import sys
from clvmodels.storage import Scratch
scratch = Scratch()
(scratch.path / "spilled").write_text("gigabytes")
print(scratch.path, flush=True)
sys.stdin.readline()
scratch.close()
"""


@pytest.fixture(autouse=True)
def own_place(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def holder(tmp_path):
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
    ) as process:  # fmt: skip
        yield process
        process.kill()


def test_the_folder_of_a_killed_process_goes_and_that_of_a_living_one_stays(holder, tmp_path):
    path = Path(holder.stdout.readline().strip())
    assert path.parent == tmp_path
    first = Scratch()
    assert (path / "spilled").exists()
    holder.send_signal(signal.SIGKILL)
    holder.wait(10)
    assert path.exists()
    second = Scratch()
    assert set(tmp_path.iterdir()) == {first.path, second.path}
    first.close()
    second.close()
    second.close()
    assert list(tmp_path.iterdir()) == []


def test_one_that_is_swept_away_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    lock, swept = scratch._lock, []

    def late(path: Path) -> int | None:
        if not swept:
            path.rmdir()
            swept.append(path)
        return lock(path)

    monkeypatch.setattr(scratch, "_lock", late)
    made = Scratch()
    assert made.path.exists()
    assert made.path != swept[0]
    made.close()


def test_links_and_files_of_that_name_are_left_alone(tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "file").write_text("mine")
    link, file = tmp_path / "clvmodels-scratch-link", tmp_path / "clvmodels-scratch-file"
    link.symlink_to(mine)
    file.write_text("")
    Scratch().close()
    assert link.is_symlink()
    assert file.exists()
    assert (mine / "file").exists()


def test_without_locks_nothing_is_swept(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch, "fcntl", None)
    other = tmp_path / "clvmodels-scratch-other"
    other.mkdir()
    Scratch().close()
    assert list(tmp_path.iterdir()) == [other]
