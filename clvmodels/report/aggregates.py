"""Scores of any number of customers, boiled down to what a report shows.

One pass over the files groups customers into bins of value that are 0.05 % wide. Shares, deciles
and quantiles are read off the bins, so memory does not grow with the number of customers and
nothing is sorted; customers in one bin count as equal.
"""

from __future__ import annotations

import glob
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from clvmodels.errors import ArtefactError
from clvmodels.plots.value import BINS_PER_DECADE

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_STEPS_PER_DECADE = 5000
_CURVE_POINTS = 100
_LAST_FREQUENCY = 7
_MOST_TOP = 10
_FEWEST_FOR_DECILES = 20

# `measure` is one of two column names of ours, never text from a log.
_BINS = """
SELECT side, step, count(*) AS customers, sum(worth) AS value,
       sum(probability_alive) AS probability_alive
FROM (
    SELECT coalesce({measure}, 0)::DOUBLE AS worth, sign(worth) AS side,
           CASE WHEN worth = 0 THEN 0 ELSE floor(log10(abs(worth)) * {steps}) END AS step,
           probability_alive
    FROM read_parquet($files)
)
GROUP BY side, step ORDER BY side DESC, side * step DESC
"""
_BY_FREQUENCY = """
SELECT least(frequency, {last}) AS frequency, count(*) AS customers, sum(clv) AS model,
       sum(clv_simple_formula) AS simple_formula
FROM read_parquet($files) GROUP BY 1 ORDER BY 1
"""
_TOP = """
SELECT left(customer_id::VARCHAR, 200) AS customer_id, frequency, probability_alive,
       expected_purchases, purchases_lower, purchases_upper, clv, clv_lower, clv_upper
FROM read_parquet($files) AS scores
ORDER BY {measure} DESC NULLS LAST, scores.customer_id LIMIT {most}
"""


@dataclass(frozen=True)
class ValueBins:
    """Customers grouped by value, most valuable first; all arrays have shape (bins,)."""

    side: NDArray[np.float64]
    step: NDArray[np.float64]
    customers: NDArray[np.float64]
    value: NDArray[np.float64]
    probability_alive: NDArray[np.float64]

    @property
    def total_customers(self) -> int:
        """Number of customers in all bins."""
        return int(self.customers.sum())

    def running(self, column: NDArray[np.float64], shares: NDArray[np.float64]) -> Any:
        """Give the sum of ``column`` over the first ``shares`` (0 to 1) of the customers."""
        ranks = np.concatenate([[0.0], np.cumsum(self.customers)])
        sums = np.concatenate([[0.0], np.cumsum(column)])
        return np.interp(shares * ranks[-1], ranks, sums)

    def concentration(self) -> dict[str, tuple[float, ...]] | None:
        """Give cumulative shares of customers and of value, or None where the total is not > 0."""
        total = float(self.value.sum())
        if total <= 0:
            return None
        shares = np.linspace(0.0, 1.0, _CURVE_POINTS + 1)
        held = self.running(self.value, shares) / total
        return {
            "customers": tuple(steady(share) for share in shares),
            "value": tuple(steady(share) for share in held),
        }

    def deciles(self) -> tuple[dict[str, float | None], ...]:
        """Give ten groups of equal size, most valuable first; none for a handful of customers."""
        if self.total_customers < _FEWEST_FOR_DECILES:
            return ()
        edges = np.linspace(0.0, 1.0, 11)
        size = self.total_customers / 10
        totals = np.diff(self.running(self.value, edges))
        alive = np.diff(self.running(self.probability_alive, edges)) / size
        whole = float(self.value.sum())
        return tuple(
            {
                "decile": place + 1,
                "customers": size,
                "total": steady(totals[place]),
                "share": steady(totals[place] / whole) if whole > 0 else None,
                "mean": steady(totals[place] / size),
                "probability_alive": steady(alive[place]),
            }
            for place in range(10)
        )

    def quantile(self, probability: float) -> float:
        """Give the value below which a share of the customers lies, within 0.05 %."""
        from_top = (1.0 - probability) * self.total_customers
        place = int(np.searchsorted(np.cumsum(self.customers), from_top))
        place = min(place, len(self.customers) - 1)
        return steady(self.value[place] / self.customers[place])

    def histogram(self) -> tuple[dict[str, float], ...]:
        """Count the customers above zero in wider bins, the lowest first."""
        above = self.side > 0
        if not above.any():
            return ()
        coarse = np.floor(self.step[above] * BINS_PER_DECADE / _STEPS_PER_DECADE).astype(int)
        first = int(coarse.min())
        counts = np.bincount(coarse - first, weights=self.customers[above])
        return tuple(
            {
                "lower": steady(10.0 ** ((first + place) / BINS_PER_DECADE)),
                "upper": steady(10.0 ** ((first + place + 1) / BINS_PER_DECADE)),
                "customers": int(count),
            }
            for place, count in enumerate(counts)
        )


class Scores:
    """The score files of a run, open for counting.

    Raises
    ------
    ArtefactError
        If the run has no readable score files.
    """

    def __init__(self, run_dir: Path, measure: Literal["clv", "expected_purchases"]) -> None:
        folder = run_dir / "scores"
        if not any(folder.glob("part-*.parquet")):
            message = f"{folder} holds no part-*.parquet files. Run clvmodels run or score again."
            raise ArtefactError(message)
        self._folder = folder
        self._files = [glob.escape(str(folder)) + "/part-*.parquet"]
        self.measure = measure

    def bins(self) -> ValueBins:
        """Group all customers by value."""
        rows = self._fetch(_BINS.format(steps=_STEPS_PER_DECADE, measure=self.measure))
        if not rows:
            message = f"{self._folder} holds score files without customers."
            raise ArtefactError(message)
        return ValueBins(
            **{name: np.asarray([row[name] for row in rows], dtype=float) for name in rows[0]}
        )

    def by_frequency(self) -> tuple[dict[str, Any], ...]:
        """Give customers and total value by the model and by the formula, by repeat purchases."""
        found = {
            row["frequency"]: row for row in self._fetch(_BY_FREQUENCY.format(last=_LAST_FREQUENCY))
        }
        nobody = {"customers": 0, "model": 0.0, "simple_formula": 0.0}
        return tuple(
            {
                "frequency": f"{frequency}{'+' * (frequency == _LAST_FREQUENCY)}",
                "customers": row["customers"],
                "model": steady(row["model"]),
                "simple_formula": steady(row["simple_formula"]),
            }
            for frequency in range(_LAST_FREQUENCY + 1)
            for row in [found.get(frequency, nobody)]
        )

    def top(self) -> tuple[dict[str, Any], ...]:
        """Give the ten most valuable customers."""
        return tuple(self._fetch(_TOP.format(measure=self.measure, most=_MOST_TOP)))

    def _fetch(self, query: str) -> list[dict[str, Any]]:
        import duckdb

        with duckdb.connect(config={"preserve_insertion_order": False}) as connection:
            connection.execute("SET enable_progress_bar = false")
            try:
                cursor = connection.execute(query, {"files": self._files})
                names = [column[0] for column in cursor.description or ()]
                rows = cursor.fetchall()
            except duckdb.Error as error:
                message = f"The score files in {self._folder} cannot be read: {error}"
                raise ArtefactError(message) from error
        return [dict(zip(names, row, strict=True)) for row in rows]


def steady(value: float) -> float:
    """Round to 12 significant digits: the order of summation must not show in a report."""
    return float(f"{float(value):.12g}")
