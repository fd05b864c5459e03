"""A shop from options as they are typed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from clvmodels.errors import ParameterError
from clvmodels.simulation.shop import SimulatedShop


def shop_from_text(customers: int, given: dict[str, Any]) -> SimulatedShop:
    """Shop from option values, some of which are text that stands for something else.

    Raises
    ------
    ConfigurationError
        Naming the option whose value cannot be used.
    """
    values = {name: value for name, value in given.items() if value is not None}
    for name, read in (
        ("parameters", _mapping),
        ("spend", _mapping),
        ("start", _day),
        ("events", _list),
    ):
        if name in values:
            values[name] = read(name, values[name])
    return SimulatedShop(customers=customers, **values)


def _mapping(name: str, text: str) -> dict[str, float]:
    try:
        return {
            key.strip(): float(value) for key, value in (i.split("=") for i in _list(name, text))
        }
    except ValueError:
        raise ParameterError(name, text, "names with numbers, such as r=1,alpha=180") from None


def _day(name: str, text: str) -> Any:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise ParameterError(name, text, "a day such as 2023-01-01") from None


def _list(name: str, text: str) -> tuple[str, ...]:
    del name
    return tuple(item.strip() for item in text.split(","))
