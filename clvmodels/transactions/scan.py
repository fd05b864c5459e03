"""The one scan: check every row against the contract and collapse rows into purchase days."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from clvmodels.errors import ConfigurationError, InputError
from clvmodels.transactions import sorting, sql
from clvmodels.transactions.account import CODE, InputFile
from clvmodels.transactions.customer_table import CustomerTable
from clvmodels.transactions.database import Database, failures
from clvmodels.transactions.returns import Netting, Returns, standing_days
from clvmodels.transactions.runs import NotInRunsError, summarise_runs
from clvmodels.transactions.sources import Source, digest, listed, path_literal

_NUMERIC = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")
_SCALARS = (*_NUMERIC, "VARCHAR", "ENUM", "UUID", "BLOB", "DATE", "TIMESTAMP", "BOOLEAN")
# Narrow sums are faster and smaller; a day's total can outgrow them all the same.
_MONEY = (sql.MONEY, sql.WIDE_MONEY)
_FIRST_ROWS = 100_000


@dataclass(frozen=True)
class LogOptions:
    """Which columns hold what, and what becomes of returns, zero amounts and duplicates."""

    customer_id: str = "customer_id"
    date: str = "date"
    amount: str | None = None
    order_id: str | None = None
    time_zone: str = "UTC"
    returns: str = "net"
    drop_zero: bool = False
    drop_duplicates: bool = False
    decimal_separator: str | None = None


@dataclass(frozen=True)
class ScannedSource:
    """A source with its part of the scan.

    Attributes
    ----------
    columns : RowColumns
        Expressions for the columns of the contract.
    broken : int
        Rows without sound structure.
    guessed_date_format : str or None
        Format of text dates that is not ISO and that nobody confirmed.
    """

    source: Source
    columns: sql.RowColumns
    broken: int
    guessed_date_format: str | None = None


@dataclass(frozen=True)
class Scan:
    """What one scan leaves: the table ``days`` and where it came from.

    ``met`` are all customers, where the scan came by them: the days of each then lie side by side
    in the table. Below 1, ``share`` is that of the customers that are in the table, and rows are
    not accounted for.
    """

    database: Database
    options: LogOptions
    days: str
    has_amount: bool
    rule: str
    inputs: list[InputFile]
    parts: list[ScannedSource]
    returns: Returns | None = None
    met: CustomerTable | None = None
    share: float = 1.0

    @property
    def broken(self) -> int:
        """Rows of CSV files without a sound structure."""
        return sum(part.broken for part in self.parts)

    def netting(self, end: date | None) -> Netting | None:
        """What returns did up to and including a day; None where the log has no return."""
        return None if self.returns is None else self.returns.until(end)

    def purchase_days(self, end: date | None) -> str:
        """Relation of the purchase days up to and including a day, as a view from it sees them."""
        netting = self.netting(end)
        if netting is None:
            return sql.good_days(self.days, end)
        return standing_days(self.days, netting.changed, end)

    def customers(self, end: date | None) -> CustomerTable:
        """One row per customer, from the purchase days up to and including a day."""
        if self.met is not None and self.returns is None:
            if end is None:
                return self.met
            with suppress(NotInRunsError):
                return summarise_runs(self.database, self.purchase_days(end))
        table = self.database.new_name("customers")
        query = sql.customers_query(self.purchase_days(end))
        made = self.database.run(f"CREATE TABLE {table} AS {query}")
        return CustomerTable(self.database, table, int(made[0][0]))

    def sample(self, customers: int, known: str, total: int) -> Scan:
        """Give what is left of the scan for about so many customers.

        ``known`` is a relation of the ``total`` customers, each once. The rows of the others are
        still in `judged`.
        """
        ids, days = map(self.database.new_name, ("ids", "sampled"))
        chosen = f"SELECT customer_id FROM {known} WHERE {sql.in_sample(customers, total)}"
        self.database.run(f"CREATE TABLE {ids} AS {chosen}")
        some = f"FROM {self.days} SEMI JOIN {ids} USING (customer_id)"
        self.database.run(f"CREATE TABLE {days} AS {some}")
        returns = None if self.returns is None else self.returns.among(ids, days)
        found = int(self.database.run(f"SELECT count(*) FROM {ids}")[0][0])
        self.database.run(f"DROP TABLE {ids}")
        share = self.share * found / total
        return replace(self, days=days, returns=returns, met=None, share=share)

    def judged(self) -> str:
        """Query of every row with the rule that it breaks by itself."""
        groups = [sql.rows_query(part.columns, part.source.relation) for part in self.parts]
        return sql.judged_query(groups, self.rule)


def scan(database: Database, sources: Sequence[Source], options: LogOptions) -> Scan:
    """Read all sources once into the table of purchase days.

    Raises
    ------
    InputError
        If a column is missing or of an impossible type, or nothing can be read.
    ConfigurationError
        If the time zone is unknown.
    """
    amount, columns, rule = contract(database, sources, options)
    has_amount = amount is not None
    groups = [sql.rows_query(c, s.relation) for c, s in zip(columns, sources, strict=True)]
    judged = sql.judged_query(groups, rule)
    files = [path for source in sources for path in source.files]
    with ThreadPoolExecutor(max_workers=1) as pool:
        digests = pool.map(digest, files)
        days = _collapse(database, sources, judged, options)
    parts = [
        ScannedSource(source, column, count, guessed_format(source, options.date))
        for source, column, count in zip(sources, columns, days.broken, strict=True)
    ]
    hashes, table = dict(zip(files, digests, strict=True)), days.name
    inputs = [file for part in parts for file in _inputs(database, part, hashes, len(parts), table)]
    returns = None
    if has_amount and options.returns != "drop":
        with failures(", ".join(source.name for source in sources)):
            returns = find_returns(database, options, table, days.money, judged)
    return Scan(database, options, table, has_amount, rule, inputs, parts, returns, days.met)


def contract(
    database: Database, sources: Sequence[Source], options: LogOptions
) -> tuple[str | None, list[sql.RowColumns], str]:
    """Column of the amount if there is one, expressions by source, and the rule of a row.

    Raises
    ------
    InputError
        If a column is missing or of an impossible type.
    ConfigurationError
        If the time zone is unknown.
    """
    check_time_zone(database, options.time_zone)
    has_amount = options.amount is not None or any("amount" in part.kinds for part in sources)
    amount = (options.amount or "amount") if has_amount else None
    check_columns(sources, options, amount)
    # The types of files need not agree, and DuckDB finds no common one for all of them.
    mixed = {
        name
        for name in (options.customer_id, options.date, options.order_id)
        if name is not None and len({source.kinds[name] for source in sources}) > 1
    }
    rule = sql.rule_expression(
        has_amount=has_amount,
        drop_zero=options.drop_zero,
        net_returns=options.returns == "net",
    )
    return amount, [row_columns(source, options, amount, mixed) for source in sources], rule


def find_returns(
    database: Database, options: LogOptions, days: str, money: str, judged: str
) -> Returns | None:
    """Returns of a log that nets them, or None; refuses any where the options say so."""
    rule = "negative_amount" if options.returns == "reject" else "return_without_purchase"
    rows, customers, last_day = database.run(sql.rule_totals_query(days, CODE[rule]))[0]
    if not rows:
        return None
    if options.returns == "reject":
        msg = (
            f"{int(rows):,} rows of {customers:,} customers have a negative "
            f"{options.amount or 'amount'}, which returns='reject' refuses. Use returns='net' to "
            "take them from the purchases before, or returns='drop' to set them aside."
        )
        raise InputError(msg)
    lines = None
    if options.order_id is not None:
        lines = sql.counted_query(judged, drop_duplicates=options.drop_duplicates)
    return Returns(database, days, money, last_day, lines)


@dataclass(frozen=True)
class _Days:
    """Name of new purchase days, type of their amounts, broken rows by source, customers met."""

    name: str
    money: str
    broken: list[int]
    met: CustomerTable | None = None


def _collapse(
    database: Database, sources: Sequence[Source], judged: str, options: LogOptions
) -> _Days:
    """Make the purchase days."""
    with failures(", ".join(source.name for source in sources)), database.cursor() as cursor:
        days = database.new_name("days")
        if options.drop_duplicates or _share_days(cursor, sources, judged):
            grouped = sql.purchase_days_query
            queries = {
                money: grouped(judged, money, drop_duplicates=options.drop_duplicates)
                for money in _MONEY
            }
            money = _first_that_fits(cursor, days, queries)
            return _Days(days, money, [_keep_rejects(cursor, source) for source in sources])
        rows = database.new_name("rows")
        cursor.execute(f"CREATE TABLE {rows} AS {sorting.sorted_rows_query(judged)}")
        broken = [_keep_rejects(cursor, source) for source in sources]
        met = _met(database, rows)
        if met is not None:
            cursor.execute(f"CREATE VIEW {days} AS {sorting.single_rows_query(rows, sql.MONEY)}")
            return _Days(days, sql.MONEY, broken, met)
        collapsed = {money: sorting.collapsed_query(rows, money) for money in _MONEY}
        money = _first_that_fits(cursor, days, collapsed)
        cursor.execute(f"DROP TABLE {rows}")
        return _Days(days, money, broken)


def _met(database: Database, rows: str) -> CustomerTable | None:
    """Customers of sorted rows, none of which shares its day; None where some do."""
    if not database.run(sorting.any_rejected_shared_query(rows)):
        with suppress(NotInRunsError):
            return summarise_runs(database, sql.good_days(rows, None))
    return None


def _share_days(cursor: Any, sources: Sequence[Source], judged: str) -> bool:
    """Whether many of the first rows share their day, so that grouping beats sorting."""
    # Broken lines of a text file are kept by its first reading.
    if any(source.rejects is not None for source in sources):
        return False
    first = f"(SELECT customer_id, day FROM ({judged}) LIMIT {_FIRST_ROWS})"
    query = f"SELECT (SELECT count(*) FROM (SELECT DISTINCT * FROM {first})), count(*) FROM {first}"
    days, rows = cursor.execute(query).fetchall()[0]
    return bool(2 * days < rows)


def _first_that_fits(cursor: Any, table: str, queries: dict[str, str]) -> str:
    """Make a table by the query of the first type of money that holds its sums; gives the type."""
    for money, query in queries.items():
        with suppress(duckdb.ConversionException):
            cursor.execute(f"CREATE TABLE {table} AS {query}")
            return money
    msg = "The amounts of one customer on one day add up to more than 32 digits."
    raise InputError(msg)


def check_time_zone(database: Database, time_zone: str) -> None:
    """Refuse a time zone that is not known."""
    with database.cursor() as cursor:
        try:
            cursor.execute("SELECT timezone(?, TIMESTAMP '2000-01-01')", [time_zone])
        except duckdb.Error as error:
            msg = f"time_zone is {time_zone!r}; it must be a name such as 'UTC' or 'Europe/Berlin'."
            raise ConfigurationError(msg) from error


def check_columns(sources: Sequence[Source], options: LogOptions, amount: str | None) -> None:
    """Refuse columns that are missing or of an impossible type, all together."""
    problems: list[str] = []
    for source in sources:
        wanted = {
            "customer_id": options.customer_id,
            "date": options.date,
            "amount": amount,
            "order_id": options.order_id,
        }
        for role, name in wanted.items():
            if name is not None:
                problems += column_problem(source, role, name)
    if problems:
        found = "; ".join(f"{s.name} has {listed(s.kinds)}" for s in sources[:3])
        raise InputError(f"{' '.join(problems)} Found: {found}.")


def column_problem(source: Source, role: str, name: str) -> list[str]:
    """Say why a column cannot have a role of the contract, in no or one sentence."""
    option = f"{role}={name!r}"
    if name not in source.kinds:
        near = _nearest(name, list(source.kinds))
        hint = f" Did you mean {near!r}?" if near is not None else ""
        return [f"{source.name} has no column {name!r} ({option}).{hint}"]
    kind = source.kinds[name]
    fits = {
        "customer_id": (kind.startswith(_SCALARS) or kind.lstrip("U").startswith(_NUMERIC))
        and not kind.endswith("]"),
        "date": kind.startswith(("DATE", "TIMESTAMP", "VARCHAR"))
        or (source.date_format is not None and kind.lstrip("U").startswith(_NUMERIC)),
        "amount": kind.lstrip("U").startswith((*_NUMERIC, "VARCHAR")) and not kind.endswith("]"),
        "order_id": True,
    }
    if fits[role]:
        return []
    needed = {
        "customer_id": "a text, number or other single value",
        "date": "a date, a time stamp or text (digits need a date_format)",
        "amount": "a number",
    }[role]
    return [f"Column {name!r} of {source.name} has type {kind}; {role} must be {needed}."]


def _nearest(name: str, columns: list[str]) -> str | None:
    folded = {column.casefold(): column for column in columns}
    close = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def row_columns(
    source: Source, options: LogOptions, amount: str | None, mixed: set[str]
) -> sql.RowColumns:
    """Expressions for one source; columns of ``mixed`` types are compared as text."""
    kinds = source.kinds
    customer, date, order = options.customer_id, options.date, options.order_id

    def compared(name: str, expression: str) -> str:
        return f"{expression}::VARCHAR" if name in mixed else expression

    money, number = f"NULL::{sql.MONEY}", "NULL::DOUBLE"
    if amount is not None:
        money, number = sql.amount(amount, kinds[amount], options.decimal_separator)
    guessed = guessed_format(source, date)
    return sql.RowColumns(
        customer_id=compared(customer, sql.customer_id(customer, kinds[customer])),
        id_missing=sql.id_missing(customer, kinds[customer]),
        stamp=compared(date, sql.identifier(date)),
        stamp_given=sql.stamp_given(date, kinds[date]),
        day=sql.stamp_day(date, kinds[date], options.time_zone, source.date_format, guessed),
        amount=money,
        amount_number=number,
        order_id="NULL" if order is None else compared(order, sql.identifier(order)),
    )


def guessed_format(source: Source, date: str) -> str | None:
    """Format of text dates that is not ISO and that nobody confirmed."""
    sniffed = source.sniffed_formats.get(date)
    if source.date_format is not None or sniffed is None or sniffed.startswith("%Y-%m-%d"):
        return None
    return sniffed


def _keep_rejects(cursor: Any, source: Source) -> int:
    """Move DuckDB's broken rows, which belong to one cursor, into a table that stays."""
    if source.rejects is None:
        return 0
    cursor.execute(
        f"CREATE TABLE {source.kept_rejects} AS SELECT line, min(csv_line) AS csv_line "
        f"FROM {source.rejects} GROUP BY line"
    )
    counted = cursor.execute(f"SELECT count(*) FROM {source.kept_rejects}").fetchone()
    return int(counted[0])


def _inputs(
    database: Database, part: ScannedSource, hashes: dict[Path, str], parts: int, days: str
) -> list[InputFile]:
    source = part.source
    if parts == 1 and len(source.files) <= 1:
        rows = int(database.run(f"SELECT coalesce(sum(rows), 0) FROM {days}")[0][0])
    elif source.rejects is None and len(source.files) > 1:
        return [
            InputFile(path.name, _rows_of(database, path), hashes[path]) for path in source.files
        ]
    else:
        rows = int(database.run(f"SELECT count(*) FROM {source.relation}")[0][0])
    name, file_hash = source.name, hashes[source.files[0]] if source.files else None
    return [InputFile(name, rows + part.broken, file_hash)]


def _rows_of(database: Database, path: Path) -> int:
    query = f"SELECT num_rows FROM parquet_file_metadata({path_literal(path)})"
    return int(database.run(query)[0][0])
