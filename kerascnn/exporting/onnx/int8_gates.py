"""Writes hard sigmoids, also those of hard swishes, with integer operators.

onnxruntime has no integer operator for a hard sigmoid, and converts each map to float32 and back.
But relu6(x + 3) is a sum clipped to 0 to 6, which an integer sum is as well when the integers 0 to
255 stand for 0 to 6. The division by 6 only changes the scale of the same integers.
"""

from __future__ import annotations

from typing import Any

from kerascnn.exporting.onnx.graph import Links
from kerascnn.lazy import np

_KERAS_ATTRIBUTES = {"alpha": 1 / 6, "beta": 0.5}
"""The attributes of Keras's hard sigmoid, relu6(x + 3) / 6."""
_NAME = "hard_sigmoid"


def gates_in_integers(model: Any) -> None:
    """Replaces each HardSigmoid between int8 maps by a sum with 3, in place.

    The integers stay the same, except one in a thousand that lies halfway between two integers.

    Args:
        model: an `onnx.ModelProto` with QuantizeLinear and DequantizeLinear, prepared by
            onnxruntime, which replaces each HardSwish by HardSigmoid and Mul.
    """
    from onnx import helper, numpy_helper

    graph = model.graph
    links = Links(graph.node)
    values = {entry.name: numpy_helper.to_array(entry) for entry in graph.initializer}
    added: dict[str, Any] = {}
    nodes = []
    for node in graph.node:
        quantize = _only_reader(node, links, values)
        if quantize is None:
            nodes.append(node)
            continue
        three = [f"{_NAME}.{part}" for part in ("three", "scale", "zero")]
        added |= dict(zip(three, (np.uint8(255), np.float32(3 / 255), np.uint8(0)), strict=True))
        output, scale = node.output[0], f"{node.output[0]}.scale"
        added[scale] = np.float32(6) * values[quantize.input[1]]
        nodes += [
            helper.make_node("DequantizeLinear", three, [f"{output}.three"], f"{output}.three"),
            helper.make_node("Add", [node.input[0], f"{output}.three"], [output], node.name),
        ]
        quantize.input[1] = scale
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.extend(
        numpy_helper.from_array(np.asarray(value), name) for name, value in added.items()
    )


def _only_reader(node: Any, links: Links, values: dict[str, Any]) -> Any:
    """Returns the QuantizeLinear that is the only reader of an integer HardSigmoid, or None."""
    if node.op_type != "HardSigmoid":
        return None
    producer, readers = links.producer.get(node.input[0]), links.readers[node.output[0]]
    if producer is None or producer.op_type != "DequantizeLinear":
        return None
    attributes = {entry.name: entry.f for entry in node.attribute}
    of_keras = all(
        abs(attributes.get(name, 0) - value) < 1e-6 for name, value in _KERAS_ATTRIBUTES.items()
    )
    if not of_keras or [reader.op_type for reader in readers] != ["QuantizeLinear"]:
        return None
    return readers[0] if values[readers[0].input[2]] == 0 else None
