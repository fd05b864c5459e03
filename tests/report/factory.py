"""A small run directory, as ``clvmodels run`` leaves it, without running anything."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from tests.report.splits import END, ORIGIN, split

if TYPE_CHECKING:
    from pathlib import Path

GATES = {
    "trusted": [("green", "Level on held-out weeks", "The total was 8% too low.", "")],
    "caution": [
        ("green", "Convergence", "The gradient is 1e-9 at the optimum.", ""),
        (
            "amber",
            "Season",
            "The log covers 18 months; no season has been seen twice.",
            "Treat figures for single months as rough.",
        ),
    ],
    "untrusted": [
        ("green", "Convergence", "The gradient is 1e-9 at the optimum.", ""),
        (
            "red",
            "Regular purchases",
            "61% of customers with three or more repeat purchases buy at even intervals.",
            "This looks like subscriptions: use a contract model.",
        ),
    ],
}


def scores_table(customers: int, *, money: bool = True, seed: int = 7) -> pa.Table:
    """Give plausible score rows: many one-time buyers and a few who buy often."""
    rng = np.random.default_rng(seed)
    frequency = rng.negative_binomial(0.35, 0.15, customers)
    age = rng.integers(460, 545, customers)
    recency = np.where(frequency > 0, (age * rng.beta(2.0, 1.2, customers)).astype(int), 0)
    alive = np.where(frequency > 0, rng.beta(3, 1.5, customers), 1.0)
    purchases = alive * (0.25 + frequency) / (300 + age) * 365.25 * 0.9
    spend = rng.gamma(4.0, 9.0, customers) + 2
    value = 0.35 * purchases * spend * 0.95
    first = np.datetime64(END) - age
    columns: dict[str, Any] = {
        "customer_id": [f"{place:05d}" for place in range(customers)],
        "first_purchase": first.astype("datetime64[D]"),
        "last_purchase": (first + recency).astype("datetime64[D]"),
        "frequency": frequency,
        "recency": recency.astype(float),
        "T": age.astype(float),
        "monetary_value": pa.array(spend, mask=frequency == 0),
        "probability_alive": alive,
        "expected_purchases": purchases,
        "purchases_lower": np.floor(purchases * 0.3),
        "purchases_upper": np.ceil(purchases * 2.2 + 1),
    }
    amounts = {
        "expected_spend": spend,
        "clv": value,
        "clv_lower": value * 0.2,
        "clv_median": value * 0.8,
        "clv_upper": value * 2.5,
        "potential_value": value / alive,
        "clv_simple_formula": 0.35 * spend * (frequency + 1) / np.maximum(age / 365.25, 1.0),
    }
    for name, column in amounts.items():
        columns[name] = column if money else pa.nulls(customers, pa.float64())
    return pa.table(columns)


def tracking(weeks: int = 78) -> list[dict[str, Any]]:
    """Give weekly repeat purchases of a cohort that arrives in twelve weeks and then thins out."""
    rng = np.random.default_rng(3)
    week = np.arange(weeks)
    expected = 90.0 * np.minimum(week / 12, 1.0) * np.exp(-np.maximum(week - 12, 0) / 90)
    actual = rng.poisson(expected * 1.08)
    ends = [(date(1997, 1, 7) + timedelta(weeks=int(place))).isoformat() for place in week]
    return [
        {
            "week_end": end,
            "actual": int(one),
            "expected": float(other),
            "cumulative_actual": int(total),
            "cumulative_expected": float(other_total),
            "lower": 0.6 * float(other) if end > ORIGIN else None,
            "upper": 1.7 * float(other) if end > ORIGIN else None,
            "cumulative_lower": 0.95 * float(other_total) if end > ORIGIN else None,
            "cumulative_upper": 1.2 * float(other_total) if end > ORIGIN else None,
        }
        for end, one, other, total, other_total in zip(
            ends, actual, expected, actual.cumsum(), expected.cumsum(), strict=True
        )
    ]


def alive_grid() -> dict[str, Any]:
    """Give P(alive) of the BG/NBD model at its CDNOW parameters, in weeks."""
    r, alpha, a, b, age = 0.2426, 4.4136, 0.7929, 2.4259, 78.0
    frequency, recency = np.arange(16), np.linspace(0, age, 40)
    x, t = np.meshgrid(frequency, recency, indexing="ij")
    odds = a / (b + x - 1) * ((alpha + age) / (alpha + t)) ** (r + x)
    probability = np.where(x > 0, 1 / (1 + odds), 1.0)
    return {
        "frequency": frequency.tolist(),
        "recency": recency.tolist(),
        "age": age,
        "probability": probability.tolist(),
    }


def backtest(*, holdout: bool = True, money: bool = True) -> dict[str, Any]:
    """Give ``backtest.json``: three overlapping looks ahead, or none."""
    labels = ["0", "1", "2", "3", "4", "5", "6", "7+"]
    splits = [split(place, tracking(), money=money) for place in range(3)]
    actual = [1411, 439, 214, 100, 62, 38, 29, 64]
    return {
        "schema": 2,
        "overlapping": holdout,
        "skipped": [],
        "splits": splits if holdout else [],
        "frequency_check": [
            {"frequency": label, "actual": here, "expected": here * (1.02 - 0.02 * place) + 3}
            for place, (label, here) in enumerate(zip(labels, actual, strict=True))
        ],
        "alive_grid": alive_grid(),
    }


def _total(expected: float, assumed: bool = True) -> dict[str, Any]:
    return {
        "expected": expected,
        "interval": 0.9,
        "lower": expected * 0.6123,
        "upper": expected * 1.5517,
        "sd_parameters": expected * 0.031,
        "sd_customers": expected * 0.012,
        "common_shock": 0.25,
        "common_shock_assumed": assumed,
        "common_shock_degrees": 4.0 if assumed else 7.0,
        "common_shock_windows": 0 if assumed else 3,
    }


def _compared(formula: float, model: float) -> dict[str, Any]:
    shares = {"averaging": 0.0, "first_order": 0.7, "pace": -0.1, "already_left": 0.4}
    causes = [
        {"cause": name, "money": share * (formula - model), "explanation": f"Because of {name}."}
        for name, share in shares.items()
    ]
    return {"formula": formula, "model": model, "difference": formula - model, "causes": causes}


def run_record(scores: pa.Table, *, money: bool, holdout: bool, verdict: str) -> dict[str, Any]:
    """Give ``run.json`` in agreement with the scores."""
    customers = scores.num_rows
    totals = {name: _sum(scores, name) for name in ("clv", "expected_purchases", "potential_value")}
    return {
        "schema": 1,
        "config": {
            "customer_id": "customer_id",
            "date": "date",
            "amount": "amount" if money else None,
            "horizon": "1y",
            "interval": 0.9,
            "margin": 0.35,
            "annual_discount_rate": 0.1,
            "cost_per_order": 0.0,
            "cost_per_customer_year": 0.0,
            "currency": "USD" if money else None,
            "model": "bgnbd",
            "method": "map",
            "holdout": "39w" if holdout else None,
        },
        "inputs": [{"name": "orders.csv", "rows": 69659, "sha256": "ab" * 32}],
        "rows": {
            "read": 69659,
            "used": 67000,
            "merged": 2068,
            "netted": 0,
            "quarantined": {"negative_amount": 500, "unreadable_date": 91},
        },
        "customers": customers,
        "repeat_customers": int((scores["frequency"].to_numpy() > 0).sum()),
        "period": {"first_purchase": "1997-01-01", "observation_end": END},
        "models": {
            "purchases": {
                "model": "bgnbd",
                "method": "map",
                "time_unit": "week",
                "parameters": {"r": 0.2425945, "alpha": 4.4136, "a": 0.79292, "b": 2.42589},
                "standard_errors": {"r": 0.01256, "alpha": 0.37822, "a": 0.18573, "b": None},
                "log_likelihood": -9582.4292,
                "diagnostics": {"converged": True, "gradient": 1.5e-9, "starts": 4},
            },
            "spend": {
                "model": "gamma_gamma",
                "method": "map",
                "time_unit": "week",
                "parameters": {"p": 6.249572, "q": 3.744225, "gamma": 15.443521},
                "standard_errors": {"p": 1.19, "q": 0.21, "gamma": 3.6},
                "log_likelihood": -4055.9177,
                "diagnostics": {"converged": True, "gradient": 2.5e-9, "starts": 4},
            }
            if money
            else None,
        },
        "totals": {
            "active": _total(_sum(scores, "probability_alive")),
            "clv": _total(totals["clv"]) if money else None,
            "purchases": _total(totals["expected_purchases"]),
            "potential_value": _total(totals["potential_value"]) if money else None,
            "simple_formula": {
                "value": 36.29 * 1.93 * 0.35 * customers,
                "value_per_customer": 36.29 * 1.93 * 0.35,
                "mean_order_value": 36.29,
                "orders_per_year": 1.93,
                "horizon_years": 1.0,
                "margin": 0.35,
                "customers": customers,
            }
            if money
            else None,
            "new_customer": {
                "expected_purchases": 1.46,
                "clv": 11.23,
                "clv_lower": 0.0,
                "clv_median": 0.0,
                "clv_upper": 83.81,
            }
            if money
            else None,
        },
        "formula_comparison": _compared(36.29 * 1.93 * 0.35 * customers, totals["clv"])
        if money
        else None,
        "holdout": {
            "origin": ORIGIN,
            "end": END,
            "days": 273,
            "customers": 2357,
            "purchases": {"actual": 1882, "model": 1653.4, "simple_formula": 4046.0},
            "spend": {"actual": 67120.25, "model": 58900.0, "simple_formula": 141000.0}
            if money
            else None,
            "mae": {"model": 0.7855, "simple_formula": 1.92},
        }
        if holdout
        else None,
        "timings": {"read": 0.4, "fit": 0.2},
        "versions": {"clvmodels": "0.1.0", "python": "3.11.9", "duckdb": "2.0.0"},
        "seed": 1,
        "trusted": verdict,
        "gates": [
            {"level": level, "name": name, "evidence": evidence, "advice": advice}
            for level, name, evidence, advice in GATES[verdict]
        ],
        "warnings": [
            {"code": "duplicates", "message": "255 rows repeat another row exactly.", "count": 255}
        ],
    }


def _sum(scores: pa.Table, name: str) -> float:
    return float(np.nansum(scores[name].to_numpy().astype(float)))


def make_run(
    folder: Path,
    *,
    customers: int = 1000,
    money: bool = True,
    holdout: bool = True,
    verdict: str = "caution",
    scores: pa.Table | None = None,
    change: Any = None,
) -> Path:
    """Write a run into ``folder``; ``change(run, backtest)`` may alter the records before."""
    scores = scores_table(customers, money=money) if scores is None else scores
    run = run_record(scores, money=money, holdout=holdout, verdict=verdict)
    check = backtest(holdout=holdout, money=money)
    if change is not None:
        change(run, check)
    (folder / "scores").mkdir(parents=True)
    half = scores.num_rows // 2
    parquet.write_table(scores.slice(0, half), folder / "scores" / "part-00000.parquet")
    parquet.write_table(scores.slice(half), folder / "scores" / "part-00001.parquet")
    (folder / "run.json").write_text(json.dumps(run), "utf-8")
    (folder / "backtest.json").write_text(json.dumps(check), "utf-8")
    return folder
