"""Names say what they hold: a few that say nothing are bound nowhere."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from support.paths import ROOT

VAGUE = {"one", "found", "made", "wish", "given"}
FOLDERS = ("kerascnn", "applications", "tuning", "tests", "benchmarks", "tools", "examples")
# A field of the report of `load_weights`, which its JSON has too.
FIELDS = {("kerascnn/weights/load_report.py", "found")}


def bound_names(source: str) -> Iterator[tuple[str, int]]:
    """Yields every name that a source binds, with its line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.alias) and node.asname:
            yield node.asname, node.lineno


def test_no_name_says_nothing() -> None:
    files = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    assert len(files) > 400
    vague = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in files
        for name, line in bound_names(path.read_text("utf-8"))
        if name in VAGUE and (path.relative_to(ROOT).as_posix(), name) not in FIELDS
    ]
    assert vague == []


@pytest.mark.parametrize(
    "source",
    [
        "one = 1",
        "one, two = 1, 2",
        "for one in (): pass",
        "[one for one in ()]",
        "with open('x') as one: pass",
        "(one := 1)",
        "def one(): pass",
        "class one: pass",
        "def f(one): pass",
        "lambda one: 1",
        "import os as one",
    ],
)
def test_every_form_of_binding_is_seen(source: str) -> None:
    assert ("one", 1) in set(bound_names(source))
