"""Channels by the sixteen, as int8's kernels want them.

onnxruntime computes sixteen channels of integers at once and the rest one by one: a depthwise
convolution of 64 channels takes a third of the time of one of 58 (AVX-512, onnxruntime 1.32).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kerascnn.exporting.onnx.graph import Links, depthwise, mixes
from kerascnn.lazy import np

if TYPE_CHECKING:
    import numpy.typing as npt

_CHANNELS = 16
_CHANNELWISE = (
    *("Relu", "Clip", "Sigmoid", "HardSigmoid", "HardSwish", "Mul", "Add"),
    *("MaxPool", "AveragePool", "GlobalAveragePool"),
)


def align_channels(model: Any) -> None:
    """Fills the maps between convolutions up to a multiple of 16 channels, in place.

    The filters of the new channels are zero, and so are the weights that read them: no answer
    changes. A map that anything but convolutions and channelwise operators reads stays as it is.

    Args:
        model: an `onnx.ModelProto` in float32.
    """
    from onnx import numpy_helper

    graph = model.graph
    weights = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    changed: dict[str, npt.NDArray[Any]] = {}
    for together in _alike(graph, weights):
        makers = [node for node in graph.node if mixes(node) and node.output[0] in together]
        width, *others = {len(weights[node.input[1]]) for node in makers}
        more = -width % _CHANNELS
        # Others: a map that gates all channels of another has one channel only.
        for node in graph.node if more and not others else ():
            filters = node in makers
            if depthwise(node, weights) and node.output[0] in together:
                next(one for one in node.attribute if one.name == "group").i = width + more
                filters = True
            for name in node.input[1:] if filters else ():
                changed[name] = _filled(changed.get(name, weights[name]), more, axis=0)
            if mixes(node) and node.input[0] in together:
                name = node.input[1]
                changed[name] = _filled(changed.get(name, weights[name]), more, axis=1)
    for one in graph.initializer:
        if one.name in changed:
            one.CopyFrom(numpy_helper.from_array(changed[one.name], one.name))
    del graph.value_info[:]  # which told the sizes before


def _filled(values: npt.NDArray[Any], more: int, axis: int) -> npt.NDArray[Any]:
    ends = [(0, more if place == axis else 0) for place in range(values.ndim)]
    return np.pad(values, ends)


def _alike(graph: Any, weights: dict[str, npt.NDArray[Any]]) -> list[set[str]]:
    """Returns the tensors that have the same channels, where these may become more."""
    links = Links(graph.node)
    sets = {name: {name} for node in graph.node for name in (*node.input, *node.output)}
    fixed = {one.name for one in (*graph.input, *graph.output)}
    made = set()
    for node in graph.node:
        inputs = [name for name in node.input if name and name not in weights]
        own = all(len(links.readers[name]) == 1 for name in node.input if name in weights)
        if mixes(node) and own and len(inputs) == 1:
            made.add(node.output[0])
        elif (node.op_type in _CHANNELWISE and _spread(node, weights)) or (
            depthwise(node, weights) and own
        ):
            merged = set().union(*(sets[name] for name in (*inputs, *node.output)))
            sets.update(dict.fromkeys(merged, merged))
        else:
            fixed.update(inputs, node.output)
    unique = {id(one): one for one in sets.values()}.values()
    return [one for one in unique if one & made and not one & fixed]


def _spread(node: Any, weights: dict[str, npt.NDArray[Any]]) -> bool:
    """Tells whether a node treats all channels the same: no weight of it belongs to one."""
    return all(weights[name].size == 1 for name in node.input if name in weights)
