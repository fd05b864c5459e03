"""What a command tells people about its record, on standard error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer


def print_account(record: dict[str, Any]) -> None:
    """Say where the rows went, how many customers there are and what deserves a look."""
    rows = record["rows"]
    if rows is not None:
        _print_rows(rows)
    typer.echo(f"{record['customers']:,} customers", err=True)
    for warning in record["warnings"]:
        typer.echo(f"warning: {warning['message']}", err=True)


def _print_rows(rows: dict[str, Any]) -> None:
    aside = sum(rows["quarantined"].values())
    typer.echo(
        f"{rows['read']:,} rows read = {rows['used']:,} purchase days + {rows['merged']:,} merged "
        f"+ {rows['netted']:,} netted + {aside:,} set aside",
        err=True,
    )
    for rule, count in rows["quarantined"].items():
        typer.echo(f"  set aside: {rule} {count:,}", err=True)


def print_outcome(record: dict[str, Any], out: Path) -> None:
    """Say what the base is worth, how far to trust it and where the files are."""
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
