"""From scores of customers to their segments: one function for notebook, job and Spark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from clvmodels.config.segments import SEGMENT_KINDS, SegmentKind, SegmentRules
from clvmodels.errors import ArtefactError
from clvmodels.kernels.base import FloatArray, IntArray
from clvmodels.segments.kinds import QUESTIONS, code_table
from clvmodels.segments.limits import Limits, tier_of
from clvmodels.segments.membership import Claims
from clvmodels.storage import read_json, write_json
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import DAYS_PER_UNIT
from clvmodels.value.scorer import Scorer

SCHEMA = 1
FILE = "segments.json"
# Ages are whole days, which a unit of weeks holds to rounding only.
_HALF_SECOND = 1e-5
_TABLE = code_table()


@dataclass(frozen=True)
class Segmenter:
    """Puts every customer into exactly one segment, by limits that were learned before.

    Attributes
    ----------
    limits
        What decides.
    rules
        The rules that the limits were learned by; they name the segments and suggest actions.
    """

    limits: Limits
    rules: SegmentRules
    _claims: list[tuple[Scorer, Claims]] = field(
        default_factory=list, init=False, repr=False, compare=False
    )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the segments, in the order of their codes."""
        return tuple(self.rules.names[kind] for kind in SEGMENT_KINDS)

    @property
    def kinds(self) -> tuple[SegmentKind, ...]:
        """What the segments are, in the order of their codes; no configuration changes it."""
        return SEGMENT_KINDS

    def assign(
        self, columns: CustomerColumns, scores: dict[str, FloatArray], scorer: Scorer
    ) -> tuple[IntArray, FloatArray]:
        """Code of the segment of each customer, and the probability that its claim is true.

        Parameters
        ----------
        columns, scores
            The customers, and what the scorer gave for them.
        scorer
            On the terms that the limits were learned on (see `Limits.misfit`).
        """
        codes = self.codes(columns, with_tier(columns, scores, scorer))
        return codes, self._claims_of(scorer).probability(columns, scores, codes)

    def codes(self, columns: CustomerColumns, scores: Mapping[str, FloatArray]) -> IntArray:
        """Code of the segment of each customer, from P(alive), the tier's score and potential."""
        limits, tier = self.limits, self.limits.tier
        alive = scores["probability_alive"]
        young_until = (limits.new_until_days + _HALF_SECOND) / DAYS_PER_UNIT[columns.time_unit]
        answers = {
            "repeated": columns.frequency > 0,
            "young": columns.age <= young_until,
            "few": columns.frequency < limits.few_orders,
            "active": alive >= limits.active_from,
            "gone": alive < limits.lapsed_below,
            "top": scores[tier] >= limits.top,
            "top_if_active": scores[potential_of(tier)] >= limits.top,
        }
        pattern = np.zeros(len(columns), dtype=np.uint8)
        for place, question in enumerate(QUESTIONS):
            pattern |= answers[question].view(np.uint8) << np.uint8(place)
        return _TABLE[pattern]

    def save(self, path: Path) -> None:
        """Write limits, names and actions as JSON, whole or not at all."""
        content = {"limits": self.limits.to_dict(), "rules": self.rules.model_dump()}
        write_json(path, content, schema=SCHEMA)

    @classmethod
    def load(cls, path: Path) -> Segmenter:
        """Read what `save` wrote.

        Raises
        ------
        ArtefactError
            If the file is missing, damaged or of another schema version.
        """
        content = read_json(path, schema=SCHEMA)
        try:
            rules = SegmentRules.model_validate(content.get("rules"))
        except ValueError as error:
            msg = f"The rules in {path.name} are damaged. Restore it, or fit the model again."
            raise ArtefactError(msg) from error
        return cls(Limits.from_dict(content.get("limits"), path.name), rules)

    def _claims_of(self, scorer: Scorer) -> Claims:
        for known, claims in self._claims:
            if known is scorer:
                return claims
        made = Claims(scorer, self.limits.tier, self.limits.top)
        self._claims[:] = [(scorer, made)]
        return made


def potential_of(tier: str) -> str:
    """The score that says what the tier's score would be, were the customer certainly active."""
    return "potential_value" if tier == "clv" else f"{tier}_if_active"


def with_tier(
    columns: CustomerColumns, scores: dict[str, FloatArray], scorer: Scorer
) -> dict[str, FloatArray]:
    """Scores with those that a value tier without money looks at."""
    tier = tier_of(scorer)
    if tier == "clv":
        return scores
    alive = scores["probability_alive"]
    if tier == "expected_purchases":
        worth = scores[tier]
    else:
        worth = alive * scorer.ahead(columns).discounted
    # Who has certainly left is no matter of value any more.
    potential = np.divide(worth, alive, out=np.zeros_like(worth), where=alive > 0.0)
    return {**scores, tier: worth, potential_of(tier): potential}
