"""The names of NASNet's layers in keras.applications and timm.

Both number the cells of all stages; Keras counts the reduction cells too.
"""

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


def cell_number(match: re.Match[str], normal_cells: int) -> tuple[str, str]:
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
        kind, block = cell_number(match, count)
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


# The two inputs of a cell in timm. The first cell of a stage, and the second of the stem, halve
# "prev" in two paths.
TIMM_INPUTS = {
    "prev_conv1": "path_1.conv",
    "prev_conv2": "path_2.conv",
    "prev_bn": "conv_prev_1x1.bn",
    "prev": "conv_prev_1x1.conv",
    "now": "conv_1x1.conv",
    "now_bn": "conv_1x1.bn",
}
TIMM_STEPS = {"dw": "separable_{}.depthwise_conv2d", "pw": "separable_{}.pointwise_conv2d",
              "bn": "bn_sep_{}"}  # fmt: skip


def timm(names: Sequence[str]) -> dict[str, str]:
    """Returns timm's name for each of our layers."""
    modules = {"stem": "conv0.conv", "stem_bn": "conv0.bn", "predictions": "last_linear"}
    modules = {name: modules[name] for name in names if name in modules}
    count = len({name.split("_")[1] for name in names if name.startswith("stage1_")})
    halved = {name.removesuffix("_prev_conv1") for name in names if name.endswith("_prev_conv1")}
    for name in names:
        match = CELL.match(name)
        if match is None:
            continue
        if match["stem"]:
            cell = f"cell_stem_{int(match['stem']) - 1}"
        elif match["after"]:
            cell = f"reduction_cell_{int(match['after']) - 1}"
        else:
            cell = f"cell_{(int(match['stage']) - 1) * count + int(match['cell']) - 1}"
        part = name[match.end() + 1 :]
        if part == "prev_bn" and match[0] in halved:
            module = "final_path_bn"
        elif part in TIMM_INPUTS:
            module = TIMM_INPUTS[part]
        else:
            side, step = part.split("_")  # left1, dw2
            of_step = TIMM_STEPS[step[:-1]].format(step[-1])
            module = f"comb_iter_{int(side[-1]) - 1}_{side[:-1]}.{of_step}"
        modules[name] = f"{cell}.{module}"
    return modules


LAYOUTS = {"keras": keras, "timm": timm}


def networks(source: str, row: Any) -> tuple[SourceNetwork, ...]:
    """Returns the network of a source.

    Only the large one skips the input of a reduction cell; timm has no other. Its max pools of
    reduction cells ignore the border, as TensorFlow's do.
    """
    columns = {"skip_reduction": row.penultimate > LARGE, "border_maximum": source == "keras"}
    return (SourceNetwork(columns, 1e-3),)
