"""Writes Keras's activation functions as ONNX nodes."""

from __future__ import annotations

import dataclasses
from typing import Any

from kerascnn.exporting.onnx.graph import Graph, NotCovered, Value
from kerascnn.lazy import keras, np

_OPERATORS = {
    "relu": "Relu",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "softplus": "Softplus",
    "softsign": "Softsign",
    "exponential": "Exp",
    "elu": "Elu",
    "selu": "Selu",
}
_POSITIVE = ("relu", "relu6", "sigmoid", "hard_sigmoid", "softmax", "softplus", "exponential")
_COMPOSED = ("relu6", "hard_sigmoid", "hard_silu", "silu", "gelu", "softmax")


def known(activation: Any) -> bool:
    """Tells whether a rule exists for a layer's activation, a function or None."""
    kind = getattr(activation, "__name__", "")
    if activation is None or activation is keras.activations.linear:
        return True
    ours = getattr(keras.activations, kind, None) is activation
    return ours and (kind in _OPERATORS or kind in _COMPOSED)


def activate(graph: Graph, layer: Any, activation: Any, x: Value) -> Value:
    """Adds an activation function and returns its output.

    Args:
        graph: to add to.
        layer: gives the names.
        activation: a function of keras.activations, or None.
        x: the input.
    """
    if activation is None or activation is keras.activations.linear:
        return x
    if not known(activation):
        raise NotCovered(f"{layer.name}: activation {activation!r}")
    return apply(graph, layer.name, activation.__name__, x)


def apply(graph: Graph, name: str, kind: str, x: Value) -> Value:
    """Adds an activation function and returns its output.

    Args:
        graph: to add to.
        name: start of the nodes' names.
        kind: name of a function of keras.activations.
        x: the input.
    """
    x = graph.padded(x)
    if kind == "softmax":
        if x.flat is not None:
            x = graph.in_keras_order(x)
        output = graph.node("Softmax", [x.name], f"{name}_softmax", axis=x.channel_axis)
    elif kind in _OPERATORS:
        output = graph.node(_OPERATORS[kind], [x.name], f"{name}_{kind}")
    else:
        output = _composed(graph, name, kind, x)
    return dataclasses.replace(x, name=output, positive=kind in _POSITIVE, affine=None)


def _composed(graph: Graph, name: str, kind: str, x: Value) -> str:
    """Adds an activation that takes several nodes, and returns the name of its output."""
    full_name = f"{name}_{kind}"
    if kind == "relu6":
        return clip(graph, x, 0.0, 6.0, full_name)
    if kind in ("hard_sigmoid", "hard_silu"):
        if kind == "hard_silu" and graph.opset >= 14:
            return graph.node("HardSwish", [x.name], full_name)
        gate = graph.node("HardSigmoid", [x.name], full_name, alpha=1 / 6, beta=0.5)
        return gate if kind == "hard_sigmoid" else graph.node("Mul", [x.name, gate], full_name)
    if kind == "gelu":
        return exact_gelu(graph, x, full_name)
    if kind == "silu":
        gate = graph.node("Sigmoid", [x.name], f"{name}_sigmoid")
        return graph.node("Mul", [x.name, gate], full_name)
    raise NotCovered(f"{name}: activation {kind}")  # pragma: no cover


def clip(graph: Graph, x: Value, low: float, high: float, name: str) -> str:
    """Adds a Clip node and returns the name of its output."""
    bounds = [graph.weight(f"{name}.{k}", np.float32(v)) for k, v in (("low", low), ("high", high))]
    return graph.node("Clip", [x.name, *bounds], name)


def exact_gelu(graph: Graph, x: Value, name: str) -> str:
    """Adds x (1 + erf(x / sqrt 2)) / 2, which is a single operator since operator set 20."""
    if graph.opset >= 20:
        return graph.node("Gelu", [x.name], name)
    root, unit, half = (
        graph.weight(f"{name}.{k}", np.float32(v))
        for k, v in (("root", 0.5**0.5), ("one", 1.0), ("half", 0.5))
    )
    error = graph.node("Erf", [graph.node("Mul", [x.name, root], f"{name}_scaled")], f"{name}_erf")
    share = graph.node(
        "Mul", [graph.node("Add", [error, unit], f"{name}_plus"), half], f"{name}_of"
    )
    return graph.node("Mul", [x.name, share], name)
