"""The options of the commands, each once, and how a command gets them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, TypeAlias

import typer

# Panel of the help, key of the configuration, type, value, help, default. A test holds them
# against the fields of the configuration that they make.
Option: TypeAlias = tuple[str, str, type, str, str, str]

OPTIONS: tuple[Option, ...] = (
    ("Columns", "customer_id", str, "NAME", "Column of the customer's id.", "customer_id"),
    ("Columns", "date", str, "NAME", "Column of the day or time of purchase.", "date"),
    ("Columns", "amount", str, "NAME", "Column of the amount.", "amount, if there is one"),
    ("Columns", "order_id", str, "NAME", "Column of the order's id.", "none"),
    ("Columns", "labels", str, "FILE", "Table of customers with columns to group by.", "none"),
    ("Log", "observation_end", str, "DAY", "Last day observed: 2025-12-31.", "the log's last day"),
    ("Log", "time_zone", str, "ZONE", "Zone of the day of stamps that carry an offset.", "UTC"),
    ("Log", "returns", str, "net|drop|reject", "Rows whose amount is negative.", "net"),
    ("Log", "zero_amounts", str, "keep|drop", "Rows whose amount is zero.", "keep"),
    ("Log", "duplicates", str, "keep|drop", "Rows that repeat another exactly.", "keep"),
    ("Log", "delimiter", str, "CHAR", "Between the fields of CSV files.", "recognised"),
    ("Log", "quote", str, "CHAR", "Around fields of CSV files.", "recognised"),
    ("Log", "decimal_separator", str, "CHAR", "Decimal separator of amounts as text.", "a point"),
    ("Log", "encoding", str, "NAME", "Encoding of CSV files, such as latin-1.", "utf-8"),
    ("Log", "date_format", str, "FORMAT", "Dates as text, such as %d.%m.%Y.", "recognised"),
    ("Model", "model", str, "NAME", "One of bgnbd, mbgnbd, nbd, pareto_nbd.", "bgnbd"),
    ("Model", "method", str, "auto|mle|map|laplace|nuts", "How parameters are learned.", "auto"),
    ("Model", "time_unit", str, "day|week", "Unit of recency, T and parameters.", "day"),
    ("Check", "holdout", str, "SPAN", "Held out for a check.", "a quarter of the log, at most 1y"),
    ("Check", "origins", int, "N", "Days in the past to forecast from.", "3"),
    ("Value", "horizon", str, "SPAN", "How far ahead: 90d, 26w, 12m, 1y or lifetime.", "1y"),
    ("Value", "annual_discount_rate", float, "RATE", "0.10 is 10 % a year.", "0.10"),
    ("Value", "margin", float, "SHARE", "Share of an amount that is profit.", "1.0"),
    ("Value", "promotions", float, "SHARE", "Share of an amount that is given back.", "0"),
    ("Value", "cost_per_order", float, "MONEY", "Cost of serving an order.", "0"),
    ("Value", "cost_per_customer_year", float, "MONEY", "Cost of a customer for a year.", "0"),
    ("Value", "retention_per_customer_year", float, "MONEY", "Spent a year on keeping one.", "0"),
    ("Value", "cost_label", str, "NAME", "Label with a customer's own yearly cost.", "none"),
    ("Value", "cac", float, "MONEY", "What winning a customer costs.", "none"),
    ("Value", "payback_horizon", str, "SPAN", "How far ahead payback is looked for.", "2y"),
    ("Value", "interval", float, "P", "Probability of the intervals.", "0.9"),
    ("Value", "currency", str, "CODE", "Currency shown in the report.", "none"),
    ("Value", "seed", int, "N", "Seed of what has to be simulated.", "0"),
    ("Job", "paper", str, "A4|Letter|none", "Of the PDFs; none leaves them out.", "A4"),
    ("Job", "previous", str, "RUN_DIR", "Run to compare with.", "found by itself"),
    ("Job", "engine", str, "duckdb|spark", "Where the job runs.", "duckdb"),
    ("Job", "master", str, "URL", "Spark cluster, such as local[4].", "as spark-submit says"),
    ("Job", "memory_limit", str, "SIZE", "Memory for the database: 2GB.", "80 % of the machine's"),
    ("Job", "threads", int, "N", "Threads of the database.", "one for each core"),
)
SHOP_OPTIONS: tuple[Option, ...] = (
    ("Models", "model", str, "NAME", "One of bgnbd, mbgnbd, nbd, pareto_nbd.", "bgnbd"),
    ("Models", "parameters", str, "r=1,...", "Of the purchase model.", "two purchases a year"),
    ("Models", "spend", str, "p=4,...", "Parameters of Gamma-Gamma.", "about 50 a purchase"),
    ("Models", "time_unit", str, "day|week", "Unit of the parameters.", "day"),
    ("Time", "start", str, "DAY", "First day of the log.", "2023-01-01"),
    ("Time", "span", str, "SPAN", "Length of the log.", "2y"),
    ("Time", "arrivals", str, "SPAN", "How long new customers keep coming.", "to the end"),
    ("Time", "history", str, "SPAN", "Life of the shop before the log begins.", "none"),
    ("Pace", "season", float, "SHARE", "Swing of a yearly wave, below 1.", "0"),
    ("Pace", "season_peak", str, "MM-DD", "Height of that wave.", "12-15"),
    ("Pace", "trend", float, "RATE", "Growth a year; 0.2 is 20 %.", "0"),
    ("Pace", "events", str, "MM-DD,...", "Days of every year with more to do.", "none"),
    ("Pace", "event_factor", float, "FACTOR", "How much more on such days.", "10"),
    ("Pace", "shock", float, "SD", "Of the log of a factor common to all.", "0"),
    ("Pace", "shock_window", str, "SPAN", "End of the log that the shock hits.", "26w"),
    ("Pace", "shock_windows", int, "N", "Windows with a shock of their own, from the end.", "1"),
    ("Customers", "subscriptions", float, "SHARE", "Customers who buy on schedule.", "0"),
    ("Customers", "subscription_gap", str, "SPAN", "Between their purchases.", "30d"),
    ("Customers", "bursts", float, "SHARE", "Purchases with others days later.", "0"),
    ("Rows", "returns", float, "SHARE", "Orders that come back.", "0"),
    ("Rows", "line_items", float, "MEAN", "Rows of an order.", "1"),
    ("Rows", "order_ids", bool, "", "Write a column order_id.", "no"),
    ("Rows", "dirt", float, "SHARE", "Rows that break a rule.", "0"),
    ("Rows", "seed", int, "N", "Seed of every draw.", "0"),
)


def with_options(
    *chosen: str, table: tuple[Option, ...] = OPTIONS
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of some panels or names; they arrive as keyword arguments."""

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
            for panel, key, kind, value, text, default in table
            if panel in chosen or key in chosen
        ]
        parameters = [*own, *added]
        command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": None}
        return command

    return decorate
