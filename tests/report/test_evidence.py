"""The back-test on the page: what is read from it, and what is said of it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from clvmodels.report import build_summary, render_html
from clvmodels.report import evidence_findings as findings
from clvmodels.report.evidence import read_evidence
from tests.report.factory import make_run
from tests.report.page import Page
from tests.report.splits import ACTUAL, MISSES, SIZES, TOTALS, split


def evidence(places=(0, 1, 2), **kind):
    splits = [split(place, [], **kind) for place in places]
    return read_evidence({"overlapping": len(places) > 1, "splits": splits})


def method(name, **kind):
    return next(one for one in evidence(**kind).methods if one.name == name)


def test_the_model_of_the_run_comes_first():
    assert [one.name for one in evidence().methods] == list(TOTALS)
    assert method("bgnbd").excess is None


def test_errors_are_pooled_over_the_customers_of_all_origins():
    splits = [split(0, []), split(2, [])]
    splits[0]["customers"] = 100
    splits[0]["methods"]["bgnbd"] |= {"mae": 2.0, "rmse": 3.0}
    found = read_evidence({"overlapping": True, "splits": splits}).methods[0]
    mae, rmse = MISSES["bgnbd"]
    assert found.mean_absolute_error == pytest.approx((100 * 2 + 2357 * mae) / 2457)
    squares = (100 * 9 + 2357 * rmse**2) / 2457
    assert found.root_mean_squared_error == pytest.approx(math.sqrt(squares))
    assert found.totals_off == pytest.approx(
        [TOTALS["bgnbd"][place] / ACTUAL[place] - 1 for place in (0, 2)]
    )


def test_the_difference_is_a_share_of_the_models_error():
    mse = MISSES["bgnbd"][1] ** 2
    found = method("simple_formula")
    bounds = (found.excess, found.excess_lower, found.excess_upper)
    assert bounds == pytest.approx((0.8 / mse, 0.6 / mse, 1.0 / mse))
    assert (found.worse, found.better) == (3, 0)
    # Its interval contains 0.
    assert (method("nbd").worse, method("nbd").better) == (0, 0)


def test_a_difference_told_the_other_way_round_is_turned():
    last = split(2, [])
    row = last["differences"][1]
    last["differences"][1] = row | {
        "method": "bgnbd",
        "against": "simple_formula",
        "difference": -row["difference"],
        "lower": -row["upper"],
        "upper": -row["lower"],
    }
    found = read_evidence({"overlapping": False, "splits": [last]})
    turned = next(one for one in found.methods if one.name == "simple_formula")
    straight = method("simple_formula", places=(2,))
    assert (turned.excess, turned.excess_lower) == (straight.excess, straight.excess_lower)
    assert turned.worse == 1


def test_other_losses_are_not_mixed_in():
    last = split(2, [])
    last["differences"].insert(0, last["differences"][1] | {"measure": "crps", "difference": 99.0})
    found = read_evidence({"overlapping": False, "splits": [last]})
    told = next(one for one in found.methods if one.name == "simple_formula")
    assert told.excess == pytest.approx(0.8 / MISSES["bgnbd"][1] ** 2)


def test_only_the_last_origins_are_shown():
    splits = [split(0, [])] * 5 + [split(2, [])]
    assert len(read_evidence({"overlapping": False, "splits": splits}).origins) == 4
    assert read_evidence({"overlapping": False, "splits": []}) is None


def test_calibration_is_in_purchases_per_customer():
    row = evidence().calibration[1]
    assert row["customers"] == SIZES[1]
    assert (row["actual"], row["model"]) == pytest.approx((0.7, 0.63))
    assert (row["simple_formula"], row["nbd"]) == pytest.approx((1.4, 0.882))


def test_spend_ranks_where_there_is_money():
    assert evidence().ranked_by == "spend"
    assert evidence(money=False).ranked_by == "purchases"
    assert [row["lift"] for row in evidence().deciles["perfect"]][:2] == [6.4, 2.6]


def test_one_group_is_no_comparison_and_labels_are():
    last = split(2, [])
    last["breakdowns"]["cohort"] = last["breakdowns"]["cohort"][:1]
    first, second = split(2, [])["breakdowns"]["cohort"]
    last["breakdowns"]["region"] = [first, second | {"group": None}]
    found = read_evidence({"overlapping": False, "splits": [last]}).groups
    assert list(found) == ["region"]
    assert [row["cohort"] for row in found["region"]] == ["1997Q1", "no label"]
    assert found["region"][0]["model"] == 1250.0


def test_the_finding_on_methods():
    assert findings.methods(evidence()) == (
        "Looking ahead from 3 earlier days, the total of BG/NBD was 12.1% to 17.9% too low; the "
        "simple formula's was 20% to 115% too high. Customer by customer, 2 of the 3 other "
        "methods were clearly further off each time, none clearly nearer."
    )


def test_the_finding_on_methods_names_who_was_nearer():
    last = split(2, [])
    last["differences"][2] |= {"difference": -0.5, "lower": -0.9, "upper": -0.1}
    found = read_evidence({"overlapping": False, "splits": [last]})
    assert findings.methods(found) == (
        "The total of BG/NBD was 12.1% too low; the simple formula's was 115% too high. Customer "
        "by customer, 1 of the 3 other methods was clearly further off; clearly nearer came the "
        "own rate with 0 for the silent."
    )


def test_a_method_that_is_nearer_only_once_is_not_called_nearer():
    splits = [split(place, []) for place in range(3)]
    splits[0]["differences"][0] |= {"difference": -0.5, "lower": -0.9, "upper": -0.1}
    text = findings.methods(read_evidence({"overlapping": True, "splits": splits}))
    assert text.endswith("clearly further off each time, none clearly nearer every time.")


def test_a_mean_error_that_misleads_is_explained():
    text = findings.absolute_errors(evidence())
    assert "than the model's for the own rate with 0 for the silent, whose large misses" in text
    found = evidence()
    fair = replace(found, methods=found.methods[:3])
    assert findings.absolute_errors(fair) == ""


def test_nothing_bought_is_said():
    assert "Nobody bought anything" in findings.methods(evidence(bought=False))
    assert findings.lift(evidence(bought=False)) == ""


@pytest.mark.parametrize(
    ("shares", "told"),
    [
        ([0.05] * 20, "No bar leaves the grey band"),
        ([0.05] * 18 + [0.03, 0.08], "far above their forecast came from 8% of the customers"),
        ([0.03] + [0.05] * 18 + [0.08], "customers who buy a lot are more frequent"),
        ([0.09] + [0.05] * 18 + [0.02], "customers who disappoint are more frequent"),
        ([0.05] * 9 + [0.09, 0.02] + [0.05] * 9, "The widest gap is at an outcome"),
    ],
)
def test_the_finding_on_pit(shares, told):
    assert told in findings.pit(replace(evidence(), pit=tuple(shares)))


@pytest.mark.parametrize(
    ("covered", "attainable", "told"),
    [
        (0.94, 0.94, "held for 94% of the customers: it keeps its promise."),
        (0.93, 0.96, "The model itself expected 96%, so it is a little too sure."),
        (0.99, 0.94, "so it is more cautious than it need be."),
        (0.8, 0.94, "the intervals of single customers are too narrow."),
    ],
)
def test_the_finding_on_coverage(covered, attainable, told):
    row = {"level": 0.9, "covered": covered, "attainable": attainable}
    assert findings.coverage(replace(evidence(), coverage=(row,))).endswith(told)


def test_the_finding_on_lift():
    assert findings.lift(evidence()) == (
        "The tenth of the customers with the highest forecasts made 46% of all spend (perfect "
        "foresight: 64%); the formula's top tenth made 43%. The model finds them better."
    )


def test_the_finding_on_calibration_is_the_widest_gap_in_purchases():
    rows = evidence().calibration
    gaps = [abs(row["model"] - row["actual"]) * row["customers"] for row in rows]
    assert gaps.index(max(gaps)) == 0
    assert "customers with 0 repeat purchases. They made 0.240" in findings.calibration(evidence())
    assert f"({round(gaps[0])} too few in all)" in findings.calibration(evidence())


def test_the_finding_on_groups():
    text = findings.groups(evidence().groups["cohort"])
    assert (
        text
        == "Most purchases were missed among “1997 Q1”: 1,500 made, 1,250 forecast (16.7% too low)."
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = make_run(tmp_path_factory.mktemp("run"), change=_with_windows)
    return Page(render_html(build_summary(folder)))


def _with_windows(run, _):
    size = {"sd": 0.2, "degrees_of_freedom": 6.0, "windows": 2, "assumed": False}
    windows = [
        {"origin": f"{year}-06-30", "end": f"{year + 1}-06-30", "customers": 1000}
        | {"predicted_purchases": 100.0, "actual_purchases": 90.0}
        | {"predicted_spend": 4000.0, "actual_spend": actual}
        for year, actual in ((1996, 5000.0), (1997, 3200.0))
    ]
    run["common_shocks"] = {"horizon": "1y", "purchases": size, "value": size, "windows": windows}


def test_the_table_of_methods(page):
    rows = page.table("Miss per customer")
    assert rows["Purchases that happened"][:3] == ["2,000", "1,950", "1,882"]
    assert rows["BG/NBD (this run)"] == ["−15%", "−18%", "−12%", "0.785", ""]
    assert rows["Simple formula"] == ["+20%", "+64%", "+115%", "1.92", "+31% (+23% to +39%)"]
    assert rows["NBD: nobody ever leaves"][-1] == "+15% (−8% to +39%)"
    assert "120 customers came only after the last of these days and made 150" in page.text
    assert "The spans overlap" in page.text


def test_earlier_windows_are_shown_with_the_range(page):
    assert "figure-shocks" in {figure["id"] for figure in page.find("figure")}
    # The t quantile of 6 degrees of freedom at 95% is 1.943, and exp(0.2 x 1.943) is 1.475.
    assert (
        "In 2 earlier windows as long as the horizon, spend came out between 20% below and 25% "
        "above the forecast. The range of the base allows for a total 1.47 times"
    ) in page.text


def test_every_figure_of_the_backtest_says_what_it_means(page):
    labels = [part["aria-label"] for part in page.find("div") if part.get("role") == "img"]
    for start in ("Is each kind", "Does it find", "Is the model as sure", "Do the ranges"):
        assert any(label.startswith(f"Figure: {start}") for label in labels)


def test_checks_that_passed_are_named_first_and_told_later(page):
    before, after = page.text.split("Why believe it", 1)[0], page.text.split("Checks passed", 1)[1]
    assert "1 of 2 checks calls for caution." in before
    assert "The gradient is 1e-9" not in before
    assert "The gradient is 1e-9" in after
