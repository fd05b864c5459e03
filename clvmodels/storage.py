"""Writing and reading artefacts: whole or not at all, and with a schema number.

A job writes into a hidden folder beside its results and moves everything in at the end, so that a
job killed at any moment leaves what was there before, or nothing.
"""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clvmodels.errors import ArtefactError, ConfigurationError, ResourceError

if TYPE_CHECKING:
    import pyarrow as pa

_STAGING, _OLD = ".partial-", ".replaced-"
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
)
# Fixed, so that the bytes don't depend on the batches that rows come in.
_ROWS_PER_GROUP = 100_000
_GROUPS_PER_PART = 10
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


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Give a folder to write into; its entries replace those of ``folder`` if all goes well.

    What killed jobs left half-written there is removed first. A job that leaves a record takes the
    place of the job before: results of that one which the new job does not have disappear.

    Raises
    ------
    ConfigurationError
        If ``folder`` is a file, cannot be made or cannot be written into.
    ResourceError
        If the disk is full or fails.
    """
    staging = folder / f"{_STAGING}{os.getpid()}"
    is_new = not folder.exists()
    with _disk_failures(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in (*folder.glob(f"{_STAGING}*"), *folder.glob(f"{_OLD}*")):
            _remove(leftover)
        staging.mkdir()
    try:
        yield staging
        with _disk_failures(folder):
            _publish(staging, folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        if is_new:
            # A folder that the job filled is not empty, and stays.
            with suppress(OSError):
                folder.rmdir()


def _publish(staging: Path, folder: Path) -> None:
    entries = sorted(staging.iterdir(), key=lambda entry: (entry.name == RECORD, entry.name))
    for parent, _, files in os.walk(staging):
        for name in files:
            _sync(Path(parent, name))
        _sync(Path(parent))
    if (staging / RECORD).exists():
        (folder / RECORD).unlink(missing_ok=True)
        for name in _OF_ONE_JOB:
            if not (staging / name).exists():
                _remove(folder / name)
    for entry in entries:
        target = folder / entry.name
        if target.is_dir():
            _remove(target)
        entry.replace(target)
    _sync(folder)


def _remove(path: Path) -> None:
    """Remove a file or a folder; a folder loses its name first, and so is never seen in part."""
    if path.is_dir() and not path.is_symlink():
        if not path.name.startswith((_STAGING, _OLD)):
            path = path.rename(path.with_name(f"{_OLD}{path.name}"))
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def aside(path: Path) -> Iterator[Path]:
    """Give a path to write a file to; it takes the place of ``path`` if all goes well.

    What killed jobs left of the same file is removed first.

    Raises
    ------
    ConfigurationError
        If ``path`` is a folder, or its folder is not there or cannot be written into.
    ResourceError
        If the disk is full or fails.
    """
    with _disk_failures(path):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        for leftover in path.parent.glob(f"{_STAGING}*"):
            if leftover.name.removeprefix(_STAGING).partition("-")[2] == path.name:
                _remove(leftover)
        file = path.with_name(f"{_STAGING}{os.getpid()}-{path.name}")
        try:
            yield file
            _sync(file)
            file.replace(path)
        finally:
            file.unlink(missing_ok=True)
        _sync(path.parent)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole: aside first, then renamed into place.

    Raises
    ------
    ConfigurationError, ResourceError
        As for `aside`.
    """
    with aside(path) as file:
        file.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, content: Mapping[str, Any], *, schema: int) -> None:
    """Write a JSON file with its schema number; NaN and infinity become null.

    Raises
    ------
    TypeError
        If something has no JSON form.
    """
    values = plain({"schema": schema, **content})
    write_text(path, json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path, *, schema: int) -> dict[str, Any]:
    """Read a JSON file that `write_json` wrote.

    Raises
    ------
    ArtefactError
        If it is missing, damaged or of another schema version.
    """
    name = path.name
    try:
        content = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        msg = f"There is no {name} in {path.parent}. Check the folder, or run the job again."
        raise ArtefactError(msg) from error
    except (OSError, ValueError, RecursionError) as error:
        msg = f"{name} is damaged ({error}). Restore it, or run the job again."
        raise ArtefactError(msg) from error
    found = content.get("schema") if isinstance(content, dict) else None
    if found != schema or isinstance(found, bool):
        msg = (
            f"{name} has schema version {found!r}; this version of clvmodels reads {schema}. "
            "Run the job again with it."
        )
        raise ArtefactError(msg)
    result: dict[str, Any] = content
    return result


def plain(value: Any) -> Any:
    """Give the JSON form of nested values: arrays, numpy scalars and dates too, and no NaN.

    Raises
    ------
    TypeError
        If something has no JSON form.
    """
    if hasattr(value, "tolist"):
        value = value.tolist()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    msg = f"{type(value).__name__} has no JSON form"
    raise TypeError(msg)


def write_parts(folder: Path, batches: Iterable[pa.RecordBatch]) -> int:
    """Write batches as ``part-00000.parquet`` and so on, a million rows each; gives the rows.

    The same rows give the same bytes, whatever their batches. No rows leave an empty folder.
    """
    import pyarrow.parquet as pq

    folder.mkdir()
    rows, groups = 0, regrouped(batches, _ROWS_PER_GROUP)
    for part, first in enumerate(groups):
        path = folder / f"part-{part:05d}.parquet"
        with pq.ParquetWriter(path, first.schema, compression="zstd", version="2.6") as writer:
            for group in chain([first], islice(groups, _GROUPS_PER_PART - 1)):
                writer.write_batch(group, row_group_size=_ROWS_PER_GROUP)
                rows += len(group)
    return rows


def regrouped(batches: Iterable[pa.RecordBatch], size: int) -> Iterator[pa.RecordBatch]:
    """Cut batches of any length into batches of ``size`` rows; the last may be shorter."""
    import pyarrow as pa

    waiting: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        rest = batch
        while count + len(rest) >= size:
            yield pa.concat_batches([*waiting, rest.slice(0, size - count)])
            rest, waiting, count = rest.slice(size - count), [], 0
        if len(rest):
            waiting.append(rest)
            count += len(rest)
    if waiting:
        yield pa.concat_batches(waiting)


def _sync(path: Path) -> None:
    """Make a file, or the names in a folder, durable; where a folder can be opened at all."""
    if path.is_dir() and os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _disk_failures(place: Path) -> Iterator[None]:
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
