"""The back-test: several origins, any horizon, models and baselines on identical customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from clvmodels.errors import InputError, ParameterError
from clvmodels.evaluation.origins import (
    FEWEST_REPEATERS,
    SkippedOrigin,
    choose_origins,
    holdout_days,
)
from clvmodels.evaluation.outcome import look_back, observe
from clvmodels.evaluation.split import Forecast, Split, evaluate
from clvmodels.models import PURCHASE_MODELS, GammaGammaModel
from clvmodels.transactions.log import TransactionLog, as_date
from clvmodels.units import Duration, TimeUnit, check_time_unit
from clvmodels.value.shock import CommonShock
from clvmodels.value.terms import check_interval

if TYPE_CHECKING:
    import pandas as pd

# The null model that everything must beat: it knows no dropout.
NULL_MODEL = "nbd"
MODELS = ("bgnbd", "mbgnbd", "pareto_nbd")


@dataclass(frozen=True)
class Backtest:
    """What a back-test found.

    Attributes
    ----------
    splits
        One for each origin, from the earliest to the last.
    skipped
        Origins at which nothing could be compared, each with the reason.
    overlapping
        Whether hold-outs overlap, as the log is too short to keep them apart; the splits are then
        not independent of each other.
    """

    splits: tuple[Split, ...]
    skipped: tuple[SkippedOrigin, ...]
    overlapping: bool

    @property
    def last(self) -> Split | None:
        """The split with the last origin; None if there is none at all."""
        return self.splits[-1] if self.splits else None

    def summary(self) -> pd.DataFrame:
        """Measures of every method, one row per origin and method.

        Columns without a value, such as the log score of a method that gives no distribution, are
        NaN there. ``coverage_90`` is the share of customers inside the central 90 % interval.
        """
        import pandas as pd

        rows = [
            {"origin": split.origin, "method": name, **_measures(split, forecast)}
            for split in self.splits
            for name, forecast in split.forecasts.items()
        ]
        frame = pd.DataFrame(rows, columns=["origin", "method", *_COLUMNS])
        frame[list(_COLUMNS)] = frame[list(_COLUMNS)].astype("float64")
        return frame.set_index(["origin", "method"])

    def differences(self) -> pd.DataFrame:
        """Differences between methods on the same customers, one row per origin and pair.

        Below 0, ``method`` has the smaller loss; see `Difference`.
        """
        import pandas as pd

        rows = [
            {"origin": split.origin, **asdict(difference)}
            for split in self.splits
            for difference in split.differences
        ]
        return pd.DataFrame(rows)

    def to_dict(self) -> dict[str, Any]:
        """Give what ``backtest.json`` holds of it; docs/backtest.md describes the fields."""
        return {
            "overlapping": self.overlapping,
            "skipped": [asdict(skipped) for skipped in self.skipped],
            "splits": [split.to_dict() for split in self.splits],
        }

    def __repr__(self) -> str:
        spans = ", ".join(f"{split.origin} to {split.end}" for split in self.splits) or "none"
        return f"Backtest({spans})\n{self.summary()[list(_SHOWN)].round(3).to_string()}"

    def _repr_html_(self) -> str:
        html: str = self.summary()[list(_SHOWN)].round(3).to_html()
        return html


_COLUMNS = (
    "customers",
    "actual_purchases",
    "purchases",
    "bias",
    "mae",
    "rmse",
    "log_score",
    "crps",
    "pit_distance",
    "coverage_90",
    "attainable_90",
    "path_error",
    "spearman",
    "gini",
    "actual_spend",
    "spend",
    "spend_bias",
    "spend_mae",
    "spend_gini",
    "spend_coverage_90",
)
_SHOWN = ("actual_purchases", "purchases", "bias", "mae", "rmse", "log_score", "crps", "gini")


def backtest(
    log: TransactionLog,
    holdout: str | Duration | None = None,
    origins: int = 3,
    models: Sequence[str] = MODELS,
    *,
    observation_end: date | str | None = None,
    labels: Any = None,
    time_unit: str = "day",
    method: str = "auto",
    interval: float = 0.9,
    seed: int = 0,
) -> Backtest:
    """Forecast from several days in the past, and compare with what happened.

    At each origin the models learn from the log as it stood on that day, and every method forecasts
    the customers known then. NBD, which knows no dropout, and the baselines are always compared:
    the simple formula, the customer's own repeat rate, the hiatus heuristic and the last period
    repeated.

    Parameters
    ----------
    log
        What `read_transactions` gave.
    holdout
        How far ahead, such as ``"26w"``. Default: a quarter of the log, at most a year.
    origins
        How many. The last is one hold-out before the end of the log. Earlier ones step back by
        one hold-out each where that leaves as much history before the first, else the hold-outs
        overlap.
    models
        Names from ``clvmodels.models.PURCHASE_MODELS``; the first is the one in question.
    observation_end
        Last day compared. Default: the last day of the log.
    labels
        Table of customers with columns to group by, as in `CustomerSummary.with_labels`, or a
        function that gives a summary its labels.
    time_unit : {"day", "week"}
        Unit of recency, T and parameters. No forecast depends on it.
    method
        ``"mle"``, or maximum a posteriori for any other: a forecast needs the most probable
        parameters only, however the final fit describes their uncertainty.
    interval
        Probability of the intervals of differences between methods, and of the bands of weeks.
    seed
        For the randomised PIT and the bootstrap.

    Raises
    ------
    ParameterError
        If a model is not known or an argument is out of bounds.

    Examples
    --------
    >>> import clvmodels as clv
    >>> check = clv.backtest(clv.load_cdnow("sample"), holdout="26w", origins=1, time_unit="week")
    >>> check.last.actual_purchases, round(check.last.forecasts["bgnbd"].purchases)
    (1156, 1175)
    """
    span = None if holdout is None else Duration.parse(holdout)
    if span is not None and span.is_lifetime:
        raise ParameterError("holdout", holdout, "finite, such as '26w'")
    if origins < 1:
        raise ParameterError("origins", origins, "at least 1")
    check_interval(interval)
    names = _model_names(models)
    end = log.last_date if observation_end is None else as_date(observation_end, "observation_end")
    log = log.before(end)
    days = holdout_days(log.first_date, end, span)
    job = _Job(log, names, check_time_unit(time_unit), method, labels, interval)
    found: list[Split | SkippedOrigin] = []
    for number, origin in enumerate(choose_origins(log.first_date, end, days, origins)):
        shock = _known_shock(found, origin)
        one = job.split(origin, origin + timedelta(days=days), seed + number, shock)
        if isinstance(one, Split):
            found = [replace(e, refit=None) if isinstance(e, Split) else e for e in found]
        found.append(one)
    splits = tuple(each for each in found if isinstance(each, Split))
    skipped = tuple(each for each in found if isinstance(each, SkippedOrigin))
    overlapping = any(a.end > b.origin for a, b in pairwise(splits))
    return Backtest(splits, skipped, overlapping)


@dataclass(frozen=True)
class _Job:
    """What is the same at every origin."""

    log: TransactionLog
    models: tuple[str, ...]
    time_unit: TimeUnit
    method: str
    labels: Any
    interval: float

    def split(
        self, origin: date, end: date, seed: int, shock: CommonShock
    ) -> Split | SkippedOrigin:
        """Refit at one origin and compare, or say why that cannot be done."""
        if not self.log.first_date < origin < end:
            reason = f"The log begins on {self.log.first_date}, which leaves nothing to learn from."
            return SkippedOrigin(origin, end, reason)
        try:
            past, summary = look_back(self.log, origin, self.time_unit, self.labels)
        except InputError:
            reason = "Whatever was bought up to then had been returned by then."
            return SkippedOrigin(origin, end, reason)
        triples = summary.triples()
        repeaters = int(triples.weights[triples.frequency > 0].sum())
        if repeaters < FEWEST_REPEATERS:
            reason = f"Of {len(summary):,} customers {repeaters:,} had bought again by then; "
            return SkippedOrigin(origin, end, f"{reason}at least {FEWEST_REPEATERS} are needed.")
        method = "mle" if self.method == "mle" else "map"
        models = [PURCHASE_MODELS[name]().fit(summary, method=method) for name in self.models]
        spend = None
        if summary.has_amount and len(summary.orders()):
            spend = GammaGammaModel().fit(summary, method=method)
        outcome = observe(self.log, past, summary, origin, end)
        return evaluate(
            self.log, outcome, models, spend, interval=self.interval, seed=seed, shock=shock
        )


def _known_shock(found: Sequence[Split | SkippedOrigin], origin: date) -> CommonShock:
    """What hold-outs that were over by the origin taught about the base as a whole."""
    errors = [one.log_error for one in found if isinstance(one, Split) and one.end <= origin]
    return CommonShock.of_errors([error for error in errors if error is not None])


def _model_names(models: Sequence[str]) -> tuple[str, ...]:
    """The models to compare, each once, with the null model."""
    unknown = [name for name in models if name not in PURCHASE_MODELS]
    if unknown or isinstance(models, str) or not models:
        raise ParameterError("models", models, f"names out of {', '.join(PURCHASE_MODELS)}")
    return tuple(dict.fromkeys([*models, NULL_MODEL]))


def _measures(split: Split, forecast: Forecast) -> dict[str, Any]:
    counts, spends = forecast.counts, forecast.spends
    plain = {name: getattr(forecast, name) for name in _COLUMNS if hasattr(forecast, name)}
    return plain | {
        "customers": split.customers,
        "actual_purchases": split.actual_purchases,
        "actual_spend": split.actual_spend,
        "log_score": counts and counts.log_score,
        "crps": counts and counts.crps,
        "pit_distance": counts and counts.pit_distance,
        "coverage_90": counts and counts.coverage[0.9],
        "attainable_90": counts and counts.attainable[0.9],
        "spend_coverage_90": spends and spends.coverage[0.9],
    }
