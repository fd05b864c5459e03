"""What other rooms write into ``run.json`` about segments and the time ahead, by their schemas."""

from __future__ import annotations

from typing import Any

from tests.report.splits import END, ORIGIN

KINDS = {
    "new": ("New", 0.04, 0.05, 0.97),
    "promising": ("Promising", 0.08, 0.09, 0.9),
    "champions": ("Champions", 0.06, 0.41, 0.95),
    "loyal": ("Loyal", 0.12, 0.22, 0.88),
    "at_risk": ("At risk, high value", 0.03, 0.08, 0.41),
    "fading": ("Fading", 0.12, 0.06, 0.33),
    "one_time": ("One-time", 0.45, 0.08, 0.72),
    "lapsed": ("Lapsed", 0.10, 0.01, 0.04),
}


def estimate(expected: float, low: float = 0.62, high: float = 1.55) -> dict[str, float]:
    """Give an expectation with bounds at these shares of it."""
    return {"expected": expected, "lower": low * expected, "upper": high * expected}


def _total(expected: float) -> dict[str, float]:
    deviations = {"sd_parameters": 0.03 * expected, "sd_customers": 0.02 * expected}
    return estimate(expected, 0.9, 1.12) | deviations


def segments(customers: int, value: float | None, *, evidence: bool = True) -> dict[str, Any]:
    """Give eight segments of a base worth ``value``; without money its totals are None."""
    rows = []
    for kind, (name, share, of_value, alive) in KINDS.items():
        here = round(share * customers)
        worth = None if value is None else of_value * value
        rows.append(
            {
                "kind": kind,
                "name": name,
                "definition": "Bought again, probably active, among the most valuable",
                "claim": "active today, and worth at least the limit within the horizon",
                "action": "Thank them, ask for referrals and keep discounts away",
                "customers": here,
                "customers_share": share,
                "active": _total(alive * here),
                "purchases": _total(1.4 * here * alive),
                "clv": None if worth is None else _total(worth),
                "clv_share": None if worth is None else of_value,
                "potential_value": None if worth is None else _total(worth / alive),
                "value_at_risk": None if worth is None else worth / alive - worth,
                "probability_alive": alive,
                "orders_per_customer": 1.4 * alive,
                "clv_per_customer": None if worth is None or not here else worth / here,
                "mean_order": None if worth is None else 37.5,
                "mean_age_days": 498.0,
            }
        )
    total = {name: None for name in rows[0] if name not in {"kind", "name", "claim", "action"}}
    total |= {
        "customers": customers,
        "customers_share": 1.0,
        "purchases": _total(1.1 * customers),
        "clv": None if value is None else _total(value),
        "clv_share": None if value is None else 1.0,
        "potential_value": None if value is None else _total(1.4 * value),
        "value_at_risk": None if value is None else 0.4 * value,
        "probability_alive": 0.72,
        "orders_per_customer": 1.1,
        "clv_per_customer": None if value is None else value / customers,
    }
    return {
        "horizon": "1y",
        "interval": 0.9,
        "limits": {"tier": "clv", "top": 31.2, "top_share": 0.2, "active_from": 0.5},
        "rows": rows,
        "total": total,
        "stability": {
            "customers": 20000,
            "rows": [
                {
                    "against": "seed",
                    "name": "posterior drawn with another seed",
                    "compared": 20000,
                    "changed": 0.0123,
                    "customers_share_of_value_moved": 0.012,
                },
                {
                    "against": "model",
                    "name": "Pareto/NBD",
                    "compared": 20000,
                    "changed": 0.0871,
                    "customers_share_of_value_moved": None,
                },
            ],
            "moved": {"days": 30, "compared": 18000, "changed": 0.11, "matrix": [[1]]},
        },
        "evidence": _segment_evidence() if evidence else None,
    }


def _segment_evidence() -> dict[str, Any]:
    names = (
        ("segments", "these segments", 0.61),
        ("score", "the score", 0.63),
        ("rfm", "RFM quintiles", 0.55),
        ("perfect", "perfect foresight", 0.9),
    )
    return {
        "origin": ORIGIN,
        "end": END,
        "customers": 2357,
        "interval": 0.9,
        "measure": "spend",
        "rows": [
            {
                "kind": kind,
                "name": name,
                "customers": round(share * 2357),
                "predicted": 20.0 * alive,
                "actual": 21.5 * alive,
                "actual_lower": 18.0 * alive,
                "actual_upper": 25.0 * alive,
                "probability_alive": alive,
                "predicted_bought": 0.6 * alive,
                "bought": 0.57 * alive,
                "bought_lower": 0.5 * alive,
                "bought_upper": 0.62 * alive,
            }
            for kind, (name, share, _, alive) in KINDS.items()
        ],
        "order": {
            "pairs": 28,
            "in_order": 26,
            "clearly_out_of_order": 0,
            "rank_correlation": 0.97,
        },
        "lift": [
            {"method": method, "name": name, "top": 0.2, "capture": share, "lift": 5 * share}
            for method, name, share in names
        ],
        "against_rfm": {"difference": 0.06, "lower": 0.01, "upper": 0.1, "better": "segments"},
        "claims": [{"kind": "champions", "claimed": 0.62, "seen": 0.6, "customers": 190}],
    }


def forward(customers: int, *, money: bool = True) -> dict[str, Any]:
    """Give the next 3, 6 and 12 months."""
    ends = {3: "1998-09-29", 6: "1998-12-29", 12: "1999-06-30"}
    spans = [
        {
            "label": f"{months} months",
            "months": months,
            "days": 30.4375 * months,
            "end": end,
            "purchases": estimate(0.09 * months * customers),
            "revenue": estimate(3.3 * months * customers) if money else None,
            "margin": estimate(1.1 * months * customers) if money else None,
            "active_at_end": estimate((0.79 - 0.015 * months) * customers, 0.98, 1.02),
        }
        for months, end in ends.items()
    ]
    return {
        "observation_end": END,
        "interval": 0.9,
        "customers": customers,
        "shock": {"purchases_sd": 0.2, "value_sd": 0.2, "assumed": True, "windows": 0},
        "active_today": estimate(0.79 * customers, 0.99, 1.01),
        "spans": spans,
        "new_customer": estimate(11.23) if money else None,
        "new_customers": {
            "quantity": "revenue" if money else "purchases",
            "last_year": {
                "start": "1997-07-01",
                "end": END,
                "total": 81200.0 if money else 3100.0,
                "of_new_customers": 12300.0 if money else 410.0,
            },
            "existing": spans[-1]["revenue" if money else "purchases"],
            "gap": estimate(41600.0 if money else 1900.0),
            "share": {"expected": 0.512, "lower": 0.244, "upper": 0.698},
            "statement": "To repeat last year's revenue, 51.2% would have to be new.",
        },
        "new_customers_reason": None,
    }


PAYBACK = {
    "status": "expected",
    "months": 4.23,
    "earliest_months": 3.61,
    "latest_months": 5.94,
    "horizon_months": 24.0,
    "sentence": "Paid back after about 4.23 months (between 3.61 and 5.94).",
}


def cohorts(*, money: bool = True, cac: bool = True, rows: int = 5) -> dict[str, Any]:
    """Give quarterly cohorts; the last one is young."""
    found = []
    for place in range(rows):
        seen, size = rows - place, 620 - 70 * place
        first, rate = 35.1 + place, 11.0 - 1.3 * place
        curve, heat, total = [], [], first
        statuses = ["observed"] * (seen - 1) + ["partly"] + ["forecast"] * 4
        curve.append(
            {"months": 0, "value": first, "lower": None, "upper": None, "status": "observed"}
        )
        for period, status in enumerate(statuses, 1):
            gain = rate * 0.85**period
            total += gain
            wide = 0.0 if status == "observed" else 0.05 * (period - seen + 1)
            curve.append(
                {
                    "months": 3 * period,
                    "value": total,
                    "lower": total * (1 - wide) if wide else None,
                    "upper": total * (1 + wide) if wide else None,
                    "status": status,
                }
            )
            heat.append(
                {
                    "period": period,
                    "from_months": 3 * period - 3,
                    "to_months": 3 * period,
                    "value": gain,
                    "status": status,
                }
            )
        quarter = f"{1997 + place // 4} Q{place % 4 + 1}"
        found.append(
            {
                "cohort": quarter,
                "start": "1997-01-01",
                "end": "1997-03-31",
                "customers": size,
                "active_share": 0.41 + 0.08 * place,
                "bought_last_year_share": None,
                "to_date": curve[seen]["value"],
                "to_year_ahead": estimate(total, 0.9, 1.1),
                "first": first,
                "curve": curve,
                "heat": heat,
                "cac": 20.0 if cac else None,
                "payback": PAYBACK if cac else None,
            }
        )
    return {
        "by": "quarter",
        "quantity": "revenue" if money else "purchases",
        "observation_end": END,
        "interval": 0.9,
        "period_months": 3,
        "periods": rows + 4,
        "cac": cac,
        "rows": found,
    }


def payback() -> dict[str, Any]:
    """Give the payback of new customers and of two channels of today's."""
    late = PAYBACK | {"status": "not_within_horizon", "months": None, "sentence": "Not in sight."}
    return {
        "horizon": "2y",
        "interval": 0.9,
        "discount": 0.1,
        "new_customer": [
            {
                "channel": None,
                "cac": 20.0,
                "payback": PAYBACK,
                "margin_at_horizon": estimate(41.2),
                "customers_paid_back": {"months": [3, 6], "share": [0.31, 0.4]},
            }
        ],
        "labels": {
            "label": "channel",
            "rows": [
                {"value": "web", "customers": 900, "cac": 20.0, "to_date": 31.0, "payback": late},
                {"value": "store", "customers": 80, "cac": 9.5, "to_date": 28.0}
                | {"payback": PAYBACK | {"status": "reached"}},
            ],
            "left_out": 0,
        },
    }


def sensitivity(value: float, quantity: str = "clv") -> dict[str, Any]:
    """Give a tornado around ``value``."""
    inputs = (
        ("horizon", "Horizon", "9 months", "15 months", 0.24),
        ("common_shock", "Swing common to all", "a bad year", "a good year", 0.2),
        ("margin", "Margin", "30%", "40%", 0.14),
        ("purchase_model", "Purchase model", "Pareto/NBD", "MBG/NBD", 0.06),
        ("discount_rate", "Discount rate", "15%", "5%", 0.02),
    )
    return {
        "value": value,
        "quantity": quantity,
        "entries": [
            {
                "driver": driver,
                "label": label,
                "from": "1y",
                "low": {"input": low, "value": value * (1 - size)},
                "high": {"input": high, "value": value * (1 + size)},
                "swing": 2 * size * value,
            }
            for driver, label, low, high, size in inputs
        ],
    }


def change(now: float, quantity: str = "clv") -> dict[str, Any]:
    """Give the way from the last run to a value of ``now``."""
    shares = {"data": 0.0, "behaviour": -0.12, "new_customers": 0.05, "model": -0.01, "terms": 0.0}
    labels = {name: name.replace("_", " ").capitalize() for name in shares}
    before = now / (1 + sum(shares.values()))
    return {
        "status": "compared",
        "reason": None,
        "previous": {
            "run": "march",
            "observation_end": "1998-03-31",
            "trusted": "caution",
            "customers": 980,
            "model": "bgnbd",
            "horizon": "1y",
        },
        "quantity": quantity,
        "before": before,
        "now": now,
        "difference": now - before,
        "parts": [
            {
                "part": name,
                "label": labels[name],
                "money": share * before,
                "sentence": f"This is because of {name}.",
            }
            for name, share in shares.items()
        ],
        "customers": {"before": 980, "gone": 0, "late": 0, "new": 20, "now": 1000},
        "notes": ["The last run called for caution."],
        "moves": {
            "segments": [name for name, *_ in KINDS.values()],
            "rows": [
                {
                    "from": "Champions",
                    "to": "At risk, high value",
                    "customers": 12,
                    "value_before": 910.0,
                    "value_now": 400.0,
                },
                {
                    "from": None,
                    "to": "New",
                    "customers": 20,
                    "value_before": 0.0,
                    "value_now": 220.0,
                },
                {
                    "from": "Loyal",
                    "to": "Loyal",
                    "customers": 800,
                    "value_before": 5000.0,
                    "value_now": 5100.0,
                },
            ],
            "stayed": 0.871,
            "left_out": 0,
        },
    }


def last_forecast(*, money: bool = True, inside: bool = True) -> dict[str, Any]:
    """Give how the last report's forecast came out."""
    figures = {
        "forecast": estimate(3800.0, 0.8, 1.25),
        "actual": 4100 if inside else 5600,
        "inside": inside,
        "off": (4100 if inside else 5600) / 3800.0 - 1,
    }
    return {
        "status": "checked",
        "reason": None,
        "run": "march",
        "from": "1998-03-31",
        "to": END,
        "days": 91,
        "customers": 980,
        "interval": 0.9,
        "purchases": figures,
        "revenue": figures if money else None,
        "trusted": "caution",
        "sentence": "The last report forecast 3,800 purchases to 30 June 1998; 4,100 were made.",
    }


def scenarios() -> dict[str, Any]:
    """Give two scenarios that somebody entered: one gain, one loss."""
    base = {"low": 900.0, "likely": 2100.0, "high": 5200.0, "lower": 1010.0, "upper": 4400.0}
    referral = {"low": 0.1, "likely": 0.2, "high": 0.4, "source": "survey 2025"}
    leave = {"low": 0.3, "likely": 0.6, "high": 0.7, "source": None}
    word_of_mouth = "Referrals and word of mouth"
    return {
        "horizon": "1y",
        "currency": "USD",
        "interval": 0.9,
        "note": "Scenarios rest on what was entered, not on the log. They stand beside the value "
        "of purchases and are never part of it.",
        "new_customer": {"low": 20.1, "likely": 25.0, "high": 31.0},
        "items": [
            {
                "name": name,
                "title": title,
                "direction": direction,
                "inputs": [{"name": "share", "label": label, "unit": unit, **entered}],
                "formula": "customers × share × value",
                "per_customer": {"low": 0.9, "likely": 2.1, "high": 5.2},
                "segments": [],
                "base": base,
                "sentence": f"{title}: the base changes by 2,100 USD (1,010 to 4,400).",
            }
            for name, title, direction, label, unit, entered in (
                ("referrals", word_of_mouth, "gain", "Referrals", "a year", referral),
                ("bad_experience", "One bad experience", "loss", "Share who leave", "share", leave),
            )
        ],
        "not_entered": ["reviews", "praise"],
    }


def staff_card(customers: int, value: float) -> dict[str, Any]:
    """Give the card of eight segments and three examples."""
    rows = segments(customers, value)["rows"]
    words = (
        "A customer like this brings so much over the next year on average, and nine in ten "
        "bring between nothing and four times as much."
    )
    example = {
        "situation": "A champion was sent the wrong parcel and asks for 40 USD back. Paying it "
        "keeps three more of ten such customers than refusing would.",
        "arithmetic": [
            "worth if the customer stays: 150 USD",
            "kept by the refund: 30 %",
            "0.30 × 150 USD = 45.0 USD, against a cost of 40.0 USD",
        ],
        "lesson": "Pay it: it brings back 5.00 USD more than it costs on average.",
    }
    return {
        "horizon": "1y",
        "currency": "USD",
        "interval": 0.9,
        "trusted": "caution",
        "headline": f"One customer is worth {value / customers:.3g} USD to us over the next year "
        "on average.",
        "note": "Worth is what we earn from purchases to come, after costs. The card holds no "
        "personal data.",
        "base": {
            "customers": customers,
            "worth": estimate(value / customers),
            "if_stays": estimate(1.4 * value / customers),
            "active": 0.72,
        },
        "segments": [
            {
                "segment": row["name"],
                "customers": row["customers"],
                "share_of_customers": row["customers_share"],
                "share_of_value": row["clv_share"],
                "worth": estimate(row["clv_per_customer"], 0.0, 3.9),
                "if_stays": 1.2 * row["clv_per_customer"],
                "active": row["probability_alive"],
                "order": 37.5,
                "words": words,
            }
            for row in rows
        ],
        "examples": [
            {"name": name, "title": title, "segment": "Champions", **example}
            for name, title in (
                ("refund", "A refund"),
                ("win_back", "Winning somebody back"),
                ("bad_experience", "A bad experience"),
            )
        ],
        "reading": [
            "Worth is an average: most customers bring less and a few bring much more.",
            "A range is what one customer of a kind brings nine times in ten.",
            "If a customer stays shows what is lost when somebody leaves for good.",
            "No number here says how to treat a person; it says what a decision may cost.",
        ],
    }


def everything(run: dict[str, Any], *, money: bool = True) -> None:
    """Put all of it into a ``run.json``."""
    customers = run["customers"]
    total = run["totals"]["clv" if money else "purchases"]["expected"]
    quantity = "clv" if money else "purchases"
    run |= {
        "segments": segments(customers, total if money else None),
        "forward": forward(customers, money=money),
        "cohorts": cohorts(money=money, cac=money),
        "payback": payback() if money else None,
        "sensitivity": sensitivity(total, quantity),
        "change": change(total, quantity),
        "last_forecast": last_forecast(money=money),
        "scenarios": scenarios() if money else None,
        "staff_card": staff_card(customers, total) if money else None,
    }
