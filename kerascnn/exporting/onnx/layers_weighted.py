"""What each layer becomes in ONNX: one rule for each class, native operators only.

A rule takes the graph, the layer and its inputs, and returns the layer's output. It raises
NotCovered for arguments that no network of this package uses.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

from kerascnn.exporting.onnx.activations import activate
from kerascnn.exporting.onnx.graph import Affine, Graph, NotCovered, Value, to_end
from kerascnn.lazy import np
from kerascnn.models.costs import pair

Rule = Callable[[Graph, Any, Sequence[Value]], Value]
RULES: dict[str, Rule] = {}
NO_PADS = (0, 0, 0, 0)


def rule(*kinds: str) -> Callable[[Rule], Rule]:
    """Registers the rule for layers of these class names."""

    def enter(made: Rule) -> Rule:
        RULES.update(dict.fromkeys(kinds, made))
        return made

    return enter


def _require(condition: bool, layer: Any, what: str) -> None:
    if not condition:
        raise NotCovered(f"{layer.name} ({type(layer).__name__}): {what}")


def _image(graph: Graph, layer: Any, x: Value) -> Value:
    _require(len(x.shape) == 4, layer, "input is no image")
    last = getattr(layer, "data_format", "channels_last") == "channels_last"
    _require(last, layer, "data_format is not channels_last")
    return graph.channels_first(x)


def _shape(layer: Any, inputs: Sequence[Value]) -> tuple[int | None, ...]:
    shapes = [x.shape for x in inputs]
    return tuple(layer.compute_output_shape(shapes[0] if len(shapes) == 1 else shapes))


def _same_pads(x: Value, kernel: Any, strides: Any) -> tuple[int, ...] | None:
    """Returns TensorFlow's "same" as (top, left, bottom, right); None where the size is open."""
    before, after = [], []
    for side, size, stride in zip(x.shape[1:3], kernel, strides, strict=True):
        if stride == 1:
            total = size - 1
        elif side is None:
            return None
        else:
            total = max((math.ceil(side / stride) - 1) * stride + size - side, 0)
        before.append(total // 2)
        after.append(total - total // 2)
    return (*before, *after)


def _window(
    graph: Graph, layer: Any, x: Value, kernel: Any, strides: Any, dilation: Any = (1, 1)
) -> tuple[Value, dict[str, Any]]:
    """Returns the input and the attributes of a sliding window; waiting zeros become its pads."""
    attributes: dict[str, Any] = {"kernel_shape": list(kernel), "strides": list(strides)}
    if tuple(dilation) != (1, 1):
        attributes["dilations"] = list(dilation)
    if layer.padding == "valid":
        attributes["pads"] = list(x.pads or NO_PADS)
        return (dataclasses.replace(x, pads=None) if x.pads else x), attributes
    x = graph.padded(x)
    extents = [(size - 1) * step + 1 for size, step in zip(kernel, dilation, strict=True)]
    pads = _same_pads(x, extents, strides)
    if pads is None:
        attributes["auto_pad"] = "SAME_UPPER"
    else:
        attributes["pads"] = list(pads)
    return x, attributes


def _weighted(
    graph: Graph,
    layer: Any,
    x: Value,
    kind: str,
    kernel: Any,
    bias: Any,
    shape: tuple[int | None, ...],
    axis: int = 0,
    **attributes: Any,
) -> Value:
    """Adds a node with a kernel and a bias, and the layer's activation."""
    weight = graph.weight(f"{layer.name}.weight", kernel)
    named = f"{layer.name}.bias"
    inputs = [x.name, weight]
    if bias is not None:
        inputs.append(graph.weight(named, np.asarray(bias)))
    made = graph.node(kind, inputs, layer.name, **attributes)
    affine = Affine(weight, named, axis, graph.nodes[-1])
    value = Value(made, shape, channels_first=len(shape) == 4, affine=affine)
    return activate(graph, layer, getattr(layer, "activation", None), value)


def _bias(layer: Any) -> Any:
    return layer.bias if layer.use_bias else None


@rule("Conv2D", "GroupedConv2D")
def _conv(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x = _image(graph, layer, inputs[0])
    x, window = _window(graph, layer, x, layer.kernel_size, layer.strides, layer.dilation_rate)
    kernel = np.asarray(layer.kernel).transpose(3, 2, 0, 1)
    shape = _shape(layer, inputs)
    return _weighted(
        graph, layer, x, "Conv", kernel, _bias(layer), shape, group=layer.groups, **window
    )


@rule("DepthwiseConv2D")
def _depthwise(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x = _image(graph, layer, inputs[0])
    x, window = _window(graph, layer, x, layer.kernel_size, layer.strides, layer.dilation_rate)
    height, width, channels, multiplier = layer.kernel.shape
    kernel = np.asarray(layer.kernel).transpose(2, 3, 0, 1)
    kernel = kernel.reshape(channels * multiplier, 1, height, width)
    shape = _shape(layer, inputs)
    return _weighted(graph, layer, x, "Conv", kernel, _bias(layer), shape, group=channels, **window)


@rule("Conv2DTranspose")
def _transposed(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x = graph.padded(_image(graph, layer, inputs[0]))
    plain = layer.output_padding is None and pair(layer.dilation_rate) == (1, 1)
    _require(plain, layer, "output_padding or dilation")
    gaps = [k - s for k, s in zip(layer.kernel_size, layer.strides, strict=True)]
    _require(min(gaps) >= 0, layer, "strides wider than the kernel")
    cut = [0, 0] if layer.padding == "valid" else gaps
    pads = [gap // 2 for gap in cut] + [gap - gap // 2 for gap in cut]
    return _weighted(
        graph,
        layer,
        x,
        "ConvTranspose",
        np.asarray(layer.kernel).transpose(3, 2, 0, 1),
        _bias(layer),
        _shape(layer, inputs),
        axis=1,
        kernel_shape=list(layer.kernel_size),
        strides=list(layer.strides),
        pads=pads,
    )


@rule("TableConv2D")
def _table_conv(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x = graph.padded(_image(graph, layer, inputs[0]))
    size, outputs = layer.kernel_size, len(layer.table)
    kernel = np.asarray(layer.kernel) @ layer.placement
    kernel = kernel.reshape(size, size, x.shape[-1], outputs).transpose(3, 2, 0, 1)
    return _weighted(
        graph, layer, x, "Conv", kernel, layer.bias, _shape(layer, inputs),
        kernel_shape=[size, size],
    )  # fmt: skip


@rule("TrainableSubsampling")
def _subsampling(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    # The sum of each square, times a coefficient: a depthwise filter of four equal weights.
    x = graph.padded(_image(graph, layer, inputs[0]))
    maps = layer.coefficient.shape[0]
    kernel = np.tile(np.asarray(layer.coefficient).reshape(maps, 1, 1, 1), (1, 1, 2, 2))
    return _weighted(
        graph, layer, x, "Conv", kernel, layer.bias, _shape(layer, inputs),
        kernel_shape=[2, 2], strides=[2, 2], group=maps,
    )  # fmt: skip


@rule("Dense")
def _dense(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    (x,) = inputs
    kernel, shape = np.asarray(layer.kernel), _shape(layer, inputs)
    _require(kernel.shape == (x.shape[-1], layer.units), layer, "its kernel is of another form")
    if len(x.shape) == 4:  # over the channels of a map: a convolution of 1x1
        x = graph.padded(graph.channels_first(x))
        kernel = kernel.T[:, :, None, None]
        return _weighted(graph, layer, x, "Conv", kernel, _bias(layer), shape, kernel_shape=[1, 1])
    _require(len(x.shape) == 2, layer, "input of 3 or more than 4 axes")
    if x.flat is not None:
        kernel = kernel.reshape(*x.flat, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
    return _weighted(graph, layer, x, "Gemm", kernel, _bias(layer), shape, axis=1)


@rule("BatchNormalization")
def _batch_norm(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    (x,) = inputs
    last = layer.axis in (-1, len(x.shape) - 1) and not layer.renorm
    _require(last, layer, "an axis other than the channels, or renorm")
    mean, variance = (np.asarray(v) for v in (layer.moving_mean, layer.moving_variance))
    gamma = np.asarray(layer.gamma) if layer.scale else np.ones_like(mean)
    beta = np.asarray(layer.beta) if layer.center else np.zeros_like(mean)
    if x.affine is not None and x.uses == 1:
        scale = gamma.astype("float64") / np.sqrt(variance.astype("float64") + layer.epsilon)
        graph.rescale(x, scale, beta - mean * scale)
        return x
    x = graph.padded(graph.channels_first(x))
    if x.flat is not None:
        x = graph.in_keras_order(x)
    named = zip(("scale", "bias", "mean", "variance"), (gamma, beta, mean, variance), strict=True)
    weights = [graph.weight(f"{layer.name}.{name}", value) for name, value in named]
    made = graph.node(
        "BatchNormalization", [x.name, *weights], layer.name, epsilon=float(layer.epsilon)
    )
    return dataclasses.replace(x, name=made, positive=False, affine=None)


@rule("Rescaling")
def _rescaling(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    (x,) = inputs
    scale, offset = np.asarray(layer.scale, "float64"), np.asarray(layer.offset, "float64")
    _require(scale.ndim < 2 and offset.ndim < 2, layer, "scale or offset of several axes")
    if x.affine is not None and x.uses == 1:
        graph.rescale(x, scale, offset)
        return x
    return scaled(graph, graph.padded(x), scale, offset, layer.name)


def scaled(graph: Graph, x: Value, scale: Any, offset: Any, name: str) -> Value:
    """Adds x * scale + offset, each one number or one for each channel."""
    if x.flat is not None:
        x = graph.in_keras_order(x)
    for kind, values, neutral in (("Mul", scale, 1), ("Add", offset, 0)):
        values = np.asarray(values, np.float32)
        if (values == neutral).all():
            continue
        if values.ndim and x.channels_first:
            values = values[:, None, None]
        made = graph.node(kind, [x.name, graph.weight(f"{name}.{kind.lower()}", values)], name)
        x = dataclasses.replace(x, name=made, positive=False, affine=None)
    return x


@rule("PositionBias")
def _position_bias(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x = graph.padded(graph.channels_first(inputs[0]))
    values = np.asarray(layer.bias)
    values = values.transpose(2, 0, 1) if values.ndim == 3 else values
    bias = graph.weight(f"{layer.name}.bias", values)
    made = graph.node("Add", [x.name, bias], layer.name)
    return dataclasses.replace(x, name=made, positive=False, affine=None)


@rule("RadialBasis")
def _radial_basis(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x, name = graph.in_keras_order(inputs[0]), layer.name
    column = graph.node("Unsqueeze", [x.name, graph.whole(f"{name}.axis", [2])], f"{name}_column")
    codes = graph.weight(f"{name}.codes", np.asarray(layer.codes))
    difference = graph.node("Sub", [column, codes], f"{name}_difference")
    square = graph.node("Mul", [difference, difference], f"{name}_square")
    total = graph.node(
        "ReduceSum", [square, graph.whole(f"{name}.features", [1])], f"{name}_total", keepdims=0
    )
    return Value(graph.node("Neg", [total], name), _shape(layer, inputs))


@rule("LocalResponseNormalization")
def _lrn(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x = graph.padded(_image(graph, layer, inputs[0]))
    size = 2 * layer.radius + 1
    made = graph.node(
        "LRN",
        [x.name],
        layer.name,
        size=size,
        alpha=float(layer.alpha * size),  # ONNX divides by the window
        beta=float(layer.beta),
        bias=float(layer.bias),
    )
    return dataclasses.replace(x, name=made, affine=None)


@rule("ZeroPadding2D")
def _zero_padding(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x = graph.padded(graph.channels_first(inputs[0]))
    _require(len(x.shape) == 4, layer, "input is no image")
    (top, bottom), (left, right) = layer.padding
    shape = _shape(layer, inputs)
    if layer.data_format == "channels_last":
        pads = (top, left, bottom, right)
        return dataclasses.replace(x, shape=shape, pads=pads, affine=None)
    # Keras's axes 2 and 3 of N x H x W x C are width and channels: a shortcut's new channels.
    ends = graph.whole(f"{layer.name}.pads", [0, left, 0, top, 0, right, 0, bottom])
    made = graph.node("Pad", [x.name, ends], layer.name, mode="constant")
    return dataclasses.replace(x, name=made, shape=shape, affine=None)


@rule("EvenBorder2D")
def _even_border(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x = graph.padded(_image(graph, layer, inputs[0]))
    height, width = x.shape[1:3]
    if height is None or width is None:
        raise NotCovered(f"{layer.name}: an open image size")
    return dataclasses.replace(
        x, shape=_shape(layer, inputs), pads=(height % 2, width % 2, 1, 1), affine=None
    )


@rule("Cropping2D")
def _cropping(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x = graph.padded(_image(graph, layer, inputs[0]))
    (top, bottom), (left, right) = layer.cropping
    return _sliced(
        graph, x, layer.name, [top, left], [to_end(bottom), to_end(right)], [2, 3],
        _shape(layer, inputs),
    )  # fmt: skip


@rule("ChannelSlice")
def _channel_slice(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x = graph.padded(_image(graph, layer, inputs[0]))
    shape = _shape(layer, inputs)
    size = shape[-1]
    assert size is not None
    start, end = layer.part * size, (layer.part + 1) * size
    return _sliced(graph, x, layer.name, [start], [end], [1], shape)


@rule("CropLike")
def _crop_like(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x, reference = (graph.padded(graph.channels_first(one)) for one in inputs)
    shape, name = _shape(layer, inputs), layer.name
    if None not in shape[1:3]:
        return _sliced(graph, x, name, [0, 0], list(shape[1:3]), [2, 3], shape)
    sides = graph.node("Shape", [reference.name], f"{name}_shape")
    vectors = [graph.whole(f"{name}.{key}", [value]) for key, value in (("from", 2), ("to", 4))]
    ends = graph.node("Slice", [sides, *vectors], f"{name}_sides")
    return _sliced(graph, x, name, [0, 0], ends, [2, 3], shape)


def _sliced(
    graph: Graph,
    x: Value,
    name: str,
    starts: Sequence[int],
    ends: Any,
    axes: Sequence[int],
    shape: tuple[int | None, ...],
) -> Value:
    if not isinstance(ends, str):
        ends = graph.whole(f"{name}.ends", ends)
    first, third = graph.whole(f"{name}.starts", starts), graph.whole(f"{name}.axes", axes)
    made = graph.node("Slice", [x.name, first, ends, third], name)
    return dataclasses.replace(x, name=made, shape=shape, affine=None)


@rule("ChannelShuffle")
def _channel_shuffle(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x = graph.padded(_image(graph, layer, inputs[0]))
    channels = x.shape[-1]
    assert channels is not None
    order = np.arange(channels).reshape(layer.groups, -1).T.ravel().tolist()
    made = graph.node(
        "Gather", [x.name, graph.whole(f"{layer.name}.order", order)], layer.name, axis=1
    )
    return dataclasses.replace(x, name=made, affine=None)
