"""The main job and its halves: from an open log to the files of the data contract."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from clvmodels.config import JobConfig
from clvmodels.engines.duckdb import write_scores
from clvmodels.errors import ConfigurationError, DataWarning, InputError
from clvmodels.evaluation.backtest import Backtest, backtest
from clvmodels.evaluation.gates import (
    Gate,
    fit_gates,
    history_gate,
    holdout_gate,
    interval_gate,
    model_gates,
)
from clvmodels.evaluation.in_sample import alive_grid, frequency_check
from clvmodels.evaluation.shocks import LearnedShocks, common_shocks
from clvmodels.evaluation.sign_gates import sign_gates
from clvmodels.evaluation.split import Split
from clvmodels.models import PURCHASE_MODELS, GammaGammaModel, PurchaseModel
from clvmodels.progress import Progress
from clvmodels.record import Record, describe_formula, describe_holdout, describe_totals
from clvmodels.storage import read_json, staged, write_json, write_parts
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.transactions.datasets import load_cdnow
from clvmodels.transactions.log import TransactionLog
from clvmodels.transactions.read import read_transactions
from clvmodels.transactions.sources import CsvOptions
from clvmodels.transactions.summary import CustomerSummary
from clvmodels.transactions.summary_file import SummaryFile, open_summary
from clvmodels.units import Duration
from clvmodels.value.customer_value import CustomerValue

BACKTEST_SCHEMA = 2
Opened = TypeVar("Opened", TransactionLog, TransactionLog | SummaryFile)
# Reading is the first long step of a job, and belongs inside it.
LogOpener = Callable[[], TransactionLog]
CustomerOpener = Callable[[], TransactionLog | SummaryFile]


def open_log(logs: list[str], config: JobConfig) -> TransactionLog:
    """Read and check the files of a log as the configuration says."""
    with warnings.catch_warnings():
        # The same findings are in the record, each with its count.
        warnings.simplefilter("ignore", DataWarning)
        return read_transactions(
            logs,
            customer_id=config.customer_id,
            date=config.date,
            amount=config.amount,
            order_id=config.order_id,
            time_zone=config.time_zone,
            returns=config.returns,
            zero_amounts=config.zero_amounts,
            duplicates=config.duplicates,
            csv=CsvOptions(
                delimiter=config.delimiter,
                quote=config.quote,
                decimal_separator=config.decimal_separator,
                encoding=config.encoding,
                date_format=config.date_format,
            ),
            memory_limit=config.memory_limit,
            threads=config.threads,
        )


def open_summary_file(path: str, config: JobConfig) -> SummaryFile:
    """Read and check a summary that a database made."""
    return open_summary(
        path, csv=_table_csv(config), memory_limit=config.memory_limit, threads=config.threads
    )


def _table_csv(config: JobConfig) -> CsvOptions:
    """How CSV files of customers are written: as the log's, without dates and amounts."""
    return CsvOptions(delimiter=config.delimiter, quote=config.quote, encoding=config.encoding)


def validate(opener: LogOpener, config: JobConfig, progress: Progress) -> dict[str, Any]:
    """Check a log against the data contract; writes nothing."""
    record = Record(config, progress)
    log = _read(record, opener)
    with record.stage("check"):
        summary = _labelled(log.summarize(config.observation_end, config.time_unit), config)
        record.describe_log(log, summary)
    return record.content()


def fit(opener: LogOpener, config: JobConfig, out: Path, progress: Progress) -> dict[str, Any]:
    """Learn the models and save them in ``out/model``."""
    record, model_class = Record(config, progress), _model_class(config.model)
    with staged(out) as folder:
        log = _read(record, opener)
        summary = _summarize(record, log, folder)
        purchases, spend = _fit(record, model_class, summary, folder)
        shocks = _learn_shocks(record, log, summary, folder)
        record.judge(_log_gates(record, log, summary, purchases, spend, shocks))
        return record.write(folder)


def score(
    opener: CustomerOpener, config: JobConfig, model: Path, out: Path, progress: Progress
) -> dict[str, Any]:
    """Score the customers of a log or of a summary file with saved models."""
    purchases, spend = load_models(model)
    config = config.model_copy(
        update={"time_unit": purchases.time_unit_, "model": purchases.kernel.name}
    )
    record = Record(config, progress)
    with staged(out) as folder:
        summary = _summarize(record, _read(record, opener), folder)
        spend = _usable_spend(record, summary, spend)
        record.describe_models(purchases, spend)
        value = CustomerValue(purchases, spend, **_terms(config))
        _score(record, summary, value, _saved_shocks(record, model), folder)
        record.judge(model_gates(purchases, spend))
        return record.write(folder)


def run(opener: LogOpener, config: JobConfig, out: Path, progress: Progress) -> dict[str, Any]:
    """Do the whole job: check, summarise, fit, back-test, score and report."""
    from clvmodels.report import write_report

    record, model_class = Record(config, progress), _model_class(config.model)
    with staged(out) as folder:
        log = _read(record, opener)
        summary = _summarize(record, log, folder)
        purchases, spend = _fit(record, model_class, summary, folder)
        triples = summary.triples()
        with record.stage("back-test"):
            check = _back_test(record, log, summary, purchases, triples, folder)
        shocks = _learn_shocks(record, log, summary, folder)
        value = CustomerValue(purchases, spend, **_terms(config))
        _score(record, summary, value, shocks, folder)
        record.judge(
            [
                *_log_gates(record, log, summary, purchases, spend, shocks),
                history_gate(
                    log.first_date, summary.observation_end, Duration.parse(config.horizon)
                ),
                holdout_gate(check, config.interval),
            ],
        )
        content = record.write(folder)
        with record.stage("report"):
            write_report(folder)
    return content


def compare(
    opener: LogOpener, config: JobConfig, models: Sequence[str], progress: Progress
) -> dict[str, Any]:
    """Back-test models and baselines on a log; writes nothing.

    Raises
    ------
    InputError
        If nothing can be held out, with the reason for each origin.
    """
    record = Record(config, progress)
    log = _read(record, opener)
    with record.stage("check"):
        summary = _labelled(log.summarize(config.observation_end, config.time_unit), config)
        record.describe_log(log, summary)
    with record.stage("back-test"):
        found = _compare(log, config, models, config.observation_end)
    if not found.splits:
        reasons = " ".join(f"{skipped.origin}: {skipped.reason}" for skipped in found.skipped)
        msg = f"Nothing can be held out. {reasons} Give a longer log or a shorter --holdout."
        raise InputError(msg)
    record.fields["backtest"] = found.to_dict()
    return record.content()


def demo(out: Path, progress: Progress) -> dict[str, Any]:
    """Run the job on CDNOW, as of mid-1998 with the last 39 weeks held out for the check."""
    config = JobConfig.model_validate(
        {
            "time_unit": "week",
            "observation_end": "1998-06-30",
            "holdout": "39w",
            "currency": "USD",
        }
    )
    return run(load_cdnow, config, out, progress)


def load_models(folder: Path) -> tuple[PurchaseModel, GammaGammaModel | None]:
    """Read the models that a job saved; spend is None where the log had no amounts.

    Raises
    ------
    ArtefactError
        If a file is missing, damaged or of another version.
    """
    from clvmodels.models.base import SCHEMA

    saved = folder / "purchases.json"
    purchases = _model_class(read_json(saved, schema=SCHEMA).get("model")).load(saved)
    spend = folder / "spend.json"
    return purchases, GammaGammaModel.load(spend) if spend.exists() else None


def _model_class(name: Any) -> type[PurchaseModel]:
    if name not in PURCHASE_MODELS:
        msg = f"model = {name!r} is not known; there is {', '.join(PURCHASE_MODELS)}."
        raise ConfigurationError(msg)
    return PURCHASE_MODELS[name]


def _terms(config: JobConfig) -> dict[str, Any]:
    return {
        "margin": config.margin,
        "annual_discount_rate": config.annual_discount_rate,
        "cost_per_order": config.cost_per_order,
        "cost_per_customer_year": config.cost_per_customer_year,
        "seed": config.seed,
    }


def _read(record: Record, opener: Callable[[], Opened]) -> Opened:
    with record.stage("read"):
        return opener()


def _summarize(record: Record, log: TransactionLog | SummaryFile, folder: Path) -> CustomerSummary:
    """Summarise, write the quarantine and describe both; a summary file sets no rows aside."""
    config = record.config
    with record.stage("summarise"):
        summary = _labelled(log.summarize(config.observation_end, config.time_unit), config)
        record.describe_log(log, summary)
        if isinstance(log, TransactionLog):
            write_parts(folder / "quarantine", log.quarantine_batches(config.observation_end))
    return summary


def _labelled(summary: CustomerSummary, config: JobConfig) -> CustomerSummary:
    """The summary with the labels that the configuration names, if any."""
    if config.labels is None:
        return summary
    with warnings.catch_warnings():
        # As for the log: the same findings are in the record.
        warnings.simplefilter("ignore", DataWarning)
        return summary.with_labels(config.labels, config.customer_id, csv=_table_csv(config))


def _fit(
    record: Record, model_class: type[PurchaseModel], summary: CustomerSummary, folder: Path
) -> tuple[PurchaseModel, GammaGammaModel | None]:
    config = record.config
    with record.stage("fit"):
        purchases = model_class().fit(summary, method=config.method, seed=config.seed)
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
    record.describe_models(purchases, spend)
    return purchases, spend


def _usable_spend(
    record: Record, summary: CustomerSummary, spend: GammaGammaModel | None
) -> GammaGammaModel | None:
    """Spend model for a log; None where the log has no amounts, as in a run."""
    if spend is None and summary.has_amount:
        message = "The saved model has no spend.json: value columns are null. Fit it with amounts."
        record.warn("no_spend_model", message)
    return spend if summary.has_amount else None


def _back_test(
    record: Record,
    log: TransactionLog,
    summary: CustomerSummary,
    purchases: PurchaseModel,
    triples: CustomerColumns,
    folder: Path,
) -> Split | None:
    """Compare with what happened, write ``backtest.json`` and give the last split."""
    found = _compare(log, record.config, (purchases.kernel.name,), summary.observation_end)
    if found.last is not None:
        record.fields["holdout"] = describe_holdout(found.last)
    content = found.to_dict() | {
        "frequency_check": frequency_check(purchases, triples),
        "alive_grid": alive_grid(purchases, triples),
    }
    write_json(folder / "backtest.json", content, schema=BACKTEST_SCHEMA)
    return found.last


def _compare(
    log: TransactionLog, config: JobConfig, models: Sequence[str], end: date | None
) -> Backtest:
    return backtest(
        log,
        config.holdout,
        config.origins,
        models,
        observation_end=end,
        labels=partial(_labelled, config=config) if config.labels is not None else None,
        time_unit=config.time_unit,
        method=config.method,
        interval=config.interval,
        seed=config.seed,
    )


def _learn_shocks(
    record: Record, log: TransactionLog, summary: CustomerSummary, folder: Path
) -> LearnedShocks:
    """Learn what strikes all customers at once, and keep it beside the models."""
    config = record.config
    with record.stage("shocks"):
        shocks = common_shocks(
            log, config.horizon, model=config.model, observation_end=summary.observation_end
        )
        shocks.save(folder / "model" / "shock.json")
    record.fields["common_shocks"] = shocks.to_dict()
    return shocks


def _saved_shocks(record: Record, model: Path) -> LearnedShocks:
    """Shocks that were saved with the models; assumed for any other horizon than theirs."""
    horizon, path = Duration.parse(record.config.horizon), model / "shock.json"
    shocks = LearnedShocks.load(path) if path.exists() else LearnedShocks(horizon=str(horizon))
    if Duration.parse(shocks.horizon).days != horizon.days:
        message = (
            f"The common shock saved with the model was learned over {shocks.horizon}; over "
            f"{horizon} its size is assumed. Fit with --horizon {horizon} to learn it."
        )
        record.warn("shock_of_another_horizon", message)
        shocks = LearnedShocks(horizon=str(horizon))
    record.fields["common_shocks"] = shocks.to_dict()
    return shocks


def _score(
    record: Record,
    summary: CustomerSummary,
    value: CustomerValue,
    shocks: LearnedShocks,
    folder: Path,
) -> None:
    config = record.config
    scorer = value.scorer(config.horizon, config.interval)
    with record.stage("score", total=len(summary)) as tick:
        scored = write_scores(summary, scorer, folder / "scores", tick)
    with record.stage("totals"):
        totals = describe_totals(value, scorer, scored, config, shocks)
        record.fields["totals"] = totals
        record.fields["formula_comparison"] = describe_formula(scorer, scored, totals)


def _log_gates(
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
