"""Commands about how far to believe a forecast: the back-test and the report."""

from __future__ import annotations

import json
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from clvmodels.commands.shared import Config, Json, Logs, Quiet, progress_for
from clvmodels.console import print_account, print_back_test
from clvmodels.options import with_options


@with_options("Columns", "Log", "Check", "method", "time_unit", "interval", "seed", "Job")
def back_test(
    logs: Logs,
    models: Annotated[
        str, typer.Option("--models", metavar="NAME,...", help="To compare; the first leads.")
    ] = "bgnbd,mbgnbd,pareto_nbd",
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write all of it as JSON.", show_default=False),
    ] = None,
    config: Config = None,
    as_json: Json = False,
    quiet: Quiet = False,
    **options: Any,
) -> None:
    """Forecast from days in the past, and hold models and baselines against what happened."""
    from clvmodels import pipeline
    from clvmodels.config import resolve_config
    from clvmodels.stages import BACKTEST_SCHEMA
    from clvmodels.storage import write_json

    resolved = resolve_config(config, options)
    opener = partial(pipeline.open_log, logs, resolved)
    names = [name.strip() for name in models.split(",") if name.strip()]
    with progress_for(quiet) as progress:
        record = pipeline.compare(opener, resolved, names, progress)
    if out is not None:
        write_json(out, record["backtest"], schema=BACKTEST_SCHEMA)
    if as_json:
        typer.echo(json.dumps(record))
    else:
        if not quiet:
            print_account(record)
        if out is None or not quiet:
            print_back_test(record["backtest"])
    if out is not None and not quiet:
        typer.echo(f"Everything: {out}", err=True)


def report(
    run_dir: Annotated[Path, typer.Argument(metavar="RUN_DIR", help="What a run left.")],
    paper: Annotated[
        Literal["A4", "Letter", "none"],
        typer.Option("--paper", metavar="A4|Letter|none", help="Of the PDFs; none: no PDFs."),
    ] = "A4",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Render the report of a run again."""
    from clvmodels.report import write_report
    from clvmodels.storage import locked, settle

    settle(run_dir)
    # Whoever reads says best that a folder is missing.
    with locked(run_dir) if run_dir.is_dir() else nullcontext():
        summary = write_report(run_dir, paper=paper)
    if as_json:
        typer.echo(json.dumps(summary.to_dict()))
    elif not quiet:
        typer.echo(f"Report: {run_dir / 'report.html'}", err=True)
