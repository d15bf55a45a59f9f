"""What OpenVINO wants otherwise in an ONNX file than onnxruntime."""

from __future__ import annotations

from typing import Any

_ACTIVATIONS = {"Sigmoid", "HardSigmoid", "HardSwish", "Mul"}


def float_activations(graph: Any) -> None:
    """Takes the steps to int8 and back away before activations and gates, in place.

    Of an int8 file with QuantizeLinear and DequantizeLinear. onnxruntime needs the pair behind
    every convolution to compute that in integers. OpenVINO computes a convolution in integers by
    its inputs, and what follows as a part of it: a swish between the convolution and the next
    QuantizeLinear costs next to nothing, and keeps float32's exactness. With a pair before it, each
    swish is a pass of its own over the map, which costs EfficientNet-B0 half of its time.

    Args:
        graph: of onnx; pairs go whose values nothing but activations and gates reads.
    """
    readers: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    makers = {name: node for node in graph.node for name in node.output}
    outputs = {one.name for one in graph.output}
    removed = []
    for node in graph.node:
        before = makers.get(node.input[0]) if node.op_type == "DequantizeLinear" else None
        if before is None or before.op_type != "QuantizeLinear":
            continue
        if list(before.input[1:]) != list(node.input[1:]):  # it scales as well
            continue
        reading = readers.get(node.output[0], [])
        if node.output[0] in outputs or {one.op_type for one in reading} - _ACTIVATIONS:
            continue
        for reader in reading:
            for place, name in enumerate(reader.input):
                if name == node.output[0]:
                    reader.input[place] = before.input[0]
        removed.append(node)
        readers[before.output[0]].remove(node)
        if not readers[before.output[0]]:
            removed.append(before)
    for node in removed:
        graph.node.remove(node)
