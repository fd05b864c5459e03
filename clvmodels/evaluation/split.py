"""Everything that one origin tells: each method's forecast against what happened."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np

from clvmodels.evaluation.baselines import POINT_METHODS, point_forecast
from clvmodels.evaluation.breakdown import breakdowns
from clvmodels.evaluation.outcome import Newcomers, Outcome
from clvmodels.evaluation.paired import Difference, paired_differences
from clvmodels.evaluation.ranking import Rank
from clvmodels.evaluation.scoring import (
    COVERAGES,
    CountScores,
    pit_distance,
    pit_histogram,
    score_counts,
)
from clvmodels.evaluation.spend_scores import SpendScores, score_spend
from clvmodels.evaluation.tracking import (
    Cohort,
    even_path,
    model_path,
    path_error,
    weekly_tracking,
)
from clvmodels.evaluation.tracking_bands import tracking_bands
from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.models.gamma_gamma import GammaGammaModel, spend_evidence
from clvmodels.models.purchases import PurchaseModel
from clvmodels.transactions.log import TransactionLog
from clvmodels.value.shock import ASSUMED, CommonShock


@dataclass(frozen=True)
class CountQuality:
    """How good a distribution of purchase counts was; means over customers, lower is better.

    ``pit_distance`` is Kolmogorov's from uniform, ``pit_histogram`` the share of customers in 20
    bins. ``coverage`` and ``attainable`` are as in `CountScores`, by nominal level.
    """

    log_score: float
    crps: float
    pit_distance: float
    pit_histogram: list[float]
    coverage: dict[float, float]
    attainable: dict[float, float]


@dataclass(frozen=True)
class Forecast:
    """What one method said about the hold-out, against what happened.

    Attributes
    ----------
    purchases, spend
        Sums over customers; spend None without amounts.
    mae, rmse, spend_mae, spend_rmse
        Errors per customer, in purchases and in money.
    bias, spend_bias
        Forecast total over actual total, minus 1; None where nothing happened.
    path_error
        Sum of the weekly misses of the base over its purchases.
    spearman, gini, deciles
        Ranking of customers by forecast purchases against their purchases.
    spend_spearman, spend_gini, spend_deciles
        The same for spend.
    counts, spends
        Quality of the distributions; None for a method that gives none.
    parameters, converged
        Of the refit; None for a method without a model.
    """

    purchases: float
    spend: float | None
    mae: float
    rmse: float
    bias: float | None = None
    spend_mae: float | None = None
    spend_rmse: float | None = None
    spend_bias: float | None = None
    path_error: float | None = None
    spearman: float | None = None
    gini: float | None = None
    deciles: list[dict[str, Any]] = field(default_factory=list)
    spend_spearman: float | None = None
    spend_gini: float | None = None
    spend_deciles: list[dict[str, Any]] = field(default_factory=list)
    counts: CountQuality | None = None
    spends: SpendScores | None = None
    parameters: dict[str, float] | None = None
    converged: bool | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give the forecast as JSON has it: levels become rows."""
        content = asdict(self)
        if self.counts is not None:
            content["counts"] |= {"coverage": _coverage_rows(self.counts)}
            del content["counts"]["attainable"]
        if self.spends is not None:
            pinball = [{"level": q, "loss": loss} for q, loss in self.spends.pinball.items()]
            content["spends"] |= {"coverage": _coverage_rows(self.spends), "pinball": pinball}
            del content["spends"]["attainable"]
        return content


@dataclass(frozen=True)
class Refit:
    """What was fitted at an origin, to be asked again: the first model, spend, and what happened.

    ``spend`` is None without amounts.
    """

    outcome: Outcome
    purchases: PurchaseModel
    spend: GammaGammaModel | None


@dataclass(frozen=True)
class Split:
    """The outcome at one origin; every method forecasts the same customers.

    Attributes
    ----------
    origin, end
        Last day that the methods saw, and last day compared.
    customers, actual_purchases, actual_spend
        Customers known at the origin, and their purchase days and amounts in between.
    newcomers
        Customers who came later, and what they bought: no method was asked about them.
    model
        The first model, which the others are held against.
    forecasts
        By method: models first, then those without.
    differences
        Between all pairs of methods, on the same customers.
    breakdowns
        By cohort, frequency and label, as in `breakdowns`.
    tracking, path
        Rows of weeks: the first model since the beginning, and all methods in the hold-out.
    perfect_deciles, perfect_spend_deciles
        Deciles in the order of what customers went on to do, which no forecast can beat.
    refit
        What was fitted; None but at the last origin, as it holds all customers.
    """

    origin: date
    end: date
    customers: int
    actual_purchases: int
    actual_spend: float | None
    model: str
    forecasts: dict[str, Forecast]
    newcomers: Newcomers = field(default_factory=lambda: Newcomers(0, 0, None))
    differences: list[Difference] = field(default_factory=list)
    breakdowns: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    tracking: list[dict[str, Any]] = field(default_factory=list)
    path: list[dict[str, Any]] = field(default_factory=list)
    perfect_deciles: list[dict[str, Any]] = field(default_factory=list)
    perfect_spend_deciles: list[dict[str, Any]] = field(default_factory=list)
    refit: Refit | None = field(default=None, repr=False, compare=False)

    @property
    def days(self) -> int:
        """Length of the hold-out in days."""
        return (self.end - self.origin).days

    @property
    def log_error(self) -> float | None:
        """Log of actual over forecast purchases of the first model; None where nobody bought."""
        forecast = self.forecasts[self.model].purchases
        return math.log(self.actual_purchases / forecast) if self.actual_purchases else None

    @property
    def spend_log_error(self) -> float | None:
        """The same for spend; None without amounts too."""
        forecast = self.forecasts[self.model].spend
        return math.log(self.actual_spend / forecast) if self.actual_spend and forecast else None

    @property
    def by_frequency(self) -> list[dict[str, Any]]:
        """Mean purchases by frequency before the origin: actual, first model, simple formula."""
        return [
            {
                "frequency": row["group"],
                "customers": row["customers"],
                "actual": row["purchases"] / row["customers"],
                "model": row["methods"][self.model]["purchases"] / row["customers"],
                "simple_formula": row["methods"]["simple_formula"]["purchases"] / row["customers"],
            }
            for row in self.breakdowns.get("frequency", ())
        ]

    def to_dict(self) -> dict[str, Any]:
        """Give the split as ``backtest.json`` has it."""
        return {
            "origin": self.origin,
            "end": self.end,
            "days": self.days,
            "customers": self.customers,
            "actual": {"purchases": self.actual_purchases, "spend": self.actual_spend},
            "newcomers": asdict(self.newcomers),
            "model": self.model,
            "methods": {name: forecast.to_dict() for name, forecast in self.forecasts.items()},
            "differences": [asdict(difference) for difference in self.differences],
            "breakdowns": self.breakdowns,
            "by_frequency": self.by_frequency,
            "tracking": self.tracking,
            "path": self.path,
            "perfect_deciles": self.perfect_deciles,
            "perfect_spend_deciles": self.perfect_spend_deciles,
        }


@dataclass(frozen=True)
class _Told:
    """What a method tells of each customer and of each week, before it is held against anything."""

    purchases: FloatArray
    spend: FloatArray | None
    path: FloatArray
    counts: CountScores | None = None
    spends: SpendScores | None = None
    parameters: dict[str, float] | None = None
    converged: bool | None = None


def evaluate(
    log: TransactionLog,
    outcome: Outcome,
    models: list[PurchaseModel],
    spend: GammaGammaModel | None,
    *,
    interval: float,
    seed: int,
    shock: CommonShock = ASSUMED,
) -> Split:
    """Hold models that were fitted up to the origin, and all baselines, against what happened.

    ``shock`` is what earlier hold-outs had taught at the origin about the base as a whole.
    """
    rng = np.random.default_rng(seed)
    cohort = Cohort.of(log, outcome.past, outcome.origin, outcome.end)
    uniform = rng.random(len(outcome.columns))
    told = {
        model.kernel.name: _model_tells(model, spend, outcome, cohort, uniform) for model in models
    }
    for name in POINT_METHODS:
        point = point_forecast(name, outcome.evidence)
        path = even_path(cohort, float(point.purchases.sum()))
        told[name] = _Told(point.purchases, point.spend if spend is not None else None, path)
    rank = Rank(outcome.purchases.astype(np.float64))
    rank_spend = None if outcome.spend is None else Rank(outcome.spend)
    return Split(
        origin=outcome.origin,
        end=outcome.end,
        customers=len(outcome.columns),
        actual_purchases=int(outcome.purchases.sum()),
        actual_spend=None if outcome.spend is None else float(outcome.spend.sum()),
        model=models[0].kernel.name,
        forecasts={
            name: _compare(said, outcome, cohort, rank, rank_spend) for name, said in told.items()
        },
        newcomers=outcome.newcomers,
        differences=paired_differences(_losses(told, outcome), interval, rng),
        breakdowns=breakdowns(
            outcome,
            {name: said.purchases for name, said in told.items()},
            {name: said.spend for name, said in told.items() if said.spend is not None},
            {name: said.counts.crps for name, said in told.items() if said.counts is not None},
        ),
        tracking=tracking_bands(
            weekly_tracking(cohort, models[0]),
            cohort,
            models[0],
            outcome.columns,
            _variance(told[models[0].kernel.name]),
            interval,
            shock,
        ),
        path=_path_rows(cohort, {name: said.path for name, said in told.items()}),
        perfect_deciles=rank.perfect,
        perfect_spend_deciles=[] if rank_spend is None else rank_spend.perfect,
        refit=Refit(outcome, models[0], spend),
    )


def _model_tells(
    model: PurchaseModel,
    spend: GammaGammaModel | None,
    outcome: Outcome,
    cohort: Cohort,
    uniform: FloatArray,
) -> _Told:
    columns, horizon = outcome.columns, outcome.horizon
    expected = model.alive(columns) * model.alive_purchases(columns, horizon)
    span = horizon.in_unit(model.time_unit_)
    spends = None
    if spend is not None and outcome.spend is not None:
        spends = score_spend(model, spend, columns, span, outcome.spend)
    return _Told(
        purchases=expected,
        spend=None if spend is None else expected * spend.spend(*spend_evidence(columns)),
        path=model_path(cohort, model, columns),
        counts=score_counts(model, columns, span, outcome.purchases, uniform),
        spends=spends,
        parameters=model.params_,
        converged=bool(model.diagnostics_["converged"]),
    )


def _compare(
    told: _Told, outcome: Outcome, cohort: Cohort, rank: Rank, rank_spend: Rank | None
) -> Forecast:
    miss = told.purchases - outcome.purchases
    ranking = rank(told.purchases)
    money: dict[str, Any] = {}
    if told.spend is not None and outcome.spend is not None and rank_spend is not None:
        spend_miss, by_spend = told.spend - outcome.spend, rank_spend(told.spend)
        money = {
            "spend_mae": float(np.abs(spend_miss).mean()),
            "spend_rmse": float(np.sqrt(np.mean(spend_miss**2))),
            "spend_bias": _bias(told.spend, outcome.spend),
            "spend_spearman": by_spend.spearman,
            "spend_gini": by_spend.gini,
            "spend_deciles": by_spend.deciles,
        }
    return Forecast(
        purchases=float(told.purchases.sum()),
        spend=None if told.spend is None else float(told.spend.sum()),
        mae=float(np.abs(miss).mean()),
        rmse=float(np.sqrt(np.mean(miss**2))),
        bias=_bias(told.purchases, outcome.purchases),
        path_error=path_error(told.path, cohort.weekly),
        spearman=ranking.spearman,
        gini=ranking.gini,
        deciles=ranking.deciles,
        counts=None if told.counts is None else _quality(told.counts),
        spends=told.spends,
        parameters=told.parameters,
        converged=told.converged,
        **money,
    )


def _variance(told: _Told) -> float:
    return 0.0 if told.counts is None else float(told.counts.variance.sum())


def _bias(forecast: FloatArray, actual: FloatArray | IntArray) -> float | None:
    total = float(actual.sum())
    return float(forecast.sum()) / total - 1.0 if total else None


def _quality(scores: CountScores) -> CountQuality:
    return CountQuality(
        log_score=float(scores.log_score.mean()),
        crps=float(scores.crps.mean()),
        pit_distance=pit_distance(scores.pit),
        pit_histogram=pit_histogram(scores.pit),
        coverage={level: float(scores.covered[level].mean()) for level in COVERAGES},
        attainable={level: float(scores.attainable[level].mean()) for level in COVERAGES},
    )


def _losses(told: dict[str, _Told], outcome: Outcome) -> dict[str, dict[str, FloatArray]]:
    """Loss of each customer by measure and method, for the differences."""
    miss = {name: said.purchases - outcome.purchases for name, said in told.items()}
    scored = {name: said.counts for name, said in told.items() if said.counts is not None}
    losses = {
        "absolute_error": {name: np.abs(values) for name, values in miss.items()},
        "squared_error": {name: values**2 for name, values in miss.items()},
        "log_score": {name: scores.log_score for name, scores in scored.items()},
        "crps": {name: scores.crps for name, scores in scored.items()},
    }
    if outcome.spend is not None:
        spent = {
            name: np.abs(said.spend - outcome.spend)
            for name, said in told.items()
            if said.spend is not None
        }
        losses |= {"spend_absolute_error": spent} if spent else {}
    return losses


def _path_rows(cohort: Cohort, paths: dict[str, FloatArray]) -> list[dict[str, Any]]:
    return [
        {
            "week_end": (cohort.origin + timedelta(days=day)).isoformat(),
            "actual": float(actual),
            "forecasts": {name: float(path[i]) for name, path in paths.items()},
        }
        for i, (day, actual) in enumerate(
            zip(cohort.week_ends.tolist(), cohort.weekly.tolist(), strict=True)
        )
    ]


def _coverage_rows(found: CountQuality | SpendScores) -> list[dict[str, float]]:
    return [
        {"level": level, "covered": share, "attainable": found.attainable[level]}
        for level, share in found.coverage.items()
    ]
