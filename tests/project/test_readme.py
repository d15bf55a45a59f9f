"""The README and docs/ are true: snippets run, commands parse, tables are the registry's."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

import kerascnn
from kerascnn.cli import parser
from support.documents import blocks, documents
from support.paths import ROOT
from support.tools import load_tool

README = ROOT / "README.md"
WITH_SNIPPETS = [path for path in documents() if any(block.run for block in blocks(path, "python"))]
ASSIGNMENT = re.compile(r"[A-Z_]+=\S*")


@pytest.mark.parametrize("path", WITH_SNIPPETS, ids=lambda path: path.name)
def test_python_snippets_run(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    snippets = [block.code for block in blocks(path, "python") if block.run]
    for snippet in snippets:  # one by one, as a newcomer pastes them, and each on its own
        exec(compile(snippet, path.name, "exec"), {"__name__": "__main__"})
    printed = capsys.readouterr().out
    # What a comment behind a print promises is what it prints.
    for promise in re.findall(r"print\(.*\)  # ([\d(].*)$", "".join(snippets), re.MULTILINE):
        assert promise in printed.splitlines()
    if path == README:
        assert len(snippets) >= 4
        assert printed.count("top-1 agreement 100%") == 2


def test_snippets_that_are_not_run_name_what_exists() -> None:
    snippets = [block.code for path in documents() for block in blocks(path, "python")]
    trees = [ast.parse(snippet) for snippet in snippets]
    names = [_public_name(node) for tree in trees for node in ast.walk(tree)]
    names = [name for name in names if name is not None]
    assert ("kerascnn", "load_weights") in names
    for module, name in names:
        assert hasattr(importlib.import_module(module), name), f"{module} has no {name}"


def _public_name(node: ast.AST) -> tuple[str, str] | None:
    """Returns the package and the name that a node of a snippet reads from it."""
    if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("kerascnn"):
        return node.module or "", node.names[0].name
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return ("kerascnn", node.attr) if node.value.id == "kerascnn" else None
    return None


def test_commands_parse() -> None:
    shell = "".join(block.code for path in documents() for block in blocks(path, "sh"))
    lines = [line.partition(" #")[0] for line in shell.splitlines()]
    commands = [_without_environment(shlex.split(line)) for line in lines if line.strip()]
    verbs = {words[1] for words in commands if words[0] == "kerascnn"}
    assert verbs == _verbs() - {"info"}
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for program, *arguments in commands:
        if program == "kerascnn":
            parser().parse_args(arguments)
        elif program == "make":
            assert arguments[0] in targets
        elif program == "python" and arguments[0] != "-m":
            assert (ROOT / arguments[0]).is_file(), arguments[0]
        else:
            assert program in ("git", "pip", "python"), program


def _without_environment(words: list[str]) -> list[str]:
    """Returns a command without the variables that are set for it."""
    while ASSIGNMENT.fullmatch(words[0]):
        words = words[1:]
    return words


def _verbs() -> set[str]:
    """Returns the verbs of the command."""
    actions: list[Any] = parser()._actions
    return set(next(action.choices for action in actions if action.dest == "verb"))


def test_shown_output_has_the_lines_of_the_demo() -> None:
    (block,) = blocks(README, "text")
    shown = block.code
    accuracy = re.search(r"accuracy +([\d.]+)% on 599 held-out digits", shown)
    assert accuracy is not None
    assert float(accuracy[1]) >= 97
    differences = [float(text) for text in re.findall(r"largest difference ([\d.e-]+) ", shown)]
    assert len(differences) == 2
    assert max(differences) <= 1e-5
    source = (ROOT / "examples" / "lenet5_digits.py").read_text()
    for line in shown.partition("Try next:")[2].strip().splitlines():
        assert line.split()[0] in source


def test_model_table_is_the_registry() -> None:
    models_table = load_tool("models_table")
    text = (ROOT / "docs" / "models.md").read_text("utf-8")
    assert models_table.page() == text, "run: python tools/models_table.py"
    row = r"\| `lenet5` \| `LeNet5` \| 32x32x1 \| 61,706 \| 417 k \| LeCun 1998"
    assert re.search(row, text)
    number = len(kerascnn.list_models())
    assert f"[{number} networks](docs/models.md)" in README.read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "page"), [("parity_table", "parity.md"), ("checkpoint_parity", "checkpoints.md")]
)
def test_pages_begin_with_the_text_of_their_tools(name: str, page: str) -> None:
    head = load_tool(name).HEAD
    assert (ROOT / "docs" / page).read_text("utf-8").startswith(head)


def test_export_page_is_the_stored_measurements() -> None:
    export_table = load_tool("export_table")
    measured = json.loads(export_table.MEASURED.read_text("utf-8"))
    page = export_table.page(measured, kerascnn.list_models())
    assert export_table.PAGE.read_text("utf-8") == page, "run: python tools/export_table.py --page"
