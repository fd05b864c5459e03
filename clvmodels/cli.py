"""The command line: commands put together, errors turned into messages and exit statuses."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from typing import Annotated

import typer

from clvmodels.commands import decisions, evidence, jobs, logs
from clvmodels.errors import ClvError, ExitStatus
from clvmodels.interruption import Interrupted, orderly_end

app = typer.Typer(
    name="clvmodels",
    help="Customer lifetime value with honest uncertainty, from a transaction log.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (jobs.run, jobs.demo, logs.validate, jobs.fit, jobs.score):
    app.command()(command)
app.command("backtest")(evidence.back_test)
for command in (evidence.report, decisions.decide):
    app.command()(command)
app.add_typer(decisions.decisions)
for command in (logs.sql, logs.simulate):
    app.command()(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        from clvmodels import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            metavar="",
            help="Show the version and exit.",
            callback=_print_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(ExitStatus.USAGE)


def main() -> None:
    """Entry point: run a command and turn failures into a message and an exit status."""
    # Products here are small: more threads of BLAS would only spin beside those that work.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with orderly_end() as signals:
        try:
            status = app(prog_name="clvmodels", standalone_mode=False)
        except BaseException as error:
            # DuckDB answers a signal with an error of its own.
            problem = _problem(Interrupted() if signals else error)
            if problem is None:
                raise
            message, status = problem
            _tell(message, status)
    sys.exit(int(status or 0))


def _tell(message: str, status: ExitStatus) -> None:
    if "--json" in sys.argv[1:]:
        # Standard output may be what failed.
        with suppress(OSError):
            typer.echo(json.dumps({"error": message, "exit_status": int(status)}))
    typer.echo(f"error: {message}", err=True)


def _problem(error: BaseException) -> tuple[str, ExitStatus] | None:
    """Message and status of a failure that a user can meet; None for a defect of ours."""
    if isinstance(error, ClvError):
        return str(error), error.exit_status
    if isinstance(error, Interrupted):
        message = "Interrupted. Nothing half-written is visible; run again."
        return message, ExitStatus.RESOURCES
    if isinstance(error, MemoryError):
        message = "Out of memory. Set --memory-limit below what is free, or use a larger machine."
        return message, ExitStatus.RESOURCES
    if isinstance(error, PermissionError | FileNotFoundError | IsADirectoryError):
        # A place that cannot be written to has a class of its own.
        message = f"{error.strerror}: {error.filename}. Check the path and its permissions."
        return message, ExitStatus.INPUT
    if isinstance(error, OSError):
        place = f": {error.filename}" if error.filename else ""
        message = (
            f"{error.strerror or error}{place}. Nothing half-written is visible; see to the disk "
            "and run again."
        )
        return message, ExitStatus.RESOURCES
    if hasattr(error, "format_message") and hasattr(error, "ctx"):
        # A usage error of Typer, whose class has no public name.
        command = error.ctx.command_path if error.ctx else "clvmodels"
        return f"{error.format_message().rstrip('.')}. See {command} --help.", ExitStatus.USAGE
    return None
