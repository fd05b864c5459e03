"""How far a job is: bars on a terminal, lines in a log file, or silence."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from rich.progress import Progress as RichBars


class Progress(Protocol):
    """Told about each stage of a job."""

    def stage(
        self, name: str, total: int | None = None
    ) -> AbstractContextManager[Callable[[int], None]]:
        """Enter a stage; gives a function that is told how many units were done since."""


class NoProgress:
    """Says nothing."""

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """Enter a stage silently."""
        del name, total
        yield _ignore


class PlainProgress:
    """One line on standard error when a stage is done."""

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """Enter a stage, and say how long it took."""
        start = time.perf_counter()
        yield _ignore
        units = f", {total:,} customers" if total else ""
        sys.stderr.write(f"{name}: {time.perf_counter() - start:.1f} s{units}\n")


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
        task = bars.add_task(name, total=total)
        yield lambda units: bars.advance(task, units)
        bars.update(task, total=total or 1, completed=total or 1)


def _ignore(units: int) -> None:
    del units
