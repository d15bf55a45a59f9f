"""How much of a checkout's source stands in more than one place."""

from __future__ import annotations

import ast
import collections
import io
import keyword
import tokenize
from collections.abc import Iterable

WINDOW = 6
"""Lines that must agree in a row to count as repeated."""
PUNCTUATION = set("()[]{},: ")


def code_lines(source: str) -> list[str]:
    """Returns the lines of code with all names alike.

    Docstrings, comments, imports and lines of brackets alone are left out; strings and numbers
    stay, so that the rows of a table differ.
    """
    left_out: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if text or isinstance(node, ast.Import | ast.ImportFrom):
            assert isinstance(node, ast.stmt)
            left_out.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines: dict[int, list[str]] = collections.defaultdict(list)
    blank = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in (*blank, tokenize.ENDMARKER) or token.start[0] in left_out:
            continue
        name = token.type == tokenize.NAME and not keyword.iskeyword(token.string)
        lines[token.start[0]].append("name" if name else token.string)
    texts = (" ".join(lines[number]) for number in sorted(lines))
    return [text for text in texts if not set(text) <= PUNCTUATION]


def repeated_share(sources: Iterable[str]) -> float:
    """Returns the share of the lines that lie in a window which stands in another place too."""
    files = [code_lines(source) for source in sources]
    places: dict[tuple[str, ...], list[tuple[int, int]]] = collections.defaultdict(list)
    for file, lines in enumerate(files):
        for start in range(len(lines) - WINDOW + 1):
            places[tuple(lines[start : start + WINDOW])].append((file, start))
    repeated = {
        (file, line)
        for windows in places.values()
        if len(windows) > 1
        for file, start in windows
        for line in range(start, start + WINDOW)
    }
    return len(repeated) / sum(map(len, files))
