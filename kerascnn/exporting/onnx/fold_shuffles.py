"""Channel shuffles without a node of their own: the filters around them are put in order instead.

A shuffle moves whole channels, so that nothing depends on it but the order of the filters before it
and of the weights behind it. Each map is cut once into the parts that go different ways, and each
reader's parts are put together once, where concatenating, shuffling and splitting move every
channel three times. Above all, int8's kernels have the channels last, and onnxruntime would turn
the map around for every Gather and back again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kerascnn.exporting.onnx.graph import Graph, Links, depthwise, mixes

Channel = tuple[str, int]
"""A map and the place of one of its channels."""


def absorb_shuffles(graph: Graph, output: str) -> None:
    """Takes away, in place, the shuffles that have nothing but convolutions around them.

    Args:
        graph: finished but for its output's name.
        output: name of the result.
    """
    for region in _regions(graph):
        if any(node.op_type == "Gather" for node in region):
            routes = _Routes(graph, output, region)
            if routes.absorbable():
                routes.absorb()
    graph.prune(output)


def _regions(graph: Graph) -> list[list[Any]]:
    """Returns the nodes that only move channels, together those that pass maps to each other."""
    regions: list[list[Any]] = []
    for node in graph.nodes:
        if not _moves(node):
            continue
        ends = {*node.input, *node.output} - set(graph.weights)
        near = [
            region
            for region in regions
            if any(ends & {*other.input, *other.output} for other in region)
        ]
        regions = [region for region in regions if region not in near]
        regions.append([*(other for region in near for other in region), node])
    return regions


def _moves(node: Any) -> bool:
    return node.op_type in ("Concat", "Gather", "Slice")


@dataclass(frozen=True)
class _Part:
    """Channels of one map that go the same ways: their tensor, and where they were."""

    name: str
    channels: list[Channel]
    ways: tuple[str, ...]


class _Routes:
    """Where the channels come from and go to in nodes that only move them."""

    def __init__(self, graph: Graph, output: str, region: list[Any]) -> None:
        self.graph, self.output, self.region = graph, output, region
        self.links = Links(graph.nodes)
        self.moved: dict[str, list[Channel]] = {}
        """The channels of each tensor that the region makes."""
        self.ways: dict[Channel, tuple[str, ...]] = {}
        """The tensors in which each channel leaves the region."""

    def absorbable(self) -> bool:
        """Follows all channels; False when anything depends on an order that cannot be changed."""
        for node in self.region:
            channels = self._through(node)
            if channels is None or len(set(channels)) < len(channels):
                return False
            self.moved[node.output[0]] = channels
        for name, channels in self.moved.items():
            if not self._takes_any_order(name):
                return False
            if not all(map(_moves, self.links.readers[name])):
                for channel in channels:
                    self.ways[channel] = (*self.ways.get(channel, ()), name)
        # A channel that goes nowhere has no part.
        return all(
            (name, place) in self.ways
            for name in self._sources()
            for place in range(self._width(name))
        )

    def absorb(self) -> None:
        """Orders filters and weights, and leaves one cut of each map and one join of each way."""
        from onnx import helper

        parts = [part for name in self._sources() for part in self._cut(name)]
        behind: dict[str, list[Any]] = {}
        for name in self._sources():
            own = [part for part in parts if part.channels[0][0] == name]
            if len(own) > 1:
                sizes = self.graph.whole(f"{name}.sizes", [len(part.channels) for part in own])
                made = [part.name for part in own]
                cut = helper.make_node("Split", [name, sizes], made, f"{name}.cut", axis=1)
                behind[name] = [cut]
        joins = {}
        for way in dict.fromkeys(way for ways in self.ways.values() for way in ways):
            chosen = [part for part in parts if way in part.ways]
            places = {channel: place for place, channel in enumerate(self.moved[way])}
            self._reorder(way, [places[one] for part in chosen for one in part.channels])
            names = [part.name for part in chosen]
            if len(names) > 1:
                joins[way] = helper.make_node("Concat", names, [way], f"{way}.join", axis=1)
                continue
            for reader in self.links.readers[way]:
                reader.input[list(reader.input).index(way)] = names[0]
        nodes = []
        for node in self.graph.nodes:
            made = node.output[0]
            if made in joins:
                nodes.append(joins[made])
            elif made not in self.moved:
                nodes += [node, *behind.get(made, [])]
        self.graph.nodes = nodes

    def _through(self, node: Any) -> list[Channel] | None:
        """Returns the channels of what a node of the region makes, None if that cannot be told."""
        along = [entry.i for entry in node.attribute if entry.name == "axis"]
        if node.op_type == "Concat":
            parts = [self._channels(name) for name in node.input]
            if along != [1] or None in parts:
                return None
            return [channel for part in parts for channel in part or ()]
        channels = self._channels(node.input[0])
        known = [self.graph.weights[one] for one in node.input[1:] if one in self.graph.weights]
        if channels is None:
            return None
        if node.op_type == "Gather":
            return [channels[place] for place in known[0]] if along == [1] else None
        if len(known) != 3 or list(known[2]) != [1]:
            return None
        return channels[int(known[0][0]) : int(known[1][0])]

    def _channels(self, name: str) -> list[Channel] | None:
        """Returns the channels of a tensor that the region takes or makes."""
        if name in self.moved:
            return self.moved[name]
        ordered = self._filters(name) is not None and all(map(_moves, self.links.readers[name]))
        return [(name, place) for place in range(self._width(name))] if ordered else None

    def _filters(self, name: str) -> Any:
        """Returns the convolution that makes a map, perhaps through a ReLU, or None."""
        node = self.links.maker.get(name)
        if node is not None and node.op_type == "Relu":
            alone = len(self.links.readers[node.input[0]]) == 1
            node = self.links.maker.get(node.input[0]) if alone else None
        return node if node is not None and mixes(node) else None

    def _width(self, name: str) -> int:
        return len(self.graph.weights[self._filters(name).input[1]])

    def _sources(self) -> list[str]:
        return list(dict.fromkeys(name for name, _ in self.ways))

    def _takes_any_order(self, name: str) -> bool:
        """Tells whether all that reads a tensor can be put in another order of its channels."""
        if name == self.output:
            return False
        return all(
            _moves(node)
            or mixes(node)
            or (depthwise(node, self.graph.weights) and self._takes_any_order(node.output[0]))
            for node in self.links.readers[name]
        )

    def _cut(self, name: str) -> list[_Part]:
        """Orders the filters of a map by the ways of its channels, and returns the parts."""
        order = sorted(range(self._width(name)), key=lambda place: self.ways[name, place])
        self._select(self._filters(name), order)
        together: dict[tuple[str, ...], list[Channel]] = {}
        for place in order:
            together.setdefault(self.ways[name, place], []).append((name, place))
        if len(together) == 1:
            return [_Part(name, channels, ways) for ways, channels in together.items()]
        return [
            _Part(self.graph.fresh(f"{name}.part"), channels, ways)
            for ways, channels in together.items()
        ]

    def _reorder(self, name: str, order: list[int]) -> None:
        """Orders the weights of all that reads a tensor as its channels are now."""
        for node in self.links.readers[name]:
            if mixes(node):
                self.graph.weights[node.input[1]] = self.graph.weights[node.input[1]][:, order]
            elif not _moves(node):
                self._select(node, order)
                self._reorder(node.output[0], order)

    def _select(self, node: Any, order: list[int]) -> None:
        """Orders the filters of a convolution."""
        for name in node.input[1:]:
            self.graph.weights[name] = self.graph.weights[name][order]
