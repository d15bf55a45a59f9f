"""The Markdown documents of the checkout and what the tests read from them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from support.paths import ROOT

NOT_RUN = re.compile(r"<!-- not run: .+ -->\n$")
"""The comment before a snippet that is not executed, with the reason."""


def documents() -> list[Path]:
    """Returns the Markdown files that people read: those of the root and of docs/."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


@dataclass(frozen=True)
class Block:
    """A fenced code block.

    Attributes:
        code: its text.
        run: whether it can be executed here.
    """

    code: str
    run: bool


def blocks(path: Path, language: str) -> list[Block]:
    """Returns the code blocks of a document in one language, in their order."""
    text = path.read_text("utf-8")
    fences = re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [Block(fence[1], NOT_RUN.search(text[: fence.start()]) is None) for fence in fences]
