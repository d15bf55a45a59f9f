"""Reads an HTML page with Python's own parser: its tree, its text, and what it would fetch."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "img", "br", "hr", "link", "input", "base", "source", "embed"}
FETCHING = ("src", "srcset", "href", "data", "action", "poster", "background", "xlink:href")


@dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(c if isinstance(c, str) else c.text for c in self.children)

    def all(self, tag: str) -> list[Element]:
        """Every element of that name below this one, in order."""
        items = []
        for child in self.children:
            if isinstance(child, Element):
                items += [child] if child.tag == tag else []
                items += child.all(tag)
        return items


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), f"<{tag}> has an attribute twice: {names}"
        element = Element(tag, dict(attrs))
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data):
        self.open[-1].children.append(data)


def read(page: str) -> Element:
    """Returns the root of the page's tree; every element must be closed in order."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == [reader.root], f"never closed: {[e.tag for e in reader.open[1:]]}"
    return reader.root


def everything(element: Element) -> list[Element]:
    """Returns all elements below one."""
    items = []
    for child in element.children:
        if isinstance(child, Element):
            items += [child, *everything(child)]
    return items


def rows(table: Element) -> list[list[str]]:
    """Returns the text of a table's cells, its header first."""
    return [
        [cell.text for cell in row.children if isinstance(cell, Element)] for row in table.all("tr")
    ]


def pictures(root: Element) -> list[bytes]:
    """Returns the content of every picture of the page."""
    return [
        base64.b64decode(image.attributes["src"].partition(",")[2]) for image in root.all("img")
    ]


def assert_self_contained(page: str) -> Element:
    """Returns the tree of a page that fetches nothing and runs nothing but its own one script."""
    root = read(page)
    for element in everything(root):
        assert element.tag not in {"link", "iframe", "object", "embed", "base", "form"}, element
        for name, value in element.attributes.items():
            assert not name.startswith("on"), f"<{element.tag}> carries a script in {name}"
            if name in FETCHING:
                assert value.startswith(("data:image/", "#")), f"<{element.tag}> fetches {value}"
            if name == "style":
                assert "url(" not in value, value
    styles = " ".join(style.text for style in root.all("style"))
    assert not re.search(r"url\(|@import", styles)
    assert len(root.all("script")) <= 1
    return root
