"""What a network will cost, worked out from its table without building it.

A body of a family file runs on Keras tensors, and builds layers, or on the planned tensors of
this module, and only writes a ledger: for every layer its output shape, its weights and its
multiply-accumulates. A plan takes about a millisecond and imports nothing, so that the command can
print costs, a builder can name the smallest image that fits, and a search can price a candidate.

`RULES` holds the arithmetic of each kind of layer once, for plans and for built models alike; its
configuration is the one that the Keras layer takes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

from kerascnn.errors import MismatchError, UsageError

MAXIMUM_LAYERS = 50_000
"""The deepest row here has 1,500; what a file or a search asks for may have no end."""

Shape = tuple[int | None, ...]


class TooSmallError(MismatchError):
    """The image is used up before the network ends."""


class FixedSizeError(MismatchError):
    """A layer needs a height and width that are known when the model is built."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one layer makes of its input: output shape, weights, multiply-accumulates per image.

    `macs` is None where the height or width is not fixed. `window` is the patch of the input that
    one output value sees (height, width), None for all of it; those of neighbouring values are
    `stride` apart.
    """

    shape: Shape
    trainable: int = 0
    fixed: int = 0
    macs: int | None = 0
    window: tuple[int, int] | None = (1, 1)
    stride: tuple[float, float] = (1, 1)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the ledger: a layer, what it was given, and its cost."""

    name: str
    kind: str
    config: Mapping[str, Any]
    inputs: tuple[Planned, ...]
    cost: Cost


@dataclass(slots=True)  # not frozen: setting fields would take three times as long
class Planned:
    """A tensor that a plan speaks of; has a `shape` as a Keras tensor has (batch first)."""

    shape: Shape
    plan: Plan = field(repr=False, compare=False)
    source: str = "image"


class Plan:
    """The ledger of a network: one entry a layer, in the order in which they are made."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}

    def image(self, shape: Shape) -> Planned:
        """Returns the planned input; `shape` is (height, width, channels)."""
        return Planned((None, *shape), self)

    def layer(
        self, kind: str, inputs: Planned | Sequence[Planned], name: str, config: Mapping[str, Any]
    ) -> Planned:
        """Writes one layer into the ledger and returns its output."""
        given = (inputs,) if isinstance(inputs, Planned) else tuple(inputs)
        if name in self.entries:
            raise ValueError(f"two layers are called {name!r}")
        if len(self.entries) == MAXIMUM_LAYERS:
            raise UsageError(f"a network of more than {MAXIMUM_LAYERS:,} layers is not built")
        cost = layer_cost(kind, [one.shape for one in given], config)
        self.entries[name] = Entry(name, kind, config, given, cost)
        return Planned(cost.shape, self, name)

    def part(self, key: Hashable, make: Callable[[], Planned]) -> Planned:
        """Returns the output of layers whose shapes and costs depend on `key` alone."""
        return make()

    @property
    def trainable(self) -> int:
        """Trainable parameters: weights, biases, batch norm's gamma and beta."""
        return sum(entry.cost.trainable for entry in self.entries.values())

    @property
    def fixed(self) -> int:
        """Parameters that no gradient moves: moving statistics and fixed codes."""
        return sum(entry.cost.fixed for entry in self.entries.values())

    @property
    def macs(self) -> int | None:
        """Multiply-accumulates for one image, or None where the image size is open."""
        parts = [entry.cost.macs for entry in self.entries.values()]
        return None if None in parts else sum(part for part in parts if part is not None)


def pair(value: int | Sequence[int]) -> tuple[int, int]:
    """Returns (height, width) of a setting given as one number or as two."""
    if isinstance(value, int):
        return value, value
    first, second = value
    return first, second


def _times(*factors: int | None) -> int | None:
    return None if None in factors else prod(factor for factor in factors if factor is not None)


def _extent(size: int | None, kernel: int, stride: int, dilation: int, padding: str) -> int | None:
    if size is None:
        return None
    if padding == "same":
        return -(-size // stride)
    out = (size - (kernel - 1) * dilation - 1) // stride + 1
    if out < 1:
        raise TooSmallError(f"a window of {(kernel - 1) * dilation + 1} does not fit into {size}")
    return out


def slide(
    shape: Shape, config: Mapping[str, Any], kernel: Any, strides: Any = 1
) -> tuple[list[int | None], tuple[int, int], tuple[int, int]]:
    """Returns what a window that slides over `shape` gives: height and width, window, stride."""
    strides = pair(config.get("strides") or strides)
    dilation = pair(config.get("dilation_rate", 1))
    padding = config.get("padding", "valid")
    kernel = pair(kernel)
    sizes = [
        _extent(shape[axis + 1], kernel[axis], strides[axis], dilation[axis], padding)
        for axis in (0, 1)
    ]
    window = ((kernel[0] - 1) * dilation[0] + 1, (kernel[1] - 1) * dilation[1] + 1)
    return sizes, window, strides


def _channels(shape: Shape) -> int:
    channels = shape[-1]
    if channels is None:
        raise FixedSizeError(f"the last axis of {shape} must be known when the model is built")
    return channels


def _conv(shapes: list[Shape], config: Mapping[str, Any]) -> Cost:
    (shape,) = shapes
    filters, kernel = config["filters"], config["kernel_size"]
    sizes, window, stride = slide(shape, config, kernel)
    weights = prod(pair(kernel)) * _channels(shape) // config.get("groups", 1) * filters
    bias = filters if config.get("use_bias", True) else 0
    macs = _times(weights, *sizes)
    return Cost((None, *sizes, filters), weights + bias, 0, macs, window, stride)


def _depthwise(shapes: list[Shape], config: Mapping[str, Any]) -> Cost:
    (shape,) = shapes
    kernel, multiplier = config["kernel_size"], config.get("depth_multiplier", 1)
    filters = _channels(shape) * multiplier
    sizes, window, stride = slide(shape, config, kernel)
    weights = prod(pair(kernel)) * filters
    bias = filters if config.get("use_bias", True) else 0
    macs = _times(weights, *sizes)
    return Cost((None, *sizes, filters), weights + bias, 0, macs, window, stride)


def _transposed(shapes: list[Shape], config: Mapping[str, Any]) -> Cost:
    (shape,) = shapes
    filters, kernel = config["filters"], pair(config["kernel_size"])
    strides, padding = pair(config.get("strides", 1)), config.get("padding", "valid")
    height, width = (
        None if size is None else size * step + (0 if padding == "same" else max(extent - step, 0))
        for size, step, extent in zip(shape[1:3], strides, kernel, strict=True)
    )
    weights = prod(kernel) * _channels(shape) * filters
    bias = filters if config.get("use_bias", True) else 0
    # Every input value is multiplied with every weight of its channel once.
    macs = _times(weights, shape[1], shape[2])
    window = (-(-kernel[0] // strides[0]), -(-kernel[1] // strides[1]))
    stride = (1 / strides[0], 1 / strides[1])
    return Cost((None, height, width, filters), weights + bias, 0, macs, window, stride)


def _dense(shapes: list[Shape], config: Mapping[str, Any]) -> Cost:
    (shape,) = shapes
    units = config["units"]
    weights = _channels(shape) * units
    bias = units if config.get("use_bias", True) else 0
    return Cost((*shape[:-1], units), weights + bias, 0, _times(weights, *shape[1:-1]))


def _norm(shapes: list[Shape], config: Mapping[str, Any]) -> Cost:
    (shape,) = shapes
    moved = config.get("scale", True) + config.get("center", True)
    return Cost(shape, moved * _channels(shape), 2 * _channels(shape))


def _pool(shapes: list[Shape], config: Mapping[str, Any]) -> Cost:
    (shape,) = shapes
    size = config.get("pool_size", 2)
    sizes, window, stride = slide(shape, config, size, size)
    return Cost((None, *sizes, shape[-1]), window=window, stride=stride)


def _global_pool(shapes: list[Shape], config: Mapping[str, Any]) -> Cost:
    (shape,) = shapes
    shape = (None, 1, 1, shape[-1]) if config.get("keepdims") else (None, shape[-1])
    return Cost(shape, window=None)


def _borders(amount: Any) -> tuple[int, int]:
    """Returns the rows and columns that a padding or cropping setting adds or takes in all."""
    if isinstance(amount, int):
        return 2 * amount, 2 * amount
    vertical, horizontal = (2 * one if isinstance(one, int) else sum(one) for one in amount)
    return vertical, horizontal


def _pad(shapes: list[Shape], config: Mapping[str, Any]) -> Cost:
    sizes = list(shapes[0])
    # With "channels_first" Keras pads the last two axes (`blocks.pad_channels`).
    first = 2 if config.get("data_format") == "channels_first" else 1
    for axis, extra in enumerate(_borders(config["padding"]), first):
        size = sizes[axis]
        sizes[axis] = None if size is None else size + extra
    return Cost(tuple(sizes))


def _crop(shapes: list[Shape], config: Mapping[str, Any]) -> Cost:
    (shape,) = shapes
    less = _borders(config["cropping"])
    sizes = [
        None if size is None else size - taken for size, taken in zip(shape[1:3], less, strict=True)
    ]
    if any(size is not None and size < 1 for size in sizes):
        raise TooSmallError(f"nothing is left of {shape[1]} x {shape[2]} after the crop")
    return Cost((None, *sizes, shape[-1]))


def _same(shapes: list[Shape], config: Mapping[str, Any]) -> Cost:
    return Cost(shapes[0])


def _merge(shapes: list[Shape], config: Mapping[str, Any]) -> Cost:
    sizes: list[int | None] = []
    for axis in zip(*(shape[1:] for shape in shapes), strict=True):
        known = {size for size in axis if size not in (None, 1)}
        if len(known) > 1:
            raise MismatchError(f"shapes {shapes} cannot be combined element by element")
        sizes.append(known.pop() if known else axis[0])
    return Cost((None, *sizes))


def _concat(shapes: list[Shape], config: Mapping[str, Any]) -> Cost:
    if len({shape[1:-1] for shape in shapes}) > 1:
        raise MismatchError(f"shapes {shapes} cannot be stacked along the channels")
    return Cost((*shapes[0][:-1], sum(_channels(shape) for shape in shapes)))


def _flatten(shapes: list[Shape], config: Mapping[str, Any]) -> Cost:
    (shape,) = shapes
    size = _times(*shape[1:])
    if size is None:
        raise FixedSizeError(
            "the head flattens its features and needs a fixed height and width; "
            "give numbers in input_shape, or take include_top=False"
        )
    return Cost((None, size), window=None)


def _reshape(shapes: list[Shape], config: Mapping[str, Any]) -> Cost:
    return Cost((None, *config["target_shape"]))


Rule = Callable[[list[Shape], Mapping[str, Any]], Cost]

RULES: dict[str, Rule] = {
    "Activation": _same,
    "Add": _merge,
    "AveragePooling2D": _pool,
    "BatchNormalization": _norm,
    "Concatenate": _concat,
    "Conv2D": _conv,
    "Conv2DTranspose": _transposed,
    "Cropping2D": _crop,
    "Dense": _dense,
    "DepthwiseConv2D": _depthwise,
    "Dropout": _same,
    "Flatten": _flatten,
    "GlobalAveragePooling2D": _global_pool,
    "GlobalMaxPooling2D": _global_pool,
    "Identity": _same,
    "MaxPooling2D": _pool,
    "Multiply": _merge,
    "ReLU": _same,
    "Rescaling": _same,
    "Reshape": _reshape,
    "Softmax": _same,
    "ZeroPadding2D": _pad,
}
"""Kind of layer (its class name) -> its cost from its input shapes and its configuration."""


def layer_cost(kind: str, shapes: list[Shape], config: Mapping[str, Any]) -> Cost:
    """Returns the cost of a layer of `RULES`; a frozen one has no trainable parameters."""
    cost = RULES[kind](shapes, config)
    if config.get("trainable", True):
        return cost
    return replace(cost, trainable=0, fixed=cost.fixed + cost.trainable)


def rule(kind: str) -> Callable[[Rule], Rule]:
    """Enters the cost of a layer of our own into `RULES`."""

    def enter(function: Rule) -> Rule:
        if kind in RULES:
            raise ValueError(f"the layer {kind!r} has a cost already")
        RULES[kind] = function
        return function

    return enter
