"""The steps of which Inception v3, v4 and Inception-ResNet consist, and their layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kerascnn.applications import blocks
from kerascnn.applications.blocks import Norm
from kerascnn.models.costs import pair
from kerascnn.models.layer import Tensor
from kerascnn.models.registry import Scale

Steps = tuple[Any, ...]
"""A sequence of `Conv`, `MAX`, `AVG`, modules (tuples of `Steps`) and `Residual`."""

MAX, AVG = "3x3 max, stride 2", "3x3 average, stride 1"


@dataclass(frozen=True)
class Conv:
    """A convolution with batch norm and ReLU; `padded` keeps the size at stride 1."""

    filters: int
    kernel: int | tuple[int, int] = 1
    stride: int = 1
    padded: bool = True


@dataclass(frozen=True)
class Residual:
    """x + factor * (1x1 convolution with a bias of the module), followed by a ReLU if `relu`."""

    module: Steps
    factor: float
    relu: bool = True


@dataclass(frozen=True)
class Row:
    """The steps of a network from image to features.

    Args:
        stem: steps.
        a: modules at an eighth of the image's size.
        reduction_a: one module, halving the size.
        b: modules.
        reduction_b: one module, halving the size.
        c: modules.
        tail: steps.
        gamma: the batch norms have a gamma.
        momentum: of the batch norms.
        border_counts: the average pools count zeros beyond the border.
        auxiliary: a second classifier on the last module of B, in the training model.
    """

    stem: Steps
    a: Steps
    reduction_a: Steps
    b: Steps
    reduction_b: Steps
    c: Steps
    tail: Steps = ()
    gamma: bool = False
    momentum: float = 0.99
    border_counts: bool = False
    auxiliary: bool = False


def conv(x: Tensor, step: Conv, name: str, row: Row, scale: Scale) -> Tensor:
    """Adds a convolution with batch norm and ReLU; `kernel_size` replaces sizes of 3."""
    height, width = pair(step.kernel)
    new = {3: scale.kernel(3)}
    pads = {3: scale.pad(3, 0)}
    same = step.padded and step.stride == 1
    return blocks.conv_norm(
        x,
        scale.channels(step.filters),
        (new.get(height, height), new.get(width, width)),
        step.stride,
        name=name,
        norm=Norm(1e-3, row.momentum, row.gamma),
        pad=None if same else (pads.get(height, 0), pads.get(width, 0)),
    )


def add_steps(x: Tensor, steps: Steps, name: str, row: Row, scale: Scale) -> Tensor:
    """Adds a sequence of steps, whose names are numbered from 1."""
    for number, step in enumerate(steps, 1):
        x = add_step(x, step, f"{name}_{number}", row, scale)
    return x


def add_step(x: Tensor, step: Any, name: str, row: Row, scale: Scale) -> Tensor:
    """Adds a step; the branches of a module are named b1, b2, …."""
    if isinstance(step, Conv):
        return conv(x, step, name, row, scale)
    if step == MAX:
        return blocks.max_pool(x, 3, 2, name=name)
    if step == AVG:
        if row.border_counts:
            x = blocks.layer("ZeroPadding2D", x, f"{name}_pad", padding=1)
        return blocks.avg_pool(x, 3, 1, name=name, pad=0 if row.border_counts else 1)
    if isinstance(step, Residual):
        mixed = add_step(x, step.module, f"{name}_mixed", row, scale)
        mixed = blocks.conv(mixed, x.shape[-1], 1, name=f"{name}_up")
        mixed = blocks.layer("Rescaling", mixed, f"{name}_scaled", scale=step.factor)
        x = blocks.add([x, mixed], f"{name}_add")
        return blocks.activation(x, "relu", f"{name}_act") if step.relu else x
    branches = [
        add_steps(x, branch, f"{name}_b{i}", row, scale) for i, branch in enumerate(step, 1)
    ]
    return blocks.concat(branches, name)


def with_stride_1(steps: Steps) -> Steps:
    """Returns the steps of a stem at stride 1 and without max pools."""
    kept: list[Any] = []
    for step in steps:
        if isinstance(step, Conv):
            kept.append(Conv(step.filters, step.kernel))
        elif isinstance(step, tuple):
            kept.append(tuple(with_stride_1(branch) for branch in step))
        elif step != MAX:
            kept.append(step)
    return tuple(kept)
