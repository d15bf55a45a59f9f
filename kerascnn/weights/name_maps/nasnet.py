"""The names of NASNet's layers in keras.applications, which numbers the cells of all stages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from kerascnn.weights.name_maps.layout import SourceNetwork

CELL = re.compile(
    r"stem(?P<stem>[12])|reduction(?P<after>[12])|stage(?P<stage>\d)_cell(?P<cell>\d+)"
)
LARGE = 2_000
"""Input channels of the classifier above which Keras has the large network's reduction cells."""
# "prev" and "now" are the two inputs of a cell, converted to its number of channels.
INPUTS = {
    "prev_conv1": "adjust_conv_1",
    "prev_conv2": "adjust_conv_2",
    "prev": "adjust_conv_projection",
    "prev_bn": "adjust_bn",
    "now": "{kind}_conv_1",
    "now_bn": "{kind}_bn_1",
}


def _cell(match: re.Match[str], normal_cells: int) -> tuple[str, str]:
    """Returns a cell's kind and its number in Keras's names."""
    if match["stem"]:
        return "reduction", f"stem_{match['stem']}"
    if match["after"]:
        return "reduction", f"reduce_{int(match['after']) * normal_cells}"
    stage, number = int(match["stage"]) - 1, int(match["cell"])
    # Reduction cells have a number too, except those of the stem.
    return "normal", str(stage * normal_cells + number - (stage == 0))


def keras(names: Sequence[str]) -> dict[str, str]:
    """Returns Keras's name for each of our layers.

    A separable convolution of Keras is a single layer, for two layers of ours.
    """
    modules = {"stem": "stem_conv1", "stem_bn": "stem_bn1", "predictions": "predictions"}
    count = len({name.split("_")[1] for name in names if name.startswith("stage1_")})
    for name in names:
        match = CELL.match(name)
        if match is None:
            continue
        kind, block = _cell(match, count)
        part = name[match.end() + 1 :]
        if part in INPUTS:
            modules[name] = f"{INPUTS[part].format(kind=kind)}_{block}"
            continue
        side, step = part.split("_")  # left1, dw2
        if kind == "reduction" and side == "left5":
            side = "left4"  # an inconsistency in Keras's names
        norm = "bn_" if step.startswith("bn") else ""
        modules[name] = f"separable_conv_{step[-1]}_{norm}{kind}_{side}_{block}"
    return modules


LAYOUTS = {"keras": keras}


def networks(source: str, row: Any) -> tuple[SourceNetwork, ...]:
    """Returns Keras's network: only the large one skips the input of a reduction cell."""
    return (SourceNetwork({"skip_reduction": row.penultimate > LARGE}, 1e-3),)
