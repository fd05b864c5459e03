"""What became of every input row, and what in a log deserves a look."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from clvmodels.errors import ClvError
from clvmodels.showing import ShownAsText

RULES = (
    "unreadable_row",
    "missing_customer_id",
    "missing_date",
    "unreadable_date",
    "after_observation_end",
    "unreadable_amount",
    "non_finite_amount",
    "amount_out_of_range",
    "negative_amount",
    "return_without_purchase",
    "zero_amount",
    "duplicate",
)
"""Rules of the data contract, in order of precedence: a row counts under the first it breaks."""

SUMMARISED_ELSEWHERE = "the rows behind them were counted elsewhere"

CODE = {rule: code for code, rule in enumerate(RULES)}


@dataclass(frozen=True)
class InputFile:
    """One input: base name, data rows read, and SHA-256 of the file (None for a frame)."""

    name: str
    rows: int
    sha256: str | None = None


@dataclass(frozen=True)
class RowAccount:
    """Where every row went; ``read = used + merged + netted + sum(quarantined)``.

    Attributes
    ----------
    read : int
        Rows of the input.
    used : int
        Purchase days.
    merged : int
        Further rows of a purchase day, whose amounts were added to it.
    netted : int
        Returns and the rows that they cancelled.
    quarantined : dict of str to int
        Rows set aside for each rule; rules that no row broke are left out.

    Raises
    ------
    ClvError
        If the account does not balance, which is a defect of the package.
    """

    read: int
    used: int
    merged: int
    netted: int = 0
    quarantined: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        accounted = self.used + self.merged + self.netted + self.set_aside
        if self.read != accounted:
            msg = f"The row account does not balance: {self.read} rows read, {accounted} accounted."
            raise ClvError(msg)

    @property
    def set_aside(self) -> int:
        """Rows in quarantine, all rules together."""
        return sum(self.quarantined.values())

    def __str__(self) -> str:
        rules = ", ".join(f"{rule} {count:,}" for rule, count in self.quarantined.items())
        return (
            f"{self.read:,} rows read = {self.used:,} purchase days + {self.merged:,} merged "
            f"+ {self.netted:,} netted + {self.set_aside:,} set aside"
            + (f" ({rules})" if rules else "")
        )


@dataclass(frozen=True)
class LogWarning:
    """Something in a usable log that deserves a look: a stable code, a sentence, a count."""

    code: str
    message: str
    count: int


@dataclass(frozen=True)
class LogCheck(ShownAsText):
    """The data contract's verdict on a log, as seen up to ``observation_end``.

    ``account`` is None where the customers were summarised elsewhere and no log was read.
    """

    account: RowAccount | None
    warnings: tuple[LogWarning, ...]
    observation_end: date
    customers: int

    def __str__(self) -> str:
        lines = [
            f"{self.customers:,} customers up to {self.observation_end}; "
            f"{self.account or SUMMARISED_ELSEWHERE}",
            *(f"warning: {warning.message}" for warning in self.warnings),
        ]
        return "\n".join(lines)

    __repr__ = __str__
