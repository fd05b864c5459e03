"""What a user holds: models that fit to customers and predict for them."""

from clvmodels.models.beta_geo import BetaGeoModel
from clvmodels.models.gamma_gamma import GammaGammaModel
from clvmodels.models.modified_beta_geo import ModifiedBetaGeoModel
from clvmodels.models.nbd import NBDModel
from clvmodels.models.pareto_nbd import ParetoNBDModel
from clvmodels.models.purchases import PurchaseModel

PURCHASE_MODELS: dict[str, type[PurchaseModel]] = {
    model.kernel.name: model
    for model in (BetaGeoModel, ModifiedBetaGeoModel, NBDModel, ParetoNBDModel)
}

__all__ = [
    "PURCHASE_MODELS",
    "BetaGeoModel",
    "GammaGammaModel",
    "ModifiedBetaGeoModel",
    "NBDModel",
    "ParetoNBDModel",
    "PurchaseModel",
]
