"""Pareto/NBD as users hold it."""

from clvmodels.kernels.pareto_nbd import ParetoNBD
from clvmodels.models.purchases import PurchaseModel


class ParetoNBDModel(PurchaseModel):
    """Pareto/NBD: customers buy at their own rate and may leave at any time.

    Parameters ``r, alpha`` (purchase rate λ ~ Gamma(r, rate alpha)) and ``s, beta`` (rate of
    leaving, μ ~ Gamma(s, rate beta)). Source: Schmittlein, Morrison & Colombo (1987), Management
    Science 33(1); Fader & Hardie (2005).

    Examples
    --------
    >>> import clvmodels as clv
    >>> model = clv.ParetoNBDModel.from_params(
    ...     {"r": 0.553, "alpha": 10.578, "s": 0.606, "beta": 11.669}, time_unit="week"
    ... )
    >>> round(model.expected_purchases_new_customer("52w"), 5)
    1.473
    """

    kernel = ParetoNBD()
