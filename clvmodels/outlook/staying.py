"""Who will still be a customer some time from now, for each model of purchases."""

from __future__ import annotations

import numpy as np

from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.kernels.beta_geo import BetaGeo
from clvmodels.kernels.mixing import mean_power_decay
from clvmodels.kernels.nbd import NBD
from clvmodels.kernels.pareto_nbd import ParetoNBD
from clvmodels.models.purchases import PurchaseModel


def share_still_active(
    model: PurchaseModel, x: IntArray, age: FloatArray, ahead: FloatArray
) -> FloatArray | None:
    """P(active ``ahead`` from now | active now), shape (n,); None for a model without a rule.

    In BG/NBD and MBG/NBD each purchase ends it with probability p ~ Beta(a, b′), so that with
    purchases at the rate λ ~ Gamma(r + x, α + T) it is E[exp(-λ p s)] = E[(1 + p s / (α + T))^-(r +
    x)]. In Pareto/NBD the rate of leaving is Gamma(s, β + T), and in the NBD nobody leaves.
    """
    kernel, theta = model.kernel, model.fit_.parameters
    if isinstance(kernel, BetaGeo):
        r, alpha, a, b = theta
        b_prime = b + x + kernel.first_chances
        return mean_power_decay(a, b_prime, r + x, ahead / (alpha + age))
    if isinstance(kernel, ParetoNBD):
        s, beta = theta[2:]
        share: FloatArray = np.exp(-s * np.log1p(ahead / (beta + age)))
        return share
    return np.ones(len(x)) if isinstance(kernel, NBD) else None
