"""What the commands share: their common arguments, their progress and their end."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from clvmodels.console import print_account, print_outcome
from clvmodels.errors import ExitStatus
from clvmodels.interruption import Stoppable
from clvmodels.profile import Profiled
from clvmodels.progress import NoProgress, PlainProgress, Progress, RichProgress

LOG_PANELS = ("Columns", "Log", "Job")

LOG_ARGUMENT = typer.Argument(
    metavar="LOG",
    help="CSV or Parquet files (globs work), or a table of a DuckDB file as FILE::TABLE.",
    show_default=False,
)
Logs = Annotated[list[str], LOG_ARGUMENT]
Out = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Where the results go.", show_default=False)
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="TOML file with the same keys; the command line wins.",
        show_default=False,
    ),
]
Json = Annotated[
    bool, typer.Option("--json", metavar="", help="Print one JSON object on standard output.")
]
Quiet = Annotated[
    bool, typer.Option("--quiet", metavar="", help="No progress, no messages but errors.")
]

Profile = Annotated[
    bool,
    typer.Option("--profile", metavar="", help="Print time and memory of each stage at the end."),
]


def finish(record: dict[str, Any], out: Path, *, as_json: bool, quiet: bool) -> None:
    """Print the outcome and leave with the status of the verdict."""
    if as_json:
        typer.echo(json.dumps(record))
    elif not quiet:
        print_account(record)
        print_outcome(record, out)
    if record.get("trusted") == "untrusted":
        raise typer.Exit(ExitStatus.UNTRUSTED)


@contextmanager
def progress_for(quiet: bool, profile: bool = False) -> Iterator[Progress]:
    """Progress that fits standard error; with ``profile`` what each stage cost at the end."""
    with _shown(quiet) as progress:
        profiled = Profiled(progress)
        yield profiled if profile else progress
    if profile:
        typer.echo(profiled.table(), err=True)


@contextmanager
def _shown(quiet: bool) -> Iterator[Progress]:
    """Bars on a terminal, plain lines elsewhere, nothing if quiet; always on standard error."""
    if quiet:
        yield Stoppable(NoProgress())
    elif sys.stderr.isatty():
        with RichProgress() as bars:
            yield Stoppable(bars)
    else:
        yield Stoppable(PlainProgress())
