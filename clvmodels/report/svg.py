"""A figure as inline SVG: the same bytes for the same drawing, nothing to load."""

from __future__ import annotations

import html
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

    def __repr__(self) -> str:
        return f"Figure {self.name!r}: {self.title} {self.takeaway}"

    def _repr_html_(self) -> str:
        title, takeaway, reading = map(html.escape, (self.title, self.takeaway, self.reading))
        style = f"max-width: {100 * WIDTH:.0f}px"
        return (
            f'<figure style="{style}"><b>{title}</b><p>{takeaway}</p>{self.svg}'
            f"<figcaption>{reading}</figcaption></figure>"
        )


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
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure as Canvas

    target = StringIO()
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # The reader's own fonts draw the text, whatever glyphs the measuring font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        canvas = Canvas(figsize=(WIDTH, height), dpi=72, layout="constrained")
        FigureCanvasSVG(canvas)
        draw(canvas)
        _lay_out(canvas)
        canvas.savefig(target, format="svg", transparent=True)
    return Figure(name, title, takeaway, reading, _inline(target.getvalue(), name))


def _lay_out(canvas: Canvas) -> None:
    """Place everything once; saving alone would draw all of it a second time only for that."""
    engine = canvas.get_layout_engine()
    if engine is not None:
        engine.execute(canvas)
        canvas.set_layout_engine("none")


def _inline(svg: str, name: str) -> str:
    """Make a stand-alone SVG fit into a page: own ids, no metadata, no style of its own.

    Assistive technology gets the figure's text from the page, so the drawing itself is hidden.
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<style[^>]*>.*?</style>|<!--.*?-->", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', body)
    body = re.sub(r'(xlink:href="|url\()#', rf"\1#{name}-", body)
    body = re.sub(r"font-family: [^;\"]+", _FONTS, body)
    body = _without_idle_groups(body)
    view = re.search(r'viewBox="([^"]+)"', body)
    if view is None:  # pragma: no cover - matplotlib always writes one
        return body
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{view[1]}" stroke-linejoin="round" stroke-linecap="butt" '
        f'aria-hidden="true" focusable="false">'
    )
    return opening + body[body.index(">") + 1 :]


def _without_idle_groups(body: str) -> str:
    """Leave out names that nothing refers to, and the groups that have nothing but such a name.

    They are most of the elements of a drawing, and a PDF takes its time over each.
    """
    used = set(re.findall(r'(?:url\(|href=")#([^")]+)', body))
    kept: list[str] = []
    idle: list[bool] = []
    # A group that is empty has no end of its own.
    for part in re.split(r"(<g\b[^>]*>|</g>)", re.sub(r"<g\b[^>]*/>", "", body)):
        if part.startswith("<g"):
            name = re.fullmatch(r'<g(?: id="([^"]+)")?>', part)
            idle.append(name is not None and name[1] not in used)
        if not (part.startswith(("<g", "</g>")) and idle[-1]):
            kept.append(part)
        if part == "</g>":
            idle.pop()
    body = re.sub(
        r' id="([^"]+)"', lambda found: found[0] if found[1] in used else "", "".join(kept)
    )
    return re.sub(r"\s*\n\s*", "\n", body)
