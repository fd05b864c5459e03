"""What all writing shares: durable files, folders that vanish whole, failures told apart."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clvmodels.errors import ConfigurationError, ResourceError

# What a job writes aside, until it has its place.
STAGING = ".partial-"
# Reasons not to write that lie in the place and not in the state of the disk.
_CLOSED = {
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.EEXIST,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ENAMETOOLONG,
    errno.ELOOP,
}


def sync(path: Path) -> None:
    """Make a file, or the names in a folder, durable; where a folder can be opened at all."""
    if path.is_dir() and os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def discard(path: Path) -> None:
    """Remove a file or a folder that nobody looks at."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def disk_failures(place: Path) -> Iterator[None]:
    """Tell a place that cannot be written to from a disk that is full or fails."""
    try:
        yield
    except OSError as error:
        # A library's own text may name the file aside, which nobody has asked for.
        known = os.strerror(error.errno) if error.errno else error
        reason = "it is a file" if isinstance(error, FileExistsError) else known
        if error.errno in _CLOSED:
            msg = f"Cannot write into {place}: {reason}. Choose another place."
            raise ConfigurationError(msg) from error
        msg = f"Cannot write into {place}: {reason}. See to the disk and run again."
        raise ResourceError(msg) from error
