"""Each rule catches its rows, the first rule counts, and the account always balances."""

import math
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvmodels.errors import ClvError, DataWarning, InputError
from clvmodels.transactions import RowAccount, read_transactions
from clvmodels.transactions.account import RULES
from tests.transactions.logs import GOOD, expected, frame, quarantine, quiet, records

BROKEN = {
    "missing_customer_id": [(None, "x", -1.0), ("", "2024-01-01", 1.0), (" \t\u00a0", None, 1.0)],
    "missing_date": [("a", None, -1.0), ("a", "  ", None)],
    "unreadable_date": [
        ("a", "2024-02-30", -1.0),
        ("a", "soon", 1.0),
        ("a", "12024-01-01", 1.0),
        ("a", "infinity", 1.0),
        ("a", "2024-01-01x", 1.0),
        ("a", "2024-01-01 25:00:00", 1.0),
        ("a", "2024-01-01 10:00:00 elsewhere", 1.0),
    ],
    "unreadable_amount": [("a", "2024-01-01", None)],
    "non_finite_amount": [("a", "2024-01-01", value) for value in (math.nan, math.inf, -math.inf)],
    "amount_out_of_range": [("a", "2024-01-01", 1e12), ("a", "2024-01-01", -1e300)],
    "return_without_purchase": [("a", "2024-01-01", -0.01)],
}


@pytest.mark.parametrize("rule", BROKEN)
def test_each_rule_catches_its_rows(rule):
    rows = [*GOOD, *BROKEN[rule]]
    log = quiet(frame(rows))
    assert log.check().account == RowAccount(
        read=len(rows), used=6, merged=1, quarantined={rule: len(BROKEN[rule])}
    )
    assert [(row["rule"], row["row"]) for row in quarantine(log)] == [
        (rule, 8 + number) for number in range(len(BROKEN[rule]))
    ]
    assert records(log) == records(read_transactions(frame()))


@pytest.mark.parametrize("text", ["", "abc", "1,234.5", "$5", "12.5 EUR", "--1", "NULL"])
def test_amounts_that_are_no_numbers(tmp_path, text):
    path = tmp_path / "log.csv"
    path.write_text(f'customer_id,date,amount\na,2024-01-01,1\na,2024-01-02,"{text}"\n')
    assert quiet(path).check().account.quarantined == {"unreadable_amount": 1}


@pytest.mark.parametrize("text", ["nan", "inf", "-Infinity", "1e999"])
def test_amounts_that_are_not_finite_numbers(tmp_path, text):
    path = tmp_path / "log.csv"
    path.write_text(f"customer_id,date,amount\na,2024-01-01,1\na,2024-01-02,{text}\n")
    assert quiet(path).check().account.quarantined == {"non_finite_amount": 1}


def test_all_failures_are_reported_together():
    rows = [*GOOD, *(row for some in BROKEN.values() for row in some)]
    with pytest.warns(
        DataWarning, match=r"19 of 26 rows were set aside: .*return_without_purchase 1\."
    ):
        log = read_transactions(frame(rows))
    account = log.check().account
    assert account.quarantined == {rule: len(some) for rule, some in BROKEN.items()}
    assert list(account.quarantined) == [rule for rule in RULES if rule in BROKEN]


def test_rows_after_the_observation_end_are_late_before_their_amounts_are_looked_at():
    rows = [*GOOD, ("a", "2024-03-05", None), (None, "2024-03-05", None), ("b", "2024-03-06", 1.0)]
    log = quiet(frame(rows))
    late = log.check("2024-02-29").account.quarantined
    assert late == {"missing_customer_id": 1, "after_observation_end": 2}
    assert [row["rule"] for row in quarantine(log, "2024-02-29")] == [
        "after_observation_end",
        "missing_customer_id",
        "after_observation_end",
    ]
    # Nobody said when the observation ends: nothing is late.
    assert log.check().account.quarantined == {"missing_customer_id": 1, "unreadable_amount": 1}
    assert log.check().observation_end == date(2024, 3, 6)


def test_the_observation_must_not_end_before_it_begins():
    log = read_transactions(frame())
    with pytest.raises(InputError, match="before the first purchase on 2024-01-01"):
        log.summarize("2023-12-31")
    assert len(log.summarize("2024-01-01")) == 1


def test_zero_amounts_are_purchases_unless_dropped():
    rows = [*GOOD, ("a", "2024-01-05", 0.0), ("9", "2024-02-02", 0.0), ("a", "2024-01-06", -0.0)]
    with pytest.warns(DataWarning, match="3 rows have the amount zero"):
        kept = read_transactions(frame(rows))
    assert kept.check().account == RowAccount(read=10, used=8, merged=2)
    dropped = read_transactions(frame(rows), zero_amounts="drop")
    assert dropped.check().account == RowAccount(
        read=10, used=6, merged=1, quarantined={"zero_amount": 3}
    )
    assert dropped.warnings == ()


def test_zero_rows_are_counted_once_each_also_where_they_repeat():
    rows = [*GOOD, *[("a", "2024-01-05", 0.0)] * 3, ("9", "2024-02-02", 0.0)]
    counts = {warning.code: warning.count for warning in quiet(frame(rows)).warnings}
    assert counts == {"zero_amounts": 4, "duplicates": 2}
    dropped = quiet(frame(rows), duplicates="drop")
    assert {warning.code: warning.count for warning in dropped.warnings} == {"zero_amounts": 2}


def test_exact_duplicates_are_added_up_unless_dropped():
    rows = [*GOOD, GOOD[0], GOOD[0], GOOD[4], ("9", "2024-02-02", 21.0), GOOD[2]]
    with pytest.warns(DataWarning, match="4 rows are exact duplicates"):
        kept = read_transactions(frame(rows))
    assert records(kept)[0]["order_value"] == (15.0 + 3.0) / 2
    dropped = read_transactions(frame(rows), duplicates="drop")
    assert dropped.check().account == RowAccount(
        read=12, used=6, merged=2, quarantined={"duplicate": 4}
    )
    assert records(dropped)[0]["order_value"] == (5.0 + 2.75) / 2
    assert [row["row"] for row in quarantine(dropped)] == [8, 9, 10, 12]


def test_an_order_id_or_another_time_of_day_tells_rows_apart():
    same = frame([("a", "2024-01-01 10:00:00", 1.0), ("a", "2024-01-01 10:00:00", 1.0)])
    assert [w.count for w in quiet(same).warnings] == [1]
    assert (
        read_transactions(same.append_column("order", [["1", "2"]]), order_id="order").warnings
        == ()
    )
    other = frame([("a", "2024-01-01 10:00:00", 1.0), ("a", "2024-01-01 10:00:01", 1.0)])
    log = read_transactions(other)
    assert log.warnings == ()
    assert log.check().account == RowAccount(read=2, used=1, merged=1)


def test_amounts_are_summed_exactly_and_may_outgrow_a_row():
    rows = [("a", "2024-01-01", 0.1)] * 10 + [("b", "2024-01-01", 999_999_999_999.5)] * 30
    log = quiet(frame(rows))
    assert [row["order_value"] for row in records(log)] == [1.0, 29_999_999_999_985.0]


def test_an_account_that_does_not_balance_is_a_defect():
    with pytest.raises(ClvError, match="does not balance: 5 rows read, 4 accounted"):
        RowAccount(read=5, used=3, merged=0, quarantined={"negative_amount": 1})


IDS = st.sampled_from([None, "", " ", "a", "b", "c", "0", "00"])
DAYS = st.sampled_from(
    [None, "", "never", "2024-02-30", *(f"2024-01-0{day}" for day in range(1, 7))]
)
AMOUNTS = st.sampled_from([None, math.nan, math.inf, 1e12, -1.0, 0.0, 0.1, 0.2, 1.0, 1.0, 2.5])


@given(
    rows=st.lists(st.tuples(IDS, DAYS, AMOUNTS), max_size=40),
    end=st.sampled_from([None, date(2024, 1, 3), date(2024, 1, 31)]),
    drop_zero=st.booleans(),
    drop_duplicates=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_any_log_comes_to_what_a_slow_reading_says(rows, end, drop_zero, drop_duplicates):
    rows = [*rows, ("z", "2024-01-01", 1.0)]
    log = quiet(
        frame(rows),
        returns="drop",
        zero_amounts="drop" if drop_zero else "keep",
        duplicates="drop" if drop_duplicates else "keep",
    )
    rejected, days = expected(rows, end, drop_zero=drop_zero, drop_duplicates=drop_duplicates)
    account = log.check(end).account
    assert account.quarantined == dict(rejected)
    assert account.read == len(rows)
    assert account.used == sum(len(some) for some in days.values())
    aside = quarantine(log, end)
    assert {rule: sum(r["rule"] == rule for r in aside) for rule in rejected} == dict(rejected)
    for row in aside:
        original = rows[row["row"] - 1]
        assert (row["customer_id"], row["date"]) == original[:2]
    found = {row["customer_id"]: row for row in records(log, end)}
    assert set(found) == set(days)
    last = end or max(day for some in days.values() for day in some)
    for customer, some in days.items():
        row, order = found[customer], sorted(some)
        assert row["frequency"] == len(some) - 1
        assert row["recency"] == (order[-1] - order[0]).days
        assert row["T"] == (last - order[0]).days
        assert row["order_value"] == float(sum(some.values())) / len(some)
        repeat = sum(some[day] for day in order[1:])
        value = float(repeat) / (len(some) - 1) if len(some) > 1 else None
        assert row["monetary_value"] == value


@given(rows=st.lists(st.tuples(IDS, DAYS, AMOUNTS), max_size=40))
@settings(max_examples=30, deadline=None)
def test_duplicates_and_zeros_are_counted_as_a_slow_reading_counts_them(rows):
    rows = [*rows, ("z", "2024-01-01", 1.0)]
    good = [row for row in rows if not expected([row], None)[0]]
    counts = {
        warning.code: warning.count for warning in quiet(frame(rows), returns="drop").warnings
    }
    assert counts.get("duplicates", 0) == len(good) - len(set(good))
    assert counts.get("zero_amounts", 0) == sum(row[2] == 0 for row in good)
