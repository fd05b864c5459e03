"""How objects show themselves: in a terminal as text, in a notebook as HTML that is only text."""

from __future__ import annotations

import html
from abc import ABC, abstractmethod
from collections.abc import Mapping

from clvmodels.wording import number, printable

_LONGEST = 300


def between(expected: float, lower: float, upper: float) -> str:
    """Write a number with its interval: ``21,400 (12,500 to 36,400)``."""
    return f"{number(expected)} ({number(lower)} to {number(upper)})"


class ShownAsText:
    """Shows in a notebook what it shows in a terminal."""

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(_harmless(repr(self)))}</pre>"


class ShownAsFacts(ABC):
    """Shows itself as a list of facts; a dataclass must leave its own ``repr`` aside."""

    @abstractmethod
    def _facts(self) -> Mapping[str, str]:
        """Give what there is to say, each with its name."""

    def __repr__(self) -> str:
        facts = {
            printable(name, 40): printable(text, _LONGEST) for name, text in self._facts().items()
        }
        width = max(map(len, facts), default=0) + 1
        return "\n".join(
            [type(self).__name__, *(f"  {name:<{width}}{text}" for name, text in facts.items())]
        )

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th style="text-align:left">{html.escape(printable(name, 40))}</th>'
            f'<td style="text-align:left">{html.escape(printable(text, _LONGEST))}</td></tr>'
            for name, text in self._facts().items()
        )
        return f"<table><caption>{type(self).__name__}</caption><tbody>{rows}</tbody></table>"


def _harmless(text: str) -> str:
    return "\n".join(printable(line, len(line)) for line in text.split("\n"))
