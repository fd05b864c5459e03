"""Commands about a log: check it, summarise it in a database, make one up."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from clvmodels.commands.shared import LOG_PANELS, Config, Json, Logs, Quiet, progress_for
from clvmodels.console import print_account
from clvmodels.options import SHOP_OPTIONS, with_options
from clvmodels.wording import plural


@with_options(*LOG_PANELS)
def validate(
    logs: Logs,
    config: Config = None,
    as_json: Json = False,
    quiet: Quiet = False,
    **options: Any,
) -> None:
    """Check a log against the data contract: where every row goes, and what deserves a look."""
    from clvmodels import pipeline
    from clvmodels.config import resolve_config

    resolved = resolve_config(config, options)
    opener = partial(pipeline.open_log, logs, resolved)
    with progress_for(quiet) as progress:
        record = pipeline.validate(opener, resolved, progress)
    if as_json:
        typer.echo(json.dumps(record))
    elif not quiet:
        print_account(record)


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
    as_json: Json = False,
    _quiet: Quiet = False,
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
    query = summary_sql(tables, dialect, columns, config.observation_end)
    if as_json:
        typer.echo(json.dumps({"dialect": dialect, "query": query}))
    else:
        typer.echo(query, nl=False)


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
    as_json: Json = False,
    quiet: Quiet = False,
    **options: Any,
) -> None:
    """Simulate a log, with the truth in FILE.truth.parquet and FILE.truth.json."""
    from clvmodels.simulation.from_text import shop_from_text
    from clvmodels.simulation.simulate import simulate_log

    shop = shop_from_text(customers, options)
    with progress_for(quiet) as progress, progress.stage("simulate", customers) as advance:
        record = simulate_log(shop, out, advance)
    if as_json:
        typer.echo(json.dumps(record))
    elif not quiet:
        rows, whose = plural(record["rows"], "row"), plural(customers, "customer")
        typer.echo(f"{rows} of {whose}: {out}", err=True)
