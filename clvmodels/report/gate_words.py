"""What a check that did not pass means for a reader who wants no statistics."""

from __future__ import annotations

from clvmodels.report.summary import Gate
from clvmodels.wording import printable

_MEANINGS = {
    "enough repeat customers": "Few customers have bought again, so the figures are loose.",
    "enough history": "The forecast looks further ahead than the log looks back.",
    "a year of history": "No season has been seen twice, so single months can be off.",
    "beginning of the log": (
        "Many customers may have been here before the log begins, so their age is too low."
    ),
    "repeat process": "Hardly anybody buys again: the value comes from winning new customers.",
    "level of the base": (
        "How far the total can stray could not be measured well on this log, so the range is wide "
        "or rests on an assumption."
    ),
    "held-out check": (
        "On the part of the log kept for testing, the forecast did not hold or could not be tested."
    ),
    "purchases in bursts": "Many purchases come in quick succession and may be one order in parts.",
    "evenness of the last two gaps": "Customers buy more evenly than the method takes for granted.",
    "subscriptions": "Purchases look like subscriptions, for which this method is not made.",
    "calendar": "Purchases bunch in a few weeks, such as sales or holidays.",
    "tracking in sample": "The forecast does not follow even the weeks that it learned from.",
    "frequency and spend": "Those who buy often spend differently, which tilts single customers.",
    "order value over time": "Order values drift over time, which the forecast does not follow.",
}
_BEGINNINGS = {
    "fit of": "The calculation did not settle cleanly.",
    "parameter draws of": "The ranges rest on too few reliable draws.",
}


def meaning(gate: Gate) -> str:
    """Say in plain words what a check means that did not pass."""
    if gate.name in _MEANINGS:
        return _MEANINGS[gate.name]
    for beginning, text in _BEGINNINGS.items():
        if gate.name.startswith(beginning):
            return text
    return printable(gate.evidence, 200)
