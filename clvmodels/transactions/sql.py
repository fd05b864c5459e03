"""The queries behind a log and its summary, as plain functions from names to SQL text.

Column names come from the log and are hostile: they pass through `identifier` only, and values
through bound parameters or `literal`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from clvmodels.transactions.account import CODE

# Bins of what a customer spent in repeat purchases, on the log scale, and the steps that places
# inside them are counted in: whole numbers, since sums of others depend on the threads.
SPEND_BIN, SPEND_STEPS, COARSER = 0.01, 1_000_000_000, 10_000
MONEY = "DECIMAL(18, 6)"
WIDE_MONEY = "DECIMAL(38, 6)"
_FIRST_DAY, _LAST_DAY = "DATE '0001-01-01'", "DATE '9999-12-30'"
_DAYS_PER_RULE = 4_000_000
SUMMARY_COLUMNS = (
    "customer_id",
    "first_purchase",
    "last_purchase",
    "frequency",
    "recency",
    "T",
    "monetary_value",
    "order_value",
)
_GROUPED = r"\s*[+-]?[0-9]{1,3}(\.[0-9]{3})+([^0-9.][0-9]*)?\s*"
_TIME_AND_MORE = r"[0-9][Tt ] *[0-9:.,]+ *[^0-9:., ]"


def identifier(name: str) -> str:
    """Quote a column or table name."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote a text value, where a parameter cannot be bound."""
    return "'" + text.replace("'", "''") + "'"


def day_literal(day: date) -> str:
    """Write a day."""
    return f"DATE '{day.isoformat()}'"


# What Python's strip() takes away, so that a blank id is blank in every script.
_BLANKS = literal("".join(chr(code) for code in range(0x3001) if chr(code).isspace()))


@dataclass(frozen=True)
class RowColumns:
    """SQL expressions for the contract's columns in one group of inputs.

    ``stamp_given`` tells a missing date from an unreadable one; ``amount_number`` is a double
    and is looked at only where ``amount`` is null.
    """

    customer_id: str
    id_missing: str
    stamp: str
    stamp_given: str
    day: str
    amount: str
    amount_number: str
    order_id: str


def customer_id(column: str, kind: str) -> str:
    """Id in its own type; dictionaries become text."""
    name = identifier(column)
    if kind.startswith("ENUM"):
        return f"{name}::VARCHAR"
    if kind in ("HUGEINT", "UHUGEINT"):
        return f"{name}::DECIMAL(38, 0)"
    return name


def id_missing(column: str, kind: str) -> str:
    """Whether an id is null, blank text or not a number."""
    name = identifier(column)
    if kind in ("FLOAT", "DOUBLE"):
        return f"coalesce(isnan({name}), true)"
    if kind.startswith("ENUM"):
        name = f"{name}::VARCHAR"
    elif kind != "VARCHAR":
        return f"{name} IS NULL"
    # Text that starts with a visible ASCII character cannot be blank, and needs no trimming.
    return (
        f"CASE WHEN {name} > '!' AND {name} < '~' THEN false "
        f"ELSE coalesce(trim({name}, {_BLANKS}) = '', true) END"
    )


def text(column: str, kind: str) -> str:
    """Any value as text, null where it is blank or not a number."""
    name = f"{identifier(column)}::VARCHAR"
    return f"CASE WHEN NOT {id_missing(column, kind)} THEN {name} END"


def stamp_day(
    column: str, kind: str, time_zone: str, date_format: str | None, guessed_format: str | None
) -> str:
    """Calendar day of a stamp, null where it cannot be read.

    A format that the user gave is the only one; a guess goes before ISO.
    """
    name = identifier(column)
    if kind == "DATE":
        return name
    if kind.startswith(("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")):
        return f"({name} AT TIME ZONE {literal(time_zone)})::DATE"
    if kind.startswith("TIMESTAMP"):
        return f"{name}::DATE"
    if date_format is not None:
        return f"try_strptime({name}::VARCHAR, {literal(date_format)})::DATE"
    joined = f"replace(replace({name}, ' +', '+'), ' -', '-')"
    zoned = f"(try_cast({joined} AS TIMESTAMPTZ) AT TIME ZONE {literal(time_zone)})::DATE"
    # Days and plain stamps to the second need no pattern, which is slow.
    plain = f"length({name}) < 13 OR (length({name}) = 19 AND {name}[17] = ':')"
    iso = (
        f"CASE WHEN {plain} THEN try_cast({name} AS DATE) "
        f"WHEN regexp_matches({name}, {literal(_TIME_AND_MORE)}) THEN {zoned} "
        f"ELSE try_cast({name} AS DATE) END"
    )
    if guessed_format is None:
        return iso
    return f"coalesce(try_strptime({name}, {literal(guessed_format)})::DATE, {iso})"


def stamp_given(column: str, kind: str) -> str:
    """Whether there is a stamp at all."""
    name = identifier(column)
    if kind == "VARCHAR":
        return f"coalesce(trim({name}, {_BLANKS}) <> '', false)"
    return f"{name} IS NOT NULL"


def amount(column: str, kind: str, decimal_separator: str | None) -> tuple[str, str]:
    """Amount as exact decimal and as floating point number, null where it is none."""
    name = identifier(column)
    if kind == "VARCHAR" and decimal_separator not in (None, "."):
        mark = literal(str(decimal_separator))
        # Points can only group thousands here: 1.234,56 is a number and 1.23 is none.
        sound = f"NOT contains({name}, '.') OR regexp_full_match({name}, {literal(_GROUPED)})"
        bare = f"replace(replace({name}, '.', ''), {mark}, '.')"
        name = f"CASE WHEN {sound} THEN {bare} END"
    return f"try_cast({name} AS {MONEY})", f"try_cast({name} AS DOUBLE)"


def rows_query(columns: RowColumns, relation: str, extra: str = "") -> str:
    """One row per input row: the contract's columns, read, not yet judged."""
    return (
        f"SELECT {columns.customer_id} AS customer_id, {columns.id_missing} AS id_missing, "
        f"{columns.stamp} AS stamp, "
        f"{columns.stamp_given} AS stamp_given, {columns.day} AS day, "
        f"{columns.amount} AS amount, {columns.amount_number} AS amount_number, "
        f"{columns.order_id} AS order_id{extra} FROM {relation}"
    )


def is_on_calendar(day: str) -> str:
    """Whether a day is one that every database can hold."""
    return f"{day} BETWEEN {_FIRST_DAY} AND {_LAST_DAY}"


def rule_expression(*, has_amount: bool, drop_zero: bool, net_returns: bool) -> str:
    """Code of the first rule that a row of `rows_query` breaks by itself; null for a good row.

    Returns that are netted carry their rule too: it holds until a purchase is found for them.
    """
    good = f"NOT id_missing AND day BETWEEN {_FIRST_DAY} AND {_LAST_DAY}"
    cases = [
        ("id_missing", "missing_customer_id"),
        ("day IS NULL AND NOT stamp_given", "missing_date"),
        (f"day IS NULL OR day NOT BETWEEN {_FIRST_DAY} AND {_LAST_DAY}", "unreadable_date"),
    ]
    if has_amount:
        good += f" AND amount {'>' if drop_zero else '>='} 0"
        cases += [
            ("amount IS NULL AND amount_number IS NULL", "unreadable_amount"),
            ("amount IS NULL AND NOT isfinite(amount_number)", "non_finite_amount"),
            ("amount IS NULL", "amount_out_of_range"),
            ("amount < 0", "return_without_purchase" if net_returns else "negative_amount"),
        ]
        if drop_zero:
            cases.append(("amount = 0", "zero_amount"))
    whens = " ".join(f"WHEN {test} THEN {CODE[rule]}" for test, rule in cases)
    return f"(CASE WHEN {good} THEN NULL {whens} END)::UTINYINT"


def judged_query(groups: Sequence[str], rule: str) -> str:
    """Union of `rows_query` groups with the column ``rule``."""
    union = " UNION ALL ".join(f"({group})" for group in groups)
    return f"SELECT *, {rule} AS rule FROM ({union})"


def distinct_query(judged: str) -> str:
    """Distinct rows, each with its number."""
    return (
        "SELECT customer_id, stamp, day, amount, order_id, rule, count(*) AS n "
        f"FROM ({judged}) GROUP BY ALL"
    )


def counted_query(judged: str, *, drop_duplicates: bool) -> str:
    """Judged rows that count, with ``n``, the number of rows that each stands for."""
    return distinct_query(judged) if drop_duplicates else f"SELECT *, 1 AS n FROM ({judged})"


def purchase_days_query(judged: str, money: str, *, drop_duplicates: bool) -> str:
    """The one scan: good rows become purchase days, the others counts by customer, day and rule.

    ``rows`` counts input rows, also those that are dropped as duplicates. A group of rejected
    rows has a day beyond all calendars that `rejected_query` understands, since a third column to
    group by would cost a fifth of the scan.
    """
    count = "count(*)"
    if drop_duplicates:
        count = "sum(n)"
        judged = distinct_query(judged)
    return (
        f"SELECT customer_id, day, sum(amount)::{money} AS amount, {count}::UINTEGER AS rows "
        f"FROM ({moved_query(judged)}) GROUP BY customer_id, day"
    )


def moved_query(judged: str) -> str:
    """Judged rows, those that break a rule moved to the days that stand for it."""
    dated = f"CASE WHEN rule > {CODE['unreadable_date']} THEN day ELSE {_FIRST_DAY} END"
    moved = f"{dated} + rule::INTEGER * {_DAYS_PER_RULE}"
    day = f"CASE WHEN rule IS NULL THEN day ELSE {moved} END AS day"
    return f"SELECT * REPLACE ({day}) FROM ({judged})"


def rejected_query(days: str) -> str:
    """Rejected rows by ``rule`` and ``day``; those without a readable date have the first day."""
    rule = f"((day - {_FIRST_DAY}) // {_DAYS_PER_RULE})::INTEGER"
    return (
        f"SELECT rule, day - rule * {_DAYS_PER_RULE} AS day, rows "
        f"FROM (SELECT day, rows, {rule} AS rule FROM {days} WHERE day > {_LAST_DAY})"
    )


def rule_days_query(days: str, rule: int, until: date | None) -> str:
    """Groups of rejected rows of one rule, up to and including a day."""
    shift = f"{rule * _DAYS_PER_RULE}"
    last = _LAST_DAY if until is None else day_literal(until)
    return (
        f"SELECT customer_id, day - {shift} AS day, amount, rows FROM {days} "
        f"WHERE day BETWEEN {_FIRST_DAY} + {shift} AND {last} + {shift}"
    )


def rule_totals_query(days: str, rule: int) -> str:
    """Rows and customers of one rule, and the last day of any of them or of a purchase."""
    purchases = f"(SELECT max(day) FROM {good_days(days, None)})"
    return (
        "SELECT coalesce(sum(rows), 0), count(DISTINCT customer_id), "
        f"greatest(max(day), {purchases}) FROM ({rule_days_query(days, rule, None)})"
    )


def order_key(order_id: str) -> str:
    """Order id as text; null where it is null or blank, which links nothing."""
    text = f"({order_id})::VARCHAR"
    # As in `id_missing`, to trim little.
    return (
        f"CASE WHEN ({text} > '!' AND {text} < '~') OR trim({text}, {_BLANKS}) <> '' "
        f"THEN {text} END"
    )


def several_query(groups: str, back: str, key: str, stands: str) -> str:
    """Groups of several rows, in the columns that `merged_rows_query` needs."""
    return (
        f"SELECT customer_id, day, {back} AS back, {key} AS order_key, {stands} AS stands "
        f"FROM {groups} WHERE rows > 1"
    )


def merged_rows_query(judged: str, several: str) -> str:
    """Distinct rows in the groups of ``several``, each with its number.

    The scan doesn't count zero amounts and exact duplicates, as each further aggregate would cost
    a tenth of it. Here few rows are left, and the groups of a single row tell by themselves.
    """
    back = "(r.rule IS NOT NULL)"
    return (
        f"SELECT stands, amount, count(*) AS n FROM ({judged}) AS r JOIN ({several}) AS s "
        f"ON r.customer_id = s.customer_id AND r.day = s.day AND {back} = s.back "
        f"AND (NOT s.back OR {order_key('r.order_id')} IS NOT DISTINCT FROM s.order_key) "
        f"WHERE rule IS NULL OR rule = {CODE['return_without_purchase']} "
        "GROUP BY stands, r.customer_id, stamp, amount, order_id"
    )


def good_days(days: str, until: date | None) -> str:
    """Purchase days up to and including a day."""
    return f"(FROM {days} WHERE day <= {_LAST_DAY if until is None else day_literal(until)})"


def rejected_days(days: str) -> str:
    """Rejected rows, whose days are beyond all calendars."""
    return f"(FROM {days} WHERE day > {_LAST_DAY})"


def code_at(end: date | None) -> str:
    """Code of the rule that a judged row or a group of them breaks if the observation ends then."""
    if end is None:
        return "rule"
    late = CODE["after_observation_end"]
    return (
        f"CASE WHEN day > {day_literal(end)} AND coalesce(rule, {late}) >= {late} THEN {late} "
        "ELSE rule END"
    )


def visible_until(day: date | None) -> str:
    """Whether a judged row or group is seen by a view that ends at a day; undated rows are."""
    if day is None:
        return "true"
    return f"coalesce(rule <= {CODE['unreadable_date']}, false) OR day <= {day_literal(day)}"


def in_sample(customers: int, total: int) -> str:
    """Whether a row's customer is in the share of a base that makes up about so many customers.

    It looks at the id as text alone, and so is the same on every engine and in every log.
    """
    if customers >= total:
        return "true"
    limit = f"{(customers << 64) // total:016x}"
    return f"md5(customer_id::VARCHAR) < {literal(limit)}"


def customers_query(days: str) -> str:
    """One row per customer from purchase days: the aggregation behind the summary."""
    return (
        "SELECT customer_id, min(day) AS first_purchase, max(day) AS last_purchase, "
        "count(*) AS orders, sum(amount) AS total, arg_min(amount, day) AS first_amount "
        f"FROM {days} GROUP BY customer_id"
    )


def spenders(summary: str) -> str:
    """Relation of the repeat buyers of a summary who spent something."""
    return f"(SELECT * FROM {summary} WHERE frequency > 0 AND monetary_value > 0)"


def spend_bins_query(summary: str) -> str:
    """Repeat buyers by frequency and bin of log(frequency · monetary_value).

    ``first``, ``second`` and ``third`` are the sums of the powers of how far they are from the
    middle of their bin, in steps; the third in coarser ones, so that it fits.
    """
    logs = (
        f"SELECT frequency, ln(frequency * monetary_value) / {SPEND_BIN!r} AS place "
        f"FROM {spenders(summary)}"
    )
    off = f"(place - floor(place) - 0.5) * {SPEND_STEPS}"
    steps = (
        "SELECT frequency, CAST(floor(place) AS BIGINT) AS bin, "
        f"CAST(round({off}) AS BIGINT) AS k, "
        f"CAST(round({off} / {COARSER}) AS BIGINT) AS c FROM ({logs})"
    )
    sums = ", ".join(
        f"CAST(sum(CAST({power} AS DECIMAL(38, 0))) AS DOUBLE) AS {name}"
        for power, name in (("k", "first"), ("k * k", "second"), ("c * c * c", "third"))
    )
    return (
        f"SELECT frequency, bin, count(*) AS weight, {sums} FROM ({steps}) "
        "GROUP BY frequency, bin ORDER BY frequency, bin"
    )


def summary_query(customers: str, end: date | None) -> str:
    """The columns of a summary from the rows of `customers_query`, recency and T in whole days.

    Without ``end`` the customers carry a column ``observation_end``.
    """
    last_day = "observation_end" if end is None else day_literal(end)
    return (
        "SELECT customer_id, first_purchase, last_purchase, orders - 1 AS frequency, "
        "date_diff('day', first_purchase, last_purchase) AS recency, "
        f"date_diff('day', first_purchase, {last_day}) AS T, "
        "CASE WHEN orders > 1 THEN (total - first_amount)::DOUBLE / (orders - 1) END "
        "AS monetary_value, total::DOUBLE / orders AS order_value, total "
        f"FROM {customers}"
    )
