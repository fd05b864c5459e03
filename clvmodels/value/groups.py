"""Totals of groups of customers (segments, cohorts), uncertain together.

Groups share the parameters and whatever strikes everybody at once, so their totals rise and fall
together. All come from the same joint draws, and so does their sum.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from clvmodels.errors import InputError
from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.models.data import in_order
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.value.mixture import Mixture
from clvmodels.value.parameters import Pair, parameter_pairs
from clvmodels.value.plug_in import PlugIn, look_ahead, mixed_outlook, take
from clvmodels.value.scorer import Scorer
from clvmodels.value.shock import CommonShock, CommonShocks
from clvmodels.value.terms import check_interval
from clvmodels.value.totals import ValueGroups, expected_totals

if TYPE_CHECKING:
    import pandas as pd

_POINTS = 32
_DRAWS = 8192
_CELLS_AT_ONCE = 1 << 21


@dataclass(frozen=True)
class JointTotals:
    """One quantity of several groups, in money or purchases.

    Attributes
    ----------
    expected, sd_parameters, sd_customers : (groups,)
        Expectation, and standard deviations from not knowing the parameters and from what
        customers will do.
    draws : (draws, groups)
        Joint draws of what will be seen: parameters, customers and the common shock.
    """

    expected: FloatArray
    sd_parameters: FloatArray
    sd_customers: FloatArray
    draws: FloatArray = field(repr=False)

    @property
    def covariance(self) -> FloatArray:
        """Covariance of what will be seen, shape (groups, groups)."""
        return np.atleast_2d(np.cov(self.draws.T))


@dataclass(frozen=True, repr=False)
class GroupTotals:
    """Totals of groups of customers with joint intervals.

    Attributes
    ----------
    labels
        What the groups are called, in the order of all arrays.
    customers : (groups,)
        Customers in each.
    purchases, clv
        None for a lifetime, or without a spend model.
    interval
        Probability of the intervals.
    """

    labels: tuple[Any, ...]
    customers: IntArray
    purchases: JointTotals | None
    clv: JointTotals | None
    interval: float

    def to_pandas(self) -> pd.DataFrame:
        """One row per group and a last one, ``total``, whose bounds are not sums of theirs."""
        import pandas as pd

        lower, _, upper = check_interval(self.interval)
        table = {"customers": np.append(self.customers, self.customers.sum())}
        for name, totals in (("purchases", self.purchases), ("clv", self.clv)):
            if totals is None:
                continue
            draws = np.column_stack([totals.draws, totals.draws.sum(axis=1)])
            table[name] = np.append(totals.expected, totals.expected.sum())
            table[f"{name}_lower"] = np.quantile(draws, lower, axis=0)
            table[f"{name}_upper"] = np.quantile(draws, upper, axis=0)
        return pd.DataFrame(table, index=pd.Index([*self.labels, "total"], name="label"))

    def __repr__(self) -> str:
        return f"GroupTotals ({self._caption()})\n{self.to_pandas().to_string()}"

    def _repr_html_(self) -> str:
        table = self.to_pandas().to_html(float_format=lambda value: f"{value:,.0f}")
        return f"<p><b>GroupTotals</b>: {self._caption()}</p>{table}"

    def _caption(self) -> str:
        return f"{100 * self.interval:.3g}% intervals"


def group_totals(
    columns: CustomerColumns,
    labels: Any,
    scorer: Scorer,
    interval: float,
    shock: CommonShock | CommonShocks,
) -> GroupTotals:
    """Totals by label; ``labels`` has one entry per customer, in their order."""
    names, which = _factorized(labels, columns)
    size = len(names)
    weight = columns.weights
    customers = np.rint(np.bincount(which, weight, size)).astype(np.int64)
    pairs = parameter_pairs(scorer.purchases, scorer.spend, _POINTS, by_curvature=True)
    expected = _sums_by_group(columns, which, weight, size, _parts(pairs, scorer), _means)
    mode = [(scorer.purchases, scorer.spend)]
    variance = _sums_by_group(columns, which, weight, size, _parts(mode, scorer), _variances)
    shocks = CommonShocks.of(shock)
    rng = np.random.default_rng(scorer.seed)
    turn = np.arange(_DRAWS) % len(pairs)
    joint: list[JointTotals | None] = []
    fixed = scorer.terms.fixed_cost * customers
    for totals, var, common, cost in (
        (expected[0], variance[0][0], shocks.purchases, 0.0),
        (expected[1], variance[1][0], shocks.value, fixed),
    ):
        if not np.isfinite(totals).all():
            joint.append(None)
            continue
        seen = _what_customers_do(totals[turn], var, rng) * _shock_draws(common, rng)[:, None]
        joint.append(
            JointTotals(totals.mean(axis=0) - cost, totals.std(axis=0), np.sqrt(var), seen - cost)
        )
    return GroupTotals(names, customers, joint[0], joint[1], interval)


def total_draws(columns: CustomerColumns, scorer: Scorer, draws: int) -> FloatArray:
    """Expected active customers, purchases, value and potential value of the base.

    One row for each of ``draws`` points of the posterior, shape (draws, 4): how uncertain the
    parameters leave them.
    """
    groups, terms = ValueGroups.of(columns), scorer.terms
    return np.array(
        [
            expected_totals(groups, spend, terms, look_ahead(purchases, groups.columns, terms))
            for purchases, spend in parameter_pairs(
                scorer.purchases, scorer.spend, draws, by_curvature=True
            )
        ]
    )


def _factorized(labels: Any, columns: CustomerColumns) -> tuple[tuple[Any, ...], IntArray]:
    import pandas as pd

    if hasattr(labels, "to_pandas"):
        labels = labels.to_pandas()
    given = np.asarray(in_order(labels, columns, "labels"), dtype=object)
    if given.ndim != 1:
        msg = "Labels have one entry per customer; give a single column of them."
        raise InputError(msg)
    values = pd.Series(given)
    missing = values.isna().to_numpy()
    known = sorted(set(values[~missing]), key=lambda name: (str(type(name)), name))
    code = {name: i for i, name in enumerate(known)}
    which = np.array(
        [len(known) if gone else code[name] for name, gone in zip(values, missing, strict=True)],
        dtype=np.int64,
    )
    return tuple(known) + ((None,) if missing.any() else ()), which


def _parts(pairs: Sequence[Pair], scorer: Scorer) -> list[PlugIn]:
    return [PlugIn(*pair, scorer.terms, scorer.levels, scorer.seed) for pair in pairs]


def _sums_by_group(
    columns: CustomerColumns,
    which: IntArray,
    weight: FloatArray,
    size: int,
    parts: list[PlugIn],
    quantities: Callable[[Mixture], tuple[FloatArray, FloatArray]],
) -> FloatArray:
    """Sums of two quantities of customers over the groups, shape (2, parts, size)."""
    result = np.zeros((2, len(parts), size))
    block = max(_CELLS_AT_ONCE // len(parts), 1)
    outlook = mixed_outlook(parts)
    for start in range(0, len(columns), block):
        some = slice(start, start + block)
        mixture = Mixture(parts, take(columns, some), outlook)
        for q, values in enumerate(quantities(mixture)):
            for m, each in enumerate(values):
                result[q, m] += np.bincount(which[some], each * weight[some], size)
    return result


def _means(mixture: Mixture) -> tuple[FloatArray, FloatArray]:
    nothing = np.full(mixture.alive.shape, np.nan)
    value = nothing if mixture.parts[0].spend is None else mixture.value
    return mixture.expected_purchases, value


def _variances(mixture: Mixture) -> tuple[FloatArray, FloatArray]:
    nothing = np.full(mixture.alive.shape, np.nan)
    lifetime = mixture.terms.horizon.is_lifetime
    value = nothing if mixture.parts[0].spend is None else mixture.value_variance
    return nothing if lifetime else mixture.purchases_variance, value


def _what_customers_do(
    expected: FloatArray, variance: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Draws around expectations (draws, groups) of sums of what no customer does below 0."""
    draws = expected + np.sqrt(variance) * rng.standard_normal(expected.shape)
    # A sum that cannot be negative is skewed where few customers make it.
    plain = (expected > 0.0) & (variance > 0.0)
    power = np.divide(expected**2, variance, out=np.ones_like(expected), where=plain)
    skewed = rng.standard_gamma(power) * expected / power
    return np.where(plain, skewed, draws)


def _shock_draws(shock: CommonShock, rng: np.random.Generator) -> FloatArray:
    if shock.sd == 0.0:
        return np.ones(_DRAWS)
    if np.isinf(shock.degrees_of_freedom):
        return np.exp(shock.sd * rng.standard_normal(_DRAWS))
    return np.exp(shock.sd * rng.standard_t(shock.degrees_of_freedom, _DRAWS))
