"""Customers that a database summarised: the result of `summary_sql`, checked and ready to score."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from clvmodels.errors import InputError
from clvmodels.showing import ShownAsFacts
from clvmodels.transactions import sql
from clvmodels.transactions.account import InputFile, LogCheck
from clvmodels.transactions.database import Database, failures
from clvmodels.transactions.log import as_date
from clvmodels.transactions.sources import CsvOptions, Source, digest, listed, open_paths
from clvmodels.transactions.summary import CustomerSummary
from clvmodels.units import check_time_unit

_MONEY = ("monetary_value", "order_value")
_NEEDED = tuple(name for name in sql.SUMMARY_COLUMNS if name not in _MONEY)
# What each customer must fulfil, as the error says it. DuckDB orders NaN above all numbers, so that
# an upper bound keeps it out.
_RULES = {
    "customer_id must be given": "NOT id_missing",
    "first_purchase and last_purchase must be days": (
        "first_purchase IS NOT NULL AND last_purchase IS NOT NULL"
    ),
    "frequency must be a whole number from 0 on": (
        "frequency >= 0 AND frequency < 1e9 AND frequency = floor(frequency)"
    ),
    "recency must be the days from first_purchase to last_purchase": (
        "recency = date_diff('day', first_purchase, last_purchase)"
    ),
    "frequency must be at most the recency, and 0 only where that is": (
        "frequency <= recency AND (frequency = 0) = (recency = 0)"
    ),
    "T must be at least the recency": "T >= recency AND T < 4e6",
    "T must be the days from first_purchase to one observation end for all": (
        "T = date_diff('day', first_purchase, observation_end)"
    ),
}
_MONEY_RULES = {
    "monetary_value must be a number from 0 on where frequency is above 0": (
        "frequency = 0 OR (monetary_value >= 0 AND monetary_value < 1e30)"
    ),
    "order_value must be a number from 0 on": "order_value >= 0 AND order_value < 1e30",
}


class SummaryFile(ShownAsFacts):
    """A summary made elsewhere, in files: a source of customers where there is no log.

    Attributes
    ----------
    inputs : list of InputFile
        The files, each with its number of customers and its SHA-256.
    first_date : date
        First purchase of all customers.
    observation_end : date
        Last day observed, which is first_purchase + T for every customer.
    has_amount : bool
        Whether there are order values.
    """

    def __init__(self, database: Database, table: str, inputs: list[InputFile]) -> None:
        self._database = database
        self._table = table
        self.inputs = inputs
        query = f"SELECT count(*), min(first_purchase), max(observation_end) FROM {table}"
        self._customers, self.first_date, self.observation_end = database.run(query)[0]
        self.has_amount = bool(database.run(f"SELECT count(order_value) FROM {table}")[0][0])

    def _facts(self) -> dict[str, str]:
        return {
            "files": ", ".join(file.name for file in self.inputs),
            "customers": f"{self._customers:,}",
            "first purchase": str(self.first_date),
            "observation end": str(self.observation_end),
            "amounts": "yes" if self.has_amount else "none",
        }

    def summarize(
        self, observation_end: date | str | None = None, time_unit: str = "day"
    ) -> CustomerSummary:
        """Give the customers as a log's summary, without an account of rows.

        Raises
        ------
        InputError
            If the observation end is given and is not that of the file.
        """
        end = self.observation_end
        if observation_end is not None and as_date(observation_end, "observation_end") != end:
            msg = (
                f"The summary ends on {end}, not on {observation_end}. Leave observation_end out, "
                "or summarise up to that day."
            )
            raise InputError(msg)
        query = (
            "SELECT customer_id, first_purchase, last_purchase, frequency::BIGINT AS frequency, "
            "recency::BIGINT AS recency, T::BIGINT AS T, "
            "CASE WHEN frequency > 0 THEN monetary_value END AS monetary_value, order_value, "
            f"order_value * (frequency + 1) AS total FROM {self._table}"
        )
        return CustomerSummary(
            self._database,
            query,
            check_time_unit(time_unit),
            LogCheck(None, (), end, self._customers),
            has_amount=self.has_amount,
        )


def open_summary(
    source: str | Path,
    *,
    csv: CsvOptions | None = None,
    memory_limit: str | None = None,
    threads: int | None = None,
) -> SummaryFile:
    """Open and check a summary that a database made with the query of `summary_sql`.

    Parameters
    ----------
    source : str or Path
        CSV or Parquet with ``customer_id``, ``first_purchase``, ``last_purchase``, ``frequency``,
        ``recency`` and ``T`` in whole days and, where there are amounts, ``monetary_value`` and
        ``order_value``. A glob for several parts, or a table of a DuckDB file as ``FILE::TABLE``.
    csv, memory_limit, threads
        As for `read_transactions`.

    Raises
    ------
    InputError
        Naming every missing column, or every broken rule with the number of rows.
    """
    database = Database(memory_limit, threads)
    sources = open_paths(database, [source], csv or CsvOptions())
    problems = [_missing(part) for part in sources]
    if any(problems):
        raise InputError(" ".join(filter(None, problems)))
    table = database.new_name("summarised")
    unreadable = _copy(database, sources, table)
    _check(database, table, Path(source).name, unreadable)
    files = [(path, digest(path)) for part in sources for path in part.files]
    query = f"SELECT file, count(*) FROM {table} GROUP BY file"
    rows = {str(name): int(count) for name, count in database.run(query)}
    inputs = [InputFile(path.name, rows.get(path.name, 0), sha) for path, sha in files]
    return SummaryFile(database, table, inputs)


def _missing(source: Source) -> str | None:
    """Say which columns are missing; both of money or neither."""
    lacking = [name for name in _NEEDED if name not in source.kinds]
    money = [name for name in _MONEY if name in source.kinds]
    if len(money) == 1:
        lacking += [name for name in _MONEY if name not in money]
    if not lacking:
        return None
    return (
        f"The summary {source.name} lacks the column(s) {', '.join(lacking)}. Found: "
        f"{listed(source.kinds)}. `clvmodels sql` prints a query that gives them."
    )


def _copy(database: Database, sources: Sequence[Source], table: str) -> int:
    """Read all customers into a table that spills; gives the rows without sound structure."""
    parts = [(name, relation, part.kinds) for part in sources for name, relation in part.per_file()]
    union = " UNION ALL ".join(_read(*part) for part in parts)
    # The end that most rows agree on, so that the others are those that are wrong.
    end = "CASE WHEN T < 4e6 THEN first_purchase + T::INTEGER END"
    query = (
        f"WITH read AS MATERIALIZED ({union}) SELECT *, "
        f"(SELECT mode({end}) FROM read) AS observation_end FROM read"
    )
    with failures(", ".join(part.name for part in sources)), database.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {table} AS {query}")
        counts = [
            cursor.execute(f"SELECT count(DISTINCT line) FROM {part.rejects}").fetchall()[0][0]
            for part in sources
            if part.rejects is not None
        ]
    return int(sum(counts))


def _read(name: str, relation: str, kinds: dict[str, str]) -> str:
    def value_of(column: str, kind: str) -> str:
        # DuckDB moves a bare cast into its reader of CSV, where text that is no number would count
        # as a row without sound structure.
        is_text = kinds[column] == "VARCHAR"
        return f"try_cast({f'trim({column})' if is_text else column} AS {kind})"

    def number(column: str) -> str:
        if column not in kinds:
            return f"NULL::DOUBLE AS {column}"
        value = value_of(column, "DOUBLE")
        return f"CASE WHEN NOT isnan({value}) THEN {value} END AS {column}"

    numbers = ", ".join(number(column) for column in sql.SUMMARY_COLUMNS[3:])
    kind = kinds["customer_id"]
    customer = sql.customer_id("customer_id", kind)
    return (
        f"SELECT {sql.literal(name)} AS file, {customer} AS customer_id, "
        f"{sql.id_missing('customer_id', kind)} AS id_missing, "
        f"{value_of('first_purchase', 'DATE')} AS first_purchase, "
        f"{value_of('last_purchase', 'DATE')} AS last_purchase, {numbers} FROM {relation}"
    )


def _check(database: Database, table: str, name: str, unreadable: int) -> None:
    """Hold every customer against the rules.

    Raises
    ------
    InputError
        With all rules that are broken and by how many rows, or if there is no customer.
    """
    has_money = f"SELECT count(*), count(order_value) + count(monetary_value) FROM {table}"
    customers, money = database.run(has_money)[0]
    rules = _RULES | (_MONEY_RULES if money else {})
    counts = ", ".join(f"count(*) FILTER (NOT coalesce({rule}, false))" for rule in rules.values())
    broken = dict(zip(rules, database.run(f"SELECT {counts} FROM {table}")[0], strict=True))
    repeated = (
        "SELECT coalesce(sum(n), 0) FROM (SELECT count(*) AS n FROM "
        f"{table} WHERE NOT id_missing GROUP BY customer_id HAVING n > 1)"
    )
    broken["customer_id must occur once"] = database.run(repeated)[0][0]
    broken["a row must have the fields of the header"] = unreadable
    found = [f"{rule} ({int(count):,} rows)" for rule, count in broken.items() if count]
    if found:
        msg = (
            f"The summary {name} of {customers + unreadable:,} rows cannot be used: "
            f"{'; '.join(found)}. Recency and T are whole days, as `clvmodels sql` gives them."
        )
        raise InputError(msg)
    if not customers:
        msg = f"The summary {name} has no customers."
        raise InputError(msg)
