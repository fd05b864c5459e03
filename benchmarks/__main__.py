"""Run every benchmark and write the tables to ``benchmarks/README.md``.

``python -m benchmarks [PYTHON ...]``: interpreters that have PyMC-Marketing with nutpie, or clvkit.
"""

from __future__ import annotations

import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from benchmarks import (
    fit,
    fit_models,
    log_to_summary,
    log_to_value,
    machine_learning,
    posterior,
    scale,
    start,
)
from benchmarks.contest import interpreter_with

_PACKAGES = ("clvmodels", "numpy", "scipy", "duckdb", "pyarrow", "lifetimes")


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def main(*pythons: str) -> None:
    """Measure everything once and replace the page."""
    peer = interpreter_with("pymc_marketing", pythons)
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=True
    ).stdout.strip()
    page = [
        "# Benchmarks",
        "",
        "Written by `make bench`. Each table was measured in one run on one machine: compare the "
        "ratios, not the seconds. Every contender has a process of its own.",
        "",
        f"Processor: {_processor()}. Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
        + f". Commit {commit}.",
    ]
    for title, benchmark in (
        ("Log to summary", log_to_summary.main),
        ("Fit", fit.main),
        ("Fit of each model", fit_models.main),
        ("Posterior and value", lambda: posterior.main(peer)),
        ("Log to value", lambda: log_to_value.main(pythons)),
        ("Millions of customers", scale.main),
        ("Machine learning", machine_learning.main),
        ("Start-up and the demo", start.main),
    ):
        page += ["", f"## {title}", "", benchmark()]
    Path(__file__).with_name("README.md").write_text("\n".join(page) + "\n", "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
