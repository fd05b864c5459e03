"""What is entered about actions and about scenarios beyond purchases: nothing, by default."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from clvmodels.config.entered import Entered, refusal
from clvmodels.errors import ConfigurationError

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Money = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
_MARKS = ("1", "true", "yes", "y", "x")


class ActionRule(Entered):
    """What is known about an action; what is None comes from the preset of the same name.

    Attributes
    ----------
    label
        With its article, as it stands in a sentence: "a refund".
    effect
        ``keep`` holds a customer who would otherwise leave, so that it can achieve no more than
        the customer is active; ``win_back`` brings back one who has left.
    keeps
        By how much the action raises the probability that the customer stays, 0.3 for 30
        percentage points. 0 claims nothing.
    cost
        Money for one customer.
    cost_basis
        What belongs to the cost.
    """

    label: Annotated[str, Field(min_length=1, max_length=80)] | None = None
    effect: Literal["keep", "win_back"] | None = None
    keeps: Share | None = None
    cost: Money | None = None
    cost_basis: Annotated[str, Field(max_length=400)] | None = None


class Range(Entered):
    """A number that nobody knows exactly; one number alone stands for all three."""

    low: Money = 0.0
    likely: Money = 0.0
    high: Money = 0.0
    source: Annotated[str, Field(max_length=400)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_number(cls, value: object) -> object:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return {"low": value, "likely": value, "high": value}
        return value

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low <= self.likely <= self.high:
            msg = f"low {self.low:g}, likely {self.likely:g} and high {self.high:g} must ascend"
            raise ValueError(msg)
        return self


class ShareRange(Range):
    """A share that nobody knows exactly."""

    low: Share = 0.0
    likely: Share = 0.0
    high: Share = 0.0


_NOBODY = ShareRange()
_NOTHING = Range()


class Referrals(Entered):
    """Customers who bring others."""

    referrals_per_year: Range = _NOTHING
    conversion: ShareRange = _NOBODY


class Reviews(Entered):
    """Ratings and reviews that others read."""

    reviews_per_year: Range = _NOTHING
    readers: Range = _NOTHING
    conversion: ShareRange = _NOBODY


class Influencers(Entered):
    """Customers whom many listen to, marked in a column of the labels."""

    column: Annotated[str, Field(min_length=1)]
    marks: tuple[str, ...] = _MARKS
    reach_per_year: Range = _NOTHING
    conversion: ShareRange = _NOBODY


class Praise(Entered):
    """Praise that reaches many."""

    customers: ShareRange = _NOBODY
    reach: Range = _NOTHING
    conversion: ShareRange = _NOBODY


class Failing(Entered):
    """A failing that reaches many more."""

    customers: ShareRange = _NOBODY
    reach: Range = _NOTHING
    deterred: ShareRange = _NOBODY


class Feedback(Entered):
    """What customers say that makes the product better."""

    suggestions_per_year: Range = _NOTHING
    used: ShareRange = _NOBODY
    value: Range = _NOTHING


class BadExperience(Entered):
    """One bad experience: some leave, and they tell others."""

    customers: ShareRange = _NOBODY
    leave: ShareRange = _NOBODY
    told: Range = _NOTHING
    deterred: ShareRange = _NOBODY


class ScenarioRules(Entered):
    """Scenarios beyond purchases; None where nothing was entered."""

    referrals: Referrals | None = None
    reviews: Reviews | None = None
    influencers: Influencers | None = None
    praise: Praise | None = None
    failing: Failing | None = None
    feedback: Feedback | None = None
    bad_experience: BadExperience | None = None


PRESETS: dict[str, ActionRule] = {
    "refund": ActionRule(
        label="a refund",
        effect="keep",
        keeps=0.0,
        cost_basis="what is paid back less what the returned goods still bring, and the handling",
    ),
    "exchange": ActionRule(
        label="an exchange",
        effect="keep",
        keeps=0.0,
        cost_basis="the new goods at cost, shipping both ways, less what the returned goods bring",
    ),
    "upgrade": ActionRule(
        label="an upgrade",
        effect="keep",
        keeps=0.0,
        cost_basis="what the better product costs us more than the one paid for, not its price",
    ),
    "win-back": ActionRule(
        label="a win-back offer",
        effect="win_back",
        keeps=0.0,
        cost_basis="contact and incentive for everybody approached, also for those who stay away",
    ),
    "service-recovery": ActionRule(
        label="a service recovery",
        effect="keep",
        keeps=0.0,
        cost_basis="the time of staff, goodwill and whatever was given to put it right",
    ),
}


def action_rules(given: Mapping[str, ActionRule] | None = None) -> dict[str, ActionRule]:
    """Every known action: the presets, with what was entered over them, and others entered."""
    rules = dict(PRESETS)
    for name, rule in (given or {}).items():
        key = action_name(name)
        plain = PRESETS.get(key, ActionRule(label=name, effect="keep", keeps=0.0, cost_basis=""))
        rules[key] = plain.model_copy(update=rule.model_dump(exclude_none=True))
    return rules


def action_name(text: str) -> str:
    """Give the name of an action as it is looked up: ``Service recovery`` is service-recovery."""
    return "-".join(text.strip().lower().replace("_", " ").replace("-", " ").split())


def read_actions(file: Path) -> dict[str, ActionRule]:
    """Read the actions of a configuration file; its other keys are the job's.

    Raises
    ------
    ConfigurationError
        If the file cannot be read, or an action has a value that cannot be used.
    """
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        msg = f"Cannot read the configuration {file.name}: {error}."
        raise ConfigurationError(msg) from error
    return checked_actions(content.get("actions") or {})


def checked_actions(content: Any) -> dict[str, ActionRule]:
    """Actions from plain values, such as those of a record.

    Raises
    ------
    ConfigurationError
        Naming each action and key that cannot be used.
    """
    if not isinstance(content, Mapping):
        msg = "actions must be tables such as [actions.refund] with keeps and cost."
        raise ConfigurationError(msg)
    rules: dict[str, ActionRule] = {}
    problems: list[str] = []
    for name, values in content.items():
        try:
            rules[str(name)] = ActionRule.model_validate(values)
        except ValidationError as error:
            problems.append(refusal(error, ActionRule, ("actions", str(name))))
    if problems:
        raise ConfigurationError(" ".join(problems))
    return rules
