"""Pads channel counts of int8 graphs to multiples of 16.

onnxruntime computes 16 integer channels at once and the others one by one: a depthwise convolution
of 64 channels takes a third of the time of one of 58 (AVX-512, onnxruntime 1.32).
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
    """Pads the maps between convolutions to a multiple of 16 channels, in place.

    The filters of the new channels are zero, and so are the weights that read them: no output
    changes. A map that other operators than convolutions and channelwise ones read is not padded.

    Args:
        model: an `onnx.ModelProto` in float32.
    """
    from onnx import numpy_helper

    graph = model.graph
    weights = {entry.name: numpy_helper.to_array(entry) for entry in graph.initializer}
    changed: dict[str, npt.NDArray[Any]] = {}
    for tensors in _paddable_sets(graph, weights):
        producers = [node for node in graph.node if mixes(node) and node.output[0] in tensors]
        width, *other_widths = {len(weights[node.input[1]]) for node in producers}
        extra = -width % _CHANNELS
        # A map that gates all channels of another one has a single channel.
        if not extra or other_widths:
            continue
        for node in graph.node:
            has_filters = node in producers
            if depthwise(node, weights) and node.output[0] in tensors:
                next(entry for entry in node.attribute if entry.name == "group").i = width + extra
                has_filters = True
            for name in node.input[1:] if has_filters else ():
                changed[name] = _padded(changed.get(name, weights[name]), extra, axis=0)
            if mixes(node) and node.input[0] in tensors:
                name = node.input[1]
                changed[name] = _padded(changed.get(name, weights[name]), extra, axis=1)
    for entry in graph.initializer:
        if entry.name in changed:
            entry.CopyFrom(numpy_helper.from_array(changed[entry.name], entry.name))
    del graph.value_info[:]  # it has the sizes without padding


def _padded(values: npt.NDArray[Any], extra: int, axis: int) -> npt.NDArray[Any]:
    """Returns an array with `extra` zeros at the end of an axis."""
    return np.pad(values, [(0, extra if index == axis else 0) for index in range(values.ndim)])


def _paddable_sets(graph: Any, weights: dict[str, npt.NDArray[Any]]) -> list[set[str]]:
    """Returns sets of tensors that have the same channels, to which channels can be added."""
    links = Links(graph.node)
    sets = {name: {name} for node in graph.node for name in (*node.input, *node.output)}
    fixed = {entry.name for entry in (*graph.input, *graph.output)}
    convolved = set()
    for node in graph.node:
        inputs = [name for name in node.input if name and name not in weights]
        own = all(len(links.readers[name]) == 1 for name in node.input if name in weights)
        if mixes(node) and own and len(inputs) == 1:
            convolved.add(node.output[0])
        elif (node.op_type in _CHANNELWISE and _treats_channels_alike(node, weights)) or (
            depthwise(node, weights) and own
        ):
            merged = set().union(*(sets[name] for name in (*inputs, *node.output)))
            sets.update(dict.fromkeys(merged, merged))
        else:
            fixed.update(inputs, node.output)
    unique = {id(tensors): tensors for tensors in sets.values()}.values()
    return [tensors for tensors in unique if tensors & convolved and not tensors & fixed]


def _treats_channels_alike(node: Any, weights: dict[str, npt.NDArray[Any]]) -> bool:
    """Tells whether a node has no weight that belongs to a single channel."""
    return all(weights[name].size == 1 for name in node.input if name in weights)
