"""Removes channel shuffles from a graph: the filters before and after them are reordered instead.

A shuffle moves whole channels, so only the order of the filters before it and of the weights after
it depends on it. Each map is split once into the parts that different nodes read, and the parts
that a node reads are concatenated once; concatenating, shuffling and splitting would move every
channel three times. Also, the int8 kernels of onnxruntime have the channels last: it would
transpose the map before and after every Gather.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kerascnn.exporting.onnx.graph import Graph, Links, depthwise, mixes

Channel = tuple[str, int]
"""The name of a map and the index of one of its channels."""


def absorb_shuffles(graph: Graph, output: str) -> None:
    """Removes the shuffles between convolutions, in place.

    Args:
        graph: complete, before its output is renamed.
        output: name of the result.
    """
    for nodes in _regions(graph):
        if any(node.op_type == "Gather" for node in nodes):
            region = _Region(graph, output, nodes)
            if region.absorbable():
                region.absorb()
    graph.prune(output)


def _regions(graph: Graph) -> list[list[Any]]:
    """Returns the nodes that only move channels, in groups of connected nodes."""
    regions: list[list[Any]] = []
    for node in graph.nodes:
        if not _moves(node):
            continue
        ends = {*node.input, *node.output} - set(graph.weights)
        connected = [
            region
            for region in regions
            if any(ends & {*other.input, *other.output} for other in region)
        ]
        regions = [region for region in regions if region not in connected]
        regions.append([*(other for region in connected for other in region), node])
    return regions


def _moves(node: Any) -> bool:
    """Tells whether a node only moves channels."""
    return node.op_type in ("Concat", "Gather", "Slice")


@dataclass(frozen=True)
class _Part:
    """Channels of one map that leave a region in the same tensors.

    Args:
        name: the tensor that has them after the split.
        channels: their map and indices before it.
        exits: the tensors in which they leave the region.
    """

    name: str
    channels: list[Channel]
    exits: tuple[str, ...]


class _Region:
    """Connected nodes that only move channels.

    Args:
        graph: of the nodes.
        output: name of the graph's result.
        nodes: of the region.
    """

    def __init__(self, graph: Graph, output: str, nodes: list[Any]) -> None:
        self.graph, self.output, self.nodes = graph, output, nodes
        self.links = Links(graph.nodes)
        self.moved: dict[str, list[Channel]] = {}
        """The channels of each tensor that the region computes."""
        self.exits: dict[Channel, tuple[str, ...]] = {}
        """The tensors in which each channel leaves the region."""

    def absorbable(self) -> bool:
        """Traces all channels; returns False if a node needs them in their present order."""
        for node in self.nodes:
            channels = self._channels_of_output(node)
            if channels is None or len(set(channels)) < len(channels):
                return False
            self.moved[node.output[0]] = channels
        for name, channels in self.moved.items():
            if not self._takes_any_order(name):
                return False
            if not all(map(_moves, self.links.readers[name])):
                for channel in channels:
                    self.exits[channel] = (*self.exits.get(channel, ()), name)
        # A channel that does not leave the region has no part.
        return all(
            (name, index) in self.exits
            for name in self._sources()
            for index in range(self._width(name))
        )

    def absorb(self) -> None:
        """Reorders filters and weights; each map keeps one Split, each exit one Concat."""
        from onnx import helper

        parts = [part for name in self._sources() for part in self._parts(name)]
        splits: dict[str, list[Any]] = {}
        for name in self._sources():
            own = [part for part in parts if part.channels[0][0] == name]
            if len(own) > 1:
                sizes = self.graph.whole(f"{name}.sizes", [len(part.channels) for part in own])
                outputs = [part.name for part in own]
                split = helper.make_node("Split", [name, sizes], outputs, f"{name}.cut", axis=1)
                splits[name] = [split]
        concats = {}
        for name in dict.fromkeys(name for exits in self.exits.values() for name in exits):
            chosen = [part for part in parts if name in part.exits]
            indices = {channel: index for index, channel in enumerate(self.moved[name])}
            order = [indices[channel] for part in chosen for channel in part.channels]
            self._reorder_readers(name, order)
            inputs = [part.name for part in chosen]
            if len(inputs) > 1:
                concats[name] = helper.make_node("Concat", inputs, [name], f"{name}.join", axis=1)
                continue
            for reader in self.links.readers[name]:
                reader.input[list(reader.input).index(name)] = inputs[0]
        nodes = []
        for node in self.graph.nodes:
            output = node.output[0]
            if output in concats:
                nodes.append(concats[output])
            elif output not in self.moved:
                nodes += [node, *splits.get(output, [])]
        self.graph.nodes = nodes

    def _channels_of_output(self, node: Any) -> list[Channel] | None:
        """Returns the channels of the output of a node of the region, None if they are unknown."""
        axes = [entry.i for entry in node.attribute if entry.name == "axis"]
        if node.op_type == "Concat":
            parts = [self._channels(name) for name in node.input]
            if axes != [1] or None in parts:
                return None
            return [channel for part in parts for channel in part or ()]
        channels = self._channels(node.input[0])
        constants = [
            self.graph.weights[name] for name in node.input[1:] if name in self.graph.weights
        ]
        if channels is None:
            return None
        if node.op_type == "Gather":
            return [channels[index] for index in constants[0]] if axes == [1] else None
        if len(constants) != 3 or list(constants[2]) != [1]:
            return None
        return channels[int(constants[0][0]) : int(constants[1][0])]

    def _channels(self, name: str) -> list[Channel] | None:
        """Returns the channels of a tensor that the region reads or computes."""
        if name in self.moved:
            return self.moved[name]
        ordered = self._filters(name) is not None and all(map(_moves, self.links.readers[name]))
        return [(name, index) for index in range(self._width(name))] if ordered else None

    def _filters(self, name: str) -> Any:
        """Returns the convolution that computes a map, perhaps followed by a ReLU, or None."""
        node = self.links.producer.get(name)
        if node is not None and node.op_type == "Relu":
            alone = len(self.links.readers[node.input[0]]) == 1
            node = self.links.producer.get(node.input[0]) if alone else None
        return node if node is not None and mixes(node) else None

    def _width(self, name: str) -> int:
        """Returns the number of channels of a map."""
        return len(self.graph.weights[self._filters(name).input[1]])

    def _sources(self) -> list[str]:
        """Returns the maps that the region reads."""
        return list(dict.fromkeys(name for name, _ in self.exits))

    def _takes_any_order(self, name: str) -> bool:
        """Tells whether the weights of all readers of a tensor can follow another channel order."""
        if name == self.output:
            return False
        return all(
            _moves(node)
            or mixes(node)
            or (depthwise(node, self.graph.weights) and self._takes_any_order(node.output[0]))
            for node in self.links.readers[name]
        )

    def _parts(self, name: str) -> list[_Part]:
        """Orders the filters of a map by the exits of its channels, and returns its parts."""
        order = sorted(range(self._width(name)), key=lambda index: self.exits[name, index])
        self._select(self._filters(name), order)
        channels_by_exits: dict[tuple[str, ...], list[Channel]] = {}
        for index in order:
            exits = self.exits[name, index]
            channels_by_exits.setdefault(exits, []).append((name, index))
        whole = len(channels_by_exits) == 1
        return [
            _Part(name if whole else self.graph.fresh(f"{name}.part"), channels, exits)
            for exits, channels in channels_by_exits.items()
        ]

    def _reorder_readers(self, name: str, order: list[int]) -> None:
        """Reorders the weights of all readers of a tensor, as its channels are."""
        for node in self.links.readers[name]:
            if mixes(node):
                self.graph.weights[node.input[1]] = self.graph.weights[node.input[1]][:, order]
            elif not _moves(node):
                self._select(node, order)
                self._reorder_readers(node.output[0], order)

    def _select(self, node: Any, order: list[int]) -> None:
        """Reorders the filters of a convolution."""
        for name in node.input[1:]:
            self.graph.weights[name] = self.graph.weights[name][order]
