"""Reads the layers of a Keras model's configuration as data, and compares them with a plan.

A whole model that Keras saved says which activations, pools, strides and padding its weights were
trained with. Nothing is built from it. Layers are compared where both networks are chains between
two layers with weights; what lies around a merge of branches is left to the name maps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from kerascnn.fileio.untrusted import quoted
from kerascnn.models.costs import Plan, pair

MAXIMUM_DEPTH = 8
"""Models inside models."""
MODELS = ("Functional", "Model", "Sequential")
NEUTRAL = (
    "ActivityRegularization", "Dropout", "EvenBorder2D", "GaussianDropout", "GaussianNoise",
    "Identity", "InputLayer", "Normalization", "Rescaling", "Reshape", "SpatialDropout2D",
    "StochasticDepth",
)  # fmt: skip
"""Layers that change no values of a prediction, or do what preprocessing does here."""
AUGMENTATION = ("Random", "Auto", "Mix", "Cut")
"""Beginnings of the names of layers that work in training only."""
PADS = ("ZeroPadding2D", "Cropping2D")
ACTIVATION_LAYERS = {
    "LeakyReLU": "leaky_relu",
    "ELU": "elu",
    "PReLU": "prelu",
    "Softmax": "softmax",
    "ScaledTanh": "scaled_tanh",
    "HardSigmoid": "hard_sigmoid",
    "ExactGelu": "gelu",
}
JOINS = ("Concatenate", "Multiply", "CropLike")
"""Layers of several inputs that are no shortcuts."""
MONOTONE = ("relu", "relu6", "tanh", "sigmoid", "leaky_relu", "scaled_tanh", "elu", "softplus")
"""Activations that may come before or after a max pool with the same result."""
SAME_FUNCTIONS = {"silu": "swish", "hard_silu": "hard_swish", "hardsigmoid": "hard_sigmoid"}
WEIGHTED = ("Conv", "Dense", "BatchNormalization")
"""Beginnings and ends of the class names of layers with weights."""


@dataclass(frozen=True)
class Node:
    """A layer of a graph: its class, its configuration, and the names of its inputs."""

    kind: str
    config: Mapping[str, Any]
    inputs: tuple[str, ...]

    @property
    def weighted(self) -> bool:
        """Whether the layer has weights."""
        return any(part in self.kind for part in WEIGHTED)


Graph = dict[str, Node]


def graph_of_plan(plan: Plan) -> Graph:
    """Returns the layers of a planned network."""
    return {
        entry.name: Node(entry.kind, entry.config, tuple(tensor.source for tensor in entry.inputs))
        for entry in plan.entries.values()
    }


def graph_of_config(model: Any) -> Graph:
    """Returns the layers of a model's configuration, those of inner models included.

    Args:
        model: the configuration of a model by any version of Keras, parsed. What is not one gives
            an empty graph.
    """
    graph: Graph = {}
    _add_model(graph, model, (), 0)
    return graph


def _add_model(graph: Graph, model: Any, outer: tuple[str, ...], depth: int) -> str | None:
    """Adds the layers of a model to the graph and returns the name of its output layer.

    Args:
        graph: gets the layers.
        model: the configuration.
        outer: the layers that an inner model reads.
        depth: number of models around it.
    """
    config = model.get("config") if isinstance(model, dict) else None
    layers = config.get("layers") if isinstance(config, dict) else config  # a list in Keras 1
    if not isinstance(layers, list) or depth > MAXIMUM_DEPTH:
        return None
    last: str | None = None
    outputs: dict[str, str] = {}  # name of an inner model -> its output layer
    for layer in layers:
        settings = layer.get("config") if isinstance(layer, dict) else None
        if not isinstance(settings, dict):
            continue
        name, kind = settings.get("name", layer.get("name")), layer.get("class_name")
        if not isinstance(name, str) or not isinstance(kind, str):
            continue
        inputs = tuple(outputs.get(source, source) for source in _inputs(layer))
        if not inputs and kind == "InputLayer":
            inputs = outer
        elif not inputs and last is not None and model.get("class_name") == "Sequential":
            inputs = (last,)
        elif not inputs:
            inputs = outer
        if kind in MODELS:
            inner = _add_model(graph, layer, inputs, depth + 1)
            if inner is not None:
                outputs[name] = last = inner
            continue
        graph.setdefault(name, Node(kind, settings, inputs))
        last = name
    return last


def _inputs(layer: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the names of the layers that a layer reads at its first call."""
    nodes = layer.get("inbound_nodes")
    if not isinstance(nodes, list) or not nodes:
        return ()
    names: list[str] = []
    waiting = [nodes[0]]
    while waiting and len(names) < 1_000:
        item = waiting.pop(0)
        if isinstance(item, dict):
            history = item.get("config", {}) if isinstance(item.get("config"), dict) else {}
            history = history.get("keras_history", item.get("args"))
            waiting[:0] = [history] if isinstance(history, list) else []
        elif isinstance(item, list) and item and isinstance(item[0], str):
            names.append(item[0])
        elif isinstance(item, list):
            waiting[:0] = item
    return tuple(names)


@dataclass(frozen=True)
class Step:
    """A layer without weights between two layers with weights: its kind, and what it does."""

    kind: str
    what: str


def differences(
    ours: Graph, theirs: Graph, pairs: Mapping[str, str], sizes: Mapping[str, Sequence[Any]]
) -> list[str]:
    """Returns in which layers two networks differ that have the same tensors, one text each.

    Args:
        ours: the network to load into.
        theirs: the network of the file.
        pairs: the file's layer for each of our layers with weights.
        sizes: shape of the input (N, H, W, C) of each of our layers; a size may be None.
    """
    texts = []
    sums = [any(map(_is_sum, graph.values())) for graph in (ours, theirs)]
    if sums[0] != sums[1] and set(pairs.values()) <= theirs.keys():
        texts.append(
            f"the file's network has {'no shortcuts' if sums[0] else 'shortcuts'}, and this model "
            f"has {'some' if sums[0] else 'none'}"
        )
    for name, module in pairs.items():
        our_node, their_node = ours.get(name), theirs.get(module)
        if our_node is None or their_node is None:
            continue
        if their_node.kind.startswith("Separable") and our_node.kind != "DepthwiseConv2D":
            continue  # its second part, which is a layer of its own here
        texts += _settings(name, our_node, their_node)
        our_steps, their_steps = _steps(ours, our_node), _steps(theirs, their_node)
        if our_steps is None or their_steps is None:
            continue
        our_steps, their_steps = _comparable(our_steps, their_steps)
        if our_steps != their_steps:
            texts.append(
                f"before {name} the file's network has {_listed(their_steps)}, and this model "
                f"has {_listed(our_steps)}"
            )
        here = _possible_pads(ours, our_node, sizes.get(name))
        there = _pads(theirs, their_node, sizes.get(name))
        if None not in (*here, there) and there not in here:
            texts.append(f"{name} pads {there} in the file's network and {here[0]} here")
    return texts


def _is_sum(node: Node) -> bool:
    """Returns whether a layer adds branches, or joins them in a way that is not known."""
    return len(node.inputs) > 1 and node.kind not in JOINS


def _possible_pads(
    graph: Graph, node: Node, shape: Sequence[Any] | None
) -> list[tuple[int, ...] | None]:
    """Returns what a convolution of ours adds to its map, and to maps of other sizes.

    The file may be of a network for images of another size, whose padding Keras has computed.
    """
    if shape is None or len(shape) != 4 or None in shape[1:3]:
        return [_pads(graph, node, shape)]
    count, height, width, channels = shape
    return [
        _pads(graph, node, (count, height + rows, width + columns, channels))
        for rows in (0, 1)
        for columns in (0, 1)
    ]


def epsilons(graph: Graph, pairs: Mapping[str, str]) -> dict[str, float]:
    """Returns the epsilon of each of our batch norms in the file's network."""
    result = {}
    for name, module in pairs.items():
        node = graph.get(module)
        if node is not None and node.kind == "BatchNormalization":
            epsilon = node.config.get("epsilon")
            if isinstance(epsilon, float) and 0 < epsilon < 1:
                result[name] = epsilon
    return result


def _settings(name: str, ours: Node, theirs: Node) -> list[str]:
    """Returns how the strides and dilations of two layers differ."""
    texts = []
    if "Conv2D" in ours.kind and "Conv2D" in theirs.kind:
        for setting in ("strides", "dilation_rate"):
            here, there = (_pair(node.config.get(setting, 1)) for node in (ours, theirs))
            if None not in (here, there) and here != there:
                texts.append(f"{name} has {setting} {there} in the file's network and {here} here")
    return texts


def _pair(value: Any) -> tuple[int, int] | None:
    if isinstance(value, int):
        return value, value
    if isinstance(value, list | tuple) and len(value) == 2:
        return (value[0], value[1]) if all(isinstance(side, int) for side in value) else None
    return None


def _steps(graph: Graph, node: Node) -> list[Step] | None:
    """Returns the steps between a layer and the layer with weights before it, the first first.

    None where branches meet, or a layer is unknown.
    """
    steps: list[Step] = []
    for _ in range(100):
        if len(node.inputs) != 1:
            return None
        before = graph.get(node.inputs[0])
        if before is None or before.kind == "InputLayer":
            break
        node = before
        if node.weighted:
            steps += _activation(node.config.get("activation", "linear"))
            break
        step = _step(node)
        if step is None:
            return None
        steps += step
    return steps[::-1]


def _comparable(ours: list[Step], theirs: list[Step]) -> tuple[list[Step], list[Step]]:
    """Returns the steps of two networks without differences that change no result.

    Only over a map of one position can a global pool stand where the other network has none: the
    tensors' shapes tell all others apart.
    """
    pooled = [any(step.what.startswith("global") for step in steps) for steps in (ours, theirs)]
    result = []
    for steps in (ours, theirs):
        if not all(pooled):
            steps = [step for step in steps if not step.what.startswith("global")]
        steps = list(steps)
        for _ in steps:  # activations before max pools
            for index in range(len(steps) - 1):
                first, second = steps[index : index + 2]
                if first.what.startswith("max") and second.what in MONOTONE:
                    steps[index : index + 2] = [second, first]
        result.append(steps)
    return result[0], result[1]


def _step(node: Node) -> list[Step] | None:
    """Returns what a layer without weights does; None if it is unknown."""
    kind, config = node.kind, node.config
    if kind in NEUTRAL or kind in PADS or kind.startswith(AUGMENTATION):
        return []
    if kind == "Activation":
        return _activation(config.get("activation"))
    if kind == "ReLU":
        if config.get("negative_slope"):
            return [Step("act", "leaky_relu")]
        return [Step("act", "relu" if config.get("max_value") is None else "relu6")]
    if kind in ACTIVATION_LAYERS:
        return [Step("act", ACTIVATION_LAYERS[kind])]
    if "Pooling2D" in kind:
        if kind.startswith("Global"):
            return [Step("pool", "global max" if "Max" in kind else "global average")]
        name = "max" if kind.startswith("Max") else "average"
        size = _pair(config.get("pool_size", 2))
        strides = size if config.get("strides") is None else _pair(config["strides"])
        return [Step("pool", f"{name} {size} of stride {strides}")]
    if "ResponseNormalization" in kind:
        return [Step("norm", "response normalisation")]
    return [] if kind == "Flatten" else None


def _activation(value: Any) -> list[Step]:
    if isinstance(value, dict):
        value = value.get("config") if isinstance(value.get("config"), str) else value.get("name")
    if not isinstance(value, str):
        return [] if value is None else [Step("act", "of its own")]
    name = value.rpartition(">")[2].lower()
    name = SAME_FUNCTIONS.get(name, name)
    return [] if name == "linear" else [Step("act", name)]


def _listed(steps: Sequence[Step]) -> str:
    return ", ".join(quoted(step.what)[1:-1] for step in steps) or "nothing"


def _pads(graph: Graph, node: Node, shape: Sequence[Any] | None) -> tuple[int, ...] | None:
    """Returns the rows and columns that a convolution adds: top, bottom, left, right.

    Args:
        graph: the network.
        node: the convolution.
        shape: of our layer's input, for padding that depends on it.
    """
    if "Conv2D" not in node.kind or node.kind == "Conv2DTranspose" or shape is None:
        return None
    kernel = _pair(node.config.get("kernel_size"))
    strides = _pair(node.config.get("strides", 1))
    dilation = _pair(node.config.get("dilation_rate", 1))
    explicit = [0, 0, 0, 0]
    before = graph.get(node.inputs[0]) if len(node.inputs) == 1 else None
    if before is not None and before.kind in PADS:
        sign = 1 if before.kind == "ZeroPadding2D" else -1
        setting = before.config.get("padding" if sign > 0 else "cropping", 1)
        sides = _sides(setting)
        if sides is None:
            return None
        explicit = [sign * side for side in sides]
    if None in (kernel, strides, dilation) or len(shape) != 4:
        return None
    assert kernel is not None and strides is not None and dilation is not None  # noqa: PT018
    if node.config.get("padding", "valid") != "same":
        return tuple(explicit)
    pads: list[int] = []
    for axis in (0, 1):
        size, window = shape[1 + axis], (kernel[axis] - 1) * dilation[axis] + 1
        if strides[axis] == 1:
            total = window - 1
        elif size is None:
            return None
        else:
            total = max((ceil(size / strides[axis]) - 1) * strides[axis] + window - size, 0)
        pads += [total // 2, total - total // 2]
    return tuple(pad + more for pad, more in zip(pads, explicit, strict=True))


def _sides(value: Any) -> tuple[int, int, int, int] | None:
    """Returns a padding of Keras as four numbers."""
    if isinstance(value, int):
        return value, value, value, value
    if not isinstance(value, list | tuple) or len(value) != 2:
        return None
    sides = [pair(side) if isinstance(side, int) else _pair(side) for side in value]
    if None in sides:
        return None
    (top, bottom), (left, right) = sides  # type: ignore[misc]
    return top, bottom, left, right
