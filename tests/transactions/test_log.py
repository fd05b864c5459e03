"""Views for back-tests see nothing later; summaries come in the shapes that models need."""

import gc
from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest

from clvmodels.errors import InputError, ParameterError
from clvmodels.transactions import RowAccount, load_cdnow, read_transactions
from tests.transactions.logs import GOOD, frame, quarantine, quiet, records


@pytest.fixture(scope="module")
def sample():
    return load_cdnow("sample")


def test_a_view_equals_a_log_that_ends_there():
    rows = [
        *GOOD,
        ("a", "2024-01-05", 0.0),
        ("b", "2024-01-05", -1.0),
        ("c", "2024-02-20", -1.0),
        (None, "2024-02-20", 1.0),
        ("d", None, 1.0),
    ]
    view = quiet(frame(rows)).before("2024-01-31")
    # A row that cannot be placed in time belongs to every view.
    alone = quiet(frame([row for row in rows if not (row[0] and row[1] and row[1] > "2024-01-31")]))
    assert view.check("2024-01-31") == alone.check("2024-01-31")
    assert records(view) == records(alone, "2024-01-31")
    assert view.last_date == date(2024, 1, 11)
    assert view.check().observation_end == date(2024, 1, 31)
    assert [row["rule"] for row in quarantine(view)] == [
        "return_without_purchase",
        "missing_customer_id",
        "missing_date",
    ]
    assert view.purchases_by_day().num_rows == 5
    assert view.holdout("2024-01-03", "2024-12-31")["holdout_purchases"].to_pylist() == [1, 0, 0]
    assert records(view.before("2030-01-01")) == records(view)
    assert view.check("2030-01-01").observation_end == date(2024, 1, 31)


def test_a_view_before_everything_is_refused():
    with pytest.raises(InputError, match="no purchase up to 2023-12-31"):
        read_transactions(frame()).before("2023-12-31")


def test_the_hold_out_covers_the_customers_known_at_its_start():
    log = read_transactions(frame([*GOOD, ("late", "2024-02-01", 7.0)]))
    assert log.holdout("2024-01-10", date(2024, 2, 2)).to_pylist() == [
        {"customer_id": "007", "holdout_purchases": 1, "holdout_amount": 2.75},
        {"customer_id": "8", "holdout_purchases": 0, "holdout_amount": 0.0},
        {"customer_id": "9", "holdout_purchases": 1, "holdout_amount": 20.0},
    ]
    with pytest.raises(ParameterError, match="after 2024-01-10"):
        log.holdout("2024-01-10", "2024-01-10")


def test_purchases_by_day_tell_new_from_repeat():
    log = read_transactions(frame())
    assert log.purchases_by_day().to_pylist()[:3] == [
        {"day": date(2024, 1, 1), "new_customers": 1, "repeat_purchases": 0, "amount": 5.0},
        {"day": date(2024, 1, 2), "new_customers": 1, "repeat_purchases": 0, "amount": 10.0},
        {"day": date(2024, 1, 3), "new_customers": 1, "repeat_purchases": 0, "amount": 1.0},
    ]
    cohort = log.purchases_by_day(cohort_end="2024-01-01").to_pandas()
    assert cohort.repeat_purchases.tolist() == [0, 1]


def test_triples_and_orders_group_what_columns_list(sample):
    summary = sample.summarize("1997-09-30", time_unit="week")
    columns, triples, orders = summary.columns(), summary.triples(), summary.orders()
    assert len(columns) == len(summary) == triples.weights.sum() == 2_357
    table = pd.DataFrame({"x": columns.frequency, "t_x": columns.recency, "T": columns.age})
    counts = table.groupby(["x", "t_x", "T"]).size()
    np.testing.assert_array_equal(triples.weights, counts)
    np.testing.assert_array_equal(triples.frequency, counts.index.get_level_values("x"))
    np.testing.assert_array_equal(triples.recency, counts.index.get_level_values("t_x"))
    assert triples.time_unit == "week"
    assert orders.weights.sum() == 946
    paid = columns.monetary_value[columns.frequency > 0]
    assert (orders.weights * orders.monetary_value).sum() == pytest.approx(paid.sum())
    assert list(columns.customer_id.to_pylist()) == sorted(columns.customer_id.to_pylist())


def test_units_differ_by_seven_except_in_batches(sample):
    days, weeks = sample.summarize("1997-09-30"), sample.summarize("1997-09-30", "week")
    frames = days.to_pandas(), weeks.to_pandas()
    np.testing.assert_allclose(frames[0]["T"], 7.0 * frames[1]["T"], rtol=1e-15)
    np.testing.assert_array_equal(frames[0]["frequency"], frames[1]["frequency"])
    first, second = list(days.batches(rows=1_000)), list(weeks.batches(rows=1_000))
    assert first == second
    ids = [customer for batch in first for customer in batch.column("customer_id").to_pylist()]
    assert ids == sorted(ids)
    assert [batch.num_rows for batch in first] == [1_000, 1_000, 357]
    assert first[0].column("T").to_pylist()[:2] == frames[0]["T"].tolist()[:2]
    with pytest.raises(ParameterError, match="'day' or 'week'"):
        sample.summarize(time_unit="month")


def test_streams_do_not_disturb_each_other(sample):
    summary = sample.summarize()
    one = summary.batches(rows=500)
    next(one)
    two = sum(batch.num_rows for batch in summary.batches(rows=500))
    del summary
    gc.collect()
    assert 500 + sum(batch.num_rows for batch in one) == two == 2_357


def test_a_summary_that_is_gone_leaves_no_table(sample):
    database = sample._scan.database
    count = "SELECT count(*) FROM duckdb_tables()"
    before = database.run(count)
    summary = sample.summarize()
    assert database.run(count) != before
    del summary
    gc.collect()
    assert database.run(count) == before


def test_a_fingerprint_knows_its_data(sample):
    summary = sample.summarize("1997-09-30")
    assert summary.fingerprint == sample.summarize("1997-09-30", "week").fingerprint
    assert summary.fingerprint == sample.before("1997-09-30").summarize().fingerprint
    assert summary.fingerprint != sample.summarize("1997-10-01").fingerprint
    doubled = [(i, d, 2.0 * a) for i, d, a in GOOD]
    prints = {read_transactions(frame(rows)).summarize().fingerprint for rows in (GOOD, doubled)}
    assert len(prints) == 2


def test_summaries_and_logs_show_themselves(tmp_path):
    path = tmp_path / "<b>.csv"
    path.write_text("customer_id,date,amount\na,2024-01-01,1234.5\nb,2024-01-02,-1\n")
    log = quiet(path)
    summary = log.summarize()
    assert "1,234.50" in repr(summary)
    assert "return_without_purchase 1" in repr(summary)
    assert "2 rows read = 1 purchase days" in repr(log)
    assert "<table>" in summary._repr_html_()
    assert "&lt;b&gt;.csv" in log._repr_html_()


def test_days_are_dates_or_iso_text():
    log = read_transactions(frame())
    for end in ("2024-01-11", date(2024, 1, 11), datetime(2024, 1, 11, 12)):
        assert log.check(end).account == RowAccount(
            read=7, used=4, merged=1, quarantined={"after_observation_end": 2}
        )
    for end in ("11.1.2024", 5, "2024-02-30"):
        with pytest.raises(ParameterError, match="a day such as '2025-12-31'"):
            log.check(end)
