"""One contender at a time in a process of its own: seconds and peak memory of a piece of work."""

from __future__ import annotations

import json
import math
import multiprocessing
import resource
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """What a contender took: best seconds of its repeats, and the peak memory of its process."""

    seconds: float
    megabytes: float
    answer: Any


def measure(
    work: Callable[..., Any], *arguments: Any, repeats: int = 1, patience: float | None = None
) -> Outcome:
    """Run ``work(*arguments)``, which returns ``(seconds, answer)``, in a fresh process.

    It is stopped after ``patience`` seconds, if given: its memory and answer are then not known.
    """
    context = multiprocessing.get_context("spawn")
    outcomes = []
    for _ in range(repeats):
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=_run, args=(there, work, arguments))
        process.start()
        there.close()
        if here.poll(patience):
            outcomes.append(Outcome(**json.loads(here.recv())))
        else:
            process.kill()
            outcomes.append(Outcome(patience or math.inf, math.nan, None))
        process.join()
    return min(outcomes, key=lambda outcome: outcome.seconds)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds that a call takes, and its result."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def _run(there: Connection, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    seconds, answer = work(*arguments)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    there.send(json.dumps(asdict(Outcome(seconds, peak, answer))))


def interpreter_with(package: str, pythons: Sequence[str]) -> str | None:
    """The first interpreter that can import a package; None where none can."""
    looks_for = f"import importlib.util as u, sys; sys.exit(u.find_spec({package!r}) is None)"
    for python in pythons:
        if subprocess.run([python, "-c", looks_for], check=False).returncode == 0:
            return python
    return None


def row(name: str, outcome: Outcome, floor: Outcome) -> str:
    """One line of a table in Markdown, as ratios to ``floor``."""
    ratio = outcome.seconds / floor.seconds
    if outcome.answer is None:
        return f"| {name} | over {outcome.seconds:.0f}, stopped | over {ratio:,.0f} | – | – |"
    return (
        f"| {name} | {outcome.seconds:.2f} | {ratio:.2f} "
        f"| {outcome.megabytes:,.0f} | {outcome.megabytes / floor.megabytes:.2f} |"
    )
