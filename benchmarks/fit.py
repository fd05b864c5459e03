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

from benchmarks.contest import Outcome, measure, row, timed

_AT_ONCE = 20_000
# Parameters in days, and what lifetimes calls the model.
TRUTHS: dict[str, tuple[float, ...]] = {
    "bgnbd": (0.25, 30.0, 0.8, 2.5),
    "mbgnbd": (0.5, 40.0, 0.8, 2.5),
    "nbd": (0.4, 80.0),
    "pareto_nbd": (0.5, 70.0, 0.6, 80.0),
}
PEERS = {
    "bgnbd": "BetaGeoFitter",
    "mbgnbd": "ModifiedBetaGeoFitter",
    "pareto_nbd": "ParetoNBDFitter",
}


def customers(name: str, count: int, path: Path) -> tuple[float, None]:
    """Save customers simulated in whole days over two years."""
    from clvmodels.models import PURCHASE_MODELS

    kernel, theta = PURCHASE_MODELS[name].kernel, np.array(TRUTHS[name])
    rng = np.random.default_rng(0)
    parts = []
    for start in range(0, count, _AT_ONCE):
        some = min(_AT_ONCE, count - start)
        zeros, now = np.zeros(some, dtype=np.int64), np.zeros(some)
        age = rng.integers(30, 730, some).astype(np.float64)
        times = np.ceil(kernel.simulate_alive(theta, zeros, now, 730.0, rng))
        stays = kernel.probability_alive(theta, zeros, now, now)
        times[(times > age[:, None]) | (rng.random(some) >= stays)[:, None]] = 0.0
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


def ours(name: str, path: Path) -> tuple[float, Any]:
    """Fit with clvmodels."""
    from clvmodels.models import PURCHASE_MODELS

    frame = _frame(path)
    model = PURCHASE_MODELS[name]()
    seconds, fitted = timed(lambda: model.fit(frame, time_unit="day", method="mle"))
    return seconds, fitted.params_


def lifetimes(name: str, path: Path) -> tuple[float, Any]:
    """Fit with lifetimes."""
    warnings.simplefilter("ignore")
    import lifetimes as peer

    frame = _frame(path)
    fitter = getattr(peer, PEERS[name])()
    seconds, _ = timed(lambda: fitter.fit(frame["frequency"], frame["recency"], frame["T"]))
    return seconds, {parameter: float(value) for parameter, value in fitter.params_.items()}


def apart(one: Outcome, other: Outcome) -> float:
    """Largest relative difference between the parameters that two contenders found."""
    return max(abs(one.answer[name] / other.answer[name] - 1.0) for name in one.answer)


def main(count: int = 1_000_000) -> str:
    """Print and return the table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "customers.npz"
        measure(customers, "bgnbd", count, path)
        best, peer = measure(ours, "bgnbd", path, repeats=3), measure(lifetimes, "bgnbd", path)
    table = "\n".join(
        [
            f"BG/NBD fit of {count:,} customers by maximum likelihood:",
            "",
            "| package | seconds | ratio | peak MB | ratio |",
            "|---|---|---|---|---|",
            row("clvmodels", best, best),
            row("lifetimes", peer, best),
            "",
            f"Parameters agree to {apart(best, peer):.1e}.",
        ]
    )
    print(table)
    return table


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
