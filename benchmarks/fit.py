"""BG/NBD fit of a million customers, from a data frame to parameters, against lifetimes.

``python -m benchmarks.fit [customers]``
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.contest import measure, row, timed

_AT_ONCE = 20_000
TRUTH = {"r": 0.25, "alpha": 30.0, "a": 0.8, "b": 2.5}


def customers(count: int, path: Path) -> tuple[float, None]:
    """Save customers simulated in whole days over two years."""
    from clvmodels.kernels.beta_geo import BetaGeo

    rng = np.random.default_rng(0)
    theta = np.array(list(TRUTH.values()))
    parts = []
    for start in range(0, count, _AT_ONCE):
        some = min(_AT_ONCE, count - start)
        zeros = np.zeros(some, dtype=np.int64)
        age = rng.integers(30, 730, some).astype(np.float64)
        times = np.ceil(BetaGeo().simulate_alive(theta, zeros, np.zeros(some), 730.0, rng))
        times[times > age[:, None]] = 0.0
        # Two purchases on one day are one, as everywhere in these models.
        again = np.diff(np.sort(times, axis=1), axis=1, prepend=0.0) > 0.0
        parts.append((again.sum(axis=1), times.max(axis=1), age))
    frequency, recency, age = (np.concatenate(column) for column in zip(*parts, strict=True))
    np.savez(path, frequency=frequency, recency=recency, T=age)
    return 0.0, None


def _frame(path: Path) -> Any:
    import pandas as pd

    with np.load(path) as data:
        return pd.DataFrame(dict(data))


def ours(path: Path) -> tuple[float, Any]:
    """Fit with clvmodels."""
    import clvmodels as clv

    frame = _frame(path)
    seconds, model = timed(lambda: clv.BetaGeoModel().fit(frame, time_unit="day", method="mle"))
    return seconds, model.params_


def lifetimes(path: Path) -> tuple[float, Any]:
    """Fit with lifetimes."""
    warnings.simplefilter("ignore")
    from lifetimes import BetaGeoFitter

    frame = _frame(path)
    fitter = BetaGeoFitter()
    seconds, _ = timed(lambda: fitter.fit(frame["frequency"], frame["recency"], frame["T"]))
    return seconds, {name: float(value) for name, value in fitter.params_.items()}


def main(count: int = 1_000_000) -> str:
    """Print and return the table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "customers.npz"
        measure(customers, count, path)
        best, peer = measure(ours, path, repeats=3), measure(lifetimes, path)
    apart = max(abs(best.answer[name] / peer.answer[name] - 1.0) for name in TRUTH)
    table = "\n".join(
        [
            f"BG/NBD fit of {count:,} customers by maximum likelihood:",
            "",
            "| package | seconds | ratio | peak MB | ratio |",
            "|---|---|---|---|---|",
            row("clvmodels", best, best),
            row("lifetimes", peer, best),
            "",
            f"Parameters agree to {apart:.1e}.",
        ]
    )
    print(table)
    return table


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
