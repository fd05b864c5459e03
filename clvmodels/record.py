"""What a job writes into its ``run.json`` and ``backtest.json``."""

from __future__ import annotations

import platform
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from clvmodels import __version__
from clvmodels.config import JobConfig
from clvmodels.engines.duckdb import Scored
from clvmodels.errors import ClvWarning
from clvmodels.evaluation.gates import Gate, verdict
from clvmodels.evaluation.split import Split
from clvmodels.models import GammaGammaModel, PurchaseModel
from clvmodels.models.base import Model
from clvmodels.profile import Profiled
from clvmodels.progress import Progress
from clvmodels.storage import RECORD, plain, write_json
from clvmodels.transactions.log import TransactionLog
from clvmodels.transactions.summary import CustomerSummary
from clvmodels.transactions.summary_file import SummaryFile
from clvmodels.value.customer_value import CustomerValue
from clvmodels.value.formula_causes import CAUSES, causes_of_base
from clvmodels.value.scorer import Scorer
from clvmodels.value.simple_formula import formula_of_sums
from clvmodels.value.totals import ValueTotals

SCHEMA = 1
# What stages fill in; null where a job has no such stage.
_FOUND_LATER = (
    "models",
    "evidence",
    "totals",
    "formula_comparison",
    "common_shocks",
    "holdout",
    "segments",
    "forward",
    "cohorts",
    "sensitivity",
    "payback",
    "change",
    "last_forecast",
    "scenarios",
    "staff_card",
    "drift",
    "gates",
    "trusted",
)
_DISTRIBUTIONS = ("numpy", "scipy", "pandas", "pyarrow", "duckdb")


@dataclass
class Record:
    """What a job writes into ``run.json``, filled stage by stage."""

    config: JobConfig
    progress: Progress
    fields: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    warnings: list[dict[str, Any]] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """Time a stage and keep the warnings that it raises."""
        start = time.perf_counter()
        with (
            warnings.catch_warnings(record=True) as caught,
            self.progress.stage(name, total) as tick,
        ):
            warnings.simplefilter("always", ClvWarning)
            yield tick
        self.timings[name] = round(time.perf_counter() - start, 3)
        for found in caught:
            if isinstance(found.message, ClvWarning):
                self.warn(type(found.message).__name__, str(found.message))

    def describe_log(self, log: TransactionLog | SummaryFile, summary: CustomerSummary) -> None:
        """Say what was read, where each row went, and who the customers are.

        The rows are null where the customers were summarised elsewhere.
        """
        triples = summary.triples()
        repeaters = int(triples.weights[triples.frequency > 0].sum())
        self.fields |= {
            "inputs": [asdict(file) for file in (*log.inputs, *summary.label_inputs)],
            "rows": summary.account and asdict(summary.account),
            "customers": len(summary),
            "repeat_customers": repeaters,
            "period": {
                "first_purchase": log.first_date,
                "observation_end": summary.observation_end,
            },
            **dict.fromkeys(_FOUND_LATER),
        }
        self.warnings += [asdict(warning) for warning in summary.check.warnings]

    def describe_models(self, purchases: PurchaseModel, spend: GammaGammaModel | None) -> None:
        """Say what was learned; ``spend`` is None without amounts."""
        self.fields["models"] = {
            "purchases": _describe_model(purchases),
            "spend": _describe_model(spend) if spend is not None else None,
        }

    def warn(self, code: str, message: str, count: int | None = None) -> None:
        """Keep a warning."""
        self.warnings.append({"code": code, "message": message, "count": count})

    def judge(self, gates: list[Gate]) -> None:
        """Keep the gates and the verdict that they make together."""
        self.fields |= {"gates": [asdict(gate) for gate in gates], "trusted": verdict(gates)}

    def content(self) -> dict[str, Any]:
        """The record as JSON."""
        versions = {name: version(name) for name in _DISTRIBUTIONS}
        record: dict[str, Any] = {
            "schema": SCHEMA,
            "clvmodels": __version__,
            "config": self._told_config(),
            **self.fields,
            "warnings": self.warnings,
            "timings": self.timings,
            "versions": {"python": platform.python_version(), "clvmodels": __version__, **versions},
            "seed": self.config.seed,
        }
        if isinstance(self.progress, Profiled):
            record["profile"] = self.progress.to_list()
        content: dict[str, Any] = plain(record)
        return content

    def _told_config(self) -> dict[str, Any]:
        """The configuration; of the run before only the name, since its path is the machine's."""
        told = self.config.model_dump()
        if self.config.previous is not None:
            told["previous"] = Path(self.config.previous).resolve().name
        return told

    def write(self, folder: Path) -> dict[str, Any]:
        """Write ``run.json`` and give what it holds."""
        content = self.content()
        write_json(folder / RECORD, content, schema=SCHEMA)
        return content


def _describe_model(model: Model) -> dict[str, Any]:
    return {
        "model": model.kernel.name,
        "method": model.fit_.method,
        "time_unit": model.time_unit_,
        "parameters": model.params_,
        "standard_errors": model.standard_errors_,
        "log_likelihood": model.log_likelihood_,
        "diagnostics": model.diagnostics_,
    }


def describe_holdout(check: Split) -> dict[str, Any]:
    """Give the last split of the back-test as ``run.json`` has it."""
    model, formula = check.forecasts[check.model], check.forecasts["simple_formula"]
    spend = None
    if check.actual_spend is not None and model.spend is not None:
        spend = {
            "actual": check.actual_spend,
            "model": model.spend,
            "simple_formula": formula.spend,
        }
    return {
        "origin": check.origin,
        "end": check.end,
        "days": check.days,
        "customers": check.customers,
        "purchases": {
            "actual": check.actual_purchases,
            "model": model.purchases,
            "simple_formula": formula.purchases,
        },
        "spend": spend,
        "mae": {"model": model.mae, "simple_formula": formula.mae},
    }


def describe_totals(
    value: CustomerValue, scorer: Scorer, scored: Scored, config: JobConfig, totals: ValueTotals
) -> dict[str, Any]:
    """Give the totals of the base; None where there is no money or no finite number."""
    formula = None
    new_customer = None
    if value.spend is not None:
        sums = formula_of_sums(scored.formula_sums, value.terms(config.horizon))
        if not value.terms(config.horizon).horizon.is_lifetime:
            formula = {
                "value": sums.value,
                "value_per_customer": sums.value_per_customer,
                **asdict(sums),
            }
        new_customer = asdict(value.new_customer(config.horizon, config.interval))
    return {
        "averaging": asdict(scorer.averaging),
        "active": asdict(totals.active),
        "purchases": totals.purchases and asdict(totals.purchases),
        "clv": totals.clv and asdict(totals.clv),
        "potential_value": totals.potential_value and asdict(totals.potential_value),
        "simple_formula": formula,
        "new_customer": new_customer,
    }


def describe_formula(
    scorer: Scorer, scored: Scored, totals: dict[str, Any], own_costs: float = 0.0
) -> dict[str, Any] | None:
    """Give what the simple formula says for the base, less the model, by cause.

    None where either has no number; ``totals`` are those of `describe_totals`, after
    ``own_costs``: the present value of what single customers cost.
    """
    if totals["simple_formula"] is None or totals["clv"] is None:
        return None
    base, model = formula_of_sums(scored.formula_sums, scorer.terms), totals["clv"]["expected"]
    causes = causes_of_base(scored.groups, scorer, base, model + own_costs)
    causes["costs"] += own_costs
    return {
        "formula": base.value,
        "model": model,
        "difference": base.value - model,
        "causes": [
            {"cause": name, "money": money, "explanation": CAUSES[name]}
            for name, money in causes.items()
        ],
    }
