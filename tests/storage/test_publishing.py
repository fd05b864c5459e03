"""Publishing stopped anywhere ends the same, and never mixes what it shows under one record."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from clvmodels.errors import ArtefactError, FolderInUseError, ResourceError
from clvmodels.storage import locked, read_json, settle, staged, write_json, write_text

OLD = {"run.json", "report.html", "scores", "model"}
NEW = {"run.json", "segments.csv", "scores", "zoo.txt"}


def job(folder: Path, entries: set[str], version: str) -> None:
    """Write every entry with the job's version as text, folders with two files of it."""
    with staged(folder) as place:
        for name in sorted(entries):
            path = place / name
            if "." not in name:
                path.mkdir()
                write_json(path / "a.json", {"of": version}, schema=1)
                write_text(path / "b", version)
            elif name == "run.json":
                write_json(path, {"of": version}, schema=1)
            else:
                write_text(path, version)


def shown(folder: Path) -> dict[str, str]:
    """Which job each visible entry is of; an entry is never of two jobs, nor in part."""
    found = {}
    for entry in folder.iterdir():
        if entry.name.startswith("."):
            continue
        texts = {path.read_text() for path in ([entry] if entry.is_file() else entry.iterdir())}
        versions = {"old" if "old" in text else "new" for text in texts}
        assert len(versions) == 1, entry
        assert entry.is_file() or len(texts) == 2, entry
        found[entry.name] = versions.pop()
    return found


BEFORE = dict.fromkeys(OLD, "old")
# A saved model outlives its job.
AFTER = {**dict.fromkeys(NEW, "new"), "model": "old"}

KILLER = """
import os, sys
from pathlib import Path
from tests.storage.test_publishing import NEW, OLD, job

CALLS = ("rename", "replace", "unlink", "rmdir", "fsync", "mkdir", "ftruncate", "write")
for k in range(1_000):
    folder = Path(sys.argv[1], str(k))
    job(folder, OLD, "old")
    child = os.fork()
    if child == 0:
        left = [k]
        def dying(real):
            def call(*args, **kwargs):
                if left[0] == 0:
                    os._exit(9)
                left[0] -= 1
                return real(*args, **kwargs)
            return call
        for name in CALLS:
            setattr(os, name, dying(getattr(os, name)))
        job(folder, NEW, "new")
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
        break
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory) -> list[Path]:
    """Folders of jobs that died at their first, second, … change of the disk; the last did not."""
    folder = tmp_path_factory.mktemp("killed")
    subprocess.run([sys.executable, "-c", KILLER, str(folder)], check=True, timeout=120)
    return sorted(folder.iterdir(), key=lambda path: int(path.name))


def test_a_job_killed_at_any_change_of_the_disk_is_completed_or_done_again(killed):
    assert len(killed) > 50
    assert shown(killed[-1]) == AFTER
    outcomes = []
    for folder in killed:
        now = shown(folder)
        # A record vouches for everything beside it; without one something is left to complete.
        if "run.json" in now:
            assert now in (BEFORE, AFTER), folder
        else:
            assert (folder / ".ready").exists() != (folder / ".moving").exists(), folder
        completed = settle(folder)
        assert completed or now in (BEFORE, AFTER)
        assert shown(folder) in ((AFTER,) if completed else (BEFORE, AFTER)), folder
        outcomes.append(completed)
        job(folder, NEW, "new")
        assert shown(folder) == AFTER
        assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    assert sum(outcomes) > 10


def test_the_record_comes_last_and_the_old_one_goes_first(tmp_path, monkeypatch):
    job(tmp_path, OLD, "old")
    order = []
    replace, unlink = Path.replace, Path.unlink

    def spy(self, target):
        order.append(f"+{Path(target).name}")
        return replace(self, target)

    def spy_unlink(self, missing_ok=False):
        order.append(f"-{self.name}")
        return unlink(self, missing_ok=missing_ok)

    with staged(tmp_path) as folder:
        for name in ("scores.txt", "run.json", "a.txt", "z.txt"):
            write_text(folder / name, name)
        monkeypatch.setattr(Path, "replace", spy)
        monkeypatch.setattr(Path, "unlink", spy_unlink)
    assert order[0] == "-run.json"
    assert [name for name in order if name[0] == "+"] == [
        "+a.txt", "+scores.txt", "+z.txt", "+run.json",
    ]  # fmt: skip


def stop_at(name: str, monkeypatch, error: BaseException, times: int = 10) -> None:
    """Let the move of an entry into its place fail."""
    replace = Path.replace
    left = [times]

    def fail(self, target):
        if Path(target).name == name and left[0]:
            left[0] -= 1
            raise error
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fail)


def fail_midway(folder: Path, monkeypatch, error: BaseException, times: int) -> None:
    with staged(folder) as place:
        write_json(place / "run.json", {"of": "new"}, schema=1)
        write_text(place / "z.txt", "new")
        stop_at("z.txt", monkeypatch, error, times)


def test_a_disk_that_fails_while_publishing_leaves_no_record_and_the_next_reader_completes(
    tmp_path, monkeypatch
):
    job(tmp_path, OLD, "old")
    with monkeypatch.context() as patch, pytest.raises(ResourceError, match="See to the disk"):
        fail_midway(tmp_path, patch, OSError(errno.EIO, "Input/output error"), 10)
    assert "run.json" not in shown(tmp_path)
    assert read_json(tmp_path / "run.json", schema=1)["of"] == "new"
    assert shown(tmp_path) == {"run.json": "new", "z.txt": "new", "model": "old"}


def test_an_interruption_while_publishing_comes_too_late_to_leave_a_mixture(tmp_path, monkeypatch):
    job(tmp_path, OLD, "old")
    with pytest.raises(KeyboardInterrupt):
        fail_midway(tmp_path, monkeypatch, KeyboardInterrupt(), 1)
    assert shown(tmp_path) == {"run.json": "new", "z.txt": "new", "model": "old"}
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_file_in_a_folder_of_the_run_is_found_too(tmp_path):
    write_json(tmp_path / "a.json", {"of": "new"}, schema=1)
    (tmp_path / ".moving" / "model").mkdir(parents=True)
    (tmp_path / "a.json").rename(tmp_path / ".moving" / "model" / "a.json")
    assert read_json(tmp_path / "model" / "a.json", schema=1)["of"] == "new"


def test_a_reader_says_that_a_job_is_publishing(tmp_path):
    (tmp_path / ".moving").mkdir()
    write_text(tmp_path / ".moving" / "run.json", '{"schema": 1}')
    with locked(tmp_path), pytest.raises(FolderInUseError, match=f"process {os.getpid()} on"):
        read_json(tmp_path / "run.json", schema=1)
    assert read_json(tmp_path / "run.json", schema=1) == {"schema": 1}


def test_a_file_that_nobody_is_publishing_stays_missing(tmp_path):
    assert not settle(tmp_path)
    assert not settle(tmp_path / "none")
    with pytest.raises(ArtefactError, match=r"There is no run\.json"):
        read_json(tmp_path / "run.json", schema=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("old_is_folder", [True, False])
def test_a_folder_and_a_file_can_take_each_others_place(tmp_path, old_is_folder):
    target = tmp_path / "scores"
    for is_folder in (old_is_folder, not old_is_folder):
        with staged(tmp_path) as place:
            if is_folder:
                (place / "scores").mkdir()
            else:
                write_text(place / "scores", "")
        assert target.is_dir() == is_folder
    assert [path.name for path in tmp_path.iterdir()] == ["scores"]


def test_results_behind_a_link_are_left_alone(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine").write_text("mine")
    out = tmp_path / "out"
    out.mkdir()
    (out / "scores").symlink_to(elsewhere)
    job(out, NEW, "new")
    assert shown(out) == dict.fromkeys(NEW, "new")
    assert not (out / "scores").is_symlink()
    assert (elsewhere / "mine").read_text() == "mine"


def test_the_record_is_plain_json_after_a_completion(tmp_path):
    job(tmp_path, NEW, "new")
    assert json.loads((tmp_path / "run.json").read_text()) == {"schema": 1, "of": "new"}
