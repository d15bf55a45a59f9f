"""The documents agree with the checkout: package order, links, modules and files that they name."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.documents import blocks, documents
from support.paths import ROOT

ARCHITECTURE = ROOT / "ARCHITECTURE.md"
MARKDOWN = [*documents(), *sorted((ROOT / "benchmarks" / "results").glob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
QUOTED = re.compile(r"`([^`\n]+)`(?! →)")  # what is before an arrow has moved
FILE = re.compile(r"(?:[\w.]+/)+[\w.]*|[\w/]+\.(?:py|pyi|md|cfg)")
FOLDERS = ("applications", "benchmarks", "docs", "examples", "kerascnn", "tests", "tools", "tuning")
MODULE = re.compile(r"kerascnn(?:\.\w+)+")


def anchors(path: Path) -> set[str]:
    """Returns the anchors of a document's headings."""
    headings = HEADING.findall(path.read_text("utf-8"))
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_relative_links_resolve(path: Path) -> None:
    for link in LINK.findall(path.read_text("utf-8")):
        target, _, anchor = link.partition("#")
        if "://" in target:
            continue
        file = (path.parent / target).resolve() if target else path
        assert file.is_relative_to(ROOT), link
        assert file.exists(), link
        assert not anchor or anchor in anchors(file), link


def test_the_index_links_every_page() -> None:
    index = ROOT / "docs" / "index.md"
    links = set(LINK.findall(index.read_text("utf-8")))
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {index.name}
    assert len(pages) >= 12
    assert pages <= links
    assert "docs/index.md" in LINK.findall((ROOT / "README.md").read_text("utf-8"))


def quoted(path: Path) -> Iterator[str]:
    """Yields the texts between backticks of a document, code blocks left out."""
    text = re.sub(r"^```.*?^ *```$", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    yield from QUOTED.findall(text)


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_named_files_and_modules_exist(path: Path) -> None:
    for text in quoted(path):
        if MODULE.fullmatch(text):
            assert resolved(text) is not None, text
        elif FILE.fullmatch(text) and text.split("/")[0] in FOLDERS:
            assert (ROOT / text).exists(), text


def test_the_architecture_names_modules() -> None:
    texts = list(quoted(ARCHITECTURE))
    assert sum(text.endswith(".py") for text in texts) >= 30
    assert sum(MODULE.fullmatch(text) is not None for text in texts) >= 3


def resolved(name: str) -> Any:
    """Returns the module or the attribute of a dotted name; None where there is none."""
    parts = name.split(".")
    value: Any = importlib.import_module(parts[0])
    for end, part in enumerate(parts[1:], 2):
        value = getattr(value, part, None)
        if value is None:
            try:
                value = importlib.import_module(".".join(parts[:end]))
            except ImportError:
                return None
    return value


def levels() -> tuple[tuple[str, ...], ...]:
    """Returns the constant LEVELS of the import-order test, read from its source."""
    source = Path(__file__).with_name("test_import_order.py").read_text("utf-8")
    (value,) = (
        statement.value
        for statement in ast.parse(source).body
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "LEVELS"
    )
    return ast.literal_eval(value)  # type: ignore[no-any-return]


def test_the_package_order_is_that_of_the_import_test() -> None:
    (block,) = blocks(ARCHITECTURE, "text")
    order = tuple(tuple(line.split(", ")) for line in block.code.splitlines())
    assert order == levels()
    for package in (package for level in order for package in level):
        assert importlib.util.find_spec(f"kerascnn.{package}") is not None, package


def test_the_architecture_describes_every_package() -> None:
    text = ARCHITECTURE.read_text("utf-8")
    rows = re.findall(r"^\| (`[^|]+) \|", text, re.MULTILINE)
    described = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    packages = [name for level in levels() for name in level if name != "__main__"]
    assert described[: len(packages)] == packages
