"""Returns: what they take from the purchases before them, as seen from any day.

Returns of one customer on one day are one return, and so are those of one order on one day. On a
day, purchases come before returns. First each return takes from its own order, the latest day
first; then what is left of all returns takes from the customer's latest earlier purchases.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from clvmodels.transactions import sql
from clvmodels.transactions.account import CODE
from clvmodels.transactions.database import Database

_RETURN = CODE["return_without_purchase"]


@dataclass(frozen=True)
class Netting:
    """What the returns up to a day did.

    Attributes
    ----------
    changed : str
        Table of the purchase days that returns reduced: ``customer_id``, ``day``, ``amount`` (what
        is left of it, 0 if the day is no purchase any more) and ``rows``.
    units : str
        Table of the returns: ``customer_id``, ``day``, ``order_key``, ``rows``, and ``found``,
        whether there was anything to take from.
    cancelled_days, cancelled : int
        Purchase days that are none any more, and their rows.
    returned : int
        Rows of the returns that found something.
    last_return : date or None
        Day of the last return that found something.
    partly, lost : int, Decimal
        Returns that exceeded all earlier purchases but found some, and what of them found none.
    """

    changed: str
    units: str
    cancelled_days: int
    cancelled: int
    returned: int
    last_return: date | None
    partly: int
    lost: Decimal


class Returns:
    """The returns of a scanned log, netted for each day from which the log is looked at.

    Parameters
    ----------
    days : str
        Table of the scan: purchase days and rejected groups.
    money : str
        Type of its amounts.
    last_day : date
        Last day with a purchase or a return.
    judged : str or None
        Query of all rows, where returns are linked by order ids.
    """

    def __init__(
        self, database: Database, days: str, money: str, last_day: date, judged: str | None
    ) -> None:
        self._database = database
        self._days = days
        self._money = money
        self._last_day = last_day
        self._orders: tuple[str, str] | None = None
        self._nettings: dict[date | None, Netting] = {}
        if judged is not None:
            lines, returns, orders = map(database.new_name, ("lines", "returns", "orders"))
            database.run(f"CREATE TABLE {lines} AS {lines_query(judged, _returned(days, None))}")
            database.run(f"CREATE TABLE {returns} AS {grouped_query(f'{lines} WHERE back')}")
            database.run(f"CREATE TABLE {orders} AS {grouped_query(linked_lines(lines))}")
            database.run(f"DROP TABLE {lines}")
            self._orders = returns, orders

    def until(self, end: date | None) -> Netting:
        """Net the purchases and returns up to and including a day; no later row has a part."""
        key = None if end is None or end >= self._last_day else end
        if key not in self._nettings:
            self._nettings[key] = self._net(key)
        return self._nettings[key]

    def among(self, ids: str, days: str) -> Returns:
        """Give the returns of some customers: a table of their ids, and one of their days."""
        some = Returns(self._database, days, self._money, self._last_day, None)
        if self._orders is not None:
            names = []
            for table in self._orders:
                names.append(self._database.new_name("among"))
                query = f"FROM {table} SEMI JOIN {ids} USING (customer_id)"
                self._database.run(f"CREATE TABLE {names[-1]} AS {query}")
            some._orders = names[0], names[1]
        return some

    def _net(self, end: date | None) -> Netting:
        database = self._database
        settled, changed, units = map(database.new_name, ("settled", "changed", "units"))
        if self._orders is None:
            linked = None
            events = day_events(_returned(self._days, end), sql.good_days(self._days, end))
            reduced, found = changed_query(settled), units_query(settled)
        else:
            returns, orders = self._orders
            linked = database.new_name("linked")
            seen = f"FROM {orders} WHERE {_up_to(end)}"
            query = taken_query(seen, "customer_id, order_key")
            database.run(f"CREATE TABLE {linked} AS {query}")
            events = day_events(
                open_days(_returned(self._days, end), linked, returns=True),
                open_days(sql.good_days(self._days, end), linked, returns=False),
            )
            reduced = linked_changed_query(self._days, settled, linked)
            found = linked_units_query(f"(FROM {returns} WHERE {_up_to(end)})", settled, linked)
        database.run(f"CREATE TABLE {settled} AS {taken_query(events, 'customer_id')}")
        database.run(
            f"CREATE TABLE {changed} AS "
            f"SELECT * REPLACE (amount::{self._money} AS amount) FROM ({reduced})"
        )
        database.run(f"CREATE TABLE {units} AS {found}")
        cancelled_days, cancelled = database.run(
            f"SELECT count(*), coalesce(sum(rows), 0) FROM {changed} WHERE amount = 0"
        )[0]
        returned, last_return = database.run(
            f"SELECT coalesce(sum(rows), 0), max(day) FROM {units} WHERE found"
        )[0]
        partly, lost = database.run(lost_query(settled, units))[0]
        for table in (settled, linked):
            if table is not None:
                database.run(f"DROP TABLE {table}")
        return Netting(
            changed=changed,
            units=units,
            cancelled_days=int(cancelled_days),
            cancelled=int(cancelled),
            returned=int(returned),
            last_return=last_return,
            partly=int(partly),
            lost=Decimal(lost),
        )


def changed_query(settled: str) -> str:
    """Purchase days that returns reduced, where no order ids link them."""
    return (
        "SELECT customer_id, day, rows, amount - taken AS amount "
        f"FROM {settled} WHERE NOT back AND taken > 0"
    )


def linked_changed_query(days: str, settled: str, linked: str) -> str:
    """Purchase days that returns reduced, in their order or after it."""
    taken = " UNION ALL ".join(
        f"SELECT customer_id, day, taken FROM {table} WHERE NOT back AND taken > 0"
        for table in (settled, linked)
    )
    return (
        "SELECT customer_id, day, any_value(rows) AS rows, "
        "any_value(amount) - sum(taken) AS amount "
        f"FROM {days} JOIN ({taken}) USING (customer_id, day) GROUP BY customer_id, day"
    )


def _returned(days: str, end: date | None) -> str:
    """Groups of returns in the table of the scan, up to and including a day."""
    return f"({sql.rule_days_query(days, _RETURN, end)})"


def _up_to(end: date | None) -> str:
    return "true" if end is None else f"day <= {sql.day_literal(end)}"


def day_events(returned: str, bought: str) -> str:
    """Returns by day, and purchases before the last of a customer; amounts with their sign."""
    last = f"SELECT customer_id, max(day) AS last_return FROM {returned} GROUP BY customer_id"
    return (
        "SELECT customer_id, day, false AS back, amount, rows "
        f"FROM {bought} JOIN ({last}) USING (customer_id) WHERE day <= last_return "
        f"UNION ALL SELECT customer_id, day, true, amount, rows FROM {returned}"
    )


def lines_query(judged: str, returned: str) -> str:
    """Returns, and purchases with an order id, of the customers who have returns."""
    return (
        f"SELECT customer_id, day, {sql.order_key('order_id')} AS order_key, amount < 0 AS back, "
        f"amount, n AS rows FROM ({judged}) SEMI JOIN {returned} USING (customer_id) "
        f"WHERE rule = {_RETURN} OR (rule IS NULL AND order_id IS NOT NULL)"
    )


def linked_lines(lines: str) -> str:
    """Lines of the orders that have returns."""
    return f"{lines} SEMI JOIN (FROM {lines} WHERE back) USING (customer_id, order_key)"


def grouped_query(lines: str) -> str:
    """Sum lines by order and day."""
    return (
        "SELECT customer_id, order_key, day, back, sum(amount) AS amount, sum(rows) AS rows "
        f"FROM {lines} GROUP BY customer_id, order_key, day, back"
    )


def taken_query(events: str, key: str) -> str:
    """Add ``taken`` to events: what returns took from a purchase, or what a return took.

    With C the running sum of a key and R = C - min(0, running minimum of C), what is left of
    purchase i is max(0, min over j >= i of R_j - R_(i-1)), and return j took R_(j-1) - R_j. It
    equals taking from the latest earlier purchase until the return is used up.
    """
    order = f"PARTITION BY {key} ORDER BY day, back"
    past = f"({order} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
    running = f"SELECT *, sum(amount) OVER {past} AS c FROM ({events})"
    balance = f"SELECT *, c - least(0, min(c) OVER {past}) AS r FROM ({running})"
    lowest = (
        "SELECT *, coalesce(lag(r) OVER before, 0) AS was, min(r) OVER ahead AS low "
        f"FROM ({balance}) WINDOW before AS ({order}), "
        f"ahead AS ({order} ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)"
    )
    taken = "CASE WHEN back THEN was - r ELSE amount - greatest(0, low - was) END AS taken"
    return f"SELECT * EXCLUDE (c, r, was, low), {taken} FROM ({lowest})"


def open_days(groups: str, linked: str, *, returns: bool) -> str:
    """What orders leave of the purchases or the returns of a day; returns that found all go."""
    taken = (
        "SELECT customer_id, day, sum(taken) AS taken "
        f"FROM {linked} WHERE {'back' if returns else 'NOT back'} GROUP BY customer_id, day"
    )
    rest = f"amount {'+' if returns else '-'} coalesce(taken, 0)"
    return (
        f"(SELECT customer_id, day, {rest} AS amount, rows FROM {groups} "
        f"LEFT JOIN ({taken}) USING (customer_id, day){f' WHERE {rest} < 0' if returns else ''})"
    )


def units_query(settled: str) -> str:
    """Returns by customer and day, what no order took of them, and whether they found anything."""
    return (
        "SELECT customer_id, day, NULL::VARCHAR AS order_key, rows, -amount AS open, "
        "taken > 0 AS found "
        f"FROM {settled} WHERE back"
    )


def linked_units_query(returns: str, settled: str, linked: str) -> str:
    """Returns by customer, day and order, as in `units_query`."""
    return (
        "SELECT customer_id, day, r.order_key, r.rows, "
        "-r.amount - coalesce(l.taken, 0) AS open, "
        "coalesce(l.taken, 0) > 0 OR coalesce(s.taken, 0) > 0 AS found "
        f"FROM {returns} AS r LEFT JOIN (FROM {linked} WHERE back) AS l "
        "USING (customer_id, day, order_key) "
        f"LEFT JOIN (FROM {settled} WHERE back) AS s USING (customer_id, day)"
    )


def lost_query(settled: str, units: str) -> str:
    """Count the days whose returns found less than they are, and sum what found nothing."""
    some = f"SELECT customer_id, day, sum(open) AS open FROM {units} WHERE found GROUP BY ALL"
    return (
        "SELECT count(*), coalesce(sum(CASE WHEN taken > 0 THEN -amount - taken ELSE open END), 0) "
        f"FROM {settled} JOIN ({some}) USING (customer_id, day) "
        "WHERE back AND -amount > taken AND (taken > 0 OR open > 0)"
    )


def standing_days(days: str, changed: str, until: date | None) -> str:
    """Purchase days up to and including a day, as returns left them."""
    return (
        "(SELECT customer_id, day, amount, rows "
        f"FROM {sql.good_days(days, until)} ANTI JOIN {changed} USING (customer_id, day) "
        f"UNION ALL SELECT customer_id, day, amount, rows FROM {changed} WHERE amount > 0)"
    )


def found_returns_query(judged: str, units: str) -> str:
    """Add ``found`` to judged rows: true for the returns that took something, else null."""
    return (
        f"SELECT r.*, u.found FROM ({judged}) AS r LEFT JOIN (FROM {units} WHERE found) AS u "
        f"ON r.rule = {_RETURN} AND r.customer_id = u.customer_id AND r.day = u.day "
        f"AND {sql.order_key('r.order_id')} IS NOT DISTINCT FROM u.order_key"
    )
