"""The body and head of ResNets, SENets, Wide ResNets and ResNeXts.

A block is a branch of convolutions beside a shortcut; `residual_v1` and `residual_v2` have the
blocks of the two papers, `residual_rows` the columns. Blocks are named after the papers' tables:
conv3_2 is the second block of conv3_x.

depth: blocks of every stage. width: every channel count; the inner channels of a grouped block are
rounded to the groups, which keep their number. kernel_size: the 3x3 of the branches; the stem and
the shortcuts keep theirs. stem="small": one 3x3 of stride 1 (three in a deep stem) and no pool.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kerascnn.applications import blocks
from kerascnn.applications.blocks import Norm, residual_v1, residual_v2
from kerascnn.applications.blocks.residual_parts import Place
from kerascnn.applications.blocks.residual_rows import Row, RowV2
from kerascnn.models.layer import Tensor
from kerascnn.models.registry import Paper, Scale, Top, Variant, register


def body(x: Tensor, row: Row, scale: Scale) -> Tensor:
    """The stem and the stages; the image is halved before every stage but the first."""
    version: Any = residual_v2 if isinstance(row, RowV2) else residual_v1
    norm = Norm(row.epsilon)
    x = version.stem(x, row, scale, norm)
    number, total = 0, sum(map(scale.repeats, row.repeats))
    for stage, (repeats, channels) in enumerate(zip(row.repeats, row.channels, strict=True)):
        count = scale.repeats(repeats)
        striding = version.striding_block(row, stage, count)
        for index in range(count):
            number += 1
            drop = row.stochastic_depth * number / total
            name = f"conv{stage + 2}_{index + 1}"
            place = Place(name, channels, 2 if index == striding else 1, drop)
            x = version.block(x, row, scale, norm, place)
    return version.end(x, norm)


def head(x: Tensor, row: Row, scale: Scale, top: Top) -> Tensor:
    """Global average and a dense layer, with the row's dropout between unless `top` sets one."""
    return blocks.classifier(x, row, scale, replace(top, dropout=top.rate(row.head_dropout)))


def register_network(
    paper: Paper, name: str, builder: str, row: Row, params: int, macs: int
) -> None:
    """Registers a network: for CIFAR where the stem has stride 1, otherwise for ImageNet."""
    cifar = row.entry == "3x3"
    shape, classes = ((32, 32, 3), 10) if cifar else ((224, 224, 3), 1000)
    register(
        Variant(
            name, builder, paper, body, head, row, shape, classes, params, macs,
            small_stem=not cifar,
        )
    )  # fmt: skip
