"""The staff card: figures that can be recomputed, three examples, and nobody's data."""

import json
import re

import numpy as np
import pytest

from clvmodels.config.decisions import ActionRule, ScenarioRules
from clvmodels.decisions.saved_run import SavedRun
from clvmodels.decisions.staff_card import staff_card
from clvmodels.decisions.stake import Stake
from tests.decisions.runs import add_segments, make_run, scores_of
from tests.jobs import shop

FIXED = 3.0 * (1.0 - 1.0 / 1.1) / np.log(1.1)


def card(folder, **changes):
    run = SavedRun.open(folder)
    return staff_card(folder / "scores", run.basis, currency=run.currency, **changes)


@pytest.fixture(scope="module")
def plain(known):
    return card(known, trusted="caution")


def test_figures_are_those_of_the_scores(known, plain):
    scores = scores_of(known)
    assert plain["base"]["worth"] == pytest.approx(scores.clv.mean())
    assert plain["base"]["if_stays"] == pytest.approx(scores.potential_value.mean() + FIXED)
    assert plain["base"]["active"] == pytest.approx(scores.probability_alive.mean())
    assert {row["segment"] for row in plain["segments"]} == set(scores.segment)
    worths = [row["worth"]["expected"] for row in plain["segments"]]
    assert worths == sorted(worths, reverse=True)
    for row in plain["segments"]:
        mine = scores[scores.segment == row["segment"]]
        assert row["worth"]["expected"] == pytest.approx(mine.clv.mean())
        assert row["share_of_value"] == pytest.approx(mine.clv.sum() / scores.clv.sum())
        assert row["order"] == pytest.approx(mine.expected_spend.mean())
        assert row["segment"] in row["words"]
    assert sum(row["share_of_customers"] for row in plain["segments"]) == pytest.approx(1.0)


def test_ranges_hold_a_customer_drawn_from_the_segment(known, plain):
    """A customer is drawn, then what they will do: nine in ten fall between the bounds."""
    run = SavedRun.open(known)
    for row in plain["segments"]:
        table = run.database.table(
            f"SELECT * FROM {run.scores} WHERE segment = ? ORDER BY customer_id", [row["segment"]]
        )
        predicted = Stake(run.basis, run.columns(table)).predicted
        size = table.num_rows
        upper = np.full(size, row["worth"]["upper"] + FIXED + 1e-9)
        held = predicted.value_cdf(upper).mean()
        if row["worth"]["upper"] > row["worth"]["lower"]:
            assert held == pytest.approx(0.95, abs=1e-4)
            assert "bring between" in row["words"]
        else:
            assert held > 0.95
            assert "buy nothing more" in row["words"]
        lower = np.full(size, row["worth"]["lower"] + FIXED + 1e-9)
        assert predicted.value_cdf(lower).mean() >= 0.05


def test_three_worked_examples_add_up(plain):
    refund, win_back, bad = plain["examples"]
    rows = {row["segment"]: row for row in plain["segments"]}
    row = rows[refund["segment"]]
    share = row["order"] / row["if_stays"]
    assert f"{share:.1%}" in refund["arithmetic"][-1]
    row = rows[win_back["segment"]]
    assert f"{0.05 * row['if_stays']:.3g}" in win_back["lesson"]
    assert "For example" in " ".join(win_back["arithmetic"])
    row = rows[bad["segment"]]
    assert f"{0.6 * row['if_stays']:.3g}" in bad["arithmetic"][-1]
    # A figure that nobody measured is called so.
    assert "often quoted" in bad["arithmetic"][1]


def test_examples_use_what_was_entered(known):
    actions = {
        "refund": ActionRule(keeps=0.3, cost=2.0),
        "win-back": ActionRule(keeps=0.2, cost=50.0),
    }
    leave = {"low": 0.1, "likely": 0.25, "high": 0.4, "source": "our survey"}
    scenarios = ScenarioRules.model_validate({"bad_experience": {"leave": leave}})
    refund, win_back, bad = card(known, actions=actions, scenarios=scenarios)["examples"]
    assert "Entered: 3 of 10" in refund["arithmetic"][-1]
    assert "worth it on average" in refund["arithmetic"][-1]
    assert "not worth it" in win_back["arithmetic"][-1]
    assert "our survey" in bad["arithmetic"][1]
    assert "often quoted" not in json.dumps(bad)


def test_rounds_what_is_read_and_names_nobody(known, plain):
    texts = [plain["headline"], *plain["reading"], *(row["words"] for row in plain["segments"])]
    for example in plain["examples"]:
        texts += [example["situation"], example["lesson"], *example["arithmetic"]]
    for text in texts:
        for number in re.findall(r"\d[\d,]*\.?\d*", text):
            digits = number.replace(",", "").replace(".", "").strip("0")
            assert len(digits) <= 3, text
    for customer in scores_of(known).index:
        assert f'"{customer}"' not in json.dumps(plain)


def test_no_card_without_money_or_segments(unpriced, tmp_path):
    assert card(unpriced) is None
    assert card(make_run(tmp_path / "run", shop(30), segments=False)) is None


def test_hostile_names_of_segments(tmp_path):
    run = make_run(tmp_path / "run", shop(60), segments=False)
    names = ("<script>x</script>", "\u202egnol", "=1+1", "n" * 5000, "loyal")
    add_segments(run, names)
    made = card(run)
    words = " ".join(row["words"] for row in made["segments"])
    assert "\u202e" not in words
    assert "n" * 50 not in words
