"""The simple formula against the model: by how much money they differ, where, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from clvmodels.errors import InputError, ParameterError
from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.models.data import CustomerData, as_customers, customer_index
from clvmodels.models.gamma_gamma import GammaGammaModel, spend_evidence
from clvmodels.showing import ShownAsText
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.transactions.log import TransactionLog
from clvmodels.units import DAYS_PER_UNIT, Duration
from clvmodels.value.customer_value import CustomerValue
from clvmodels.value.formula_causes import CAUSES, causes_between, walk
from clvmodels.value.formula_variants import labels_of
from clvmodels.value.parameters import parameter_pairs
from clvmodels.value.plug_in import look_ahead
from clvmodels.value.simple_formula import (
    SimpleFormula,
    formula_of_base,
    order_values,
    simple_formula_per_customer,
)
from clvmodels.value.terms import ValueTerms

if TYPE_CHECKING:
    import pandas as pd

_MOST_QUARTERS = 20


@dataclass(frozen=True)
class HeldOut:
    """Which was nearer on data that neither had seen: margin, undiscounted and before costs.

    Both were worked out from what was known at the origin, for the customers known then;
    ``mae_*`` are mean absolute errors per customer, in money.
    """

    origin: date
    end: date
    customers: int
    actual: float
    formula: float
    model: float
    mae_formula: float
    mae_model: float

    @property
    def nearer_total(self) -> str:
        """``"model"``, ``"formula"`` or ``"neither"``: whose total was nearer."""
        return _nearer(abs(self.model - self.actual), abs(self.formula - self.actual))

    @property
    def nearer_per_customer(self) -> str:
        """The same for customers one by one, by mean absolute error."""
        return _nearer(self.mae_model, self.mae_formula)


@dataclass(frozen=True)
class FormulaComparison(ShownAsText):
    """The simple formula and the model on the same customers, horizon and margin.

    Attributes
    ----------
    inputs : SimpleFormula
        The formula for the base, with its inputs.
    lifespan_years : float or None
        Years that the formula counted instead of the horizon.
    formula, model : float
        Value of the base by each, in money.
    per_customer : DataFrame
        One row per customer: ``formula``, ``model`` and one column for each of `CAUSES`.
    by_decile, by_cohort : DataFrame
        Groups with ``customers``, ``formula``, ``model``, ``difference`` and the causes: by model
        value, the most valuable tenth first; and by quarter (or year) of the first purchase, None
        where the days are not known.
    by_label : dict of DataFrame
        The same by each label.
    held_out : HeldOut or None
        Who was nearer; None without ``holdout``.
    """

    horizon: str
    inputs: SimpleFormula
    lifespan_years: float | None
    formula: float
    model: float
    per_customer: pd.DataFrame
    by_decile: pd.DataFrame
    by_cohort: pd.DataFrame | None
    by_label: dict[str, pd.DataFrame]
    held_out: HeldOut | None

    @property
    def difference(self) -> float:
        """Formula less model, in money: above 0 where the formula promises more."""
        return self.formula - self.model

    @property
    def causes(self) -> pd.DataFrame:
        """What each cause adds to the formula's number, with a sentence; they add up exactly."""
        import pandas as pd

        money = self.per_customer[list(CAUSES)].sum()
        return pd.DataFrame({"money": money, "explanation": pd.Series(CAUSES)}).loc[list(CAUSES)]

    def to_frame(self) -> pd.DataFrame:
        """Give the way from the formula to the model: a row for each, and for each cause."""
        import pandas as pd

        causes = self.causes
        steps = [("formula", self.formula, "Average order x orders per year x years x margin.")]
        steps += [
            (name, -money, text)
            for name, money, text in zip(CAUSES, causes["money"], CAUSES.values(), strict=True)
        ]
        steps.append(("model", self.model, "What the same customers are expected to bring."))
        return pd.DataFrame(steps, columns=["step", "money", "explanation"]).set_index("step")

    def __repr__(self) -> str:
        asked = self.inputs
        years = asked.horizon_years if self.lifespan_years is None else self.lifespan_years
        lines = [
            f"Simple formula against model over {self.horizon}, {asked.customers:,} customers",
            f"  formula     {self.formula:>16,.0f}  average order {asked.mean_order_value:,.2f} x "
            f"{asked.orders_per_year:.2f} a year x {years:.2f} years x margin {asked.margin:.0%}",
            f"  model       {self.model:>16,.0f}",
            f"  difference  {self.difference:>+16,.0f}  {_share(self.difference, self.model)}",
            "Why the formula says so:",
        ]
        for name, row in self.causes.iterrows():
            if abs(row["money"]) >= 0.5:
                lines.append(f"  {name:<12}{row['money']:>+16,.0f}  {row['explanation']}")
        if self.held_out is not None:
            found = self.held_out
            lines += [
                f"Held out {found.origin} to {found.end}: happened {found.actual:,.0f}, formula "
                f"{found.formula:,.0f}, model {found.model:,.0f}.",
                f"  Nearer to the total: {found.nearer_total}; customer by customer: "
                f"{found.nearer_per_customer} (off by {found.mae_model:,.2f} on average, the "
                f"formula by {found.mae_formula:,.2f}).",
            ]
        return "\n".join(lines)


def compare_formula(
    data: TransactionLog | CustomerData,
    value: CustomerValue,
    horizon: str | Duration = "1y",
    *,
    lifespan_years: float | None = None,
    labels: Any = None,
    holdout: str | Duration | None = None,
    observation_end: date | str | None = None,
) -> FormulaComparison:
    """Hold the simple formula against the model: same customers, horizon and margin.

    Parameters
    ----------
    data
        A log, or customers as `CustomerValue.predict` takes them.
    value
        The model of value; its margin is the formula's too.
    horizon
        How far ahead both look; finite.
    lifespan_years
        Years that the formula counts instead of the horizon, as spreadsheets do.
    labels
        Groups to compare in: a table for `CustomerSummary.with_labels`, or a mapping from names to
        one label per customer. Default: the labels that the customers carry.
    holdout
        Length of the end of the log on which both are checked; needs a log. The models are
        fitted again to what was known before it.
    observation_end
        Last day of a log to look at.

    Raises
    ------
    InputError
        If there are no amounts.

    Examples
    --------
    >>> import clvmodels as clv
    >>> log = clv.load_cdnow("sample")
    >>> customers = log.summarize(time_unit="week")
    >>> value = clv.CustomerValue(
    ...     clv.BetaGeoModel().fit(customers, method="map"),
    ...     clv.GammaGammaModel().fit(customers, method="map"),
    ... )
    >>> found = clv.compare_formula(customers, value, "1y")
    >>> bool(abs(found.causes["money"].sum() - found.difference) < 1e-6)
    True
    """
    import pandas as pd

    terms = value.terms(horizon)
    if terms.horizon.is_lifetime:
        raise ParameterError("horizon", horizon, "finite: the formula needs a number of years")
    log = data if isinstance(data, TransactionLog) else None
    if holdout is not None and log is None:
        raise ParameterError("holdout", str(holdout), "None unless a log is given")
    unit = value.purchases.time_unit_
    source: Any = data if log is None else log.summarize(observation_end, unit)
    known = as_customers(source, None if hasattr(source, "time_unit") else unit)
    columns = known.columns()
    groups = labels_of(known, labels, len(columns))
    table = _walk(columns, value, terms, lifespan_years)
    held_out = None
    if log is not None and holdout is not None:
        end = getattr(known, "observation_end")  # noqa: B009
        held_out = _hold_out(log.before(end), end, value, Duration.parse(holdout))
    cohorts = _cohorts(columns, getattr(known, "observation_end", None))
    frame = pd.DataFrame(table, index=customer_index(columns))
    return FormulaComparison(
        horizon=str(terms.horizon),
        inputs=formula_of_base(columns, terms),
        lifespan_years=lifespan_years,
        formula=float(table["formula"].sum()),
        model=float(table["model"].sum()),
        per_customer=frame,
        by_decile=_by(frame, _deciles(table["model"]), "decile"),
        by_cohort=None if cohorts is None else _by(frame, cohorts, "cohort"),
        by_label={name: _by(frame, values, name) for name, values in groups.items()},
        held_out=held_out,
    )


def _walk(
    columns: CustomerColumns,
    value: CustomerValue,
    terms: ValueTerms,
    lifespan_years: float | None,
) -> dict[str, FloatArray]:
    """Each customer's value by formula and model, and what each cause adds to the formula's."""
    base = formula_of_base(columns, terms)
    if value.spend is None or not np.isfinite(base.mean_order_value):
        msg = "There are no amounts, so there is no value to compare. Fit a GammaGammaModel."
        raise InputError(msg)
    # Whose amounts are not known is taken for average, as in the formula for the base.
    own = np.nan_to_num(order_values(columns), nan=base.mean_order_value)
    steps = walk(columns, own, value.purchases, value.spend, base, terms, lifespan_years)
    stations = np.concatenate([steps, _model_value(value, columns, terms)[None]])
    return {"formula": stations[0], "model": stations[-1], **causes_between(stations)}


def _model_value(value: CustomerValue, columns: CustomerColumns, terms: ValueTerms) -> FloatArray:
    """The model's expected value as in the scores, without what only their intervals need."""
    draws = value.scorer(terms.horizon, 0.9).averaging.draws_used
    total = np.zeros(len(columns))
    pairs = [(value.purchases, value.spend)]
    if draws > 1:
        pairs = parameter_pairs(value.purchases, value.spend, draws)
    for purchases, spend in pairs:
        ahead = look_ahead(purchases, columns, terms)
        per_order = spend.spend(*spend_evidence(columns)) if spend is not None else np.nan
        total += (terms.margin * per_order - terms.cost_per_order) * ahead.alive * ahead.discounted
    result: FloatArray = total / len(pairs) - terms.fixed_cost
    return result


def _hold_out(log: TransactionLog, end: date, value: CustomerValue, holdout: Duration) -> HeldOut:
    """Both from before the origin, against what was spent after it."""
    origin = end - timedelta(days=round(holdout.days))
    if not log.first_date < origin < end:
        raise ParameterError("holdout", str(holdout), "shorter than the log")
    past = log.before(origin).summarize(time_unit=value.purchases.time_unit_)
    columns = past.columns()
    purchases = type(value.purchases)().fit(past, method="map")
    spend = GammaGammaModel().fit(past, method="map")
    terms = ValueTerms(Duration.parse(f"{(end - origin).days}d"), value.margin, 0.0)
    ahead = look_ahead(purchases, columns, terms)
    model = value.margin * spend.spend(*spend_evidence(columns)) * ahead.alive * ahead.expected
    formula = np.nan_to_num(simple_formula_per_customer(columns, terms))
    happened = log.holdout(origin, end).column("holdout_amount").to_numpy()
    actual = value.margin * np.asarray(happened, dtype=np.float64)
    return HeldOut(
        origin,
        end,
        len(columns),
        float(actual.sum()),
        float(formula.sum()),
        float(model.sum()),
        float(np.abs(formula - actual).mean()),
        float(np.abs(model - actual).mean()),
    )


def _deciles(model: FloatArray) -> IntArray:
    """Tenth of each customer by model value, 1 for the most valuable."""
    order = np.argsort(-model, kind="stable")
    deciles = np.empty(len(model), dtype=np.int64)
    deciles[order] = np.arange(len(model)) * 10 // max(len(model), 1) + 1
    return deciles


def _cohorts(columns: CustomerColumns, end: date | None) -> Any:
    """Quarter of each customer's first purchase such as 1997Q1, or the year of a long log."""
    if end is None:
        return None
    days = np.rint(columns.age * DAYS_PER_UNIT[columns.time_unit]).astype("timedelta64[D]")
    first = np.datetime64(end) - days
    years = first.astype("datetime64[Y]").astype(np.int64) + 1970
    quarters = first.astype("datetime64[M]").astype(np.int64) % 12 // 3 + 1
    names = np.array([f"{y}Q{q}" for y, q in zip(years, quarters, strict=True)])
    return names if len(np.unique(names)) <= _MOST_QUARTERS else years.astype(str)


def _by(frame: pd.DataFrame, group: Any, name: str) -> pd.DataFrame:
    grouped = frame.groupby(np.asarray(group))
    table = grouped.sum()
    table.insert(0, "customers", grouped.size())
    table.insert(3, "difference", table["formula"] - table["model"])
    return table.rename_axis(name)


def _nearer(model: float, formula: float) -> str:
    if np.isclose(model, formula, rtol=1e-9):
        return "neither"
    return "model" if model < formula else "formula"


def _share(difference: float, model: float) -> str:
    if model <= 0.0:
        return "(the model expects no gain)"
    more = "more" if difference >= 0.0 else "less"
    return f"(the formula says {abs(difference) / model:.0%} {more})"
