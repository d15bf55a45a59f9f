"""An ONNX graph under construction, with the channels first whatever the layout of its input.

Weights stay NumPy arrays until the end: a batch normalisation or a scale after a convolution
changes them in place and needs no node. Padding with zeros is kept pending until the next layer:
a convolution or pooling has an attribute for it.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerascnn.exporting.onnx.tf2onnx_shims import PAD_VALUE
from kerascnn.lazy import np
from kerascnn.runtimes.contract import INPUT, OUTPUT

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]

TO_CHANNELS_FIRST = (0, 3, 1, 2)
TO_CHANNELS_LAST = (0, 2, 3, 1)
_LAST = 2**63 - 1
"""The end of an ONNX slice that goes to the end of the axis."""


class NotCovered(Exception):
    """Raised for a layer, or a use of it, that has no rule; tf2onnx converts such models."""


@dataclass(frozen=True)
class Affine:
    """The weights that compute a value, which a scale and an offset by channel may still change.

    Args:
        weight: name of the kernel.
        bias: name of the bias, which may not exist yet.
        axis: the axis of the kernel that belongs to the outputs.
        node: computes the value.
    """

    weight: str
    bias: str
    axis: int
    node: Any


@dataclass(frozen=True)
class Value:
    """A tensor of the graph.

    Args:
        name: in the graph.
        shape: in Keras's order; None for the batch and for sizes that are not fixed.
        channels_first: whether the tensor is N x C x H x W.
        flat: height, width and channels when the tensor is a flattened N x C x H x W map; None
            when its order is Keras's.
        pads: number of zeros (top, left, bottom, right) of pending padding, or None.
        positive: whether no value is below zero.
        affine: the weights that compute it; None when they must not change.
        uses: number of layers that read it.
    """

    name: str
    shape: tuple[int | None, ...]
    channels_first: bool = False
    flat: tuple[int, int, int] | None = None
    pads: tuple[int, int, int, int] | None = None
    positive: bool = False
    affine: Affine | None = None
    uses: int = 1

    @property
    def channel_axis(self) -> int:
        """The axis of the channels in the tensor."""
        return 1 if self.channels_first else len(self.shape) - 1


class Graph:
    """Collects the nodes and weights of a graph.

    Args:
        opset: operator set of the nodes, 13 or above.
    """

    def __init__(self, opset: int) -> None:
        self.opset = opset
        self.nodes: list[Any] = []
        self.weights: dict[str, Array] = {}
        self._names = {INPUT, OUTPUT}
        self._labels: set[str] = set()
        self._converted: dict[tuple[str, str], Value] = {}

    def fresh(self, name: str) -> str:
        """Returns a name that no tensor has yet: `name`, or `name` with a number."""
        return _unused(name, self._names)

    def node(self, kind: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        """Adds a node with one output and returns the output's name.

        Args:
            kind: the operator.
            inputs: names of the inputs.
            name: of the node and its output; a number is added when it is taken.
            **attributes: of the operator.
        """
        import onnx

        # A node may have the name of the layer `predictions`; as a tensor it is the graph's output.
        label, output = _unused(name, self._labels), self.fresh(name)
        self.nodes.append(onnx.helper.make_node(kind, list(inputs), [output], label, **attributes))
        return output

    def weight(self, name: str, value: Any) -> str:
        """Adds a constant and returns its name; Python numbers become float32."""
        value = np.asarray(value)
        unused = self.fresh(name)
        self.weights[unused] = value.astype(np.float32) if value.dtype == np.float64 else value
        return unused

    def whole(self, name: str, numbers: Sequence[int]) -> str:
        """Adds a constant int64 vector, the type of shapes and axes, and returns its name."""
        return self.weight(name, np.array(numbers, np.int64))

    def padded(self, x: Value) -> Value:
        """Adds the pending padding of a value."""
        if x.pads is None:
            return x
        return self._once("padded", x, self._pad)

    def _pad(self, x: Value) -> Value:
        assert x.pads is not None
        top, left, bottom, right = x.pads
        pads = self.whole(f"{x.name}_pads", [0, 0, top, left, 0, 0, bottom, right])
        zero = self.weight(f"{x.name}_zero", np.float32(PAD_VALUE))
        output = self.node("Pad", [x.name, pads, zero], f"{x.name}_pad", mode="constant")
        return dataclasses.replace(x, name=output, pads=None)

    def channels_first(self, x: Value) -> Value:
        """Returns an image as N x C x H x W; pending padding stays pending."""
        if x.channels_first or len(x.shape) != 4:
            return x
        return self._once("channels_first", x, self._to_channels_first)

    def _to_channels_first(self, x: Value) -> Value:
        output = self.node("Transpose", [x.name], f"{x.name}_nchw", perm=TO_CHANNELS_FIRST)
        return dataclasses.replace(x, name=output, channels_first=True)

    def in_keras_order(self, x: Value) -> Value:
        """Returns a value in Keras's order of axes, with its padding."""
        x = self.padded(x)
        if x.flat is None and not x.channels_first:
            return x
        return self._once("in_keras_order", x, self._to_keras_order)

    def _to_keras_order(self, x: Value) -> Value:
        if x.flat is not None:
            height, width, channels = x.flat
            sides = self.whole(f"{x.name}_sides", [-1, channels, height, width])
            image = self.node("Reshape", [x.name, sides], f"{x.name}_nchw")
            transposed = self.node("Transpose", [image], f"{x.name}_turned", perm=TO_CHANNELS_LAST)
            output = self.node("Flatten", [transposed], f"{x.name}_nhwc", axis=1)
            return Value(output, x.shape, positive=x.positive)
        output = self.node("Transpose", [x.name], f"{x.name}_nhwc", perm=TO_CHANNELS_LAST)
        return Value(output, x.shape, positive=x.positive)

    def _once(self, kind: str, x: Value, make: Any) -> Value:
        """Returns a conversion of a value, which is added to the graph at the first request."""
        key = (kind, x.name if x.pads is None else f"{x.name}{x.pads}")
        if key not in self._converted:
            self._converted[key] = make(x)
        return self._converted[key]

    def rescale(self, x: Value, scale: Array, offset: Array) -> None:
        """Changes the weights that compute `x`: it becomes x * scale + offset, by channel."""
        assert x.affine is not None
        weight, bias = self.weights[x.affine.weight], x.affine.bias
        broadcast = [1] * weight.ndim
        broadcast[x.affine.axis] = -1
        count = weight.shape[x.affine.axis]
        scale = np.broadcast_to(np.asarray(scale, np.float64), (count,))
        offset = np.broadcast_to(np.asarray(offset, np.float64), (count,))
        self.weights[x.affine.weight] = weight * scale.astype(np.float32).reshape(broadcast)
        before = self.weights.get(bias)
        if before is None:
            self._names.add(bias)
            x.affine.node.input.append(bias)
            before = np.zeros(count, np.float32)
        self.weights[bias] = (before * scale + offset).astype(np.float32)

    def prune(self, output: str) -> None:
        """Removes nodes and weights that the tensor `output` does not depend on."""
        needed, kept = {output}, []
        for node in reversed(self.nodes):
            if needed.intersection(node.output):
                needed.update(node.input)
                kept.append(node)
        self.nodes = kept[::-1]
        self.weights = {name: value for name, value in self.weights.items() if name in needed}


class Links:
    """The node that computes each tensor, and the nodes that read it.

    Args:
        nodes: of a graph.
    """

    def __init__(self, nodes: Iterable[Any]) -> None:
        self.producer: dict[str, Any] = {}
        self.readers: dict[str, list[Any]] = collections.defaultdict(list)
        for node in nodes:
            for name in node.output:
                self.producer[name] = node
            for name in node.input:
                self.readers[name].append(node)


def groups(node: Any) -> int:
    """Returns the number of channel groups of a convolution."""
    return next((entry.i for entry in node.attribute if entry.name == "group"), 1)


def mixes(node: Any) -> bool:
    """Tells whether a node is a convolution whose filters read all channels."""
    return node.op_type == "Conv" and groups(node) == 1


def depthwise(node: Any, weights: Mapping[str, Array]) -> bool:
    """Tells whether a node is a depthwise convolution with one filter for each channel."""
    weight = weights.get(node.input[1]) if node.op_type == "Conv" else None
    return weight is not None and weight.shape[:2] == (groups(node), 1)


def _unused(name: str, taken: set[str]) -> str:
    """Returns `name`, or `name` with a number, and adds it to the names that are taken."""
    candidate, count = name, 0
    while candidate in taken:
        count += 1
        candidate = f"{name}_{count}"
    taken.add(candidate)
    return candidate


def to_end(last: int) -> int:
    """Returns the end of a slice that leaves out the last `last` entries."""
    return -last if last else _LAST
