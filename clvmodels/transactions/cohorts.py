"""What customers bought by when they came and by how long they had been customers then."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from clvmodels.transactions import sql
from clvmodels.units import DAYS_PER_YEAR

if TYPE_CHECKING:
    import pyarrow as pa

    from clvmodels.transactions.log import TransactionLog
    from clvmodels.transactions.summary import CustomerSummary

DAYS_PER_MONTH = DAYS_PER_YEAR / 12.0
# Days of the last year, the observation end included.
LAST_YEAR = 365


def spend_by_cohort(log: TransactionLog, summary: CustomerSummary) -> pa.Table:
    """Count purchases by the month in which their customers came and by their age then.

    Parameters
    ----------
    log
        The log behind the summary; nothing after the summary's observation end is seen.

    Returns
    -------
    pyarrow.Table
        ``month`` (first day of the calendar month of the first purchase), ``age`` (0 for the first
        purchase day, 1 for what follows it up to the end of the first month of 365.25 / 12 days,
        and so on), ``purchases`` (purchase days) and ``amount`` (null without amounts), and the
        same two for the last year (``recent_…``) and, of these, for the customers who came in it
        (``new_…``); in order.
    """
    return _by_age(log, summary, "date_trunc('month', first_purchase)::DATE AS month", None)


def spend_by_label(log: TransactionLog, summary: CustomerSummary, name: str) -> pa.Table:
    """Count purchases by a label of their customers and by the customers' age then.

    Returns
    -------
    pyarrow.Table
        ``label`` (null for customers without one) in place of ``month``, and otherwise as
        `spend_by_cohort`.

    Raises
    ------
    ConfigurationError
        If the customers have no such label.
    """
    return _by_age(log, summary, "label", name)


def customers_by_month(summary: CustomerSummary) -> pa.Table:
    """Count the customers by calendar ``month`` of their first purchase, in order.

    Returns
    -------
    pyarrow.Table
        ``month`` and ``customers``.
    """
    return summary.query(
        "SELECT date_trunc('month', first_purchase)::DATE AS month, count(*) AS customers "
        f"FROM {summary.relation} GROUP BY month ORDER BY month"
    )


def bought_since(
    log: TransactionLog, summary: CustomerSummary, day: date
) -> tuple[int, float | None]:
    """Count what the customers known on a day bought after it: purchase days, and their amount."""
    days = log.seen(summary.observation_end)
    query = (
        "SELECT count(*) AS purchases, coalesce(sum(amount), 0)::DOUBLE AS amount "
        f"FROM {days} AS d "
        f"JOIN {summary.relation} AS c ON d.customer_id = c.customer_id "
        f"WHERE day > {sql.day_literal(day)} AND first_purchase <= {sql.day_literal(day)}"
    )
    (found,) = summary.query(query).to_pylist()
    return int(found["purchases"]), float(found["amount"]) if summary.has_amount else None


def histories(summary: CustomerSummary) -> pa.Table:
    """Count equal histories, as `histories_by_label` does, without labels."""
    return summary.query(
        f"{_histories('frequency, recency, T', summary.relation)} ORDER BY frequency, recency, T, n"
    )


def histories_by_label(summary: CustomerSummary, name: str) -> pa.Table:
    """Count equal histories by a label: what `ValueGroups` of each label are made from.

    Returns
    -------
    pyarrow.Table
        ``label``, ``frequency``, ``recency`` and ``T`` in days, ``n`` (repeat purchases that tell
        of spend), ``weight`` (customers), ``sum_mean`` and ``sum_square`` of their mean amounts.

    Raises
    ------
    ConfigurationError
        If the customers have no such label.
    """
    query = _histories("label, frequency, recency, T", summary.relation_with(name))
    return summary.query(f"{query} ORDER BY label, frequency, recency, T, n")


def _histories(keys: str, customers: str) -> str:
    told = "CASE WHEN monetary_value > 0 THEN frequency ELSE 0 END"
    mean = "CASE WHEN monetary_value > 0 THEN monetary_value ELSE 0 END"
    return (
        f"SELECT {keys}, {told} AS n, count(*) AS weight, sum({mean})::DOUBLE AS sum_mean, "
        f"sum({mean} * {mean})::DOUBLE AS sum_square FROM {customers} GROUP BY {keys}, n"
    )


def _by_age(log: TransactionLog, summary: CustomerSummary, key: str, label: str | None) -> pa.Table:
    days = log.seen(summary.observation_end)
    customers = summary.relation if label is None else summary.relation_with(label)
    start = summary.observation_end - timedelta(days=LAST_YEAR)
    recent, new = (f"{day} > {sql.day_literal(start)}" for day in ("day", "first_purchase"))
    age = f"ceil(date_diff('day', first_purchase, day) / {DAYS_PER_MONTH!r})::INTEGER AS age"
    counts = ", ".join(
        f"count(*){only} AS {prefix}purchases, sum(amount){only}::DOUBLE AS {prefix}amount"
        for prefix, only in (
            ("", ""),
            ("recent_", f" FILTER ({recent})"),
            ("new_", f" FILTER ({recent} AND {new})"),
        )
    )
    return summary.query(
        f"SELECT {key}, {age}, {counts} FROM {days} AS d "
        f"JOIN {customers} AS c ON d.customer_id = c.customer_id "
        "GROUP BY 1, 2 ORDER BY 1, 2"
    )
