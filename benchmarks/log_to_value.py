"""From the log of 100,000 customers to the value of each over a year, against peer packages.

``python -m benchmarks.log_to_value [PYTHON ...]``: interpreters that have PyMC-Marketing or clvkit.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import scale
from benchmarks.contest import Outcome, interpreter_with, measure, row

_CUSTOMERS = 100_000
_PEERS = {
    "lifetimes": "lifetimes, maximum likelihood, no intervals",
    "clvkit": "clvkit, maximum likelihood, no intervals",
    "pymc_marketing": "PyMC-Marketing, the mode alone, no intervals",
}
_PEER = Path(__file__).with_name("peers_at_work.py")


def ours(path: Path) -> tuple[float, Any]:
    """Read, check, summarise, fit with posterior, and value with 90 % intervals; imports too."""
    warnings.simplefilter("ignore")
    start = time.perf_counter()
    import clvmodels as clv

    summary = clv.read_transactions(path).summarize()
    purchases, spend = clv.BetaGeoModel().fit(summary), clv.GammaGammaModel().fit(summary)
    value = clv.CustomerValue(purchases, spend, annual_discount_rate=0.10)
    scores = value.predict(summary, horizon="1y", interval=0.9)
    return time.perf_counter() - start, {"value": float(scores["clv"].sum())}


def _peer(python: str, package: str, path: Path) -> Outcome:
    command = [python, str(_PEER), package, str(path)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Outcome(**json.loads(done.stdout.splitlines()[-1]))


def main(pythons: Sequence[str] = ()) -> str:
    """Print and return the table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.parquet"
        measure(scale.log, _CUSTOMERS, path)
        best = measure(ours, path, repeats=3)
        outcomes = {"clvmodels, posterior, 90 % intervals": best}
        for package, name in _PEERS.items():
            python = interpreter_with(package, [sys.executable, *pythons])
            if python is not None:
                found = _peer(python, package, path)
                outcomes[name.replace(",", f" {found.answer['version']},", 1)] = found
    totals = ", ".join(f"{each.answer['value']:,.0f}" for each in outcomes.values())
    table = "\n".join(
        [
            f"Log of {_CUSTOMERS:,} customers to their value over a year at 10 % a year, imports "
            "included:",
            "",
            "| package | seconds | ratio | peak MB | ratio |",
            "|---|---|---|---|---|",
            *(row(name, outcome, best) for name, outcome in outcomes.items()),
            "",
            f"Value of the base, in their order: {totals}. (Peers count a year as 12 "
            "months of 30 days, or 52 weeks.)",
        ]
    )
    print(table)
    return table


if __name__ == "__main__":
    main(sys.argv[1:])
