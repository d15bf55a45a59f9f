"""Rules for layers with weights or constants of their own, written with native operators."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kerascnn.exporting.onnx.activations import activate
from kerascnn.exporting.onnx.graph import Affine, Graph, Value
from kerascnn.exporting.onnx.rules import image_input, output_shape, require, rule, window
from kerascnn.lazy import np
from kerascnn.models.costs import pair


@dataclass(frozen=True)
class _WeightedNode:
    """A node with a kernel and a bias.

    Args:
        operator: of ONNX.
        kernel: in the operator's order of axes.
        bias: one value for each output, or None.
        attributes: of the node.
        output_axis: the axis of the kernel that belongs to the outputs.
    """

    operator: str
    kernel: Any
    bias: Any
    attributes: dict[str, Any]
    output_axis: int = 0


def _weighted(
    graph: Graph, layer: Any, x: Value, node: _WeightedNode, shape: tuple[int | None, ...]
) -> Value:
    """Adds a node with a kernel and a bias, and the layer's activation.

    Args:
        graph: to add to.
        layer: gives the names and the activation.
        x: the input.
        node: to add.
        shape: of the output, in Keras's order.
    """
    weight, bias = graph.weight(f"{layer.name}.weight", node.kernel), f"{layer.name}.bias"
    inputs = [x.name, weight]
    if node.bias is not None:
        inputs.append(graph.weight(bias, np.asarray(node.bias)))
    output = graph.node(node.operator, inputs, layer.name, **node.attributes)
    affine = Affine(weight, bias, node.output_axis, graph.nodes[-1])
    value = Value(output, shape, channels_first=len(shape) == 4, affine=affine)
    return activate(graph, layer, getattr(layer, "activation", None), value)


def _bias(layer: Any) -> Any:
    return layer.bias if layer.use_bias else None


@rule("Conv2D", "GroupedConv2D")
def _conv(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x = image_input(graph, layer, inputs[0])
    x, attributes = window(graph, layer, x, layer.kernel_size, layer.strides, layer.dilation_rate)
    kernel = np.asarray(layer.kernel).transpose(3, 2, 0, 1)
    attributes["group"] = layer.groups
    node = _WeightedNode("Conv", kernel, _bias(layer), attributes)
    return _weighted(graph, layer, x, node, output_shape(layer, inputs))


@rule("DepthwiseConv2D")
def _depthwise(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x = image_input(graph, layer, inputs[0])
    x, attributes = window(graph, layer, x, layer.kernel_size, layer.strides, layer.dilation_rate)
    height, width, channels, multiplier = layer.kernel.shape
    kernel = np.asarray(layer.kernel).transpose(2, 3, 0, 1)
    kernel = kernel.reshape(channels * multiplier, 1, height, width)
    attributes["group"] = channels
    node = _WeightedNode("Conv", kernel, _bias(layer), attributes)
    return _weighted(graph, layer, x, node, output_shape(layer, inputs))


@rule("Conv2DTranspose")
def _transposed(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x = graph.padded(image_input(graph, layer, inputs[0]))
    plain = layer.output_padding is None and pair(layer.dilation_rate) == (1, 1)
    require(plain, layer, "output_padding or dilation")
    gaps = [size - stride for size, stride in zip(layer.kernel_size, layer.strides, strict=True)]
    require(min(gaps) >= 0, layer, "strides wider than the kernel")
    cut = [0, 0] if layer.padding == "valid" else gaps
    attributes = {
        "kernel_shape": list(layer.kernel_size),
        "strides": list(layer.strides),
        "pads": [gap // 2 for gap in cut] + [gap - gap // 2 for gap in cut],
    }
    kernel = np.asarray(layer.kernel).transpose(3, 2, 0, 1)
    node = _WeightedNode("ConvTranspose", kernel, _bias(layer), attributes, output_axis=1)
    return _weighted(graph, layer, x, node, output_shape(layer, inputs))


@rule("TableConv2D")
def _table_conv(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x = graph.padded(image_input(graph, layer, inputs[0]))
    size, outputs = layer.kernel_size, len(layer.table)
    kernel = np.asarray(layer.kernel) @ layer.placement
    kernel = kernel.reshape(size, size, x.shape[-1], outputs).transpose(3, 2, 0, 1)
    node = _WeightedNode("Conv", kernel, layer.bias, {"kernel_shape": [size, size]})
    return _weighted(graph, layer, x, node, output_shape(layer, inputs))


@rule("TrainableSubsampling")
def _subsampling(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    # The sum of each 2 x 2 square times a coefficient is a depthwise filter of four equal weights.
    x = graph.padded(image_input(graph, layer, inputs[0]))
    maps = layer.coefficient.shape[0]
    kernel = np.tile(np.asarray(layer.coefficient).reshape(maps, 1, 1, 1), (1, 1, 2, 2))
    attributes = {"kernel_shape": [2, 2], "strides": [2, 2], "group": maps}
    node = _WeightedNode("Conv", kernel, layer.bias, attributes)
    return _weighted(graph, layer, x, node, output_shape(layer, inputs))


@rule("Dense")
def _dense(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    (x,) = inputs
    kernel, shape = np.asarray(layer.kernel), output_shape(layer, inputs)
    require(kernel.shape == (x.shape[-1], layer.units), layer, "its kernel has another shape")
    if len(x.shape) == 4:  # over the channels of a map: a 1 x 1 convolution
        x = graph.padded(graph.channels_first(x))
        kernel = kernel.T[:, :, None, None]
        node = _WeightedNode("Conv", kernel, _bias(layer), {"kernel_shape": [1, 1]})
        return _weighted(graph, layer, x, node, shape)
    require(len(x.shape) == 2, layer, "input of 3 or more than 4 axes")
    if x.flat is not None:
        kernel = kernel.reshape(*x.flat, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
    node = _WeightedNode("Gemm", kernel, _bias(layer), {}, output_axis=1)
    return _weighted(graph, layer, x, node, shape)


@rule("BatchNormalization")
def _batch_norm(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    (x,) = inputs
    last = layer.axis in (-1, len(x.shape) - 1) and not layer.renorm
    require(last, layer, "an axis other than the channels, or renorm")
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
    parameters = {"scale": gamma, "bias": beta, "mean": mean, "variance": variance}
    weights = [graph.weight(f"{layer.name}.{name}", value) for name, value in parameters.items()]
    output = graph.node(
        "BatchNormalization", [x.name, *weights], layer.name, epsilon=float(layer.epsilon)
    )
    return dataclasses.replace(x, name=output, positive=False, affine=None)


@rule("Rescaling")
def _rescaling(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    (x,) = inputs
    scale, offset = np.asarray(layer.scale, "float64"), np.asarray(layer.offset, "float64")
    require(scale.ndim < 2 and offset.ndim < 2, layer, "scale or offset with several axes")
    if x.affine is not None and x.uses == 1:
        graph.rescale(x, scale, offset)
        return x
    return scaled(graph, graph.padded(x), scale, offset, layer.name)


def scaled(graph: Graph, x: Value, scale: Any, offset: Any, name: str) -> Value:
    """Adds x * scale + offset.

    Args:
        graph: to add to.
        x: the value.
        scale: a number, or one for each channel.
        offset: likewise.
        name: of the nodes.
    """
    if x.flat is not None:
        x = graph.in_keras_order(x)
    for kind, values, neutral in (("Mul", scale, 1), ("Add", offset, 0)):
        values = np.asarray(values, np.float32)
        if (values == neutral).all():
            continue
        if values.ndim and x.channels_first:
            values = values[:, None, None]
        output = graph.node(kind, [x.name, graph.weight(f"{name}.{kind.lower()}", values)], name)
        x = dataclasses.replace(x, name=output, positive=False, affine=None)
    return x


@rule("PositionBias")
def _position_bias(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x = graph.padded(graph.channels_first(inputs[0]))
    values = np.asarray(layer.bias)
    values = values.transpose(2, 0, 1) if values.ndim == 3 else values
    bias = graph.weight(f"{layer.name}.bias", values)
    output = graph.node("Add", [x.name, bias], layer.name)
    return dataclasses.replace(x, name=output, positive=False, affine=None)


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
    return Value(graph.node("Neg", [total], name), output_shape(layer, inputs))


@rule("LocalResponseNormalization")
def _lrn(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x = graph.padded(image_input(graph, layer, inputs[0]))
    size = 2 * layer.radius + 1
    output = graph.node(
        "LRN",
        [x.name],
        layer.name,
        size=size,
        alpha=float(layer.alpha * size),  # ONNX divides alpha by the window's size
        beta=float(layer.beta),
        bias=float(layer.bias),
    )
    return dataclasses.replace(x, name=output, affine=None)
