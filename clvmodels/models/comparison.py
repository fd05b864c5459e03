"""Which model would have predicted the same customers best."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from clvmodels.errors import ParameterError
from clvmodels.kernels.base import PurchaseKernel
from clvmodels.models.data import CustomerData

if TYPE_CHECKING:
    import pandas as pd

    from clvmodels.models.base import Model


def compare_models(models: Mapping[str, Model], customers: CustomerData) -> pd.DataFrame:
    """Table of fitted models by leave-one-out prediction, the best first.

    Parameters
    ----------
    models
        Models of the same thing (purchases, or spend), fitted to the customers, by name.

    Returns
    -------
    pandas.DataFrame
        ``elpd``: expected log predictive density of customers left out, and its standard error
        ``elpd_se``; ``difference`` from the best with ``difference_se``, taken customer by
        customer; ``effective_parameters``; ``unreliable_customers``, whose Pareto k is above 0.7.
        A difference of less than a few standard errors, or of less than 4, decides nothing.

    Raises
    ------
    NoDrawsError
        If a model has a point estimate only.
    """
    import pandas as pd

    if len({isinstance(model.kernel, PurchaseKernel) for model in models.values()}) != 1:
        raise ParameterError("models", list(models), "one or more models, of the same thing")
    found = {name: model.loo(customers) for name, model in models.items()}
    order = sorted(found, key=lambda name: -found[name].elpd)
    rows = []
    for name in order:
        loo = found[name]
        difference, error = loo.less(found[order[0]])
        rows.append(
            {
                "elpd": loo.elpd,
                "elpd_se": loo.standard_error,
                "difference": difference,
                "difference_se": error,
                "effective_parameters": loo.effective_parameters,
                "unreliable_customers": loo.unreliable_customers,
            }
        )
    return pd.DataFrame(rows, index=pd.Index(order, name="model"))
