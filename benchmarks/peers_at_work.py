"""Peer packages at work from a log to customer lifetime value; prints one JSON object.

It needs the package and nothing of ours, so it runs in an environment of its own:

    python benchmarks/peers_at_work.py lifetimes|clvkit|pymc_marketing LOG.parquet
"""

from __future__ import annotations

import json
import resource
import sys
import time
import warnings
from importlib.metadata import version
from typing import Any

# A year of discounting at 10 %, as each of them wants it.
_MONTHS, _WEEKS = 12, 52
_BY_MONTH, _BY_WEEK = 1.1 ** (1.0 / _MONTHS) - 1.0, 1.1 ** (1.0 / _WEEKS) - 1.0


def lifetimes(path: str) -> float:
    """Summary, both models by maximum likelihood, and value month by month."""
    import lifetimes as peer
    import pandas as pd
    from lifetimes.utils import summary_data_from_transaction_data

    frame = summary_data_from_transaction_data(
        pd.read_parquet(path), "customer_id", "date", monetary_value_col="amount"
    )
    counts = frame["frequency"], frame["recency"], frame["T"]
    purchases = peer.BetaGeoFitter().fit(*counts)
    spent = frame[frame["frequency"] > 0]
    spend = peer.GammaGammaFitter().fit(spent["frequency"], spent["monetary_value"])
    value = spend.customer_lifetime_value(
        purchases, *counts, frame["monetary_value"], time=_MONTHS, discount_rate=_BY_MONTH, freq="D"
    )
    return float(value.sum())


def clvkit(path: str) -> float:
    """Its six lines, in weeks."""
    import pandas as pd
    from clvkit import CLV, CustomerBase

    log = pd.read_parquet(path, columns=["customer_id", "date", "amount"])
    base = CustomerBase.from_transactions(
        log.assign(date=pd.to_datetime(log["date"])), time_unit="W", collapse="D"
    )
    result = CLV().fit(base).predict(horizon=_WEEKS, discount_rate=_BY_WEEK)
    return float(result.to_pandas()["clv"].sum())


def pymc_marketing(path: str) -> float:
    """Summary, the mode of both models alone, and value month by month."""
    import pandas as pd
    from pymc_marketing import clv

    frame = clv.utils.rfm_summary(pd.read_parquet(path), "customer_id", "date", "amount")
    purchases, spend = clv.BetaGeoModel(), clv.GammaGammaModel()
    purchases.fit(frame, method="map", progressbar=False)
    spend.fit(frame[frame["frequency"] > 0], method="map", progressbar=False)
    value = spend.expected_customer_lifetime_value(
        purchases, frame, future_t=_MONTHS, discount_rate=_BY_MONTH, time_unit="D"
    )
    return float(value.mean(("chain", "draw")).sum())


def main(package: str, path: str) -> None:
    """Do the work and print what it took."""
    warnings.simplefilter("ignore")
    start = time.perf_counter()
    work = {"lifetimes": lifetimes, "clvkit": clvkit, "pymc_marketing": pymc_marketing}
    value = work[package](path)
    seconds = time.perf_counter() - start
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    answer = {"value": value, "version": version(package.replace("_", "-"))}
    found: dict[str, Any] = {"seconds": seconds, "megabytes": megabytes, "answer": answer}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
