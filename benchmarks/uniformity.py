"""Whether positions that should be uniform on (0, 1) are, and in which way they are not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from clvmodels.kernels.base import FloatArray

BINS = 20
# Of a normal posterior that is off by d standard deviations, or whose standard deviation is too
# small by the share e, the mean position moves by d / (2 √π) and the mean cup by √15 e / π.
_SLOPE_PER_SD = 0.5 / np.sqrt(np.pi)
_CUP_PER_SHARE = np.sqrt(15.0) / np.pi


@dataclass(frozen=True)
class Uniformity:
    """Evidence on one quantity, or on several of the same replications pooled.

    Attributes
    ----------
    p_values
        By test: ``chi_square``, ``kolmogorov``, ``slope``, ``cup``; of pooled ones the last two.
    shift, shift_error
        By how many posterior standard deviations the truth lies above the draws on average.
    narrow, narrow_error
        By which share the draws vary too little; below 0 too much.
    """

    p_values: dict[str, float]
    shift: float
    shift_error: float
    narrow: float
    narrow_error: float


def position(truth: float, draws: FloatArray, rng: np.random.Generator) -> float:
    """Where the truth stands among draws, at random among those equal to it, in (0, 1)."""
    below, equal = int((draws < truth).sum()), int((draws == truth).sum())
    return (below + (equal + 1) * float(rng.random())) / (len(draws) + 1)


def cup(positions: FloatArray) -> FloatArray:
    """Second Legendre polynomial: mean 0 and variance 1 if uniform, above 0 near both ends."""
    value: FloatArray = np.sqrt(5.0) * (6.0 * (positions - 0.5) ** 2 - 0.5)
    return value


def uniformity(positions: FloatArray) -> Uniformity:
    """Test the positions of one quantity, one from each replication."""
    from scipy.stats import chisquare, kstest

    n = len(positions)
    counts, _ = np.histogram(positions, BINS, (0.0, 1.0))
    slope, bend = np.sqrt(12.0) * (positions - 0.5), cup(positions)
    error = 1.0 / np.sqrt(n)
    return Uniformity(
        {
            "chi_square": float(chisquare(counts).pvalue),
            "kolmogorov": float(kstest(positions, "uniform").pvalue),
            "slope": _two_sided(slope.mean() / error),
            "cup": _two_sided(bend.mean() / error),
        },
        *_in_sd(slope.mean(), error, bend.mean(), error),
    )


def pooled(positions: Mapping[str, FloatArray]) -> Uniformity:
    """Test the means over quantities, which show what all of them have a little of.

    Quantities of one replication depend on each other, so the error is that between replications.
    """
    table = np.column_stack(list(positions.values()))
    slope = np.sqrt(12.0) * (table - 0.5).mean(axis=1)
    bend = cup(table).mean(axis=1)
    errors = [float(values.std(ddof=1)) / np.sqrt(len(values)) for values in (slope, bend)]
    return Uniformity(
        {
            "slope": _two_sided(slope.mean() / errors[0]),
            "cup": _two_sided(bend.mean() / errors[1]),
        },
        *_in_sd(slope.mean(), errors[0], bend.mean(), errors[1]),
    )


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Correct p-values for their number (Holm 1979), by name."""
    names = sorted(p_values, key=lambda name: p_values[name])
    corrected, largest = {}, 0.0
    for place, name in enumerate(names):
        largest = max(largest, min((len(names) - place) * p_values[name], 1.0))
        corrected[name] = largest
    return corrected


def _two_sided(z: float) -> float:
    from scipy.stats import norm

    return float(2.0 * norm.sf(abs(z)))


def _in_sd(
    slope: float, slope_error: float, bend: float, bend_error: float
) -> tuple[float, float, float, float]:
    unit = np.sqrt(12.0) * _SLOPE_PER_SD
    return (
        float(slope / unit),
        float(slope_error / unit),
        float(bend / _CUP_PER_SHARE),
        float(bend_error / _CUP_PER_SHARE),
    )
