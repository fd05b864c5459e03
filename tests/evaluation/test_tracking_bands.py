"""Bands around the weeks of a hold-out: how often they hold, and what they are made of."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace

import numpy as np
import pytest

import clvmodels as clv
from clvmodels.evaluation.backtest import _known_shock
from clvmodels.evaluation.scoring import score_counts
from clvmodels.evaluation.split import Split
from clvmodels.evaluation.tracking import Cohort, expected_until, weekly_tracking
from clvmodels.evaluation.tracking_bands import BOUNDS, tracking_bands
from clvmodels.value.shock import ASSUMED, NO_SHOCK, CommonShock
from tests.shops import simulate_shop

FIRST, DAYS, AHEAD = date(2024, 1, 1), 30, 200
MODEL = clv.BetaGeoModel.from_params({"r": 0.5, "alpha": 6.0, "a": 0.8, "b": 2.4}, time_unit="week")
CUSTOMERS = simulate_shop(MODEL.fit_.parameters, 400, 1, span=50.0)


def cohort() -> Cohort:
    """A purchase on every day."""
    born, bought = np.zeros(DAYS + AHEAD + 1), np.ones(DAYS + AHEAD + 1)
    born[0] = 5.0
    origin = FIRST + timedelta(days=DAYS)
    return Cohort(FIRST, origin, origin + timedelta(days=AHEAD), born, bought)


def variance() -> float:
    nothing = np.zeros(len(CUSTOMERS), dtype=np.int64)
    return float(score_counts(MODEL, CUSTOMERS, AHEAD / 7, nothing, nothing + 0.5).variance.sum())


def banded(model=MODEL, shock=NO_SHOCK, interval=0.9):
    base = cohort()
    rows = weekly_tracking(base, model)
    return tracking_bands(rows, base, model, CUSTOMERS, variance(), interval, shock)


def column(rows, name):
    return np.array([row[name] for row in rows if row["lower"] is not None])


def test_weeks_that_the_model_had_seen_have_no_band():
    for row in banded():
        seen = row["week_end"] <= (FIRST + timedelta(days=DAYS)).isoformat()
        assert [row[name] is None for name in BOUNDS] == [seen] * 4


def test_bands_hold_as_often_as_they_say():
    """Paths drawn from the model itself, by week and added up."""
    rows = banded()
    weeks = [day - DAYS for day in (*range(6, DAYS + AHEAD, 7), DAYS + AHEAD) if day > DAYS]
    week, total = [], []
    known = DAYS + 1.0
    for seed in range(200):
        times = MODEL.simulate_future(CUSTOMERS, f"{AHEAD}d", seed=seed)["time"].to_numpy() * 7.0
        bought = np.searchsorted(np.sort(times), weeks)
        # Of the week that has the origin in it, three days had been seen, with a purchase each.
        week.append(np.diff(bought, prepend=0) + np.append(3.0, np.zeros(len(weeks) - 1)))
        total.append(bought + known)
    for prefix, paths in (("", week), ("cumulative_", total)):
        low, high = column(rows, f"{prefix}lower"), column(rows, f"{prefix}upper")
        inside = np.mean((np.array(paths) >= low - 0.5) & (np.array(paths) <= high + 0.5))
        assert 0.88 < inside < 0.96, prefix


def test_the_variance_of_counts_is_that_of_their_distribution():
    part = MODEL.purchase_pmf(CUSTOMERS, f"{AHEAD}d", 400)
    k = np.arange(part.shape[1])
    expected = part @ k**2 - (part @ k) ** 2
    assert variance() == pytest.approx(expected.sum(), rel=1e-6)


def test_the_common_shock_widens_all_weeks_alike():
    plain, shaken = banded(), banded(shock=ASSUMED)
    known = DAYS + 1.0
    ahead = expected_until(MODEL, CUSTOMERS, np.array([float(AHEAD)]))[0]
    for rows, least in ((plain, 0.0), (shaken, ASSUMED.half_width(0.9))):
        width = np.log((rows[-1]["cumulative_upper"] - known) / ahead)
        chance = 1.645 * np.sqrt(np.log1p(variance() / ahead**2))
        assert width == pytest.approx(np.hypot(chance, least), rel=1e-3)
    assert (column(shaken, "lower") < column(plain, "lower")).all()
    assert (column(shaken, "upper") > column(plain, "upper")).all()


def test_what_is_not_known_of_the_parameters_widens_the_band():
    fitted = clv.BetaGeoModel().fit(CUSTOMERS, method="map")
    sure = replace(
        fitted.fit_, coordinate_covariance=np.zeros_like(fitted.fit_.coordinate_covariance)
    )
    base, known = cohort(), DAYS + 1.0
    rows = weekly_tracking(base, fitted)
    wide = tracking_bands(rows, base, fitted, CUSTOMERS, 0.0, 0.9, NO_SHOCK)[-1]
    mode = fitted.fit_.coordinates
    end = np.array([float(AHEAD)])
    slope = np.array(
        [
            (
                expected_until(fitted.at(mode + step), CUSTOMERS, end)[0]
                - expected_until(fitted.at(mode - step), CUSTOMERS, end)[0]
            )
            / 2e-4
            for step in 1e-4 * np.eye(len(mode))
        ]
    )
    ahead = expected_until(fitted, CUSTOMERS, end)[0]
    sd = np.sqrt(slope @ fitted.fit_.coordinate_covariance @ slope)
    assert sd > 0.3 * np.sqrt(ahead)
    width = np.log((wide["cumulative_upper"] - known) / ahead)
    assert width == pytest.approx(1.645 * np.sqrt(np.log1p((sd**2 + ahead) / ahead**2)), rel=1e-3)
    stub = SimpleNamespace(
        fit_=sure, kernel=fitted.kernel, alive=fitted.alive, at=fitted.at, time_unit_="week"
    )
    narrow = tracking_bands(rows, base, stub, CUSTOMERS, 0.0, 0.9, NO_SHOCK)[-1]
    assert narrow["cumulative_upper"] < wide["cumulative_upper"]


def split(origin: str, end: str, actual: int, forecast: float) -> Split:
    told = {"bgnbd": SimpleNamespace(purchases=forecast)}
    days = date.fromisoformat(origin), date.fromisoformat(end)
    return Split(*days, 10, actual, None, "bgnbd", told)


def test_a_shock_is_learned_from_what_was_over_by_the_origin():
    found = [
        split("2024-01-01", "2024-03-01", 120, 100.0),
        split("2024-02-01", "2024-04-01", 0, 100.0),
        split("2024-03-15", "2024-05-15", 500, 100.0),
    ]
    assert _known_shock(found, date(2024, 2, 28)) == ASSUMED
    assert _known_shock(found, date(2024, 4, 1)) == CommonShock.of_errors([np.log(1.2)])
    assert _known_shock(found, date(2024, 5, 15)) == CommonShock.of_errors(np.log([1.2, 5.0]))


def test_a_backtest_bands_the_weeks_with_what_it_had_learned():
    check = clv.backtest(
        clv.load_cdnow("sample"), "20w", origins=2, models=("bgnbd",), time_unit="week"
    )
    first, last = check.splits
    assert not check.overlapping
    for split_, shock in ((first, ASSUMED), (last, CommonShock.of_errors([first.log_error]))):
        rows = split_.to_dict()["tracking"]
        known = next(row for row in reversed(rows) if row["lower"] is None)
        assert known["week_end"] == split_.origin.isoformat()
        ahead = sum(row["forecasts"]["bgnbd"] for row in split_.path)
        width = np.log((rows[-1]["cumulative_upper"] - known["cumulative_actual"]) / ahead)
        assert width > shock.half_width(0.9)
        assert width == pytest.approx(shock.half_width(0.9), rel=0.1)
