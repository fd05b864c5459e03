"""The main job, its halves, and the job on bundled data."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from clvmodels.commands.shared import (
    LOG_ARGUMENT,
    Config,
    Json,
    Logs,
    Out,
    Profile,
    Quiet,
    finish,
    progress_for,
)
from clvmodels.options import OPTIONS, with_options


@with_options("Columns", "Log", "Model", "Check", "Value", "Job")
def run(
    logs: Logs,
    out: Out,
    config: Config = None,
    as_json: Json = False,
    quiet: Quiet = False,
    profile: Profile = False,
    **options: Any,
) -> None:
    """Do the whole job: check, summarise, fit, back-test, score, report."""
    from clvmodels import pipeline
    from clvmodels.config import resolve_config

    resolved = resolve_config(config, options)
    opener = partial(pipeline.open_log, logs, resolved)
    with progress_for(quiet, profile) as progress:
        record = pipeline.run(opener, resolved, out, progress)
    finish(record, out, as_json=as_json, quiet=quiet)


def demo(
    out: Out = Path("reports/cdnow"),
    as_json: Json = False,
    quiet: Quiet = False,
    profile: Profile = False,
) -> None:
    """Run the job on CDNOW: 23,570 customers of a music shop, 1997 to mid-1998."""
    from clvmodels import pipeline

    with progress_for(quiet, profile) as progress:
        record = pipeline.demo(out, progress)
    finish(record, out, as_json=as_json, quiet=quiet)


@with_options("Columns", "Log", "Model", "Value", "Job")
def fit(
    logs: Logs,
    out: Out,
    config: Config = None,
    as_json: Json = False,
    quiet: Quiet = False,
    profile: Profile = False,
    **options: Any,
) -> None:
    """Learn the models from a log and save them in DIR/model."""
    from clvmodels import pipeline
    from clvmodels.config import resolve_config

    resolved = resolve_config(config, options)
    opener = partial(pipeline.open_log, logs, resolved)
    with progress_for(quiet, profile) as progress:
        record = pipeline.fit(opener, resolved, out, progress)
    finish(record, out, as_json=as_json, quiet=quiet)


@with_options("Columns", "Log", "Value", "Job")
def score(
    model: Annotated[
        Path,
        typer.Option("--model", metavar="DIR", help="A saved model/ folder.", show_default=False),
    ],
    out: Out,
    logs: Annotated[list[str] | None, LOG_ARGUMENT] = None,
    summary: Annotated[
        str | None,
        typer.Option(
            "--summary",
            metavar="FILE",
            help="Instead of LOG: CSV or Parquet that the query of clvmodels sql gave, in days.",
            show_default=False,
        ),
    ] = None,
    config: Config = None,
    as_json: Json = False,
    quiet: Quiet = False,
    profile: Profile = False,
    **options: Any,
) -> None:
    """Score the customers of a log, or of a database's summary, with a saved model."""
    from clvmodels import pipeline
    from clvmodels.config import resolve_config

    if (summary is None) == (not logs):
        message = "Give either LOG or --summary FILE."
        raise typer.BadParameter(message)
    resolved = resolve_config(config, options)
    opener: Callable[[], Any] = partial(pipeline.open_log, logs or [], resolved)
    if summary is not None:
        _refuse_with_summary(options)
        opener = partial(pipeline.open_summary_file, summary, resolved)
    with progress_for(quiet, profile) as progress:
        record = pipeline.score(opener, resolved, model, out, progress)
    finish(record, out, as_json=as_json, quiet=quiet)


def _refuse_with_summary(options: dict[str, Any]) -> None:
    """Refuse what only a log can follow, since the customers are summarised already."""
    usable = ("observation_end", "labels", "delimiter", "quote", "encoding")
    of_a_log = {key for panel, key, *_ in OPTIONS if panel in ("Columns", "Log")}.difference(usable)
    given = [f"--{key.replace('_', '-')}" for key in options if key in of_a_log and options[key]]
    if given:
        message = f"{', '.join(given)} cannot be used with --summary: it is about single purchases."
        raise typer.BadParameter(message)
