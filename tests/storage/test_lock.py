"""One job at a time in a folder, and a dead one holds nothing."""

import errno
import json
import os
import socket
import subprocess
import sys
import threading
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from clvmodels.errors import ConfigurationError, ExitStatus, FolderInUseError
from clvmodels.storage import lock, locked, staged, write_text
from clvmodels.storage.lock import LOCK, Owner

HOLDER = """
import sys, time
from pathlib import Path
from clvmodels.storage import staged
with staged(Path(sys.argv[1])) as folder:
    print("ready", flush=True)
    sys.stdin.readline()
    (folder / "run.json").write_text("of the first")
"""


@pytest.fixture
def holder(tmp_path):
    """Another process whose job works in tmp_path / out until it reads a line."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "out")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as job:
        assert job.stdout.readline() == "ready\n"
        yield job
        job.kill()


def test_a_second_job_is_refused_and_told_who_is_at_work(holder, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(FolderInUseError) as refused, staged(out):
        pass
    assert refused.value.exit_status == ExitStatus.RESOURCES
    words = str(refused.value)
    assert words.startswith(f"{out} is in use by process {holder.pid} on {socket.gethostname()}, ")
    assert "since 20" in words
    assert "UTC. Wait until that job is done, or choose another folder." in words
    # The job that is at work notices nothing.
    holder.stdin.write("\n")
    holder.stdin.close()
    assert holder.wait(10) == 0
    assert {path.name for path in out.iterdir()} == {"run.json"}
    with staged(out) as folder:
        write_text(folder / "run.json", "of the second")
    assert (out / "run.json").read_text() == "of the second"


def test_a_killed_job_holds_nothing(holder, tmp_path):
    out = tmp_path / "out"
    holder.kill()
    holder.wait(10)
    assert Owner.read(out / LOCK).pid == holder.pid
    with staged(out) as folder:
        write_text(folder / "run.json", "of the second")
    assert {path.name for path in out.iterdir()} == {"run.json"}


def write_words(folder: Path, owner: Owner) -> None:
    (folder / LOCK).write_text(json.dumps(asdict(owner)))


def test_words_that_name_a_living_process_hold_nothing_without_its_lock(tmp_path):
    """As after a restart of the machine, when another process has the number."""
    mine = Owner.of_this_process()
    for words in (mine, replace(mine, pid=os.getppid()), replace(mine, host="elsewhere")):
        write_words(tmp_path, words)
        with locked(tmp_path):
            assert Owner.read(tmp_path / LOCK).pid == os.getpid()
        assert not (tmp_path / LOCK).exists()
    (tmp_path / LOCK).write_text("{")
    with locked(tmp_path):
        pass


def test_threads_keep_apart_too(tmp_path):
    found = []

    def second() -> None:
        try:
            with locked(tmp_path):
                found.append("both")
        except FolderInUseError:
            found.append("refused")

    with locked(tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    with locked(tmp_path):
        pass
    assert found == ["refused"]


def test_a_lock_file_that_its_owner_takes_along_is_made_again(tmp_path, monkeypatch):
    take, gone = lock._take, []

    def late(descriptor: int) -> bool:
        if not gone:
            (tmp_path / LOCK).unlink()
            gone.append(True)
        return take(descriptor)

    monkeypatch.setattr(lock, "_take", late)
    with locked(tmp_path), pytest.raises(FolderInUseError), locked(tmp_path):
        pass
    assert gone


def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path):
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / LOCK).symlink_to(tmp_path / "mine")
    with pytest.raises(ConfigurationError, match="symbolic link"), staged(tmp_path / "out"):
        pass
    assert (tmp_path / "mine").read_text() == "mine"


@pytest.fixture(params=["no module", "no support"])
def without_locks(request, monkeypatch):
    """A system, or a file system, that has no locks."""
    if request.param == "no module":
        monkeypatch.setattr(lock, "fcntl", None)
        return

    def unsupported(*args: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", unsupported)


@pytest.mark.usefixtures("without_locks")
class TestWithoutLocks:
    """Only the words in the file are left to go by."""

    def test_a_living_process_keeps_others_out(self, tmp_path):
        told = pytest.raises(FolderInUseError, match=r"remove .*/\.lock")
        with locked(tmp_path), told, locked(tmp_path):
            pass
        assert not (tmp_path / LOCK).exists()

    @pytest.mark.parametrize(
        "change",
        [
            {"pid": 2**22 + 1, "started": "17"},  # ended
            {"started": "17"},  # another process has its number
            {"boot": "an earlier one"},  # the machine was started again
        ],
    )
    def test_an_owner_that_is_gone_makes_room(self, tmp_path, change):
        write_words(tmp_path, replace(Owner.of_this_process(), **change))
        with locked(tmp_path):
            assert Owner.read(tmp_path / LOCK) == replace(
                Owner.of_this_process(), since=Owner.read(tmp_path / LOCK).since
            )
        assert not (tmp_path / LOCK).exists()

    def test_of_another_machine_nothing_is_known(self, tmp_path):
        write_words(tmp_path, replace(Owner.of_this_process(), host="elsewhere"))
        told = pytest.raises(FolderInUseError, match=f"process {os.getpid()} on elsewhere")
        with told, locked(tmp_path):
            pass
        assert (tmp_path / LOCK).exists()
