"""What must not matter does not: units, currency, order of rows, names, file format, threads."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.jobs import clvmodels, digests, read, scores, shop

MONEY = {
    "monetary_value",
    "expected_spend",
    "clv",
    "clv_lower",
    "clv_median",
    "clv_upper",
    "potential_value",
    "clv_simple_formula",
}
TIME = {"recency", "T"}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return shop(250, seed=11)


def job(folder: Path, log: Path, *options: object, unit: str = "day") -> Path:
    """Fit and score in a folder; options of the log go to both."""
    for done in (
        clvmodels("fit", log, "--out", folder, "--time-unit", unit, *options),
        clvmodels("score", log, "--model", folder / "model", "--out", folder, *options),
    ):
        assert done.status == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def base(frame, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    frame.to_parquet(folder / "log.parquet", index=False)
    return job(folder, folder / "log.parquet")


def assert_same(ours: pd.DataFrame, theirs: pd.DataFrame, money: float = 1.0, time: float = 1.0):
    """Scores are equal to 1e-6, after money and time are put in the same units."""
    assert ours.columns.tolist() == theirs.columns.tolist()
    for name in theirs:
        if theirs[name].dtype.kind not in "fi":
            assert ours[name].equals(theirs[name]), name
            continue
        factor = money if name in MONEY else time if name in TIME else 1.0
        np.testing.assert_allclose(
            ours[name].astype(float) * factor, theirs[name].astype(float), rtol=1e-6, err_msg=name
        )


def frames(*folders: Path) -> list[pd.DataFrame]:
    return [scores(folder).to_pandas() for folder in folders]


def test_weeks_or_days(base, tmp_path):
    weeks = job(tmp_path, base / "log.parquet", unit="week")
    assert_same(*frames(weeks, base), time=7.0)
    ours, theirs = (read(folder / "run.json") for folder in (weeks, base))
    assert ours["models"]["purchases"]["parameters"]["r"] == pytest.approx(
        theirs["models"]["purchases"]["parameters"]["r"], rel=1e-6
    )
    for name in ("clv", "purchases", "potential_value"):
        for figure in ("expected", "lower", "upper", "sd_parameters", "sd_customers"):
            assert ours["totals"][name][figure] == pytest.approx(
                theirs["totals"][name][figure], rel=1e-5
            )


@pytest.mark.parametrize(
    "value", [("--horizon", "lifetime"), ("--cost-per-order", "3"), ("--horizon", "3y")]
)
def test_weeks_or_days_where_values_are_simulated(base, tmp_path, value):
    frame = pd.read_parquet(base / "log.parquet")
    frame[frame.customer_id < "00030"].to_parquet(tmp_path / "small.parquet", index=False)
    for unit in ("day", "week"):
        folder = tmp_path / unit
        clvmodels("fit", base / "log.parquet", "--out", folder, "--time-unit", unit)
        done = clvmodels(
            *("score", tmp_path / "small.parquet", "--model", folder / "model"),
            *("--out", folder, *value),
        )
        assert done.status == 0, done.stderr
    assert_same(*frames(tmp_path / "week", tmp_path / "day"), time=7.0)


@pytest.mark.parametrize("factor", [100, 1_000_000])
def test_dollars_cents_or_millionths(base, frame, tmp_path, factor):
    scaled = frame.assign(amount=(frame.amount * factor).round(6))
    scaled.to_parquet(tmp_path / "log.parquet", index=False)
    job(tmp_path, tmp_path / "log.parquet")
    assert_same(*frames(tmp_path, base), money=1.0 / factor)


def test_shuffled_rows(base, frame, tmp_path):
    frame.sample(frac=1.0, random_state=3).to_parquet(tmp_path / "log.parquet", index=False)
    job(tmp_path, tmp_path / "log.parquet")
    assert digests(tmp_path / "scores") == digests(base / "scores")


def test_rows_in_two_files(base, frame, tmp_path):
    half = len(frame) // 2
    (tmp_path / "log").mkdir()
    frame[half:].to_parquet(tmp_path / "log" / "a.parquet", index=False)
    frame[:half].to_parquet(tmp_path / "log" / "b.parquet", index=False)
    job(tmp_path, tmp_path / "log" / "*.parquet")
    assert digests(tmp_path / "scores") == digests(base / "scores")


def test_renamed_columns(base, frame, tmp_path):
    named = frame.rename(columns={"customer_id": "Kunde", "date": "Tag", "amount": "Betrag €"})
    named[["Betrag €", "Tag", "Kunde"]].to_parquet(tmp_path / "log.parquet", index=False)
    options = ("--customer-id", "Kunde", "--date", "Tag", "--amount", "Betrag €")
    job(tmp_path, tmp_path / "log.parquet", *options)
    assert digests(tmp_path / "scores") == digests(base / "scores")


def test_csv_or_parquet(base, frame, tmp_path):
    frame.to_csv(tmp_path / "log.csv", index=False)
    job(tmp_path, tmp_path / "log.csv")
    assert digests(tmp_path / "scores") == digests(base / "scores")


def test_a_csv_of_another_country(base, frame, tmp_path):
    dates = pd.to_datetime(frame.date).dt.strftime("%d.%m.%Y")
    frame.assign(date=dates).to_csv(
        tmp_path / "log.csv", index=False, sep=";", decimal=",", encoding="utf-16"
    )
    config = tmp_path / "clv.toml"
    config.write_text('decimal-separator = ","\ndate-format = "%d.%m.%Y"\nencoding = "utf-16"\n')
    job(tmp_path, tmp_path / "log.csv", "--config", config)
    assert digests(tmp_path / "scores") == digests(base / "scores")


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads(base, tmp_path, threads):
    job(tmp_path, base / "log.parquet", "--threads", threads)
    assert digests(tmp_path / "scores") == digests(base / "scores")
    assert digests(tmp_path / "model") == digests(base / "model")


@pytest.mark.slow
def test_threads_where_there_are_many_batches(tmp_path):
    rng = np.random.default_rng(5)
    rows = 600_000
    days = pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 700, rows), unit="D")
    log = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 300_000, rows),
            "date": days,
            "amount": rng.gamma(2.0, 20.0, rows).round(2),
        }
    )
    log.to_parquet(tmp_path / "log.parquet", index=False)
    found = []
    for threads in (1, 2, 4):
        folder = tmp_path / str(threads)
        done = clvmodels("fit", tmp_path / "log.parquet", "--out", folder, "--threads", threads)
        assert done.status in (0, 4), done.stderr
        done = clvmodels(
            *("score", tmp_path / "log.parquet", "--model", folder / "model"),
            *("--out", folder, "--threads", threads),
        )
        assert done.status in (0, 4), done.stderr
        found.append(digests(folder / "scores"))
    assert found[0] == found[1] == found[2]
