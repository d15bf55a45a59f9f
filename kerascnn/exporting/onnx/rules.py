"""The table of rules that write layers as ONNX nodes, and what several rules need.

A rule takes the graph, the layer and its inputs, and returns the layer's output. It raises
`NotCovered` for arguments that no network of this package uses; tf2onnx then converts the model.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

from kerascnn.exporting.onnx.graph import Graph, NotCovered, Value

Rule = Callable[[Graph, Any, Sequence[Value]], Value]
RULES: dict[str, Rule] = {}
"""The rule of each layer class, by the name of the class."""
NO_PADS = (0, 0, 0, 0)


def rule(*class_names: str) -> Callable[[Rule], Rule]:
    """Returns a decorator that registers the rule for layers of these classes."""

    def register(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(class_names, function))
        return function

    return register


def require(condition: bool, layer: Any, problem: str) -> None:
    """Raises NotCovered with the name of a layer and the problem, unless a condition holds."""
    if not condition:
        raise NotCovered(f"{layer.name} ({type(layer).__name__}): {problem}")


def image_input(graph: Graph, layer: Any, x: Value) -> Value:
    """Returns the input of a layer as N x C x H x W, its padding still pending."""
    require(len(x.shape) == 4, layer, "input is not an image")
    last = getattr(layer, "data_format", "channels_last") == "channels_last"
    require(last, layer, "data_format is not channels_last")
    return graph.channels_first(x)


def output_shape(layer: Any, inputs: Sequence[Value]) -> tuple[int | None, ...]:
    """Returns the shape of a layer's output, in Keras's order."""
    shapes = [x.shape for x in inputs]
    return tuple(layer.compute_output_shape(shapes[0] if len(shapes) == 1 else shapes))


def window(
    graph: Graph, layer: Any, x: Value, kernel: Any, strides: Any, dilation: Any = (1, 1)
) -> tuple[Value, dict[str, Any]]:
    """Returns the input and the attributes of a node with a sliding window.

    Pending padding of the input becomes the attribute `pads`.

    Args:
        graph: to add to.
        layer: has the attribute `padding`.
        x: its input.
        kernel: height and width of the window.
        strides: by row and column.
        dilation: by row and column.
    """
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


def _same_pads(x: Value, kernel: Any, strides: Any) -> tuple[int, ...] | None:
    """Returns TensorFlow's "same" padding as (top, left, bottom, right).

    It is None when it depends on an image size that is not fixed.
    """
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
