"""Every headline number of a real run can be computed again from its score files."""

from __future__ import annotations

import duckdb
import pytest

from clvmodels.report import build_summary
from tests.report.factory import make_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("run"), customers=3000)


def test_headline_numbers_are_sums_of_the_scores(run):
    summary = build_summary(run)
    answer = summary.answer
    told = (
        summary.scope.customers,
        summary.scope.repeat_customers,
        answer.value.expected,
        answer.purchases.expected,
        answer.active_customers.expected,
        answer.potential_value.expected,
        summary.formula.value_by_customer,
    )
    counted = duckdb.execute(
        "SELECT count(*), count(*) FILTER (frequency > 0), sum(clv), sum(expected_purchases), "
        "sum(probability_alive), sum(potential_value), sum(clv_simple_formula) "
        "FROM read_parquet($1)",
        [f"{run}/scores/*.parquet"],
    ).fetchone()
    assert told == pytest.approx(counted, rel=1e-9)


def test_shares_are_those_of_the_scores(run):
    spread = build_summary(run).spread
    values = duckdb.execute(
        "SELECT clv FROM read_parquet($1) ORDER BY clv DESC", [f"{run}/scores/*.parquet"]
    ).fetchnumpy()["clv"]
    total = values.sum()
    for place, tenth in enumerate(spread.deciles):
        part = values[300 * place : 300 * place + 300]
        assert tenth["share"] == pytest.approx(part.sum() / total, rel=2e-3)
        assert tenth["total"] == pytest.approx(part.sum(), rel=2e-3)
    assert spread.top[0]["clv"] == values[0]
