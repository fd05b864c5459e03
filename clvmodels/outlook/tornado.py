"""What would move the value of the base: one thing changed at a time, over a stated range."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from clvmodels.errors import ClvError, ClvWarning
from clvmodels.kernels.base import FloatArray
from clvmodels.models import PURCHASE_MODELS
from clvmodels.models.base import Model
from clvmodels.models.gamma_gamma import GammaGammaModel
from clvmodels.models.purchases import PurchaseModel
from clvmodels.outlook.prospect import sampled
from clvmodels.outlook.valuation import Valuation
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import Duration
from clvmodels.value.scorer import Scorer
from clvmodels.value.shock import CommonShocks
from clvmodels.value.terms import ValueTerms
from clvmodels.value.totals import ValueGroups
from clvmodels.wording import percent

# The discount rate moves by so many points, margin and costs by a share of themselves, and the
# horizon by a quarter; for a lifetime two ends take its place.
_POINTS, _SHARE, _QUARTER = 0.05, 0.10, 0.25
_INSTEAD_OF_LIFETIME = ("5y", "10y")
_OTHER_MODELS = ("bgnbd", "mbgnbd", "pareto_nbd")
_TITLES = {
    "bgnbd": "BG/NBD",
    "mbgnbd": "MBG/NBD",
    "pareto_nbd": "Pareto/NBD",
    "nbd": "NBD",
}
# Histories that stand for a large base: only how the value changes on them is looked at, and what
# other models make of them is held against what the own model learns from the same.
_SAMPLE = 20_000


def tornado(
    groups: ValueGroups,
    scorer: Scorer,
    shocks: CommonShocks,
    interval: float,
    *,
    value: float | None = None,
) -> dict[str, Any] | None:
    """Value of the base under other inputs; None where it has no finite number.

    Parameters
    ----------
    groups
        The base.
    scorer
        What scored it.
    shocks
        What strikes everybody at once.
    interval
        Probability of the range of what is estimated: parameters and common shock.
    value
        The value that the report shows; changes are worked out at the most likely parameters and
        carried over to it.

    Returns
    -------
    dict
        As ``run.json`` has it under ``sensitivity``, the largest swing first.
    """
    base = _Base(groups, scorer)
    at_mode = base.value()
    if at_mode is None or at_mode == 0.0:
        return None
    shown = value
    if shown is None:
        shown = Valuation(groups).value(scorer.purchases, scorer.spend, scorer.terms) or at_mode
    entries = [
        *_of_terms(base),
        *_of_parameters(base, interval),
        *_of_shock(base, shocks, interval, shown),
        *_of_model(base),
    ]
    scale = shown / at_mode
    for entry in entries:
        if entry["driver"] != "common_shock":
            for side in ("low", "high"):
                entry[side]["value"] *= scale
        entry["swing"] = entry["high"]["value"] - entry["low"]["value"]
    kept = sorted(
        (e for e in entries if e["swing"] > 0.0), key=lambda e: (-e["swing"], e["driver"])
    )
    return {
        "value": shown,
        "quantity": "purchases" if scorer.spend is None else "clv",
        "entries": kept,
    }


class _Base:
    """The base, its scorer, and what it is worth if one of them is another."""

    def __init__(self, groups: ValueGroups, scorer: Scorer) -> None:
        self.scorer = scorer
        self.groups, _ = sampled(groups, _SAMPLE)
        self._valuation = Valuation(self.groups)

    def value(
        self,
        purchases: PurchaseModel | None = None,
        spend: GammaGammaModel | None = None,
        terms: ValueTerms | None = None,
    ) -> float | None:
        """Expected value (purchases without money) at one point of the parameters."""
        own = self.scorer
        return self._valuation.value(
            purchases or own.purchases, spend or own.spend, terms or own.terms
        )


def _entry(
    driver: str, label: str, now: str, ends: list[tuple[str, float | None]]
) -> list[dict[str, Any]]:
    known = [(text, value) for text, value in ends if value is not None]
    if len(known) < 2:
        return []
    known.sort(key=lambda end: end[1])
    low, high = ({"input": text, "value": value} for text, value in (known[0], known[-1]))
    return [{"driver": driver, "label": label, "from": now, "low": low, "high": high, "swing": 0.0}]


def _of_terms(base: _Base) -> list[dict[str, Any]]:
    terms = base.scorer.terms
    found: list[dict[str, Any]] = []

    def change(driver: str, label: str, now: str, ends: list[tuple[str, ValueTerms]]) -> None:
        values = [(text, base.value(terms=other)) for text, other in ends]
        found.extend(_entry(driver, label, now, values))

    horizon = terms.horizon
    if horizon.is_lifetime:
        ends = [(text, Duration.parse(text)) for text in _INSTEAD_OF_LIFETIME]
        change("horizon", "Horizon", "lifetime",
               [(text, replace(terms, horizon=end)) for text, end in ends])  # fmt: skip
    else:
        spans = [Duration(horizon.days * (1.0 + sign * _QUARTER), "") for sign in (-1, 1)]
        change("horizon", "Horizon", _span(horizon),
               [(_span(end), replace(terms, horizon=end)) for end in spans])  # fmt: skip
    if base.scorer.spend is None:
        return found
    rate = terms.annual_discount_rate
    # A lifetime has a value only with some discounting.
    least = 0.01 if horizon.is_lifetime else 0.0
    rates = [max(rate - _POINTS, least), rate + _POINTS]
    change("discount_rate", "Annual discount rate", _share(rate),
           [(_share(r), replace(terms, annual_discount_rate=r)) for r in rates])  # fmt: skip
    margins = [terms.margin * (1.0 - _SHARE), min(terms.margin * (1.0 + _SHARE), 1.0)]
    change("margin", "Margin", _share(terms.margin),
           [(_share(m), replace(terms, margin=m)) for m in margins])  # fmt: skip
    for field, label in (
        ("cost_per_order", "Cost per order"),
        ("cost_per_customer_year", "Cost per customer and year"),
    ):
        cost = getattr(terms, field)
        costs = [cost * (1.0 - _SHARE), cost * (1.0 + _SHARE)]
        change(field, label, f"{cost:,.2f}",
               [(f"{c:,.2f}", replace(terms, **{field: c})) for c in costs])  # fmt: skip
    return found


def _of_parameters(base: _Base, interval: float) -> list[dict[str, Any]]:
    """The direction in which the parameters move the value most, to both ends of the interval."""
    from scipy.special import ndtri

    scorer = base.scorer
    reach = float(ndtri(0.5 * (1.0 + interval)))
    text = (f"low end of {percent(interval)}", f"high end of {percent(interval)}")
    found: list[dict[str, Any]] = []
    steepest = _steepest(scorer.purchases, lambda model: base.value(purchases=model))
    if steepest is not None:
        z = scorer.purchases.fit_.coordinates
        ends = [
            base.value(purchases=scorer.purchases.at(z + s * reach * steepest)) for s in (-1, 1)
        ]
        found += _entry("purchase_parameters", "Parameters of purchases", "estimated",
                        list(zip(text, ends, strict=True)))  # fmt: skip
    if scorer.spend is None:
        return found
    steepest = _steepest(scorer.spend, lambda model: base.value(spend=model))
    if steepest is not None:
        z = scorer.spend.fit_.coordinates
        ends = [base.value(spend=scorer.spend.at(z + s * reach * steepest)) for s in (-1, 1)]
        found += _entry("spend_parameters", "Parameters of spend", "estimated",
                        list(zip(text, ends, strict=True)))  # fmt: skip
    return found


def _steepest(model: Any, value: Any) -> FloatArray | None:
    """One standard deviation in the direction that changes a value most; None if all is known."""
    covariance = _covariance(model)
    if not np.isfinite(covariance).all() or not covariance.any():
        return None
    z, step = model.fit_.coordinates, 1e-3
    slope = np.array(
        [
            (value(model.at(z + move)) - value(model.at(z - move))) / (2.0 * step)
            for move in step * np.eye(len(z))
        ]
    )
    sd = float(np.sqrt(max(slope @ covariance @ slope, 0.0)))
    return None if sd == 0.0 else np.asarray(covariance @ slope / sd)


def _covariance(model: Model) -> FloatArray:
    fit = model.fit_
    if fit.posterior is not None:
        return np.atleast_2d(np.cov(fit.posterior.coordinates.T, bias=True))
    return fit.coordinate_covariance


def _of_shock(
    base: _Base, shocks: CommonShocks, interval: float, shown: float
) -> list[dict[str, Any]]:
    shock = shocks.purchases if base.scorer.spend is None else shocks.value
    factor = shock.factor(interval)
    if factor == 1.0:
        return []
    weight = base.groups.columns.weights
    fixed = 0.0 if base.scorer.spend is None else base.scorer.terms.fixed_cost * float(weight.sum())
    gross = shown + fixed
    ends: list[tuple[str, float | None]] = [
        (f"÷ {factor:.2f}", gross / factor - fixed), (f"× {factor:.2f}", gross * factor - fixed)
    ]  # fmt: skip
    return _entry("common_shock", "What strikes everybody at once", "none", ends)


def _of_model(base: _Base) -> list[dict[str, Any]]:
    """Other models on the same histories, each over what the own model makes of them."""
    own = base.scorer.purchases
    some = base.groups.columns
    reference = _refitted(own.kernel.name, some, base)
    now = base.value()
    if not reference or now is None:
        return []
    ends: list[tuple[str, float | None]] = [(_title(own.kernel.name), now)]
    for name in _OTHER_MODELS:
        if name != own.kernel.name:
            other = _refitted(name, some, base)
            ends.append((_title(name), None if other is None else now * other / reference))
    return _entry("purchase_model", "Purchase model", _title(own.kernel.name), ends)


def _refitted(name: str, some: CustomerColumns, base: _Base) -> float | None:
    """Value by a model fitted to some histories; None where it cannot be."""
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ClvWarning)
            model = PURCHASE_MODELS[name]().fit(some, method="map")
    except ClvError:
        return None
    return base.value(purchases=model)


def _title(name: str) -> str:
    return _TITLES.get(name, name)


def _share(value: float) -> str:
    return f"{100.0 * value:.3g}%"


def _span(horizon: Duration) -> str:
    months = horizon.days / Duration.parse("1m").days
    return f"{months:.3g} months" if months < 24.0 else f"{horizon.years:.3g} years"
