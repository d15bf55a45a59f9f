"""Version 2 of the residual networks: batch norm and ReLU before every convolution.

He, Zhang, Ren, Sun 2016, "Identity mappings in deep residual networks", arXiv:1603.05027. Nothing
follows the sum with the shortcut (Figure 1b), so that the identity reaches through all blocks.
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
from kerascnn.applications.blocks.residual_rows import RowV2
from kerascnn.models.layer import Tensor
from kerascnn.models.registry import Scale


def stem(x: Tensor, row: RowV2, scale: Scale, norm: Norm) -> Tensor:
    """conv1 and, for ImageNet, the 3x3 pool; the first block has the batch norm and the ReLU."""
    if row.entry == "deep":
        x = deep_conv1(x, row, scale, norm)
    else:
        x = plain_conv1(x, row, scale, bias=row.biases)
    return pool1(x, row, scale)


def block(x: Tensor, row: RowV2, scale: Scale, norm: Norm, place: Place) -> Tensor:
    """A branch, its squeeze-and-excitation, and the sum with the shortcut."""
    convs = branch(row, place, scale)
    y = normalised = x
    for number, conv in enumerate(convs, 1):
        last = number == len(convs)
        y = blocks.batch_norm(y, f"{place.name}_bn{number}", norm)
        y = blocks.activation(y, "relu", f"{place.name}_act{number}")
        if number == 1:
            normalised = y
        if last:
            y = blocks.dropout(y, row.block_dropout, f"{place.name}_dropout")
        y = blocks.conv(
            y, conv.filters, conv.kernel, conv.stride,
            name=f"{place.name}_conv{number}", groups=conv.groups, bias=row.biases and last,
        )  # fmt: skip
    filters = convs[-1].filters
    y = excite(y, filters, row, place)
    if row.shortcut != "none":
        y = drop_branch(y, place)
        y = blocks.add([shortcut(x, normalised, filters, row, place), y], f"{place.name}_add")
    return y


def shortcut(x: Tensor, normalised: Tensor, filters: int, row: RowV2, place: Place) -> Tensor:
    """Returns `x`, with zero channels where its shape changes, or a projection of `normalised`.

    Args:
        x: the input of the block.
        normalised: `x` after the block's first batch norm and ReLU, which a projection reads.
        filters: channels of the block's output.
        row: the columns of the network.
        place: the block.
    """
    # With stride_at="last" the block that strides keeps its channels and needs no projection.
    changes = filters != x.shape[-1] or (place.stride > 1 and row.stride_at == "first")
    if row.shortcut == "A" or (row.shortcut == "B" and not changes):
        return identity(x, filters, place)
    name = f"{place.name}_shortcut"
    return blocks.conv(normalised, filters, 1, place.stride, name=name, bias=row.biases)


def striding_block(row: RowV2, stage: int, count: int) -> int | None:
    """Returns the index of the block of a stage that strides, or None.

    Args:
        row: the columns of the network.
        stage: index of the stage.
        count: blocks of the stage.
    """
    if row.stride_at == "first":
        return 0 if stage > 0 else None
    return count - 1 if stage < len(row.repeats) - 1 else None


def end(x: Tensor, norm: Norm) -> Tensor:
    """The batch norm and ReLU after the last block."""
    return blocks.activation(blocks.batch_norm(x, "post_bn", norm), "relu", "post_act")
