"""The eight segments: what each is, what it claims, and the one rule that tells them apart."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from clvmodels.config.segments import SEGMENT_KINDS, SegmentKind
from clvmodels.kernels.base import IntArray

DEFINITIONS: dict[SegmentKind, str] = {
    "new": "First bought recently and not again yet",
    "promising": "Came back, probably active, but young or with few orders so far",
    "champions": "Came back, probably active, and in the top tier by expected value",
    "loyal": "Came back more than once, probably active, below the top tier",
    "at_risk": "More likely gone than not, though in the top tier if still active",
    "fading": "More likely gone than not, and below the top tier even if still active",
    "one_time": "Bought once, longer ago than most who come back wait",
    "lapsed": "Came back at least once and is almost certainly gone",
}
CLAIMS: dict[SegmentKind, str] = {
    "new": "active today",
    "promising": "active today",
    "champions": "active today and worth at least the limit within the horizon",
    "loyal": "active today and worth less than the limit within the horizon",
    "at_risk": "worth at least the limit within the horizon if active today",
    "fading": "no longer active",
    "one_time": "does not buy again within the horizon",
    "lapsed": "no longer active",
}
"""What the membership probability is the probability of."""

CODES: dict[SegmentKind, int] = {kind: code for code, kind in enumerate(SEGMENT_KINDS)}

# What is asked of each customer, from the lowest bit of a pattern up.
QUESTIONS = ("repeated", "young", "few", "active", "gone", "top", "top_if_active")


def kind_of(
    *,
    repeated: bool,
    young: bool,
    few: bool,
    active: bool,
    gone: bool,
    top: bool,
    top_if_active: bool,
) -> SegmentKind:
    """The segment of a customer, from the answers to all questions."""
    if not repeated:
        return "new" if young else "one_time"
    if active:
        if top:
            return "champions"
        return "promising" if young or few else "loyal"
    if gone:
        return "lapsed"
    return "at_risk" if top_if_active else "fading"


def code_table() -> IntArray:
    """Code of the segment for each pattern of answers, (128,)."""
    return np.array([CODES[kind_of(**answers)] for answers in _patterns()], dtype=np.int64)


def _patterns() -> Iterator[dict[str, bool]]:
    for bits in product((False, True), repeat=len(QUESTIONS)):
        yield dict(zip(QUESTIONS, bits[::-1], strict=True))
