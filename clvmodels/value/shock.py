"""What strikes every customer of a base at once, and how well its size is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import stdtrit

# What a whole base shares (seasons, prices, crises) as the standard deviation of the log of actual
# over predicted, and how many windows this assumption is worth.
ASSUMED_SD, ASSUMED_WORTH = 0.25, 4.0


@dataclass(frozen=True)
class CommonShock:
    """A shock on the log scale that all customers share: Student's t around zero.

    Attributes
    ----------
    sd
        Scale of the log of actual over predicted: .25 is about 25 %.
    degrees_of_freedom
        How well the scale is known; infinite is for certain.
    windows
        Earlier windows of the log that taught it.
    """

    sd: float
    degrees_of_freedom: float
    windows: int = 0

    @classmethod
    def of_errors(cls, log_errors: Sequence[float]) -> CommonShock:
        """Learn the size from log(actual / predicted) of earlier windows of equal length.

        With n errors, s² = (4 · .25² + Σ error²) / (4 + n), and the next error over s is Student's
        t with 4 + n degrees of freedom: the exact predictive for zero-mean normal errors whose
        variance is scaled-inverse-χ²(4, .25²) beforehand. Without errors the assumption remains.

        Examples
        --------
        >>> from clvmodels.value import CommonShock
        >>> round(CommonShock.of_errors([0.1, -0.2, 0.05]).factor(0.9), 3)
        1.483
        """
        worth = ASSUMED_WORTH + len(log_errors)
        squares = ASSUMED_WORTH * ASSUMED_SD**2 + math.fsum(error**2 for error in log_errors)
        return cls(math.sqrt(squares / worth), worth, len(log_errors))

    @property
    def assumed(self) -> bool:
        """Whether no earlier window stands behind the size."""
        return self.windows == 0 and self.sd > 0.0

    def half_width(self, interval: float) -> float:
        """Half the width on the log scale of the central interval with a probability."""
        if self.sd == 0.0:
            return 0.0
        return self.sd * float(stdtrit(self.degrees_of_freedom, 0.5 * (1.0 + interval)))

    def factor(self, interval: float) -> float:
        """By what a total is multiplied and divided for the central interval."""
        return math.exp(self.half_width(interval))


ASSUMED = CommonShock.of_errors(())
NO_SHOCK = CommonShock(0.0, math.inf)


@dataclass(frozen=True)
class CommonShocks:
    """The shocks to the number of purchases and to their worth, each learned on its own."""

    purchases: CommonShock = ASSUMED
    value: CommonShock = ASSUMED

    @classmethod
    def of(cls, shock: CommonShock | CommonShocks) -> CommonShocks:
        """Take one shock for both, or both as they are."""
        return shock if isinstance(shock, CommonShocks) else cls(shock, shock)
