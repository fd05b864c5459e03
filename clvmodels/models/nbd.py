"""NBD as users hold it."""

from clvmodels.kernels.nbd import NBD
from clvmodels.models.purchases import PurchaseModel


class NBDModel(PurchaseModel):
    """NBD: customers buy at their own rate and never leave; the null that others must beat.

    Parameters ``r, alpha`` (purchase rate λ ~ Gamma(r, rate alpha)). Source: Ehrenberg (1959),
    Applied Statistics 8(1).

    Examples
    --------
    >>> import clvmodels as clv
    >>> model = clv.NBDModel.from_params({"r": 0.385, "alpha": 12.072}, time_unit="week")
    >>> round(model.expected_purchases_new_customer("52w"), 3)
    1.658
    """

    kernel = NBD()
