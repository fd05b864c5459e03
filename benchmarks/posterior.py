"""Full posteriors and values with intervals, against PyMC-Marketing with nutpie.

``python -m benchmarks.posterior [PYTHON]``: PYTHON is the interpreter of an environment that has
PyMC-Marketing and nutpie (its current release needs Python 3.12); without it only our side runs.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.contest import Outcome, measure, timed
from benchmarks.fit import customers

_PEER = Path(__file__).with_name("pymc_marketing_peer.py")
# PyMC-Marketing holds customers times draws in memory, so it values fewer of them.
_VALUED, _VALUED_BY_PEER, _PEER_DRAWS = 100_000, 10_000, 4_000
# Seconds that a peer may take for one piece of work.
_PATIENCE = 300.0


def cdnow(path: Path) -> tuple[float, None]:
    """Save CDNOW's sample of 2,357 customers to 1997-09-30, in weeks."""
    import clvmodels as clv

    frame = clv.load_cdnow("sample").summarize("1997-09-30", "week").to_pandas()
    names = ["frequency", "recency", "T"]
    np.savez(path, **{name: frame[name].to_numpy() for name in names})
    return 0.0, None


def with_spend(path: Path, target: Path, count: int) -> tuple[float, None]:
    """Save the first customers of a file with the mean of Gamma-Gamma purchases beside them."""
    with np.load(path) as data:
        columns = {name: data[name][:count] for name in data.files}
    rng = np.random.default_rng(1)
    orders = np.maximum(columns["frequency"], 1)
    rate = rng.gamma(3.74, size=count) / 15.44
    mean = rng.gamma(6.25 * orders) / rate / orders
    columns["monetary_value"] = np.where(columns["frequency"] > 0, mean, 0.0)
    np.savez(target, **columns)
    return 0.0, None


def our_posterior(path: Path, unit: str, repeats: int) -> tuple[float, Any]:
    """Laplace with importance sampling: seconds of the fastest, and what the draws say."""
    import clvmodels as clv
    from clvmodels.transactions.columns import CustomerColumns

    with np.load(path) as data:
        x, t_x, age = (data[name] for name in ("frequency", "recency", "T"))
    nothing = np.full(len(x), np.nan)
    columns = CustomerColumns(x.astype(np.int64), t_x, age, nothing, unit)
    taken = []
    for _ in range(repeats):
        seconds, model = timed(lambda: clv.BetaGeoModel().fit(columns, method="laplace"))
        taken.append(seconds)
    found = model.diagnostics_
    return min(taken), {
        "cold": taken[0],
        "means": model.posterior_.mean().to_dict(),
        "effective": found["effective_sample_size"],
        "pareto_k": found["pareto_k"],
    }


def our_value(path: Path) -> tuple[float, Any]:
    """Discounted value over a year with its interval, fits not counted."""
    import pandas as pd

    import clvmodels as clv

    with np.load(path) as data:
        frame = pd.DataFrame(dict(data))
    purchases = clv.BetaGeoModel().fit(frame, time_unit="day")
    spend = clv.GammaGammaModel().fit(frame, time_unit="day")
    value = clv.CustomerValue(purchases, spend, annual_discount_rate=0.10)
    seconds, scores = timed(lambda: value.predict(frame, horizon="1y"))
    return seconds, float(scores["clv"].sum())


def peer(python: str, work: str, path: Path, number: int) -> dict[str, Any]:
    """What PyMC-Marketing took, in its own environment; it is stopped after a while."""
    command = [python, str(_PEER), work, str(path), str(number)]
    try:
        done = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True, timeout=_PATIENCE
        )
    except subprocess.TimeoutExpired:
        return {"seconds": [_PATIENCE], "megabytes": math.nan, "unfinished": True}
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def _line(what: str, ours: Outcome, theirs: dict[str, Any] | None, scaled: float = 1.0) -> str:
    line = f"| {what} | {ours.seconds:.2f} | {ours.megabytes:,.0f} |"
    if theirs is None:
        return f"{line} – | – | – |"
    wall = min(theirs["seconds"]) * scaled
    ratio, megabytes = wall / ours.seconds, theirs["megabytes"]
    if theirs.get("unfinished"):
        return f"{line} over {wall:.0f}, stopped | – | over {ratio:,.0f} |"
    return f"{line} {wall:.1f} | {megabytes:,.0f} | {ratio:,.0f} |"


def main(python: str | None = None) -> str:
    """Print and return the table."""
    lines: list[str] = []

    def tell(line: str) -> None:
        # The peer takes many minutes; what is known should not wait for it.
        print(line, flush=True)
        lines.append(line)

    tell("BG/NBD; 4,000 draws; seconds are the best of the repeats.")
    tell("")
    tell("| work | seconds | peak MB | PyMC-Marketing, seconds | peak MB | ratio of seconds |")
    tell("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small, large, huge = (folder / f"{size}.npz" for size in ("small", "large", "huge"))
        measure(cdnow, small)
        ours = measure(our_posterior, small, "week", 5)
        theirs = peer(python, "posterior", small, 2) if python else None
        tell(_line("posterior, CDNOW (2,357 customers)", ours, theirs))
        note = (
            f"On CDNOW the draws are worth {ours.answer['effective']:,.0f} (k-hat "
            f"{ours.answer['pareto_k']:.2f}); the first fit of a process takes "
            f"{ours.answer['cold']:.2f} s"
        )
        if theirs:
            note += f", {max(theirs['seconds']):.1f} s with PyMC-Marketing {theirs['version']}"
        measure(customers, "bgnbd", _VALUED, large)
        ours = measure(our_posterior, large, "day", 3)
        theirs = peer(python, "posterior", large, 1) if python else None
        tell(_line("posterior, 100,000 customers", ours, theirs))
        measure(customers, "bgnbd", 10_000_000, huge)
        tell(_line("posterior, 10 million customers", measure(our_posterior, huge, "day", 1), None))
        valued, fewer = folder / "valued.npz", folder / "fewer.npz"
        measure(with_spend, large, valued, _VALUED)
        measure(with_spend, large, fewer, _VALUED_BY_PEER)
        ours = measure(our_value, valued)
        theirs = peer(python, "value", fewer, _PEER_DRAWS) if python else None
        what = f"value with interval, {_VALUED:,} customers (peer: {_VALUED_BY_PEER:,}, scaled)"
        tell(_line(what, ours, theirs, _VALUED / _VALUED_BY_PEER))
    tell("")
    tell(f"{note}.")
    return "\n".join(lines)


if __name__ == "__main__":
    main(*sys.argv[1:])
