"""Logs to run jobs on, and the command line in this process or in one of its own."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from clvmodels.cli import main

COMMAND = str(Path(sysconfig.get_path("scripts"), "clvmodels"))
FIRST_DAY = dt.date(2023, 1, 1)


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def record(self) -> dict[str, Any]:
        """The one JSON object on standard output."""
        content = json.loads(self.stdout)
        assert isinstance(content, dict)
        return content


def clvmodels(*arguments: object) -> Done:
    """Run the command line in this process; a run without the PDFs, unless it says --paper."""
    arguments = _without_pdf(arguments)
    out, err = io.StringIO(), io.StringIO()
    status: Any = 0
    with (
        patch.object(sys, "argv", ["clvmodels", *map(str, arguments)]),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            status = end.code
    return Done(status, out.getvalue(), err.getvalue())


def _without_pdf(arguments: tuple[object, ...]) -> tuple[object, ...]:
    """Most tests look at nothing of the PDFs, which take seconds."""
    if (
        "--paper" in arguments
        or "--help" in arguments
        or arguments[:1] not in (("run",), ("report",))
    ):
        return arguments
    return (*arguments[:1], "--paper", "none", *arguments[1:])


def clvmodels_process(*arguments: object, **options: Any) -> Done:
    """Run the installed command in a process of its own, as `clvmodels` does in this one."""
    arguments = _without_pdf(arguments)
    command = [COMMAND, *map(str, arguments)]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=120, **options
    )
    return Done(done.returncode, done.stdout, done.stderr)


def day(number: int) -> dt.date:
    """A day of the log, counted from 0."""
    return FIRST_DAY + dt.timedelta(days=number)


def shop(customers: int = 300, seed: int = 7, days: int = 700) -> pd.DataFrame:
    """A log of a shop whose customers buy at their own rates and leave: id, date, amount."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[str, dt.date, float]] = []
    for number in range(customers):
        pace, price = rng.gamma(0.8) / 40.0, rng.gamma(6.0) * 5.0
        chance_to_leave = rng.beta(1.0, 4.0)
        now = float(rng.integers(0, days // 2))
        while now < days:
            rows.append((f"{number:05d}", day(int(now)), float(round(price * rng.gamma(4) / 4, 2))))
            if rng.random() < chance_to_leave:
                break
            now += rng.exponential(1.0 / pace)
    return pd.DataFrame(rows, columns=["customer_id", "date", "amount"])


def write_csv(path: Path, rows: Iterable[Sequence[object]], header: str) -> Path:
    """Write a CSV file line by line, with no quoting."""
    lines = [header, *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def scores(folder: Path) -> pa.Table:
    """The scores of a run."""
    return pq.read_table(folder / "scores")


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, by relative path."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def read(path: Path) -> dict[str, Any]:
    """A JSON file."""
    content = json.loads(path.read_text("utf-8"))
    assert isinstance(content, dict)
    return content
