"""The table of one row per customer behind a summary."""

from __future__ import annotations

import weakref
from concurrent.futures import Future

import duckdb

from clvmodels.transactions.database import Database


class CustomerTable:
    """Rows of `sql.customers_query` in a database, dropped with the last who holds them.

    Attributes
    ----------
    name : str
        Of the table, in the database.
    customers : int
        Its rows.
    """

    def __init__(self, database: Database, name: str, customers: int) -> None:
        self.name, self.customers = name, customers
        self._database = database
        self._sorting: Future[None] | None = None
        weakref.finalize(self, drop, database, name)

    def sort_ahead(self) -> None:
        """Begin to order the rows by id, on a thread of its own."""
        if self._sorting is None:
            ordered = self._database.new_name("ordered")
            self._sorting = self._database.start(
                f"CREATE TABLE {ordered} AS FROM {self.name} ORDER BY customer_id",
                f"DROP TABLE {self.name}",
                f"ALTER TABLE {ordered} RENAME TO {self.name}",
            )

    def is_sorted(self) -> bool:
        """Whether the rows are in the order of their ids; waits where that is under way."""
        if self._sorting is not None:
            self._sorting.result()
        return self._sorting is not None


def drop(database: Database, table: str) -> None:
    """Drop a table that nobody holds any more."""
    try:
        with database.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {table}")
    except duckdb.Error:
        # At interpreter exit the database may be closed first, and the table with it.
        return
