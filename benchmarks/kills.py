"""Kill -9 at random moments, run again, and compare with the bytes of an undisturbed run.

``python -m benchmarks.kills [--customers N] [--kills K] [--seed S] [--folder DIR]``
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_COMMAND = [sys.executable, "-c", "from clvmodels.cli import main; main()"]


@dataclass(frozen=True)
class Outcome:
    """What one kill left visible, and what the same command then made of it."""

    after: float
    killed: bool
    mixed: bool
    left_over: int
    same: bool


def command(log: Path, out: Path) -> list[str]:
    """The job that is killed; quick methods, as it is about files."""
    return [*_COMMAND, "run", str(log), "--out", str(out), "--quiet", "--method", "map"]


def digest(folder: Path) -> dict[str, str]:
    """SHA-256 of the files below a folder that carry no time of day."""
    found = {}
    for part in ("scores", "quarantine", "model", "backtest.json"):
        place = folder / part
        for path in place.rglob("*") if place.is_dir() else [place]:
            if path.is_file():
                name = str(path.relative_to(folder))
                found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def finish(log: Path, out: Path, scratch: Path) -> float:
    """Run the job to its end; gives the seconds."""
    start = time.perf_counter()
    environment = os.environ | {"TMPDIR": str(scratch)}
    done = subprocess.run(
        command(log, out), check=False, capture_output=True, text=True, env=environment
    )
    if done.returncode not in (0, 4):
        raise SystemExit(done.stderr)
    return time.perf_counter() - start


def kill(log: Path, out: Path, scratch: Path, after: float) -> bool:
    """Start the job and kill it and its children after some seconds; gives whether it ran yet."""
    environment = os.environ | {"TMPDIR": str(scratch)}
    with subprocess.Popen(
        command(log, out), env=environment, start_new_session=True, stderr=subprocess.DEVNULL
    ) as job:
        try:
            job.wait(after)
        except subprocess.TimeoutExpired:
            os.killpg(job.pid, signal.SIGKILL)
        return job.wait() == -signal.SIGKILL


def is_mixed(out: Path, allowed: list[dict[str, str]]) -> bool:
    """Whether what is visible is neither one whole run nor told to be on its way."""
    if (out / "run.json").exists():
        return digest(out) not in allowed
    shown = [path for path in out.iterdir() if path.name[0] != "."] if out.exists() else []
    return bool(shown) and not any((out / name).exists() for name in (".ready", ".moving"))


def study(
    customers: int, kills: int, seed: int, place: Path, *, at_a_time: int = 1
) -> list[Outcome]:
    """Kill so many jobs at random moments, ``at_a_time`` in a row before one may end.

    Every other row has an older run to replace.
    """
    log, other = place / "log.parquet", place / "other.parquet"
    for path, number in ((log, customers), (other, min(customers, 2_000))):
        simulate = ["simulate", "--customers", str(number), "--out", str(path), "--quiet"]
        subprocess.run([*_COMMAND, *simulate, "--seed", str(seed)], check=True)
    scratch, out = place / "scratch", place / "out"
    scratch.mkdir()
    finish(other, place / "older", scratch)
    seconds = finish(log, place / "reference", scratch)
    expected, older = digest(place / "reference"), digest(place / "older")
    print(f"{customers:,} customers, {seconds:.1f} s undisturbed", flush=True)
    found = []
    for number, after in enumerate(np.random.default_rng(seed).uniform(0.0, seconds, kills)):
        row, in_row = divmod(number, at_a_time)
        if in_row == 0:
            shutil.rmtree(out, ignore_errors=True)
            if row % 2:
                shutil.copytree(place / "older", out)
        killed = kill(log, out, scratch, float(after))
        mixed, left, same = is_mixed(out, [older, expected]), 0, True
        if in_row == at_a_time - 1 or number == kills - 1:
            finish(log, out, scratch)
            left = len([path for path in out.iterdir() if path.name[0] == "."])
            left += len(list(scratch.iterdir()))
            same = digest(out) == expected
        found.append(Outcome(float(after), killed, mixed, left, same))
        print(found[-1], flush=True)
    return found


def main() -> int:
    """Print each outcome and a line that sums up; 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--folder", type=Path, default=None, help="where to work; default: a new one"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clvmodels-kills-", dir=options.folder) as place:
        found = study(options.customers, options.kills, options.seed, Path(place))
    good = [each for each in found if each.same and not each.mixed and not each.left_over]
    print(
        f"{sum(each.killed for each in found)} of {len(found)} were killed before their end; "
        f"{len(good)} of {len(found)} left nothing half-written and then gave the same bytes."
    )
    return 0 if len(good) == len(found) else 1


if __name__ == "__main__":
    sys.exit(main())
