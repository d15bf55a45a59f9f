"""An ONNX graph under construction, channels first inside whatever the input's order is.

Weights stay NumPy arrays until the end, so that a batch normalisation or a scale behind a
convolution changes them in place and leaves no node. A border of zeros waits for the convolution
or pooling behind it, which has an attribute for it.
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
"""ONNX's "to the end" of a slice."""


class NotCovered(Exception):
    """A layer, or a use of it, that has no rule; tf2onnx converts such models."""


@dataclass(frozen=True)
class Affine:
    """The weights behind a value that a scale and an offset for each channel may still change.

    Args:
        weight: name of the kernel.
        bias: name of the bias, which need not exist yet.
        axis: of the kernel's outputs.
        node: that computes the value.
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
        shape: in Keras's order, the batch and open sides as None.
        channels_first: whether the graph holds N x C x H x W of it.
        flat: height, width and channels of the N x C x H x W map of which this is the flattened
            form; None when its order is Keras's.
        pads: zeros still to be added (top, left, bottom, right).
        positive: whether no value is below zero.
        affine: see there; None when nothing may be changed.
        uses: how many layers take the value.
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
        return 1 if self.channels_first else len(self.shape) - 1


class Graph:
    """Collects nodes and weights.

    Args:
        opset: operator set that nodes are written for, 13 or above.
    """

    def __init__(self, opset: int) -> None:
        self.opset = opset
        self.nodes: list[Any] = []
        self.weights: dict[str, Array] = {}
        self._taken = {INPUT, OUTPUT}
        self._labels: set[str] = set()
        self._settled: dict[tuple[str, str], Value] = {}

    def fresh(self, name: str) -> str:
        """Returns a name that no tensor has yet, `name` if that is free."""
        return _unused(name, self._taken)

    def node(self, kind: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        """Adds a node of one output and returns the output's name."""
        import onnx

        # The layer `predictions` keeps its name as a node; the tensor of that name is the output.
        label, made = _unused(name, self._labels), self.fresh(name)
        self.nodes.append(onnx.helper.make_node(kind, list(inputs), [made], label, **attributes))
        return made

    def weight(self, name: str, value: Any) -> str:
        """Adds a constant and returns its name; Python numbers become float32."""
        value = np.asarray(value)
        made = self.fresh(name)
        self.weights[made] = value.astype(np.float32) if value.dtype == np.float64 else value
        return made

    def whole(self, name: str, numbers: Sequence[int]) -> str:
        """Adds a constant vector of int64, as shapes and axes are."""
        return self.weight(name, np.array(numbers, np.int64))

    def padded(self, x: Value) -> Value:
        """Returns the value with the border that it waits for."""
        if x.pads is None:
            return x
        return self._once("padded", x, self._pad)

    def _pad(self, x: Value) -> Value:
        assert x.pads is not None
        top, left, bottom, right = x.pads
        pads = self.whole(f"{x.name}_pads", [0, 0, top, left, 0, 0, bottom, right])
        zero = self.weight(f"{x.name}_zero", np.float32(PAD_VALUE))
        made = self.node("Pad", [x.name, pads, zero], f"{x.name}_pad", mode="constant")
        return dataclasses.replace(x, name=made, pads=None)

    def channels_first(self, x: Value) -> Value:
        """Returns an image as N x C x H x W, its border still open."""
        if x.channels_first or len(x.shape) != 4:
            return x
        return self._once("channels_first", x, self._to_channels_first)

    def _to_channels_first(self, x: Value) -> Value:
        made = self.node("Transpose", [x.name], f"{x.name}_nchw", perm=TO_CHANNELS_FIRST)
        return dataclasses.replace(x, name=made, channels_first=True)

    def in_keras_order(self, x: Value) -> Value:
        """Returns the value with Keras's order of axes."""
        x = self.padded(x)
        if x.flat is None and not x.channels_first:
            return x
        return self._once("in_keras_order", x, self._to_keras_order)

    def _to_keras_order(self, x: Value) -> Value:
        if x.flat is not None:
            height, width, channels = x.flat
            sides = self.whole(f"{x.name}_sides", [-1, channels, height, width])
            spread = self.node("Reshape", [x.name, sides], f"{x.name}_nchw")
            turned = self.node("Transpose", [spread], f"{x.name}_turned", perm=TO_CHANNELS_LAST)
            made = self.node("Flatten", [turned], f"{x.name}_nhwc", axis=1)
            return Value(made, x.shape, positive=x.positive)
        made = self.node("Transpose", [x.name], f"{x.name}_nhwc", perm=TO_CHANNELS_LAST)
        return Value(made, x.shape, positive=x.positive)

    def _once(self, what: str, x: Value, make: Any) -> Value:
        key = (what, x.name if x.pads is None else f"{x.name}{x.pads}")
        if key not in self._settled:
            self._settled[key] = make(x)
        return self._settled[key]

    def rescale(self, x: Value, scale: Array, offset: Array) -> None:
        """Changes the weights behind `x` so that it becomes x * scale + offset, by channel."""
        assert x.affine is not None
        weight, bias = self.weights[x.affine.weight], x.affine.bias
        spread = [1] * weight.ndim
        spread[x.affine.axis] = -1
        count = weight.shape[x.affine.axis]
        scale = np.broadcast_to(np.asarray(scale, np.float64), (count,))
        offset = np.broadcast_to(np.asarray(offset, np.float64), (count,))
        self.weights[x.affine.weight] = weight * scale.astype(np.float32).reshape(spread)
        before = self.weights.get(bias)
        if before is None:
            self._taken.add(bias)
            x.affine.node.input.append(bias)
            before = np.zeros(count, np.float32)
        self.weights[bias] = (before * scale + offset).astype(np.float32)

    def prune(self, output: str) -> None:
        """Drops nodes and weights that `output` does not depend on."""
        needed, kept = {output}, []
        for node in reversed(self.nodes):
            if needed.intersection(node.output):
                needed.update(node.input)
                kept.append(node)
        self.nodes = kept[::-1]
        self.weights = {name: value for name, value in self.weights.items() if name in needed}


class Links:
    """Who makes and who reads each tensor.

    Args:
        nodes: of a graph.
    """

    def __init__(self, nodes: Iterable[Any]) -> None:
        self.maker: dict[str, Any] = {}
        self.readers: dict[str, list[Any]] = collections.defaultdict(list)
        for node in nodes:
            for name in node.output:
                self.maker[name] = node
            for name in node.input:
                self.readers[name].append(node)


def groups(node: Any) -> int:
    """Returns in how many groups of channels a convolution works."""
    return next((entry.i for entry in node.attribute if entry.name == "group"), 1)


def mixes(node: Any) -> bool:
    """Tells whether each filter of a node sees all channels."""
    return node.op_type == "Conv" and groups(node) == 1


def depthwise(node: Any, weights: Mapping[str, Array]) -> bool:
    """Tells whether a node's filters see one channel each, and there is one for each channel."""
    weight = weights.get(node.input[1]) if node.op_type == "Conv" else None
    return weight is not None and weight.shape[:2] == (groups(node), 1)


def _unused(name: str, taken: set[str]) -> str:
    candidate, count = name, 0
    while candidate in taken:
        count += 1
        candidate = f"{name}_{count}"
    taken.add(candidate)
    return candidate


def to_end(last: int) -> int:
    """Returns the end of a slice that leaves out the last `last` places."""
    return -last if last else _LAST
