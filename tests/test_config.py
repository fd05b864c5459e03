"""The configuration: defaults, then a file, then the command line; every fault is named."""

import datetime as dt
import inspect
from typing import Literal, get_args, get_origin

import pytest
from pydantic import ValidationError

from clvmodels import options
from clvmodels.commands import jobs, logs
from clvmodels.config import JobConfig, resolve_config
from clvmodels.errors import ConfigurationError

# What the help says of options whose default is decided by the log or the machine.
DECIDED_LATER = {
    "amount": "amount, if there is one",
    "order_id": "none",
    "labels": "none",
    "observation_end": "the log's last day",
    "delimiter": "recognised",
    "quote": "recognised",
    "decimal_separator": "a point",
    "encoding": "utf-8",
    "date_format": "recognised",
    "holdout": "a quarter of the log, at most 1y",
    "currency": "none",
    "cost_label": "none",
    "cac": "none",
    "previous": "found by itself",
    "master": "as spark-submit says",
    "memory_limit": "80 % of the machine's",
    "threads": "one for each core",
}

# Tables and what belongs to them stand in a configuration file only.
IN_THE_FILE = {"segments", "actions", "scenarios", "cac_label", "cac_values"}


def choices(key: str) -> set[str] | None:
    annotation = JobConfig.model_fields[key].annotation
    return set(get_args(annotation)) if get_origin(annotation) is Literal else None


def refused(**given: object) -> str:
    with pytest.raises(ConfigurationError) as caught:
        resolve_config(None, given)
    return str(caught.value)


def test_options_and_fields_are_the_same():
    keys = [key for _, key, *_ in options.OPTIONS]
    assert len(keys) == len(set(keys))
    assert set(keys) == set(JobConfig.model_fields) - IN_THE_FILE


@pytest.mark.parametrize("option", options.OPTIONS, ids=lambda option: option[1])
def test_help_tells_the_default_and_the_choices(option):
    _, key, kind, value, text, default = option
    field = JobConfig.model_fields[key]
    if field.default is None:
        assert default == DECIDED_LATER[key]
    elif kind is float:
        assert float(default) == field.default
    else:
        assert default.split(",")[0] == str(field.default)
    if (allowed := choices(key)) is not None:
        assert set(value.split("|")) == allowed
    assert text[0].isupper() or text[0].isdigit()
    assert text.endswith(".")


def test_every_default_decided_later_is_an_option():
    unset = {key for key, field in JobConfig.model_fields.items() if field.default is None}
    assert unset - IN_THE_FILE == set(DECIDED_LATER)


@pytest.mark.parametrize(
    ("command", "absent"),
    [
        (jobs.run, set()),
        (jobs.fit, {"holdout", "origins"}),
        (jobs.score, {"method", "time_unit", "holdout"}),
        (logs.validate, {"model", "method", "time_unit", "holdout", "horizon", "seed"}),
    ],
)
def test_commands_take_the_options_they_need(command, absent):
    taken = set(inspect.signature(command).parameters)
    assert not taken & absent
    needed = {"customer_id", "date", "amount", "observation_end", "memory_limit", "threads"}
    assert needed <= taken
    if not absent:
        assert set(JobConfig.model_fields) - IN_THE_FILE <= taken


def test_defaults_are_those_of_the_contract():
    config = resolve_config(None, {})
    assert (config.customer_id, config.date, config.amount) == ("customer_id", "date", None)
    assert (config.time_unit, config.time_zone, config.model) == ("day", "UTC", "bgnbd")
    assert (config.zero_amounts, config.duplicates, config.method) == ("keep", "keep", "auto")
    assert (config.horizon, config.annual_discount_rate, config.margin) == ("1y", 0.10, 1.0)
    assert (config.cost_per_order, config.cost_per_customer_year) == (0.0, 0.0)
    assert (config.interval, config.holdout, config.origins) == (0.9, None, 3)
    assert config.seed == 0


def test_the_command_line_wins_over_the_file_and_the_file_over_the_defaults(tmp_path):
    file = tmp_path / "clv.toml"
    file.write_text('margin = 0.3\nhorizon = "26w"\nannual-discount-rate = 0.2\n')
    config = resolve_config(file, {"margin": 0.5, "horizon": None})
    assert (config.margin, config.horizon, config.annual_discount_rate) == (0.5, "26w", 0.2)
    assert config.interval == 0.9


def test_a_file_may_hold_a_date_and_a_whole_number_for_a_share(tmp_path):
    file = tmp_path / "clv.toml"
    file.write_text("observation_end = 2025-12-31\nmargin = 1\n")
    config = resolve_config(file, {})
    assert config.observation_end == dt.date(2025, 12, 31)
    assert config.margin == 1.0


def test_it_is_frozen():
    config = resolve_config(None, {})
    with pytest.raises(ValidationError):
        config.margin = 0.5


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"margin": 1.5}, "margin = 1.5: it must be less than or equal to 1."),
        ({"margin": 0.0}, "margin = 0.0: it must be greater than 0."),
        ({"margin": float("nan")}, "margin = nan"),
        ({"annual_discount_rate": float("inf")}, "annual_discount_rate = inf"),
        ({"annual_discount_rate": -0.1}, "annual_discount_rate = -0.1"),
        ({"interval": 1.0}, "interval = 1.0: it must be less than 1."),
        ({"threads": 0}, "threads = 0: it must be greater than or equal to 1."),
        ({"seed": -1}, "seed = -1"),
        ({"cost_per_order": float("nan")}, "cost_per_order = nan"),
        ({"time_unit": "month"}, "time_unit = 'month': it must be 'day' or 'week'."),
        ({"method": "mcmc"}, "method = 'mcmc'"),
        ({"zero_amounts": "no"}, "zero_amounts = 'no': it must be 'keep' or 'drop'."),
        ({"customer_id": ""}, "customer_id = ''"),
        ({"customer_id": 5}, "customer_id = 5"),
        ({"horizon": "12"}, "horizon = '12': '12' is not a duration. Write a number and a unit"),
        ({"horizon": "-1y"}, "horizon = '-1y'"),
        ({"horizon": 12}, "horizon = 12"),
        ({"holdout": "lifetime"}, "holdout = 'lifetime': a hold-out needs an end, such as '26w'."),
        ({"observation_end": "20251231"}, "observation_end = '20251231': it must be a day such as"),
        ({"observation_end": "31.12.2025"}, "observation_end = '31.12.2025'"),
        ({"observation_end": "2025-02-30"}, "observation_end = '2025-02-30'"),
        ({"observation_end": 20251231}, "observation_end = 20251231"),
        ({"observation_end": dt.datetime(2025, 12, 31, 5)}, "observation_end"),
        ({"segments": {"top_share": 2.0}}, "segments.top_share = 2.0: it must be less than 1."),
        ({"segments": {"top": 0.1}}, "segments.top is no option."),
        ({"actions": {"refund": {"keeps": 2}}}, "actions.refund.keeps = 2"),
        ({"master": "local[2]"}, "master = 'local[2]' needs engine = 'spark'"),
        ({"labels": "about.csv", "engine": "spark"}, "labels are not read on Spark"),
        ({"margn": 0.3}, "margn is no option; did you mean margin?"),
        ({"xyz": 1}, "xyz is no option; there are margin, promotions,"),
    ],
)
def test_what_cannot_be_used_is_named(given, told):
    assert told in refused(**given)


def test_a_lifetime_without_discounting_is_refused_with_the_reason():
    told = refused(horizon="Lifetime", annual_discount_rate=0.0)
    assert "never leave" in told
    assert "discount rate above 0" in told
    assert resolve_config(None, {"horizon": "lifetime"}).horizon == "lifetime"


def test_all_faults_are_told_together():
    told = refused(margin=2, horizon="soon", threads=0, colour="red")
    for option in ("margin", "horizon", "threads", "colour"):
        assert f"{option} " in told
    assert ".." not in told


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"margin = ", "clv.toml is not valid TOML"),
        (b"currency = '\xff'", "clv.toml is not valid TOML"),
        (b"[value]\nmargin = 0.3", "value is no option"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path, content, told):
    file = tmp_path / "clv.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=told):
        resolve_config(file, {})


def test_a_file_that_is_not_there_or_a_folder(tmp_path):
    with pytest.raises(ConfigurationError, match=r"no\.toml: No such file"):
        resolve_config(tmp_path / "no.toml", {})
    with pytest.raises(ConfigurationError, match="Is a directory"):
        resolve_config(tmp_path, {})
