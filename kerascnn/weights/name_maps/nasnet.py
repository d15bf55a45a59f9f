"""Names of NASNet's layers in keras.applications, which numbers its cells throughout."""

from __future__ import annotations

import re
from collections.abc import Sequence

CELL = re.compile(
    r"stem(?P<stem>[12])|reduction(?P<after>[12])|stage(?P<stage>\d)_cell(?P<cell>\d+)"
)
# "prev" and "now" are the two inputs of a cell, brought to its channels.
INPUTS = {
    "prev_conv1": "adjust_conv_1",
    "prev_conv2": "adjust_conv_2",
    "prev": "adjust_conv_projection",
    "prev_bn": "adjust_bn",
    "now": "{kind}_conv_1",
    "now_bn": "{kind}_bn_1",
}


def _cell(match: re.Match[str], normal_cells: int) -> tuple[str, str]:
    """Returns a cell's kind and its name there."""
    if match["stem"]:
        return "reduction", f"stem_{match['stem']}"
    if match["after"]:
        return "reduction", f"reduce_{int(match['after']) * normal_cells}"
    stage, number = int(match["stage"]) - 1, int(match["cell"])
    # The reduction cells take a number each, the stem's none.
    return "normal", str(stage * normal_cells + number - (stage == 0))


def keras(names: Sequence[str]) -> dict[str, str]:
    """A separable convolution is one layer there, which holds both our kernels."""
    found = {"stem": "stem_conv1", "stem_bn": "stem_bn1", "predictions": "predictions"}
    count = len({name.split("_")[1] for name in names if name.startswith("stage1_")})
    for name in names:
        match = CELL.match(name)
        if match is None:
            continue
        kind, block = _cell(match, count)
        part = name[match.end() + 1 :]
        if part in INPUTS:
            found[name] = f"{INPUTS[part].format(kind=kind)}_{block}"
            continue
        side, step = part.split("_")  # left1, dw2
        if kind == "reduction" and side == "left5":
            side = "left4"  # a slip of theirs
        norm = "bn_" if step.startswith("bn") else ""
        found[name] = f"separable_conv_{step[-1]}_{norm}{kind}_{side}_{block}"
    return found


LAYOUTS = {"keras": keras}
