"""Segments as users of notebooks hold them."""

from __future__ import annotations

import html
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from clvmodels.config.segments import SegmentRules
from clvmodels.errors import ParameterError
from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.models.data import CustomerData, as_customers, customer_index
from clvmodels.segments.learn import expectations, learn_segments
from clvmodels.segments.segmenter import Segmenter
from clvmodels.segments.table import segment_table
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import Duration
from clvmodels.value.customer_value import CustomerValue
from clvmodels.value.shock import ASSUMED, CommonShock, CommonShocks
from clvmodels.value.terms import check_interval
from clvmodels.value.totals import ValueGroups
from clvmodels.wording import percent

if TYPE_CHECKING:
    import pandas as pd

_TOTALS = ("active", "purchases", "clv", "potential_value")


@dataclass(frozen=True, repr=False)
class Segments:
    """Every customer's segment, and a table of the segments.

    Attributes
    ----------
    segmenter
        The limits that were learned; `Segmenter.save` keeps them for customers to come.
    codes : (n,)
        Place of each customer's segment in ``segmenter.names``.
    probability : (n,)
        Probability that what the segment claims of the customer is true; the table's column
        ``claim`` says what that is.
    content
        The table as JSON has it.
    """

    segmenter: Segmenter
    codes: IntArray
    probability: FloatArray
    content: dict[str, Any]
    _columns: CustomerColumns = field(repr=False)

    def to_pandas(self) -> pd.DataFrame:
        """``segment`` and ``segment_probability`` of every customer, by ``customer_id``."""
        import pandas as pd

        return pd.DataFrame(
            {
                "segment": pd.Categorical.from_codes(self.codes, list(self.segmenter.names)),
                "segment_probability": self.probability,
            },
            index=customer_index(self._columns),
        )

    @property
    def table(self) -> pd.DataFrame:
        """One row per segment and a last one, ``total``, whose bounds are not sums of theirs."""
        import pandas as pd

        rows = [*self.content["rows"], self.content["total"] | {"name": "total"}]
        flat = [_flattened(row) for row in rows]
        return pd.DataFrame(flat).set_index("segment")

    def plot(self, ax: Any = None) -> Any:
        """Draw each segment's share of customers beside its share of value."""
        shares = [name for name in ("customers_share", "clv_share") if name in self.table]
        frame = self.table[shares].iloc[-2::-1].astype(float).dropna(axis="columns", how="all")
        names = {"customers_share": "customers", "clv_share": "expected value"}
        ax = frame.rename(columns=names).plot.barh(
            ax=ax, color=["#b9c0c9", "#1668a8"][: len(frame.columns)], width=0.8
        )
        ax.set_yticklabels(list(frame.index), parse_math=False)
        ax.set_ylabel("")
        ax.set_xlabel("share of all")
        return ax

    def __repr__(self) -> str:
        return f"Segments ({self._caption()})\n{self._shown().to_string()}"

    def _repr_html_(self) -> str:
        # The frame's own HTML escapes names, which come from a configuration.
        return f"<p><b>Segments</b>: {html.escape(self._caption())}</p>{self._shown().to_html()}"

    def _caption(self) -> str:
        content, limits = self.content, self.segmenter.limits
        top = f"top tier from {limits.top:,.4g}, young up to {limits.new_until_days} days"
        return f"horizon {content['horizon']}, {percent(content['interval'])} intervals, {top}"

    def _shown(self) -> pd.DataFrame:
        shown = ("customers", "customers_share", "probability_alive", "orders_per_customer")
        money = ("clv", "clv_lower", "clv_upper", "clv_share", "value_at_risk")
        table = self.table
        return table[[name for name in (*shown, *money) if table[name].notna().any()]].round(3)


def segment(
    value: CustomerValue,
    customers: CustomerData,
    horizon: str | Duration = "1y",
    interval: float = 0.9,
    rules: SegmentRules | None = None,
    seed: int = 0,
    *,
    shock: CommonShock | CommonShocks = ASSUMED,
    segmenter: Segmenter | None = None,
) -> Segments:
    """Put every customer into one of eight segments, by what they are expected to do.

    Value tier by expected value (expected purchases without a spend model), activity by P(alive),
    and age decide; limits are learned from these customers unless a ``segmenter`` brings them.

    Parameters
    ----------
    value
        Fitted models and what value means.
    customers
        A customer summary, or a data frame in the models' time unit.
    horizon
        How far ahead value counts.
    interval
        Probability of the intervals of totals.
    rules
        Names, limits and actions; see `SegmentRules`.
    seed
        Of the simulated part of value, where there is any.
    shock
        What strikes everybody at once: assumed, or learned from the log by `common_shocks`.
    segmenter
        Limits learned before, which make moves between segments mean something.

    Examples
    --------
    >>> import clvmodels as clv
    >>> from clvmodels.segments import segment
    >>> customers = clv.load_cdnow("sample").summarize("1998-06-30", time_unit="week")
    >>> purchases = clv.BetaGeoModel().fit(customers, method="map")
    >>> spend = clv.GammaGammaModel().fit(customers, method="map")
    >>> found = segment(clv.CustomerValue(purchases, spend), customers)
    >>> int(found.table.loc["total", "customers"]), len(found.table)
    (2357, 9)
    """
    _check_kinds(value, rules)
    check_interval(interval)
    unit = None if hasattr(customers, "time_unit") else value.purchases.time_unit_
    columns = as_customers(customers, unit).columns()
    scorer = _seeded(value, seed).scorer(horizon, interval)
    if segmenter is None:
        segmenter = learn_segments(customers, scorer, rules or SegmentRules())
    codes, probability = segmenter.assign(columns, expectations(columns, scorer), scorer)
    groups = ValueGroups.of(columns, codes).divided(len(segmenter.names))
    content = segment_table(groups, segmenter, scorer, interval, shock)
    return Segments(segmenter, codes, probability, content, columns)


def _check_kinds(value: object, rules: object) -> None:
    if not isinstance(value, CustomerValue):
        bound = "a CustomerValue, followed by the customers"
        raise ParameterError("value", value, bound)
    if rules is not None and not isinstance(rules, SegmentRules):
        bound = "SegmentRules, such as SegmentRules(top_share=0.1)"
        raise ParameterError("rules", rules, bound)


def _seeded(value: CustomerValue, seed: int) -> CustomerValue:
    return value if seed == value.seed else replace(value, seed=seed)


def _flattened(row: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {"segment": row["name"]}
    for name, value in row.items():
        if name in _TOTALS:
            total = value or dict.fromkeys(("expected", "lower", "upper"), np.nan)
            flat |= {name: total["expected"], f"{name}_lower": total["lower"]}
            flat[f"{name}_upper"] = total["upper"]
        elif name != "name":
            flat[name] = np.nan if value is None else value
    return flat
