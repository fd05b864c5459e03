"""``clvmodels backtest`` as a stranger meets it: a table, an object, a file, and refusals."""

from __future__ import annotations

import json
import sys

import pandas as pd
import pytest

from clvmodels import cli
from tests.evaluation.test_backtest import orders


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    path = tmp_path_factory.mktemp("log") / "orders.csv"
    orders(8).to_csv(path, index=False)
    return path


def command(monkeypatch, capsys, *arguments: object) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["clvmodels", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    out, err = capsys.readouterr()
    return int(end.value.code or 0), out, err


def test_the_table_fits_a_terminal_and_says_what_its_columns_mean(monkeypatch, capsys, log):
    status, out, err = command(
        monkeypatch, capsys, "backtest", log, "--holdout", "60d", "--origins", 2
    )
    assert status == 0
    assert "back-test" in err
    assert "150 customers" in err
    lines = out.splitlines()
    assert max(map(len, lines)) < 100
    assert sum(line.startswith("  bgnbd ") for line in lines) == 2
    for name in ("mbgnbd", "pareto_nbd", "nbd", "simple_formula", "hiatus", "last_period"):
        assert sum(line.split()[:1] == [name] for line in lines) == 2
    assert "more customers came in this time" in out
    for word in ("bias", "MAE", "CRPS", "Gini", "in 90%", "probability of 90%"):
        assert word in out
    (row,) = (line for line in lines[:8] if line.startswith("  nbd "))
    assert "±" in row


def test_quiet_leaves_the_table_where_no_file_has_it(monkeypatch, capsys, log, tmp_path):
    asked = ("backtest", log, "--holdout", "60d", "--origins", 1, "--models", "nbd", "--quiet")
    status, out, err = command(monkeypatch, capsys, *asked)
    assert (status, err) == (0, "")
    assert out.count("  nbd ") == 1
    filed = command(monkeypatch, capsys, *asked, "--out", tmp_path / "check.json")
    assert filed == (0, "", "")


def test_one_object_and_a_file_with_a_schema_number(monkeypatch, capsys, log, tmp_path):
    out_file = tmp_path / "check.json"
    status, out, _ = command(
        monkeypatch, capsys, "backtest", log, "--holdout", "60d", "--origins", 1, "--models",
        "mbgnbd", "--out", out_file, "--json",
    )  # fmt: skip
    record, written = json.loads(out), json.loads(out_file.read_text())
    assert status == 0
    assert written.pop("schema") == 2
    assert written == record["backtest"]
    (split,) = record["backtest"]["splits"]
    assert split["model"] == "mbgnbd"
    assert list(split["methods"])[:2] == ["mbgnbd", "nbd"]
    assert record["customers"] == 150
    assert record["config"]["origins"] == 1


def test_labels_make_groups(monkeypatch, capsys, log, tmp_path):
    about = tmp_path / "about.csv"
    names = sorted(pd.read_csv(log)["customer_id"].unique())
    pd.DataFrame({"customer_id": names, "channel": ["web", "shop"] * 75}).to_csv(about, index=False)
    _, out, _ = command(
        monkeypatch, capsys, "backtest", log, "--holdout", "60d", "--origins", 1, "--labels",
        about, "--json",
    )  # fmt: skip
    (split,) = json.loads(out)["backtest"]["splits"]
    assert [row["group"] for row in split["breakdowns"]["channel"]] == ["shop", "web"]


@pytest.mark.parametrize(
    ("options", "status", "told"),
    [
        (["--holdout", "390d"], 3, "Nothing can be held out"),
        (["--models", "bgndb"], 2, "names out of bgnbd"),
        (["--models", ""], 2, "names out of bgnbd"),
        (["--origins", "0"], 2, "origins = 0"),
        (["--holdout", "lifetime"], 2, "a hold-out needs an end"),
    ],
)
def test_what_cannot_be_done_is_said(monkeypatch, capsys, log, options, status, told):
    found, _, err = command(monkeypatch, capsys, "backtest", log, *options)
    assert found == status
    assert told in err
