"""Gives int8 maps that are concatenated a common scale."""

from __future__ import annotations

from typing import Any

from kerascnn.exporting.onnx.graph import Links
from kerascnn.lazy import np

_WITH_BIAS = ("Conv", "ConvTranspose", "Gemm")


def join_scales(model: Any) -> None:
    """Gives maps that are concatenated, or split from one map, the largest of their scales.

    The model is changed in place. With different scales, each concatenation rounds all its values
    again to its own scale, by a table; with a common scale it copies bytes. Maps of different zero
    points are not changed: onnxruntime computes a ReLU in integers only if zero is the lowest of
    them.

    Args:
        model: an `onnx.ModelProto` with QuantizeLinear and DequantizeLinear, one scale and zero
            point for each map.
    """
    from onnx import numpy_helper

    graph = model.graph
    stored = {entry.name: entry for entry in graph.initializer}
    links = Links(graph.node)

    def value(name: str) -> Any:
        return numpy_helper.to_array(stored[name])

    changed = set()
    for pairs in _connected_scales(graph, links):
        scales = {scale for scale, _ in pairs}
        if len({int(value(zero)) for _, zero in pairs}) > 1 or len(scales) == 1:
            continue
        largest = max(value(scale) for scale in scales)
        for scale in scales:
            stored[scale].CopyFrom(numpy_helper.from_array(np.array(largest), scale))
        changed |= scales
    for node in graph.node:
        dequantized = _dequantized_inputs(node, links)
        if node.op_type in _WITH_BIAS and len(dequantized) == 3:
            image, weight, bias = dequantized
            if image.input[1] not in changed:
                continue
            # The scale of a bias is that of the products, so that the integers can be added.
            before, after = value(bias.input[1]), value(image.input[1]) * value(weight.input[1])
            integers = np.rint(value(bias.input[0]) * (before.astype(np.float64) / after))
            for name, new in ((bias.input[0], integers.astype(np.int32)), (bias.input[1], after)):
                stored[name].CopyFrom(numpy_helper.from_array(new, name))


def _connected_scales(graph: Any, links: Links) -> list[set[tuple[str, str]]]:
    """Returns sets of (scale, zero point), of maps that are concatenated or split from one map."""
    sets: list[set[tuple[str, str]]] = []
    for node in graph.node:
        if node.op_type not in ("Concat", "Split"):
            continue
        nodes = _dequantized_inputs(node, links)
        for name in node.output:
            readers = links.readers[name]
            nodes += [reader for reader in readers if reader.op_type == "QuantizeLinear"]
        pairs = {(entry.input[1], entry.input[2]) for entry in nodes}
        connected = [other for other in sets if other & pairs]
        sets = [other for other in sets if other not in connected]
        sets.append(pairs.union(*connected))
    return sets


def _dequantized_inputs(node: Any, links: Links) -> list[Any]:
    """Returns the DequantizeLinear nodes that compute inputs of a node."""
    producers = [links.producer[name] for name in node.input if name in links.producer]
    return [producer for producer in producers if producer.op_type == "DequantizeLinear"]
