"""One job at a time in a folder: a lock that ends with its process, and says whose it is.

The lock is the operating system's, on the file ``.lock``, for as long as the job runs. It vanishes
with the process, however that ends, so that a killed job needs no clearing up and a process that
later has the same number is not mistaken for it. The words in the file only say who has it. Where a
file system knows no locks, the words are all there is: a process that is gone from this machine,
or was one of an earlier start of it, holds nothing, and of other machines nothing can be known.
"""

from __future__ import annotations

import errno
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from clvmodels.errors import FolderInUseError

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


@dataclass(frozen=True)
class Owner:
    """The process that has a lock; ``started`` tells it from another of the same number."""

    pid: int
    host: str
    since: str
    boot: str
    started: str

    @classmethod
    def of_this_process(cls) -> Owner:
        """Describe this process, as of now."""
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return cls(os.getpid(), socket.gethostname(), now, _boot(), _start_of(os.getpid()))

    @classmethod
    def read(cls, path: Path) -> Owner | None:
        """Read who has a lock; None where the words are not there yet, or damaged."""
        try:
            return cls(**json.loads(path.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    @property
    def is_gone(self) -> bool:
        """Whether the process certainly runs no more."""
        if self.host != socket.gethostname() or not _boot():
            return False
        return self.boot != _boot() or self.started != _start_of(self.pid)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other jobs out of a folder for as long as this one works in it.

    Raises
    ------
    FolderInUseError
        If another process, or another thread of this one, has the lock.
    OSError
        If the folder cannot be written into.
    """
    path = folder / LOCK
    descriptor = _acquire(path)
    try:
        os.write(descriptor, json.dumps(asdict(Owner.of_this_process())).encode())
        yield
    finally:
        # Unlinked while it is held: whoever waits for this very file will find it gone.
        with suppress(OSError):
            path.unlink()
        os.close(descriptor)


def _acquire(path: Path) -> int:
    """Open the lock file as its owner, with no words in it."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
        mine = False
        try:
            taken = _take(descriptor)
            # Whoever had it may have ended just now, and taken the file along.
            mine = taken and _is_still(descriptor, path)
            if mine:
                os.ftruncate(descriptor, 0)
                return descriptor
        except BlockingIOError:
            raise FolderInUseError(*_words(path)) from None
        finally:
            if not mine:
                os.close(descriptor)
        if not taken:
            return _acquire_by_words(path)


def _take(descriptor: int) -> bool:
    """Take the lock of the operating system; False where there is none to take."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return False
        raise
    return True


def _is_still(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _acquire_by_words(path: Path) -> int:
    """Own the file that this process made; one whose owner is gone makes room for it."""
    for _ in range(3):
        with suppress(FileExistsError):
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        owner = Owner.read(path)
        # Without words it is the empty file that asking for a lock has left.
        if owner is not None and not owner.is_gone:
            break
        path.unlink(missing_ok=True)
    raise FolderInUseError(*_words(path), only_told=True)


def _words(path: Path) -> tuple[str, str]:
    """The folder, and who is at work in it."""
    owner = Owner.read(path)
    who = "another process"
    if owner is not None:
        who = f"process {owner.pid} on {owner.host}, since {owner.since}"
    return str(path.parent), who


def _boot() -> str:
    """Which start of this machine it is; empty where nothing tells."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def is_running(pid: str) -> bool:
    """Whether another process has a number; False where nothing tells."""
    return pid.isascii() and pid.isdigit() and int(pid) != os.getpid() and bool(_start_of(int(pid)))


def _start_of(pid: int) -> str:
    """When a process began, in ticks since the start of the machine; empty if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    # The name stands in parentheses and may hold anything; a zombie runs no more.
    state, *fields = stat.rpartition(")")[2].split()
    return "" if state == "Z" else fields[18]
