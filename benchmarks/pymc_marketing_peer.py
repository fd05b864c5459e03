"""PyMC-Marketing at work, for the benchmarks; prints one JSON object.

It needs PyMC-Marketing and nothing of ours, so it runs in an environment of its own:

    python benchmarks/pymc_marketing_peer.py posterior CUSTOMERS.npz REPEATS
    python benchmarks/pymc_marketing_peer.py value CUSTOMERS.npz DRAWS
"""

from __future__ import annotations

import json
import resource
import sys
import time
import warnings
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd


def _customers(path: str) -> pd.DataFrame:
    with np.load(path) as data:
        return pd.DataFrame(dict(data)).assign(customer_id=lambda frame: np.arange(len(frame)))


def _clock() -> tuple[float, float]:
    """Wall-clock seconds, and processor seconds of this process and its children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return time.perf_counter(), sum(each.ru_utime + each.ru_stime for each in used)


def _fit(frame: pd.DataFrame, draws: int) -> Any:
    from pymc_marketing import clv

    model = clv.BetaGeoModel()
    options = {"nuts_sampler": "nutpie", "draws": draws, "tune": 1000, "chains": 4}
    model.fit(frame, progressbar=False, random_seed=0, **options)
    return model


def posterior(path: str, repeats: int) -> dict[str, Any]:
    """Seconds of full posteriors of BG/NBD, the cold one first, and their means."""
    frame = _customers(path)
    walls, processors = [], []
    for _ in range(repeats):
        wall, processor = _clock()
        model = _fit(frame, 1000)
        walls.append(_clock()[0] - wall)
        processors.append(_clock()[1] - processor)
    draws = model.idata.posterior
    means = {name: float(draws[name].mean()) for name in ("r", "alpha", "a", "b")}
    return {"seconds": walls, "processor_seconds": processors, "means": means}


def value(path: str, draws: int) -> dict[str, Any]:
    """Seconds of discounted value over a year, of customers times draws."""
    from pymc_marketing import clv

    frame = _customers(path)
    purchases = _fit(frame.head(2_000), draws // 4)
    spend = clv.GammaGammaModel()
    repeaters = frame[(frame["frequency"] > 0) & (frame["monetary_value"] > 0)].head(1_000)
    options = {"nuts_sampler": "nutpie", "draws": draws // 4, "tune": 500, "chains": 4}
    spend.fit(repeaters, progressbar=False, random_seed=0, **options)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, processor = _clock()
    found = spend.expected_customer_lifetime_value(
        purchases, frame, future_t=12, discount_rate=0.1 / 12, time_unit="D"
    )
    levels = found.quantile([0.05, 0.95], ("chain", "draw"))
    seconds, used = _clock()[0] - wall, _clock()[1] - processor
    return {
        "seconds": [seconds],
        "processor_seconds": [used],
        "megabytes_before": before / 1024.0,
        "value": float(found.mean(("chain", "draw")).sum()),
        "lower": float(levels[0].sum()),
    }


def main(work: str, path: str, number: str) -> None:
    """Do one piece of work and print what it took."""
    warnings.simplefilter("ignore")
    result = {"posterior": posterior, "value": value}[work](path, int(number))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    result |= {"megabytes": peak, "version": version("pymc-marketing")}
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
