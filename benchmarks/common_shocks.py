"""How often the 90 % interval of a base's total covers what happens, with and without the layer.

``python -m benchmarks.common_shocks [logs]`` writes the table of ``docs/common-shocks.md``. Shops
are simulated whose pace changes every half year by a log-normal factor that all customers share.
Two years are seen, half a year is forecast.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import clvmodels as clv
from clvmodels.evaluation.shocks import common_shocks
from clvmodels.value.shock import ASSUMED, NO_SHOCK, CommonShock, CommonShocks
from clvmodels.value.totals import Total

HORIZON_WEEKS, SEEN_WEEKS = 26, 104
SIZES = (0.0, 0.1, 0.25, 0.4)
CUSTOMERS = 2_000
_BEGIN, _END = "<!-- coverage -->", "<!-- /coverage -->"
PAGE = Path(__file__).parents[1] / "docs" / "common-shocks.md"
_SHOP = clv.SimulatedShop(
    customers=CUSTOMERS,
    time_unit="week",
    parameters={"r": 0.8, "alpha": 10.0, "a": 0.8, "b": 3.0},
    spend={"p": 5.0, "q": 5.0, "gamma": 160.0},
    span=f"{SEEN_WEEKS + HORIZON_WEEKS}w",
    shock_window=f"{HORIZON_WEEKS}w",
    shock_windows=(SEEN_WEEKS + HORIZON_WEEKS) // HORIZON_WEEKS,
)


@dataclass(frozen=True)
class Trial:
    """Whether each layer's interval held the total of one log, and how wide it was."""

    covered: dict[str, bool]
    factor: dict[str, float]


def trial(size: float, seed: int) -> list[Trial]:
    """One log: the trial of its purchases and that of its spend."""
    shop = replace(_SHOP, shock=size, seed=seed)
    log = clv.read_transactions(clv.simulate_tables(shop)[0])
    cut = shop.start + timedelta(weeks=SEEN_WEEKS) - timedelta(days=1)
    customers = log.before(cut).summarize()
    value = clv.CustomerValue(
        clv.BetaGeoModel().fit(customers, method="map"),
        clv.GammaGammaModel().fit(customers, method="map"),
        annual_discount_rate=0.0,
    )
    horizon = f"{HORIZON_WEEKS}w"
    layers: dict[str, CommonShock | CommonShocks] = {
        "without": NO_SHOCK,
        "assumed": ASSUMED,
        "learned": common_shocks(log, horizon, observation_end=cut),
    }
    happened = log.holdout(cut, shop.last_day)
    actual = {
        "purchases": float(happened.column("holdout_purchases").to_numpy().sum()),
        "clv": float(happened.column("holdout_amount").to_numpy().sum()),
    }
    plain = value.total(customers, horizon, shock=NO_SHOCK)
    trials = []
    for name, truth in actual.items():
        covered, factor = {}, {}
        for layer, shock in layers.items():
            shocks = CommonShocks.of(shock)
            one = shocks.purchases if name == "purchases" else shocks.value
            base: Total = getattr(plain, name)
            total = Total.of(base.expected, base.sd_parameters, base.sd_customers, 0.9, one)
            covered[layer] = total.lower <= truth <= total.upper
            factor[layer] = total.upper / total.expected
        trials.append(Trial(covered, factor))
    return trials


def coverage(size: float, logs: int) -> dict[str, dict[str, tuple[float, float]]]:
    """Coverage and mean width as a factor, for purchases and spend, by layer."""
    rows = [trial(size, seed) for seed in range(logs)]
    return {
        name: {
            layer: (
                sum(row[place].covered[layer] for row in rows) / logs,
                sum(row[place].factor[layer] for row in rows) / logs,
            )
            for layer in ("without", "assumed", "learned")
        }
        for place, name in enumerate(("purchases", "spend"))
    }


def main(logs: int = 150) -> None:
    """Print the table and put it into the page."""
    lines = [
        "| shock | total | parameters and customers only | assumed shock | learned shock |",
        "|---|---|---|---|---|",
    ]
    for size in SIZES:
        for name, layers in coverage(size, logs).items():
            cells = (f"{share:.0%} (×/÷ {factor:.2f})" for share, factor in layers.values())
            lines.append(f"| {size:.0%} | {name} | {' | '.join(cells)} |")
            print(lines[-1], flush=True)
    before, rest = PAGE.read_text("utf-8").split(_BEGIN)
    after = rest.split(_END)[1]
    told = f"{logs} shops of {CUSTOMERS:,} customers for each size."
    page = "\n".join([before + _BEGIN, told, "", *lines, _END + after])
    PAGE.write_text(page, "utf-8")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
