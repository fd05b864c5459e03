"""What a model learns from: distinct entries with their weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from clvmodels.inference.density import LogDensity
from clvmodels.kernels.base import FloatArray, Kernel


@dataclass(frozen=True)
class Evidence:
    """Columns of a kernel's likelihood.

    Attributes
    ----------
    names
        Of the columns.
    columns
        Arrays of shape (n,), x first.
    weight : (n,)
        Customers behind each entry.
    scale
        Mean age or mean order value, in the unit of the columns.
    """

    names: tuple[str, ...]
    columns: tuple[NDArray[Any], ...]
    weight: FloatArray
    scale: float

    def density(self, kernel: Kernel, scale: float | None = None) -> LogDensity:
        """The kernel bound to the evidence, with its prior."""
        scale = self.scale if scale is None else scale
        return LogDensity(kernel, self.columns, self.weight, scale, with_prior=True)
