"""Kill -9, a full disk, a limit on memory: the same command then gives the same bytes."""

import os
import resource
import shutil
import subprocess
from pathlib import Path

import pytest

from benchmarks.kills import digest, study
from tests.jobs import clvmodels_process, shop


@pytest.mark.slow
def test_killed_at_twenty_random_moments(tmp_path):
    found = study(20_000, 20, 1, tmp_path, at_a_time=5)
    assert sum(outcome.killed for outcome in found) >= 15
    assert not [outcome for outcome in found if outcome.mixed or outcome.left_over]
    assert all(outcome.same for outcome in found)


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("log") / "log.parquet"
    shop(3000).to_parquet(path, index=False)
    return path


@pytest.fixture(scope="module")
def fitted(log, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("fitted") / "fit"
    done = clvmodels_process("fit", log, "--out", out, "--method", "map", "--quiet")
    assert done.status in (0, 4), done.stderr
    return out


@pytest.fixture(scope="module")
def reference(log, fitted, tmp_path_factory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("reference") / "scores"
    done = clvmodels_process("score", log, "--model", fitted / "model", "--out", out, "--quiet")
    assert done.status in (0, 4), done.stderr
    return digest(out)


@pytest.fixture
def tiny_disk(tmp_path):
    """A disk with less room than the scores need."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a disk needs root")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def grow(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)


def test_a_full_disk_leaves_the_run_before_and_room_lets_the_job_finish(
    log, fitted, reference, tiny_disk
):
    out = tiny_disk / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    job = ("score", log, "--model", fitted / "model", "--out", out, "--quiet")
    done = clvmodels_process(*job)
    assert done.status == 5, done.stderr
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in out.iterdir()] == ["notes.txt"]
    grow(tiny_disk)
    again = clvmodels_process(*job)
    assert again.status in (0, 4), again.stderr
    assert digest(out) == reference
    assert (out / "notes.txt").read_text() == "mine"


def test_a_limit_on_the_memory_of_the_process(log, fitted, reference, tmp_path):
    """Too little for the imports, for the database or for the scores, as it may come."""
    out = tmp_path / "out"
    job = ("score", log, "--model", fitted / "model", "--out", out, "--quiet")
    failed = 0
    for megabytes in (300, 600, 900, 1_200):

        def limit(size: int = megabytes * 2**20) -> None:
            resource.setrlimit(resource.RLIMIT_AS, (size, size))

        done = clvmodels_process(
            *job, preexec_fn=limit, env=os.environ | {"OPENBLAS_NUM_THREADS": "1"}
        )
        failed += done.status not in (0, 4)
        shown = [path for path in out.iterdir() if path.name[0] != "."] if out.exists() else []
        assert not shown or (out / "run.json").exists()
        shutil.rmtree(out) if (out / "run.json").exists() else None
    assert failed
    again = clvmodels_process(*job)
    assert again.status in (0, 4), again.stderr
    assert digest(out) == reference
    assert not [path for path in out.iterdir() if path.name[0] == "."]
