"""The commands: what they print, how they end, and help that a stranger understands."""

import json
import shutil

import pytest

from clvmodels.decisions.decide import decide
from tests.decisions.runs import rewrite
from tests.jobs import clvmodels, day


def test_decide_prints_what_python_gives(known):
    asked = ("decide", known, "--customer", "00003", "--cost", "2", "--keeps", "0.3")
    done = clvmodels(*asked, "--json")
    made = decide(known, customer="00003", cost=2.0, keeps=0.3)
    assert done.status == 0, done.stderr
    assert done.record == made.to_dict()
    assert clvmodels(*asked).stdout.strip() == str(made)
    # The answer is no message.
    quiet = clvmodels(*asked, "--quiet")
    assert (quiet.stdout.strip(), quiet.stderr) == (str(made), "")


def test_decide_for_a_segment(known):
    done = clvmodels(
        "decide", known, "--segment", "lapsed", "--action", "win-back", "--cost", "0.1"
    )
    assert done.status == 0, done.stderr
    assert "segment lapsed" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--customer", "nobody"), 3, "no customer 'nobody'"),
        (("--segment", "nobody"), 3, "no segment 'nobody'"),
        ((), 2, "either a customer or a segment"),
        (("--customer", "00003", "--keeps", "30"), 2, "keeps is 30"),
        (("--customer", "00003", "--action", "hug"), 2, "'hug' is not known"),
    ],
)
def test_how_decide_fails(known, arguments, status, message):
    done = clvmodels("decide", known, *arguments)
    assert done.status == status
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_untrusted_ends_with_its_status(known, tmp_path):
    run = shutil.copytree(known, tmp_path / "run")
    rewrite(run, trusted="untrusted")
    done = clvmodels("decide", run, "--customer", "00003", "--cost", "2", "--json")
    assert done.status == 4
    assert done.record["recommendation"] == "refused"
    assert done.record["value_at_stake"]["expected"] > 0.0


def test_review_prints_and_writes(known, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text(f"date,customer,action,cost\n{day(699)},00003,refund,1\nsoon,00003,refund,1\n")
    asked = ("decisions", "review", log, "--run", known)
    done = clvmodels(*asked, "--json", "--out", tmp_path / "out.csv")
    assert done.status == 0, done.stderr
    assert done.record["rows"] == {"read": 2, "judged": 1, "not_judged": 0, "set_aside": 1}
    assert (tmp_path / "out.csv").read_text("utf-8").startswith("row,date,customer")
    shown = clvmodels(*asked)
    assert "2 rows read = 1 judged" in shown.stdout
    quiet = clvmodels(*asked, "--quiet")
    assert (quiet.stdout, quiet.stderr) == (shown.stdout, "")
    # With --out the answer is in the file.
    filed = clvmodels(*asked, "--quiet", "--out", tmp_path / "out.json")
    assert (filed.stdout, filed.stderr) == ("", "")
    assert (
        json.loads(
            clvmodels("decisions", "review", tmp_path / "x.csv", "--run", known, "--json").stdout
        )["exit_status"]
        == 3
    )


def test_decisions_alone_names_what_is_missing():
    done = clvmodels("decisions")
    assert (done.status, done.stdout) == (2, "")
    assert done.stderr == "error: Missing command. See clvmodels decisions --help.\n"


def test_help_names_everything():
    shown = clvmodels("decide", "--help").stdout
    for word in (
        "--customer",
        "--segment",
        "--action",
        "--cost",
        "--keeps",
        "--in-touch",
        "RUN_DIR",
    ):
        assert word in shown
    shown = clvmodels("decisions", "review", "--help").stdout
    for word in ("--run", "--out", "date, customer, action"):
        assert word in shown
