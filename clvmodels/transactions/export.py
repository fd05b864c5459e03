"""The summary query for a database: written once in DuckDB's dialect, translated for others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal, get_args

from clvmodels.errors import ConfigurationError, ParameterError
from clvmodels.transactions.log import as_date
from clvmodels.transactions.sql import (
    MONEY,
    SUMMARY_COLUMNS,
    customers_query,
    day_literal,
    identifier,
    is_on_calendar,
    literal,
    summary_query,
)

if TYPE_CHECKING:
    from sqlglot import exp

Dialect = Literal["duckdb", "spark", "postgres"]
_READERS = {".parquet": "parquet", ".pq": "parquet", ".parq": "parquet", ".csv": "csv"}
# Beyond it an amount does not fit MONEY. PostgreSQL would stop there, and take NaN for a number.
_BOUND = "1e12"
_COMMENT = """\
-- One row per customer: frequency counts repeat purchase days, recency and T are whole days,
-- monetary_value is the mean of repeat purchase days, order_value of all purchase days.
-- Left out: rows without a customer, a readable day{amounts}{end}.
{returns}-- Score the result with: clvmodels score --summary FILE --model DIR --out DIR
"""


@dataclass(frozen=True)
class TableColumns:
    """Which columns of a table hold what.

    Attributes
    ----------
    amount : str or None
        None for purchases without amounts.
    time_zone : str or None
        Zone of the calendar day of stamps that carry one; None for days and plain stamps.
    drop_zero : bool
        Whether rows of amount zero are left out.
    returns : {"net", "drop"}
        Whether negative amounts reduce the customer's latest earlier purchases or are left out.
    """

    customer_id: str = "customer_id"
    date: str = "date"
    amount: str | None = "amount"
    time_zone: str | None = None
    drop_zero: bool = False
    returns: str = "net"


def summary_sql(
    tables: Sequence[str],
    dialect: str = "duckdb",
    columns: TableColumns | None = None,
    observation_end: date | str | None = None,
) -> str:
    """Give the query from tables of purchases to one row per customer.

    Parameters
    ----------
    tables : sequence of str
        Names such as ``orders`` or ``shop.orders``; for DuckDB also CSV or Parquet files.
    dialect : {"duckdb", "spark", "postgres"}
        Whose SQL.
    columns : TableColumns, optional
        The columns of all tables.
    observation_end : date or str, optional
        Last day observed. Default: the last purchase day.

    Returns
    -------
    str
        One SELECT statement, with a comment that says what it leaves out.

    Raises
    ------
    ConfigurationError
        If the dialect is not known or a table or a column cannot be named.
    """
    import sqlglot

    if dialect not in get_args(Dialect):
        raise ParameterError("dialect", dialect, f"one of {', '.join(get_args(Dialect))}")
    columns = columns or TableColumns()
    if columns.returns not in ("net", "drop"):
        raise ParameterError("returns", columns.returns, "'net' or 'drop' in a query")
    for name in (*tables, columns.customer_id, columns.date, columns.amount, columns.time_zone):
        if name is not None and (not name.strip() or "\0" in name):
            msg = f"{name!r} cannot be the name of a table, a column or a time zone."
            raise ConfigurationError(msg)
    end = None if observation_end is None else as_date(observation_end, "observation_end")
    relations = [_relation(table, dialect) for table in tables]
    parsed = sqlglot.parse_one(_query(relations, columns, end), read="duckdb")
    translated = parsed.transform(_adapt, dialect).sql(dialect, pretty=True)
    return f"{_comment(columns, end)}{translated};\n"


def _query(relations: list[str], columns: TableColumns, end: date | None) -> str:
    """Steps of a scanned log: rows, purchase days, customers, summary."""
    sound = f"{_has_text('customer_id')} AND {is_on_calendar('day')}"
    if end is not None:
        sound += f" AND day <= {day_literal(end)}"
    good = sound
    if columns.amount is not None:
        good += f" AND amount {'>' if columns.drop_zero else '>='} 0"
    rows = " UNION ALL ".join(f"SELECT {_read(columns)} FROM {each}" for each in relations)
    days = (
        "SELECT customer_id, day, sum(amount) AS amount FROM clv_rows "
        "WHERE {} GROUP BY customer_id, day"
    )
    steps, observed_days = {"clv_rows": rows}, "clv_days"
    if columns.amount is not None and columns.returns == "net":
        returned = days.format(f"{sound} AND amount < 0")
        steps |= {"clv_bought": days.format(good), "clv_returned": returned, **_netting_steps()}
        # Returns that found something are days of the log too.
        observed_days = "clv_left WHERE back = 0 OR was > r"
    else:
        steps["clv_days"] = days.format(good)
    steps["clv_customers"] = customers_query("clv_days")
    # Not a join: PostgreSQL underrates what comes out of windows, and would look for the last day
    # once per customer.
    observed = (
        f"SELECT *, (SELECT max(day) FROM {observed_days}) AS observation_end FROM clv_customers"
    )
    if end is None:
        steps["clv_observed"] = observed
    steps["clv_summary"] = summary_query(list(steps)[-1], end)
    written = ", ".join(f"{name} AS ({query})" for name, query in steps.items())
    # PostgreSQL would call it t.
    named = ", ".join(f'{n} AS "T"' if n == "T" else n for n in SUMMARY_COLUMNS)
    return f"WITH {written} SELECT {named} FROM clv_summary"


def _netting_steps() -> dict[str, str]:
    """From days of purchases and of returns to what is left: `returns.taken_query` step by step."""
    order = "PARTITION BY customer_id ORDER BY day, back"
    past = f"({order} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
    ahead = f"({order} ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)"
    return {
        "clv_events": (
            "SELECT customer_id, day, 0 AS back, amount FROM clv_bought "
            "UNION ALL SELECT customer_id, day, 1 AS back, amount FROM clv_returned"
        ),
        "clv_running": f"SELECT *, sum(amount) OVER {past} AS c FROM clv_events",
        "clv_balance": f"SELECT *, c - least(0, min(c) OVER {past}) AS r FROM clv_running",
        "clv_left": (
            f"SELECT *, coalesce(lag(r) OVER ({order}), 0) AS was, "
            f"min(r) OVER {ahead} AS low FROM clv_balance"
        ),
        "clv_days": (
            "SELECT customer_id, day, greatest(0, low - was) AS amount FROM clv_left "
            "WHERE back = 0 AND (amount = 0 OR low > was)"
        ),
    }


def _read(columns: TableColumns) -> str:
    day = identifier(columns.date)
    if columns.time_zone is not None:
        day = f"TRY_CAST({day} AS TIMESTAMPTZ) AT TIME ZONE {literal(columns.time_zone)}"
    amount = f"CAST(NULL AS {MONEY})"
    if columns.amount is not None:
        name = identifier(columns.amount)
        number = f"TRY_CAST({name} AS DOUBLE)"
        amount = (
            f"CASE WHEN {number} > -{_BOUND} AND {number} < {_BOUND} "
            f"THEN TRY_CAST({name} AS {MONEY}) END"
        )
    customer = identifier(columns.customer_id)
    return f"{customer} AS customer_id, TRY_CAST({day} AS DATE) AS day, {amount} AS amount"


def _has_text(column: str) -> str:
    """Whether an id is more than blanks, which are those of `sql.id_missing`."""
    blanks = [chr(code) for code in range(0x3001) if chr(code).isspace()]
    # Control characters would not survive a terminal; Spark's chr() ends at 255.
    low = " || ".join(f"chr({ord(blank)})" for blank in blanks if " " != blank < "\u0100")
    high = "".join(blank for blank in blanks if blank == " " or blank >= "\u0100")
    return f"trim(CAST({column} AS VARCHAR), {literal(high)} || {low}) <> ''"


def _relation(table: str, dialect: str) -> str:
    reader = _READERS.get(PurePath(table.lower()).suffix)
    if reader is None and "/" not in table and "::" not in table:
        parts = table.split(".")
        if not all(part.strip() for part in parts):
            msg = f"{table!r} is not a table's name. Write it as orders or shop.orders."
            raise ConfigurationError(msg)
        return ".".join(identifier(part) for part in parts)
    if reader is None or dialect != "duckdb":
        msg = (
            f"{table} is not a table's name. Name a table as orders or shop.orders; DuckDB reads "
            "CSV and Parquet files too, and a table of a DuckDB file once that file is open."
        )
        raise ConfigurationError(msg)
    if reader == "parquet":
        return f"read_parquet({literal(table)})"
    return f"read_csv({literal(table)}, header = true, all_varchar = true, ignore_errors = true)"


def _adapt(node: exp.Expression, dialect: str) -> exp.Expression:
    """Replace what has no translation that means the same."""
    from sqlglot import exp

    if dialect == "postgres" and isinstance(node, exp.ArgMin):
        in_order = exp.Order(this=node.this, expressions=[exp.Ordered(this=node.expression)])
        listed = exp.Paren(this=exp.ArrayAgg(this=in_order))
        return exp.Bracket(this=listed, expressions=[exp.Literal.number(1)], offset=1)
    is_day = isinstance(node, exp.TryCast) and isinstance(node.this, exp.AtTimeZone)
    if dialect == "spark" and is_day:
        # The day of a stamp in Spark is that of the session's zone, and this one of the zone named.
        stamp, zone = node.this.this, node.this.args["zone"]
        local = exp.func("UNIX_SECONDS", exp.func("FROM_UTC_TIMESTAMP", stamp.copy(), zone.copy()))
        days = exp.Floor(this=exp.Div(this=local, expression=exp.Literal.number(86400)))
        return exp.Anonymous(this="DATE_FROM_UNIX_DATE", expressions=[exp.cast(days, "INT")])
    return node


def _comment(columns: TableColumns, end: date | None) -> str:
    amounts, returns = "", ""
    if columns.amount is not None:
        amounts = f" or an amount of {'more than zero' if columns.drop_zero else 'zero or more'}"
        returns = "-- Rows with a negative amount are left out.\n"
    if columns.amount is not None and columns.returns == "net":
        amounts = f" or a readable amount{' that is not zero' if columns.drop_zero else ''}"
        returns = (
            "-- A negative amount takes from the customer's latest earlier purchases; a day with "
            "nothing left is none.\n"
        )
    late = f", and rows after {end.isoformat()}" if end is not None else ""
    return _COMMENT.format(amounts=amounts, end=late, returns=returns)
