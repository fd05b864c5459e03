"""The folder of a job: written aside, published whole, completed by others if need be.

Publishing has one moment that counts: when the folder aside gets the name ``.ready``. Before it
nothing has changed; after it everything will be there, as whoever comes next completes what is
left. The old record goes first and the new one comes last, so that a folder with a record holds
the results of one job only.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from clvmodels.storage.disk import STAGING, discard, disk_failures, sync
from clvmodels.storage.lock import locked

_READY, _MOVING, _OLD = ".ready", ".moving", ".replaced-"
# The record of a job is published last: a folder with one is complete.
RECORD = "run.json"
# What belongs to one job. A saved model outlives its job, as it can score many logs.
_OF_ONE_JOB = (
    "scores",
    "quarantine",
    "backtest.json",
    "segments.csv",
    "report.html",
    "report.pdf",
    "report.json",
    "staff-card.html",
    "staff-card.pdf",
)


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Give a folder to write into; its entries replace those of ``folder`` if all goes well.

    No other job can work in ``folder`` meanwhile. What a killed job was publishing is completed
    first, and what it left half-written is removed. A job that leaves a record takes the place of
    the job before: results of that one which the new job does not have disappear.

    Raises
    ------
    ConfigurationError
        If ``folder`` is a file, cannot be made or cannot be written into.
    FolderInUseError
        If another job works in it.
    ResourceError
        If the disk is full or fails.
    """
    staging = folder / f"{STAGING}{os.getpid()}"
    is_new = not folder.exists()
    with disk_failures(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        with _lock_of(folder):
            with disk_failures(folder):
                _complete(folder)
                for leftover in folder.glob(f"{STAGING}*"):
                    discard(leftover)
                staging.mkdir()
            try:
                yield staging
                with disk_failures(folder):
                    _publish(staging, folder)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
    finally:
        if is_new:
            # A folder that the job filled is not empty, and stays.
            with suppress(OSError):
                folder.rmdir()


def settle(folder: Path) -> bool:
    """Complete what a killed job was publishing in a folder, before it is read.

    Returns
    -------
    bool
        Whether there was anything to complete.

    Raises
    ------
    ConfigurationError, FolderInUseError, ResourceError
        As for `staged`.
    """
    if not any((folder / name).exists() for name in (_READY, _MOVING)):
        return False
    with _lock_of(folder), disk_failures(folder):
        _complete(folder)
    return True


@contextmanager
def _lock_of(folder: Path) -> Iterator[None]:
    """Hold the lock; only what fails about the lock itself is a matter of the folder's disk."""
    lock = locked(folder)
    with disk_failures(folder):
        lock.__enter__()
    try:
        yield
    finally:
        lock.__exit__(None, None, None)


def _publish(staging: Path, folder: Path) -> None:
    for parent, _, files in os.walk(staging):
        for name in files:
            sync(Path(parent, name))
        sync(Path(parent))
    staging.rename(folder / _READY)
    try:
        sync(folder)
        _complete(folder)
    except BaseException:
        # Too late to take anything back, and an interruption need not leave it half done.
        with suppress(OSError):
            _complete(folder)
        raise


def _complete(folder: Path) -> None:
    """Move in what is ready. Stopped at any point and called again, it ends the same."""
    for leftover in folder.glob(f"{_OLD}*"):
        discard(leftover)
    ready, moving = folder / _READY, folder / _MOVING
    if ready.exists():
        if (ready / RECORD).exists():
            (folder / RECORD).unlink(missing_ok=True)
            for name in _OF_ONE_JOB:
                if not (ready / name).exists():
                    _put_away(folder / name)
            sync(folder)
        # Another name, since from now on what is not in there is no longer to be removed.
        ready.rename(moving)
    if moving.exists():
        entries = sorted(moving.iterdir(), key=lambda entry: (entry.name == RECORD, entry.name))
        for entry in entries:
            if entry.name == RECORD:
                sync(folder)
            target = folder / entry.name
            if target.is_dir() or entry.is_dir():
                _put_away(target)
            entry.replace(target)
        sync(folder)
        moving.rmdir()
    # Last, as it takes a while and nobody should wait for the new results meanwhile.
    for old in folder.glob(f"{_OLD}*"):
        discard(old)


def _put_away(path: Path) -> None:
    """Take a file's or folder's name, if it is there, so that it is never seen in part."""
    with suppress(FileNotFoundError):
        path.rename(path.with_name(f"{_OLD}{path.name}"))
