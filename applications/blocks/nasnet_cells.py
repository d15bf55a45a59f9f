"""The normal and the reduction cell of NASNet-A (Zoph 2017, arXiv:1707.07012, Figure 4).

See `nasnet` for departures from the figure.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kerascnn.applications import blocks
from kerascnn.applications.blocks import Norm
from kerascnn.models.layer import Tensor, part
from kerascnn.models.registry import Scale

NORM = Norm(1e-3, 0.9997)


class Cell(NamedTuple):
    """The pairs of operations whose outputs are added, and the tensors that are concatenated.

    An operation is the size of a separable convolution, "avg", "max" or "same", with its input:
    "now", "prev", or the number of a pair. In a reduction cell, it strides if it reads "now" or
    "prev"; `border_maximum` says whether the zeros of the border can then be the maximum.
    """

    kind: str
    pairs: tuple[Any, ...]
    stacked: tuple[Any, ...]
    stride: int
    border_maximum: bool = True


# Figure 4 of the paper.
NORMAL = Cell(
    "normal",
    (
        ((5, "now"), (3, "prev")),
        ((5, "prev"), (3, "prev")),
        (("avg", "now"), ("same", "prev")),
        (("avg", "prev"), ("avg", "prev")),
        ((3, "now"), ("same", "now")),
    ),
    ("prev", 1, 2, 3, 4, 5),
    1,
)
REDUCTION = Cell(
    "reduction",
    (
        ((5, "now"), (7, "prev")),
        (("max", "now"), (7, "prev")),
        (("avg", "now"), (5, "prev")),
        (("avg", 1), ("same", 2)),
        ((3, 1), ("max", "now")),
    ),
    (2, 3, 4, 5),
    2,
)


class State(NamedTuple):
    """A tensor, and the number of times that its size was halved since the stem."""

    x: Tensor
    level: int


def separable_conv(x: Tensor, filters: int, size: int, stride: int, name: str) -> Tensor:
    """Adds ReLU, depthwise and 1x1 convolution and batch norm, twice; the first strides."""

    def add_layers() -> Tensor:
        y = x
        for number, step in (1, stride), (2, 1):
            y = blocks.activation(y, "relu", f"{name}_act{number}")
            y = blocks.depthwise(y, size, step, name=f"{name}_dw{number}", pad="same")
            y = blocks.conv(y, filters, 1, name=f"{name}_pw{number}", bias=False)
            y = blocks.batch_norm(y, f"{name}_bn{number}", NORM)
        return y

    return part(x, ("separable", filters, size, stride), add_layers)


def relu_conv_norm(x: Tensor, filters: int, name: str) -> Tensor:
    """Adds ReLU, a 1x1 convolution and batch norm."""
    x = blocks.activation(x, "relu", f"{name}_act")
    return blocks.conv_norm(x, filters, 1, name=name, norm=NORM, act=None)


def match_size(prev: State, now: State, filters: int, name: str) -> Tensor:
    """Returns `prev` in the size of `now`: every second pixel, and the pixels between them."""
    x = prev.x
    if prev.level == now.level:
        return relu_conv_norm(x, filters, name) if x.shape[-1] != filters else x
    x = blocks.activation(x, "relu", f"{name}_act")
    moved = blocks.layer("ZeroPadding2D", x, f"{name}_pad", padding=((0, 1), (0, 1)))
    moved = blocks.layer("Cropping2D", moved, f"{name}_crop", cropping=((1, 0), (1, 0)))
    halves = []
    for number, half in enumerate((x, moved), 1):
        half = blocks.avg_pool(half, 1, 2, name=f"{name}_pool{number}")
        half = blocks.conv(half, filters // 2, 1, name=f"{name}_conv{number}", bias=False)
        halves.append(half)
    return blocks.batch_norm(blocks.concat(halves, f"{name}_concat"), f"{name}_bn", NORM)


def pad_border(x: Tensor, name: str) -> Tensor:
    """Pads for 3x3 pools of stride 2: below and right, and on both sides of an odd size."""
    if None in x.shape[1:3]:
        return blocks.layer("EvenBorder2D", x, name)
    return blocks.layer(
        "ZeroPadding2D", x, name, padding=tuple((side % 2, 1) for side in x.shape[1:3])
    )


def cell(
    kind: Cell, now: State, prev: State | None, filters: int, name: str, scale: Scale
) -> State:
    """Adds a normal or reduction cell; the first cell takes `now` for both inputs."""
    states: dict[Any, Tensor] = {
        "prev": now.x if prev is None else match_size(prev, now, filters, f"{name}_prev"),
        "now": relu_conv_norm(now.x, filters, f"{name}_now"),
    }
    if kind.stride == 2:
        states["border"] = pad_border(states["now"], f"{name}_border")

    def operate(operation: Any, of: Any, label: str) -> Tensor:
        if operation == "same":
            return states[of]
        strides = kind.stride == 2 and of in ("now", "prev")
        if operation in ("avg", "max"):
            pool = blocks.avg_pool if operation == "avg" else blocks.max_pool
            if strides and operation == "max" and not kind.border_maximum:
                return pool(states[of], 3, 2, name=label, pad="same")
            if strides:
                return pool(states["border"], 3, 2, name=label)
            return pool(states[of], 3, 1, name=label, pad=1)
        size = scale.kernel(operation)
        return separable_conv(states[of], filters, size, 2 if strides else 1, label)

    for number, pair in enumerate(kind.pairs, 1):
        sides = [
            operate(operation, of, f"{name}_{side}{number}")
            for (operation, of), side in zip(pair, ("left", "right"), strict=True)
        ]
        states[number] = blocks.add(sides, f"{name}_add{number}")
    x = blocks.concat([states[source] for source in kind.stacked], name)
    return State(x, now.level + kind.stride - 1)
