"""One scale for int8 maps that are put together."""

from __future__ import annotations

from typing import Any

from kerascnn.exporting.onnx.graph import Links
from kerascnn.lazy import np

_WITH_BIAS = ("Conv", "ConvTranspose", "Gemm")


def join_scales(model: Any) -> None:
    """Gives maps that are concatenated, or cut from one, the scale of the widest range, in place.

    Where they differ, each concatenation rounds all its values to its own scale, once more, and
    looks each up in a table; with one scale it copies bytes. Maps of different zero points stay as
    they are: onnxruntime computes a ReLU in integers only where zero is the lowest of them.

    Args:
        model: an `onnx.ModelProto` with QuantizeLinear and DequantizeLinear, one scale and zero
            point for each map.
    """
    from onnx import numpy_helper

    graph = model.graph
    stored = {one.name: one for one in graph.initializer}
    links = Links(graph.node)

    def value(name: str) -> Any:
        return numpy_helper.to_array(stored[name])

    changed = set()
    for together in _together(graph, links):
        scales = {scale for scale, _ in together}
        if len({int(value(zero)) for _, zero in together}) > 1 or len(scales) == 1:
            continue
        widest = max(value(scale) for scale in scales)
        for scale in scales:
            stored[scale].CopyFrom(numpy_helper.from_array(np.array(widest), scale))
        changed |= scales
    for node in graph.node:
        steps = _dequantised(node, links)
        if node.op_type in _WITH_BIAS and len(steps) == 3:
            taken, weight, bias = steps
            if taken.input[1] not in changed:
                continue
            # The sums of products are integers of this scale, and so is what is added to them.
            before, after = value(bias.input[1]), value(taken.input[1]) * value(weight.input[1])
            numbers = np.rint(value(bias.input[0]) * (before.astype(np.float64) / after))
            for name, new in ((bias.input[0], numbers.astype(np.int32)), (bias.input[1], after)):
                stored[name].CopyFrom(numpy_helper.from_array(new, name))


def _together(graph: Any, links: Links) -> list[set[tuple[str, str]]]:
    """Returns the names of scales and zero points of maps that are concatenated or cut."""
    sets: list[set[tuple[str, str]]] = []
    for node in graph.node:
        if node.op_type not in ("Concat", "Split"):
            continue
        steps = _dequantised(node, links)
        for name in node.output:
            steps += [one for one in links.readers[name] if one.op_type == "QuantizeLinear"]
        found = {(one.input[1], one.input[2]) for one in steps}
        near = [one for one in sets if one & found]
        sets = [one for one in sets if one not in near]
        sets.append(found.union(*near))
    return sets


def _dequantised(node: Any, links: Links) -> list[Any]:
    """Returns the DequantizeLinear nodes among those that a node reads."""
    steps = [links.maker[name] for name in node.input if name in links.maker]
    return [one for one in steps if one.op_type == "DequantizeLinear"]
