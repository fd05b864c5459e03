"""Bands around the weeks of a hold-out: what the model left possible when it knew the origin."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np

from clvmodels.evaluation.tracking import Cohort, expected_until
from clvmodels.kernels.base import FloatArray
from clvmodels.models.purchases import PurchaseModel
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.value.shock import CommonShock
from clvmodels.value.totals import Total

# Step in the scale-free coordinates, which are logarithms, for derivatives of the path.
_STEP = 1e-3
# How strongly the path depends on the parameters changes slowly with time: few points show it.
_POINTS = 3
BOUNDS = ("lower", "upper", "cumulative_lower", "cumulative_upper")


def tracking_bands(
    rows: list[dict[str, Any]],
    cohort: Cohort,
    model: PurchaseModel,
    columns: CustomerColumns,
    variance: float,
    interval: float,
    shock: CommonShock,
) -> list[dict[str, Any]]:
    """The rows of `weekly_tracking` with bounds for the weeks that were held out.

    The bounds are those of `Total.of` around the forecast given each customer, added to what had
    been bought by the origin: parameters, customers and the common shock. Weeks that the model had
    seen have None.

    Parameters
    ----------
    columns
        The customers at the origin.
    variance
        Of the base's purchases in the whole hold-out, from what customers do by chance.
    interval
        Probability of the bands.
    shock
        What strikes all customers of the base at once, as it was known at the origin.
    """
    ends = [(date.fromisoformat(row["week_end"]) - cohort.origin).days for row in rows]
    ahead = np.array([day for day in ends if day > 0], dtype=np.float64)
    expected = expected_until(model, columns, ahead)
    slopes = expected * _sensitivity(model, columns, ahead)
    known = float(cohort.bought[: (cohort.origin - cohort.first).days + 1].sum())
    chance = _Chance(variance, float(expected[-1]), model.fit_.coordinate_covariance)
    cumulative = chance.bounds(expected, slopes, interval, shock) + known
    weekly = chance.bounds(
        np.diff(expected, prepend=0.0), np.diff(slopes, prepend=0.0), interval, shock
    )
    # The first of these weeks may have begun before the origin.
    first = len(rows) - len(ahead)
    weekly[0] += known - (rows[first - 1]["cumulative_actual"] if first else 0.0)
    nothing = dict.fromkeys(BOUNDS)
    bounds = np.column_stack([weekly, cumulative]).tolist()
    return [{**row, **nothing} for row in rows[:first]] + [
        {**row, **dict(zip(BOUNDS, each, strict=True))}
        for row, each in zip(rows[first:], bounds, strict=True)
    ]


class _Chance:
    """How far purchases of the base stray by chance in parts of the hold-out."""

    def __init__(self, variance: float, total: float, covariance: FloatArray) -> None:
        self._total = max(total, 1e-300)
        # Beyond that of a Poisson count, the variance is luck that lasts: some customers buy more.
        self._lasting = max(variance - total, 0.0)
        known = np.isfinite(covariance).all()
        self._covariance = covariance if known else np.zeros_like(covariance)

    def bounds(
        self, expected: FloatArray, slopes: FloatArray, interval: float, shock: CommonShock
    ) -> FloatArray:
        """Bounds of purchases with an expectation (t,) and its derivatives (k, t), shape (t, 2)."""
        customers = np.sqrt(expected + self._lasting * (expected / self._total) ** 2)
        squares = np.einsum("it,ij,jt->t", slopes, self._covariance, slopes)
        parameters = np.sqrt(np.maximum(squares, 0.0))
        parts = zip(expected.tolist(), parameters.tolist(), customers.tolist(), strict=True)
        bands = [Total.of(*part, interval, shock) for part in parts]
        return np.array([[band.lower, band.upper] for band in bands])


def _sensitivity(model: PurchaseModel, columns: CustomerColumns, days: FloatArray) -> FloatArray:
    """Derivatives of the log of the expected purchases in the coordinates, shape (k, days)."""
    mode = model.fit_.coordinates
    points = np.linspace(np.log1p(days[0]), np.log1p(days[-1]), _POINTS)
    at = np.expm1(points)
    slopes = []
    for step in _STEP * np.eye(len(mode)):
        low, high = (expected_until(model.at(mode + way * step), columns, at) for way in (-1, 1))
        ratio = np.divide(high, low, out=np.ones_like(high), where=low > 0.0)
        slopes.append(np.interp(np.log1p(days), points, np.log(ratio) / (2.0 * _STEP)))
    return np.array(slopes)
