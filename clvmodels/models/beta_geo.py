"""BG/NBD as users hold it."""

from clvmodels.kernels.beta_geo import BetaGeo
from clvmodels.models.purchases import PurchaseModel


class BetaGeoModel(PurchaseModel):
    """BG/NBD: customers buy at their own rate and may leave after each repeat purchase.

    Parameters ``r, alpha`` (purchase rate λ ~ Gamma(r, rate alpha)) and ``a, b`` (chance to leave
    after a purchase, p ~ Beta(a, b)). A customer with no repeat purchase is certainly alive in
    this model. Source: Fader, Hardie & Lee (2005), Marketing Science 24(2).

    Examples
    --------
    >>> import clvmodels as clv
    >>> model = clv.BetaGeoModel.from_params(
    ...     {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}, time_unit="week"
    ... )
    >>> round(model.expected_purchases_new_customer("52w"), 3)
    1.446
    """

    kernel = BetaGeo()
