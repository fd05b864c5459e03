"""Gates on drift: whether a saved model may still score a newer log."""

from __future__ import annotations

from clvmodels.evaluation.drift import Comparison, Drift
from clvmodels.evaluation.gates import Gate

# Of a total that small, hardly anything would be a surprise.
_FEWEST = 10.0
_MANY_NEW = 1.0 / 3.0
_FIT_AGAIN = "Check that the log is complete, then fit again."


def drift_gates(drift: Drift) -> list[Gate]:
    """Judge a drift; what cannot be compared has no gate."""
    return [_age_gate(drift), _shop_gate(drift), *_since_gates(drift)]


def no_memory_gate() -> Gate:
    """Stands where a model was saved without its training period."""
    return Gate(
        "age of the model",
        "grey",
        "The model has no training.json, so nothing tells how old it is or what changed since.",
        "Fit again to have this watched.",
    )


def _age_gate(drift: Drift) -> Gate:
    name = "age of the model"
    if drift.days < 0:
        return Gate(
            name,
            "grey",
            f"The log ends on {drift.observation_end}, and the model has seen the days up to "
            f"{drift.fitted_to}.",
            "Nothing can be told of what came after. Give a newer log, unless you look back on "
            "purpose.",
        )
    share = drift.arrived / drift.customers
    evidence = (
        f"The model saw {drift.span:,} days up to {drift.fitted_to}. This log goes {drift.days:,} "
        f"days further, and {share:.0%} of its {drift.customers:,} customers came since."
    )
    if drift.days > drift.span or share > _MANY_NEW:
        return Gate(name, "amber", evidence, "It knows too little of today's customers. Fit again.")
    return Gate(name, "green", evidence, "Nothing to do.")


def _shop_gate(drift: Drift) -> Gate:
    """Whether these are the customers that taught the model or, if not, whether they buy alike."""
    name, orders = "same shop", drift.base_order_value
    if orders is not None and orders.is_of_another_unit:
        return _unit_gate(
            name,
            f"The mean repeat purchase of the whole log is {_told(orders)} of the log behind the "
            "model.",
        )
    if drift.goes_on:
        evidence = (
            f"{drift.customers - drift.arrived:,} customers were known on {drift.fitted_to}, and "
            f"the model learned from {drift.learned_from:,}."
        )
        return Gate(name, "green", evidence, "Nothing to do.")
    base = drift.base
    evidence = (
        f"The model learned from {drift.learned_from:,} customers, and these are others. Of "
        f"{drift.customers:,} customers of their ages it expects {base.expected:,.0f} repeat "
        f"purchases ({base.lower:,.0f} to {base.upper:,.0f}); there are {base.observed:,.0f}."
    )
    if orders is not None:
        evidence += f" Their mean amount is {orders.observed:,.2f}, then {orders.expected:,.2f}."
    if base.is_outside or (orders is not None and orders.is_outside):
        advice = "Do not use these numbers. Fit a model on this log."
        return Gate(name, "red", evidence, advice)
    return Gate(
        name,
        "green",
        evidence,
        "Nothing to do, if the model was learned from a part of this log or from another on "
        "purpose.",
    )


def _told(orders: Comparison) -> str:
    return f"{orders.observed:,.2f}, {orders.times} the {orders.expected:,.2f}"


def _unit_gate(name: str, evidence: str) -> Gate:
    return Gate(
        name,
        "red",
        evidence,
        "Do not use these numbers. The amounts are in another unit or currency, or of another "
        "shop.",
    )


def _since_gates(drift: Drift) -> list[Gate]:
    """What customers did since the fit."""
    gates = []
    for name, what, found, digits in (
        ("purchases since the fit", "purchases by known customers of", drift.purchases, 0),
        ("new customers since the fit", "repeat purchases by new ones of", drift.newcomers, 0),
        ("order value since the fit", "a mean order by known customers of", drift.order_value, 2),
    ):
        if found is None or (digits == 0 and found.expected < _FEWEST):
            continue
        if digits and found.is_of_another_unit:
            # What was spent since is a difference, of two units if older amounts changed too.
            evidence = (
                f"If amounts up to {drift.fitted_to} are as the model knew them, the mean repeat "
                f"purchase since then is {_told(found)} that it expects."
            )
            gates.append(_unit_gate(name, evidence))
            continue
        was, expected, lower, upper = (
            f"{value:,.{digits}f}"
            for value in (found.observed, found.expected, found.lower, found.upper)
        )
        evidence = (
            f"In {drift.days:,} days the model expected {what} {expected}. Chance and usual shocks "
            f"allow {lower} to {upper}; it was {was} ({found.change})."
        )
        level, advice = ("amber", _FIT_AGAIN) if found.is_outside else ("green", "Nothing to do.")
        gates.append(Gate(name, level, evidence, advice))  # type: ignore[arg-type]
    return gates
