"""docs/weights.md does what it says: its table is the catalogue, its commands parse."""

from __future__ import annotations

import re

import kerascnn
import kerascnn.cli
from kerascnn.published.catalogue import CHECKPOINTS
from support.tools import load_tool


def test_the_guide_has_todays_table() -> None:
    weights_table = load_tool("weights_table")
    text = weights_table.GUIDE.read_text("utf-8")
    assert weights_table.with_table(text) == text
    networks_table = load_tool("source_networks_table")
    assert networks_table.page() == networks_table.PAGE.read_text("utf-8")
    assert text.count("\n| `") == len(CHECKPOINTS)


def test_the_guides_commands_parse() -> None:
    text = load_tool("weights_table").GUIDE.read_text("utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    commands = [line.partition("#")[0].split() for block in blocks for line in block.splitlines()]
    verbs = {words[2] for words in commands if words[1] == "weights"}
    assert verbs == {"list", "inspect", "convert", "verify", "extract"}
    assert {words[1] for words in commands} == {"weights", "predict", "export"}
    for words in commands:
        kerascnn.cli.parser().parse_args(words[1:])
