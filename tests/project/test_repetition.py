"""The source says each thing once."""

from __future__ import annotations

import pytest

from support.import_graph import modules
from support.paths import ROOT
from support.repetition import code_lines, repeated_share

LIMIT = 0.02
# Written by tools/type_stubs.py.
GENERATED = ("kerascnn.models.columns", "kerascnn.tuning.axis_names")


@pytest.fixture(scope="module")
def sources() -> list[str]:
    return [
        path.read_text("utf-8") for module, path in modules(ROOT).items() if module not in GENERATED
    ]


def test_few_lines_are_repeated(sources: list[str]) -> None:
    assert len(sources) > 250
    assert repeated_share(sources) < LIMIT


def test_a_renamed_copy_is_seen(sources: list[str]) -> None:
    longest = max(sources, key=len)
    before = repeated_share(sources)
    copy = longest.replace("self", "this")
    lines = len(code_lines(longest))
    total = sum(len(code_lines(source)) for source in sources)
    assert repeated_share([*sources, copy]) > before + lines / total


def test_names_do_not_count_and_values_do() -> None:
    block = "".join(f"x{line} = f({line})\n" for line in range(6))
    assert repeated_share([block, block.replace("x", "y")]) == 1
    assert repeated_share([block, block.replace("(0)", "(9)")]) == 0
    assert repeated_share([block + "z = 1\n", block]) == 12 / 13
