"""Files that appear whole or not at all, and JSON with a schema number."""

from __future__ import annotations

import errno
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

from clvmodels.errors import ArtefactError, ConfigurationError
from clvmodels.storage.disk import STAGING, discard, disk_failures, sync
from clvmodels.storage.folders import settle
from clvmodels.storage.lock import is_running


@contextmanager
def aside(path: Path) -> Iterator[Path]:
    """Give a path to write a file to; it takes the place of ``path`` if all goes well.

    What killed jobs left of the same file is removed first; of those that write it at the same
    time, the last wins.

    Raises
    ------
    ConfigurationError
        If ``path`` is a folder, or its folder is not there or cannot be written into.
    ResourceError
        If the disk is full or fails.
    """
    with disk_failures(path):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        for leftover in path.parent.glob(f"{STAGING}*"):
            pid, _, name = leftover.name.removeprefix(STAGING).partition("-")
            if name == path.name and not is_running(pid):
                discard(leftover)
        file = path.with_name(f"{STAGING}{os.getpid()}-{path.name}")
        try:
            yield file
            sync(file)
            file.replace(path)
        finally:
            file.unlink(missing_ok=True)
        sync(path.parent)


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

    Where a killed job was about to publish it, that is completed first.

    Raises
    ------
    ArtefactError
        If it is missing, damaged or of another schema version.
    FolderInUseError
        If it is missing as a job is just publishing it.
    """
    name = path.name
    try:
        content = json.loads(_text_of(path))
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


def _text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        # The file may lie in a folder of the run, such as its model.
        with suppress(ConfigurationError):
            if settle(path.parent) or settle(path.parent.parent):
                return path.read_text("utf-8")
        raise


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
