"""Temporary folders that outlive no process for long, however it ends."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]

_PREFIX = "clvmodels-scratch-"


class Scratch:
    """A temporary folder, removed by `close` or, if its process is killed, by the next one's.

    Its process holds a lock on it, as on the folder of a job; a folder without one is abandoned.

    Attributes
    ----------
    path : Path
        The folder.
    """

    def __init__(self) -> None:
        parent = Path(tempfile.gettempdir())
        self._descriptor: int | None = None
        _sweep(parent)
        while self._descriptor is None:
            self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
            if fcntl is None:
                return
            # Somebody may have swept it away before it had its lock.
            self._descriptor = _lock(self.path)

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _lock(path: Path) -> int | None:
    """Lock a folder; None if it is gone or another process has it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_nlink and path.exists():
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None


def _sweep(parent: Path) -> None:
    """Remove the folders of this user whose processes are gone."""
    if fcntl is None:
        return
    for path in parent.glob(f"{_PREFIX}*"):
        descriptor = _lock(path)
        if descriptor is not None:
            if os.fstat(descriptor).st_uid == os.getuid():
                shutil.rmtree(path, ignore_errors=True)
            os.close(descriptor)
