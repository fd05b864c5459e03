"""What segments, cohorts, the months ahead and the last run say, one plain sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvmodels.report.words import (
    amount,
    capital,
    cohort,
    day,
    expectation,
    percent_range,
    quantity_range,
)
from clvmodels.wording import (
    count,
    money,
    money_range,
    number,
    number_of_months,
    percent,
    plural,
    span,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clvmodels.report.summary import ReportSummary, Row

PARTS = {
    "data": "Data corrected since",
    "behaviour": "What customers did",
    "new_customers": "New customers",
    "model": "The model learned anew",
    "terms": "Other terms of value",
}


def has_changed(summary: ReportSummary) -> bool:
    """Tell whether there is a change to take apart; causes may cancel each other out."""
    found = summary.outlook.change
    if found is None or found["status"] != "compared":
        return False
    parts = found["parts"] or ()
    return bool(found["difference"] or any(part["money"] for part in parts))


def change(summary: ReportSummary) -> str:
    """Say how the value changed since the last run, or why there is nothing to compare."""
    found = summary.outlook.change
    if found is None or found["status"] == "first_run":
        return (
            "This is the first run, so there is nothing to compare with yet. The next run will "
            "say how much of a change comes from new customers, behaviour, the model and the data."
        )
    before = found["previous"]
    if found["status"] != "compared":
        return f"The last run cannot be compared. {found['reason'] or ''}".strip()
    difference = found["difference"]
    since = f"since {day(before['observation_end'])}"
    if not difference:
        return f"The value of the base is unchanged {since}."
    share = difference / found["before"] if found["before"] > 0 else None
    extent = f" ({percent(share, signed=True)})" if share is not None else ""
    side = "up" if difference > 0 else "down"
    moved = _amount(abs(difference), summary, found)
    what = "expected purchases" if found["quantity"] == "purchases" else "value"
    return f"{capital(since)} the {what} of the base went {side} by {moved}{extent}."


def _amount(value: float, summary: ReportSummary, part: Row) -> str:
    """Write money, or purchases where a part counts these."""
    if part["quantity"] == "purchases":
        return f"{number(value)} purchases"
    return money(value, summary.scope.currency)


def largest_part(summary: ReportSummary) -> str:
    """Say which cause moved the value most."""
    found = summary.outlook.change
    parts = (found or {}).get("parts") or ()
    if found is None or not any(part["money"] for part in parts):
        return ""
    largest = max(parts, key=lambda part: abs(part["money"]))
    name = PARTS.get(largest["part"], largest["label"])
    side = "added" if largest["money"] > 0 else "took away"
    return (
        f"“{name}” {side} most: {_amount(abs(largest['money']), summary, found)}. "
        f"{largest['sentence']}"
    )


def segments(summary: ReportSummary) -> str:
    """Say which segment holds most value, and how it compares with its size."""
    found = summary.outlook.segments
    rows = [row for row in (found["rows"] if found else ()) if row["customers"]]
    valued = [row for row in rows if row["clv_share"] is not None]
    if not valued:
        largest = max(rows, key=lambda row: row["customers"], default=None)
        if largest is None:
            return ""
        return (
            f"The largest segment is “{largest['name']}” with {count(largest['customers'])} of the "
            f"{plural(summary.scope.customers, 'customer')}."
        )
    best = max(valued, key=lambda row: row["clv_share"])
    return (
        f"“{capital(best['name'])}” hold most of the value: {percent(best['clv_share'])} of it "
        f"with {percent(best['customers_share'])} of the customers."
    )


def at_risk(summary: ReportSummary) -> str:
    """Say in which segment most value is in doubt."""
    found = summary.outlook.segments
    rows = [row for row in (found["rows"] if found else ()) if row["value_at_risk"]]
    if not rows:
        return ""
    worst = max(rows, key=lambda row: row["value_at_risk"])
    return (
        f"Most is in doubt among “{worst['name']}”: were all of them still active, they would "
        f"bring {amount(worst['value_at_risk'], summary)} more over {span(summary.scope.horizon)}."
    )


def stability(summary: ReportSummary) -> str:
    """Say how many would stand in another segment had the model been learned otherwise."""
    found = (summary.outlook.segments or {}).get("stability")
    if not found or not found["rows"]:
        return ""
    told = ", ".join(
        f"{percent(row['changed'])} with {row['name']}"
        for row in found["rows"]
        if row["changed"] is not None
    )
    start = "How many customers would stand in another segment had the model learned otherwise"
    return f"{start}: {told}." if told else ""


def segment_order(summary: ReportSummary) -> str:
    """Say in how many segments what happened lies within chance of what was expected."""
    found = (summary.outlook.segments or {}).get("evidence")
    rows = [row for row in (found["rows"] if found else ()) if row["customers"]]
    bounded = [row for row in rows if row["actual_lower"] is not None]
    near = sum(row["actual_lower"] <= row["predicted"] <= row["actual_upper"] for row in bounded)
    return (
        f"In {count(near)} of {plural(len(bounded), 'segment')} the expectation lies within what "
        "chance explains."
    )


def segment_evidence(summary: ReportSummary) -> str:
    """Say whether the segments ranked customers rightly on held-out data, and against RFM."""
    found = (summary.outlook.segments or {}).get("evidence")
    if not found:
        return ""
    order, against = found["order"], found["against_rfm"]
    text = (
        f"Formed on {day(found['origin'])} and looked at again on {day(found['end'])}, "
        f"{count(order['in_order'])} of {plural(order['pairs'], 'pair')} of segments came out in "
        "the order that was predicted"
    )
    captured = {row["method"]: row for row in found["lift"]}
    ours, rfm = captured.get("segments"), captured.get("rfm")
    if ours is None or rfm is None or against is None:
        return f"{text}."
    better = {
        "segments": "the segments here find them better",
        "rfm": "the older recipe finds them better",
        "undecided": (
            "RFM ranks customers as well, too close to call. What the segments add is an amount "
            "of money with its range"
        ),
    }[against["better"]]
    return (
        f"{text}. The {percent(ours['top'])} of customers whom they put first made "
        f"{percent(ours['capture'])} of all later {found['measure']}; those whom the older recipe "
        f"(quintiles of recency, frequency and amount, RFM) puts first made "
        f"{percent(rfm['capture'])}: {better}."
    )


def cohorts(summary: ReportSummary) -> str:
    """Say what a customer of the oldest cohort has brought and is expected to bring."""
    found = summary.outlook.cohorts
    if found is None:
        return ""
    row = found["rows"][0]
    who = f"Customers who came in {cohort(row['cohort'])}"
    ahead = row["to_year_ahead"]
    if found["quantity"] == "revenue":
        text = f"{who} have spent {money(row['to_date'], summary.scope.currency)} each so far"
        if ahead is None:
            return f"{text}."
        bounds = money_range(ahead["lower"], ahead["upper"], summary.scope.currency)
        reach = money(ahead["expected"], summary.scope.currency)
    else:
        text = f"{who} have made {number(row['to_date'])} purchases each so far"
        if ahead is None:
            return f"{text}."
        bounds, reach = quantity_range(ahead), number(ahead["expected"])
    return f"{text}; a year from now it should be {reach} ({bounds})."


def newcomers(summary: ReportSummary) -> str:
    """Say how much of next year's sales must come from customers not met yet."""
    forward = summary.outlook.forward
    if forward is None:
        return ""
    need = forward["new_customers"]
    if need is None:
        reason = forward.get("new_customers_reason") or ""
        return f"How much must come from new customers cannot be told. {reason}".strip()
    share, last, new = need["share"], need["last_year"], need["last_year"]["of_new_customers"]
    sales = need["quantity"] == "revenue"

    def write(value: float) -> str:
        return money(value, summary.scope.currency) if sales else number(value)

    existing = expectation(need["existing"], summary, sales=sales)
    did = "Sales" if sales else "Purchases"
    return (
        f"{did} from {day(last['start'])} to {day(last['end'])} came to {write(last['total'])}"
        + (f", of which {write(new)} from customers who were new then" if new else "")
        + f". Today's customers should bring {existing} in the next 12 months. To do as well "
        f"again, {percent(share['expected'])} ({percent_range(share['lower'], share['upper'])}) "
        "must come from customers who are not here yet."
    )


def forward(summary: ReportSummary) -> str:
    """Say what the next months should bring."""
    found = summary.outlook.forward
    if found is None or not found["spans"]:
        return ""
    last = found["spans"][-1]
    figures = last["revenue"] or last["purchases"]
    told = expectation(figures, summary, sales=bool(last["revenue"]))
    return f"In the next {last['label']} today's customers should bring {told}."


def active(summary: ReportSummary) -> str:
    """Say how many customers should still be active at the end."""
    found = summary.outlook.forward
    if found is None or not found["spans"] or found["spans"][-1]["active_at_end"] is None:
        return ""
    today, last = found["active_today"], found["spans"][-1]
    then = last["active_at_end"]
    return (
        f"Of {number(today['expected'])} customers active today, {number(then['expected'])} "
        f"({quantity_range(then)}) should still be so in {last['label']}."
    )


def tornado(summary: ReportSummary) -> str:
    """Say which assumption moves the value most."""
    found = summary.outlook.sensitivity
    if found is None or not found["entries"]:
        return ""
    top = found["entries"][0]
    return (
        f"“{top['label']}” moves the value most: {top['low']['input']} gives "
        f"{_amount(top['low']['value'], summary, found)}, {top['high']['input']} "
        f"{_amount(top['high']['value'], summary, found)}."
    )


def last_forecast(summary: ReportSummary) -> str:
    """Say how the last report's forecast came out."""
    found = summary.outlook.last_forecast
    if found is None or found["status"] == "none":
        return "There is no earlier report whose forecast could be held against what happened."
    if found["status"] != "checked":
        return found["reason"] or "The last report's forecast cannot be checked."
    figures = found["revenue"] or found["purchases"]
    sales = bool(found["revenue"])
    came = money(figures["actual"], summary.scope.currency) if sales else number(figures["actual"])
    off = figures["off"]
    extent = ""
    if off is not None:
        extent = f", {percent(abs(off))} {'more' if off >= 0 else 'less'} than expected"
    return (
        f"For the {plural(found['days'], 'day')} to {day(found['to'])} the last report expected "
        f"{expectation(figures['forecast'], summary, sales=sales)}; {came} came{extent}, "
        f"{'inside' if figures['inside'] else 'outside'} its range."
    )


def payback_in_words(found: Mapping[str, float | str | None] | None) -> str:
    """Write when the cost of winning a customer comes back, for a cell of a table."""
    if found is None:
        return "–"
    if found["status"] == "not_within_horizon" or found["months"] is None:
        return "not in sight"
    if found["months"] == 0:
        return "the first purchase"
    if float(found["months"]) < 1 and float(found["latest_months"] or 0.0) < 1:
        return "less than a month"
    first = float(found["months"])
    months = number_of_months(first) if first >= 1 else "less than a month"
    earliest, latest = found["earliest_months"], found["latest_months"]
    if found["status"] == "reached" or earliest is None:
        return months
    # A tenth of a month is three days: nobody plans any finer.
    start = f"{float(earliest):.3g}" if float(earliest) >= 0.1 else "0"
    end = "later than seen here" if latest is None else f"{float(latest):.3g}"
    return f"{months} ({start} to {end})"
