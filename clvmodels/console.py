"""What a command tells people about its record, on standard error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from clvmodels.wording import money, money_range, percent, plural, span


def print_account(record: dict[str, Any]) -> None:
    """Say where the rows went, how many customers there are and what deserves a look."""
    rows = record["rows"]
    if rows is not None:
        _print_rows(rows)
    typer.echo(plural(record["customers"], "customer"), err=True)
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
        expected = money(value["expected"], currency)
        bounds = money_range(value["lower"], value["upper"], currency)
        typer.echo(
            f"Value of the base over {span(record['config']['horizon'])}: {expected} "
            f"({percent(value['interval'])} interval {bounds})",
            err=True,
        )
    if record.get("trusted"):
        what = "; do not use these numbers (exit status 4)" if untrusted else ""
        typer.echo(f"Verdict: {record['trusted']}{what}", err=True)
    for level in ("red", "amber", "grey"):
        for gate in record.get("gates") or []:
            if gate["level"] == level:
                what = f"{level}, {gate['name']}"
                typer.echo(f"  {what}: {gate['evidence']} {gate['advice']}", err=True)
    for name, what in (("report.html", "Report"), ("scores", "Scores"), ("model", "Model")):
        if (out / name).exists():
            typer.echo(f"{what}: {out / name}", err=True)


_LEGEND = (
    "bias: by how much the forecast total misses what happened; money: the same for spend.",
    "MAE: mean absolute error per customer. more: by how much it is larger than the first model's",
    "on the same customers; the true difference is within ± with a probability of {interval}.",
    "log and CRPS: scores of the whole distribution, lower is better. in 90%: customers inside the",
    "90% interval; more than 90% is right, since purchases are whole numbers and many are 0.",
    "Gini: how well customers are put in order, from 0 (chance) to 1.",
)
_COLUMNS = ("purchases", "bias", "money", "MAE", "more", "log", "CRPS", "in 90%", "Gini")


def print_back_test(found: dict[str, Any]) -> None:
    """Print a table for each origin on standard output: methods against what happened."""
    for skipped in found["skipped"]:
        typer.echo(f"{skipped['origin']} to {skipped['end']} is left out. {skipped['reason']}\n")
    for split in found["splits"]:
        actual, newcomers = split["actual"], split["newcomers"]
        spent = "" if actual["spend"] is None else f" and spent {actual['spend']:,.0f}"
        typer.echo(
            f"{split['origin']} to {split['end']}: {plural(split['customers'], 'customer')} bought "
            f"{plural(actual['purchases'], 'time')}{spent}"
        )
        rows: list[tuple[str, ...]] = [("", *_COLUMNS)]
        rows += [_method_row(name, method, split) for name, method in split["methods"].items()]
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        for first, *rest in rows:
            cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
            typer.echo("  ".join([f"  {first.ljust(widths[0])}", *cells]).rstrip())
        if newcomers["customers"]:
            typer.echo(
                f"  {newcomers['customers']:,} more customers came in this time and bought "
                f"{newcomers['purchases']:,} times; no method was asked about them."
            )
        typer.echo("")
    if found["overlapping"]:
        typer.echo("The log is short: these times overlap, so they are no independent evidence.")
    interval = percent(found["splits"][0]["differences"][0]["interval"])
    for line in _LEGEND:
        typer.echo(line.format(interval=interval))


def _method_row(name: str, method: dict[str, Any], split: dict[str, Any]) -> tuple[str, ...]:
    counts = method["counts"]
    scores: tuple[str, ...] = ("", "", "")
    if counts is not None:
        held = next(row["covered"] for row in counts["coverage"] if row["level"] == 0.9)
        scores = (f"{counts['log_score']:.3f}", f"{counts['crps']:.3f}", f"{held:.1%}")
    against = ""
    for row in split["differences"]:
        if (row["measure"], row["method"], row["against"]) == (
            "absolute_error", name, split["model"],
        ):  # fmt: skip
            half = (row["upper"] - row["lower"]) / 2.0
            against = f"{row['difference']:+.3f} ±{half:.3f}"
    return (
        name,
        f"{method['purchases']:,.0f}",
        _percent(method["bias"]),
        _percent(method["spend_bias"]),
        f"{method['mae']:.4f}",
        against,
        *scores,
        "" if method["gini"] is None else f"{method['gini']:.3f}",
    )


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:+.1%}"
