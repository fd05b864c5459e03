"""Draws that are saved beside their models: bit by bit, or a clear error."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import clvmodels as clv
from clvmodels.errors import ArtefactError, NoDrawsError
from tests.shops import simulate_shop

SAVED = Path(__file__).parent / "saved_with_draws"
SHOP = simulate_shop(np.array([0.243, 4.414, 0.793, 2.426]), 400, seed=1, spend=(6.0, 4.0, 15.0))


@pytest.fixture(scope="module")
def fitted():
    return clv.BetaGeoModel().fit(SHOP), clv.GammaGammaModel().fit(SHOP)


@pytest.fixture
def folder(tmp_path, fitted):
    purchases, spend = fitted
    purchases.save(tmp_path / "purchases.json")
    spend.save(tmp_path / "spend.json")
    return tmp_path


def test_models_of_a_folder_share_one_file_of_draws(folder, fitted):
    assert sorted(path.name for path in folder.iterdir()) == [
        "posterior.nc",
        "purchases.json",
        "spend.json",
    ]
    names = ("purchases.json", "spend.json")
    for model, name in zip(fitted, names, strict=True):
        loaded = type(model).load(folder / name)
        one, other = model.fit_.posterior, loaded.fit_.posterior
        np.testing.assert_array_equal(one.coordinates, other.coordinates)
        np.testing.assert_array_equal(model.posterior_, loaded.posterior_)
        assert (one.scale, one.method, one.chains) == (other.scale, other.method, other.chains)
        assert one.diagnostics == other.diagnostics
        assert model.diagnostics_ == loaded.diagnostics_
        assert model.params_ == loaded.params_


def test_predictions_are_bit_identical(folder, fitted):
    loaded = clv.BetaGeoModel.load(folder / "purchases.json")
    np.testing.assert_array_equal(
        loaded.expected_purchases(SHOP, "1y"), fitted[0].expected_purchases(SHOP, "1y")
    )


def test_bytes_depend_on_nothing_but_the_draws(folder, fitted, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    # In the other order, and with something to replace.
    fitted[1].save(other / "purchases.json")
    fitted[1].save(other / "spend.json")
    fitted[0].save(other / "purchases.json")
    for name in ("posterior.nc", "purchases.json", "spend.json"):
        assert (folder / name).read_bytes() == (other / name).read_bytes()


def test_a_model_without_draws_leaves_none_behind(folder):
    point = clv.BetaGeoModel().fit(SHOP, method="map")
    point.save(folder / "purchases.json")
    assert clv.BetaGeoModel.load(folder / "purchases.json").fit_.posterior is None
    assert clv.GammaGammaModel.load(folder / "spend.json").fit_.posterior is not None
    point.save(folder / "spend.json")
    assert not (folder / "posterior.nc").exists()


def test_missing_draws_are_an_error(folder):
    (folder / "posterior.nc").unlink()
    with pytest.raises(ArtefactError, match=r"no posterior\.nc .* Fit the model again"):
        clv.BetaGeoModel.load(folder / "purchases.json")


def test_draws_of_another_model_are_an_error(folder):
    clv.BetaGeoModel().fit(SHOP, seed=9).save(folder / "other.json")
    (folder / "other.json").replace(folder / "purchases.json")
    with pytest.raises(ArtefactError, match=r"belong to purchases\.json"):
        clv.BetaGeoModel.load(folder / "purchases.json")


def test_damage_anywhere_is_an_error(folder):
    path = folder / "posterior.nc"
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    damaged = [whole[:size] for size in (0, 3, 10, 40, 200, len(whole) - 9)]
    # Every byte of the header, and some of the draws of either model.
    places = [*range(300), *rng.integers(300, len(whole), 30)]
    damaged += [
        whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :] for place in places
    ]
    refused = 0
    for content in damaged:
        path.write_bytes(content)
        for model, name in ((clv.BetaGeoModel, "purchases"), (clv.GammaGammaModel, "spend")):
            try:
                loaded = model.load(folder / f"{name}.json")
            except ArtefactError:
                refused += 1
            else:
                # What was hit is no part of this model's draws; the fingerprint holds them.
                assert loaded.fit_.posterior.coordinates.shape == (4_000, len(loaded.params_))
    assert refused > len(damaged)


@pytest.mark.parametrize("key", ["fingerprint", "method", "chains", "diagnostics"])
def test_description_of_the_draws_must_be_whole(folder, key):
    from clvmodels.storage import read_json, write_json

    content = read_json(folder / "purchases.json", schema=1)
    del content["posterior"][key]
    write_json(folder / "purchases.json", content, schema=1)
    with pytest.raises(ArtefactError, match="damaged"):
        clv.BetaGeoModel.load(folder / "purchases.json")


def test_an_example_of_saved_draws_can_be_read():
    purchases = clv.BetaGeoModel.load(SAVED / "purchases.json")
    spend = clv.GammaGammaModel.load(SAVED / "spend.json")
    assert purchases.posterior_.shape == (100, 4)
    assert purchases.posterior_["r"].mean() == pytest.approx(0.243, abs=0.01)
    assert spend.posterior_["p"].mean() == pytest.approx(6.2, abs=0.5)


def test_an_example_of_saved_draws_is_written_as_it_was(tmp_path):
    clv.BetaGeoModel.load(SAVED / "purchases.json").save(tmp_path / "purchases.json")
    clv.GammaGammaModel.load(SAVED / "spend.json").save(tmp_path / "spend.json")
    assert (tmp_path / "posterior.nc").read_bytes() == (SAVED / "posterior.nc").read_bytes()


def test_summary_and_frame_of_the_draws(fitted):
    model = fitted[0]
    draws = model.posterior_
    assert list(draws.columns) == ["r", "alpha", "a", "b"]
    assert draws.index.name == "draw"
    np.testing.assert_array_equal(draws, model.fit_.posterior.parameters)
    table = model.summary()
    assert list(table.columns) == ["estimate", "standard_error", "mean", "sd", "5%", "95%"]
    np.testing.assert_allclose(table["mean"], draws.mean())
    np.testing.assert_allclose(table["95%"], np.quantile(draws, 0.95, axis=0))
    assert table["estimate"].to_dict() == model.params_
    assert "95%" in model._repr_html_()
    assert "laplace, 400 customers" in repr(model)


@pytest.mark.parametrize("method", ["map", "mle"])
def test_a_point_says_how_to_get_draws(method):
    model = clv.NBDModel().fit(SHOP, method=method)
    with pytest.raises(NoDrawsError, match=rf"method='{method}'.*method='auto'"):
        _ = model.posterior_
    assert list(model.summary().columns) == ["estimate", "standard_error"]


def test_known_parameters_and_other_coordinates_have_no_draws(fitted):
    known = clv.NBDModel.from_params({"r": 0.4, "alpha": 12.0}, time_unit="week")
    with pytest.raises(NoDrawsError, match="known parameters"):
        _ = known.posterior_
    assert fitted[0].at(fitted[0].fit_.coordinates).fit_.posterior is None


def test_fewer_draws_can_be_saved(tmp_path, fitted):
    fit = fitted[0].fit_
    few = clv.BetaGeoModel.load(SAVED / "purchases.json")
    few.fit_ = replace(fit, posterior=replace(fit.posterior, coordinates=fit.posterior.spread(5)))
    few.save(tmp_path / "few.json")
    loaded = clv.BetaGeoModel.load(tmp_path / "few.json")
    np.testing.assert_array_equal(loaded.fit_.posterior.coordinates, fit.posterior.spread(5))
