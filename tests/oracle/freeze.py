"""Write `discounted.json`: discounted expectations of the oracle, which take it seconds each.

Run as ``python -m tests.oracle.freeze``; a slow test computes every row again.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from tests.oracle import beta_geo
from tests.oracle.cases import EXTREME, Case, beta_geo_cases
from tests.oracle.mixing import mp

PATH = Path(__file__).with_name("discounted.json")
AHEAD = [(52.0, 0.0027), (3000.0, 1e-4), (math.inf, 0.0027), (math.inf, 1e-5), (0.5, 2.0)]
# Where mpmath's ₂F₁ takes minutes or gives up; `test_beta_geo.py` covers these undiscounted.
LEFT_OUT = {
    "a = b = r = alpha = 1",
    "large r and alpha, nearly one rate",
    "large a and b",
    "large b, nobody leaves",
}


def rows() -> list[dict[str, Any]]:
    """Give what is to be computed: named cases over all horizons, random ones over two each."""
    named = [case for name, case in EXTREME.items() if name not in LEFT_OUT]
    drawn: list[Case] = beta_geo_cases(40, seed=11)
    ahead = [(case, span) for case in named for span in AHEAD]
    ahead += [(case, AHEAD[(i + j) % 5]) for i, case in enumerate(drawn) for j in (0, 2)]
    return [
        {
            "theta": list(case.theta),
            "x": case.x,
            "age": case.age,
            "horizon": "inf" if math.isinf(horizon) else horizon,
            "discount": discount,
        }
        for case, (horizon, discount) in ahead
    ]


def value(row: dict[str, Any]) -> str:
    """Give the exact expectation of a row to 20 digits."""
    exact = beta_geo.alive_purchases(
        row["theta"], row["x"], row["age"], float(row["horizon"]), row["discount"]
    )
    return str(mp.nstr(exact, 20))


if __name__ == "__main__":
    lines = [json.dumps({**row, "value": value(row)}) for row in rows()]
    PATH.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
