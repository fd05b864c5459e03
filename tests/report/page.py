"""Read a page back the way a browser would, and complain about what is not well formed."""

from __future__ import annotations

from html.parser import HTMLParser

_EMPTY = {"meta", "link", "br", "img", "hr", "input", "wbr"}


class Page(HTMLParser):
    """Elements with their attributes, and the text outside drawings and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.paths: list[tuple[str, ...]] = []
        self.texts: list[str] = []
        self.tables: list[list[list[str]]] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute is repeated: {tag} {names}"
        self.elements.append((tag, dict(attrs)))
        self.paths.append((*self._open, tag))
        if tag not in _EMPTY:
            self._open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in {"th", "td"}:
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.paths.append((*self._open, tag))

    def handle_endtag(self, tag):
        assert self._open, f"closed without being open: {tag}"
        assert self._open[-1] == tag, f"{tag} closes {self._open[-1]}"
        self._open.pop()

    def handle_data(self, data):
        if "svg" in self._open or "style" in self._open:
            return
        self.texts.append(data)
        if {"th", "td"} & set(self._open):
            self.tables[-1][-1][-1] += data

    @property
    def text(self) -> str:
        """All text, with spaces and breaks run together."""
        return " ".join(" ".join(self.texts).split())

    def find(self, tag: str) -> list[dict[str, str | None]]:
        """Attributes of all elements of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]

    def table(self, column: str) -> dict[str, list[str]]:
        """Rows of the first table that has this column heading, by their own heading."""
        cells = next(table for table in self.tables if column in _tidy(table[0]))
        return {_tidy(row)[0]: _tidy(row)[1:] for row in cells[1:]}


def _tidy(row: list[str]) -> list[str]:
    return [" ".join(cell.split()) for cell in row]
