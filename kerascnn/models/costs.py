"""Computes the costs of a network without building it.

The body function of a family runs on Keras tensors or on the `Planned` tensors of this module. With
Keras tensors it builds layers. With planned tensors it records each layer in a `Plan`: output
shape, number of weights, multiply-accumulates. A plan takes about a millisecond and needs neither
Keras nor TensorFlow. The command prints costs from it, builders compute the smallest image that
fits, and a search computes the costs of its candidates.

`RULES` holds one cost function for each kind of layer, for plans and for built models. The function
takes the same configuration as the Keras layer.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

from kerascnn.errors import MismatchError, UsageError

MAXIMUM_LAYERS = 50_000
"""Limit for requests of files and searches. The deepest registered architecture has 1,500."""

Shape = tuple[int | None, ...]


class TooSmallError(MismatchError):
    """The image is too small: a layer gets a map that is smaller than its window."""


class FixedSizeError(MismatchError):
    """A layer needs a height and width that are known when the model is built."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The costs of one layer.

    Attributes:
        shape: of the output, batch axis included.
        trainable: number of trainable weights.
        fixed: number of weights that are not trained.
        macs: multiply-accumulates for one image; None if the height or width is unknown.
        window: height and width of the input patch that one output value depends on; None for the
            whole input.
        stride: distance between the windows of neighbouring output values (vertical, horizontal).
    """

    shape: Shape
    trainable: int = 0
    fixed: int = 0
    macs: int | None = 0
    window: tuple[int, int] | None = (1, 1)
    stride: tuple[float, float] = (1, 1)


@dataclass(frozen=True, slots=True)
class Entry:
    """One layer of a plan: its name, class name, configuration, inputs and costs."""

    name: str
    kind: str
    config: Mapping[str, Any]
    inputs: tuple[Planned, ...]
    cost: Cost


@dataclass(slots=True)  # not frozen: setting fields would take three times as long
class Planned:
    """A tensor of a plan: its `shape` (batch first, as in Keras) and the layer that makes it."""

    shape: Shape
    plan: Plan = field(repr=False, compare=False)
    source: str = "image"


class Plan:
    """The planned layers of a network: one entry for each layer, in the order of creation."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}

    def image(self, shape: Shape) -> Planned:
        """Returns the planned input; `shape` is (height, width, channels)."""
        return Planned((None, *shape), self)

    def layer(
        self, kind: str, inputs: Planned | Sequence[Planned], name: str, config: Mapping[str, Any]
    ) -> Planned:
        """Adds one layer to the plan and returns its output.

        Raises:
            UsageError: the plan has `MAXIMUM_LAYERS` layers already.
            MismatchError: the layer does not take inputs of these shapes.
        """
        sources = (inputs,) if isinstance(inputs, Planned) else tuple(inputs)
        if name in self.entries:
            raise ValueError(f"two layers are called {name!r}")
        if len(self.entries) == MAXIMUM_LAYERS:
            raise UsageError(
                f"the network has more than {MAXIMUM_LAYERS:,} layers, the most that are allowed; "
                "reduce its depth"
            )
        cost = layer_cost(kind, [source.shape for source in sources], config)
        self.entries[name] = Entry(name, kind, config, sources, cost)
        return Planned(cost.shape, self, name)

    def part(self, key: Hashable, make: Callable[[], Planned]) -> Planned:
        """Adds the layers of `make` and returns their output.

        The shapes and costs of these layers depend on `key` alone, so a subclass can cache them.
        """
        return make()

    @property
    def trainable(self) -> int:
        """Number of trainable parameters: weights, biases, gamma and beta of batch norms."""
        return sum(entry.cost.trainable for entry in self.entries.values())

    @property
    def fixed(self) -> int:
        """Number of parameters that are not trained: moving statistics and fixed codes."""
        return sum(entry.cost.fixed for entry in self.entries.values())

    @property
    def macs(self) -> int | None:
        """Multiply-accumulates for one image, or None if the image size is unknown."""
        macs = [entry.cost.macs for entry in self.entries.values()]
        return None if None in macs else sum(count for count in macs if count is not None)


def pair(value: int | Sequence[int]) -> tuple[int, int]:
    """Returns (height, width) of a setting that is one number for both, or two numbers."""
    if isinstance(value, int):
        return value, value
    first, second = value
    return first, second


def product(*factors: int | None) -> int | None:
    """Returns the product of the factors, or None if one of them is unknown (None)."""
    return None if None in factors else prod(factor for factor in factors if factor is not None)


def _extent(size: int | None, kernel: int, stride: int, dilation: int, padding: str) -> int | None:
    if size is None:
        return None
    if padding == "same":
        return -(-size // stride)
    positions = (size - (kernel - 1) * dilation - 1) // stride + 1
    if positions < 1:
        window = (kernel - 1) * dilation + 1
        raise TooSmallError(
            f"a window of {window} pixels does not fit into a map of {size}; use a larger image"
        )
    return positions


def slide(
    shape: Shape, config: Mapping[str, Any], kernel: Any, strides: Any = 1
) -> tuple[list[int | None], tuple[int, int], tuple[int, int]]:
    """Returns the output size, the window and the stride of a layer that slides a window.

    Args:
        shape: of the input, (batch, height, width, channels).
        config: the layer's configuration; strides, dilation_rate and padding are read.
        kernel: height and width of the kernel, or one number for both.
        strides: the default if `config` has none.

    Returns:
        [height, width] of the output; (height, width) of the window, dilation included; and the
        stride in both directions.

    Raises:
        TooSmallError: the window does not fit into the input.
    """
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
    macs = product(weights, *sizes)
    return Cost((None, *sizes, filters), weights + bias, 0, macs, window, stride)


def _depthwise(shapes: list[Shape], config: Mapping[str, Any]) -> Cost:
    (shape,) = shapes
    kernel, multiplier = config["kernel_size"], config.get("depth_multiplier", 1)
    filters = _channels(shape) * multiplier
    sizes, window, stride = slide(shape, config, kernel)
    weights = prod(pair(kernel)) * filters
    bias = filters if config.get("use_bias", True) else 0
    macs = product(weights, *sizes)
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
    # Each input value is multiplied once by each weight of its channel.
    macs = product(weights, shape[1], shape[2])
    window = (-(-kernel[0] // strides[0]), -(-kernel[1] // strides[1]))
    stride = (1 / strides[0], 1 / strides[1])
    return Cost((None, height, width, filters), weights + bias, 0, macs, window, stride)


def _dense(shapes: list[Shape], config: Mapping[str, Any]) -> Cost:
    (shape,) = shapes
    units = config["units"]
    weights = _channels(shape) * units
    bias = units if config.get("use_bias", True) else 0
    return Cost((*shape[:-1], units), weights + bias, 0, product(weights, *shape[1:-1]))


def _norm(shapes: list[Shape], config: Mapping[str, Any]) -> Cost:
    (shape,) = shapes
    trainable_vectors = config.get("scale", True) + config.get("center", True)  # gamma and beta
    return Cost(shape, trainable_vectors * _channels(shape), 2 * _channels(shape))


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
    """Returns the total rows and columns that a padding or cropping setting adds or removes."""
    if isinstance(amount, int):
        return 2 * amount, 2 * amount
    vertical, horizontal = (
        2 * border if isinstance(border, int) else sum(border) for border in amount
    )
    return vertical, horizontal


def _pad(shapes: list[Shape], config: Mapping[str, Any]) -> Cost:
    sizes = list(shapes[0])
    # With "channels_first" Keras pads the last two axes; `blocks.pad_channels` uses this.
    first = 2 if config.get("data_format") == "channels_first" else 1
    for axis, extra in enumerate(_borders(config["padding"]), first):
        size = sizes[axis]
        sizes[axis] = None if size is None else size + extra
    return Cost(tuple(sizes))


def _crop(shapes: list[Shape], config: Mapping[str, Any]) -> Cost:
    (shape,) = shapes
    removed = _borders(config["cropping"])
    sizes = [
        None if size is None else size - border
        for size, border in zip(shape[1:3], removed, strict=True)
    ]
    if any(size is not None and size < 1 for size in sizes):
        raise TooSmallError(
            f"a crop of {removed[0]} x {removed[1]} pixels removes all of a map of {shape[1]} x "
            f"{shape[2]}; use a larger image"
        )
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
        raise MismatchError(f"shapes {shapes} cannot be concatenated along the channels")
    return Cost((*shapes[0][:-1], sum(_channels(shape) for shape in shapes)))


def _flatten(shapes: list[Shape], config: Mapping[str, Any]) -> Cost:
    (shape,) = shapes
    size = product(*shape[1:])
    if size is None:
        raise FixedSizeError(
            "the head flattens its features and needs a fixed height and width; "
            "give numbers in input_shape, or use include_top=False"
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
"""Class name of a layer -> function of its input shapes and configuration that gives its cost."""


def layer_cost(kind: str, shapes: list[Shape], config: Mapping[str, Any]) -> Cost:
    """Returns the cost of a layer whose class is in `RULES`.

    The weights of a layer with trainable=False count as fixed.
    """
    cost = RULES[kind](shapes, config)
    if config.get("trainable", True):
        return cost
    return replace(cost, trainable=0, fixed=cost.fixed + cost.trainable)


def rule(kind: str) -> Callable[[Rule], Rule]:
    """Returns a decorator that adds a cost function to `RULES` for the layer class `kind`."""

    def add_rule(function: Rule) -> Rule:
        if kind in RULES:
            raise ValueError(f"RULES has a cost function for the layer {kind!r} already")
        RULES[kind] = function
        return function

    return add_rule
