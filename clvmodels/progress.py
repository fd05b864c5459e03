"""How far a job is: bars on a terminal, lines in a log file, or silence."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from rich.progress import Progress as RichBars
    from rich.progress import ProgressColumn, Task

# A log file gets a line this often from a stage that says how far it is.
_SECONDS_BETWEEN_LINES = 10.0


class Progress(Protocol):
    """Told about each stage of a job."""

    def stage(
        self, name: str, total: int | None = None
    ) -> AbstractContextManager[Callable[[int], None]]:
        """Enter a stage; gives a function that is told how many customers were done since."""


class NoProgress:
    """Says nothing."""

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """Enter a stage silently."""
        del name, total
        yield _ignore


class PlainProgress:
    """Lines on standard error: when a stage begins and ends, and now and then in a long one."""

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """Enter a stage, and say how long it took; one that fails has no last line."""
        start = time.perf_counter()
        customers = f", {total:,} customers" if total else ""
        _say(f"{name} ...{customers[1:]}")
        done, said = 0, start

        def advance(units: int) -> None:
            nonlocal done, said
            done += units
            now = time.perf_counter()
            if total and done < total and now - said >= _SECONDS_BETWEEN_LINES:
                said = now
                _say(f"{name} ... {_how_far(done, total, now - start)}")

        yield advance
        _say(f"{name}: {time.perf_counter() - start:.1f} s{customers}")


def _how_far(done: int, total: int, seconds: float) -> str:
    rate = done / seconds
    return (
        f"{done:,} of {total:,} customers ({done / total:.0%}), {rate:,.0f}/s, "
        f"{_span((total - done) / rate)} left"
    )


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class RichProgress:
    """Bars on standard error."""

    def __init__(self) -> None:
        self._bars: RichBars | None = None

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self._bars = Progress(
            SpinnerColumn(finished_text="✓"),
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            _pace_column(),
            console=Console(stderr=True),
        )
        self._bars.start()
        return self

    def __exit__(self, *details: Any) -> None:
        if self._bars is not None:
            self._bars.stop()

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """Enter a stage with a bar of its own."""
        if self._bars is None:
            yield _ignore
            return
        bars = self._bars
        task = bars.add_task(name, total=total, customers=total)
        yield lambda units: bars.advance(task, units)
        bars.update(task, total=total or 1, completed=total or 1)


def _pace_column() -> ProgressColumn:
    """Customers per second and the time left, where a stage says how far it is."""
    from rich.progress import ProgressColumn
    from rich.text import Text

    class PaceColumn(ProgressColumn):
        def render(self, task: Task) -> Text:
            if not task.fields["customers"] or not task.completed or not task.elapsed:
                return Text("")
            pace = f"{task.completed / task.elapsed:,.0f}/s"
            if not task.finished and task.time_remaining is not None:
                pace += f", {_span(task.time_remaining)} left"
            return Text(pace, style="progress.remaining")

    return PaceColumn()


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _ignore(units: int) -> None:
    del units
