"""Adds a layer to a network that is built, or to a plan that only counts its costs."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from kerascnn.lazy import keras
from kerascnn.models.costs import Planned

Tensor = Any
"""A Keras tensor or a planned one."""


def layer(kind: str, x: Tensor | Sequence[Tensor], name: str, **config: Any) -> Tensor:
    """Adds a layer, stock or our own, to whatever `x` belongs to.

    Args:
        kind: class name of a layer in `kerascnn.layers`, or of a Keras layer.
        x: the input, or a list of inputs.
        name: the layer's name, paper-derived and stable.
        **config: what the layer's class takes.
    """
    first = x[0] if type(x) is list or type(x) is tuple else x
    if isinstance(first, Planned):
        return first.plan.layer(kind, x, name, config)
    own_layers = importlib.import_module("kerascnn.layers")
    layer_class = getattr(own_layers, kind, None) or getattr(keras.layers, kind)
    return layer_class(name=name, **config)(x)


def part(x: Tensor, key: tuple[Hashable, ...], make: Callable[[], Tensor]) -> Tensor:
    """Adds layers that networks repeat: a search prices them once for each `key` and shape of `x`.

    Args:
        x: what they read.
        key: all that their shapes and costs depend on besides.
        make: adds them and returns the output.
    """
    if isinstance(x, Planned):
        return x.plan.part((x.shape, *key), make)
    return make()
