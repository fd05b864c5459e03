"""Cohorts and payback on a log that can be worked out by hand."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

import clvmodels as clv
from clvmodels.config.economics import EconomicsConfig
from clvmodels.errors import ConfigurationError, DataWarning
from clvmodels.outlook.channels import payback_by_label
from clvmodels.outlook.cohorts import cac_of_cohort, cohorts
from clvmodels.outlook.forward import REACH
from clvmodels.outlook.history import History
from clvmodels.outlook.payback import MarginLife, crossing, new_customers, payback, payback_of
from clvmodels.outlook.periods import Cohort, cohorts_of, period
from clvmodels.outlook.prospect import Prospect
from clvmodels.units import Duration
from clvmodels.value.shock import NO_SHOCK, CommonShocks
from clvmodels.value.totals import ValueGroups
from tests.outlook.bases import TINY, as_table, model_of, spend_model

QUIET = CommonShocks(NO_SHOCK, NO_SHOCK)
END = "2024-03-15"


@pytest.fixture(scope="module")
def tiny():
    log = clv.read_transactions(as_table(TINY))
    return log, log.summarize(END)


def made(log, summary, config, shocks=QUIET):
    value = clv.CustomerValue(model_of("bgnbd"), spend_model(), **config.value_terms())
    scorer = value.scorer("1y", 0.9)
    prospect = Prospect(ValueGroups.of(summary.columns()), scorer, REACH)
    history = History.of(log, summary)
    return cohorts(history, prospect, scorer.terms, shocks, 0.9, config), prospect, scorer


def test_history_is_counted_by_month_of_coming_and_age(tiny):
    history = History.of(*tiny)
    assert history.keys == (date(2023, 1, 1), date(2023, 3, 1))
    assert history.customers.tolist() == [3.0, 1.0]
    january, march = history.amount
    assert january[[0, 1, 2, 12]].tolist() == [57.0, 20.0, 5.0, 3.0]
    assert january.sum() == 85.0
    assert march[[0, 12]].tolist() == [100.0, 1.0]
    assert history.purchases[0, [0, 1, 2, 12]].tolist() == [3.0, 1.0, 1.0, 1.0]
    last = history.last_year  # from 2023-03-17 on
    assert (last.days, last.purchases, last.amount) == (365, 2.0, 4.0)
    assert (last.purchases_of_new, last.amount_of_new) == (0.0, 0.0)


def test_a_cohort_is_what_was_seen_and_then_what_is_expected(tiny):
    found, prospect, _ = made(*tiny, EconomicsConfig())
    assert (found["by"], found["quantity"]) == ("month", "revenue")
    january, march = found["rows"]
    assert (january["cohort"], january["customers"], march["cohort"]) == ("2023-01", 3, "2023-03")
    assert january["first"] == 19.0
    assert january["to_date"] == pytest.approx(85.0 / 3.0)
    # All came at least 409 days ago, which is 13 months, and the oldest 430 days: 14.
    statuses = {point["months"]: point["status"] for point in january["curve"]}
    assert statuses[12] == "observed"
    assert statuses[25] == "forecast"
    values = {point["months"]: point["value"] for point in january["curve"]}
    assert values[2 * found["period_months"]] >= values[found["period_months"]]
    assert values[12] == pytest.approx(85.0 / 3.0)
    # The year ahead of whoever came in March, but for the days since their last whole month.
    row = np.flatnonzero(prospect.age == 380.0)
    days = 24 * 365.25 / 12.0 - 380.0
    curves = prospect.curves("revenue", np.array([days])).of_rows(row)
    assert march["to_year_ahead"]["expected"] == pytest.approx(101.0 + curves.expected[0, 0])
    heat = march["heat"]
    assert sum(cell["value"] for cell in heat) + 100.0 == pytest.approx(
        march["to_year_ahead"]["expected"]
    )
    assert {cell["to_months"] - cell["from_months"] for cell in heat} == {found["period_months"]}


def test_bands_widen_with_the_common_shock_and_hold_the_middle(tiny):
    quiet, _, _ = made(*tiny, EconomicsConfig())
    loud, _, _ = made(*tiny, EconomicsConfig(), CommonShocks())
    for calm, shaken in zip(quiet["rows"], loud["rows"], strict=True):
        end, other = calm["to_year_ahead"], shaken["to_year_ahead"]
        assert other["expected"] == pytest.approx(end["expected"])
        assert other["lower"] < end["lower"] < end["expected"] < end["upper"] < other["upper"]


def test_payback_by_hand(tiny):
    # No discounting: margin 50 %, 1 money an order. January: 19 / 2 - 1 = 8.5 each at first, and
    # (20 / 2 - 1) / 3 = 3 more each within the first month.
    config = EconomicsConfig(
        margin=0.6, promotions=0.1, cost_per_order=1.0, cac=10.0, annual_discount_rate=0.0
    )
    found, _, _ = made(*tiny, config)
    january, march = found["rows"]
    assert found["cac"]
    assert january["payback"]["status"] == "reached"
    assert january["payback"]["months"] == pytest.approx(0.5)
    assert march["payback"]["months"] == 0.0
    assert march["payback"]["sentence"] == "Paid back with the first purchase."
    dear, _, _ = made(*tiny, config.model_copy(update={"cac": 1e6}))
    assert dear["rows"][0]["payback"]["status"] == "not_within_horizon"
    assert dear["rows"][0]["payback"]["months"] is None


def test_costs_of_a_year_put_payback_off(tiny):
    free = EconomicsConfig(margin=0.5, cac=12.0, annual_discount_rate=0.0)
    paid = free.model_copy(update={"retention_per_customer_year": 6.0})
    first, _, _ = made(*tiny, free)
    later, _, _ = made(*tiny, paid)
    assert first["rows"][0]["payback"]["months"] < later["rows"][0]["payback"]["months"]


def test_the_shortest_period_decides_what_a_cohort_cost():
    config = EconomicsConfig(
        cac=1.0,
        cac_label="cohort",
        cac_values={"2024": 2.0, "2024 Q1": 3.0, "2024-02": 4.0, "2025 H1": 5.0},
    )

    def cost(key):
        return cac_of_cohort(Cohort(key, *period(key)), config)

    assert [cost(key) for key in ("2024-02", "2024-01", "2024 Q1", "2024 Q2", "2024", "2023")] == [
        4.0, 3.0, 3.0, 2.0, 2.0, 1.0,
    ]  # fmt: skip
    assert cost("2025 Q2") == 5.0
    assert cac_of_cohort(Cohort("before 2024", None, date(2023, 12, 31)), config) == 1.0


@pytest.mark.parametrize(
    ("first", "count", "unit", "rows"),
    [(2024, 12, "month", 12), (2022, 36, "quarter", 12), (2020, 60, "half-year", 10),
     (2015, 120, "year", 10), (2000, 300, "year", 12)],
)  # fmt: skip
def test_there_are_never_more_than_twelve_cohorts(first, count, unit, rows):
    months = [date(first + n // 12, n % 12 + 1, 1) for n in range(count)]
    name, found, which = cohorts_of(months)
    assert (name, len(found)) == (unit, rows)
    assert which[0] == 0
    assert which[-1] == rows - 1
    pooled = count == 300
    assert (found[0].start is None) == pooled
    assert found[0].name == ("before 2014" if pooled else found[0].name)
    for month, place in zip(months, which, strict=True):
        assert found[place].start is None or found[place].start <= month <= found[place].end


def test_crossings_and_bounds():
    curve = np.array([0.0, 4.0, 6.0, 7.0])
    life = MarginLife(curve, curve - 2.0, curve + 2.0, observed=1)
    found = payback_of(life, 5.0)
    assert (found["status"], found["months"]) == ("expected", 1.5)
    assert (found["earliest_months"], found["latest_months"]) == (0.75, 3.0)
    assert payback_of(life, 8.0)["earliest_months"] == 2.0 + 0.0
    assert crossing(curve, 7.1) is None


def test_shares_that_pay_back_are_those_of_simulated_lives():
    # Nobody comes again within a day or so, so that the first order alone pays: Gamma-Gamma.
    scorer = clv.CustomerValue(
        model_of("nbd"), spend_model(), margin=0.5, annual_discount_rate=0.0
    ).scorer("1y", 0.9)
    new = new_customers(scorer, Duration.parse("1d"))
    p, q, gamma = 5.0, 4.0, 60.0
    rng = np.random.default_rng(0)
    first = rng.gamma(p, size=200_000) / (rng.gamma(q, size=200_000) / gamma)
    assert new.share_paid_back(40.0, 0) == pytest.approx((0.5 * first >= 40.0).mean(), abs=0.015)
    assert new.means[0, 0] == pytest.approx(0.5 * p * gamma / (q - 1.0))
    # The mean of the simulated lives is the expected one.
    year = new_customers(scorer, Duration.parse("1y"))
    spread = 4.0 * year.margin[:, -1].std() / np.sqrt(len(year.margin))
    assert year.margin[:, -1].mean() == pytest.approx(year.means[0, -1], abs=spread)
    shares = [year.share_paid_back(100.0, month) for month in range(13)]
    assert shares == sorted(shares)


def test_payback_of_new_customers_by_channel():
    config = EconomicsConfig(
        margin=0.5, cac=20.0, cac_label="channel", cac_values={"web": 90.0, "shop": 1e5}
    )
    scorer = clv.CustomerValue(model_of("bgnbd"), spend_model(), margin=0.5).scorer("1y", 0.9)
    found = payback(scorer, CommonShocks(), 0.9, config)
    rows = found["new_customer"]
    assert [(row["channel"], row["cac"]) for row in rows] == [
        (None, 20.0), ("web", 90.0), ("shop", 1e5)
    ]  # fmt: skip
    assert rows[0]["payback"]["months"] == 0.0
    assert rows[1]["payback"]["status"] == "expected"
    assert rows[2]["payback"]["status"] == "not_within_horizon"
    assert payback(scorer, CommonShocks(), 0.9, EconomicsConfig()) is None
    no_money = clv.CustomerValue(model_of("bgnbd"), None).scorer("1y", 0.9)
    assert payback(no_money, CommonShocks(), 0.9, config) is None


def test_channels_pay_back_apart_however_they_are_called():
    log = clv.read_transactions(as_table(TINY))
    hostile = '<script>"; DROP TABLE x; --' + "x" * 200
    about = pa.table({"customer_id": ["a", "b", "d"], "ch\"annel'": ["web", "web", hostile]})
    summary = log.summarize(END).with_labels(about)
    config = EconomicsConfig(
        margin=0.5, cac_label="ch\"annel'", cac_values={"web": 30.0, hostile: 1.0, "other": 5.0},
        annual_discount_rate=0.0,
    )  # fmt: skip
    scorer = clv.CustomerValue(model_of("bgnbd"), spend_model(), margin=0.5).scorer("1y", 0.9)
    found = payback_by_label(log, summary, scorer, QUIET, 0.9, config)
    web, other = found["rows"]
    assert (web["value"], web["customers"], web["to_date"]) == ("web", 2, 0.5 * 75.0 / 2.0)
    assert len(other["value"]) == 60
    assert other["payback"]["months"] == 0.0
    assert found["left_out"] == 1
    assert payback_by_label(log, log.summarize(END), scorer, QUIET, 0.9, config) is None


def test_a_label_that_is_not_there_is_named(tiny):
    from clvmodels.transactions.cohorts import spend_by_label

    with pytest.raises(ConfigurationError, match="no label 'channel'; there is none"):
        spend_by_label(*tiny, "channel")


def test_cohorts_without_amounts_count_purchases():
    table = as_table(TINY).drop_columns(["amount"])
    with pytest.warns(DataWarning, match="no amounts"):
        log = clv.read_transactions(table)
    summary = log.summarize(END)
    scorer = clv.CustomerValue(model_of("bgnbd"), None).scorer("1y", 0.9)
    prospect = Prospect(ValueGroups.of(summary.columns()), scorer, REACH)
    found = cohorts(
        History.of(log, summary), prospect, scorer.terms, QUIET, 0.9, EconomicsConfig(cac=5.0)
    )
    assert found["quantity"] == "purchases"
    assert not found["cac"]
    assert found["rows"][0]["first"] == 1.0
    assert found["rows"][0]["to_date"] == 2.0
