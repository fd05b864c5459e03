"""What leaders and staff ask of a scored base, stage by stage: segments, outlook, scenarios."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clvmodels.decisions.scenarios import marked_customers, scenarios
from clvmodels.decisions.staff_card import staff_card
from clvmodels.decisions.stake import Basis
from clvmodels.engines.duckdb import Scored
from clvmodels.evaluation.shocks import LearnedShocks
from clvmodels.evaluation.split import Split
from clvmodels.outlook.changes import Now, change
from clvmodels.outlook.channels import payback_by_label
from clvmodels.outlook.cohorts import cohorts
from clvmodels.outlook.forward import REACH, forward
from clvmodels.outlook.history import History
from clvmodels.outlook.last_forecast import last_forecast
from clvmodels.outlook.payback import payback
from clvmodels.outlook.prospect import Prospect
from clvmodels.outlook.tornado import tornado
from clvmodels.record import Record
from clvmodels.segments.evidence import segment_evidence
from clvmodels.segments.learn import MOST_CUSTOMERS, learn_segments
from clvmodels.segments.segmenter import FILE as SEGMENTS_FILE
from clvmodels.segments.segmenter import Segmenter
from clvmodels.segments.stability import segment_stability
from clvmodels.segments.table import segment_table, write_segments_csv
from clvmodels.transactions.log import TransactionLog
from clvmodels.transactions.summary import CustomerSummary
from clvmodels.value.customer_value import CustomerValue
from clvmodels.value.scorer import Scorer
from clvmodels.value.totals import ValueTotals


@dataclass(frozen=True)
class ScoredBase:
    """A scored base with what scored it, ready to be asked about.

    ``scores`` is the folder of its score files; ``own_costs`` the present value of customers' own
    costs, which the totals have paid.
    """

    summary: CustomerSummary
    value: CustomerValue
    scorer: Scorer
    segmenter: Segmenter
    shocks: LearnedShocks
    scored: Scored
    totals: ValueTotals
    scores: Path
    own_costs: float = 0.0


def learned_segments(
    record: Record, summary: CustomerSummary, scorer: Scorer, folder: Path
) -> Segmenter:
    """Learn the limits of segments and keep them beside the models."""
    with record.stage("segments"):
        segmenter = learn_segments(summary, scorer, record.config.segments)
        segmenter.save(folder / "model" / SEGMENTS_FILE)
    return segmenter


def usable_segments(
    record: Record, summary: CustomerSummary, scorer: Scorer, saved: Segmenter | None
) -> Segmenter:
    """Segments as they were learned with the models; learned again where they cannot serve."""
    reason = "the model was saved without them" if saved is None else saved.limits.misfit(scorer)
    if saved is not None and reason is None:
        return saved
    message = (
        f"The limits of segments were learned again, from this log: {reason}. Fit on the same "
        "terms to keep them from one scoring to the next."
    )
    record.warn("segments_learned_again", message)
    with record.stage("segments"):
        return learn_segments(
            summary, scorer, record.config.segments if saved is None else saved.rules
        )


def describe_segments(record: Record, base: ScoredBase, folder: Path) -> None:
    """Say how large and how valuable each segment is, and write ``segments.csv``."""
    with record.stage("segment totals"):
        table = segment_table(
            base.scored.by_segment,
            base.segmenter,
            base.scorer,
            record.config.interval,
            base.shocks,
        )
        write_segments_csv(folder / "segments.csv", table)
    record.fields["segments"] = table


def segments_tested(
    record: Record, base: ScoredBase, log: TransactionLog, split: Split | None
) -> None:
    """Add how stable segments are, and whether held-out purchases bear them out."""
    config, table = record.config, record.fields["segments"]
    with record.stage("segment evidence"):
        table["stability"] = segment_stability(
            log,
            base.scorer,
            base.segmenter,
            observation_end=base.summary.observation_end,
        )
        if split is not None and split.refit is not None:
            refit = split.refit
            table["evidence"] = segment_evidence(
                refit.outcome.thinned(MOST_CUSTOMERS),
                refit.purchases,
                refit.spend,
                base.segmenter.rules,
                config.interval,
            )


def describe_outlook(record: Record, base: ScoredBase, log: TransactionLog, out: Path) -> None:
    """Say what lies ahead, by span and by cohort, what would move it, and what has changed."""
    config, shocks, scorer = record.config, base.shocks, base.scorer
    groups, end = base.scored.groups, base.summary.observation_end
    with record.stage("outlook"):
        prospect = Prospect(groups, scorer, REACH)
        history = History.of(log, base.summary)
        record.fields |= {
            "forward": forward(
                groups,
                scorer,
                shocks,
                config.interval,
                end,
                history,
                totals=base.totals,
                prospect=prospect,
            ),
            "cohorts": cohorts(history, prospect, scorer.terms, shocks, config.interval, config),
            "sensitivity": tornado(
                groups, scorer, shocks, config.interval, value=_expected(base.totals)
            ),
            "payback": _payback(record, base, log),
        }
    with record.stage("change"):
        _compare_with_last_run(record, base, log, out)


def describe_decisions(record: Record, base: ScoredBase) -> None:
    """Work out what was entered about value beyond purchases, and the figures of the staff card."""
    config = record.config
    with record.stage("decisions"):
        if config.scenarios is not None:
            record.fields["scenarios"] = scenarios(
                base.scores,
                base.value,
                config.scenarios,
                horizon=config.horizon,
                interval=config.interval,
                shocks=base.shocks,
                clv=record.fields["totals"]["clv"],
                currency=config.currency,
                influential=marked_customers(base.summary, config.scenarios),
                memory_limit=config.memory_limit,
            )
        purchases, spend = base.value.purchases, base.value.spend
        basis = Basis(
            (purchases, spend),
            base.scorer.terms,
            config.interval,
            config.seed,
            base.scorer.averaging.draws_used,
        )
        record.fields["staff_card"] = staff_card(
            base.scores,
            basis,
            currency=config.currency,
            trusted=record.fields["trusted"],
            actions=config.actions,
            scenarios=config.scenarios,
            memory_limit=config.memory_limit,
        )


def _expected(totals: ValueTotals) -> float | None:
    found = totals.clv or totals.purchases
    return None if found is None or not np.isfinite(found.expected) else found.expected


def _payback(record: Record, base: ScoredBase, log: TransactionLog) -> Mapping[str, Any] | None:
    config = record.config
    found = payback(base.scorer, base.shocks, config.interval, config)
    if found is None:
        return None
    labels = payback_by_label(log, base.summary, base.scorer, base.shocks, config.interval, config)
    return {**found, "labels": labels}


def _compare_with_last_run(
    record: Record, base: ScoredBase, log: TransactionLog, out: Path
) -> None:
    config = record.config
    now = Now(
        base.scored.groups,
        base.scorer,
        record.fields["totals"],
        base.summary.observation_end,
        base.scores,
        base.own_costs,
    )
    previous = None if config.previous is None else Path(config.previous)
    memory, threads = config.memory_limit, config.threads
    changed, before = change(
        out, record.content(), now, log, previous, memory_limit=memory, threads=threads
    )
    record.fields["change"] = changed
    if previous is not None and changed["reason"] is not None:
        record.warn("not_compared", changed["reason"])
    record.fields["last_forecast"] = last_forecast(
        before, log, base.summary, config.interval, memory_limit=memory, threads=threads
    )
