"""MBG/NBD as users hold it."""

from clvmodels.kernels.modified_beta_geo import ModifiedBetaGeo
from clvmodels.models.purchases import PurchaseModel


class ModifiedBetaGeoModel(PurchaseModel):
    """MBG/NBD: as BG/NBD, but customers may leave after their first purchase too.

    Parameters ``r, alpha`` (purchase rate λ ~ Gamma(r, rate alpha)) and ``a, b`` (chance to leave
    after a purchase, p ~ Beta(a, b)). One-time buyers may have left. Source: Batislam, Denizel &
    Filiztekin (2007), International Journal of Research in Marketing 24(3).

    Examples
    --------
    >>> import clvmodels as clv
    >>> model = clv.ModifiedBetaGeoModel.from_params(
    ...     {"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614}, time_unit="week"
    ... )
    >>> round(model.expected_purchases_new_customer("52w"), 3)
    1.42
    """

    kernel = ModifiedBetaGeo()
