"""The stages of a job, each from the record and what the stages before it left."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from clvmodels.config import JobConfig
from clvmodels.engines.engine import engine_named
from clvmodels.errors import ConfigurationError, DataWarning
from clvmodels.evaluation.backtest import Backtest, backtest
from clvmodels.evaluation.drift import find_drift
from clvmodels.evaluation.drift_gates import drift_gates, no_memory_gate
from clvmodels.evaluation.gates import Gate, fit_gates, interval_gate
from clvmodels.evaluation.in_sample import alive_grid, frequency_check
from clvmodels.evaluation.shocks import LearnedShocks, common_shocks
from clvmodels.evaluation.sign_gates import sign_gates
from clvmodels.evaluation.split import Split
from clvmodels.evaluation.training_period import TrainingPeriod
from clvmodels.insights import ScoredBase
from clvmodels.models import PURCHASE_MODELS, GammaGammaModel, PurchaseModel
from clvmodels.models.saved import load_models
from clvmodels.record import Record, describe_formula, describe_holdout, describe_totals
from clvmodels.segments.segmenter import FILE as SEGMENTS_FILE
from clvmodels.segments.segmenter import Segmenter
from clvmodels.storage import write_json, write_parts
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.transactions.log import EVIDENCE_CUSTOMERS, TransactionLog
from clvmodels.transactions.sources import CsvOptions
from clvmodels.transactions.summary import CustomerSummary
from clvmodels.transactions.summary_file import SummaryFile
from clvmodels.units import Duration
from clvmodels.value.customer_costs import charge_totals, present_cost, yearly_costs
from clvmodels.value.customer_value import CustomerValue
from clvmodels.value.scorer import Scorer
from clvmodels.value.totals import value_totals

BACKTEST_SCHEMA = 2
SHOCKS_FILE, TRAINING_FILE = "shock.json", "training.json"
Part = TypeVar("Part")
Opened = TypeVar("Opened", TransactionLog, TransactionLog | SummaryFile)


@dataclass(frozen=True)
class SavedModel:
    """What a fit left in ``model/``; None where it was saved without."""

    purchases: PurchaseModel
    spend: GammaGammaModel | None
    shocks: LearnedShocks | None
    training: TrainingPeriod | None
    segmenter: Segmenter | None

    @classmethod
    def load(cls, folder: Path) -> SavedModel:
        """Read all of it at once, since another fit may replace it while a job goes on.

        Raises
        ------
        ArtefactError
            If a file is damaged or of another version, or there is no purchase model.
        """

        def read(name: str, load: Callable[[Path], Part]) -> Part | None:
            return load(folder / name) if (folder / name).exists() else None

        return cls(
            *load_models(folder),
            read(SHOCKS_FILE, LearnedShocks.load),
            read(TRAINING_FILE, TrainingPeriod.load),
            read(SEGMENTS_FILE, Segmenter.load),
        )


def model_class(name: Any) -> type[PurchaseModel]:
    """Class of the purchase model of a name; refuses one that there is not."""
    if name not in PURCHASE_MODELS:
        msg = f"model = {name!r} is not known; there is {', '.join(PURCHASE_MODELS)}."
        raise ConfigurationError(msg)
    return PURCHASE_MODELS[name]


def value_terms(config: JobConfig) -> dict[str, Any]:
    """What value means, as `CustomerValue` takes it."""
    return {**config.value_terms(), "seed": config.seed}


def scorer_of(value: CustomerValue, config: JobConfig) -> Scorer:
    """What scores the base over the horizon of the job."""
    return value.scorer(config.horizon, config.interval)


def opened(record: Record, opener: Callable[[], Opened]) -> Opened:
    """Read the input of a job."""
    with record.stage("read"):
        return opener()


def summarized(record: Record, log: TransactionLog | SummaryFile, folder: Path) -> CustomerSummary:
    """Summarise, write the quarantine and describe both; a summary file sets no rows aside."""
    config = record.config
    with record.stage("summarise"):
        summary = labelled(log.summarize(config.observation_end, config.time_unit), config)
        record.describe_log(log, summary)
        if isinstance(log, TransactionLog):
            write_parts(folder / "quarantine", log.quarantine_batches(config.observation_end))
    return summary


def labelled(summary: CustomerSummary, config: JobConfig) -> CustomerSummary:
    """The summary with the labels that the configuration names, if any."""
    if config.labels is None:
        return summary
    with warnings.catch_warnings():
        # As for the log: the same findings are in the record.
        warnings.simplefilter("ignore", DataWarning)
        return summary.with_labels(config.labels, config.customer_id, csv=table_csv(config))


def fitted(
    record: Record, chosen: type[PurchaseModel], summary: CustomerSummary, folder: Path
) -> tuple[PurchaseModel, GammaGammaModel | None]:
    """Learn the models, save and describe them."""
    config = record.config
    with record.stage("fit"):
        purchases = chosen().fit(summary, method=config.method, seed=config.seed)
        spend = None
        if summary.has_amount and len(summary.orders()):
            spend = GammaGammaModel().fit(summary, method=config.method, seed=config.seed)
        elif summary.has_amount:
            message = "No repeat purchase has an amount above 0: value columns are null."
            record.warn("no_spend_model", message)
        (folder / "model").mkdir()
        purchases.save(folder / "model" / "purchases.json")
        if spend is not None:
            spend.save(folder / "model" / "spend.json")
        first = record.fields["period"]["first_purchase"]
        training = TrainingPeriod.of(summary, first, purchases, spend)
        training.save(folder / "model" / TRAINING_FILE)
    record.describe_models(purchases, spend)
    return purchases, spend


def usable_spend(
    record: Record, summary: CustomerSummary, spend: GammaGammaModel | None
) -> GammaGammaModel | None:
    """Spend model for a log; None where the log has no amounts, as in a run."""
    if spend is None and summary.has_amount:
        message = "The saved model has no spend.json: value columns are null. Fit it with amounts."
        record.warn("no_spend_model", message)
    return spend if summary.has_amount else None


def evidence_of(record: Record, log: TransactionLog, summary: CustomerSummary) -> TransactionLog:
    """The log that evidence is taken from: a sample of its customers where there are many."""
    with record.stage("sample"):
        evidence = log.sample(EVIDENCE_CUSTOMERS)
    record.fields["evidence"] = {
        "customers": round(evidence.share * len(summary)),
        "share": evidence.share,
    }
    return evidence


def back_tested(
    record: Record,
    log: TransactionLog,
    summary: CustomerSummary,
    purchases: PurchaseModel,
    triples: CustomerColumns,
    folder: Path,
) -> Split | None:
    """Compare with what happened, write ``backtest.json`` and give the last split."""
    found = compared(log, record.config, (purchases.kernel.name,), summary.observation_end)
    if found.last is not None:
        record.fields["holdout"] = describe_holdout(found.last)
    content = found.to_dict() | {
        "frequency_check": frequency_check(purchases, triples),
        "alive_grid": alive_grid(purchases, triples),
    }
    write_json(folder / "backtest.json", content, schema=BACKTEST_SCHEMA)
    return found.last


def compared(
    log: TransactionLog, config: JobConfig, models: Sequence[str], end: date | None
) -> Backtest:
    """Back-test models and baselines on a log, as the configuration says."""
    return backtest(
        log,
        config.holdout,
        config.origins,
        models,
        observation_end=end,
        labels=partial(labelled, config=config) if config.labels is not None else None,
        time_unit=config.time_unit,
        method=config.method,
        interval=config.interval,
        seed=config.seed,
    )


def learned_shocks(
    record: Record, log: TransactionLog, summary: CustomerSummary, folder: Path
) -> LearnedShocks:
    """Learn what strikes all customers at once, and keep it beside the models."""
    config = record.config
    with record.stage("shocks"):
        shocks = common_shocks(
            log, config.horizon, model=config.model, observation_end=summary.observation_end
        )
        shocks.save(folder / "model" / SHOCKS_FILE)
    record.fields["common_shocks"] = shocks.to_dict()
    return shocks


def usable_shocks(record: Record, saved: LearnedShocks | None) -> LearnedShocks:
    """Shocks that were saved with the models; assumed for any other horizon than theirs."""
    horizon = Duration.parse(record.config.horizon)
    shocks = saved or LearnedShocks(horizon=str(horizon))
    if Duration.parse(shocks.horizon).days != horizon.days:
        message = (
            f"The common shock saved with the model was learned over {shocks.horizon}; over "
            f"{horizon} its size is assumed. Fit with --horizon {horizon} to learn it."
        )
        record.warn("shock_of_another_horizon", message)
        shocks = LearnedShocks(horizon=str(horizon))
    record.fields["common_shocks"] = shocks.to_dict()
    return shocks


def scored(
    record: Record,
    summary: CustomerSummary,
    value: CustomerValue,
    scorer: Scorer,
    segmenter: Segmenter,
    shocks: LearnedShocks,
    folder: Path,
) -> ScoredBase:
    """Score the base into ``scores/`` and describe its totals."""
    config, folder = record.config, folder / "scores"
    costs = None
    if config.cost_label is not None and value.spend is not None:
        costs = yearly_costs(summary, config.cost_label)
    with record.stage("score", total=len(summary)) as tick:
        engine = engine_named(config.engine, config.master)
        written = engine.write_scores(summary, scorer, folder, tick, segmenter, costs)
    with record.stage("totals"):
        own = 0.0 if costs is None else present_cost(costs, scorer.terms)
        found = charge_totals(value_totals(written.groups, scorer, config.interval, shocks), own)
        totals = describe_totals(value, scorer, written, config, found) | {"customer_costs": own}
        record.fields["totals"] = totals
        record.fields["formula_comparison"] = describe_formula(scorer, written, totals, own)
    return ScoredBase(summary, value, scorer, segmenter, shocks, written, found, folder, own)


def drifted(record: Record, base: ScoredBase, training: TrainingPeriod | None) -> list[Gate]:
    """Gates on whether the shop is still the one that the saved models know."""
    if training is None:
        return [no_memory_gate()]
    purchases, spend = base.value.purchases, base.value.spend
    with record.stage("drift"):
        end = base.summary.observation_end
        drift = find_drift(training, base.scored.groups, end, purchases, spend, base.shocks)
        record.fields["drift"] = drift.to_dict()
    return drift_gates(drift)


def log_gates(
    record: Record,
    log: TransactionLog,
    summary: CustomerSummary,
    purchases: PurchaseModel,
    spend: GammaGammaModel | None,
    shocks: LearnedShocks,
) -> list[Gate]:
    """Gates on the fits, on the signs of the log and on its earlier windows."""
    with record.stage("gates"):
        triples = summary.triples()
        repeaters = round(float(triples.weights[triples.frequency > 0].sum()))
        orders = summary.orders() if summary.has_amount else None
        end = summary.observation_end
        return [
            *fit_gates(purchases, spend, len(summary), repeaters),
            *sign_gates(log.signs(summary), purchases, triples, orders, end),
            interval_gate(shocks.purchases),
        ]


def table_csv(config: JobConfig) -> CsvOptions:
    """How CSV files of customers are written: as the log's, without dates and amounts."""
    return CsvOptions(delimiter=config.delimiter, quote=config.quote, encoding=config.encoding)
