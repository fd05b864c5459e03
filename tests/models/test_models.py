"""Models as users hold them: data in, predictions out, saving, and their errors."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

import clvmodels as clv
from clvmodels.errors import (
    ArtefactError,
    DurationError,
    InputError,
    NotFittedError,
    ParameterError,
    UndiscountedLifetimeError,
    UnitMismatchError,
)
from clvmodels.models import PURCHASE_MODELS
from clvmodels.transactions.columns import CustomerColumns
from tests.shops import simulate_shop

PUBLISHED = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
SPEND = {"p": 6.25, "q": 3.74, "gamma": 15.44}


@pytest.fixture(scope="module")
def shop() -> CustomerColumns:
    return simulate_shop(np.array([0.8, 20.0, 0.6, 3.0]), 400, seed=1, spend=(6.0, 4.0, 15.0))


@pytest.fixture(scope="module")
def frame(shop) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "frequency": shop.frequency,
            "recency": shop.recency,
            "T": shop.age,
            "monetary_value": np.nan_to_num(shop.monetary_value),
        },
        index=[f"c{i}" for i in range(len(shop))],
    )


@pytest.mark.parametrize("name", sorted(PURCHASE_MODELS))
class TestEveryPurchaseModel:
    """What holds for every purchase model, whatever its mathematics."""

    @pytest.fixture
    def model(self, name, shop):
        return PURCHASE_MODELS[name]().fit(shop)

    def test_predictions_are_indexed_by_customer_in_the_order_of_the_input(self, model, frame):
        shuffled = frame.sample(frac=1.0, random_state=3)
        alive = model.probability_alive(shuffled)
        expected = model.expected_purchases(shuffled, "26w")
        assert list(alive.index) == list(shuffled.index)
        assert alive.index.name == "customer_id"
        again = model.expected_purchases(frame, "26w")
        pd.testing.assert_series_equal(again.loc[expected.index], expected)
        assert alive.between(0.0, 1.0).all()

    def test_a_customer_alone_gets_the_same_numbers(self, model, frame):
        together = model.expected_purchases(frame, "26w")
        for i in (0, 17, 399):
            alone = model.expected_purchases(frame.iloc[[i]], "26w")
            assert alone.iloc[0] == pytest.approx(together.iloc[i], rel=1e-12)

    def test_pmf_sums_to_one_and_has_the_expectation_as_its_mean(self, model, frame):
        pmf = model.purchase_pmf(frame, "39w")
        assert pmf.shape[0] == len(frame)
        np.testing.assert_allclose(pmf.sum(axis=1), 1.0, atol=2e-9)
        mean = pmf @ np.arange(pmf.shape[1])
        np.testing.assert_allclose(mean, model.expected_purchases(frame, "39w"), rtol=1e-6)
        short = model.purchase_pmf(frame, "39w", k_max=3)
        np.testing.assert_allclose(short, pmf[:, :4], atol=1e-15)

    def test_expectations_grow_with_the_horizon_and_shrink_with_discounting(self, model, frame):
        spans = ["1w", "4w", "26w", "1y", "3y"]
        expected = [model.expected_purchases(frame, span) for span in spans]
        for shorter, longer in pairwise(expected):
            assert (longer > shorter).all()
        discounted = model.expected_purchases(frame, "3y", annual_discount_rate=0.15)
        assert (discounted < expected[-1]).all()
        lifetime = model.expected_purchases(frame, "lifetime", annual_discount_rate=0.15)
        assert (lifetime > discounted).all()

    def test_undiscounted_lifetime_is_refused_with_the_reason(self, model, frame):
        with pytest.raises(UndiscountedLifetimeError, match="discount rate above 0"):
            model.expected_purchases(frame, "lifetime")
        with pytest.raises(UndiscountedLifetimeError):
            model.purchase_pmf(frame, "lifetime")

    def test_simulation_agrees_with_the_expectation(self, model):
        purchases = model.simulate(20_000, "52w", seed=4)
        repeats = (purchases["time"] > 0).sum() / 20_000
        expected = model.expected_purchases_new_customer("52w")
        counts = purchases.groupby("customer_id")["time"].size()
        assert repeats == pytest.approx(expected, abs=5 * counts.std() / np.sqrt(20_000))
        assert (purchases.groupby("customer_id")["time"].min() == 0.0).all()
        pd.testing.assert_frame_equal(purchases, model.simulate(20_000, "52w", seed=4))

    def test_loading_gives_bit_identical_predictions(self, model, frame, tmp_path):
        model.save(tmp_path / "purchases.json")
        loaded = type(model).load(tmp_path / "purchases.json")
        pd.testing.assert_series_equal(
            loaded.expected_purchases(frame, "1y"),
            model.expected_purchases(frame, "1y"),
            check_exact=True,
        )
        assert loaded.params_ == model.params_
        assert loaded.standard_errors_ == model.standard_errors_
        assert loaded.log_likelihood_ == model.log_likelihood_
        assert loaded.diagnostics_ == model.diagnostics_
        assert loaded.fingerprint_ == model.fingerprint_

    def test_shows_its_parameters(self, model):
        for name in model.params_:
            assert name in repr(model)
            assert name in model._repr_html_()
        assert list(model.summary().index) == list(model.params_)

    def test_units_change_nothing(self, name, model, frame):
        days = frame.assign(recency=frame["recency"] * 7.0, T=frame["T"] * 7.0)
        by_day = PURCHASE_MODELS[name]().fit(days, time_unit="day")
        pd.testing.assert_series_equal(
            by_day.expected_purchases(days, "1y"), model.expected_purchases(frame, "1y"), rtol=1e-6
        )


def test_unfitted_models_say_so(frame):
    with pytest.raises(NotFittedError, match="fit\\(customers\\)"):
        clv.BetaGeoModel().probability_alive(frame)
    with pytest.raises(NotFittedError):
        _ = clv.GammaGammaModel().params_
    assert "not fitted" in repr(clv.BetaGeoModel())


def test_frames_need_a_unit_and_their_columns(frame):
    with pytest.raises(ParameterError, match="time_unit"):
        clv.BetaGeoModel().fit(frame)
    with pytest.raises(InputError, match=r"lack the column\(s\) T.*frequency"):
        clv.BetaGeoModel().fit(frame.drop(columns="T"), time_unit="week")
    with pytest.raises(InputError, match="holds no customers"):
        clv.BetaGeoModel().fit([1, 2, 3], time_unit="week")


def test_bad_customers_are_reported_together(frame):
    bad = frame.copy()
    bad.iloc[0, bad.columns.get_loc("frequency")] = -1
    bad.iloc[1, bad.columns.get_loc("T")] = np.nan
    with pytest.raises(InputError, match=r"frequency .*\(1 rows\); .*T must be .*\(1 rows\)"):
        clv.BetaGeoModel().fit(bad, time_unit="week")


def test_polars_and_arrow_frames_serve_as_well(frame):
    import polars as pl
    import pyarrow as pa

    model = clv.BetaGeoModel().fit(frame, time_unit="week")
    for other in (pl.from_pandas(frame), pa.Table.from_pandas(frame, preserve_index=False)):
        fitted = clv.BetaGeoModel().fit(other, time_unit="week")
        assert fitted.params_ == model.params_


def test_a_summary_in_another_unit_is_refused():
    summary = clv.load_cdnow("sample").summarize("1997-09-30", time_unit="day")
    model = clv.BetaGeoModel.from_params(PUBLISHED, time_unit="week")
    with pytest.raises(UnitMismatchError, match="days and the model was fitted in weeks"):
        model.probability_alive(summary)
    with pytest.raises(UnitMismatchError):
        clv.BetaGeoModel().fit(summary, time_unit="week")


@pytest.mark.parametrize("horizon", ["12", 12, "12 parsecs", "-1y", "0d", "", "1e3w", None])
def test_horizons_need_a_unit(horizon, frame):
    model = clv.BetaGeoModel.from_params(PUBLISHED, time_unit="week")
    with pytest.raises(DurationError, match="26w"):
        model.expected_purchases(frame, horizon)


def test_known_parameters_are_checked():
    with pytest.raises(ParameterError, match="exactly r, alpha, a, b"):
        clv.BetaGeoModel.from_params({"r": 1.0}, time_unit="week")
    with pytest.raises(ParameterError, match="a is -1"):
        clv.BetaGeoModel.from_params(PUBLISHED | {"a": -1.0}, time_unit="week")
    with pytest.raises(ParameterError, match="'day' or 'week'"):
        clv.BetaGeoModel.from_params(PUBLISHED, time_unit="month")
    with pytest.raises(ParameterError, match="q is above 1"):
        clv.GammaGammaModel.from_params(SPEND | {"q": 0.9}, time_unit="week")


def test_spend_leaves_out_customers_who_spent_nothing(frame):
    spend = clv.GammaGammaModel().fit(frame, time_unit="week")
    with_zero = pd.concat(
        [frame, pd.DataFrame([[3, 10.0, 20.0, 0.0]], columns=frame.columns, index=["free"])]
    )
    assert clv.GammaGammaModel().fit(with_zero, time_unit="week").params_ == spend.params_
    assert spend.expected_spend(with_zero)["free"] == pytest.approx(spend.mean_spend_)
    never = frame.assign(monetary_value=0.0)
    with pytest.raises(InputError, match="no spend to learn from"):
        clv.GammaGammaModel().fit(never, time_unit="week")


def test_spend_does_not_depend_on_the_currency(frame):
    spend = clv.GammaGammaModel().fit(frame, time_unit="week").expected_spend(frame)
    millions = frame.assign(monetary_value=frame["monetary_value"] * 1e6)
    scaled = clv.GammaGammaModel().fit(millions, time_unit="week").expected_spend(millions)
    np.testing.assert_allclose(scaled, spend * 1e6, rtol=1e-6)


def test_damaged_models_give_clear_errors(tmp_path):
    path = tmp_path / "purchases.json"
    with pytest.raises(ArtefactError, match=r"purchases\.json"):
        clv.BetaGeoModel.load(path)
    clv.BetaGeoModel.from_params(PUBLISHED, time_unit="week").save(path)
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"schema": 99}))
    with pytest.raises(ArtefactError, match="99"):
        clv.BetaGeoModel.load(path)
    path.write_text(json.dumps({k: v for k, v in content.items() if k != "parameters"}))
    with pytest.raises(ArtefactError, match="parameters"):
        clv.BetaGeoModel.load(path)
    for spoilt in ({"time_unit": "month"}, {"parameters": PUBLISHED | {"a": -1.0}}):
        path.write_text(json.dumps(content | spoilt))
        with pytest.raises(ArtefactError, match="damaged"):
            clv.BetaGeoModel.load(path)
    path.write_text(path.read_text()[:40])
    with pytest.raises(ArtefactError, match="damaged"):
        clv.BetaGeoModel.load(path)
    path.write_text(json.dumps(content))
    with pytest.raises(ArtefactError, match="'bgnbd', not 'gamma_gamma'"):
        clv.GammaGammaModel.load(path)


def test_fits_saved_by_the_first_schema_can_be_read():
    from pathlib import Path

    saved = Path(__file__).parent / "saved_schema_1"
    purchases = clv.BetaGeoModel.load(saved / "purchases.json")
    spend = clv.GammaGammaModel.load(saved / "spend.json")
    assert purchases.params_["r"] == pytest.approx(0.243, abs=1e-3)
    assert spend.mean_spend_ == pytest.approx(35.2, abs=0.1)
