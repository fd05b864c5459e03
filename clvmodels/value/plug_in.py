"""Scores of a batch of customers with one set of parameters."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from clvmodels.errors import NoSpendModelError, UndiscountedLifetimeError, UnitMismatchError
from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.kernels.places import Places
from clvmodels.kernels.spend_tables import SpendTables, given_alive
from clvmodels.models.gamma_gamma import GammaGammaModel, spend_evidence
from clvmodels.models.purchases import PurchaseModel
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import DAYS_PER_UNIT, DAYS_PER_YEAR, discount_force
from clvmodels.value.outlook import ExactOutlook, Outlook
from clvmodels.value.simple_formula import simple_formula_per_customer
from clvmodels.value.simulated import SimulatedOutlook
from clvmodels.value.terms import ValueTerms

# The columns that a scorer fills, in the order of the contract.
PREDICTIONS = (
    "probability_alive",
    "expected_purchases",
    "purchases_lower",
    "purchases_upper",
    "expected_spend",
    "clv",
    "clv_lower",
    "clv_median",
    "clv_upper",
    "potential_value",
    "clv_simple_formula",
)


@dataclass(frozen=True)
class Ahead:
    """Purchases to expect of each customer while active, (n,) each."""

    alive: FloatArray
    expected: FloatArray
    discounted: FloatArray

    @property
    def ratio(self) -> FloatArray:
        """Discounted over undiscounted purchases; 1 where none are expected."""
        return np.divide(
            self.discounted,
            self.expected,
            out=np.ones_like(self.expected),
            where=self.expected > 0.0,
        )


def look_ahead(model: PurchaseModel, columns: CustomerColumns, terms: ValueTerms) -> Ahead:
    """P(alive) and the purchases to expect while active, within the terms' horizon."""
    if columns.time_unit != model.time_unit_:
        raise UnitMismatchError(columns.time_unit, model.time_unit_)
    expected = np.full(len(columns), np.nan)
    if not terms.horizon.is_lifetime:
        expected = model.alive_purchases(columns, terms.horizon)
    discounted = model.alive_purchases(columns, terms.horizon, terms.annual_discount_rate)
    return Ahead(model.alive(columns), expected, discounted)


class LookAhead:
    """The same as `look_ahead` for batch after batch, worked out once for each (x, T).

    Also at other parameters of the model, for whoever asks how totals move with them.
    """

    def __init__(self, model: PurchaseModel, terms: ValueTerms) -> None:
        self._model, self._terms = model, terms
        self._places, self._lock = Places(), threading.Lock()
        # Every (x, T) that was met, at its place, and what is ahead of it by the parameters.
        self._met = np.empty(0, dtype=np.int64), np.empty(0)
        self._known: dict[bytes, tuple[FloatArray, FloatArray]] = {}

    def __call__(self, columns: CustomerColumns, model: PurchaseModel | None = None) -> Ahead:
        """For each of the customers, by ``model`` where it is given."""
        if columns.time_unit != self._model.time_unit_:
            raise UnitMismatchError(columns.time_unit, self._model.time_unit_)
        model = model or self._model
        rows = self._rows(columns)
        expected, discounted = self._values(model)
        return Ahead(model.alive(columns), expected[rows], discounted[rows])

    def prepare(self, columns: CustomerColumns) -> None:
        """Work out what is new."""
        self._rows(columns)
        self._values(self._model)

    def _rows(self, columns: CustomerColumns) -> IntArray:
        x, age = columns.frequency, columns.age
        rows = self._places.find(x, age, x)
        if rows.min(initial=0) < 0:
            with self._lock:
                new_x, new_age, n = self._places.missing(x, age, x)
                met_x, met_age = self._met
                self._met = np.concatenate([met_x, new_x]), np.concatenate([met_age, new_age])
                # Last, as other threads look for rows meanwhile.
                self._places.add(new_x, new_age, n)
            rows = self._places.find(x, age, x)
        return rows

    def _values(self, model: PurchaseModel) -> tuple[FloatArray, FloatArray]:
        key = model.fit_.parameters.tobytes()
        known = self._known.get(key, (np.empty(0), np.empty(0)))
        met_x, met_age = self._met
        if len(known[0]) < len(met_x):
            x, age = met_x[len(known[0]) :], met_age[len(known[0]) :]
            none = np.zeros(len(x))
            columns = CustomerColumns(x, none, age, none, model.time_unit_)
            new = look_ahead(model, columns, self._terms)
            known = (
                np.concatenate([known[0], new.expected]),
                np.concatenate([known[1], new.discounted]),
            )
            self._known[key] = known
        return known


def take(columns: CustomerColumns, rows: slice | IntArray) -> CustomerColumns:
    """Some of the customers, as far as predictions look at them."""
    return CustomerColumns(
        columns.frequency[rows],
        columns.recency[rows],
        columns.age[rows],
        columns.monetary_value[rows],
        columns.time_unit,
        None if columns.order_value is None else columns.order_value[rows],
    )


def is_exact(terms: ValueTerms) -> bool:
    """Whether discounted value has an exact distribution on these terms."""
    return terms.horizon.days <= DAYS_PER_YEAR and terms.cost_per_order == 0.0


class PlugIn:
    """Scores of customers with one set of parameters, taken as known.

    Parameters
    ----------
    purchases, spend
        Models with the parameters; without ``spend`` every column in money is NaN.
    terms
        What value means.
    levels
        Lower, median and upper level of the predictive intervals.
    seed
        For what has to be simulated.
    always_spend
        Keep the distribution of undiscounted spend also where value is simulated.
    """

    def __init__(
        self,
        purchases: PurchaseModel,
        spend: GammaGammaModel | None,
        terms: ValueTerms,
        levels: tuple[float, float, float],
        seed: int = 0,
        always_spend: bool = False,
    ) -> None:
        self.purchases, self.spend, self.terms, self.seed = purchases, spend, terms, seed
        self._lower, self._median, self._upper = levels
        self._look = LookAhead(purchases, terms)
        span = terms.horizon.in_unit(purchases.time_unit_)
        theta = purchases.fit_.parameters
        shapes = None
        if spend is not None:
            p, q, _ = spend.fit_.parameters.tolist()
            shapes = (p, q)
        exact = is_exact(terms)
        self._tables = None
        if not terms.horizon.is_lifetime:
            tabled = shapes if exact or always_spend else None
            self._tables = SpendTables(purchases.kernel, theta, tabled, span, self._upper)
        self._outlook: Outlook | None = None
        if shapes is not None and exact and self._tables is not None:
            self._outlook = ExactOutlook(self._tables, *shapes, terms.margin)
        elif shapes is not None:
            self._outlook = _simulated(purchases, theta, shapes, terms, seed)

    @property
    def tables(self) -> SpendTables:
        """Distributions of purchases and spend; there are none for a lifetime."""
        if self._tables is None:
            raise UndiscountedLifetimeError
        return self._tables

    @property
    def outlook(self) -> Outlook:
        """Distribution of discounted value; there is none without a spend model."""
        if self._outlook is None:
            raise NoSpendModelError
        return self._outlook

    @property
    def simulated(self) -> SimulatedOutlook | None:
        """Draws of discounted value, where its distribution is not exact."""
        return self._outlook if isinstance(self._outlook, SimulatedOutlook) else None

    def scale(self, n: IntArray, mean: FloatArray) -> FloatArray:
        """γ′ in money of customers with n purchases of a mean amount, (n,)."""
        scale: FloatArray = self._spend_model.fit_.parameters[2] + n * mean
        return scale

    def spend_per_order(self, n: IntArray, mean: FloatArray) -> FloatArray:
        """Expected spend per purchase, (n,)."""
        return self._spend_model.spend(n, mean)

    @property
    def _spend_model(self) -> GammaGammaModel:
        if self.spend is None:
            raise NoSpendModelError
        return self.spend

    def prepare(self, columns: CustomerColumns) -> None:
        """Work out what is shared by customers of equal (x, T), all at once."""
        n = columns.frequency
        with ThreadPoolExecutor(1) as other:
            looked = other.submit(self._look.prepare, columns)
            for tables in (self._tables, self._outlook):
                if tables is not None:
                    tables.rows(columns.frequency, columns.age, n)
            looked.result()

    def score(self, columns: CustomerColumns) -> dict[str, FloatArray]:
        """Predictions for each customer by column name, NaN where there is none."""
        n, _ = spend_evidence(columns)
        return self.priced(columns, self.by_history(columns, n))

    @property
    def scales(self) -> bool:
        """Whether the distribution of value is one of the history times γ′; or there is none."""
        return self._outlook is None or self.terms.cost_per_order == 0.0

    def by_history(self, columns: CustomerColumns, n: IntArray) -> list[FloatArray]:
        """What (x, t_x, T) and n decide, for `priced` to go on with: (n,) each.

        P(alive), expected purchases and their bounds, discounted purchases while active, and the
        quantiles of value in units of γ′ where it scales with that.
        """
        ahead, unknown = self.ahead(columns), np.full(len(columns), np.nan)
        alive, rows = ahead.alive, None
        counts, units = [unknown] * 3, [unknown] * 3
        if self._tables is not None:
            rows = self._tables.rows(columns.frequency, columns.age, n)
            counts = [alive * ahead.expected]
            for level in (self._lower, self._upper):
                count = self._tables.purchases(rows, given_alive(level, alive))
                counts.append(count.astype(np.float64))
        if self._outlook is not None and self.scales:
            if rows is None or not is_exact(self.terms):
                rows = self._outlook.rows(columns.frequency, columns.age, n)
            one, ratio = np.ones(len(columns)), ahead.ratio
            units = [
                self._outlook.quantile(rows, level, alive, one, ratio)
                for level in (self._lower, self._median, self._upper)
            ]
        return [alive, *counts, ahead.discounted, *units]

    def priced(
        self, columns: CustomerColumns, history: Sequence[FloatArray] | FloatArray
    ) -> dict[str, FloatArray]:
        """Predictions from what `by_history` gave, and what each customer told of spend."""
        alive, expected, lower, upper, discounted, *units = history
        terms, scores = self.terms, dict.fromkeys(PREDICTIONS, np.full(len(columns), np.nan))
        scores |= {
            "probability_alive": alive,
            "expected_purchases": expected,
            "purchases_lower": lower,
            "purchases_upper": upper,
        }
        if self.spend is None or self._outlook is None:
            return scores
        n, mean = spend_evidence(columns)
        scale, per_order = self.scale(n, mean), self.spend_per_order(n, mean)
        if_alive = (terms.margin * per_order - terms.cost_per_order) * discounted
        if self.scales:
            quantiles = [scale * unit for unit in units]
        else:
            rows = self._outlook.rows(columns.frequency, columns.age, n)
            quantiles = [
                self._outlook.quantile(rows, level, alive, scale, np.ones(len(columns)))
                for level in (self._lower, self._median, self._upper)
            ]
        names = ("clv_lower", "clv_median", "clv_upper")
        return scores | {
            "expected_spend": per_order,
            "clv": alive * if_alive - terms.fixed_cost,
            **{name: at - terms.fixed_cost for name, at in zip(names, quantiles, strict=True)},
            "potential_value": if_alive - terms.fixed_cost,
            "clv_simple_formula": simple_formula_per_customer(columns, terms),
        }

    def ahead(self, columns: CustomerColumns, model: PurchaseModel | None = None) -> Ahead:
        """P(alive) and the purchases to expect while active, by ``model`` where it is given."""
        return self._look(columns, model)

    def mean_square_purchases(self, columns: CustomerColumns) -> FloatArray:
        """E[(purchases within the horizon)² | active], (n,); NaN for a lifetime."""
        if self._tables is None:
            return np.full(len(columns), np.nan)
        n, _ = spend_evidence(columns)
        rows = self._tables.rows(columns.frequency, columns.age, n)
        return self._tables.mean_square_purchases(rows)

    def mean_square_values(
        self, columns: CustomerColumns, ahead: Ahead
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """E[S²], E[S N], E[N²] given active, as in `Outlook.mean_squares`, (n,) each."""
        if self._outlook is None:
            nothing = np.full(len(columns), np.nan)
            return nothing, nothing, nothing
        n, _ = spend_evidence(columns)
        rows = self._outlook.rows(columns.frequency, columns.age, n)
        return self._outlook.mean_squares(rows, n, ahead.expected, ahead.ratio)


def mixed_outlook(parts: Sequence[PlugIn]) -> SimulatedOutlook | None:
    """Draws of discounted value that take turns with the parts; None where it is exact."""
    terms = parts[0].terms
    spends = [part.spend.fit_.parameters[:2] for part in parts if part.spend is not None]
    if is_exact(terms) or not spends:
        return None
    theta = np.array([part.purchases.fit_.parameters for part in parts]).T
    return _simulated(parts[0].purchases, theta, np.array(spends).T, terms, parts[0].seed)


def _simulated(
    purchases: PurchaseModel,
    theta: FloatArray,
    spend: tuple[float, float] | FloatArray,
    terms: ValueTerms,
    seed: int,
) -> SimulatedOutlook:
    unit = purchases.time_unit_
    force = discount_force(terms.annual_discount_rate, unit)
    return SimulatedOutlook(
        purchases.kernel, theta, spend, terms.horizon.in_unit(unit), force,
        DAYS_PER_UNIT[unit], terms.margin, terms.cost_per_order, seed,
    )  # fmt: skip
