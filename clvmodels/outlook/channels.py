"""Payback of customers by a label, such as the channel that they came through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clvmodels.config.economics import EconomicsConfig
from clvmodels.outlook.histories import groups_of
from clvmodels.outlook.history import History
from clvmodels.outlook.lives import Steps
from clvmodels.outlook.payback import margin_life, payback_of
from clvmodels.outlook.prospect import Prospect
from clvmodels.transactions.cohorts import histories_by_label
from clvmodels.units import DAYS_PER_YEAR
from clvmodels.value.scorer import Scorer
from clvmodels.value.shock import CommonShocks
from clvmodels.wording import printable

if TYPE_CHECKING:
    from clvmodels.transactions.log import TransactionLog
    from clvmodels.transactions.summary import CustomerSummary

_MOST_ROWS = 12


def payback_by_label(
    log: TransactionLog,
    summary: CustomerSummary,
    scorer: Scorer,
    shocks: CommonShocks,
    interval: float,
    economics: EconomicsConfig,
) -> dict[str, Any] | None:
    """How far the customers of each channel have paid back; None without CAC by a label.

    Returns
    -------
    dict
        As ``run.json`` has it under ``payback``, ``labels``.

    Raises
    ------
    ConfigurationError
        If the customers have no such label.
    """
    name = economics.cac_label
    if name is None or name not in summary.label_names or scorer.spend is None:
        return None
    table = histories_by_label(summary, name)
    given = np.array(table["label"].to_pylist(), dtype=object)
    weight = table["weight"].to_numpy().astype(np.float64)
    names, which = np.unique([str(value) if value is not None else "" for value in given],
                             return_inverse=True)  # fmt: skip
    customers = np.bincount(which, weight, len(names))
    priced = [place for place, value in enumerate(names) if str(value) in economics.cac_values]
    priced.sort(key=lambda place: (-customers[place], str(names[place])))
    chosen = priced[:_MOST_ROWS]
    if not chosen:
        return {"label": printable(name), "rows": [], "left_out": round(float(customers.sum()))}
    code = np.full(len(names), -1, dtype=np.int64)
    code[chosen] = np.arange(len(chosen))
    kept = np.flatnonzero(code[which] >= 0)
    groups = groups_of(table.take(kept), scorer.purchases.time_unit_)
    prospect = Prospect(groups, scorer, DAYS_PER_YEAR + 32.0, code[which][kept])
    counts = {str(names[place]): round(float(customers[place])) for place in chosen}
    history = History.by_label(log, summary, name, counts)
    steps, terms = Steps.of(prospect), scorer.terms
    revenue = prospect.curves("revenue", steps.days)
    purchases = prospect.curves("purchases", steps.days)
    if revenue is None or purchases is None:
        return None
    margin = revenue.less(purchases, terms.margin, terms.cost_per_order)
    rows = []
    for number, (value, count) in enumerate(counts.items()):
        earned = history.margin(np.array(history.keys) == value, terms)
        mine = np.flatnonzero(prospect.label == number)
        money = margin_life(earned, margin, steps, prospect, mine, interval, shocks.value, terms)
        cac = economics.cac_values[value]
        rows.append(
            {
                "value": printable(value),
                "customers": count,
                "cac": cac,
                "to_date": float(earned.sum()) / count,
                "payback": payback_of(money, cac),
            }
        )
    left_out = round(float(customers.sum())) - sum(counts.values())
    return {"label": printable(name), "rows": rows, "left_out": left_out}
