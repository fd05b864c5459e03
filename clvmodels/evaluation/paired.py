"""Whether one method is better than another on the same customers, or only by luck."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clvmodels.kernels.base import FloatArray, IntArray

REPLICATES = 1_000
# Beyond this many customers the bootstrap draws groups of customers, dealt out at random.
_MOST_GROUPS = 1_000


@dataclass(frozen=True)
class Difference:
    """Mean of ``method`` minus mean of ``against`` in a loss: below 0, ``method`` is better.

    ``lower`` and ``upper`` bound the difference with the probability ``interval``, over customers
    like these; ``better`` is the share of replicates in which ``method`` has the smaller loss.
    """

    measure: str
    method: str
    against: str
    difference: float
    lower: float
    upper: float
    interval: float
    better: float


def paired_differences(
    losses: dict[str, dict[str, FloatArray]], interval: float, rng: np.random.Generator
) -> list[Difference]:
    """Differences between all pairs of methods in every loss that both have.

    Parameters
    ----------
    losses
        By measure and method: the loss of each customer, (n,) each, in the same order.
    interval
        Probability of the intervals.
    rng
        Deals customers into groups and draws the replicates, which all comparisons share.

    Notes
    -----
    A replicate draws as many customers as there are, with replacement. Above 1,000 customers it
    draws groups of customers instead: their sums vary as much as customers do, and a large base
    costs one pass.
    """
    n = len(next(iter(next(iter(losses.values())).values())))
    groups = min(n, _MOST_GROUPS)
    group = rng.permutation(n) % groups
    drawn = _multiplicities(groups, rng)
    size = drawn @ np.bincount(group, minlength=groups).astype(np.float64)
    tail = 50.0 * (1.0 - interval)
    found = []
    for measure, methods in losses.items():
        names = list(methods)
        means = {name: float(methods[name].mean()) for name in names}
        resampled = {
            name: drawn @ np.bincount(group, weights=methods[name], minlength=groups) / size
            for name in names
        }
        for i, against in enumerate(names):
            for method in names[i + 1 :]:
                replicate = resampled[method] - resampled[against]
                lower, upper = np.percentile(replicate, (tail, 100.0 - tail)).tolist()
                found.append(
                    Difference(
                        measure=measure,
                        method=method,
                        against=against,
                        difference=means[method] - means[against],
                        lower=lower,
                        upper=upper,
                        interval=interval,
                        better=float(np.mean(replicate < 0.0)),
                    )
                )
    return found


def _multiplicities(groups: int, rng: np.random.Generator) -> FloatArray:
    """How often each group is drawn in each replicate, shape (replicates, groups)."""
    drawn: IntArray = rng.integers(0, groups, size=(REPLICATES, groups))
    drawn += np.arange(REPLICATES)[:, None] * groups
    counts = np.bincount(drawn.ravel(), minlength=REPLICATES * groups)
    return counts.reshape(REPLICATES, groups).astype(np.float64)
