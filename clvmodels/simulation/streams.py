"""Random numbers: one stream for each feature and block of customers."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Feature(IntEnum):
    """What draws from a stream of its own. The numbers are part of what a seed means."""

    CALENDAR = 0
    TRAITS = 1
    PURCHASES = 2
    SPEND = 3
    SUBSCRIPTIONS = 4
    BURSTS = 5
    ITEMS = 6
    RETURNS = 7
    DIRT = 8


def stream(seed: int, feature: Feature, block: int = 0) -> np.random.Generator:
    """Generator that depends on nothing but the seed, the feature and the block."""
    sequence = np.random.SeedSequence(seed, spawn_key=(int(feature), block))
    return np.random.Generator(np.random.PCG64(sequence))
