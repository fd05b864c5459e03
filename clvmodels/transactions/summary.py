"""Customers as a model sees them: one row each, kept in the database until asked for."""

from __future__ import annotations

import copy
import hashlib
import warnings
import weakref
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

from clvmodels.errors import ConfigurationError, DataWarning
from clvmodels.showing import ShownAsFacts
from clvmodels.transactions import sql
from clvmodels.transactions.account import (
    SUMMARISED_ELSEWHERE,
    InputFile,
    LogCheck,
    RowAccount,
)
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.transactions.customer_table import CustomerTable, drop
from clvmodels.transactions.database import Database
from clvmodels.transactions.labels import Labels, read_labels
from clvmodels.transactions.sources import CsvOptions
from clvmodels.units import DAYS_PER_UNIT, TimeUnit

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_COLUMNS = (
    "customer_id, first_purchase, last_purchase, frequency, {recency} AS recency, {T} AS T, "
    "monetary_value, order_value"
)

# Repeat buyers beyond whom the distinct orders are put together.
_MOST_ORDERS = 100_000


class CustomerSummary(ShownAsFacts):
    """Frequency, recency, T and mean spend of every customer up to the observation end.

    Made by `TransactionLog.summarize` from the table of its customers or, from what a database
    summarised, by `SummaryFile.summarize` from a query. ``frequency`` counts repeat purchase days,
    ``recency`` is the time from the first to the last purchase, ``T`` from the first purchase to
    the observation end, ``monetary_value`` the mean amount of repeat purchase days (null where
    there is none) and ``order_value`` the mean amount of all purchase days.

    Attributes
    ----------
    time_unit : {"day", "week"}
        Unit of recency and T, except in `batches`.
    observation_end : date
        Last day observed.
    check : LogCheck
        What the log's check found; ``account`` is its row account.
    has_amount : bool
        Whether purchases have amounts.
    """

    def __init__(
        self,
        database: Database,
        table: CustomerTable | str,
        time_unit: TimeUnit,
        check: LogCheck,
        *,
        has_amount: bool,
    ) -> None:
        self._database = database
        self._customers = table if isinstance(table, CustomerTable) else None
        if isinstance(table, CustomerTable):
            table = sql.summary_query(table.name, check.observation_end)
        self._table = f"({table})"
        self.time_unit: TimeUnit = time_unit
        self.check = check
        self.has_amount = has_amount
        self._labels: Labels | None = None
        self._unlabelled: CustomerSummary | None = None

    @property
    def relation(self) -> str:
        """SQL of a relation with the customers in the summary's own database, T in whole days."""
        return self._table

    def relation_with(self, name: str) -> str:
        """SQL of the same relation with one of the labels as ``label``.

        Raises
        ------
        ConfigurationError
            If the customers have no such label.
        """
        labels = self._labels
        if labels is None or name not in labels.names:
            known = ", ".join(map(repr, self.label_names)) or "none"
            msg = f"The customers have no label {name!r}; there is {known}."
            raise ConfigurationError(msg)
        column = f"l{labels.names.index(name)}"
        return (
            f"(SELECT c.*, l.{column} AS label FROM {self._table} AS c "
            f"LEFT JOIN {labels.table} AS l ON c.customer_id::VARCHAR = l.id)"
        )

    def query(self, text: str) -> pa.Table:
        """Give the rows of a query in the summary's own database, where `relation` stands."""
        return self._database.table(text)

    @property
    def observation_end(self) -> date:
        """Last day observed."""
        return self.check.observation_end

    @property
    def account(self) -> RowAccount | None:
        """Where every row of the log went; None where no log was read."""
        return self.check.account

    def __len__(self) -> int:
        return self.check.customers

    def to_arrow(self) -> pa.Table:
        """Give all customers, ordered by id, recency and T in ``time_unit``."""
        unit = f" / {DAYS_PER_UNIT[self.time_unit]!r}::DOUBLE"
        columns = _COLUMNS.format(recency=f"recency{unit}", T=f"T{unit}")
        query = f"SELECT {columns} FROM {self._table} ORDER BY customer_id"
        return self._database.table(query)

    def to_pandas(self) -> pd.DataFrame:
        """Give all customers as a data frame, ordered by id, recency and T in ``time_unit``."""
        return self.to_arrow().to_pandas(date_as_object=False)

    def sort_ahead(self) -> None:
        """Begin to order the customers by id, on a thread of its own, for `batches`.

        A job that fits models in between finds them in order. Customers whom a database summarised
        are sorted when they are asked for.
        """
        if self._customers is not None:
            self._customers.sort_ahead()

    def batches(self, rows: int = 100_000) -> Iterator[pa.RecordBatch]:
        """Stream the customers ordered by id, with recency and T in whole days."""
        query = f"SELECT {_COLUMNS.format(recency='recency', T='T')} FROM {self._table}"
        if self._customers is None or not self._customers.is_sorted():
            query += " ORDER BY customer_id"
        # Not returned: a stream keeps its summary, and so the table, alive.
        yield from self._database.batches(query, rows)

    def triples(self) -> CustomerColumns:
        """Give the distinct (frequency, recency, T) with their number of customers as weight."""
        return self._triples

    @cached_property
    def _triples(self) -> CustomerColumns:
        # A job asks half a dozen times, and grouping a large base takes seconds each time.
        return self._grouped(
            "SELECT frequency, recency, T, count(*) AS weight FROM {table} "
            "GROUP BY frequency, recency, T ORDER BY frequency, recency, T"
        )

    def orders(self) -> CustomerColumns:
        """Give the distinct (frequency, monetary_value) of repeat buyers who spent something.

        Recency and age are NaN. The weight is the number of customers. Beyond 100,000 repeat
        buyers two entries stand for all those of a frequency whose spend is within 1 %, with its
        mean, spread and skewness on the log scale; ``bin_width`` is then above 0.
        """
        return self._orders

    @cached_property
    def _orders(self) -> CustomerColumns:
        spenders = sql.spenders(self._table)
        if int(self._database.run(f"SELECT count(*) FROM {spenders}")[0][0]) > _MOST_ORDERS:
            bins = self._database.table(sql.spend_bins_query(self._table))
            return CustomerColumns.from_spend_bins(bins, self.time_unit)
        return self._grouped(
            "SELECT frequency, monetary_value, count(*) AS weight, NULL::DOUBLE AS recency, "
            f"NULL::DOUBLE AS T FROM {spenders} "
            "GROUP BY frequency, monetary_value ORDER BY frequency, monetary_value"
        )

    def columns(self) -> CustomerColumns:
        """Give all customers as plain columns, ordered by id."""
        columns = _COLUMNS.format(recency="recency", T="T")
        return self._grouped(f"SELECT {columns} FROM {{table}} ORDER BY customer_id")

    def sample(self, customers: int) -> CustomerColumns:
        """Give about so many customers, ordered by id; all of them if there are no more.

        Which ones depends on their ids alone, so that it is the same every night and on every
        engine.
        """
        columns = _COLUMNS.format(recency="recency", T="T")
        chosen = sql.in_sample(customers, len(self))
        return self._grouped(f"SELECT {columns} FROM {{table}} WHERE {chosen} ORDER BY customer_id")

    def with_labels(
        self, source: Any, customer_id: str = "customer_id", *, csv: CsvOptions | None = None
    ) -> CustomerSummary:
        """Give the same summary with the further columns of a table of customers, to group by.

        Every column but the id is a label, kept as text. Labels that the summary had before are
        replaced.

        Parameters
        ----------
        source
            A path or a glob (CSV, Parquet, ``shop.duckdb::table``), or a pandas, Polars or Arrow
            table, with one row per customer.
        customer_id : str
            Its column of ids, which are compared as text, exactly as they stand.
        csv : CsvOptions, optional
            How CSV files are written, where sniffing is not enough.

        Raises
        ------
        InputError
            If there is no such column, a customer has several rows, or a label has the name of a
            score.

        Examples
        --------
        >>> import pyarrow as pa
        >>> from clvmodels.transactions import read_transactions
        >>> days = ["2025-01-01", "2025-01-02"]
        >>> log = pa.table({"customer_id": ["a", "b"], "date": days, "amount": [1, 2]})
        >>> about = pa.table({"customer_id": ["b"], "channel": ["web"]})
        >>> read_transactions(log).summarize().with_labels(about).labels().to_pylist()
        [{'channel': None}, {'channel': 'web'}]
        """
        labels = read_labels(self._database, source, customer_id, csv or CsvOptions(), self._table)
        for warning in labels.warnings:
            warnings.warn(warning.message, DataWarning, stacklevel=2)
        plain = self._unlabelled or self
        check = replace(plain.check, warnings=(*plain.check.warnings, *labels.warnings))
        labelled = copy.copy(plain)
        vars(labelled).update(_labels=labels, _unlabelled=plain, check=check)
        weakref.finalize(labelled, drop, self._database, labels.table)
        return labelled

    @property
    def label_names(self) -> tuple[str, ...]:
        """What the labels are called; none without `with_labels`."""
        return () if self._labels is None else self._labels.names

    @property
    def label_inputs(self) -> tuple[InputFile, ...]:
        """Where the labels came from."""
        return () if self._labels is None else self._labels.inputs

    def labels(self) -> pa.Table:
        """Give the labels of all customers, ordered by id; null where a customer has none.

        Returns
        -------
        pyarrow.Table
            A column of text for each of `label_names`, in the order of `columns` and `batches`.
        """
        if self._labels is None:
            return self._database.table("SELECT 0").select([])
        return self._database.table(self._labels.query(self._table))

    @cached_property
    def fingerprint(self) -> str:
        """Stable short hash of the customers' counts and sums, to recognise the data of a fit."""
        return hashlib.sha256(repr(self._sums).encode()).hexdigest()[:16]

    @cached_property
    def _sums(self) -> tuple[str, ...]:
        row = self._database.run(
            "SELECT count(*), sum(frequency), sum(recency), sum(T), sum(frequency * recency), "
            f"sum(frequency * T), sum(recency * T), sum(total), ? FROM {self._table}",
            [self.observation_end.isoformat()],
        )[0]
        return tuple(str(value) for value in row)

    def _grouped(self, query: str) -> CustomerColumns:
        table = self._database.table(query.format(table=self._table))
        return CustomerColumns.from_days(table, self.time_unit)

    def _facts(self) -> dict[str, Any]:
        query = (
            "SELECT count(*) FILTER (frequency > 0), coalesce(sum(frequency), 0), "
            f"min(first_purchase), sum(total)::DOUBLE FROM {self._table}"
        )
        repeaters, repeats, first, total = self._database.run(query)[0]
        share = repeaters / len(self)
        labels = {"labels": ", ".join(self.label_names)} if self.label_names else {}
        return {
            "customers": f"{len(self):,}",
            "repeat customers": f"{repeaters:,} ({share:.1%})",
            "repeat purchase days": f"{int(repeats):,}",
            "first purchase": str(first),
            "observation end": str(self.observation_end),
            "time unit": self.time_unit,
            "amount": "none" if total is None else f"{total:,.2f}",
            "rows": str(self.account or SUMMARISED_ELSEWHERE),
            **labels,
        }
