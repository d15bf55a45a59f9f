"""Residual networks: the one body that ResNets, SENets, Wide ResNets and ResNeXts share.

A block is a branch of convolutions beside a shortcut. Batch norm and ReLU come after each
convolution (He 2015, arXiv:1512.03385) or, pre-activated, before it (He 2016, arXiv:1603.05027).
Blocks are named after the papers' tables: conv3_2 is the second block of conv3_x.

depth: blocks of every stage. width: every channel count; the inner channels of a grouped block are
rounded to the groups, which keep their number. kernel_size: the 3x3 of the branches; the stem and
the shortcuts keep theirs. stem="small": one 3x3 of stride 1 (three in a deep stem) and no pool.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from kerascnn.applications import blocks
from kerascnn.applications.blocks import Norm
from kerascnn.applications.blocks.residual_row import Row
from kerascnn.errors import UsageError
from kerascnn.models.layer import Tensor
from kerascnn.models.registry import Paper, Scale, Top, Variant, register


class Conv(NamedTuple):
    """One convolution of a branch."""

    filters: int
    kernel: int
    stride: int = 1
    groups: int = 1


def stem(x: Tensor, row: Row, scale: Scale, norm: Norm) -> Tensor:
    """conv1 and, for ImageNet, the 3x3 pool: a quarter of the image's height and width."""
    halves = row.entry != "3x3" and scale.stem == "paper"
    out, stride = scale.channels(row.stem_channels), 2 if halves else 1
    if row.entry == "deep":
        thin = scale.channels(row.stem_channels // 2)
        x = blocks.conv_norm(x, thin, 3, stride, name="conv1_1", norm=norm)
        x = blocks.conv_norm(x, thin, 3, name="conv1_2", norm=norm)
        x = blocks.conv_norm(x, out, 3, name="conv1_3", norm=norm)
    else:
        x = blocks.conv(x, out, 7 if halves else 3, stride, name="conv1", bias=row.biases)
        if not row.pre_activation:
            x = blocks.activation(blocks.batch_norm(x, "conv1_bn", norm), "relu", "conv1_act")
    return blocks.max_pool(x, 3, 2, name="pool1", pad=1, ceil=row.ceil_pool) if halves else x


def branch(row: Row, channels: int, stride: int, scale: Scale) -> list[Conv]:
    """Returns the convolutions of a block in a stage of `channels`."""
    kernel = scale.kernel(3)
    if row.block == "basic":
        filters = scale.channels(channels)
        return [Conv(filters, kernel, stride), Conv(filters, kernel)]
    share = max(1, channels * row.group_width // 64)
    inner = scale.channels(row.groups * share, row.groups)
    first = max(1, inner // row.groups // 2) * row.groups if row.half_first else inner
    outer, middle = (stride, 1) if row.stride_in == "1x1" else (1, stride)
    return [
        Conv(first, 1, outer),
        Conv(inner, kernel, middle, row.groups),
        Conv(scale.channels(4 * channels), 1),
    ]


def shortcut(
    x: Tensor, entry: Tensor, filters: int, stride: int, row: Row, norm: Norm, name: str
) -> Tensor:
    """Returns `x`, or what the columns make of it where channels or size change.

    `entry` is what a projection sees: `x`, or its batch norm and ReLU in a pre-activated block.
    """
    grows = filters - x.shape[-1]
    # TensorFlow's v2 halves the last block of a stage, whose shortcut keeps its channels.
    changes = grows != 0 or (stride > 1 and row.stride_at == "first")
    if row.shortcut == "C" or (row.shortcut == "B" and changes):
        kernel = row.shortcut_kernel if stride > 1 else 1
        y = blocks.conv(entry, filters, kernel, stride, name=f"{name}_shortcut", bias=row.biases)
        return y if row.pre_activation else blocks.batch_norm(y, f"{name}_shortcut_bn", norm)
    if grows < 0:
        raise UsageError(f'{name} has fewer channels than its input, which shortcut "A" cannot cut')
    if stride > 1:
        x = blocks.max_pool(x, 1, stride, name=f"{name}_shortcut_pool")
    if grows:
        front = grows // 2
        x = blocks.pad_channels(x, front, grows - front, f"{name}_shortcut_zeros")
    return x


def block(
    x: Tensor, convs: list[Conv], stride: int, row: Row, norm: Norm, drop: float, name: str
) -> Tensor:
    """A branch, its squeeze-and-excitation, and the sum with the shortcut.

    `drop` is the share of the samples that skip the branch while training.
    """
    y = entry = x
    for number, conv in enumerate(convs, 1):
        inner, last = f"{name}_conv{number}", number == len(convs)
        if row.pre_activation:
            y = blocks.batch_norm(y, f"{name}_bn{number}", norm)
            y = blocks.activation(y, "relu", f"{name}_act{number}")
            entry = y if number == 1 else entry
        if last:
            y = blocks.dropout(y, row.block_dropout, f"{name}_dropout")
        y = blocks.conv(
            y, conv.filters, conv.kernel, conv.stride,
            name=inner, groups=conv.groups, bias=row.biases and last,
        )  # fmt: skip
        if not row.pre_activation:
            gamma = "zeros" if row.zero_gamma and last else "ones"
            y = blocks.batch_norm(y, f"{inner}_bn", norm, gamma)
            y = y if last else blocks.activation(y, "relu", f"{inner}_act")
    filters = convs[-1].filters
    if row.reduction:
        y = blocks.squeeze_excite(y, max(8, filters // row.reduction), name=f"{name}_se")
    if row.shortcut != "none":
        y = blocks.stochastic_depth(y, drop, f"{name}_drop")
        y = blocks.add([shortcut(x, entry, filters, stride, row, norm, name), y], f"{name}_add")
    return y if row.pre_activation else blocks.activation(y, "relu", f"{name}_out")


def body(x: Tensor, row: Row, scale: Scale) -> Tensor:
    """The stem and the stages; the image is halved before every stage but the first."""
    norm = Norm(row.epsilon)
    x = stem(x, row, scale, norm)
    done, total = 0, sum(map(scale.repeats, row.repeats))
    for stage, (repeats, channels) in enumerate(zip(row.repeats, row.channels, strict=True)):
        count = scale.repeats(repeats)
        if row.stride_at == "first":
            strides = 0 if stage > 0 else None
        else:
            strides = count - 1 if stage < len(row.repeats) - 1 else None
        for index in range(count):
            stride = 2 if index == strides else 1
            convs = branch(row, channels, stride, scale)
            done += 1
            drop = row.stochastic_depth * done / total
            x = block(x, convs, stride, row, norm, drop, f"conv{stage + 2}_{index + 1}")
    if row.pre_activation:
        x = blocks.activation(blocks.batch_norm(x, "post_bn", norm), "relu", "post_act")
    return x


def head(x: Tensor, row: Row, scale: Scale, top: Top) -> Tensor:
    """Global average and one dense layer, with the row's dropout between unless told otherwise."""
    return blocks.classifier(x, row, scale, replace(top, dropout=top.rate(row.head_dropout)))


def enter(paper: Paper, name: str, builder: str, row: Row, params: int, macs: int) -> None:
    """Registers a network: for CIFAR where the stem has stride 1, otherwise for ImageNet."""
    cifar = row.entry == "3x3"
    shape, classes = ((32, 32, 3), 10) if cifar else ((224, 224, 3), 1000)
    register(
        Variant(
            name, builder, paper, body, head, row, shape, classes, params, macs,
            small_stem=not cifar,
        )
    )  # fmt: skip
