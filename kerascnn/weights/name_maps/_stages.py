"""Reading our names of layers in blocks, such as `bneck3_2_expand_bn`: stage 3, block 2."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_NAME = re.compile(r"[a-z]+(\d+)_(\d+)_(\w+)")


@dataclass(frozen=True)
class Block:
    """A block of a network.

    Args:
        stage: its stage's number in our names.
        index: its number in the stage, from 1.
        number: its number in the network, from 1.
        parts: what follows in the names of its layers with weights, in the model's order.
    """

    stage: int
    index: int
    number: int
    parts: tuple[str, ...]


def by_block(
    names: Sequence[str], ends: dict[str, str], inside: Callable[[Block], dict[str, str]]
) -> dict[str, str]:
    """Returns a layout of a stem, blocks and a head.

    Args:
        names: our layers with weights, in the model's order.
        ends: the source's module for layers outside of blocks; names that are not here are left
            out. "{after}" stands for one more than the number of blocks, "{stages}" for that of
            stages.
        inside: the source's module for each part of a block.
    """
    parts: dict[tuple[int, int], list[tuple[str, str]]] = {}
    for name in names:
        if found := _NAME.fullmatch(name):
            parts.setdefault((int(found[1]), int(found[2])), []).append((name, found[3]))
    known = {name: ends[name] for name in names if name in ends}
    counts = {"after": len(parts) + 1, "stages": len({stage for stage, _ in parts})}
    made = {name: module.format(**counts) for name, module in known.items()}
    for number, ((stage, index), layers) in enumerate(parts.items(), 1):
        modules = inside(Block(stage, index, number, tuple(part for _, part in layers)))
        made.update({name: modules[part] for name, part in layers})
    return {name: made[name] for name in names if name in made}


def inverted_in_torchvision(block: Block, prefix: str) -> dict[str, str]:
    """Returns the modules of an inverted residual of torchvision's MobileNetV3 or EfficientNet.

    It numbers what is there: expansion, depthwise step, squeeze-and-excitation, projection.
    """
    steps = [part for part in ("expand", "dw", "se_reduce", "project") if part in block.parts]
    modules: dict[str, str] = {}
    for position, part in enumerate(steps):
        place = f"{prefix}.{position}"
        if part == "se_reduce":
            modules.update(se_reduce=f"{place}.fc1", se_expand=f"{place}.fc2")
        else:
            modules.update({part: f"{place}.0", f"{part}_bn": f"{place}.1"})
    return modules


def inverted_in_timm(block: Block) -> dict[str, str]:
    """Returns the modules of an inverted residual of timm.

    It names the layers otherwise where there is no expansion.
    """
    place = f"blocks.{block.stage - 2}.{block.index - 1}"
    wide = "expand" in block.parts
    first, last = ("conv_pw", "conv_pwl") if wide else ("", "conv_pw")
    modules = {"expand": f"{place}.{first}", "expand_bn": f"{place}.bn1"} if wide else {}
    modules.update(
        dw=f"{place}.conv_dw",
        dw_bn=f"{place}.bn{2 if wide else 1}",
        se_reduce=f"{place}.se.conv_reduce",
        se_expand=f"{place}.se.conv_expand",
        project=f"{place}.{last}",
        project_bn=f"{place}.bn{3 if wide else 2}",
    )
    return modules
