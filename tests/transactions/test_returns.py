"""Returns are netted exactly, by views that see nothing later, and the account balances."""

import random
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvmodels.errors import DataWarning, InputError, ParameterError
from clvmodels.transactions import RowAccount, read_transactions
from tests.transactions.ledger import net
from tests.transactions.logs import frame, quarantine, quiet, records

START = date(2024, 1, 1)


def table(rows):
    """Arrow table of (id, day, amount, order id) with exact amounts."""
    ids, days, amounts, orders = zip(*rows, strict=True)
    return pa.table(
        {
            "customer_id": pa.array(ids, pa.string()),
            "date": pa.array(days, pa.date32()),
            "amount": pa.array(amounts, pa.decimal128(12, 2)),
            "order": pa.array(orders, pa.string()),
        }
    )


def log_of(rows, **options):
    return quiet(table(rows), **options)


def days_of(log, end=None):
    """Purchase days of each customer as a log sees them, by its relation for every query."""
    found = {}
    rows = log._scan.database.run(
        f"SELECT customer_id, day, amount FROM {log.seen(end)} ORDER BY ALL"
    )
    for customer, day, amount in rows:
        found.setdefault(customer, {})[day] = amount
    return found


def check_against_the_ledger(log, rows, end=None):
    standing, merged, netted, unmatched = net(rows, end)
    late = sum(end is not None and day > end for _, day, _, _ in rows)
    if not standing:
        with pytest.raises(InputError):
            log.summarize(end)
        return
    summary = log.summarize(end)
    expected = {"after_observation_end": late, "return_without_purchase": unmatched}
    assert summary.account == RowAccount(
        read=len(rows),
        used=sum(map(len, standing.values())),
        merged=merged,
        netted=netted,
        quarantined={rule: count for rule, count in expected.items() if count},
    )
    assert days_of(log, end) == standing
    aside = Counter(row["rule"] for row in quarantine(log, end))
    assert dict(aside) == summary.account.quarantined
    customers = {row["customer_id"]: row for row in summary.to_arrow().to_pylist()}
    assert set(customers) == set(standing)
    for customer, days in standing.items():
        row, order = customers[customer], sorted(days)
        assert row["frequency"] == len(days) - 1
        assert (row["first_purchase"], row["last_purchase"]) == (order[0], order[-1])
        assert row["order_value"] == pytest.approx(float(sum(days.values())) / len(days))


def random_rows(rng, customers, *, orders):
    rows = []
    for number in range(customers):
        own = rng.randint(1, 12)
        share = rng.choice([0.1, 0.3, 0.6])
        for _ in range(own):
            amount = rng.choice([0, 1, 1, 2, 3, 5, 8, 1000]) + rng.choice([0, 0, Decimal("0.5")])
            if rng.random() < share:
                amount = -max(amount, Decimal("0.25"))
            order = rng.choice([None, "1", "2", "3"]) if orders else None
            day = START + timedelta(days=rng.randint(0, rng.choice([3, 20])))
            rows.append((f"c{number}", day, Decimal(amount), order))
    return rows


@pytest.mark.parametrize("orders", [False, True])
@pytest.mark.parametrize("seed", [1, 2])
def test_thousands_of_customers_come_to_what_a_step_by_step_ledger_says(seed, orders):
    rows = random_rows(random.Random(seed), 3_000, orders=orders)
    log = log_of(rows, order_id="order" if orders else None)
    for end in (None, START, START + timedelta(days=2), START + timedelta(days=9)):
        check_against_the_ledger(log, rows, end)


AMOUNTS = st.sampled_from([Decimal(n) for n in (-100, -2, -1, 0, 1, 1, 2, 3)])
ROWS = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.integers(0, 5).map(lambda days: START + timedelta(days=days)),
        AMOUNTS,
        st.sampled_from([None, "x", "y"]),
    ),
    max_size=14,
)


@given(rows=ROWS, end=st.sampled_from([None, 0, 2, 4]), orders=st.booleans())
@settings(max_examples=30, deadline=None)
def test_any_log_nets_as_the_ledger_does(rows, end, orders):
    rows = [*rows, ("z", START, Decimal(1), None)]
    log = log_of(rows, order_id="order" if orders else None)
    end = None if end is None else START + timedelta(days=end)
    if not orders:
        rows = [(*row[:3], None) for row in rows]
    check_against_the_ledger(log, rows, end)


@given(rows=ROWS, cut=st.integers(0, 4), orders=st.booleans())
@settings(max_examples=20, deadline=None)
def test_a_view_equals_a_log_that_ends_there(rows, cut, orders):
    rows = [*rows, ("z", START, Decimal(1), None)]
    day, order_id = START + timedelta(days=cut), "order" if orders else None
    view = log_of(rows, order_id=order_id).before(day)
    alone = log_of([row for row in rows if row[1] <= day], order_id=order_id)
    assert view.check() == alone.check(day)
    assert records(view) == records(alone, day)
    aside = [{**row, "row": 0} for row in quarantine(view)]
    assert aside == [{**row, "row": 0} for row in quarantine(alone)]
    assert view.purchases_by_day() == alone.purchases_by_day()
    assert (view.first_date, view.summarize().fingerprint) == (
        alone.first_date,
        alone.summarize(day).fingerprint,
    )


@given(rows=ROWS, duplicates=st.sampled_from(["keep", "drop"]), orders=st.booleans())
@settings(max_examples=20, deadline=None)
def test_dropping_duplicates_beside_returns_is_netting_the_distinct_rows(rows, duplicates, orders):
    rows = [*rows, ("z", START, Decimal(1), None)]
    options = {"order_id": "order"} if orders else {}
    key = {(*row[:3], row[3] if orders else None) for row in rows}
    log = log_of(rows, duplicates=duplicates, **options)
    account = log.check().account
    assert account.read == len(rows)
    assert Counter(row["rule"] for row in quarantine(log)) == account.quarantined
    warned = {warning.code: warning.count for warning in log.warnings}.get("duplicates", 0)
    if duplicates == "drop":
        alone = log_of([(*row,) for row in sorted(key, key=str)], **options)
        assert records(log) == records(alone)
        assert (account.used, account.merged) == (
            alone.check().account.used,
            alone.check().account.merged,
        )
        assert account.netted == alone.check().account.netted
        assert warned == 0


def amounts_of(rows, **options):
    """What stands of one customer's rows of (day of January, amount, order id)."""
    return {
        day.day: float(amount)
        for day, amount in days_of(
            log_of(
                [("a", date(2024, 1, day), Decimal(amount), order) for day, amount, order in rows]
                + [("z", START, Decimal(1), None)],
                **options,
            )
        )
        .get("a", {})
        .items()
    }


@pytest.mark.parametrize(
    ("rows", "standing"),
    [
        ([(1, 10, None), (3, 20, None), (5, -5, None)], {1: 10, 3: 15}),
        ([(1, 10, None), (3, 20, None), (5, -25, None)], {1: 5}),
        ([(1, 10, None), (3, 20, None), (5, -5, "1")], {1: 10, 3: 15}),
        ([(1, 10, "1"), (3, 20, "2"), (5, -4, "1")], {1: 6, 3: 20}),
        ([(1, 10, "1"), (3, 20, "2"), (5, -14, "1")], {3: 16}),
        # The latest purchase before the return, not one after it.
        ([(1, 10, None), (3, -4, None), (5, 20, None)], {1: 6, 5: 20}),
        ([(1, 10, "2"), (3, -4, "1"), (5, 20, "1")], {1: 6, 5: 20}),
        # The same day: whatever the order of its rows.
        ([(1, -10, None), (1, 10, None)], {}),
        ([(1, -4, None), (1, 10, None)], {1: 6}),
        # Nothing carries over to later purchases.
        ([(1, -50, None), (3, 10, None)], {3: 10}),
        ([(1, 10, None), (2, -50, None), (3, 10, None)], {3: 10}),
        # Several against several.
        ([(1, 5, None), (2, 5, None), (3, 5, None), (4, -6, None), (5, -6, None)], {1: 3}),
        # Links come first, whenever they come.
        ([(1, 10, "1"), (2, 10, "2"), (3, -10, None), (4, -10, "2")], {}),
        ([(1, 9, "1"), (2, 10, "2"), (3, -10, None), (4, 5, None), (5, -10, "2")], {4: 5}),
        # A purchase of nothing stands, but for a day that returns emptied.
        ([(1, 0, None), (2, -1, None)], {1: 0}),
        ([(1, 0, None), (1, 3, None), (2, -3, None)], {}),
        # Blank order ids link nothing.
        ([(1, 10, " "), (3, 20, "2"), (5, -4, " ")], {1: 10, 3: 16}),
    ],
)
def test_what_returns_leave(rows, standing):
    assert amounts_of(rows, order_id="order") == standing


def test_a_cancelled_giant_order_leaves_no_trace():
    rows = [
        ("a", "2024-01-01", 20.0),
        ("a", "2024-02-01", 30.0),
        ("a", "2024-02-03", 1e9),
        ("a", "2024-02-04", -1e9),
        ("b", "2024-01-05", 7.0),
    ]
    log = read_transactions(frame(rows))
    assert log.check().account == RowAccount(read=5, used=3, merged=0, netted=2)
    assert records(log, "2024-02-10") == records(quiet(frame(rows[:2] + rows[4:])), "2024-02-10")
    assert log.last_date == date(2024, 2, 4)


def test_a_return_that_exceeds_the_purchases_is_netted_and_the_rest_is_said():
    rows = [("a", "2024-01-01", 60.0), ("a", "2024-01-05", -100.0), ("a", "2024-01-06", -5.0)]
    rows += [("b", "2024-01-01", 1.0)]
    with pytest.warns(DataWarning) as said:
        log = read_transactions(frame(rows))
    assert any("1 returns exceed" in str(w.message) and "40 in all" in str(w.message) for w in said)
    assert log.check().account == RowAccount(
        read=4, used=1, merged=0, netted=2, quarantined={"return_without_purchase": 1}
    )
    (row,) = quarantine(log)
    assert (row["rule"], row["row"], row["amount"]) == ("return_without_purchase", 3, -5.0)


def test_only_returns_after_their_order_is_used_up_are_lost_with_it():
    rows = [
        ("a", START, Decimal(10), "1"),
        ("a", START + timedelta(days=1), Decimal(-12), "1"),
        ("a", START + timedelta(days=1), Decimal(-3), "2"),
        ("z", START, Decimal(1), None),
    ]
    log = log_of(rows, order_id="order")
    account = log.check().account
    assert (account.netted, account.quarantined) == (2, {"return_without_purchase": 1})
    assert [row["order"] for row in quarantine(log)] == ["2"]
    message = {warning.code: warning.message for warning in log.warnings}
    assert "the rest of them, 2 in all" in message["returns_beyond_purchases"]


def test_a_view_keeps_what_is_returned_only_later():
    rows = [("a", "2024-01-01", 10.0), ("a", "2024-03-01", -10.0), ("a", "2024-03-05", 4.0)]
    rows += [("b", "2024-01-02", 1.0), ("b", "2024-02-01", 5.0), ("b", "2024-03-02", -5.0)]
    log = quiet(frame(rows))
    past = log.before("2024-02-15")
    assert [(r["customer_id"], r["frequency"], r["order_value"]) for r in records(past)] == [
        ("a", 0, 10.0),
        ("b", 1, 3.0),
    ]
    assert past.check().account == RowAccount(read=3, used=3, merged=0)
    assert records(log, "2024-02-15") == records(past)
    # Everyone known at the start is in the hold-out, also if their purchase is gone by its end.
    assert log.holdout("2024-02-15", "2024-03-31").to_pylist() == [
        {"customer_id": "a", "holdout_purchases": 1, "holdout_amount": 4.0},
        {"customer_id": "b", "holdout_purchases": 0, "holdout_amount": 0.0},
    ]
    tracked = log.purchases_by_day(cohort_end="2024-02-15").to_pylist()
    assert [(row["day"].isoformat(), row["repeat_purchases"]) for row in tracked] == [
        ("2024-01-02", 0),
        ("2024-03-05", 1),
    ]
    assert log.first_date == date(2024, 1, 1)


def test_the_hold_out_counts_no_purchase_that_was_returned_by_its_end():
    rows = [("a", "2024-01-01", 10.0), ("a", "2024-02-01", 8.0), ("a", "2024-02-05", -8.0)]
    rows += [("a", "2024-03-01", 9.0), ("a", "2024-03-20", -2.0)]
    log = quiet(frame(rows))
    until = {
        end: log.holdout("2024-01-15", end).to_pylist()[0]
        for end in ("2024-02-04", "2024-02-05", "2024-03-10", "2024-03-31")
    }
    assert [(row["holdout_purchases"], row["holdout_amount"]) for row in until.values()] == [
        (1, 8.0),
        (0, 0.0),
        (1, 9.0),
        (1, 7.0),
    ]


def test_a_log_in_which_everything_was_returned_is_refused():
    log = quiet(frame([("a", "2024-01-01", 5.0), ("a", "2024-01-09", -5.0)]), returns="drop")
    assert log.check().account.used == 1
    with pytest.raises(InputError, match="Every purchase up to 2024-01-09 was returned"):
        quiet(frame([("a", "2024-01-01", 5.0), ("a", "2024-01-09", -5.0)]))
    with pytest.raises(InputError, match="return_without_purchase 1"):
        quiet(frame([("a", "2024-01-01", -5.0)]))


def test_drop_sets_returns_aside_and_reject_refuses_them():
    rows = [("a", "2024-01-01", 5.0), ("a", "2024-01-02", -5.0), ("b", "2024-01-02", -1.0)]
    dropped = quiet(frame(rows), returns="drop")
    assert dropped.check().account == RowAccount(
        read=3, used=1, merged=0, quarantined={"negative_amount": 2}
    )
    assert [row["row"] for row in quarantine(dropped)] == [2, 3]
    with pytest.raises(InputError, match=r"2 rows of 2 customers have a negative amount, .*net"):
        read_transactions(frame(rows), returns="reject")
    assert read_transactions(frame(rows[:1]), returns="reject").check().account.used == 1
    with pytest.raises(ParameterError, match="'net' or 'drop' or 'reject'"):
        read_transactions(frame(rows), returns="keep")


def test_zeros_and_duplicates_on_cancelled_days_are_not_purchases():
    rows = [("a", "2024-01-01", 0.0), ("a", "2024-01-01", 5.0), ("a", "2024-01-01", 5.0)]
    rows += [("a", "2024-01-02", -10.0), ("b", "2024-01-02", 0.0), ("b", "2024-01-02", 0.0)]
    log = quiet(frame(rows))
    assert log.check().account == RowAccount(read=6, used=1, merged=1, netted=4)
    counts = {warning.code: warning.count for warning in log.warnings}
    assert counts == {"zero_amounts": 2, "duplicates": 2}
    dropped = quiet(frame(rows), duplicates="drop")
    assert dropped.check().account == RowAccount(
        read=6, used=1, merged=0, netted=3, quarantined={"duplicate": 2}
    )
    assert [row["row"] for row in quarantine(dropped)] == [3, 6]


@pytest.mark.parametrize(
    ("returns", "copies"),
    [
        # Those of the order that finds nothing are set aside, and are nobody's duplicates.
        ([(-6, "1"), (-6, "1"), (-5, "2"), (-5, "2")], 1),
        ([(-5, "2"), (-5, "2"), (-12, "1")], 0),
        ([(-4, " "), (-4, None), (-4, " ")], 1),
        ([(-3, "2"), (-3, "1"), (-3, "2")], 1),
    ],
)
def test_copies_among_returns_are_told_apart_by_their_order(returns, copies):
    rows = [("a", START, Decimal(12), "1"), ("z", START, Decimal(1), None)]
    later = START + timedelta(days=1)
    rows += [("a", later, Decimal(amount), order) for amount, order in returns]
    counts = {w.code: w.count for w in log_of(rows, order_id="order").warnings}
    assert counts.get("duplicates", 0) == copies


def test_files_of_every_kind_net_alike(tmp_path):
    rows = random_rows(random.Random(5), 200, orders=True)
    whole = table(rows)
    expected = log_of(rows, order_id="order")
    pyarrow.csv.write_csv(whole.slice(0, 300), tmp_path / "1.csv")
    pq.write_table(whole.slice(300), tmp_path / "2.parquet")
    mixed = quiet([tmp_path / "1.csv", tmp_path / "2.parquet"], order_id="order")
    assert mixed.check() == expected.check()
    assert records(mixed) == records(expected)
    shuffled = list(rows)
    random.Random(6).shuffle(shuffled)
    assert records(log_of(shuffled, order_id="order")) == records(expected)
    aside = {(row["source"], row["row"]) for row in quarantine(mixed)}
    numbered = {("1.csv", n) if n <= 300 else ("2.parquet", n - 300) for n in range(1, len(rows))}
    assert aside <= numbered
    places = sorted(n if name == "1.csv" else n + 300 for name, n in aside)
    assert places == [row["row"] for row in quarantine(expected)]


def test_order_ids_of_any_type_link():
    for orders in (pa.array([1, 2, 1]), pa.array(["1", "2", "1"]).dictionary_encode()):
        data = pa.table(
            {
                "customer_id": ["a"] * 3,
                "date": pa.array([date(2024, 1, day) for day in (1, 2, 3)]),
                "amount": [10.0, 10.0, -10.0],
                "order": orders,
            }
        )
        assert days_of(quiet(data, order_id="order")) == {"a": {date(2024, 1, 2): Decimal(10)}}


def test_amounts_beyond_narrow_sums_are_netted_exactly():
    rows = [("a", "2024-01-01", 999_999_999_999.5)] * 30 + [("a", "2024-01-02", -1.25)]
    (row,) = records(quiet(frame(rows)))
    assert row["order_value"] == 29_999_999_999_983.75


def test_a_log_without_returns_has_no_part_of_this():
    log = quiet(frame())
    assert log._scan.returns is None
    tables = log._scan.database.run("SELECT table_name FROM duckdb_tables()")
    assert not [name for (name,) in tables if not name.startswith("days")]
    assert pc.sum(log.holdout("2024-01-10", "2024-03-01")["holdout_purchases"]).as_py() == 3
