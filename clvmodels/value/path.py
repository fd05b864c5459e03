"""Purchases and value of a base ahead, period by period, with bands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from clvmodels.errors import ParameterError, UndiscountedLifetimeError
from clvmodels.kernels.base import FloatArray
from clvmodels.models.gamma_gamma import GammaGammaModel, spend_evidence
from clvmodels.models.purchases import PurchaseModel, distinct_pairs
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import DAYS_PER_UNIT, DAYS_PER_YEAR, discount_force
from clvmodels.value.parameters import parameter_pairs
from clvmodels.value.scorer import Scorer
from clvmodels.value.shock import CommonShock, CommonShocks
from clvmodels.value.terms import ValueTerms
from clvmodels.value.totals import Total, ValueGroups, ValueTotals, value_totals

if TYPE_CHECKING:
    import pandas as pd

Period = Literal["week", "month"]
_DAYS_PER_PERIOD: dict[str, float] = {"week": 7.0, "month": DAYS_PER_YEAR / 12.0}
_POINTS = 16
# The cumulative curve is smooth: it is worked out at this many times and joined by a spline.
_NODES = 16
# Steps between periods in which discounting is integrated.
_STEPS = 8


@dataclass(frozen=True)
class _Curves:
    """Cumulative purchases and value at the ends of the periods, (points, ends) each."""

    purchases: FloatArray
    value: FloatArray


def base_path(
    columns: CustomerColumns,
    scorer: Scorer,
    every: str,
    interval: float,
    shock: CommonShock | CommonShocks,
) -> pd.DataFrame:
    """Path of the base; see `CustomerValue.path`."""
    import pandas as pd

    if every not in _DAYS_PER_PERIOD:
        raise ParameterError("every", every, "'week' or 'month'")
    terms = scorer.terms
    if terms.horizon.is_lifetime:
        raise UndiscountedLifetimeError
    period = _DAYS_PER_PERIOD[every]
    whole = np.arange(1, int(np.ceil(terms.horizon.days / period - 1e-9)) + 1) * period
    days = np.minimum(whole, terms.horizon.days)
    ends = days / DAYS_PER_UNIT[scorer.purchases.time_unit_]
    curves = [
        _curves(columns, purchases, spend, terms, ends)
        for purchases, spend in parameter_pairs(
            scorer.purchases, scorer.spend, _POINTS, by_curvature=True
        )
    ]
    totals = value_totals(ValueGroups.of(columns), scorer, interval, shock)
    shocks = CommonShocks.of(shock)
    table: dict[str, FloatArray] = {"day": days}
    curve_purchases = np.array([curve.purchases for curve in curves])
    curve_value = np.array([curve.value for curve in curves])
    # Of what customers do, this part is the same luck in every period; the rest is new each time.
    lasting = _lasting(totals)
    for name, cumulative, variance, common in (
        ("purchases", curve_purchases, _square(totals.purchases), shocks.purchases),
        ("value", curve_value, _square(totals.clv), shocks.value),
    ):
        if not np.isfinite(cumulative).all():
            continue
        each = np.diff(cumulative, axis=1, prepend=0.0)
        for label, points in ((name, each), (f"cumulative_{name}", cumulative)):
            expected = points.mean(axis=0)
            share = expected / max(float(cumulative[:, -1].mean()), 1e-300)
            sd = np.sqrt(variance * np.maximum(lasting * share**2 + (1.0 - lasting) * share, 0.0))
            bands = [
                Total.of(float(e), float(p), float(s), interval, common)
                for e, p, s in zip(expected, points.std(axis=0), sd, strict=True)
            ]
            table[label] = expected
            table[f"{label}_lower"] = np.array([band.lower for band in bands])
            table[f"{label}_upper"] = np.array([band.upper for band in bands])
    return pd.DataFrame(table, index=pd.RangeIndex(1, len(days) + 1, name=every))


def _curves(
    columns: CustomerColumns,
    purchases: PurchaseModel,
    spend: GammaGammaModel | None,
    terms: ValueTerms,
    ends: FloatArray,
) -> _Curves:
    """Cumulative purchases, and value after order costs, with known parameters."""
    from scipy.interpolate import CubicSpline

    alive = columns.weights * purchases.alive(columns)
    worth = np.full(len(columns), np.nan)
    if spend is not None:
        worth = terms.margin * spend.spend(*spend_evidence(columns)) - terms.cost_per_order
    x, age, which = distinct_pairs(columns)
    weights = np.array([np.bincount(which, alive), np.bincount(which, alive * worth)])
    stretch = max(float(columns.age.mean()), float(ends[0])) if len(columns) else 1.0
    nodes = np.linspace(0.0, np.log1p(ends[-1] / stretch), min(_NODES, 2 * len(ends) + 2))
    at = np.array(
        [
            weights
            @ purchases.kernel.alive_purchases(
                purchases.fit_.parameters, x, age, float(stretch * np.expm1(node))
            )
            for node in nodes[1:]
        ]
    )
    force = discount_force(terms.annual_discount_rate, purchases.time_unit_)
    curve = CubicSpline(nodes, np.concatenate([np.zeros((1, 2)), at]))
    steps = np.concatenate([[0.0], ends])
    fine = (steps[:-1, None] + np.diff(steps)[:, None] * np.arange(_STEPS + 1) / _STEPS).T
    cumulative = curve(np.log1p(fine / stretch))
    middle = 0.5 * (fine[1:] + fine[:-1])
    discounted = np.diff(cumulative[..., 1], axis=0) * np.exp(-force * middle)
    return _Curves(cumulative[-1, :, 0], np.cumsum(discounted.sum(axis=0)))


def _square(total: Total | None) -> float:
    return 0.0 if total is None else total.sd_customers**2


def _lasting(totals: ValueTotals) -> float:
    """Share of the variance of purchases beyond that of a Poisson count."""
    total = totals.purchases
    if total is None or total.sd_customers == 0.0:
        return 0.0
    return max(1.0 - total.expected / total.sd_customers**2, 0.0)
