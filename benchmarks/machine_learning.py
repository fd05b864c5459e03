"""BG/NBD against gradient boosting on recency, frequency and money, on CDNOW.

``python -m benchmarks.machine_learning``

The competitor is given what a careful data scientist would give it: features as of an earlier
origin, the next window's purchases as its target, a Poisson loss, and a prediction as of the
origin that the models start from. Nobody sees anything later.
"""

from __future__ import annotations

import time
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

_WINDOW = 91
_ORIGINS = (date(1997, 9, 30), date(1997, 12, 30), date(1998, 3, 31))
Numbers = NDArray[np.float64]


def _features(log: Any, origin: date) -> tuple[Any, Numbers]:
    """Customers as of the origin, and eight features of each."""
    customers = log.before(origin).summarize(time_unit="day")
    frame = customers.to_pandas()
    x, t_x, age = (frame[name].to_numpy(dtype=float) for name in ("frequency", "recency", "T"))
    value = frame["order_value"].to_numpy(dtype=float)
    features = [x, t_x, age, age - t_x, (age - t_x) / np.maximum(t_x / np.maximum(x, 1), 1.0)]
    features += [value, (x + 1.0) / np.maximum(age, 30.0), value * (x + 1.0)]
    return customers, np.column_stack(features)


def _bought(log: Any, origin: date, customers: Any) -> Numbers:
    """Purchases of the customers in the window after the origin."""
    held = log.holdout(origin, origin + timedelta(days=_WINDOW)).to_pandas()
    by_customer = held.set_index("customer_id")["holdout_purchases"]
    ids = customers.to_pandas()["customer_id"]
    found: Numbers = by_customer.reindex(ids).fillna(0).to_numpy(dtype=float)
    return found


def boosting(log: Any, origin: date, seen: Numbers) -> Numbers:
    """Purchases that gradient boosting expects after the origin."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    earlier = origin - timedelta(days=_WINDOW)
    customers, features = _features(log, earlier)
    learner = HistGradientBoostingRegressor(
        loss="poisson", learning_rate=0.05, max_iter=300, early_stopping=True, random_state=0
    )
    learner.fit(features, _bought(log, earlier, customers))
    expected: Numbers = learner.predict(seen)
    return expected


def main() -> str:
    """Print and return the table."""
    from scipy.stats import rankdata

    import clvmodels as clv

    log = clv.load_cdnow()
    lines = [
        "Purchases of CDNOW's customers in the 13 weeks after three origins; all methods see the "
        "same past.",
        "",
        "| origin | method | total, off by | mean absolute error | root mean square error "
        "| rank correlation | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for origin in _ORIGINS:
        customers, seen = _features(log, origin)
        actual = _bought(log, origin, customers)
        told = {}
        start = time.perf_counter()
        told["gradient boosting"] = boosting(log, origin, seen), time.perf_counter() - start
        start = time.perf_counter()
        model = clv.BetaGeoModel().fit(customers)
        expected = model.expected_purchases(customers, f"{_WINDOW}d").to_numpy()
        told["BG/NBD"] = expected, time.perf_counter() - start
        for name, (forecast, seconds) in told.items():
            miss = forecast - actual
            ranks = [rankdata(values) for values in (forecast, actual)]
            lines.append(
                f"| {origin} | {name} | {forecast.sum() / actual.sum() - 1.0:+.1%} "
                f"| {np.abs(miss).mean():.4f} | {np.sqrt((miss**2).mean()):.4f} "
                f"| {np.corrcoef(*ranks)[0, 1]:.3f} | {seconds:.2f} |"
            )
    table = "\n".join(lines)
    print(table)
    return table


if __name__ == "__main__":
    main()
