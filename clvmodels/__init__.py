"""Customer lifetime value with honest uncertainty, from a transaction log."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clvmodels.config.segments import SegmentRules as SegmentRules
    from clvmodels.decisions.decide import decide as decide
    from clvmodels.decisions.decision import Decision as Decision
    from clvmodels.errors import ClvError as ClvError
    from clvmodels.errors import ClvWarning as ClvWarning
    from clvmodels.evaluation.backtest import Backtest as Backtest
    from clvmodels.evaluation.backtest import backtest as backtest
    from clvmodels.evaluation.compare_formula import compare_formula as compare_formula
    from clvmodels.evaluation.shocks import common_shocks as common_shocks
    from clvmodels.models.beta_geo import BetaGeoModel as BetaGeoModel
    from clvmodels.models.comparison import compare_models as compare_models
    from clvmodels.models.gamma_gamma import GammaGammaModel as GammaGammaModel
    from clvmodels.models.migration import from_lifetimes as from_lifetimes
    from clvmodels.models.migration import from_pymc_marketing as from_pymc_marketing
    from clvmodels.models.modified_beta_geo import ModifiedBetaGeoModel as ModifiedBetaGeoModel
    from clvmodels.models.nbd import NBDModel as NBDModel
    from clvmodels.models.pareto_nbd import ParetoNBDModel as ParetoNBDModel
    from clvmodels.segments.result import Segments as Segments
    from clvmodels.segments.result import segment as segment
    from clvmodels.simulation.shop import SimulatedShop as SimulatedShop
    from clvmodels.simulation.simulate import simulate_log as simulate_log
    from clvmodels.simulation.simulate import simulate_tables as simulate_tables
    from clvmodels.transactions.datasets import load_cdnow as load_cdnow
    from clvmodels.transactions.read import read_transactions as read_transactions
    from clvmodels.transactions.sources import CsvOptions as CsvOptions
    from clvmodels.units import Duration as Duration
    from clvmodels.value.customer_value import CustomerValue as CustomerValue
    from clvmodels.value.formula_variants import simple_formula as simple_formula

__version__ = "0.1.0"

# Where each public name lives. Modules load when a name is first used, so that a command that
# only prints its help pays for none of them.
_HOMES = {
    "Backtest": "evaluation.backtest",
    "BetaGeoModel": "models.beta_geo",
    "ClvError": "errors",
    "ClvWarning": "errors",
    "CsvOptions": "transactions.sources",
    "CustomerValue": "value.customer_value",
    "Decision": "decisions.decision",
    "Duration": "units",
    "GammaGammaModel": "models.gamma_gamma",
    "ModifiedBetaGeoModel": "models.modified_beta_geo",
    "NBDModel": "models.nbd",
    "ParetoNBDModel": "models.pareto_nbd",
    "SegmentRules": "config.segments",
    "Segments": "segments.result",
    "SimulatedShop": "simulation.shop",
    "backtest": "evaluation.backtest",
    "common_shocks": "evaluation.shocks",
    "compare_formula": "evaluation.compare_formula",
    "compare_models": "models.comparison",
    "decide": "decisions.decide",
    "from_lifetimes": "models.migration",
    "from_pymc_marketing": "models.migration",
    "load_cdnow": "transactions.datasets",
    "read_transactions": "transactions.read",
    "segment": "segments.result",
    "simple_formula": "value.formula_variants",
    "simulate_log": "simulation.simulate",
    "simulate_tables": "simulation.simulate",
}

__all__ = [*sorted(_HOMES), "__version__"]  # noqa: PLE0604


# Type checkers know the names from above; this would make any other one of them too.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            msg = f"module 'clvmodels' has no attribute {name!r}"
            raise AttributeError(msg)
        value = getattr(importlib.import_module(f"clvmodels.{_HOMES[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
