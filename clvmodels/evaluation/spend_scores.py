"""Coverage and pinball loss of the predictive intervals of customers' total spend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clvmodels.evaluation.scoring import COVERAGES, interval_levels, pinball_loss
from clvmodels.kernels.base import FloatArray
from clvmodels.kernels.spend_tables import SpendTables, given_alive
from clvmodels.models.gamma_gamma import GammaGammaModel, spend_evidence
from clvmodels.models.purchases import PurchaseModel
from clvmodels.transactions.columns import CustomerColumns

QUANTILES = tuple(sorted({0.5, *(interval_levels(c)[side] for c in COVERAGES for side in (0, 1))}))
# More customers would not make the shares more exact than anybody reads them.
_MOST_CUSTOMERS = 20_000


@dataclass(frozen=True)
class SpendScores:
    """Spend intervals against what happened.

    Attributes
    ----------
    coverage, attainable
        By nominal level: share of customers inside the central interval, and the probability that
        the forecast itself gives it (at spend 0 the distribution has a jump).
    pinball
        By quantile level: mean loss, in money.
    customers
        How many customers this was measured on.
    """

    coverage: dict[float, float]
    attainable: dict[float, float]
    pinball: dict[float, float]
    customers: int


def score_spend(
    purchases: PurchaseModel,
    spend: GammaGammaModel,
    columns: CustomerColumns,
    horizon: float,
    actual: FloatArray,
) -> SpendScores:
    """Scores of the distribution of total spend within a horizon in the models' unit.

    Of more than 20,000 customers so many are looked at, evenly spread over the given order.
    """
    looked_at = min(len(columns), _MOST_CUSTOMERS)
    chosen = np.arange(looked_at) * len(columns) // looked_at
    n, mean = spend_evidence(columns)
    n, mean = n[chosen], mean[chosen]
    alive, actual = purchases.alive(columns)[chosen], actual[chosen]
    p, q, gamma = spend.fit_.parameters.tolist()
    tables = SpendTables(
        purchases.kernel, purchases.fit_.parameters, (p, q), horizon, max(QUANTILES)
    )
    rows = tables.rows(columns.frequency[chosen], columns.age[chosen], n)
    scale = gamma + n * mean
    quantile = {
        level: tables.totals(rows, given_alive(level, alive)) * scale for level in QUANTILES
    }
    nothing = 1.0 - alive + alive * tables.purchases_cdf(rows, np.zeros(len(rows), dtype=np.int64))
    coverage, attainable = {}, {}
    for level in COVERAGES:
        low, high = interval_levels(level)
        inside = (quantile[low] <= actual) & (actual <= quantile[high])
        coverage[level] = float(inside.mean())
        below = np.where(nothing < low, low, 0.0)
        attainable[level] = float(np.mean(np.maximum(nothing, high) - below))
    return SpendScores(
        coverage=coverage,
        attainable=attainable,
        pinball={
            level: float(pinball_loss(level, values, actual).mean())
            for level, values in quantile.items()
        },
        customers=len(chosen),
    )
