"""The parts that version 1 and version 2 of the residual networks share."""

from __future__ import annotations

from typing import NamedTuple

from kerascnn.applications import blocks
from kerascnn.applications.blocks import Norm
from kerascnn.applications.blocks.residual_rows import Row
from kerascnn.errors import UsageError
from kerascnn.models.layer import Tensor
from kerascnn.models.registry import Scale


class Conv(NamedTuple):
    """One convolution of a branch."""

    filters: int
    kernel: int
    stride: int = 1
    groups: int = 1


class Place(NamedTuple):
    """Where a block stands in the network.

    Args:
        name: prefix of the names of its layers: conv3_2 is the second block of conv3_x.
        channels: of its stage, before `Scale` changes them.
        stride: 2 where the block halves the height and width, else 1.
        drop: share of the samples that skip its branch while training.
    """

    name: str
    channels: int
    stride: int
    drop: float


def has_stride(row: Row, scale: Scale) -> bool:
    """Returns whether the stem halves the image twice: conv1 of stride 2, and a pool."""
    return row.entry != "3x3" and scale.stem == "paper"


def deep_conv1(x: Tensor, row: Row, scale: Scale, norm: Norm) -> Tensor:
    """conv1 of a deep stem: three 3x3, each with batch norm and ReLU."""
    half = scale.channels(row.stem_channels // 2)
    stride = 2 if has_stride(row, scale) else 1
    x = blocks.conv_norm(x, half, 3, stride, name="conv1_1", norm=norm)
    x = blocks.conv_norm(x, half, 3, name="conv1_2", norm=norm)
    return blocks.conv_norm(x, scale.channels(row.stem_channels), 3, name="conv1_3", norm=norm)


def plain_conv1(x: Tensor, row: Row, scale: Scale, *, bias: bool) -> Tensor:
    """conv1 of the papers' stems: a 7x7 of stride 2 or a 3x3 of stride 1, and nothing after it."""
    kernel, stride = (7, 2) if has_stride(row, scale) else (3, 1)
    return blocks.conv(
        x, scale.channels(row.stem_channels), kernel, stride, name="conv1", bias=bias
    )


def pool1(x: Tensor, row: Row, scale: Scale) -> Tensor:
    """The 3x3 pool of a stem that has one."""
    if not has_stride(row, scale):
        return x
    return blocks.max_pool(x, 3, 2, name="pool1", pad=1, ceil=row.ceil_pool)


def branch(row: Row, place: Place, scale: Scale) -> list[Conv]:
    """Returns the convolutions of a block."""
    kernel = scale.kernel(3)
    if row.block == "basic":
        filters = scale.channels(place.channels)
        return [Conv(filters, kernel, place.stride), Conv(filters, kernel)]
    group = max(1, place.channels * row.group_width // 64)
    inner = scale.channels(row.groups * group, row.groups)
    outer, middle = (place.stride, 1) if row.stride_in == "1x1" else (1, place.stride)
    return [
        Conv(inner, 1, outer),
        Conv(inner, kernel, middle, row.groups),
        Conv(scale.channels(4 * place.channels), 1),
    ]


def identity(x: Tensor, filters: int, place: Place) -> Tensor:
    """Returns `x` with every second row and column where the block strides, and zero channels."""
    added = filters - x.shape[-1]
    if added < 0:
        raise UsageError(
            f'{place.name} has fewer channels than its input, which shortcut "A" cannot cut'
        )
    if place.stride > 1:
        x = blocks.max_pool(x, 1, place.stride, name=f"{place.name}_shortcut_pool")
    if added:
        front = added // 2
        x = blocks.pad_channels(x, front, added - front, f"{place.name}_shortcut_zeros")
    return x


def excite(y: Tensor, filters: int, row: Row, place: Place) -> Tensor:
    """Squeeze-and-excitation at the end of a branch, where the row has it."""
    if not row.reduction:
        return y
    return blocks.squeeze_excite(y, max(8, filters // row.reduction), name=f"{place.name}_se")


def drop_branch(y: Tensor, place: Place) -> Tensor:
    """Stochastic depth of a branch."""
    return blocks.stochastic_depth(y, place.drop, f"{place.name}_drop")
