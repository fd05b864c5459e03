"""The splits of a back-test, as ``backtest.json`` has them, without running anything."""

from __future__ import annotations

from typing import Any

ORIGIN = "1997-09-30"
END = "1998-06-30"
SPANS = (("1997-05-17", "1998-02-14"), ("1997-07-24", "1998-04-23"), (ORIGIN, END))
"""The last one is the hold-out of the run."""
ACTUAL = (2000, 1950, 1882)
TOTALS = {
    "bgnbd": (1700.0, 1600.0, 1653.4),
    "nbd": (2900.0, 2800.0, 2700.0),
    "simple_formula": (2400.0, 3200.0, 4046.0),
    "hiatus": (1500.0, 1450.0, 1320.0),
}
MISSES = {
    "bgnbd": (0.7855, 1.61),
    "nbd": (1.05, 1.85),
    "simple_formula": (1.92, 2.4),
    "hiatus": (0.75, 2.03),
}
LIFTS = {
    "bgnbd": [4.6, 1.8, 1.1, 0.7, 0.5, 0.4, 0.3, 0.3, 0.2, 0.1],
    "simple_formula": [4.3, 1.9, 1.2, 0.8, 0.5, 0.4, 0.3, 0.3, 0.2, 0.1],
    "perfect": [6.4, 2.6, 1.0, 0, 0, 0, 0, 0, 0, 0],
}
LABELS = ("0", "1", "2", "3", "4", "5", "6", "7+")
RATES = (0.24, 0.7, 1.4, 1.6, 2.6, 3.1, 3.9, 7.2)
SIZES = tuple(1411 // (place + 1) ** 2 for place in range(8))


def deciles(name: str) -> list[dict[str, Any]]:
    """Give the deciles of a method, or of the perfect order."""
    lifts = LIFTS.get(name, LIFTS["bgnbd"])
    return [
        {"decile": place + 1, "customers": 235.7, "lift": lift, "actual": lift * 0.8}
        for place, lift in enumerate(lifts)
    ]


def split(
    place: int, tracking: list[dict[str, Any]], *, money: bool = True, bought: bool = True
) -> dict[str, Any]:
    """Give the split of one of `SPANS`; in one without purchases nobody bought anything."""
    perfect = deciles("perfect")
    found = {
        "origin": SPANS[place][0],
        "end": SPANS[place][1],
        "days": 273,
        "customers": 2357,
        "actual": {
            "purchases": ACTUAL[place] if bought else 0,
            "spend": 67120.25 if money else None,
        },
        "newcomers": {"customers": 120, "purchases": 150, "spend": 4000.0 if money else None},
        "model": "bgnbd",
        "methods": {name: _method(name, place, money=money, bought=bought) for name in TOTALS},
        "differences": [
            _difference("nbd", 0.4, 0.6),
            _difference("simple_formula", 0.8, 0.2),
            _difference("hiatus", 0.5, 0.4),
        ],
        "breakdowns": {
            "cohort": [
                _group("1997Q1", 2000, 1500.0, 1250.0),
                _group("1997Q2", 357, 382.0, 403.4),
            ],
            "frequency": [
                _group(label, size, rate * size, rate * size * 0.9)
                for label, rate, size in zip(LABELS, RATES, SIZES, strict=True)
            ],
        },
        "by_frequency": [
            {
                "frequency": label,
                "customers": size,
                "actual": rate,
                "model": rate * 0.9,
                "simple_formula": rate + 1.1,
            }
            for label, rate, size in zip(LABELS, RATES, SIZES, strict=True)
        ],
        "tracking": tracking,
        "perfect_deciles": perfect,
        "perfect_spend_deciles": perfect if money else [],
    }
    if not bought:
        for name in ("perfect_deciles", "perfect_spend_deciles"):
            found[name] = [{**row, "lift": None} for row in found[name]]
    return found


def _method(name: str, place: int, *, money: bool, bought: bool) -> dict[str, Any]:
    total, (mae, rmse) = TOTALS[name][place], MISSES[name]
    ranked = [{**row, "lift": row["lift"] if bought else None} for row in deciles(name)]
    coverage = [
        {"level": 0.5, "covered": 0.78, "attainable": 0.77},
        {"level": 0.9, "covered": 0.93, "attainable": 0.96},
    ]
    counts = {"pit_histogram": [0.05] * 18 + [0.025, 0.075], "coverage": coverage}
    return {
        "purchases": total,
        "spend": total * 35 if money else None,
        "mae": mae,
        "rmse": rmse,
        "bias": total / ACTUAL[place] - 1 if bought else None,
        "gini": 0.66 if bought else None,
        "deciles": ranked,
        "spend_deciles": ranked if money else [],
        "counts": counts if name in {"bgnbd", "nbd"} else None,
        "spends": {"coverage": coverage} if money and name in {"bgnbd", "nbd"} else None,
    }


def _difference(method: str, difference: float, half: float) -> dict[str, Any]:
    return {
        "measure": "squared_error",
        "method": method,
        "against": "bgnbd",
        "difference": difference,
        "lower": difference - half,
        "upper": difference + half,
        "interval": 0.9,
        "better": 0.0,
    }


def _group(name: str, customers: int, actual: float, model: float) -> dict[str, Any]:
    totals = {"bgnbd": model, "nbd": 1.4 * model, "simple_formula": 2 * actual, "hiatus": 0.0}
    return {
        "group": name,
        "customers": customers,
        "purchases": actual,
        "spend": actual * 35,
        "methods": {method: {"purchases": total} for method, total in totals.items()},
    }
