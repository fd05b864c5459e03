"""Fit rarely, score often: a saved model on a newer log, as the same model would see it."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

import clvmodels as clv
from tests.jobs import clvmodels, scores, shop

FITTED, SCORED = dt.date(2024, 8, 31), dt.date(2024, 9, 30)
NEW, LAST_DAY = "newcomer", "newcomer of the last day"


@pytest.fixture(scope="module")
def nightly(tmp_path_factory):
    """A log, the model fitted up to a day, and the scores of a month later."""
    folder = tmp_path_factory.mktemp("nightly")
    table = shop(400)
    table = pd.concat(
        [
            table[table.date <= SCORED],
            pd.DataFrame(
                [(NEW, dt.date(2024, 9, 10), 30.0), (NEW, dt.date(2024, 9, 20), 50.0),
                 (LAST_DAY, SCORED, 40.0)],
                columns=table.columns,
            ),
        ]
    )  # fmt: skip
    newer, older = folder / "newer.parquet", folder / "older.parquet"
    table.to_parquet(newer, index=False)
    table[table.date <= FITTED].to_parquet(older, index=False)
    fit = clvmodels("fit", older, "--out", folder / "fit", "--observation-end", FITTED, "--quiet")
    assert fit.status in (0, 4), fit.stderr
    job = ("score", newer, "--model", folder / "fit" / "model", "--out", folder / "scores")
    done = clvmodels(*job, "--observation-end", SCORED, "--json")
    assert done.status in (0, 4), done.stderr
    return folder, done.record


def test_scores_are_the_fitted_models_predictions_for_the_customers_of_today(nightly):
    folder, record = nightly
    table = scores(folder / "scores").to_pandas().set_index("customer_id")
    log = clv.read_transactions(folder / "newer.parquet")
    today = log.summarize(observation_end=SCORED)
    purchases = clv.BetaGeoModel.load(folder / "fit" / "model" / "purchases.json")
    spend = clv.GammaGammaModel.load(folder / "fit" / "model" / "spend.json")
    expected = clv.CustomerValue(purchases, spend).predict(today, horizon="1y", interval=0.9)
    for name in ("frequency", "recency", "T"):
        np.testing.assert_array_equal(table[name], today.to_pandas()[name])
    for name in ("probability_alive", "expected_purchases", "clv", "clv_lower", "clv_upper"):
        np.testing.assert_allclose(table[name], expected[name], rtol=1e-12)
    # Recency and age have moved on since the fit, and the parameters have not.
    then = clv.read_transactions(folder / "older.parquet").summarize(observation_end=FITTED)
    known = then.to_pandas().set_index("customer_id")
    assert (table["T"].reindex(known.index) == known["T"] + 30).all()
    assert record["models"]["purchases"]["parameters"] == purchases.params_


def test_newcomers_have_the_prior_and_what_little_they_did(nightly):
    folder, _ = nightly
    table = scores(folder / "scores").to_pandas().set_index("customer_id")
    purchases = clv.BetaGeoModel.load(folder / "fit" / "model" / "purchases.json")
    spend = clv.GammaGammaModel.load(folder / "fit" / "model" / "spend.json")
    new = clv.CustomerValue(purchases, spend).new_customer("1y", 0.9)
    last = table.loc[LAST_DAY]
    assert last["T"] == last["frequency"] == 0
    for name in ("expected_purchases", "clv", "clv_lower", "clv_upper"):
        assert last[name] == pytest.approx(getattr(new, name), rel=1e-9), name
    # One who has bought again already is expected to buy more, and more often.
    assert table.loc[NEW, "expected_purchases"] > last["expected_purchases"]
    assert table.loc[NEW, "frequency"] == 1
