"""The hold-out by groups of customers: acquisition quarter, frequency class, labels."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np

from clvmodels.evaluation.outcome import Outcome
from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.units import DAYS_PER_UNIT

# Frequencies from here on are one class in tables.
LAST_CLASS = 7
# A label with more values than this keeps the largest; the rest is one group.
_MOST_GROUPS = 50
_REST = "(other)"


def breakdowns(
    outcome: Outcome,
    purchases: dict[str, FloatArray],
    spend: dict[str, FloatArray],
    crps: dict[str, FloatArray],
) -> dict[str, list[dict[str, Any]]]:
    """Actual and forecast sums and mean errors within groups of customers.

    Parameters
    ----------
    purchases, spend, crps
        By method: forecasts and scores of each customer; a method may be missing in the last two.

    Returns
    -------
    dict of list of dict
        ``cohort`` (quarter of the first purchase), ``frequency`` ("0" … "7+") and each label.
        Rows have ``group`` (None: no label), ``customers``, ``purchases`` and ``spend`` that
        happened, and ``methods``: for each its ``purchases``, ``spend``, ``mae`` and ``crps``.
    """
    groupings = {"cohort": _cohorts(outcome), "frequency": _frequencies(outcome)}
    for name, values in outcome.labels.items():
        # A label that is called cohort stands beside the quarters and doesn't take their place.
        groupings[f"{name} (label)" if name in groupings else name] = _label_groups(values)
    return {
        name: _rows(outcome, names, code, purchases, spend, crps)
        for name, (names, code) in groupings.items()
    }


def _rows(
    outcome: Outcome,
    names: list[str | None],
    code: IntArray,
    purchases: dict[str, FloatArray],
    spend: dict[str, FloatArray],
    crps: dict[str, FloatArray],
) -> list[dict[str, Any]]:
    def sums(values: FloatArray | IntArray | None) -> list[float | None]:
        if values is None:
            return [None] * len(names)
        return list(np.bincount(code, weights=values, minlength=len(names)).tolist())

    customers = np.bincount(code, minlength=len(names)).tolist()
    bought, spent = sums(outcome.purchases), sums(outcome.spend)
    methods = {
        name: (
            sums(forecast),
            sums(spend.get(name)),
            sums(np.abs(forecast - outcome.purchases)),
            sums(crps.get(name)),
        )
        for name, forecast in purchases.items()
    }

    def mean(total: float | None, i: int) -> float | None:
        return None if total is None else total / customers[i]

    return [
        {
            "group": names[i],
            "customers": customers[i],
            "purchases": bought[i],
            "spend": spent[i],
            "methods": {
                name: {
                    "purchases": found[0][i],
                    "spend": found[1][i],
                    "mae": mean(found[2][i], i),
                    "crps": mean(found[3][i], i),
                }
                for name, found in methods.items()
            },
        }
        for i in range(len(names))
    ]


def _cohorts(outcome: Outcome) -> tuple[list[str | None], IntArray]:
    columns = outcome.columns
    days = np.rint(columns.age * DAYS_PER_UNIT[columns.time_unit]).astype(np.int64)
    ages, which = np.unique(days, return_inverse=True)
    first = [outcome.origin - timedelta(days=age) for age in ages.tolist()]
    quarters = [f"{day.year}Q{(day.month + 2) // 3}" for day in first]
    names, code = np.unique(quarters, return_inverse=True)
    return list(names.tolist()), code[which]


def _frequencies(outcome: Outcome) -> tuple[list[str | None], IntArray]:
    values, code = np.unique(np.minimum(outcome.columns.frequency, LAST_CLASS), return_inverse=True)
    return [f"{v}+" if v == LAST_CLASS else str(v) for v in values.tolist()], code


def _label_groups(values: list[str | None]) -> tuple[list[str | None], IntArray]:
    """Values of a label in order, those without one last, rare ones together."""
    counts: dict[str | None, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    known = sorted(value for value in counts if value is not None)
    kept = sorted(known, key=lambda value: -counts[value])[:_MOST_GROUPS]
    names: list[str | None] = [value for value in known if value in set(kept)]
    place: dict[str | None, int] = {value: i for i, value in enumerate(names)}
    if len(known) > len(kept):
        place |= dict.fromkeys((v for v in known if v not in place), len(names))
        names.append(_REST)
    if None in counts:
        place[None] = len(names)
        names.append(None)
    return names, np.array([place[value] for value in values], dtype=np.int64)
