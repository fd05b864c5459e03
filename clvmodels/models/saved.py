"""The models of a saved folder, whatever they are."""

from __future__ import annotations

from pathlib import Path

from clvmodels.errors import ArtefactError
from clvmodels.models import PURCHASE_MODELS
from clvmodels.models.base import SCHEMA
from clvmodels.models.gamma_gamma import GammaGammaModel
from clvmodels.models.purchases import PurchaseModel
from clvmodels.storage import read_json


def load_models(folder: Path) -> tuple[PurchaseModel, GammaGammaModel | None]:
    """Read the models that a job saved; spend is None where the log had no amounts.

    Raises
    ------
    ArtefactError
        If a file is missing, damaged or of another version.
    """
    saved, spend = folder / "purchases.json", folder / "spend.json"
    name = str(read_json(saved, schema=SCHEMA).get("model"))
    if name not in PURCHASE_MODELS:
        known = ", ".join(PURCHASE_MODELS)
        msg = f"{saved.name} holds the model {name[:60]!r}; there is {known}. Fit again."
        raise ArtefactError(msg)
    purchases = PURCHASE_MODELS[name].load(saved)
    return purchases, GammaGammaModel.load(spend) if spend.exists() else None
