"""What a sale is worth and what a customer costs: every economic figure of a job, in one place."""

from __future__ import annotations

import re
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from clvmodels.config.entered import Entered
from clvmodels.errors import DurationError
from clvmodels.units import Duration

Money = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
_COHORT = re.compile(r"\d{4}(?:-\d\d| [QH]\d)?", re.ASCII)


class EconomicsConfig(Entered):
    """Margin, costs, discounting and what customers cost to win; `docs/economics.md` tells more.

    Money is in the currency of the log, shares are fractions: 0.35 is 35 %.
    """

    # Share of an amount that is profit before promotions, and share of it that is given back.
    margin: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    promotions: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    # Money per order; money per customer and year; a numeric label with a customer's own.
    cost_per_order: Money = 0.0
    cost_per_customer_year: Money = 0.0
    cost_label: Annotated[str, Field(min_length=1)] | None = None
    retention_per_customer_year: Money = 0.0
    # Money that winning a customer costs: for everybody, or by cohort or by a label's values.
    cac: Money | None = None
    cac_label: Annotated[str, Field(min_length=1)] | None = None
    cac_values: dict[str, Money] = Field(default_factory=dict)
    payback_horizon: str = "2y"
    annual_discount_rate: Money = 0.10

    @field_validator("payback_horizon")
    @classmethod
    def _payback_ends(cls, value: str) -> str:
        try:
            duration = Duration.parse(value)
        except DurationError as error:
            # Only a ValueError is collected with whatever else is wrong.
            raise ValueError(str(error)) from error
        if duration.is_lifetime:
            msg = "a payback needs an end, such as '2y'"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.promotions >= self.margin:
            msg = (
                f"promotions = {self.promotions}: more is given back than the margin of "
                f"{self.margin} leaves; it must be below it"
            )
            raise ValueError(msg)
        if bool(self.cac_values) != (self.cac_label is not None):
            msg = (
                "cac_label and cac_values belong together: the label ('cohort' or a column of "
                "the labels), and what a customer costs for each of its values"
            )
            raise ValueError(msg)
        strange = [key for key in self.cac_values if not _COHORT.fullmatch(key)]
        if self.cac_label == COHORT and strange:
            msg = (
                f"cac_values has the cohort {strange[0]!r}; write a year, a half-year, a quarter "
                "or a month: '2024', '2024 H1', '2024 Q3' or '2024-07'"
            )
            raise ValueError(msg)
        return self

    @property
    def effective_margin(self) -> float:
        """Share of an amount that is profit once promotions have been given back."""
        return self.margin - self.promotions

    @property
    def yearly_cost(self) -> float:
        """Money per customer and year: service and retention."""
        return self.cost_per_customer_year + self.retention_per_customer_year

    def value_terms(self) -> dict[str, Any]:
        """The terms as `CustomerValue` takes them."""
        return {
            "margin": self.effective_margin,
            "annual_discount_rate": self.annual_discount_rate,
            "cost_per_order": self.cost_per_order,
            "cost_per_customer_year": self.yearly_cost,
        }


# The label that every customer has: when they came.
COHORT = "cohort"
