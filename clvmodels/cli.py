"""The command line: options become a configuration, errors become messages and exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from clvmodels.console import print_account, print_back_test, print_outcome
from clvmodels.errors import ClvError, ExitStatus
from clvmodels.interruption import Interrupted, Stoppable, orderly_end
from clvmodels.options import OPTIONS, SHOP_OPTIONS, with_options
from clvmodels.progress import NoProgress, PlainProgress, Progress, RichProgress

app = typer.Typer(
    name="clvmodels",
    help="Customer lifetime value with honest uncertainty, from a transaction log.",
    add_completion=False,
    pretty_exceptions_enable=False,
)

_LOG_PANELS = ("Columns", "Log", "Job")

_LOG_ARGUMENT = typer.Argument(
    metavar="LOG",
    help="CSV or Parquet files (globs work), or a table of a DuckDB file as FILE::TABLE.",
    show_default=False,
)
_Logs = Annotated[list[str], _LOG_ARGUMENT]
_Out = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Where the results go.", show_default=False)
]
_Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="TOML file with the same keys; the command line wins.",
        show_default=False,
    ),
]
_Json = Annotated[
    bool, typer.Option("--json", metavar="", help="Print one JSON object on standard output.")
]
_Quiet = Annotated[
    bool, typer.Option("--quiet", metavar="", help="No progress, no messages but errors.")
]


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


@app.command()
@with_options("Columns", "Log", "Model", "Check", "Value", "Job")
def run(
    logs: _Logs,
    out: _Out,
    config: _Config = None,
    as_json: _Json = False,
    quiet: _Quiet = False,
    **options: Any,
) -> None:
    """Do the whole job: check, summarise, fit, back-test, score, report."""
    from clvmodels import pipeline
    from clvmodels.config import resolve_config

    resolved = resolve_config(config, options)
    opener = partial(pipeline.open_log, logs, resolved)
    with _progress(quiet) as progress:
        record = pipeline.run(opener, resolved, out, progress)
    _finish(record, out, as_json=as_json, quiet=quiet)


@app.command()
def demo(out: _Out = Path("reports/cdnow"), as_json: _Json = False, quiet: _Quiet = False) -> None:
    """Run the job on CDNOW: 23,570 customers of a music shop, 1997 to mid-1998."""
    from clvmodels import pipeline

    with _progress(quiet) as progress:
        record = pipeline.demo(out, progress)
    _finish(record, out, as_json=as_json, quiet=quiet)


@app.command()
@with_options(*_LOG_PANELS)
def validate(
    logs: _Logs,
    config: _Config = None,
    as_json: _Json = False,
    quiet: _Quiet = False,
    **options: Any,
) -> None:
    """Check a log against the data contract: where every row goes, and what deserves a look."""
    from clvmodels import pipeline
    from clvmodels.config import resolve_config

    resolved = resolve_config(config, options)
    opener = partial(pipeline.open_log, logs, resolved)
    with _progress(quiet) as progress:
        record = pipeline.validate(opener, resolved, progress)
    if as_json:
        typer.echo(json.dumps(record))
    elif not quiet:
        print_account(record)


@app.command()
@with_options("Columns", "Log", "Model", "Job")
def fit(
    logs: _Logs,
    out: _Out,
    config: _Config = None,
    as_json: _Json = False,
    quiet: _Quiet = False,
    **options: Any,
) -> None:
    """Learn the models from a log and save them in DIR/model."""
    from clvmodels import pipeline
    from clvmodels.config import resolve_config

    resolved = resolve_config(config, options)
    opener = partial(pipeline.open_log, logs, resolved)
    with _progress(quiet) as progress:
        record = pipeline.fit(opener, resolved, out, progress)
    _finish(record, out, as_json=as_json, quiet=quiet)


@app.command()
@with_options("Columns", "Log", "Value", "Job")
def score(
    model: Annotated[
        Path,
        typer.Option("--model", metavar="DIR", help="A saved model/ folder.", show_default=False),
    ],
    out: _Out,
    logs: Annotated[list[str] | None, _LOG_ARGUMENT] = None,
    summary: Annotated[
        str | None,
        typer.Option(
            "--summary",
            metavar="FILE",
            help="Instead of LOG: CSV or Parquet that the query of clvmodels sql gave, in days.",
            show_default=False,
        ),
    ] = None,
    config: _Config = None,
    as_json: _Json = False,
    quiet: _Quiet = False,
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
    with _progress(quiet) as progress:
        record = pipeline.score(opener, resolved, model, out, progress)
    _finish(record, out, as_json=as_json, quiet=quiet)


def _refuse_with_summary(options: dict[str, Any]) -> None:
    """Refuse what only a log can follow, since the customers are summarised already."""
    usable = ("observation_end", "labels", "delimiter", "quote", "encoding")
    of_a_log = {key for panel, key, *_ in OPTIONS if panel in ("Columns", "Log")}.difference(usable)
    given = [f"--{key.replace('_', '-')}" for key in options if key in of_a_log and options[key]]
    if given:
        message = f"{', '.join(given)} cannot be used with --summary: it is about single purchases."
        raise typer.BadParameter(message)


@app.command()
@with_options("customer_id", "date", "observation_end", "returns", "zero_amounts")
def sql(
    tables: Annotated[
        list[str],
        typer.Argument(
            metavar="LOG",
            help="Tables such as orders or shop.orders; in DuckDB also CSV or Parquet files.",
            show_default=False,
        ),
    ],
    dialect: Annotated[
        str,
        typer.Option("--dialect", metavar="duckdb|spark|postgres", help="Whose SQL."),
    ] = "duckdb",
    amount: Annotated[
        str, typer.Option("--amount", metavar="NAME", help="Column of the amount.")
    ] = "amount",
    no_amount: Annotated[
        bool, typer.Option("--no-amount", metavar="", help="The table has no amounts.")
    ] = False,
    time_zone: Annotated[
        str | None,
        typer.Option(
            "--time-zone",
            metavar="ZONE",
            help="Zone of the day, where the column of the date carries a zone.",
            show_default=False,
        ),
    ] = None,
    **options: Any,
) -> None:
    """Print the query that summarises a log inside a database, for score --summary."""
    from clvmodels.config import resolve_config
    from clvmodels.transactions.export import TableColumns, summary_sql

    config = resolve_config(None, options)
    columns = TableColumns(
        customer_id=config.customer_id,
        date=config.date,
        amount=None if no_amount else amount,
        time_zone=time_zone,
        drop_zero=config.zero_amounts == "drop",
        returns=config.returns,
    )
    typer.echo(summary_sql(tables, dialect, columns, config.observation_end), nl=False)


@app.command()
@with_options("Models", "Time", "Pace", "Customers", "Rows", table=SHOP_OPTIONS)
def simulate(
    customers: Annotated[
        int, typer.Option("--customers", metavar="N", help="How many.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", metavar="FILE", help="Log: .parquet or .csv by its name.", show_default=False
        ),
    ],
    as_json: _Json = False,
    quiet: _Quiet = False,
    **options: Any,
) -> None:
    """Simulate a log, with the truth in FILE.truth.parquet and FILE.truth.json."""
    from clvmodels.simulation.from_text import shop_from_text
    from clvmodels.simulation.simulate import simulate_log

    shop = shop_from_text(customers, options)
    with _progress(quiet) as progress, progress.stage("simulate", customers) as advance:
        record = simulate_log(shop, out, advance)
    if as_json:
        typer.echo(json.dumps(record))
    elif not quiet:
        typer.echo(f"{record['rows']:,} rows of {customers:,} customers: {out}", err=True)


@app.command("backtest")
@with_options("Columns", "Log", "Check", "method", "time_unit", "interval", "seed", "Job")
def back_test(
    logs: _Logs,
    models: Annotated[
        str, typer.Option("--models", metavar="NAME,...", help="To compare; the first leads.")
    ] = "bgnbd,mbgnbd,pareto_nbd",
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write all of it as JSON.", show_default=False),
    ] = None,
    config: _Config = None,
    as_json: _Json = False,
    quiet: _Quiet = False,
    **options: Any,
) -> None:
    """Forecast from days in the past, and hold models and baselines against what happened."""
    from clvmodels import pipeline
    from clvmodels.config import resolve_config
    from clvmodels.storage import write_json

    resolved = resolve_config(config, options)
    opener = partial(pipeline.open_log, logs, resolved)
    names = [name.strip() for name in models.split(",") if name.strip()]
    with _progress(quiet) as progress:
        record = pipeline.compare(opener, resolved, names, progress)
    if out is not None:
        write_json(out, record["backtest"], schema=pipeline.BACKTEST_SCHEMA)
    if as_json:
        typer.echo(json.dumps(record))
    elif not quiet:
        print_account(record)
        print_back_test(record["backtest"])
        if out is not None:
            typer.echo(f"Everything: {out}", err=True)


@app.command()
def report(
    run_dir: Annotated[Path, typer.Argument(metavar="RUN_DIR", help="What a run left.")],
    as_json: _Json = False,
    quiet: _Quiet = False,
) -> None:
    """Render the report of a run again."""
    from clvmodels.report import write_report

    summary = write_report(run_dir)
    if as_json:
        typer.echo(json.dumps(summary.to_dict()))
    elif not quiet:
        typer.echo(f"Report: {run_dir / 'report.html'}", err=True)


def _finish(record: dict[str, Any], out: Path, *, as_json: bool, quiet: bool) -> None:
    """Print the outcome and leave with the status of the verdict."""
    if as_json:
        typer.echo(json.dumps(record))
    elif not quiet:
        print_account(record)
        print_outcome(record, out)
    if record.get("trusted") == "untrusted":
        raise typer.Exit(ExitStatus.UNTRUSTED)


@contextmanager
def _progress(quiet: bool) -> Iterator[Progress]:
    """Bars on a terminal, plain lines elsewhere, nothing if quiet; always on standard error."""
    if quiet:
        yield Stoppable(NoProgress())
    elif sys.stderr.isatty():
        with RichProgress() as bars:
            yield Stoppable(bars)
    else:
        yield Stoppable(PlainProgress())


def main() -> None:
    """Entry point: run a command and turn failures into a message and an exit status."""
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
