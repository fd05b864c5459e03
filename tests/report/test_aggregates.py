"""Shares, deciles and quantiles from bins against the same from all customers, sorted."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from clvmodels.errors import ArtefactError
from clvmodels.report.aggregates import Scores
from tests.report.factory import make_run, scores_table


def _scores(folder, values, **columns):
    table = scores_table(len(values))
    for name, column in {"clv": values, **columns}.items():
        table = table.set_column(table.column_names.index(name), name, pa.array(column))
    (folder / "scores").mkdir(parents=True)
    parquet.write_table(table, folder / "scores" / "part-00000.parquet")
    return Scores(folder, "clv")


def _values(kind):
    rng = np.random.default_rng(11)
    values = {
        "heavy": rng.lognormal(3, 2, 5000),
        "ties": np.repeat([3.0, 8.0, 80.0], [4000, 900, 100]),
        "losses": np.concatenate([rng.lognormal(2, 1, 4000), np.zeros(500), -rng.gamma(2, 1, 500)]),
    }[kind]
    return rng.permutation(values)


@pytest.mark.parametrize("kind", ["heavy", "ties", "losses"])
def test_bins_agree_with_sorting_everybody(tmp_path, kind):
    values = _values(kind)
    bins = _scores(tmp_path, values).bins()
    ranked = np.sort(values)[::-1]
    assert bins.total_customers == len(values)

    held = np.concatenate([[0.0], np.cumsum(ranked)]) / ranked.sum()
    curve = bins.concentration()
    at = (np.array(curve["customers"]) * len(values)).round().astype(int)
    np.testing.assert_allclose(curve["value"], held[at], atol=2e-5)

    tenths = ranked.reshape(10, -1).sum(axis=1)
    np.testing.assert_allclose(
        [row["total"] for row in bins.deciles()], tenths, rtol=1e-4, atol=1e-4 * ranked.sum()
    )
    assert sum(row["share"] for row in bins.deciles()) == pytest.approx(1.0)
    for probability in (0.1, 0.5, 0.9):
        exact = np.quantile(values, probability, method="nearest")
        assert bins.quantile(probability) == pytest.approx(exact, rel=2e-3, abs=1e-9)

    above = values[values > 0]
    rows = bins.histogram()
    assert sum(row["customers"] for row in rows) == len(above)
    inside = [((above >= row["lower"]) & (above < row["upper"])).sum() for row in rows]
    np.testing.assert_allclose([row["customers"] for row in rows], inside, atol=1)


def test_bases_without_value_have_no_curve(tmp_path):
    bins = _scores(tmp_path, np.array([0.0, 0.0, -1.0])).bins()
    assert bins.concentration() is None
    assert bins.deciles() == ()
    assert bins.histogram() == ()


def test_customers_by_frequency_add_up(tmp_path):
    values = _values("heavy")
    frequency = np.arange(5000) % 12
    rows = _scores(tmp_path, values, frequency=frequency).by_frequency()
    assert [row["frequency"] for row in rows] == ["0", "1", "2", "3", "4", "5", "6", "7+"]
    assert rows[-1]["customers"] == (frequency >= 7).sum()
    assert rows[-1]["model"] == pytest.approx(values[frequency >= 7].sum())
    assert sum(row["model"] for row in rows) == pytest.approx(values.sum())


def test_the_top_is_capped_and_ties_are_ordered_by_id(tmp_path):
    rows = _scores(tmp_path, np.full(500, 7.0)).top()
    assert [row["customer_id"] for row in rows] == [f"{place:05d}" for place in range(10)]


def test_long_ids_are_cut_before_they_are_kept(tmp_path):
    ids = ["x" * 10_000, *(str(place) for place in range(30))]
    rows = _scores(tmp_path, np.linspace(100, 1, 31), customer_id=ids).top()
    assert len(rows[0]["customer_id"]) == 200


def test_a_folder_with_glob_characters_is_a_folder(tmp_path):
    folder = make_run(tmp_path / "run [1] *?", customers=50)
    assert Scores(folder, "clv").bins().total_customers == 50


def test_missing_and_damaged_scores_are_told(tmp_path):
    with pytest.raises(ArtefactError, match=r"holds no part-\*\.parquet"):
        Scores(tmp_path, "clv")
    folder = make_run(tmp_path / "run", customers=50)
    (folder / "scores" / "part-00001.parquet").write_bytes(b"no parquet")
    with pytest.raises(ArtefactError, match="cannot be read"):
        Scores(folder, "clv").bins()


def test_scores_without_customers_are_told(tmp_path):
    with pytest.raises(ArtefactError, match="without customers"):
        _scores(tmp_path, np.zeros(0)).bins()


def test_groups_without_customers_are_shown_as_empty(tmp_path):
    rows = _scores(tmp_path, np.full(30, 5.0), frequency=np.full(30, 2)).by_frequency()
    assert [row["customers"] for row in rows] == [0, 0, 30, 0, 0, 0, 0, 0]
