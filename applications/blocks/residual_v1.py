"""Version 1 of the residual networks: batch norm and ReLU after every convolution.

He, Zhang, Ren, Sun 2015, "Deep residual learning for image recognition", arXiv:1512.03385. The last
ReLU of a block comes after the sum with the shortcut (Figure 2).
"""

from __future__ import annotations

from kerascnn.applications import blocks
from kerascnn.applications.blocks import Norm
from kerascnn.applications.blocks.residual_parts import (
    Place,
    branch,
    deep_conv1,
    drop_branch,
    excite,
    identity,
    plain_conv1,
    pool1,
)
from kerascnn.applications.blocks.residual_rows import RowV1
from kerascnn.models.layer import Tensor
from kerascnn.models.registry import Scale


def stem(x: Tensor, row: RowV1, scale: Scale, norm: Norm) -> Tensor:
    """conv1 with batch norm and ReLU and, for ImageNet, the 3x3 pool: a quarter of the size."""
    if row.entry == "deep":
        x = deep_conv1(x, row, scale, norm)
    else:
        x = plain_conv1(x, row, scale, bias=False)
        x = blocks.activation(blocks.batch_norm(x, "conv1_bn", norm), "relu", "conv1_act")
    return pool1(x, row, scale)


def block(x: Tensor, row: RowV1, scale: Scale, norm: Norm, place: Place) -> Tensor:
    """A branch, its squeeze-and-excitation, the sum with the shortcut, and a ReLU."""
    convs = branch(row, place, scale)
    if row.half_first:
        groups = convs[1].groups
        convs[0] = convs[0]._replace(filters=max(1, convs[1].filters // groups // 2) * groups)
    y = x
    for number, conv in enumerate(convs, 1):
        name, last = f"{place.name}_conv{number}", number == len(convs)
        if last:
            y = blocks.dropout(y, row.block_dropout, f"{place.name}_dropout")
        y = blocks.conv(
            y, conv.filters, conv.kernel, conv.stride, name=name, groups=conv.groups, bias=False
        )
        y = blocks.batch_norm(y, f"{name}_bn", norm, "zeros" if row.zero_gamma and last else "ones")
        y = y if last else blocks.activation(y, "relu", f"{name}_act")
    filters = convs[-1].filters
    y = excite(y, filters, row, place)
    if row.shortcut != "none":
        y = drop_branch(y, place)
        y = blocks.add([shortcut(x, filters, row, norm, place), y], f"{place.name}_add")
    return blocks.activation(y, "relu", f"{place.name}_out")


def shortcut(x: Tensor, filters: int, row: RowV1, norm: Norm, place: Place) -> Tensor:
    """Returns `x`, or its projection with batch norm or zero channels where its shape changes."""
    changes = place.stride > 1 or filters != x.shape[-1]
    if row.shortcut == "A" or (row.shortcut == "B" and not changes):
        return identity(x, filters, place)
    kernel, name = row.shortcut_kernel if place.stride > 1 else 1, f"{place.name}_shortcut"
    y = blocks.conv(x, filters, kernel, place.stride, name=name, bias=False)
    return blocks.batch_norm(y, f"{name}_bn", norm)


def striding_block(row: RowV1, stage: int, count: int) -> int | None:
    """Returns the index of the block of a stage that strides: the first, in all but stage 0."""
    return 0 if stage > 0 else None


def end(x: Tensor, norm: Norm) -> Tensor:
    """Returns `x`: the last block ends in a ReLU already."""
    return x
