"""How a signal ends a job: in order, so that everything half-written is removed."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from clvmodels.progress import Progress


class Interrupted(BaseException):
    """A signal asked the job to stop. Not a KeyboardInterrupt, which Typer answers by itself."""


# SIGHUP comes when the terminal goes; Windows has none.
_SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
# Signals that came while a command ran; one process runs one command.
_received: list[int] = []


@contextmanager
def orderly_end() -> Iterator[list[int]]:
    """Let signals raise `Interrupted`; gives those that came, which may grow.

    A signal that whoever started the command wants ignored, as ``nohup`` does, stays ignored.
    """
    _received.clear()
    heeded = [each for each in _SIGNALS if signal.getsignal(each) != signal.SIG_IGN]
    before = {each: signal.signal(each, _interrupt) for each in heeded}
    tell_lost, sys.unraisablehook = sys.unraisablehook, _keep_silent
    try:
        yield _received
    finally:
        sys.unraisablehook = tell_lost
        for each, handler in before.items():
            signal.signal(each, handler)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    del frame
    _received.append(signum)
    raise Interrupted


def _keep_silent(lost: sys.UnraisableHookArgs) -> None:
    """Say nothing of an interruption in a finalizer; the job stops at the end of its stage."""
    if lost.exc_type is not Interrupted:
        sys.__unraisablehook__(lost)


class Stoppable:
    """Progress that also stops the job, as libraries and finalizers swallow some signals."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """Enter a stage; at its end the job stops if a signal came."""
        with self._progress.stage(name, total) as advance:
            yield advance
        if _received:
            raise Interrupted
