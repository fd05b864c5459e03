"""Gates: named reasons to trust a run, to be careful with it, or not to believe it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Literal

from clvmodels.evaluation.split import Split
from clvmodels.inference.laplace import LARGEST_PARETO_K
from clvmodels.inference.nuts import unmet_thresholds
from clvmodels.models.base import Model
from clvmodels.models.purchases import PurchaseModel
from clvmodels.units import Duration
from clvmodels.value.shock import CommonShock
from clvmodels.value.totals import Total

Level = Literal["green", "amber", "red", "grey"]
Verdict = Literal["trusted", "caution", "untrusted"]

_FEWEST_REPEATERS, _FEW_REPEATERS = 20, 100
_MANY_ONE_TIMERS, _HARDLY_REPEATING = 0.75, 0.1
# A factor on the total at this probability, whatever interval a job shows.
_SHOWN, _WIDE = 0.9, 1.75


@dataclass(frozen=True)
class Gate:
    """One sign: how bad it is, the evidence with its figure, and what to do.

    The level is ``grey`` where there is too little to tell, which is neither good nor bad.
    """

    name: str
    level: Level
    evidence: str
    advice: str


def verdict(gates: list[Gate]) -> Verdict:
    """``untrusted`` if any gate is red, ``caution`` if any is amber, else ``trusted``.

    What could not be told (``grey``) changes nothing; it stays listed.
    """
    levels = {gate.level for gate in gates}
    return "untrusted" if "red" in levels else "caution" if "amber" in levels else "trusted"


def convergence_gate(model: Model, what: str) -> Gate:
    """Whether a fit found a proper mode; ``grey`` where the parameters were learned elsewhere."""
    found, name = model.diagnostics_, f"fit of {what}"
    starts = None
    if "starts" in found:
        starts = f"{found['agreeing_starts']} of {found['starts']} starts agree"
    if not found["converged"]:
        held = " and ".join(found["held_at_bound"])
        where = f"{held} ran to the edge" if held else "Gradient or curvature disagree"
        return Gate(
            name,
            "red",
            f"The fit has not converged. {where}{'' if starts is None else f'; {starts}'}.",
            "Do not use these numbers. Use method 'map', or look for what is wrong with the data.",
        )
    if found["held_at_bound"]:
        return Gate(
            name,
            "amber",
            f"The data press {' and '.join(found['held_at_bound'])} beyond five prior standard "
            "deviations, where it is held.",
            "Customers hardly differ in this respect (one price, or nobody leaves). Check that "
            "this is so; forecasts of the mean are fine, their spread is approximate.",
        )
    if starts is None:
        return Gate(
            name,
            "grey",
            "The parameters were given or learned elsewhere, so there is no fit to judge.",
            "Fit on this log where nothing else speaks for them.",
        )
    return Gate(
        name,
        "green",
        f"The fit converged: {starts} and {found['distance_to_mode_in_sd']:.1g} standard "
        "deviations are left to the optimum.",
        "Nothing to do.",
    )


def fit_gates(
    purchases: PurchaseModel, spend: Model | None, customers: int, repeaters: int
) -> list[Gate]:
    """Gates on what a fit found and on how much it had to learn from."""
    return [
        *model_gates(purchases, spend),
        size_gate(customers, repeaters),
        repeat_gate(purchases, customers, repeaters),
    ]


def model_gates(purchases: PurchaseModel, spend: Model | None) -> list[Gate]:
    """Gates on fitted models alone, also where they were saved long ago."""
    fits: list[tuple[Model, str]] = [(purchases, "purchases")]
    if spend is not None:
        fits.append((spend, "spend"))
    drawn = [posterior_gate(model, what) for model, what in fits]
    return [
        *(convergence_gate(model, what) for model, what in fits),
        *(gate for gate in drawn if gate is not None),
    ]


def posterior_gate(model: Model, what: str) -> Gate | None:
    """Whether the draws of the parameters can be relied on; None where a fit has none."""
    found = model.diagnostics_
    method, name = found.get("posterior_method"), f"parameter draws of {what}"
    if method is None:
        return None
    if method == "nuts":
        complaints = unmet_thresholds(found)
        evidence = (
            f"Chains of NUTS: R-hat {found['r_hat']:.3f}, {found['ess_bulk']:,.0f} effective "
            f"draws, {found['divergences']:,} divergences, BFMI {found['bfmi']:.2f}."
        )
        if complaints:
            evidence += f" Not good enough: {'; '.join(complaints)}."
    else:
        complaints = [] if found["pareto_k"] <= LARGEST_PARETO_K else ["k-hat"]
        evidence = (
            f"Importance sampling has a Pareto k-hat of {found['pareto_k']:.2f} (reliable up to "
            f"{LARGEST_PARETO_K}) and {found['effective_sample_size']:,.0f} effective draws."
        )
    if not complaints:
        return Gate(name, "green", evidence, "Nothing to do.")
    return Gate(
        name,
        "red",
        evidence,
        "Intervals rest on these draws. Fit with method 'nuts', or collect more repeat purchases."
        if method != "nuts"
        else "Intervals rest on these draws. Collect more repeat purchases, or use method 'map'.",
    )


def size_gate(customers: int, repeaters: int) -> Gate:
    """Whether enough customers bought again to learn from."""
    evidence = f"{repeaters:,} of {customers:,} customers bought again."
    if repeaters < _FEWEST_REPEATERS:
        return Gate(
            "enough repeat customers",
            "red",
            evidence,
            f"At least {_FEWEST_REPEATERS} are needed. Collect a longer log.",
        )
    if repeaters < _FEW_REPEATERS:
        return Gate(
            "enough repeat customers",
            "amber",
            evidence,
            f"With fewer than {_FEW_REPEATERS} the parameters are loosely known; read the "
            "intervals, not the point values.",
        )
    return Gate("enough repeat customers", "green", evidence, "Nothing to do.")


def history_gate(first: date, end: date, horizon: Duration) -> Gate:
    """Whether the log is as long as the horizon it is asked about."""
    days = (end - first).days
    evidence = f"The log spans {days:,} days and the horizon is {horizon}."
    if days >= horizon.days:
        return Gate("enough history", "green", evidence, "Nothing to do.")
    return Gate(
        "enough history",
        "amber",
        evidence,
        "The forecast reaches further ahead than the log reaches back; choose a shorter horizon "
        "for decisions that depend on it.",
    )


def repeat_gate(model: PurchaseModel, customers: int, repeaters: int) -> Gate:
    """Whether there is a repeat process to speak of (three in four one-timers and r < .1)."""
    share = 1.0 - repeaters / customers
    r = model.params_["r"]
    evidence = f"{share:.0%} of the customers bought once, and r is {r:.2f}."
    if share >= _MANY_ONE_TIMERS and r < _HARDLY_REPEATING:
        return Gate(
            "repeat process",
            "amber",
            evidence,
            "There is hardly any repeat process to forecast; value comes from acquisition.",
        )
    return Gate("repeat process", "green", evidence, "Nothing to do.")


def interval_gate(shock: CommonShock) -> Gate:
    """Whether earlier windows leave the level of the whole base predictable."""
    name = "level of the base"
    if shock.windows == 0:
        return Gate(
            name,
            "grey",
            "No earlier window of the horizon's length could be forecast and compared.",
            "The total's interval rests on an assumed shock; a longer log or a shorter horizon "
            "would measure it.",
        )
    factor = shock.factor(_SHOWN)
    evidence = (
        f"Over {shock.windows} earlier {'window' if shock.windows == 1 else 'windows'} the total "
        f"strayed so far that its {_SHOWN:.0%} interval is ×/÷ {factor:.2f}."
    )
    if factor <= _WIDE:
        return Gate(name, "green", evidence, "Nothing to do.")
    return Gate(
        name,
        "amber",
        evidence,
        "The level of the base is hardly predictable. Compare and rank customers; don't promise "
        "the total.",
    )


def holdout_gate(check: Split | None, interval: float) -> Gate:
    """Whether the held-out total lies within what the model's own interval allows."""
    if check is None:
        return Gate(
            "held-out check",
            "amber",
            "The log is too short, or has too few repeat buyers, to hold anything out.",
            "Nothing has tested these forecasts yet; run again when the log is longer.",
        )
    predicted = check.forecasts[check.model].purchases
    actual = check.actual_purchases
    bounds = Total.of(predicted, 0.0, 0.0, interval)
    miss = predicted / actual - 1.0 if actual else math.inf
    evidence = (
        f"From {check.origin} to {check.end} the model forecast {predicted:,.0f} purchases and "
        f"{actual:,} happened ({miss:+.0%}); its {100 * interval:.3g}% interval was "
        f"{bounds.lower:,.0f} to {bounds.upper:,.0f}."
    )
    if bounds.lower <= actual <= bounds.upper:
        return Gate("held-out check", "green", evidence, "Nothing to do.")
    return Gate(
        "held-out check",
        "amber",
        evidence,
        "Find out what changed after the cut (season, prices, campaigns) before using the total.",
    )
