"""Value beyond purchases as scenarios: what was entered, times what the model knows.

They stand beside the value of purchases and are never part of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtri

from clvmodels.config.decisions import Range, ScenarioRules
from clvmodels.decisions.run_folder import score_files, summing_database
from clvmodels.decisions.scenario_kinds import KINDS, Group, Kind, numbers_of
from clvmodels.decisions.stake import CERTAIN
from clvmodels.kernels.base import FloatArray
from clvmodels.storage import plain
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.transactions.summary import CustomerSummary
from clvmodels.units import DAYS_PER_UNIT, DAYS_PER_YEAR, discounted_years
from clvmodels.value.customer_value import CustomerValue
from clvmodels.value.parameters import parameter_pairs
from clvmodels.value.plug_in import look_ahead
from clvmodels.value.shock import CommonShock, CommonShocks
from clvmodels.value.terms import check_interval
from clvmodels.value.totals import Total
from clvmodels.wording import money, printable, span

NOTE = (
    "Scenarios rest on what was entered, not on the log. They stand beside the value of purchases "
    "and are never part of it."
)
COUNTS_ALL = (
    " The model counts everybody who has bought only once as active, so that what active customers "
    "do is rather overstated."
)
_POINTS, _DRAWS = 32, 8192
_YEARS_SILENT = 20.0


def scenarios(
    scores: Path,
    value: CustomerValue,
    rules: ScenarioRules | None,
    *,
    horizon: str,
    interval: float,
    shocks: CommonShock | CommonShocks,
    clv: Mapping[str, Any] | None,
    currency: str | None = None,
    influential: int | None = None,
    memory_limit: str | None = None,
) -> dict[str, Any] | None:
    """What was entered about value beyond purchases comes to, as ``run.json`` has it.

    Parameters
    ----------
    scores
        Folder of the score files.
    value
        Models and terms that the scores were made with.
    rules
        What was entered; None for nothing.
    clv
        The total of the base with its bounds, as ``run.json`` has it; None without money.
    influential
        Customers marked as influential: `marked_customers`.

    Returns
    -------
    dict or None
        None where nothing was entered.
    """
    rules = rules or ScenarioRules()
    entered = [kind for kind in KINDS if getattr(rules, kind.name) is not None]
    if not entered:
        return None
    terms = value.terms(horizon)
    groups = _groups(scores, terms.fixed_cost, memory_limit)
    new = _new_customer(value, horizon, interval, CommonShocks.of(shocks).value)
    years = discounted_years(terms.horizon, terms.annual_discount_rate)
    made = _Maker(groups, new, years, _factor(clv, groups[0]), interval, horizon, currency)
    content: dict[str, Any] = plain(
        {
            "horizon": str(terms.horizon),
            "years": years,
            "currency": currency,
            "interval": interval,
            "note": NOTE + (COUNTS_ALL if _counts_all(value) else ""),
            "new_customer": new and dict(zip(("low", "likely", "high"), new, strict=True)),
            "items": [made.item(kind, getattr(rules, kind.name), influential) for kind in entered],
            "not_entered": [kind.name for kind in KINDS if kind not in entered],
        }
    )
    return content


def marked_customers(summary: CustomerSummary, rules: ScenarioRules | None) -> int | None:
    """How many customers the labels mark as influential; None where no column says.

    A mark is any of the ``marks`` of the configuration, whatever its capitals.
    """
    rule = None if rules is None else rules.influencers
    if rule is None or rule.column not in summary.label_names:
        return None
    import pyarrow.compute as pc

    column = summary.labels().column(rule.column)
    counts = pc.value_counts(pc.utf8_lower(pc.utf8_trim_whitespace(column))).to_pylist()
    marks = {mark.strip().lower() for mark in rule.marks}
    return sum(int(row["counts"]) for row in counts if row["values"] in marks)


class _Maker:
    def __init__(
        self,
        groups: list[Group],
        new: tuple[float, float, float] | None,
        years: float,
        factor: tuple[float, float, float],
        interval: float,
        horizon: str,
        currency: str | None,
    ) -> None:
        self._base, self._segments = groups[0], groups[1:]
        self._new, self._years, self._factor = new, years, factor
        self._interval, self._horizon, self._currency = interval, horizon, currency

    def item(self, kind: Kind, rule: Any, influential: int | None) -> dict[str, Any]:
        """One scenario: inputs, and money for one customer, each segment and the base."""
        item: dict[str, Any] = {
            "name": kind.name,
            "title": kind.title,
            "direction": kind.direction,
            "inputs": [_input(rule, *told) for told in kind.inputs],
            "formula": kind.formula,
            "per_customer": None,
            "segments": [],
            "base": None,
        }
        base = self._base
        if kind.name == "influencers":
            item["marked"] = influential
            if influential is None:
                words = f"No label {printable(rule.column)!r} marks who is influential."
                return item | {"sentence": words}
            base = Group(None, influential, influential, 0.0)
        if self._new is None and kind.name != "feedback":
            return item | {"sentence": "This run has no amounts, so nothing is known about money."}
        if kind.per_customer and base.active > 0.0:
            item["per_customer"] = self._of(kind, _one_of(rule), _one(base))
        if kind.by_segment:
            item["segments"] = [
                {"segment": group.name, "customers": round(group.customers)}
                | self._of(kind, rule, group)
                for group in self._segments
            ]
        item["base"] = self._of(kind, rule, base) | self._simulated(kind, rule, base)
        return item | {"sentence": self._sentence(kind, item["base"])}

    def _of(self, kind: Kind, rule: Any, group: Group) -> dict[str, float]:
        ends = ("low", "likely", "high")
        ranges = numbers_of(rule, kind, lambda r: np.array([getattr(r, end) for end in ends]))
        new, factor = np.array(self._new or (0.0,) * 3), np.array(self._factor)
        each = kind.of_group(ranges, group, self._years, new, factor)
        return dict(zip(ends, np.broadcast_to(each, 3).tolist(), strict=True))

    def _simulated(self, kind: Kind, rule: Any, group: Group) -> dict[str, float]:
        """Bounds if every input varies on its own, and the model's numbers vary together."""
        rng = np.random.default_rng(0)
        ranges = numbers_of(rule, kind, lambda r: triangular(rng.random(_DRAWS), r))
        level = rng.random(_DRAWS)
        lower, _, upper = check_interval(self._interval)
        new = _skewed(level, self._new or (0.0,) * 3, upper)
        drawn = kind.of_group(ranges, group, self._years, new, _skewed(level, self._factor, upper))
        bounds = np.quantile(np.broadcast_to(drawn, _DRAWS), [lower, upper])
        return {"lower": float(bounds[0]), "upper": float(bounds[1])}

    def _sentence(self, kind: Kind, base: dict[str, float]) -> str:
        low, likely, high = (money(base[end], self._currency) for end in ("low", "likely", "high"))
        if base["high"] == 0.0:
            return "As entered, this comes to nothing: one of its inputs is 0."
        comes = "brings" if kind.direction == "gain" else "costs"
        return (
            f"If what was entered holds, this {comes} {likely} over {span(self._horizon)}, from "
            f"{low} with every input at its low end to {high} with every input at its high end."
        )


def triangular(level: FloatArray, given: Range) -> FloatArray:
    """Quantiles of the triangular distribution over a range, with its peak at what is likely."""
    width = given.high - given.low
    if width == 0.0:
        return np.full(len(level), given.likely)
    left, right = given.likely - given.low, given.high - given.likely
    return np.where(
        level * width < left,
        given.low + np.sqrt(level * width * left),
        given.high - np.sqrt((1.0 - level) * width * right),
    )


def _skewed(level: FloatArray, ends: tuple[float, ...], upper: float) -> FloatArray:
    """Quantiles of a log-normal with different halves that has ``ends`` at the interval's ends."""
    low, likely, high = ends
    if not 0.0 < low <= likely <= high:
        return np.full(len(level), likely)
    steps = ndtri(level) / float(ndtri(upper))
    log = np.where(steps < 0.0, np.log(likely / low), np.log(high / likely))
    return np.asarray(likely * np.exp(steps * log))


def _input(rule: Any, name: str, label: str, unit: str) -> dict[str, Any]:
    given: Range = getattr(rule, name)
    return {"name": name, "label": label, "unit": unit, **given.model_dump()}


def _one(base: Group) -> Group:
    """One active customer as the average of all."""
    return Group(None, 1.0, 1.0, base.value / base.active)


def _one_of(rule: Any) -> Any:
    """The same scenario for one customer who has the bad experience for certain."""
    if not hasattr(rule, "leave"):
        return rule
    return rule.model_copy(update={"customers": Range(low=1.0, likely=1.0, high=1.0)})


def _groups(scores: Path, fixed_cost: float, memory_limit: str | None) -> list[Group]:
    """The base and then its segments, the largest first."""
    files = f"read_parquet({score_files(scores)})"
    query = (
        f"SELECT segment, count(*), sum(probability_alive), sum(clv + {fixed_cost!r}) "
        f"FROM {files} GROUP BY segment ORDER BY count(*) DESC, segment"
    )
    rows = summing_database(memory_limit).run(query)
    found = [Group(row[0], float(row[1]), float(row[2]), float(row[3] or 0.0)) for row in rows]
    sums = np.array([(group.customers, group.active, group.value) for group in found]).sum(axis=0)
    return [Group(None, *map(float, sums)), *(group for group in found if group.name is not None)]


def _counts_all(value: CustomerValue) -> bool:
    """Whether the model lets nobody leave before a second purchase."""
    unit = value.purchases.time_unit_
    zero, age = np.zeros(1), _YEARS_SILENT * DAYS_PER_YEAR / DAYS_PER_UNIT[unit]
    silent = CustomerColumns(
        np.zeros(1, dtype=np.int64), zero, np.full(1, age), np.full(1, np.nan), unit
    )
    return bool(value.purchases.alive(silent)[0] >= CERTAIN)


def _new_customer(
    value: CustomerValue, horizon: str, interval: float, shock: CommonShock
) -> tuple[float, float, float] | None:
    """Worth of a new customer, the first purchase included, on average over many of them."""
    if value.spend is None:
        return None
    terms = value.terms(horizon)
    zero = np.zeros(1)
    unit = value.purchases.time_unit_
    columns = CustomerColumns(np.zeros(1, dtype=np.int64), zero, zero, np.full(1, np.nan), unit)

    def worth(pair: Any) -> float:
        purchases, spend = pair
        ahead = look_ahead(purchases, columns, terms)
        orders = 1.0 + float(ahead.alive[0] * ahead.discounted[0])
        each = terms.margin * float(spend.spend(np.zeros(1, dtype=np.int64), zero)[0])
        return orders * (each - terms.cost_per_order) - terms.fixed_cost

    pairs = parameter_pairs(value.purchases, value.spend, _POINTS, by_curvature=True)
    likely, each = worth((value.purchases, value.spend)), np.array([worth(pair) for pair in pairs])
    total = Total.of(likely, float(each.std()), 0.0, interval, shock, terms.fixed_cost)
    return max(total.lower, 0.0), max(likely, 0.0), max(total.upper, 0.0)


def _factor(clv: Mapping[str, Any] | None, base: Group) -> tuple[float, float, float]:
    """How far the value of the base may stray, as factors of what is expected."""
    if clv is None or base.value <= 0.0:
        return 1.0, 1.0, 1.0
    fixed = base.value - float(clv["expected"])
    bounds = [(float(clv[end]) + fixed) / base.value for end in ("lower", "upper")]
    return min(max(bounds[0], 0.0), 1.0), 1.0, max(bounds[1], 1.0)
