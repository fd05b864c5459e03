"""Every purchase model fitted to 100,000 customers, against lifetimes, which takes minutes.

``python -m benchmarks.fit_models [customers]``
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.contest import measure, row
from benchmarks.fit import PEERS, TRUTHS, apart, customers, lifetimes, ours

_PATIENCE = 300.0


def main(count: int = 100_000) -> str:
    """Print and return the table."""
    lines = [
        f"Fit of {count:,} customers by maximum likelihood, each model to customers of its own:",
        "",
        "| fit | seconds | ratio | peak MB | ratio | parameters apart |",
        "|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for name in TRUTHS:
            path = Path(folder) / f"{name}.npz"
            measure(customers, name, count, path)
            best = measure(ours, name, path, repeats=3)
            lines.append(f"{row(f'{name}, clvmodels', best, best)} |")
            if name in PEERS:
                peer = measure(lifetimes, name, path, patience=_PATIENCE)
                far = "–" if peer.answer is None else f"{apart(best, peer):.1e}"
                lines.append(f"{row(f'{name}, lifetimes', peer, best)} {far} |")
    table = "\n".join(lines)
    print(table)
    return table


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
