"""What is told while a job runs: lines in a log file, bars with pace on a terminal."""

import os
import pty
import re
import subprocess
import sys

import pytest

from clvmodels import progress
from clvmodels.progress import NoProgress, PlainProgress, RichProgress


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes only when told to."""

    class Clock:
        now = 100.0

        def perf_counter(self) -> float:
            return self.now

    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_a_stage_has_a_line_when_it_begins_and_when_it_ends(clock, capsys):
    with PlainProgress().stage("read"):
        assert capsys.readouterr().err == "read ...\n"
        clock.now += 1.25
    assert capsys.readouterr().err == "read: 1.2 s\n"


def test_a_long_stage_has_a_line_every_ten_seconds_at_most(clock, capsys):
    with PlainProgress().stage("score", 10_000_000) as advance:
        assert capsys.readouterr().err == "score ... 10,000,000 customers\n"
        for _ in range(39):
            clock.now += 1.0
            advance(250_000)
        said = capsys.readouterr().err.splitlines()
        clock.now += 1.0
        advance(250_000)
        assert capsys.readouterr().err == ""
    assert said == [
        "score ... 2,500,000 of 10,000,000 customers (25%), 250,000/s, 0:30 left",
        "score ... 5,000,000 of 10,000,000 customers (50%), 250,000/s, 0:20 left",
        "score ... 7,500,000 of 10,000,000 customers (75%), 250,000/s, 0:10 left",
    ]
    assert capsys.readouterr().err == "score: 40.0 s, 10,000,000 customers\n"


def test_hours_are_told_as_hours():
    assert progress._span(59.6) == "1:00"
    assert progress._span(3_725.0) == "1:02:05"


def test_a_stage_that_fails_has_no_last_line(clock, capsys):
    with pytest.raises(KeyError), PlainProgress().stage("fit"):
        raise KeyError
    assert capsys.readouterr().err == "fit ...\n"


def test_stages_of_no_length_and_of_unknown_length(clock, capsys):
    for total in (None, 0):
        with PlainProgress().stage("score", total) as advance:
            clock.now += 60.0
            advance(5)
    assert capsys.readouterr().err == "score ...\nscore: 60.0 s\n" * 2


def test_silence(capsys):
    with NoProgress().stage("score", 10) as advance:
        advance(10)
    with RichProgress().stage("score", 10) as advance:
        advance(10)
    assert capsys.readouterr() == ("", "")


BARS = """
import time
from clvmodels.progress import RichProgress
with RichProgress() as bars:
    with bars.stage("read"):
        time.sleep(0.15)
    with bars.stage("score", 1_000_000) as advance:
        for _ in range(5):
            advance(100_000)
            time.sleep(0.15)
"""


def test_bars_show_pace_and_time_left():
    terminal, end = pty.openpty()
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "100"}
    with subprocess.Popen([sys.executable, "-c", BARS], stderr=end, env=environment) as job:
        os.close(end)
        shown = b""
        while True:
            try:
                piece = os.read(terminal, 65_536)
            except OSError:
                break
            shown += piece
    os.close(terminal)
    assert job.returncode == 0
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode())
    lines = [line.strip() for line in re.split(r"[\r\n]+", text)]
    running = [line for line in lines if "score" in line and " left" in line]
    assert running
    for line in running:
        assert re.search(r"[0-9,]+/s, 0:0[0-9] left$", line), line
    last = [line for line in lines if "score" in line][-1]
    assert re.search(r"✓ score ━+ 0:00:0[0-9] [0-9,]+/s$", last), last
    read = [line for line in lines if "read" in line][-1]
    assert re.search(r"✓ read +━+ 0:00:0[0-9]$", read), read
