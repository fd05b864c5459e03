"""The models of a folder: whichever they are, and refused in words where they cannot be read."""

import json

import pytest

import clvmodels as clv
from clvmodels.errors import ArtefactError
from clvmodels.models import PURCHASE_MODELS
from clvmodels.models.saved import load_models
from tests.oracle.subjects import SUBJECTS


@pytest.mark.parametrize("name", sorted(PURCHASE_MODELS))
def test_every_model_comes_back_with_its_spend(tmp_path, name):
    kind = PURCHASE_MODELS[name]
    given = dict(zip(kind.kernel.parameters, SUBJECTS[name].published, strict=True))
    kind.from_params(given, time_unit="week").save(tmp_path / "purchases.json")
    purchases, spend = load_models(tmp_path)
    assert (type(purchases), purchases.params_, spend) == (kind, given, None)
    known = {"p": 6.0, "q": 4.0, "gamma": 15.0}
    clv.GammaGammaModel.from_params(known, time_unit="week").save(tmp_path / "spend.json")
    assert load_models(tmp_path)[1].params_ == known


@pytest.mark.parametrize("model", ["other", [], None, "x" * 10_000])
def test_a_model_that_is_not_known(tmp_path, model):
    path = tmp_path / "purchases.json"
    path.write_text(json.dumps({"schema": 1, "model": model}), "utf-8")
    with pytest.raises(ArtefactError, match=r"purchases.json holds the model .*Fit again") as told:
        load_models(tmp_path)
    assert len(str(told.value)) < 200


def test_no_models(tmp_path):
    with pytest.raises(ArtefactError, match=r"There is no purchases\.json"):
        load_models(tmp_path)
