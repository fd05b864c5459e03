"""How far floating-point results are from exact ones."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tests.oracle.mixing import Number, mp


def relative_errors(got: Iterable[float], exact: Iterable[Number]) -> np.ndarray:
    """|got − exact| / |exact| of each pair; infinite where only one is 0 or got is not finite."""
    return np.array([_relative(g, e) for g, e in zip(got, exact, strict=True)])


def _relative(got: float, exact: Number) -> float:
    if not np.isfinite(got):
        return np.inf
    if exact == 0:
        return 0.0 if got == 0 else np.inf
    return float(abs((mp.mpf(float(got)) - exact) / exact))
