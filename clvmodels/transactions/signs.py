"""Signs of how customers buy, counted in the database from their purchase days.

What the summary leaves out, because the models have no use for it, is what tells whether they may
be used: the single gaps between purchases, the calendar, and how amounts move.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from clvmodels.errors import InputError
from clvmodels.transactions.database import Database

if TYPE_CHECKING:
    import pyarrow as pa

# A gap below this share of its customer's mean gap is short.
SHORT = 0.05
# In days; below it a calendar day is too coarse to tell a short gap from others.
_LEAST_MEAN_GAP = 20
_EVEN_CV = 0.25
_YEAR = 365.25


@dataclass(frozen=True)
class Signs:
    """What purchase days show beside the summary, up to the observation end.

    Attributes
    ----------
    purchases : mapping
        Purchase days of all customers by calendar day.
    gaps : mapping
        From the number of gaps of a customer (two or more) to the number of customers whose gaps
        are 20 days or longer on average, and to how many of these gaps are below 5 % of the
        customer's mean.
    last_two : tuple
        Number of customers with two gaps or more, and the sum of (g / (g + h) - 1/2)² over their
        last gap g and the one before it, h.
    even : tuple
        Number of customers with three gaps or more, and how many of them have gaps whose
        coefficient of variation (n - 1) is below 0.25.
    slope : tuple or None
        Change per year of the logarithm of what a customer spends in a day, within customers, its
        standard error (customers are independent, their days need not be) and the number of
        customers; None without amounts, or where nobody spent twice.
    share : float
        Share of the customers that all but ``purchases`` were counted over.
    """

    purchases: Mapping[date, int]
    gaps: Mapping[int, tuple[int, int]]
    last_two: tuple[int, float]
    even: tuple[int, int]
    slope: tuple[float, float, int] | None
    share: float


def count_signs(
    database: Database, days: str, sampled: str, *, share: float, has_amount: bool
) -> Signs:
    """Count the signs of the relation ``days``, those that cost more from a share of it."""
    purchases = database.run(f"SELECT day, count(*) FROM {days} GROUP BY day ORDER BY day")
    if not purchases:
        msg = "There is no purchase up to the observation end, so no sign to count."
        raise InputError(msg)
    rows = database.table(gaps_query(sampled))
    return Signs(
        purchases=dict(purchases),
        gaps=_by_gaps(rows),
        last_two=(
            sum(rows["customers"].to_pylist()),
            float(sum(rows["uneven"].to_pylist())),
        ),
        even=_even(rows),
        slope=_slope(database.run(slope_query(sampled))[0]) if has_amount else None,
        share=share,
    )


def gaps_query(days: str) -> str:
    """Customers with two gaps or more by number of gaps, and what their gaps are like.

    ``slow`` customers are those with long mean gaps, ``short`` their short gaps, ``uneven`` the
    sum that Wheat and Morrison's statistic needs, and ``even`` counts customers who buy like
    clockwork.
    """
    mean = "(span::DOUBLE / gaps)"
    variance = "((squares - span::DOUBLE * span / gaps) / (gaps - 1))"
    slow = f"span >= {_LEAST_MEAN_GAP} * gaps"
    known = (
        "SELECT customer_id, count(*) - 1 AS gaps, date_diff('day', min(day), max(day)) AS span, "
        f"max(day) AS last_day FROM {days} GROUP BY customer_id HAVING count(*) > 2"
    )
    single = (
        "SELECT d.customer_id, gaps, span, day = last_day AS is_last, "
        "date_diff('day', lag(day) OVER w, day) AS gap, "
        "date_diff('day', lag(day, 2) OVER w, day) AS two_gaps "
        f"FROM {days} AS d JOIN ({known}) AS k ON d.customer_id = k.customer_id "
        "WINDOW w AS (PARTITION BY d.customer_id ORDER BY day)"
    )
    of_customer = (
        "SELECT gaps, span, sum(gap * gap) AS squares, "
        f"count(CASE WHEN gap * gaps < {SHORT} * span THEN 1 END) AS short, "
        "max(CASE WHEN is_last THEN gap::DOUBLE / two_gaps - 0.5 END) AS off_half "
        f"FROM ({single}) GROUP BY customer_id, gaps, span"
    )
    return (
        f"SELECT gaps, count(*) AS customers, count(CASE WHEN {slow} THEN 1 END) AS slow, "
        f"sum(CASE WHEN {slow} THEN short ELSE 0 END)::BIGINT AS short, "
        # Exact, since sums of floating point numbers depend on the threads.
        "sum((off_half * off_half)::DECIMAL(38, 12)) AS uneven, "
        f"count(CASE WHEN {variance} < {_EVEN_CV**2} * {mean} * {mean} THEN 1 END) AS even "
        f"FROM ({of_customer}) GROUP BY gaps ORDER BY gaps"
    )


def slope_query(days: str) -> str:
    """Sums for the slope of log amounts on years within customers, and for its standard error.

    The logarithms are counted in millionths, so that integers keep a customer's sums exact. The
    sums over customers differ in their last bits by the order of threads, and no digit is shown
    that far.
    """
    spent = (
        "SELECT customer_id, date_diff('day', DATE '2000-01-01', day) AS t, "
        f"round(ln(amount) * 1000000)::BIGINT AS y FROM {days} WHERE amount > 0"
    )
    sums = (
        "SELECT count(*) AS n, sum(t) AS t, sum(y) AS y, sum(t * t) AS tt, sum(t * y) AS ty "
        f"FROM ({spent}) GROUP BY customer_id HAVING count(*) > 1"
    )
    centred = (
        f"SELECT (n * tt - t * t)::DOUBLE / n / {_YEAR**2!r} AS xx, "
        f"(n * ty - t * y)::DOUBLE / n / {1e6 * _YEAR!r} AS xy FROM ({sums})"
    )
    products = ("xx", "xy", "xy * xy", "xx * xy", "xx * xx")
    sums_of = ", ".join(f"sum({product})" for product in products)
    return f"SELECT count(*), {sums_of} FROM ({centred})"


def _by_gaps(rows: pa.Table) -> dict[int, tuple[int, int]]:
    return {row["gaps"]: (row["slow"], row["short"]) for row in rows.to_pylist() if row["slow"] > 0}


def _even(rows: pa.Table) -> tuple[int, int]:
    among = [row for row in rows.to_pylist() if row["gaps"] >= 3]
    return sum(row["customers"] for row in among), sum(row["even"] for row in among)


def _slope(row: tuple[Any, ...]) -> tuple[float, float, int] | None:
    customers, xx, xy, xy_xy, xx_xy, xx_xx = row
    if not customers:
        return None
    slope = xy / xx
    squares = max(xy_xy - 2.0 * slope * xx_xy + slope**2 * xx_xx, 0.0)
    return slope, squares**0.5 / xx, customers
