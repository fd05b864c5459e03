"""Past decisions: judged with what was known then, with every row accounted for."""

import csv
import io
import json
import shutil

import numpy as np
import pytest

import clvmodels as clv
from clvmodels.decisions.decide import decide
from clvmodels.decisions.review import review
from clvmodels.decisions.saved_run import SavedRun
from clvmodels.errors import ConfigurationError, InputError
from tests.decisions.runs import make_run, rewrite, scores_of
from tests.jobs import day, shop

FIRST_END, LAST_END = day(400), day(690)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The same shop on two days; only the later run knows what came after the first."""
    folder = tmp_path_factory.mktemp("runs")
    log = shop()
    early = log[log.date <= FIRST_END]
    settings = {"margin": 0.5, "currency": "EUR", "actions": {"refund": {"keeps": 0.3}}}
    return (
        make_run(folder / "spring", early, observation_end=FIRST_END, **settings),
        make_run(folder / "autumn", log, observation_end=LAST_END, **settings),
    )


def write(path, *rows, header="date,customer,action,cost,team,note"):
    stream = io.StringIO()
    lines = csv.writer(stream)
    lines.writerow(header.split(","))
    lines.writerows(rows)
    path.write_text(stream.getvalue(), "utf-8")
    return path


def valuable(folder) -> str:
    scores = scores_of(folder)
    return str((scores.potential_value * scores.probability_alive).idxmax())


def test_judged_with_what_was_known_then(runs, tmp_path):
    who = valuable(runs[0])
    stake = decide(runs[0], customer=who).value_at_stake.expected
    log = write(
        tmp_path / "log.csv",
        (day(410), who, "refund", f"{0.1 * stake:.2f}", "shop", "kind"),
        (day(410), who, "Refund", f"{0.4 * stake:.2f}", "shop", ""),
        (day(420), who, "refund", f"{2.0 * stake:.2f}", "web", ""),
        (day(430), who, "upgrade", "1", "web", ""),
    )
    found = review(log, runs).to_dict()
    verdicts = [one["verdict"] for one in found["decisions"]]
    assert verdicts == ["good", "poor", "poor", "open"]
    for one in found["decisions"]:
        assert one["known"] == "then"
        assert one["run"] == "spring"
        assert one["value_at_stake"] == pytest.approx(stake)
    first = found["decisions"][0]
    again = decide(runs[0], customer=who, cost=first["cost"], keeps=0.3)
    assert first["pays_back"] == pytest.approx(again.pays_back)
    assert first["expected_gain"] == pytest.approx(again.gain.expected)
    assert found["rows"] == {"read": 4, "judged": 4, "not_judged": 0, "set_aside": 0}
    assert found["summary"]["good"] == 1
    assert found["summary"]["spent"] == pytest.approx(sum(o["cost"] for o in found["decisions"]))
    assert [row["name"] for row in found["by_team"]] == ["shop", "web"]
    assert [row["decisions"] for row in found["by_action"]] == [3, 1]
    assert [row["row"] for row in found["lessons"]] == [4, 3]


def test_the_latest_run_that_was_there_judges(runs, tmp_path):
    who = valuable(runs[0])
    days = (day(399), FIRST_END, day(689), LAST_END, day(900))
    log = write(tmp_path / "log.csv", *((d, who, "refund", 1, "", "") for d in days))
    found = review(log, runs[::-1])
    judged = [(one["run"], one["known"]) for one in found.to_dict()["decisions"]]
    assert judged == [
        ("spring", "hindsight"), ("spring", "then"), ("spring", "then"), ("autumn", "then"),
        ("autumn", "then"),
    ]  # fmt: skip
    before = found.to_dict()["decisions"][0]
    assert before["verdict"] is None
    assert before["value_at_stake"] > 0.0
    assert "hindsight" in before["why"]
    # Nothing later than the run may change a judgement: the later run is only looked at after it.
    alone = review(log, runs[0]).to_dict()["decisions"]
    for one, other in zip(found.to_dict()["decisions"][:3], alone, strict=False):
        for name in ("verdict", "value_at_stake", "worth_spending", "pays_back", "why"):
            assert one[name] == other[name]


def test_outcomes_against_what_was_expected(runs, tmp_path):
    early, late = scores_of(runs[0]), scores_of(runs[1])
    log = write(
        tmp_path / "log.csv", *((FIRST_END, who, "refund", 1, "", "") for who in early.index)
    )
    found = review(log, runs).to_dict()
    bought = late.loc[early.index].frequency > early.frequency
    assert [one["came_back"] for one in found["decisions"]] == bought.tolist()
    outcomes = found["outcomes"]
    assert outcomes["came_back"] == bought.sum()
    # The same chance from the model's own answer to the question.
    run = SavedRun.open(runs[0])
    frame = early.reset_index()
    within = (
        clv.CustomerValue(*run.models())
        .distribution(frame, "1y")
        .probability_purchase_within("290d")
    )
    expected = [one["expected_to_come_back"] for one in found["decisions"]]
    assert expected == pytest.approx(within.to_list(), rel=1e-6)
    assert outcomes["expected"] == pytest.approx(sum(expected))
    assert outcomes["lower"] <= round(outcomes["expected"]) <= outcomes["upper"]
    # Without a later run nobody knows.
    assert review(log, runs[0]).to_dict()["outcomes"] is None


def test_no_row_disappears(runs, tmp_path):
    who = valuable(runs[0])
    log = write(
        tmp_path / "log.csv",
        (day(410), who, "refund", "5", "", ""),
        ("soon", who, "refund", "5", "", ""),
        (day(410), "  ", "refund", "5", "", ""),
        (day(410), who, "hug", "5", "", ""),
        (day(410), who, "refund", "much", "", ""),
        (day(410), who, "refund", "-5", "", ""),
        (day(410), who, "refund", "nan", "", ""),
        (day(410), who, "refund", "5", "", "", "and more"),
        (day(410), "nobody", "refund", "5", "", ""),
    )
    found = review(log, runs).to_dict()
    assert found["rows"] == {"read": 9, "judged": 1, "not_judged": 1, "set_aside": 7}
    rules = [(row["row"], row["rule"]) for row in found["set_aside"]]
    assert rules == [
        (3, "unreadable_date"), (4, "no_customer"), (5, "unknown_action"), (6, "unreadable_cost"),
        (7, "negative_cost"), (8, "unreadable_cost"), (9, "too_many_cells"),
    ]  # fmt: skip
    assert found["decisions"][1]["known"] == "unknown_customer"
    lines = list(csv.DictReader(io.StringIO(review(log, runs).to_csv())))
    assert [int(line["row"]) for line in lines] == list(range(2, 11))


def test_keeps_of_a_row_and_other_separators(runs, tmp_path):
    who = valuable(runs[0])
    rows = ("Date;Customer;Action;Cost;Keeps", f"{day(410)}T10:00;{who};upgrade;1;0.5", "")
    text = "\n".join(("\ufeff" + rows[0], *rows[1:], f"{day(410)};{who};upgrade;1;5\n"))
    log = tmp_path / "log.csv"
    log.write_text(text, "utf-8")
    found = review(log, runs).to_dict()
    assert found["decisions"][0]["keeps"] == 0.5
    assert found["decisions"][0]["verdict"] == "good"
    assert [row["rule"] for row in found["set_aside"]] == ["unreadable_keeps"]


def test_an_untrusted_run_judges_nothing(runs, tmp_path):
    run = shutil.copytree(runs[0], tmp_path / "run")
    rewrite(run, trusted="untrusted")
    log = write(tmp_path / "log.csv", (day(410), valuable(run), "refund", "5", "", ""))
    found = review(log, run)
    assert not found.trusted
    assert found.to_dict()["decisions"][0]["verdict"] is None
    assert found.to_dict()["decisions"][0]["known"] == "untrusted"
    assert "UNTRUSTED" in str(found)


def test_without_money_only_outcomes(tmp_path):
    log = shop().drop(columns="amount")
    early = make_run(tmp_path / "a", log[log.date <= FIRST_END], observation_end=FIRST_END)
    late = make_run(tmp_path / "b", log, observation_end=LAST_END)
    calls = write(tmp_path / "log.csv", (day(410), "00003", "refund", "5", "", ""))
    one = review(calls, [early, late]).to_dict()["decisions"][0]
    assert (one["known"], one["verdict"], one["value_at_stake"]) == ("no_money", None, None)
    assert one["expected_to_come_back"] is not None


HOSTILE = (
    "<script>alert(1)</script>",
    '=HYPERLINK("http://x")',
    " +1",
    "\u202etxt",
    "-2+3",
    '@x\n"y"',
)


def test_hostile_notes_are_only_text(runs, tmp_path):
    who = valuable(runs[0])
    rows = [(day(410), who, "refund", "1", note, note) for note in HOSTILE]
    rows += [(note, who, "refund", "1", "", "") for note in HOSTILE]
    found = review(write(tmp_path / "log.csv", *rows), runs)
    assert [one["note"] for one in found.to_dict()["decisions"]] == list(HOSTILE)
    html = found.to_html()
    assert "<script" not in html
    assert "http" not in html.replace(found._table(), "")
    assert "\u202e" not in html + str(found)
    for line in csv.DictReader(io.StringIO(found.to_csv())):
        for text in line.values():
            assert text.lstrip()[:1] not in ("=", "+", "@"), text
    found.write(tmp_path / "out.html")
    assert "<script" not in (tmp_path / "out.html").read_text("utf-8")


def test_writes_by_name_and_refuses_others(runs, tmp_path):
    found = review(write(tmp_path / "log.csv", (day(410), "00003", "refund", 1, "", "")), runs)
    for name in ("out.csv", "out.json", "out.HTML"):
        found.write(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 100
    assert json.loads((tmp_path / "out.json").read_text("utf-8")) == found.to_dict()
    with pytest.raises(ConfigurationError, match="must end in"):
        found.write(tmp_path / "out.xlsx")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"date,customer\n", "action, cost. Found: date, customer"),
        (b"", "Found: nothing"),
        (b"date,date,customer,action,cost\n", "more than once"),
        (b"date,customer,action,cost\n\xff\xfe,1,2,3\n", "UTF-8"),
    ],
)
def test_files_that_are_no_decision_log(runs, tmp_path, content, problem):
    file = tmp_path / "log.csv"
    file.write_bytes(content)
    with pytest.raises(InputError, match=problem):
        review(file, runs)
    with pytest.raises(ConfigurationError, match="at least one run"):
        review(file, [])


def test_an_empty_log_is_an_answer(runs, tmp_path):
    found = review(write(tmp_path / "log.csv"), runs)
    assert found.to_dict()["rows"]["read"] == 0
    assert np.isfinite(found.to_dict()["summary"]["spent"])
    assert "0 rows read" in str(found)


def test_a_purchase_of_the_same_day_is_no_return(runs, tmp_path):
    late = scores_of(runs[1])
    seen = late[late.last_purchase < LAST_END].iloc[[0]]
    last = seen.last_purchase.iloc[0]
    rows = [(last, seen.index[0], "refund", 1, "", "")]
    rows += [(last.replace(year=last.year - 1), seen.index[0], "refund", 1, "", "")]
    found = review(write(tmp_path / "log.csv", *rows), runs).to_dict()["decisions"]
    assert [one["came_back"] for one in found] == [False, True]


def test_a_file_of_very_many_columns_is_told_briefly(runs, tmp_path):
    header = ",".join(f"c{place}" for place in range(2000))
    log = write(tmp_path / "wide.csv", header=header)
    with pytest.raises(InputError, match=r"c19 and 1,980 more\.") as refused:
        review(log, runs)
    assert len(str(refused.value)) < 500
