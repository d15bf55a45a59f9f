"""Rules for layers that pad, crop, slice or reorder maps."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from kerascnn.exporting.onnx.graph import Graph, NotCovered, Value, to_end
from kerascnn.exporting.onnx.rules import image_input, output_shape, require, rule
from kerascnn.lazy import np


@rule("ZeroPadding2D")
def _zero_padding(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x = graph.padded(graph.channels_first(inputs[0]))
    require(len(x.shape) == 4, layer, "input is not an image")
    (top, bottom), (left, right) = layer.padding
    shape = output_shape(layer, inputs)
    if layer.data_format == "channels_last":
        pads = (top, left, bottom, right)
        return dataclasses.replace(x, shape=shape, pads=pads, affine=None)
    # With "channels_first", the layer pads axes 2 and 3 of N x H x W x C: width and channels. This
    # adds channels to a shortcut.
    ends = graph.whole(f"{layer.name}.pads", [0, left, 0, top, 0, right, 0, bottom])
    output = graph.node("Pad", [x.name, ends], layer.name, mode="constant")
    return dataclasses.replace(x, name=output, shape=shape, affine=None)


@rule("EvenBorder2D")
def _even_border(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x = graph.padded(image_input(graph, layer, inputs[0]))
    height, width = x.shape[1:3]
    if height is None or width is None:
        raise NotCovered(f"{layer.name}: an image size that is not fixed")
    return dataclasses.replace(
        x, shape=output_shape(layer, inputs), pads=(height % 2, width % 2, 1, 1), affine=None
    )


@rule("Cropping2D")
def _cropping(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x = graph.padded(image_input(graph, layer, inputs[0]))
    (top, bottom), (left, right) = layer.cropping
    return _sliced(
        graph, x, layer.name, [top, left], [to_end(bottom), to_end(right)], [2, 3],
        output_shape(layer, inputs),
    )  # fmt: skip


@rule("ChannelSlice")
def _channel_slice(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x = graph.padded(image_input(graph, layer, inputs[0]))
    shape = output_shape(layer, inputs)
    size = shape[-1]
    assert size is not None
    start, end = layer.part * size, (layer.part + 1) * size
    return _sliced(graph, x, layer.name, [start], [end], [1], shape)


@rule("CropLike")
def _crop_like(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x, reference = (graph.padded(graph.channels_first(value)) for value in inputs)
    shape, name = output_shape(layer, inputs), layer.name
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
    """Adds a slice of a value.

    Args:
        graph: to add to.
        x: the value.
        name: of the node.
        starts: first index for each axis.
        ends: end index for each axis, or the name of a tensor that has them.
        axes: to slice, in N x C x H x W.
        shape: of the result, in Keras's order.
    """
    if not isinstance(ends, str):
        ends = graph.whole(f"{name}.ends", ends)
    first, third = graph.whole(f"{name}.starts", starts), graph.whole(f"{name}.axes", axes)
    output = graph.node("Slice", [x.name, first, ends, third], name)
    return dataclasses.replace(x, name=output, shape=shape, affine=None)


@rule("ChannelShuffle")
def _channel_shuffle(graph: Graph, layer: Any, inputs: Sequence[Value]) -> Value:
    x = graph.padded(image_input(graph, layer, inputs[0]))
    channels = x.shape[-1]
    assert channels is not None
    order = np.arange(channels).reshape(layer.groups, -1).T.ravel().tolist()
    output = graph.node(
        "Gather", [x.name, graph.whole(f"{layer.name}.order", order)], layer.name, axis=1
    )
    return dataclasses.replace(x, name=output, affine=None)
