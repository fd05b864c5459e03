"""What is entered by hand: frozen, known by name, and refused in words that name the way out."""

from __future__ import annotations

import difflib
import re
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from clvmodels.errors import ConfigurationError


class Entered(BaseModel):
    """Values that somebody enters.

    Raises
    ------
    ConfigurationError
        Naming every value that cannot be used, and the bound.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ConfigurationError(refusal(error, type(self))) from None

    # Inside another table its problems are collected with whatever else is wrong there.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]


def refusal(error: ValidationError, table: type[BaseModel], place: tuple[str, ...] = ()) -> str:
    """Say in a sentence each what is wrong with the values of a table.

    Parameters
    ----------
    place
        Names of the tables around it.
    """
    return " ".join(_sentence(found, table, place) for found in error.errors())


def _sentence(problem: Any, table: type[BaseModel], place: tuple[str, ...]) -> str:
    option = ".".join(map(str, (*place, *problem["loc"])))
    if problem["type"] == "extra_forbidden":
        if len(problem["loc"]) > 1:
            return f"{option} is no option."
        close = difflib.get_close_matches(problem["loc"][0], table.model_fields, n=1)
        known = ", ".join(table.model_fields)
        hint = f"did you mean {close[0]}?" if close else f"there are {known}."
        return f"{option} is no option; {hint}"
    complaint = (
        str(problem["ctx"]["error"]) if "error" in problem.get("ctx", {}) else problem["msg"]
    )
    subject = f"{option} = {problem['input']!r}: " if option else ""
    return subject + re.sub(r"^(Input|String) should", "it must", complaint).rstrip(".") + "."
