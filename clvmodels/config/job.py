"""The resolved configuration of a job: defaults, then a TOML file, then the command line."""

from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from clvmodels.config.decisions import ActionRule, ScenarioRules
from clvmodels.config.economics import EconomicsConfig
from clvmodels.config.segments import SegmentRules
from clvmodels.errors import ConfigurationError, DurationError, UndiscountedLifetimeError
from clvmodels.units import Duration, TimeUnit

Text = Annotated[str, Field(min_length=1)]


class JobConfig(EconomicsConfig):
    """Everything that decides what a job computes; frozen, and written into its ``run.json``."""

    customer_id: Text = "customer_id"
    date: Text = "date"
    amount: Text | None = None
    order_id: Text | None = None
    labels: Text | None = None
    observation_end: dt.date | None = None
    time_zone: Text = "UTC"
    time_unit: TimeUnit = "day"
    returns: Literal["net", "drop", "reject"] = "net"
    zero_amounts: Literal["keep", "drop"] = "keep"
    duplicates: Literal["keep", "drop"] = "keep"

    delimiter: Text | None = None
    quote: Text | None = None
    decimal_separator: Text | None = None
    encoding: Text | None = None
    date_format: Text | None = None

    model: Text = "bgnbd"
    method: Literal["auto", "mle", "map", "laplace", "nuts"] = "auto"
    horizon: str = "1y"
    interval: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.9
    holdout: str | None = None
    origins: Annotated[int, Field(ge=1)] = 3
    currency: Annotated[str, Field(max_length=8)] | None = None
    previous: Text | None = None
    paper: Literal["A4", "Letter", "none"] = "A4"

    # Tables of a configuration file; the command line has no options for them.
    segments: SegmentRules = SegmentRules()
    actions: dict[str, ActionRule] = Field(default_factory=dict)
    scenarios: ScenarioRules | None = None

    engine: Literal["duckdb", "spark"] = "duckdb"
    master: Text | None = None
    memory_limit: Text | None = None
    threads: Annotated[int, Field(ge=1)] | None = None
    seed: Annotated[int, Field(ge=0)] = 0

    @field_validator("observation_end", mode="before")
    @classmethod
    def _is_day(cls, value: object) -> object:
        # Otherwise digits such as 20251231 would be read as seconds since 1970.
        if isinstance(value, str):
            try:
                return dt.datetime.strptime(value, "%Y-%m-%d").date()
            except ValueError:
                pass
        elif value is None or type(value) is dt.date:
            return value
        msg = "it must be a day such as 2025-12-31"
        raise ValueError(msg)

    @field_validator("horizon", "holdout")
    @classmethod
    def _is_duration(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                Duration.parse(value)
            except DurationError as error:
                # Only a ValueError is collected with whatever else is wrong.
                raise ValueError(str(error)) from error
        return value

    @field_validator("holdout")
    @classmethod
    def _ends(cls, value: str | None) -> str | None:
        if value is not None and Duration.parse(value).is_lifetime:
            msg = "a hold-out needs an end, such as '26w'"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _fits_the_engine(self) -> Self:
        if self.master is not None and self.engine != "spark":
            msg = f"master = {self.master!r} needs engine = 'spark'"
            raise ValueError(msg)
        if self.labels is not None and self.engine == "spark":
            msg = f"labels = {self.labels!r}: labels are not read on Spark"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _lifetime_is_finite(self) -> Self:
        if Duration.parse(self.horizon).is_lifetime and self.annual_discount_rate == 0.0:
            raise ValueError(str(UndiscountedLifetimeError()))
        return self


def resolve_config(file: Path | None, given: dict[str, Any]) -> JobConfig:
    """Configuration from a TOML file and the options that were given, which win.

    Raises
    ------
    ConfigurationError
        Naming every option that cannot be used, its value and the bound.
    """
    values = _read_toml(file) if file is not None else {}
    values |= {name: value for name, value in given.items() if value is not None}
    return JobConfig(**values)


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            content = tomllib.load(stream)
    except OSError as error:
        msg = f"Cannot read the configuration {file}: {error.strerror}."
        raise ConfigurationError(msg) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{file.name} is not valid TOML: {error}."
        raise ConfigurationError(msg) from error
    # The options are spelled with hyphens on the command line; a file may do so too.
    return {name.replace("-", "_"): value for name, value in content.items()}
