"""The main job and its halves: from an open log to the files of the data contract."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from clvmodels.config import JobConfig
from clvmodels.engines.engine import engine_named
from clvmodels.errors import ClvError, ConfigurationError, DataWarning, InputError
from clvmodels.evaluation.gates import history_gate, holdout_gate, model_gates
from clvmodels.insights import (
    describe_decisions,
    describe_outlook,
    describe_segments,
    learned_segments,
    segments_tested,
    usable_segments,
)
from clvmodels.progress import Progress
from clvmodels.record import Record
from clvmodels.stages import (
    SavedModel,
    back_tested,
    compared,
    drifted,
    evidence_of,
    fitted,
    labelled,
    learned_shocks,
    log_gates,
    model_class,
    opened,
    scored,
    scorer_of,
    summarized,
    table_csv,
    usable_shocks,
    usable_spend,
    value_terms,
)
from clvmodels.storage import RECORD, staged
from clvmodels.transactions.datasets import load_cdnow
from clvmodels.transactions.log import TransactionLog
from clvmodels.transactions.sources import CsvOptions
from clvmodels.transactions.summary_file import SummaryFile, open_summary
from clvmodels.units import Duration
from clvmodels.value.customer_value import CustomerValue

# Reading is the first long step of a job, and belongs inside it.
LogOpener = Callable[[], TransactionLog]
CustomerOpener = Callable[[], TransactionLog | SummaryFile]


def open_log(logs: list[str], config: JobConfig) -> TransactionLog:
    """Read and check the files of a log as the configuration says."""
    with warnings.catch_warnings():
        # The same findings are in the record, each with its count.
        warnings.simplefilter("ignore", DataWarning)
        return engine_named(config.engine, config.master).read(
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
    """Read and check a summary that a database made.

    Raises
    ------
    ConfigurationError
        If the job is to run on Spark, which has its own way to summarise.
    """
    if config.engine != "duckdb":
        msg = "--summary is read on this machine; leave out --engine, or give the log to Spark."
        raise ConfigurationError(msg)
    return open_summary(
        path, csv=table_csv(config), memory_limit=config.memory_limit, threads=config.threads
    )


def validate(opener: LogOpener, config: JobConfig, progress: Progress) -> dict[str, Any]:
    """Check a log against the data contract; writes nothing."""
    record = Record(config, progress)
    log = opened(record, opener)
    with record.stage("check"):
        summary = labelled(log.summarize(config.observation_end, config.time_unit), config)
        record.describe_log(log, summary)
    return record.content()


def fit(opener: LogOpener, config: JobConfig, out: Path, progress: Progress) -> dict[str, Any]:
    """Learn the models and the limits of segments, and save them in ``out/model``."""
    record, chosen = Record(config, progress), model_class(config.model)
    with staged(out) as folder:
        log = opened(record, opener)
        summary = summarized(record, log, folder)
        purchases, spend = fitted(record, chosen, summary, folder)
        shocks = learned_shocks(record, evidence_of(record, log, summary), summary, folder)
        scorer = scorer_of(CustomerValue(purchases, spend, **value_terms(config)), config)
        learned_segments(record, summary, scorer, folder)
        record.judge(log_gates(record, log, summary, purchases, spend, shocks))
        return record.write(folder)


def score(
    opener: CustomerOpener, config: JobConfig, model: Path, out: Path, progress: Progress
) -> dict[str, Any]:
    """Score the customers of a log or of a summary file with saved models."""
    saved = SavedModel.load(model)
    purchases = saved.purchases
    config = config.model_copy(
        update={"time_unit": purchases.time_unit_, "model": purchases.kernel.name}
    )
    record = Record(config, progress)
    with staged(out) as folder:
        summary = summarized(record, opened(record, opener), folder)
        summary.sort_ahead()
        spend = usable_spend(record, summary, saved.spend)
        record.describe_models(purchases, spend)
        value = CustomerValue(purchases, spend, **value_terms(config))
        scorer = scorer_of(value, config)
        segmenter = usable_segments(record, summary, scorer, saved.segmenter)
        shocks = usable_shocks(record, saved.shocks)
        base = scored(record, summary, value, scorer, segmenter, shocks, folder)
        describe_segments(record, base, folder)
        gates = drifted(record, base, saved.training)
        record.judge([*model_gates(purchases, spend), *gates])
        return record.write(folder)


def run(opener: LogOpener, config: JobConfig, out: Path, progress: Progress) -> dict[str, Any]:
    """Do the whole job: check, summarise, fit, back-test, score, segment and report."""
    from clvmodels.report import write_report

    record, chosen = Record(config, progress), model_class(config.model)
    if config.previous is not None and not Path(config.previous, RECORD).exists():
        msg = f"previous = {config.previous!r} is no run: there is no {RECORD} in it."
        raise ConfigurationError(msg)
    with staged(out) as folder:
        log = opened(record, opener)
        summary = summarized(record, log, folder)
        summary.sort_ahead()
        purchases, spend = fitted(record, chosen, summary, folder)
        evidence = evidence_of(record, log, summary)
        with record.stage("back-test"):
            check = back_tested(record, evidence, summary, purchases, summary.triples(), folder)
        shocks = learned_shocks(record, evidence, summary, folder)
        value = CustomerValue(purchases, spend, **value_terms(config))
        scorer = scorer_of(value, config)
        segmenter = learned_segments(record, summary, scorer, folder)
        base = scored(record, summary, value, scorer, segmenter, shocks, folder)
        describe_segments(record, base, folder)
        segments_tested(record, base, evidence, check)
        describe_outlook(record, base, log, out)
        record.judge(
            [
                *log_gates(record, log, summary, purchases, spend, shocks),
                history_gate(
                    log.first_date, summary.observation_end, Duration.parse(config.horizon)
                ),
                holdout_gate(check, config.interval),
            ],
        )
        describe_decisions(record, base)
        # The report reads it, and has a stage and maybe warnings of its own.
        record.write(folder)
        failure = None
        try:
            with record.stage("report"):
                write_report(folder, paper=config.paper)
        except (ClvError, OSError, MemoryError):
            raise
        except Exception as error:  # a defect in drawing must not cost hours of scoring
            failure = error
            told = f"The report could not be drawn: {type(error).__name__}: {error}"
            record.warn("no_report", f"{told}. All else is whole.")
        content = record.write(folder)
    if failure is not None:
        failure.add_note(f"Scores and {RECORD} in {out} are whole; only the report is missing.")
        raise failure
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
    log = opened(record, opener)
    with record.stage("check"):
        summary = labelled(log.summarize(config.observation_end, config.time_unit), config)
        record.describe_log(log, summary)
    with record.stage("back-test"):
        found = compared(log, config, models, config.observation_end)
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
