"""Rules for activations, pooling, merging, and layers that do nothing in inference."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from kerascnn.exporting.onnx.activations import activate, apply, clip, exact_gelu
from kerascnn.exporting.onnx.graph import Graph, NotCovered, Value
from kerascnn.exporting.onnx.rules import (
    NO_PADS,
    image_input,
    output_shape,
    require,
    rule,
    window,
)
from kerascnn.lazy import np


@rule(
    "Identity",
    "Dropout",
    "SpatialDropout2D",
    "GaussianNoise",
    "GaussianDropout",
    "AlphaDropout",
    "ActivityRegularization",
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "RandomContrast",
    "RandomBrightness",
)
def _identity(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    return inputs[0]


@rule("Activation")
def _activation(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    return activate(graph, layer, layer.activation, inputs[0])


@rule("Softmax")
def _softmax(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    require(layer.axis in (-1, len(inputs[0].shape) - 1), layer, "an axis other than the last")
    return apply(graph, layer.name, "softmax", inputs[0])


@rule("ReLU")
def _relu(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    require(layer.negative_slope == 0 and layer.threshold == 0, layer, "a slope or threshold")
    if layer.max_value is None:
        return apply(graph, layer.name, "relu", inputs[0])
    x = graph.padded(inputs[0])
    output = clip(graph, x, 0.0, float(layer.max_value), layer.name)
    return dataclasses.replace(x, name=output, positive=True, affine=None)


@rule("LeakyReLU")
def _leaky_relu(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x = graph.padded(inputs[0])
    output = graph.node("LeakyRelu", [x.name], layer.name, alpha=float(layer.negative_slope))
    return dataclasses.replace(x, name=output, positive=False, affine=None)


@rule("HardSigmoid")
def _hard_sigmoid(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    return apply(graph, layer.name, "hard_sigmoid", inputs[0])


@rule("ExactGelu")
def _exact_gelu(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x = graph.padded(inputs[0])
    output = exact_gelu(graph, x, layer.name)
    return dataclasses.replace(x, name=output, positive=False, affine=None)


@rule("ScaledTanh")
def _scaled_tanh(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x, name = graph.padded(inputs[0]), layer.name
    inner, outer = (
        graph.weight(f"{name}.{key}", np.float32(value))
        for key, value in (("inner", 2 / 3), ("outer", 1.7159))
    )
    tanh = graph.node("Tanh", [graph.node("Mul", [x.name, inner], f"{name}_in")], f"{name}_tanh")
    output = graph.node("Mul", [tanh, outer], name)
    return dataclasses.replace(x, name=output, positive=False, affine=None)


@rule("MaxPooling2D")
def _max_pool(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x = image_input(graph, layer, inputs[0])
    # ONNX pads a maximum with minus infinity. This is the same as padding with zeros when no value
    # is below zero and every window covers a value.
    if x.pads and not (x.positive and max(x.pads) < min(layer.pool_size)):
        x = graph.padded(x)
    x, attributes = window(graph, layer, x, layer.pool_size, layer.strides)
    output = graph.node("MaxPool", [x.name], layer.name, **attributes)
    return dataclasses.replace(x, name=output, shape=output_shape(layer, inputs), affine=None)


@rule("AveragePooling2D")
def _average_pool(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x = image_input(graph, layer, inputs[0])
    counts_zeros = x.pads is not None and layer.padding == "valid"
    x, attributes = window(graph, layer, x, layer.pool_size, layer.strides)
    if counts_zeros:
        attributes["count_include_pad"] = 1
    output = graph.node("AveragePool", [x.name], layer.name, **attributes)
    return dataclasses.replace(x, name=output, shape=output_shape(layer, inputs), affine=None)


@rule("SumPooling2D", "L2Pooling2D")
def _sum_pool(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x, name = graph.padded(image_input(graph, layer, inputs[0])), layer.name
    size, l2 = layer.pool_size, type(layer).__name__ == "L2Pooling2D"
    y = graph.node("Mul", [x.name, x.name], f"{name}_square") if l2 else x.name
    y = graph.node(
        "AveragePool",
        [y],
        f"{name}_mean",
        kernel_shape=[size, size],
        strides=[layer.strides] * 2,
        pads=list(NO_PADS),
    )
    y = graph.node(
        "Mul", [y, graph.weight(f"{name}.count", np.float32(size * size))], f"{name}_sum"
    )
    if l2:
        least = graph.weight(f"{name}.least", np.float32(1e-12))
        y = graph.node("Sqrt", [graph.node("Max", [y, least], f"{name}_max")], name)
    return dataclasses.replace(
        x, name=y, shape=output_shape(layer, inputs), positive=l2 or x.positive, affine=None
    )


@rule("GlobalAveragePooling2D", "GlobalMaxPooling2D")
def _global_pool(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x = graph.padded(image_input(graph, layer, inputs[0]))
    kind = "GlobalAveragePool" if "Average" in type(layer).__name__ else "GlobalMaxPool"
    output = graph.node(kind, [x.name], layer.name)
    if not layer.keepdims:
        output = graph.node("Flatten", [output], f"{layer.name}_flatten", axis=1)
    shape = output_shape(layer, inputs)
    return Value(output, shape, channels_first=len(shape) == 4, positive=x.positive)


@rule("Flatten")
def _flatten(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x, shape = graph.padded(inputs[0]), output_shape(layer, inputs)
    output = graph.node("Flatten", [x.name], layer.name, axis=1)
    if not x.channels_first:
        return Value(output, shape, positive=x.positive)
    height, width, channels = x.shape[1:]
    if height is None or width is None or channels is None:
        raise NotCovered(f"{layer.name}: an image size that is not fixed")
    flat = None if 1 in (height * width, channels) else (height, width, channels)
    return Value(output, shape, flat=flat, positive=x.positive)


def _in_same_order(graph: Graph, inputs: Sequence[Value]) -> list[Value]:
    """Returns the values in one order of axes."""
    values = [graph.padded(graph.channels_first(x)) for x in inputs]
    if len({x.flat for x in values}) > 1:
        values = [graph.in_keras_order(x) for x in values]
    return values


@rule("Add", "Multiply", "Subtract", "Maximum", "Minimum")
def _merge(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    kind = type(layer).__name__
    operator = {"Multiply": "Mul", "Subtract": "Sub", "Maximum": "Max", "Minimum": "Min"}
    values = _in_same_order(graph, inputs)
    output = values[0].name
    for other in values[1:]:
        output = graph.node(operator.get(kind, kind), [output, other.name], layer.name)
    shape, flat = output_shape(layer, inputs), values[0].flat
    positive = kind in ("Add", "Multiply") and all(x.positive for x in values)
    return Value(output, shape, len(shape) == 4, flat=flat, positive=positive)


@rule("Concatenate")
def _concatenate(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    require(layer.axis in (-1, len(inputs[0].shape) - 1), layer, "an axis other than the last")
    values = [graph.padded(graph.channels_first(x)) for x in inputs]
    values = [x if x.flat is None else graph.in_keras_order(x) for x in values]
    output = graph.node("Concat", [x.name for x in values], layer.name, axis=values[0].channel_axis)
    shape = output_shape(layer, inputs)
    positive = all(x.positive for x in values)
    return Value(output, shape, channels_first=len(shape) == 4, positive=positive)
