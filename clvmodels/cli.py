"""The command line: options become a configuration, errors become messages and exit codes."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from clvmodels.errors import ClvError, ExitStatus
from clvmodels.interruption import Interrupted, Stoppable, orderly_end
from clvmodels.progress import NoProgress, PlainProgress, Progress, RichProgress

app = typer.Typer(
    name="clvmodels",
    help="Customer lifetime value with honest uncertainty, from a transaction log.",
    add_completion=False,
    pretty_exceptions_enable=False,
)

# Every option of a job once: panel of the help, key of the configuration, type, value, help,
# default. A test holds them against the configuration's fields.
_OPTIONS: tuple[tuple[str, str, type, str, str, str], ...] = (
    ("Columns", "customer_id", str, "NAME", "Column of the customer's id.", "customer_id"),
    ("Columns", "date", str, "NAME", "Column of the day or time of purchase.", "date"),
    ("Columns", "amount", str, "NAME", "Column of the amount.", "amount, if there is one"),
    ("Columns", "order_id", str, "NAME", "Column of the order's id.", "none"),
    ("Log", "observation_end", str, "DAY", "Last day observed: 2025-12-31.", "the log's last day"),
    ("Log", "time_zone", str, "ZONE", "Zone of the day of stamps that carry an offset.", "UTC"),
    ("Log", "zero_amounts", str, "keep|drop", "Rows whose amount is zero.", "keep"),
    ("Log", "duplicates", str, "keep|drop", "Rows that repeat another exactly.", "keep"),
    ("Log", "delimiter", str, "CHAR", "Between the fields of CSV files.", "recognised"),
    ("Log", "quote", str, "CHAR", "Around fields of CSV files.", "recognised"),
    ("Log", "decimal_separator", str, "CHAR", "Decimal separator of amounts as text.", "a point"),
    ("Log", "encoding", str, "NAME", "Encoding of CSV files, such as latin-1.", "utf-8"),
    ("Log", "date_format", str, "FORMAT", "Dates as text, such as %d.%m.%Y.", "recognised"),
    ("Model", "model", str, "NAME", "Model of purchases; there is bgnbd.", "bgnbd"),
    ("Model", "method", str, "auto|map|mle", "How parameters are learned.", "auto, which is map"),
    ("Model", "time_unit", str, "day|week", "Unit of recency, T and parameters.", "day"),
    ("Check", "holdout", str, "SPAN", "Held out for a check.", "a quarter of the log, at most 1y"),
    ("Value", "horizon", str, "SPAN", "How far ahead: 90d, 26w, 12m, 1y or lifetime.", "1y"),
    ("Value", "annual_discount_rate", float, "RATE", "0.10 is 10 % a year.", "0.10"),
    ("Value", "margin", float, "SHARE", "Share of an amount that is profit.", "1.0"),
    ("Value", "cost_per_order", float, "MONEY", "Cost of serving an order.", "0"),
    ("Value", "cost_per_customer_year", float, "MONEY", "Cost of a customer for a year.", "0"),
    ("Value", "interval", float, "P", "Probability of the intervals.", "0.9"),
    ("Value", "currency", str, "CODE", "Currency shown in the report.", "none"),
    ("Value", "seed", int, "N", "Seed of what has to be simulated.", "0"),
    ("Job", "memory_limit", str, "SIZE", "Memory for the database: 2GB.", "80 % of the machine's"),
    ("Job", "threads", int, "N", "Threads of the database.", "one for each core"),
)
_LOG_PANELS = ("Columns", "Log", "Job")


def _with_options(*panels: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of some panels; they arrive as keyword arguments."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        added = [
            inspect.Parameter(
                key,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=Annotated[
                    kind | None,
                    typer.Option(
                        f"--{key.replace('_', '-')}",
                        help=f"{text} Default: {default}.",
                        metavar=value,
                        rich_help_panel=panel,
                        show_default=False,
                    ),
                ],
            )
            for panel, key, kind, value, text, default in _OPTIONS
            if panel in panels
        ]
        parameters = [*own, *added]
        command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": None}
        return command

    return decorate


_Logs = Annotated[
    list[str],
    typer.Argument(
        metavar="LOG",
        help="CSV or Parquet files (globs work), or a table of a DuckDB file as FILE::TABLE.",
        show_default=False,
    ),
]
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
@_with_options("Columns", "Log", "Model", "Check", "Value", "Job")
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
@_with_options(*_LOG_PANELS)
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
        _print_account(record)


@app.command()
@_with_options("Columns", "Log", "Model", "Job")
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
@_with_options("Columns", "Log", "Value", "Job")
def score(
    logs: _Logs,
    model: Annotated[
        Path,
        typer.Option("--model", metavar="DIR", help="A saved model/ folder.", show_default=False),
    ],
    out: _Out,
    config: _Config = None,
    as_json: _Json = False,
    quiet: _Quiet = False,
    **options: Any,
) -> None:
    """Score the customers of a log with a saved model."""
    from clvmodels import pipeline
    from clvmodels.config import resolve_config

    resolved = resolve_config(config, options)
    with _progress(quiet) as progress:
        record = pipeline.score(
            partial(pipeline.open_log, logs, resolved), resolved, model, out, progress
        )
    _finish(record, out, as_json=as_json, quiet=quiet)


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
        _print_account(record)
        _print_outcome(record, out)
    if record.get("trusted") == "untrusted":
        raise typer.Exit(ExitStatus.UNTRUSTED)


def _print_account(record: dict[str, Any]) -> None:
    rows = record["rows"]
    aside = sum(rows["quarantined"].values())
    typer.echo(
        f"{rows['read']:,} rows read = {rows['used']:,} purchase days + {rows['merged']:,} merged "
        f"+ {rows['netted']:,} netted + {aside:,} set aside",
        err=True,
    )
    for rule, count in rows["quarantined"].items():
        typer.echo(f"  set aside: {rule} {count:,}", err=True)
    typer.echo(f"{record['customers']:,} customers", err=True)
    for warning in record["warnings"]:
        typer.echo(f"warning: {warning['message']}", err=True)


def _print_outcome(record: dict[str, Any], out: Path) -> None:
    totals = record.get("totals")
    currency = record["config"]["currency"]
    untrusted = record.get("trusted") == "untrusted"
    value = totals and totals["clv"]
    if value and not untrusted:
        unit = f" {currency}" if currency else ""
        typer.echo(
            f"Value of the base over {record['config']['horizon']}: {value['expected']:,.0f}{unit} "
            f"({value['interval']:.0%} interval {value['lower']:,.0f} to {value['upper']:,.0f})",
            err=True,
        )
    if record.get("trusted"):
        typer.echo(f"Verdict: {record['trusted']}", err=True)
    for gate in record.get("gates") or []:
        if gate["level"] != "green":
            typer.echo(f"  {gate['level']}: {gate['evidence']} {gate['advice']}", err=True)
    for name, what in (("report.html", "Report"), ("scores", "Scores"), ("model", "Model")):
        if (out / name).exists():
            typer.echo(f"{what}: {out / name}", err=True)


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
