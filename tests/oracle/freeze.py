"""Write `discounted.json` and `counts.json`: what takes the oracle long.

Run as ``python -m tests.oracle.freeze``; slow tests compute every row again.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from tests.oracle.cases import Case, random_cases
from tests.oracle.mixing import mp
from tests.oracle.subjects import SUBJECTS, Subject

DISCOUNTED = Path(__file__).with_name("discounted.json")
COUNTS = Path(__file__).with_name("counts.json")
AHEAD = [(52.0, 0.0027), (3000.0, 1e-4), (math.inf, 0.0027), (math.inf, 1e-5), (0.5, 2.0)]
# Where mpmath's ₂F₁ takes minutes or gives up; undiscounted they are compared all the same.
LEFT_OUT = {
    "a = b = r = alpha = 1",
    "large r and alpha, nearly one rate",
    "large a and b",
    "large b, nobody leaves",
}
HORIZONS = [1e-3, 39.0, 3000.0]
COUNTED = [0, 1, 2, 5, 20, 200]


def _named(subject: Subject) -> list[Case]:
    return [case for name, case in subject.extreme.items() if name not in LEFT_OUT]


def discounted_rows() -> list[dict[str, Any]]:
    """Give what is to be computed: named cases over all horizons, random ones over two each."""
    ahead = []
    for name, drawn in (("bgnbd", 40), ("mbgnbd", 10)):
        subject = SUBJECTS[name]
        spans = AHEAD if name == "bgnbd" else AHEAD[:3]
        ahead += [(name, case, span) for case in _named(subject) for span in spans]
        ahead += [
            (name, case, AHEAD[(i + j) % 5])
            for i, case in enumerate(random_cases(subject.within, drawn, seed=11))
            for j in (0, 2)
        ]
    return [
        {
            "model": name,
            "theta": list(case.theta),
            "x": case.x,
            "age": case.age,
            "horizon": "inf" if math.isinf(horizon) else horizon,
            "discount": discount,
        }
        for name, case, (horizon, discount) in ahead
    ]


def count_rows() -> list[dict[str, Any]]:
    """Give the counts of Pareto/NBD to be computed, each named or random case with three."""
    subject = SUBJECTS["pareto_nbd"]
    cases = [*subject.extreme.values(), *random_cases(subject.within, 30, seed=12)]
    return [
        {
            "model": subject.name,
            "theta": list(case.theta),
            "x": case.x,
            "age": case.age,
            "horizon": HORIZONS[(i + j) % 3],
            "count": count,
        }
        for i, case in enumerate(cases)
        for j, count in enumerate(COUNTED)
        if (i + j) % 2
    ]


def discounted(row: dict[str, Any]) -> dict[str, str]:
    """Give the exact discounted expectation of a row to 20 digits."""
    exact = SUBJECTS[row["model"]].oracle.alive_purchases(
        row["theta"], row["x"], row["age"], float(row["horizon"]), row["discount"]
    )
    return {"value": str(mp.nstr(exact, 20))}


def counts(row: dict[str, Any]) -> dict[str, str]:
    """Give the exact probabilities of a row to 20 digits."""
    oracle = SUBJECTS[row["model"]].oracle
    arguments = row["theta"], row["x"], row["age"], row["horizon"], row["count"]
    return {
        "pmf": str(mp.nstr(oracle.alive_pmf(*arguments), 20)),
        "survival": str(mp.nstr(oracle.alive_survival(*arguments), 20)),
    }


def main() -> None:
    """Compute both tables."""
    for path, rows, value in (
        (DISCOUNTED, discounted_rows(), discounted),
        (COUNTS, count_rows(), counts),
    ):
        lines = [json.dumps({**row, **value(row)}) for row in rows]
        path.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
