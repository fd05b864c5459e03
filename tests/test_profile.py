"""What a stage costs is measured, stage by stage."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from clvmodels import profile
from clvmodels.profile import Profiled
from clvmodels.progress import NoProgress, PlainProgress

MEGABYTE = 1_000_000


def hold(megabytes: int) -> None:
    np.ones(megabytes * MEGABYTE // 8)


def can_reset() -> bool:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def burn(seconds: float) -> None:
    start = time.process_time()
    while time.process_time() - start < seconds:
        pass


def test_a_stage_has_its_own_seconds_and_its_own_peak():
    if not can_reset():
        pytest.skip("this system doesn't tell the peak of a stage")
    profiled = Profiled(NoProgress())
    with profiled.stage("large"):
        hold(200)
    hold(400)
    with profiled.stage("busy"):
        burn(0.2)
    with profiled.stage("asleep"):
        time.sleep(0.2)
    large, busy, asleep = profiled.stages
    assert (large.stage, busy.stage, asleep.stage) == ("large", "busy", "asleep")
    assert large.peak_bytes - busy.peak_bytes == pytest.approx(200 * MEGABYTE, rel=0.1)
    assert 0.2 <= busy.cpu_seconds < busy.seconds + 0.1
    assert asleep.seconds >= 0.2
    assert asleep.cpu_seconds < 0.1


def test_what_a_stage_within_a_stage_held_counts_for_both():
    profiled = Profiled(NoProgress())
    with profiled.stage("outer"), profiled.stage("inner"):
        hold(100)
    inner, outer = profiled.stages
    assert inner.stage == "inner"
    assert outer.peak_bytes == inner.peak_bytes
    assert outer.seconds >= inner.seconds
    between = profiled.table().splitlines()[-2].split()
    assert float(between[2]) < 0.1


def test_processes_that_ended_in_a_stage_count():
    profiled = Profiled(NoProgress())
    code = "import time\nwhile time.process_time() < 0.3: pass"
    with profiled.stage("child"):
        subprocess.run([sys.executable, "-c", code], check=True)
    assert profiled.stages[0].cpu_seconds >= 0.28


def test_a_stage_that_fails_is_kept():
    profiled = Profiled(NoProgress())
    with pytest.raises(KeyError), profiled.stage("fit"):
        raise KeyError
    assert [cost.stage for cost in profiled.stages] == ["fit"]


def test_progress_goes_on(capsys):
    profiled = Profiled(PlainProgress())
    with profiled.stage("score", 7) as advance:
        advance(7)
    assert "7 customers" in capsys.readouterr().err


def test_where_the_peak_cannot_be_forgotten_it_is_that_of_the_process(monkeypatch, tmp_path):
    monkeypatch.setattr(profile, "_RESET", tmp_path / "none" / "clear_refs")
    monkeypatch.setattr(profile, "_STATUS", tmp_path / "status")
    hold(100)
    profiled = Profiled(NoProgress())
    with profiled.stage("read"):
        pass
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert profiled.stages[0].peak_bytes == peak > 100 * MEGABYTE
    monkeypatch.setitem(sys.modules, "resource", None)
    with profiled.stage("fit"):
        pass
    assert profiled.stages[1].peak_bytes is None
    assert profiled.to_list()[1]["peak_bytes"] is None


def test_the_table_adds_up_and_lines_up():
    profiled = Profiled(NoProgress())
    with profiled.stage("read"):
        burn(0.05)
    burn(0.05)
    with profiled.stage("back-test"):
        burn(0.05)
    lines = profiled.table().splitlines()
    assert lines[0].split() == ["stage", "seconds", "CPU", "s", "peak", "MB"]
    names = ["read", "back-test", "(between stages)", "whole job"]
    assert [line[:16].strip() for line in lines[1:]] == names
    seconds = [float(line[16:].split()[0]) for line in lines[1:]]
    assert sum(seconds[:3]) == pytest.approx(seconds[3], abs=0.03)
    assert len({len(line) for line in (lines[0], lines[1], lines[-1])}) == 1
    assert set(profiled.to_list()[0]) == {"stage", "seconds", "cpu_seconds", "peak_bytes"}
