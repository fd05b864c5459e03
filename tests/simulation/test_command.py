"""The command `simulate`: its options, its exit statuses, and what it leaves."""

from __future__ import annotations

import dataclasses
import inspect
import re
import signal
import subprocess
import time

import pyarrow.parquet as pq
import pytest

from clvmodels import options
from clvmodels.simulation.shop import SimulatedShop
from tests.jobs import COMMAND, clvmodels

FIELDS = {field.name: field for field in dataclasses.fields(SimulatedShop)}
IN_WORDS = {
    "parameters": "two purchases a year",
    "spend": "about 50 a purchase",
    "arrivals": "to the end",
    "history": "none",
    "events": "none",
    "order_ids": "no",
}


def test_options_and_fields_are_the_same():
    keys = [key for _, key, *_ in options.SHOP_OPTIONS]
    assert len(keys) == len(set(keys))
    assert set(keys) == set(FIELDS) - {"customers"}


@pytest.mark.parametrize("option", options.SHOP_OPTIONS, ids=lambda option: option[1])
def test_help_tells_the_default(option):
    _, key, kind, _, text, default = option
    if key in IN_WORDS:
        assert default == IN_WORDS[key]
    elif kind in (float, int):
        assert kind(default) == FIELDS[key].default
    else:
        assert default == str(FIELDS[key].default)
    assert text[0].isupper()
    assert text.endswith(".")
    # The class says more about each.
    assert re.search(rf"^(\w+, )*{key}(, \w+)* : ", inspect.getdoc(SimulatedShop), re.MULTILINE)


def test_help_shows_every_option_and_fits_a_terminal():
    done = clvmodels("simulate", "--help")
    assert done.status == 0
    assert max(map(len, done.stdout.splitlines())) <= 80
    for _, key, *_ in options.SHOP_OPTIONS:
        assert f"--{key.replace('_', '-')} " in done.stdout
    assert "--customers" in done.stdout


def test_a_log_with_its_truth(tmp_path):
    path = tmp_path / "log.parquet"
    done = clvmodels("simulate", "--customers", 500, "--out", path, "--dirt", 0.1, "--order-ids")
    assert done.status == 0
    assert done.stdout == ""
    rows = pq.read_metadata(path).num_rows
    assert done.stderr.endswith(f"{rows:,} rows of 500 customers: {path}\n")
    assert {file.name for file in tmp_path.iterdir()} == {
        "log.parquet",
        "log.parquet.truth.json",
        "log.parquet.truth.parquet",
    }
    assert pq.read_schema(path).names == ["customer_id", "date", "amount", "order_id"]
    checked = clvmodels("validate", path, "--order-id", "order_id", "--json").record
    assert checked["rows"]["read"] == rows
    assert checked["customers"] == 500


def test_every_option_reaches_the_shop(tmp_path):
    typed = {
        "model": "mbgnbd",
        "parameters": "r=1,alpha=20,a=.5,b=3",
        "spend": "p=6,q=4,gamma=15",
        "time_unit": "week",
        "start": "2024-01-01",
        "span": "1y",
        "arrivals": "26w",
        "history": "13w",
        "season": 0.25,
        "season_peak": "06-01",
        "trend": 0.5,
        "events": "11-29",
        "event_factor": 3.0,
        "shock": 0.2,
        "shock_window": "13w",
        "shock_windows": 2,
        "subscriptions": 0.1,
        "subscription_gap": "1m",
        "bursts": 0.2,
        "returns": 0.3,
        "line_items": 2.0,
        "dirt": 0.1,
        "seed": 9,
    }
    given = [item for key, value in typed.items() for item in (f"--{key.replace('_', '-')}", value)]
    done = clvmodels(
        *("simulate", "--customers", 50, "--out", tmp_path / "log.csv", "--order-ids", "--json"),
        *given,
    )
    assert done.status == 0
    told = done.record["shop"]
    assert told.pop("order_ids") is True
    assert told.pop("customers") == 50
    typed["parameters"] = {"r": 1.0, "alpha": 20.0, "a": 0.5, "b": 3.0}
    typed["spend"] = {"p": 6.0, "q": 4.0, "gamma": 15.0}
    typed["events"] = ["11-29"]
    assert told == typed


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--out", "OUT"], "Missing option '--customers'"),
        (["--customers", "5"], "Missing option '--out'"),
        (["--customers", "five", "--out", "OUT"], "'--customers'"),
        (["--customers", "0", "--out", "OUT"], "customers is 0; it must be a whole number"),
        (["--customers", "5", "--out", "OUT.xlsx"], "must end in .parquet or .csv"),
        (["--customers", "5", "--out", "OUT", "--season", "2"], "season is 2.0"),
        (["--customers", "5", "--out", "OUT", "--parameters", "r"], "parameters is 'r'"),
        (["--customers", "5", "--out", "OUT", "--sesaon", "0.2"], "No such option: --sesaon"),
    ],
)
def test_wrong_usage(tmp_path, arguments, told):
    path = tmp_path / "log.csv"
    done = clvmodels("simulate", *[each.replace("OUT", str(path)) for each in arguments])
    assert done.status == 2
    assert told in done.stderr
    assert done.stderr.count("error: ") == 1
    assert done.stdout == ""
    assert not list(tmp_path.iterdir())


def test_quiet_says_nothing(tmp_path):
    done = clvmodels("simulate", "--customers", 5, "--out", tmp_path / "log.csv", "--quiet")
    assert (done.status, done.stdout, done.stderr) == (0, "", "")


def test_an_interrupted_simulation_leaves_nothing(tmp_path):
    process = subprocess.Popen(
        [COMMAND, "simulate", "--customers", "5000000", "--out", str(tmp_path / "log.csv")],
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 30
    while not list(tmp_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert list(tmp_path.iterdir())
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 5
    assert "Nothing half-written is visible" in told
    assert not list(tmp_path.iterdir())
