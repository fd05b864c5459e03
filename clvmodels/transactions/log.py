"""A checked log: purchase days, their account, and the summaries made from them."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING

from clvmodels.errors import InputError, ParameterError
from clvmodels.showing import ShownAsText
from clvmodels.transactions import sql
from clvmodels.transactions.account import InputFile, LogCheck, LogWarning
from clvmodels.transactions.checks import Findings, find, nothing_usable
from clvmodels.transactions.scan import Scan
from clvmodels.transactions.signs import Signs, count_signs
from clvmodels.transactions.summary import CustomerSummary
from clvmodels.units import check_time_unit

if TYPE_CHECKING:
    import pyarrow as pa


# A sample of so many tells shares to a fraction of a percent, and costs the same for every base.
EVIDENCE_CUSTOMERS = 500_000


class TransactionLog(ShownAsText):
    """Purchases by customer and calendar day, checked against the data contract.

    Made by `read_transactions`. One purchase is one customer on one calendar day.

    Attributes
    ----------
    inputs : list of InputFile
        Where the rows came from.
    has_amount : bool
        Whether purchases have amounts.
    first_date, last_date : date
        First purchase day, also if it was returned later, and last day with a purchase or return.
    """

    _summary_class: type[CustomerSummary] = CustomerSummary

    def __init__(self, scan: Scan, until: date | None = None) -> None:
        self._scan = scan
        self._until = until
        self._found: dict[tuple[date, bool], Findings] = {}
        self._samples: dict[int, Scan] = {}
        self._latest: weakref.ref[CustomerSummary] | None = None
        query = f"SELECT min(day), max(day) FROM {sql.good_days(scan.days, until)}"
        first, last = scan.database.run(query)[0]
        if first is None:
            raise InputError(nothing_usable(scan, until))
        netting = scan.netting(until)
        self.first_date: date = first
        self.last_date: date = max(last, (netting and netting.last_return) or last)

    @property
    def inputs(self) -> list[InputFile]:
        """Where the rows came from."""
        return list(self._scan.inputs)

    @property
    def has_amount(self) -> bool:
        """Whether purchases have amounts."""
        return self._scan.has_amount

    def check(self, observation_end: date | str | None = None) -> LogCheck:
        """Account for every row and say what deserves a look, up to the observation end.

        Parameters
        ----------
        observation_end : date or str, optional
            Last day observed. Default: the last purchase day of the log. Only where it is given
            do rows after it count as ``after_observation_end``.

        Raises
        ------
        InputError
            If the observation ends before the first purchase.
        """
        end = self._resolve_end(observation_end)
        findings = self._findings(end, explicit=observation_end is not None)
        query = f"SELECT count(DISTINCT customer_id) FROM {self._scan.purchase_days(end)}"
        customers = int(self._scan.database.run(query)[0][0])
        return LogCheck(findings.account, findings.warnings, end, customers)

    @property
    def warnings(self) -> tuple[LogWarning, ...]:
        """What in the whole log deserves a look."""
        return self._findings(self._resolve_end(None), explicit=False).warnings

    def summarize(
        self, observation_end: date | str | None = None, time_unit: str = "day"
    ) -> CustomerSummary:
        """Give one row per customer: frequency, recency, T and mean spend.

        Parameters
        ----------
        observation_end : date or str, optional
            Last day observed, as for `check`.
        time_unit : {"day", "week"}
            Unit of recency and T; a week is days / 7.

        Raises
        ------
        InputError
            If the observation ends before the first purchase.
        """
        unit = check_time_unit(time_unit)
        end = self._resolve_end(observation_end)
        findings = self._findings(end, explicit=observation_end is not None)
        whole = self._until is None and end >= self.last_date
        table = self._scan.customers(None if whole else end)
        check = LogCheck(findings.account, findings.warnings, end, table.customers)
        summary = self._summary_class(
            self._scan.database, table, unit, check, has_amount=self.has_amount
        )
        self._latest = weakref.ref(summary)
        return summary

    def before(self, end: date | str) -> TransactionLog:
        """Give the same log as it stood at the end of a day; nothing later can be seen.

        It shares the purchase days, so that no file is read again. Its observation end is ``end``,
        and a purchase that was returned only later stands in it.
        """
        day = as_date(end, "end")
        if self._until is not None:
            day = min(day, self._until)
        return TransactionLog(self._scan, day)

    def sample(self, customers: int) -> TransactionLog:
        """Give the log of about so many customers; itself if it has no more.

        Which customers depends on their ids alone, as in `CustomerSummary.sample`. It shares
        nothing that later views of this log change, and its checks account for no single rows.
        """
        if customers not in self._samples:
            known, total = self._customers()
            self._samples[customers] = (
                self._scan if total <= customers else self._scan.sample(customers, known, total)
            )
        part = self._samples[customers]
        return self if part is self._scan else TransactionLog(part, self._until)

    def _customers(self) -> tuple[str, int]:
        """Relation of all customers that this view can see, and their number."""
        summary = None if self._latest is None else self._latest()
        # Returns can leave a customer without any purchase, who is still one of the log's.
        whole = summary is not None and summary.observation_end >= self.last_date
        if summary is not None and whole and self._scan.returns is None:
            return summary.relation, len(summary)
        known = f"(SELECT DISTINCT customer_id FROM {sql.good_days(self._scan.days, self._until)})"
        return known, int(self._scan.database.run(f"SELECT count(*) FROM {known}")[0][0])

    @property
    def share(self) -> float:
        """Share of the customers of the files that this log has: 1 unless it is a `sample`."""
        return self._scan.share

    def holdout(self, start_exclusive: date | str, end: date | str) -> pa.Table:
        """Give what the customers first seen up to a day bought after it.

        Returns
        -------
        pyarrow.Table
            ``customer_id``, ``holdout_purchases`` (purchase days after ``start_exclusive`` up to
            and including ``end``) and ``holdout_amount`` (null where the log has no amounts), 0
            for those who bought nothing; ordered by ``customer_id``. Customers are those known at
            the start; purchases that were returned by ``end`` don't count, and returns of earlier
            purchases take nothing from the hold-out.
        """
        start, last = as_date(start_exclusive, "start_exclusive"), as_date(end, "end")
        if last <= start:
            raise ParameterError("end", end, f"after {start}")
        amount = "NULL::DOUBLE"
        if self.has_amount:
            amount = "coalesce(sum(amount) FILTER (day > $start), 0)::DOUBLE"
        query = (
            "SELECT customer_id, count(*) FILTER (day > $start) AS holdout_purchases, "
            f"{amount} AS holdout_amount FROM (FROM {self.seen(start)} UNION ALL "
            f"FROM {self.seen(last)} WHERE day > $start) "
            "GROUP BY customer_id HAVING min(day) <= $start ORDER BY customer_id"
        )
        return self._scan.database.table(query, {"start": start})

    def since(self, start_exclusive: date | str) -> pa.Table:
        """Give what each customer of the log bought after a day, first purchases included.

        Returns
        -------
        pyarrow.Table
            ``customer_id``, ``purchases`` (purchase days) and ``amount`` (null where the log has no
            amounts), 0 for those who bought nothing; ordered by ``customer_id``.
        """
        start = as_date(start_exclusive, "start_exclusive")
        amount = "NULL::DOUBLE"
        if self.has_amount:
            amount = "coalesce(sum(amount) FILTER (day > $start), 0)::DOUBLE"
        query = (
            "SELECT customer_id, count(*) FILTER (day > $start) AS purchases, "
            f"{amount} AS amount FROM {self.seen(None)} GROUP BY customer_id ORDER BY customer_id"
        )
        return self._scan.database.table(query, {"start": start})

    def newcomers(
        self, start_exclusive: date | str, end: date | str
    ) -> tuple[int, int, float | None]:
        """Count the customers who were not known on a day, and what they bought until another.

        Returns
        -------
        tuple
            Customers, their purchase days, the first included, and their amount (None where the
            log has no amounts).
        """
        start, last = as_date(start_exclusive, "start_exclusive"), as_date(end, "end")
        query = (
            "SELECT count(DISTINCT customer_id), count(*), coalesce(sum(amount), 0)::DOUBLE "
            f"FROM {self.seen(last)} AS later ANTI JOIN {self.seen(start)} AS known "
            "ON later.customer_id = known.customer_id"
        )
        customers, purchases, amount = self._scan.database.run(query)[0]
        return int(customers), int(purchases), float(amount) if self.has_amount else None

    def purchases_by_day(self, cohort_end: date | str | None = None) -> pa.Table:
        """Count purchases by calendar day, for tracking.

        Parameters
        ----------
        cohort_end : date or str, optional
            Count only the customers known on this day, from their first purchase as of then.

        Returns
        -------
        pyarrow.Table
            ``day``, ``new_customers``, ``repeat_purchases``, ``amount`` (of all purchases; null
            without amounts), for the days with purchases, in order.
        """
        last = None if cohort_end is None else as_date(cohort_end, "cohort_end")
        query = (
            "SELECT day, count(*) FILTER (day = first_day) AS new_customers, "
            "count(*) FILTER (day > first_day) AS repeat_purchases, sum(amount)::DOUBLE AS amount "
            f"FROM {self.seen(None)} JOIN (SELECT customer_id AS id, min(day) AS first_day "
            f"FROM {self.seen(last)} GROUP BY customer_id) ON customer_id = id "
            "GROUP BY day ORDER BY day"
        )
        return self._scan.database.table(query)

    def signs(self, customers: CustomerSummary) -> Signs:
        """Count what the purchase days behind a summary of this log show beside it.

        Bounded memory; of a base beyond half a million customers, a sample of so many is looked at.
        """
        sample, end = self.sample(EVIDENCE_CUSTOMERS), customers.observation_end
        return count_signs(
            self._scan.database,
            self.seen(end),
            TransactionLog.seen(sample, end),
            share=sample.share / self.share,
            has_amount=self.has_amount,
        )

    def quarantine_batches(
        self, observation_end: date | str | None = None, rows: int = 100_000
    ) -> Iterator[pa.RecordBatch]:
        """Stream every row that was set aside, with the rule and where it stands.

        Columns: ``rule``, ``source`` (base name of the file, or ``frame``), ``row`` (data row,
        counted from 1), ``raw_line`` (text of a row without sound structure), then the columns of
        the log as they were read; one that has such a name gets an underscore.

        Raises
        ------
        InputError
            If the files are no longer those that were read.
        """
        from clvmodels.transactions.quarantine import quarantine_batches

        end, explicit = self._resolve_end(observation_end), observation_end is not None
        expected = self._findings(end, explicit=explicit).account.set_aside
        return quarantine_batches(self._scan, expected, end, self._until, rows, explicit=explicit)

    def __repr__(self) -> str:
        names = ", ".join(file.name for file in self._scan.inputs[:3])
        return (
            f"TransactionLog({names}: {self.first_date} to {self.last_date}"
            f"{'' if self.has_amount else ', no amounts'})\n{self.check()}"
        )

    def seen(self, end: date | None) -> str:
        """SQL of a relation with the purchase days up to a day that this view can see."""
        days = [day for day in (end, self._until) if day is not None]
        return self._scan.purchase_days(min(days, default=None))

    def _findings(self, end: date, *, explicit: bool) -> Findings:
        key = (end, explicit)
        if key not in self._found:
            self._found[key] = find(self._scan, self._until, end, explicit=explicit)
        return self._found[key]

    def _resolve_end(self, observation_end: date | str | None) -> date:
        if observation_end is None:
            return self._until or self.last_date
        end = as_date(observation_end, "observation_end")
        if self._until is not None:
            end = min(end, self._until)
        if end < self.first_date:
            msg = (
                f"The observation ends on {end}, before the first purchase on {self.first_date}. "
                "Choose a later observation_end."
            )
            raise InputError(msg)
        return end


def as_date(value: date | str, name: str) -> date:
    """Read a day given as date or as ISO text.

    Raises
    ------
    ParameterError
        If it is neither.
    """
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise ParameterError(name, value, "a day such as '2025-12-31'") from error
