"""The reference figures in `golden.json`, kept as printed so that their digits are known."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

GOLDEN: dict[str, Any] = json.loads(
    Path(__file__).with_name("golden.json").read_text(encoding="utf-8")
)


def as_printed(figure: str) -> Any:
    """Give what equals a figure to its last printed digit."""
    exponent = Decimal(figure).as_tuple().exponent
    assert isinstance(exponent, int)
    return pytest.approx(float(figure), rel=0.0, abs=0.5000001 * 10.0**exponent)


def all_as_printed(figures: dict[str, str]) -> dict[str, Any]:
    """`as_printed` for each of several named figures."""
    return {name: as_printed(figure) for name, figure in figures.items()}


def numbers(figures: dict[str, str]) -> dict[str, float]:
    """Figures as floating-point numbers."""
    return {name: float(figure) for name, figure in figures.items()}
