"""Rules that put every customer into one segment: limits, names and suggested actions."""

from __future__ import annotations

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from clvmodels.config.entered import Entered
from clvmodels.showing import ShownAsFacts

SegmentKind = Literal[
    "new", "promising", "champions", "loyal", "at_risk", "fading", "one_time", "lapsed"
]
SEGMENT_KINDS: tuple[SegmentKind, ...] = get_args(SegmentKind)
"""The eight segments, in the order of their codes."""

_NAMES: dict[SegmentKind, str] = {
    "new": "new",
    "promising": "promising",
    "champions": "champions",
    "loyal": "loyal",
    "at_risk": "at-risk high value",
    "fading": "fading",
    "one_time": "one-time",
    "lapsed": "lapsed",
}
_ACTIONS: dict[SegmentKind, str] = {
    "new": "Welcome them and make the second purchase easy; a discount now is paid to people who "
    "may come back without it.",
    "promising": "Build the habit: remind at their own pace, show more of the range.",
    "champions": "Keep service flawless, ask for reviews and referrals, offer early access; don't "
    "pay them to do what they do anyway.",
    "loyal": "Raise order value or frequency: bundles, cross-selling, a reason to come sooner.",
    "at_risk": "Call or write personally, find out what went wrong, make it good: this is where "
    "saving a customer pays most.",
    "fading": "One inexpensive reminder; stop if there is no answer.",
    "one_time": "Cheap, occasional contact only; learn why there was no second purchase.",
    "lapsed": "Spend nothing routine on them; leave them out of mailings that cost money.",
}
_Share = Annotated[float, Field(gt=0.0, lt=1.0)]
_Words = Annotated[str, Field(min_length=1)]


class SegmentRules(ShownAsFacts, Entered):
    """What decides to which segment a customer belongs; the table ``[segments]`` in ``clv.toml``.

    Limits in money and in days are learned from the log by these rules when a model is fitted, and
    kept with it.

    Attributes
    ----------
    top_share
        The top value tier begins where this share of repeat customers is above.
    active_from
        P(alive) from which a customer counts as active.
    lapsed_below
        P(alive) below which a customer counts as gone.
    settled
        One stays new, and young, until this share of those who come back within a year of their
        first purchase (or as long as the log shows) has come back.
    newest_share
        At least this share of all customers, the latest to come, count as young: where hardly
        anybody came lately, those who came last do. 0 switches this off.
    few_orders
        Up to this many orders, the first included, a customer who came back is still promising.
    names, actions
        By kind of segment; those left out keep the names and actions given here.

    Examples
    --------
    >>> from clvmodels.config.segments import SegmentRules
    >>> SegmentRules(top_share=0.1, names={"champions": "VIP"}).names["champions"]
    'VIP'
    """

    top_share: _Share = 0.2
    active_from: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5
    lapsed_below: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.1
    settled: _Share = 0.8
    newest_share: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.1
    few_orders: Annotated[int, Field(ge=1)] = 2
    names: dict[SegmentKind, _Words] = Field(default_factory=dict, validate_default=True)
    actions: dict[SegmentKind, str] = Field(default_factory=dict, validate_default=True)

    def _facts(self) -> dict[str, str]:
        limits = {
            name.replace("_", " "): str(value)
            for name, value in self
            if name not in {"names", "actions"}
        }
        return limits | {
            self.names[kind]: self.actions[kind] or "no action" for kind in SEGMENT_KINDS
        }

    @field_validator("names")
    @classmethod
    def _complete_names(cls, names: dict[SegmentKind, str]) -> dict[SegmentKind, str]:
        complete = _NAMES | names
        if len(set(complete.values())) < len(complete):
            msg = "each segment needs a name of its own"
            raise ValueError(msg)
        return {kind: complete[kind] for kind in SEGMENT_KINDS}

    @field_validator("actions")
    @classmethod
    def _complete_actions(cls, actions: dict[SegmentKind, str]) -> dict[SegmentKind, str]:
        return {kind: (_ACTIONS | actions)[kind] for kind in SEGMENT_KINDS}

    @model_validator(mode="after")
    def _gone_is_not_active(self) -> Self:
        if self.lapsed_below > self.active_from:
            msg = (
                f"lapsed_below = {self.lapsed_below} must not be above "
                f"active_from = {self.active_from}"
            )
            raise ValueError(msg)
        return self
