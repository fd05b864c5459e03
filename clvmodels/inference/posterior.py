"""What is known about the parameters, as equally weighted draws."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from clvmodels.kernels.base import FloatArray, Kernel

# Its multiples, without their whole parts, fill (0, 1) evenly however many there are.
_GOLDEN = (5.0**0.5 - 1.0) / 2.0


@dataclass(frozen=True)
class Posterior:
    """Draws of the parameters given the data, each as likely as the next.

    Attributes
    ----------
    coordinates : (draws, k)
        Scale-free coordinates, one chain behind the other.
    scale
        Ties the coordinates to the data's unit.
    method : {"laplace", "nuts", "pymc-marketing"}
        Who drew them.
    diagnostics
        Evidence that they can be trusted.
    """

    kernel: Kernel
    coordinates: FloatArray
    scale: float
    method: str
    chains: int = 1
    diagnostics: dict[str, Any] = field(default_factory=dict)

    @property
    def parameters(self) -> FloatArray:
        """The draws in natural parameters, shape (draws, k)."""
        natural: FloatArray = self.kernel.from_coordinates(self.coordinates.T, self.scale).T
        return natural

    def spread(self, m: int) -> FloatArray:
        """Coordinates of ``m`` draws that stand for all of them, shape (m, k).

        They are spaced evenly along the direction that is known least. The first of many are the
        same as the few, so that an answer from few can be refined by the rest.
        """
        draws = len(self.coordinates)
        if m >= draws:
            return self.coordinates
        away = self.coordinates - self.coordinates.mean(axis=0)
        _, directions = np.linalg.eigh(away.T @ away)
        order = np.argsort(away @ directions[:, -1], kind="stable")
        place = (0.5 + _GOLDEN * np.arange(m)) % 1.0
        chosen: FloatArray = self.coordinates[order[(place * draws).astype(np.int64)]]
        return chosen
