"""Groups of equal histories from the counts that a query made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from clvmodels.kernels.base import FloatArray
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import DAYS_PER_UNIT, TimeUnit
from clvmodels.value.totals import ValueGroups

if TYPE_CHECKING:
    import pyarrow as pa


def groups_of(table: pa.Table, unit: TimeUnit) -> ValueGroups:
    """Groups from ``frequency``, ``recency`` and ``T`` in days, ``n``, ``weight`` and the sums.

    The simple formula's sums, which no query of histories makes, are 0.
    """

    def column(name: str) -> FloatArray:
        return np.asarray(table[name].to_numpy(), dtype=np.float64)

    per_unit, n, weight = DAYS_PER_UNIT[unit], column("n"), column("weight")
    mean = np.where(n > 0.0, column("sum_mean") / weight, np.nan)
    nothing = np.zeros(len(table))
    return ValueGroups(
        columns=CustomerColumns(
            column("frequency").astype(np.int64), column("recency") / per_unit,
            column("T") / per_unit, mean, unit, weight=weight,
        ),
        n=n.astype(np.int64),
        sum_mean=column("sum_mean"),
        sum_square=column("sum_square"),
        sum_order=nothing,
        priced=nothing,
    )  # fmt: skip
