"""The README does what it says: its snippets run, its commands parse, its table is the registry."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from kerascnn.cli import parser
from support.paths import ROOT
from support.tools import load_tool

README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_python_snippets_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    snippets = blocks("python")
    assert len(snippets) >= 4
    for snippet in snippets:  # one by one, as a newcomer pastes them, and each on its own
        exec(compile(snippet, "README.md", "exec"), {"__name__": "__main__"})
    printed = capsys.readouterr().out
    # What a comment behind a print promises is what it prints.
    for promise in re.findall(r"print\(.*\)  # ([\d(].*)$", "".join(snippets), re.MULTILINE):
        assert promise in printed.splitlines()
    assert printed.count("top-1 agreement 100%") == 2


def test_commands_parse() -> None:
    lines = [line.partition("#")[0] for block in blocks("sh") for line in block.splitlines()]
    commands = [shlex.split(line) for line in lines if line.strip()]
    verbs = {words[1] for words in commands if words[0] == "kerascnn"}
    assert verbs == {"list", "summary", "train", "evaluate", "predict", "export", "verify"}
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for program, *arguments in commands:
        if program == "make":
            assert arguments[0] in targets
        else:
            assert program == "kerascnn"
            parser().parse_args(arguments)


def test_shown_output_has_the_lines_of_the_demo() -> None:
    (shown,) = blocks("text")
    accuracy = re.search(r"accuracy +([\d.]+)% on 599 held-out digits", shown)
    assert accuracy is not None
    assert float(accuracy[1]) >= 97
    differences = [float(one) for one in re.findall(r"largest difference ([\d.e-]+) ", shown)]
    assert len(differences) == 2
    assert max(differences) <= 1e-5
    source = (ROOT / "examples" / "lenet5_digits.py").read_text()
    for line in shown.partition("Try next:")[2].strip().splitlines():
        assert line.split()[0] in source


def test_model_table_is_the_registry() -> None:
    assert load_tool("readme_table").with_table(README) == README, (
        "run: python tools/readme_table.py"
    )
    row = r"\| `lenet5` \| `LeNet5` \| 32x32x1 \| 61,706 \| 417 k \| LeCun 1998"
    assert re.search(row, README)
