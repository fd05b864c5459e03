"""Gates on the log itself: whether customers buy in a way that the models can describe."""

from __future__ import annotations

import math
from datetime import date

from clvmodels.evaluation import signs as of
from clvmodels.evaluation.gates import Gate, Level
from clvmodels.models.purchases import PurchaseModel
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.transactions.signs import Signs

NOTHING_TO_DO = "Nothing to do."
# Bursts: times as many short gaps as Poisson buyers have, and the fewest of them.
MANY_SHORT, FEWEST_SHORT = 3.0, 10
# Wheat-Morrison k, and the standard errors from 1 that it must also be.
CLUMPED, CLOCKWORK, CLEARLY = 0.7, 3.0, 3.0
# Shares of customers with even gaps.
EVEN, VERY_EVEN, FEWEST_EVEN = 0.25, 0.5, 30
# Times as much in the busiest tenth of weeks as expected.
SEASONAL, CALENDAR_DRIVEN = 2.0, 5.0
# First seen early: times as many as later arrivals imply, and the share that this adds.
SURPLUS, SURPLUS_SHARE = 1.5, 0.05
# Rank correlation of frequency and spend.
CORRELATED = 0.3
# Change of order value in a year, as a logarithm.
DRIFTING = 0.1
# Distance of the cumulative paths as a share of all repeat purchases.
OFF_TRACK = 0.15
# A log of a calendar year starts and ends with a purchase, a few days short of it.
YEAR = 350


def sign_gates(
    signs: Signs,
    purchases: PurchaseModel,
    triples: CustomerColumns,
    orders: CustomerColumns | None,
    end: date,
) -> list[Gate]:
    """Gates on the signs of a log, up to the observation end.

    Parameters
    ----------
    signs
        Counted over the same customers as ``triples``.
    purchases
        Model fitted to them, whose path is held against the weeks of the log.
    orders
        Distinct frequencies and mean amounts of repeat buyers; None without amounts.
    """
    arrivals = of.arrivals(triples)
    path = of.weekly_path(signs.purchases, triples, purchases)
    gates = [
        season_gate(arrivals, end),
        truncation_gate(arrivals),
        burst_gate(of.bursts(signs)),
        regularity_gate(*of.wheat_morrison(signs), signs.last_two[0]),
        even_gate(*signs.even),
        calendar_gate(path),
        tracking_gate(path, min(signs.purchases)),
    ]
    if orders is not None:
        gates += [
            spend_gate(*of.spend_correlation(orders)),
            drift_gate(signs.slope, (end - min(signs.purchases)).days),
        ]
    return gates


def season_gate(arrivals: of.Arrivals, end: date) -> Gate:
    """Whether a season could have been seen: a year, unless all customers came at once."""
    name = "a year of history"
    evidence = (
        f"The log spans {arrivals.span:,} days up to {end}, and {arrivals.late:.0%} of the "
        "customers were first seen after a quarter of it."
    )
    if arrivals.span >= YEAR or not arrivals.continuous:
        return Gate(name, "green", evidence, NOTHING_TO_DO)
    return Gate(
        name,
        "amber",
        f"{evidence} No season has been seen yet.",
        "A season's edge can move the total by half and nothing here can show it. Run again with "
        "a year or more, or compare with what is known of the trade's seasons.",
    )


def truncation_gate(arrivals: of.Arrivals) -> Gate:
    """Whether old customers look new because the log begins in the middle of their lives."""
    name = "beginning of the log"
    surplus = arrivals.early - arrivals.usual
    evidence = (
        f"{arrivals.early:.0%} of the customers were first seen in the first "
        f"{of.EARLY:.0%} of the days, and {arrivals.late:.0%} after a quarter of them."
    )
    if not arrivals.continuous:
        return Gate(name, "green", f"{evidence} They came as one cohort.", NOTHING_TO_DO)
    evidence += f" The later pace would make it {arrivals.usual:.0%} early."
    # Both counts are Poisson; the error of the difference must be small beside it.
    error = math.sqrt((arrivals.early + arrivals.usual) / arrivals.customers)
    many = arrivals.early > SURPLUS * arrivals.usual and surplus > SURPLUS_SHARE
    if not (many and surplus > CLEARLY * error):
        return Gate(name, "green", evidence, NOTHING_TO_DO)
    return Gate(
        name,
        "amber",
        f"{evidence} About {surplus:.0%} are old customers who look new.",
        "Unless the shop opened then, begin the log where the shop begins, or keep only customers "
        "known to have come later: the old ones buy at other rates than they seem to.",
    )


def burst_gate(bursts: of.Bursts) -> Gate:
    """Whether purchases come in bursts, so that one occasion counts as several."""
    name = "purchases in bursts"
    if bursts.expected == 0.0:
        return _unknown(name, "Nobody bought three times at gaps of 20 days or longer.")
    evidence = (
        f"{bursts.short:,} gaps are below a twentieth of their customer's mean gap, "
        f"{bursts.ratio:.1f} times the {bursts.expected:,.1f} that independent purchases make."
    )
    if bursts.short >= FEWEST_SHORT and bursts.ratio > MANY_SHORT:
        return Gate(
            name,
            "red",
            evidence,
            "These are occasions of several days, not visits to a shop. Make one row of each "
            "occasion (an event, a trip, a project) and run again.",
        )
    return Gate(name, "green", evidence, NOTHING_TO_DO)


def regularity_gate(k: float, error: float, customers: int) -> Gate:
    """Whether the last two gaps are as uneven as independent purchases make them."""
    name = "evenness of the last two gaps"
    if customers < FEWEST_EVEN:
        return _unknown(name, f"Only {customers:,} customers bought three times.")
    evidence = (
        f"Wheat and Morrison's k over {customers:,} customers is {k:.2f}; independent purchases "
        f"give 1, give or take {error:.2f}."
    )
    if CLUMPED <= k <= CLOCKWORK or abs(k - 1.0) < CLEARLY * error:
        return Gate(name, "green", evidence, NOTHING_TO_DO)
    advice = (
        "Purchases come in clumps: find what makes them (projects, events, several days of one "
        "order) and make one row of each."
        if k < CLUMPED
        else "Customers buy like clockwork: a contract or a fixed interval. Count renewals instead."
    )
    return Gate(name, "red", evidence, advice)


def even_gate(customers: int, even: int) -> Gate:
    """Whether many customers buy at even intervals, as subscribers do."""
    name = "subscriptions"
    if customers < FEWEST_EVEN:
        return _unknown(name, f"Only {customers:,} customers bought four times or more.")
    share = even / customers
    evidence = (
        f"{share:.0%} of the {customers:,} customers with three repeat purchases or more buy at "
        "even intervals (coefficient of variation below 0.25)."
    )
    level: Level = "red" if share > VERY_EVEN else "amber" if share > EVEN else "green"
    advice = {
        "green": NOTHING_TO_DO,
        "amber": "Some customers seem to subscribe. Value them apart: for them silence means more.",
        "red": "This is a contract or a subscription, where customers tell when they leave. Use a "
        "model of renewals.",
    }[level]
    return Gate(name, level, evidence, advice)


def calendar_gate(path: of.WeeklyPath) -> Gate:
    """Whether the calendar decides when customers buy."""
    name = "calendar"
    if not path.is_enough:
        return _unknown(name, _too_little(path))
    found, chance = of.concentration(path)
    ratio = found / chance
    evidence = (
        f"The busiest tenth of the weeks has {found:.1f} times the repeat purchases expected in "
        f"them; chance alone makes it {chance:.1f} at this volume."
    )
    if ratio <= SEASONAL:
        return Gate(name, "green", evidence, NOTHING_TO_DO)
    if ratio <= CALENDAR_DRIVEN:
        return Gate(
            name,
            "amber",
            evidence,
            "A few weeks decide. Choose horizons of whole years, and read no single month.",
        )
    return Gate(
        name,
        "red",
        evidence,
        "Purchases follow dates and not customers (fairs, sales, yearly renewals). Count who came "
        "to each of these occasions instead.",
    )


def tracking_gate(path: of.WeeklyPath, first: date) -> Gate:
    """Whether the model reproduces the path of the log that it learned from."""
    name = "tracking in sample"
    if not path.is_enough:
        return _unknown(name, _too_little(path))
    apart, week = of.drift(path)
    evidence = (
        f"By {of.week_end(first, week)} the model expects {abs(apart):.0%} of all repeat purchases "
        f"{'more' if apart > 0 else 'fewer'} than there were, the most of any week."
    )
    if abs(apart) <= OFF_TRACK:
        return Gate(name, "green", evidence, NOTHING_TO_DO)
    return Gate(
        name,
        "amber",
        evidence,
        "The pace of the whole base changes in ways that the model does not know (growth, decline, "
        "a season, or a log that begins mid-life). Trust the order of customers before the total.",
    )


def spend_gate(correlation: float, customers: int) -> Gate:
    """Whether what customers spend depends on how often they buy, which Gamma-Gamma excludes."""
    name = "frequency and spend"
    if math.isnan(correlation):
        return _unknown(name, "Repeat buyers all buy equally often or spend the same.")
    z = correlation * math.sqrt(max(customers - 1, 0))
    evidence = (
        f"The rank correlation of frequency and mean spend over {customers:,} repeat buyers is "
        f"{correlation:+.2f} ({abs(z):.1f} standard errors)."
    )
    if abs(correlation) <= CORRELATED or abs(z) <= CLEARLY:
        return Gate(name, "green", evidence, NOTHING_TO_DO)
    who = "more" if correlation > 0 else "less"
    return Gate(
        name,
        "amber",
        evidence,
        f"Frequent buyers spend {who} on an order, and the model averages over that: check the "
        "value of the top tenth against their own orders.",
    )


def drift_gate(slope: tuple[float, float, int] | None, span: int) -> Gate:
    """Whether customers spend more or less on an order as years pass."""
    name = "order value over time"
    if slope is None:
        return _unknown(name, "Nobody spent on two days.")
    rate, error, customers = slope
    evidence = (
        f"The order value of {customers:,} customers changes by {math.expm1(rate):+.1%} a year "
        f"within customers ({abs(rate) / error if error > 0 else math.inf:.1f} standard errors)."
    )
    # Over a short log even a steep slope moves little between its middle and its end.
    moved = abs(rate) * min(span / 365.25, 1.0)
    if moved <= DRIFTING or abs(rate) <= CLEARLY * error:
        return Gate(name, "green", evidence, NOTHING_TO_DO)
    return Gate(
        name,
        "amber",
        evidence,
        "Values are of past prices. Deflate the amounts or state them in today's prices, and run "
        "again.",
    )


def _unknown(name: str, reason: str) -> Gate:
    return Gate(name, "grey", reason, "Look again when the log is longer.")


def _too_little(path: of.WeeklyPath) -> str:
    return (
        f"There are {path.actual.sum():,.0f} repeat purchases in {len(path.actual):,} full weeks."
    )
