"""Maps the names of layers in blocks, such as `bneck3_2_expand_bn`: stage 3, block 2."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_NAME = re.compile(r"[a-z]+(\d+)_(\d+)_(\w+)")


@dataclass(frozen=True)
class Block:
    """A block of a network.

    Args:
        stage: the stage's number in our names.
        index: the block's number in its stage, from 1.
        number: the block's number in the network, from 1.
        parts: the last parts of the names of its layers with weights, in the model's order.
    """

    stage: int
    index: int
    number: int
    parts: tuple[str, ...]


def by_block(
    names: Sequence[str], ends: dict[str, str], inside: Callable[[Block], dict[str, str]]
) -> dict[str, str]:
    """Returns the source's modules for a network of a stem, blocks and a head.

    Args:
        names: our layers with weights, in the model's order.
        ends: the source's module for each layer outside of the blocks; layers that are not listed
            are left out. "{after}" is replaced by the number of blocks plus 1, "{stages}" by the
            number of stages.
        inside: returns the source's module for each part of a block.
    """
    blocks: dict[tuple[int, int], list[tuple[str, str]]] = {}
    for name in names:
        if match := _NAME.fullmatch(name):
            blocks.setdefault((int(match[1]), int(match[2])), []).append((name, match[3]))
    counts = {"after": len(blocks) + 1, "stages": len({stage for stage, _ in blocks})}
    modules = {name: ends[name].format(**counts) for name in names if name in ends}
    for number, ((stage, index), layers) in enumerate(blocks.items(), 1):
        of_part = inside(Block(stage, index, number, tuple(part for _, part in layers)))
        modules.update({name: of_part[part] for name, part in layers})
    return {name: modules[name] for name in names if name in modules}


def stem_and_head(
    stem: tuple[str, str], last: tuple[str, str] | None, predictions: str = "", hidden: str = ""
) -> dict[str, str]:
    """Returns the `ends` of a mobile network for `by_block`.

    Args:
        stem: the modules of the first convolution and its batch norm.
        last: the modules of the last convolution and its batch norm; None if there is none.
        predictions: the module of the classifier; empty if there is none.
        hidden: the module of the dense layer before the classifier; empty if there is none.
    """
    ends = {"conv1": stem[0], "conv1_bn": stem[1]}
    if predictions:
        ends["predictions"] = predictions
    if last is not None:
        ends.update(conv_last=last[0], conv_last_bn=last[1])
    if hidden:
        ends["hidden"] = hidden
    return ends


def inverted_in_torchvision(block: Block, prefix: str) -> dict[str, str]:
    """Returns the modules of an inverted residual of torchvision's MobileNetV3 or EfficientNet.

    torchvision numbers the steps that a block has: expansion, depthwise convolution,
    squeeze-and-excitation, projection.
    """
    steps = [part for part in ("expand", "dw", "se_reduce", "project") if part in block.parts]
    modules: dict[str, str] = {}
    for position, part in enumerate(steps):
        module = f"{prefix}.{position}"
        if part == "se_reduce":
            modules.update(se_reduce=f"{module}.fc1", se_expand=f"{module}.fc2")
        else:
            modules.update({part: f"{module}.0", f"{part}_bn": f"{module}.1"})
    return modules


def block_in_timm(block: Block) -> str:
    """Returns the module of a block in timm's mobile networks."""
    return f"blocks.{block.stage - 2}.{block.index - 1}"


def inverted_in_timm(block: Block) -> dict[str, str]:
    """Returns the modules of an inverted residual of timm.

    timm gives other names to the layers of a block that has no expansion.
    """
    module = block_in_timm(block)
    expands = "expand" in block.parts
    first, last = ("conv_pw", "conv_pwl") if expands else ("", "conv_pw")
    modules = {"expand": f"{module}.{first}", "expand_bn": f"{module}.bn1"} if expands else {}
    modules.update(
        dw=f"{module}.conv_dw",
        dw_bn=f"{module}.bn{2 if expands else 1}",
        se_reduce=f"{module}.se.conv_reduce",
        se_expand=f"{module}.se.conv_expand",
        project=f"{module}.{last}",
        project_bn=f"{module}.bn{3 if expands else 2}",
    )
    return modules
