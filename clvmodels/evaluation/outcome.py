"""One look ahead from an origin: who was known then, and what they did until the end."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np

from clvmodels.errors import DataWarning, InputError
from clvmodels.evaluation.baselines import Evidence, Recent, hiatus_threshold
from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.transactions.log import TransactionLog
from clvmodels.transactions.summary import CustomerSummary
from clvmodels.units import Duration, TimeUnit


@dataclass(frozen=True)
class Newcomers:
    """Customers first seen in the hold-out, whom no method was asked about.

    ``purchases`` counts their first ones too; ``spend`` is None without amounts.
    """

    customers: int
    purchases: int
    spend: float | None


@dataclass(frozen=True)
class Outcome:
    """What was known at an origin, and what happened until the end.

    The customers stand in an order that depends on their figures alone, not on their ids.

    Attributes
    ----------
    past
        The log as it stood at the origin; nothing later can be seen through it.
    summary
        Its customers.
    evidence
        What the methods without a model may look at, all from ``past``.
    purchases, spend : (n,)
        Purchase days and amounts in (origin, end]; spend is None without amounts.
    labels
        Text or None for each customer, by name.
    """

    origin: date
    end: date
    past: TransactionLog
    summary: CustomerSummary
    evidence: Evidence
    purchases: IntArray
    spend: FloatArray | None
    labels: dict[str, list[str | None]]
    newcomers: Newcomers

    @property
    def columns(self) -> CustomerColumns:
        """The customers at the origin."""
        return self.evidence.columns

    @property
    def horizon(self) -> Duration:
        """Length of the hold-out."""
        return self.evidence.horizon

    def thinned(self, customers: int) -> Outcome:
        """The same of at most so many customers, evenly through their order."""
        step = -(-len(self.columns) // customers)
        if step <= 1:
            return self
        some = np.arange(0, len(self.columns), step)
        return replace(
            self,
            evidence=replace(
                self.evidence,
                columns=_reordered(self.columns, some),
                recent=self.evidence.recent.some(some),
            ),
            purchases=self.purchases[some],
            spend=None if self.spend is None else self.spend[some],
            labels={name: values[::step] for name, values in self.labels.items()},
        )


def look_back(
    log: TransactionLog, origin: date, time_unit: TimeUnit, labels: Any
) -> tuple[TransactionLog, CustomerSummary]:
    """The log as it stood at the origin, and its customers with their labels.

    Raises
    ------
    InputError
        If whatever was bought up to the origin had been returned by then.
    """
    past = log.before(origin)
    summary = past.summarize(time_unit=time_unit)
    if labels is not None:
        with warnings.catch_warnings():
            # Customers who come later have labels too; that deserves no warning at every origin.
            warnings.simplefilter("ignore", DataWarning)
            summary = labels(summary) if callable(labels) else summary.with_labels(labels)
    return past, summary


def observe(
    log: TransactionLog, past: TransactionLog, summary: CustomerSummary, origin: date, end: date
) -> Outcome:
    """Compare the customers known at the origin with what they did until the end."""
    happened = log.holdout(origin, end)
    purchases = _floats(happened, "holdout_purchases").astype(np.int64)
    spend = _floats(happened, "holdout_amount") if log.has_amount else None
    columns = summary.columns()
    recent = _recent(past, origin, (end - origin).days)
    order = _order_by_figures(columns, recent, purchases, spend)
    horizon = Duration.parse(f"{(end - origin).days}d")
    evidence = Evidence(
        columns=_reordered(columns, order),
        horizon=horizon,
        recent=recent.some(order),
        hiatus=_hiatus(past, origin, (end - origin).days, summary.time_unit),
    )
    return Outcome(
        origin=origin,
        end=end,
        past=past,
        summary=summary,
        evidence=evidence,
        purchases=purchases[order],
        spend=None if spend is None else spend[order],
        labels={
            name: summary.labels().column(name).take(order).to_pylist()
            for name in summary.label_names
        },
        newcomers=Newcomers(*log.newcomers(origin, end)),
    )


def _recent(past: TransactionLog, origin: date, days: int) -> Recent:
    """Purchases in the window before the origin, as long as the hold-out if the log allows."""
    window = min(days, (origin - past.first_date).days + 1)
    table = past.since(origin - timedelta(days=window))
    spend = _floats(table, "amount") if past.has_amount else None
    return Recent(_floats(table, "purchases"), spend, window / days)


def _hiatus(past: TransactionLog, origin: date, days: int, time_unit: TimeUnit) -> float:
    """Threshold in days, learned on a hold-out before the origin, at most half the history."""
    earlier = origin - timedelta(days=min(days, (origin - past.first_date).days // 2))
    try:
        columns = past.before(earlier).summarize(time_unit=time_unit).columns()
    except InputError:
        return float("nan")
    bought = _floats(past.holdout(earlier, origin), "holdout_purchases").astype(np.int64)
    return hiatus_threshold(columns, bought)


def _floats(table: Any, name: str) -> FloatArray:
    column = table.column(name).cast("double")
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)


def _order_by_figures(
    columns: CustomerColumns, recent: Recent, purchases: IntArray, spend: FloatArray | None
) -> IntArray:
    """An order of the customers that renaming them does not change, scattered like a shuffle."""
    keys: list[FloatArray | IntArray | None] = [
        columns.frequency,
        columns.recency,
        columns.age,
        columns.monetary_value,
        columns.order_value,
        purchases,
        spend,
        recent.purchases,
        recent.spend,
    ]
    code = np.zeros(len(columns), dtype=np.uint64)
    for key in keys:
        if key is not None:
            bits = np.nan_to_num(key.astype(np.float64), nan=-1.0).view(np.uint64)
            # Mixing steps of SplitMix64; customers with the same code have the same figures.
            code = (code ^ bits) * np.uint64(0xBF58476D1CE4E5B9)
            code ^= code >> np.uint64(29)
            code = code * np.uint64(0x94D049BB133111EB)
            code ^= code >> np.uint64(32)
    return np.argsort(code, kind="stable")


def _reordered(columns: CustomerColumns, order: IntArray) -> CustomerColumns:
    return replace(
        columns,
        frequency=columns.frequency[order],
        recency=columns.recency[order],
        age=columns.age[order],
        monetary_value=columns.monetary_value[order],
        order_value=None if columns.order_value is None else columns.order_value[order],
        customer_id=None,
    )
