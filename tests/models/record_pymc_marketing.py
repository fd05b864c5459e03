"""Fits of PyMC-Marketing on CDNOW and what it predicts with them, recorded for the tests.

It needs PyMC-Marketing and nothing of ours, so it runs in an environment of its own:

    pip install pymc-marketing lifetimes
    python tests/models/record_pymc_marketing.py

It writes the folder `pymc_marketing` beside it: for each model what it leaves after sampling and
after maximising (NetCDF, draws thinned), and `predictions.json`.
"""

import importlib.util
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pymc as pm
from pymc_marketing import clv
from pymc_marketing.clv.distributions import BetaGeoNBD, ModifiedBetaGeoNBD, ParetoNBD

FOLDER = Path(__file__).parent / "pymc_marketing"
KEPT_DRAWS = 200
# One-time buyers old and young, few and many purchases, small and large amounts.
CUSTOMERS = [1, 2, 4, 76, 157, 244, 500, 1000, 1516, 1901, 2157, 2349]
WEEKS = [1, 39, 104]
PURCHASES = {
    "bgnbd": (clv.BetaGeoModel, BetaGeoNBD, ["a", "b", "r", "alpha"], "mcmc"),
    "mbgnbd": (clv.ModifiedBetaGeoModel, ModifiedBetaGeoNBD, ["a", "b", "r", "alpha"], "mcmc"),
    # NUTS is very slow here, as their own documentation says.
    "pareto_nbd": (clv.ParetoNBDModel, ParetoNBD, ["r", "alpha", "s", "beta"], "demz"),
}
SAMPLING = {
    "mcmc": {"draws": 600, "tune": 600},
    "demz": {"draws": 3000, "tune": 2000},
}


def read_cdnow() -> pd.DataFrame:
    """CDNOW's sample to 1997-09-30 as their own summary of the log, in weeks."""
    folder = Path(importlib.util.find_spec("lifetimes").submodule_search_locations[0])
    log = pd.read_csv(
        folder / "datasets" / "CDNOW_sample.txt",
        sep=r"\s+",
        header=None,
        names=["master", "id", "date", "discs", "amount"],
        dtype={"date": str},
    )
    return clv.rfm_summary(
        log,
        "id",
        "date",
        "amount",
        datetime_format="%Y%m%d",
        observation_period_end="19970930",
        time_scaler=7,
    )


def keep(model, path: Path, groups: tuple[str, ...]) -> None:
    """Write groups of what a fit leaves, compressed."""
    kept = model.idata.filter(lambda node: node.name in (None, *groups)).copy()
    if "sample_stats" in kept.children:
        stats = kept["sample_stats"].to_dataset()
        kept["sample_stats"] = stats[[name for name in stats if name == "diverging"]]
    packed = {"zlib": True, "complevel": 9, "shuffle": True}
    encoding = {
        f"/{name}": {v: packed for v in group.variables if group[v].size > 1000}
        for name, group in kept.children.items()
    }
    kept.to_netcdf(path, engine="h5netcdf", encoding=encoding)


def thinned(model):
    """The same model with the draws that are kept."""
    return model.thin_fit_result(model.idata.posterior.sizes["draw"] // KEPT_DRAWS)


def listed(values) -> list:
    return np.asarray(values, dtype=float).tolist()


def of_purchases(model, data: pd.DataFrame) -> dict:
    """What a purchase model says of the chosen customers, draw by draw for the first five."""
    few = data[data["customer_id"].isin(CUSTOMERS)]
    expected = {str(t): model.expected_purchases(few, future_t=t) for t in WEEKS}
    total = model.expected_purchases(data, future_t=39).sum("customer_id")
    alive = model.expected_probability_alive(few)
    first = {"chain": 0, "draw": slice(0, 5)}
    new = model.expected_purchases_new_customer(few.head(1), t=39)
    return {
        "probability_alive": listed(alive.isel(first)),
        "expected_purchases": {t: listed(values.isel(first)) for t, values in expected.items()},
        "new_customer_39": listed(np.ravel(new.isel(first).values)),
        "mean_probability_alive": listed(alive.mean(("chain", "draw"))),
        "mean_expected_purchases_39": listed(expected["39"].mean(("chain", "draw"))),
        "total_39": {"mean": float(total.mean()), "sd": float(total.std())},
    }


def of_spend(model, data: pd.DataFrame) -> dict:
    """What a spend model says of the chosen customers, draw by draw for the first five."""
    few = data[data["customer_id"].isin(CUSTOMERS)]
    spend = model.expected_customer_spend(few)
    gifts = pd.DataFrame({"customer_id": [0], "frequency": [3.0], "monetary_value": [0.0]})
    first = {"chain": 0, "draw": slice(0, 5)}
    new = model.expected_new_customer_spend()
    return {
        "expected_spend": listed(spend.isel(first)),
        "new_customer_spend": listed(np.ravel(new.isel(first).values)),
        "spend_after_three_gifts": float(model.expected_customer_spend(gifts).mean()),
        "mean_expected_spend": listed(spend.mean(("chain", "draw"))),
        "mean_new_customer_spend": {"mean": float(new.mean()), "sd": float(new.std())},
    }


def in_other_units(data: pd.DataFrame, spent: pd.DataFrame) -> dict:
    """The same forecasts from maxima a posteriori in days and in cents."""
    days, cents = clv.BetaGeoModel(), clv.GammaGammaModel()
    by_day = data.assign(recency=data["recency"] * 7.0, T=data["T"] * 7.0)
    days.fit(by_day, method="map", progressbar=False)
    cents.fit(
        spent.assign(monetary_value=spent["monetary_value"] * 100.0),
        method="map",
        progressbar=False,
    )
    return {
        "total_39_in_days": float(days.expected_purchases(by_day, future_t=273).sum()),
        "new_customer_spend_in_cents": float(cents.expected_new_customer_spend().mean()),
    }


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    data = read_cdnow()
    spent = data[data["monetary_value"] > 0]
    few = data[data["customer_id"].isin(CUSTOMERS)]
    record = {
        "versions": {name: version(name) for name in ("pymc-marketing", "pymc", "arviz")},
        "customers": few.to_dict("list"),
        "models": {},
    }
    maxima = {}
    for name, (kind, distribution, order, method) in PURCHASES.items():
        sampled, maximum = kind(), kind()
        sampled.fit(
            data, method=method, chains=2, cores=2, random_seed=7, progressbar=False,
            **SAMPLING[method],
        )  # fmt: skip
        maximum.fit(data, method="map", progressbar=False)
        maxima[name] = maximum
        at = [float(maximum.fit_result[p].values.item()) for p in order]
        pairs = data[["recency", "frequency"]].to_numpy()
        likelihood = pm.logp(distribution.dist(*at, T=data["T"].to_numpy()), pairs).eval().sum()
        sampled = thinned(sampled)
        # The customers are the same for all three.
        customers = ("fit_data",) if name == "bgnbd" else ()
        keep(sampled, FOLDER / f"{name}.nc", ("posterior", "sample_stats", *customers))
        keep(maximum, FOLDER / f"{name}_map.nc", ("posterior",))
        record["models"][name] = {
            "sampled": of_purchases(sampled, data),
            "map": of_purchases(maximum, data) | {"log_likelihood": float(likelihood)},
        }
    sampled, maximum = clv.GammaGammaModel(), clv.GammaGammaModel()
    sampled.fit(
        spent, method="mcmc", chains=2, cores=2, random_seed=7, progressbar=False,
        **SAMPLING["mcmc"],
    )  # fmt: skip
    maximum.fit(spent, method="map", progressbar=False)
    at = {maximum.model[p]: maximum.fit_result[p].values.item() for p in ("p", "q", "v")}
    sampled = thinned(sampled)
    keep(sampled, FOLDER / "gamma_gamma.nc", ("posterior", "sample_stats", "fit_data"))
    keep(maximum, FOLDER / "gamma_gamma_map.nc", ("posterior",))
    value = maximum.expected_customer_lifetime_value(
        maxima["bgnbd"], few, future_t=12, discount_rate=0.01, time_unit="W"
    )
    record["models"]["gamma_gamma"] = {
        "sampled": of_spend(sampled, data),
        "map": of_spend(maximum, data)
        | {
            "log_likelihood": float(maximum.model["likelihood"].eval(at).sum()),
            "clv_12_months_with_bgnbd": listed(np.ravel(value)),
        },
    }
    record["default_priors_know_the_unit"] = in_other_units(data, spent)
    text = json.dumps(record, indent=1)
    (FOLDER / "predictions.json").write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
