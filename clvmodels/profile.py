"""What each stage of a job costs: seconds, processor seconds and the most memory it held."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clvmodels.progress import Progress

_RESET, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")
# What Linux takes as the order to forget the most memory that a process has held so far.
_FORGET_PEAK = "5"
_REST = "(between stages)"


@dataclass(frozen=True)
class StageCost:
    """What one stage took.

    Attributes
    ----------
    stage
        Its name; stages of the same name are apart.
    seconds
        By the clock.
    cpu_seconds
        Of all threads, and of child processes that ended in it.
    peak_bytes
        The most memory that the process held at once during the stage. Where the system does not
        tell it for a stage, since the process began; None where it tells nothing.
    """

    stage: str
    seconds: float
    cpu_seconds: float
    peak_bytes: int | None


class Profiled:
    """Progress that also measures what each stage costs, from now on.

    Memory is the peak of the resident set, which the kernel keeps; nothing is sampled, so that a
    short peak counts and measuring costs nothing.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._peaks: list[int] = []
        self._start = _now()
        self._in_stages = (0.0, 0.0)
        self.stages: list[StageCost] = []
        _forget_peak()

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """Enter a stage, and keep what it costs."""
        self._note_peak()
        self._peaks.append(0)
        start = _now()
        try:
            with self._progress.stage(name, total) as advance:
                yield advance
        finally:
            seconds, cpu = (after - before for after, before in zip(_now(), start, strict=True))
            self._note_peak()
            # A stage within a stage: what the inner one held, the outer one held too.
            peak = self._peaks.pop()
            if self._peaks:
                self._peaks[-1] = max(self._peaks[-1], peak)
            else:
                self._in_stages = (self._in_stages[0] + seconds, self._in_stages[1] + cpu)
            self.stages.append(StageCost(name, seconds, cpu, peak or None))

    def to_list(self) -> list[dict[str, Any]]:
        """Give the stages as ``run.json`` has them."""
        return [
            {
                "stage": cost.stage,
                "seconds": round(cost.seconds, 3),
                "cpu_seconds": round(cost.cpu_seconds, 3),
                "peak_bytes": cost.peak_bytes,
            }
            for cost in self.stages
        ]

    def table(self) -> str:
        """Give the stages, what lies between them and the whole as lines of text."""
        seconds, cpu = (after - before for after, before in zip(_now(), self._start, strict=True))
        between = (seconds - self._in_stages[0], cpu - self._in_stages[1])
        rest = StageCost(_REST, *between, None)
        peaks = [cost.peak_bytes for cost in self.stages if cost.peak_bytes]
        whole = StageCost("whole job", seconds, cpu, max(peaks, default=None))
        return _as_text([*self.stages, rest, whole])

    def _note_peak(self) -> None:
        """Credit what was held since the last note to the stage that is under way."""
        peak = _peak()
        if self._peaks:
            self._peaks[-1] = max(self._peaks[-1], peak)
        _forget_peak()


def _as_text(costs: Sequence[StageCost]) -> str:
    rows = [("stage", "seconds", "CPU s", "peak MB")]
    for cost in costs:
        peak = "" if cost.peak_bytes is None else f"{cost.peak_bytes / 1e6:,.0f}"
        rows.append((cost.stage, f"{cost.seconds:,.2f}", f"{cost.cpu_seconds:,.2f}", peak))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0])]
            + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        ).rstrip()
        for row in rows
    )


def _now() -> tuple[float, float]:
    """Seconds of the clock and of the processor; the latter also of children that have ended."""
    ended = os.times()
    cpu = time.process_time() + ended.children_user + ended.children_system
    return time.perf_counter(), cpu


def _forget_peak() -> None:
    try:
        _RESET.write_text(_FORGET_PEAK)
    except OSError:
        # Not Linux, or not allowed: the peak is then that of the process so far.
        return


def _peak() -> int:
    """The most memory held since the peak was last forgotten, in bytes; 0 if not known."""
    try:
        for line in _STATUS.read_text("ascii", "replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return _peak_of_process()


def _peak_of_process() -> int:
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
