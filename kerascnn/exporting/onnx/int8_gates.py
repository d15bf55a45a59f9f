"""The hard sigmoid in integers, also that of a hard swish.

onnxruntime has no operator of integers for it, and turns each map into float32 and back. But
relu6(x + 3) is a sum that stays within 0 to 6, as a sum of integers does when 0 and 255 stand for
these, and the division by 6 is another scale for the same integers.
"""

from __future__ import annotations

from typing import Any

from kerascnn.exporting.onnx.graph import Links
from kerascnn.lazy import np

_KERAS = {"alpha": 1 / 6, "beta": 0.5}
"""Keras's hard sigmoid is relu6(x + 3) / 6."""
_NAME = "hard_sigmoid"


def gates_in_integers(model: Any) -> None:
    """Makes each HardSigmoid between int8 maps a sum with 3, in place.

    The integers are the same, but for one in a thousand that lies halfway between two.

    Args:
        model: an `onnx.ModelProto` with QuantizeLinear and DequantizeLinear, prepared by
            onnxruntime, which makes HardSigmoid and Mul of each HardSwish.
    """
    from onnx import helper, numpy_helper

    graph = model.graph
    links = Links(graph.node)
    values = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    added: dict[str, Any] = {}
    nodes = []
    for node in graph.node:
        rounding = _rounding(node, links, values)
        if rounding is None:
            nodes.append(node)
            continue
        three = [f"{_NAME}.{part}" for part in ("three", "scale", "zero")]
        added |= dict(zip(three, (np.uint8(255), np.float32(3 / 255), np.uint8(0)), strict=True))
        made, scale = node.output[0], f"{node.output[0]}.scale"
        added[scale] = np.float32(6) * values[rounding.input[1]]
        nodes += [
            helper.make_node("DequantizeLinear", three, [f"{made}.three"], f"{made}.three"),
            helper.make_node("Add", [node.input[0], f"{made}.three"], [made], node.name),
        ]
        rounding.input[1] = scale
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.extend(
        numpy_helper.from_array(np.asarray(value), name) for name, value in added.items()
    )


def _rounding(node: Any, links: Links, values: dict[str, Any]) -> Any:
    """Returns the QuantizeLinear that alone reads a HardSigmoid of integers, or None."""
    if node.op_type != "HardSigmoid":
        return None
    before, behind = links.maker.get(node.input[0]), links.readers[node.output[0]]
    if before is None or before.op_type != "DequantizeLinear":
        return None
    shape = {entry.name: entry.f for entry in node.attribute}
    usual = all(abs(shape.get(name, 0) - value) < 1e-6 for name, value in _KERAS.items())
    if not usual or [one.op_type for one in behind] != ["QuantizeLinear"]:
        return None
    return behind[0] if values[behind[0].input[2]] == 0 else None
