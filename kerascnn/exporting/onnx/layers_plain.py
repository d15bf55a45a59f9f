"""Rules for layers without a kernel: activations, pooling, merging, what inference leaves out."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from kerascnn.exporting.onnx.activations import activate, apply, clip, exact_gelu
from kerascnn.exporting.onnx.graph import Graph, NotCovered, Value
from kerascnn.exporting.onnx.layers_weighted import (
    NO_PADS,
    _image,
    _require,
    _shape,
    _window,
    rule,
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
def _nothing(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    return inputs[0]


@rule("Activation")
def _activation(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    return activate(graph, layer, layer.activation, inputs[0])


@rule("Softmax")
def _softmax(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    _require(layer.axis in (-1, len(inputs[0].shape) - 1), layer, "an axis other than the last")
    return apply(graph, layer.name, "softmax", inputs[0])


@rule("ReLU")
def _relu(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    _require(layer.negative_slope == 0 and layer.threshold == 0, layer, "a slope or threshold")
    if layer.max_value is None:
        return apply(graph, layer.name, "relu", inputs[0])
    x = graph.padded(inputs[0])
    made = clip(graph, x, 0.0, float(layer.max_value), layer.name)
    return dataclasses.replace(x, name=made, positive=True, affine=None)


@rule("LeakyReLU")
def _leaky_relu(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x = graph.padded(inputs[0])
    made = graph.node("LeakyRelu", [x.name], layer.name, alpha=float(layer.negative_slope))
    return dataclasses.replace(x, name=made, positive=False, affine=None)


@rule("HardSigmoid")
def _hard_sigmoid(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    return apply(graph, layer.name, "hard_sigmoid", inputs[0])


@rule("ExactGelu")
def _exact_gelu(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x = graph.padded(inputs[0])
    made = exact_gelu(graph, x, layer.name)
    return dataclasses.replace(x, name=made, positive=False, affine=None)


@rule("ScaledTanh")
def _scaled_tanh(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x, name = graph.padded(inputs[0]), layer.name
    inner, outer = (
        graph.weight(f"{name}.{key}", np.float32(value))
        for key, value in (("inner", 2 / 3), ("outer", 1.7159))
    )
    bent = graph.node("Tanh", [graph.node("Mul", [x.name, inner], f"{name}_in")], f"{name}_tanh")
    made = graph.node("Mul", [bent, outer], name)
    return dataclasses.replace(x, name=made, positive=False, affine=None)


@rule("MaxPooling2D")
def _max_pool(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x = _image(graph, layer, inputs[0])
    # ONNX pads a maximum with minus infinity: as good as zeros where no value is below zero and
    # every window reaches inside.
    if x.pads and not (x.positive and max(x.pads) < min(layer.pool_size)):
        x = graph.padded(x)
    x, window = _window(graph, layer, x, layer.pool_size, layer.strides)
    made = graph.node("MaxPool", [x.name], layer.name, **window)
    return dataclasses.replace(x, name=made, shape=_shape(layer, inputs), affine=None)


@rule("AveragePooling2D")
def _average_pool(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x = _image(graph, layer, inputs[0])
    zeros_count = x.pads is not None and layer.padding == "valid"
    x, window = _window(graph, layer, x, layer.pool_size, layer.strides)
    if zeros_count:
        window["count_include_pad"] = 1
    made = graph.node("AveragePool", [x.name], layer.name, **window)
    return dataclasses.replace(x, name=made, shape=_shape(layer, inputs), affine=None)


@rule("SumPooling2D", "L2Pooling2D")
def _sum_pool(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x, name = graph.padded(_image(graph, layer, inputs[0])), layer.name
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
        x, name=y, shape=_shape(layer, inputs), positive=l2 or x.positive, affine=None
    )


@rule("GlobalAveragePooling2D", "GlobalMaxPooling2D")
def _global_pool(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x = graph.padded(_image(graph, layer, inputs[0]))
    kind = "GlobalAveragePool" if "Average" in type(layer).__name__ else "GlobalMaxPool"
    made = graph.node(kind, [x.name], layer.name)
    if not layer.keepdims:
        made = graph.node("Flatten", [made], f"{layer.name}_flatten", axis=1)
    shape = _shape(layer, inputs)
    return Value(made, shape, channels_first=len(shape) == 4, positive=x.positive)


@rule("Flatten")
def _flatten(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x, shape = graph.padded(inputs[0]), _shape(layer, inputs)
    made = graph.node("Flatten", [x.name], layer.name, axis=1)
    if not x.channels_first:
        return Value(made, shape, positive=x.positive)
    height, width, channels = x.shape[1:]
    if height is None or width is None or channels is None:
        raise NotCovered(f"{layer.name}: an open image size")
    flat = None if 1 in (height * width, channels) else (height, width, channels)
    return Value(made, shape, flat=flat, positive=x.positive)


def _alike(graph: Graph, inputs: Sequence[Value]) -> list[Value]:
    """Returns values of one order of axes."""
    values = [graph.padded(graph.channels_first(x)) for x in inputs]
    if len({x.flat for x in values}) > 1:
        values = [graph.in_keras_order(x) for x in values]
    return values


@rule("Add", "Multiply", "Subtract", "Maximum", "Minimum")
def _merge(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    kind = type(layer).__name__
    operator = {"Multiply": "Mul", "Subtract": "Sub", "Maximum": "Max", "Minimum": "Min"}
    values = _alike(graph, inputs)
    made = values[0].name
    for other in values[1:]:
        made = graph.node(operator.get(kind, kind), [made, other.name], layer.name)
    shape, flat = _shape(layer, inputs), values[0].flat
    positive = kind in ("Add", "Multiply") and all(x.positive for x in values)
    return Value(made, shape, len(shape) == 4, flat=flat, positive=positive)


@rule("Concatenate")
def _concatenate(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    _require(layer.axis in (-1, len(inputs[0].shape) - 1), layer, "an axis other than the last")
    values = [graph.padded(graph.channels_first(x)) for x in inputs]
    values = [x if x.flat is None else graph.in_keras_order(x) for x in values]
    made = graph.node("Concat", [x.name for x in values], layer.name, axis=values[0].channel_axis)
    shape = _shape(layer, inputs)
    positive = all(x.positive for x in values)
    return Value(made, shape, channels_first=len(shape) == 4, positive=positive)
