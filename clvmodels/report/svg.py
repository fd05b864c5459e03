"""A figure as inline SVG: the same bytes for the same drawing, nothing to load."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

WIDTH = 4.6
"""Inches at 72 units each: narrow enough that text stays legible across a phone."""
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "clvmodels",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.5,
    "axes.labelsize": 9.5,
    "legend.fontsize": 9.5,
    "hatch.linewidth": 0.7,
}
_FONTS = "font-family: system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"


@dataclass(frozen=True)
class Figure:
    """A figure with what goes around it: title, takeaway, how to read it."""

    name: str
    title: str
    takeaway: str
    reading: str
    svg: str


def on_one(draw: Callable[[Axes], Any]) -> Callable[[Canvas], None]:
    """Give what draws on a canvas with one pair of axes."""

    def on_canvas(canvas: Canvas) -> None:
        draw(canvas.subplots())

    return on_canvas


def make_figure(
    name: str,
    title: str,
    takeaway: str,
    reading: str,
    draw: Callable[[Canvas], None],
    *,
    height: float = 2.9,
) -> Figure:
    """Draw a figure ``height`` inches high; ``draw`` gets the canvas."""
    import matplotlib as mpl
    from matplotlib.figure import Figure as Canvas

    target = StringIO()
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # The reader's own fonts draw the text, whatever glyphs the measuring font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        canvas = Canvas(figsize=(WIDTH, height), layout="constrained")
        draw(canvas)
        canvas.savefig(target, format="svg", transparent=True)
    return Figure(name, title, takeaway, reading, _inline(target.getvalue(), name))


def _inline(svg: str, name: str) -> str:
    """Make a stand-alone SVG fit into a page: own ids, no metadata, no style of its own.

    Assistive technology gets the figure's text from the page, so the drawing itself is hidden.
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<style[^>]*>.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', body)
    body = re.sub(r'(xlink:href="|url\()#', rf"\1#{name}-", body)
    body = re.sub(r"font-family: [^;\"]+", _FONTS, body)
    view = re.search(r'viewBox="([^"]+)"', body)
    if view is None:  # pragma: no cover - matplotlib always writes one
        return body
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{view[1]}" stroke-linejoin="round" stroke-linecap="butt" '
        f'aria-hidden="true" focusable="false">'
    )
    return opening + body[body.index(">") + 1 :]
