"""Functions that add a layer to a Keras model or to a plan of one (`kerascnn.models.costs`)."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any

from kerascnn.lazy import keras
from kerascnn.models.costs import Planned

Tensor = Any
"""A Keras tensor or a `Planned` tensor."""

Translator = Callable[[str, Any, str, dict[str, Any]], Tensor]
"""Adds a layer of another library's network; gets kind, input, name and config of ours."""

_TRANSLATOR: ContextVar[Translator | None] = ContextVar("translator", default=None)


@contextlib.contextmanager
def translated(translator: Translator) -> Iterator[None]:
    """Gives every layer that is built inside the context to `translator` instead of adding it."""
    token = _TRANSLATOR.set(translator)
    try:
        yield
    finally:
        _TRANSLATOR.reset(token)


_PREFIX: ContextVar[str] = ContextVar("prefix", default="")


@contextlib.contextmanager
def prefixed(prefix: str) -> Iterator[None]:
    """Puts `prefix` before the names of all layers that are added inside the context."""
    token = _PREFIX.set(prefix)
    try:
        yield
    finally:
        _PREFIX.reset(token)


def layer(kind: str, x: Tensor | Sequence[Tensor], name: str, **config: Any) -> Tensor:
    """Adds a layer to the model or plan that `x` belongs to, and returns the layer's output.

    Args:
        kind: class name of a layer in `kerascnn.layers`, or of a Keras layer.
        x: the input, or a list of inputs.
        name: the layer's name, without the prefix of `prefixed`; it follows the paper and never
            changes.
        **config: the arguments of the layer's class.
    """
    name = _PREFIX.get() + name
    first = x[0] if type(x) is list or type(x) is tuple else x
    if isinstance(first, Planned):
        return first.plan.layer(kind, x, name, config)
    translator = _TRANSLATOR.get()
    if translator is not None:
        return translator(kind, x, name, config)
    return layer_class(kind)(name=name, **config)(x)


def layer_class(kind: str) -> type[keras.Layer]:
    """Returns the class of this name in `kerascnn.layers`, or else in Keras."""
    own_layers = importlib.import_module("kerascnn.layers")
    class_: type[keras.Layer] = getattr(own_layers, kind, None) or getattr(keras.layers, kind)
    return class_


def part(x: Tensor, key: tuple[Hashable, ...], make: Callable[[], Tensor]) -> Tensor:
    """Adds a group of layers that networks repeat, and returns its output.

    A search computes the costs of such a group only once for each `key` and shape of `x`.

    Args:
        x: the input of the group.
        key: all values, other than the shape of `x`, that the group's shapes and costs depend on.
        make: adds the layers and returns their output.
    """
    if isinstance(x, Planned):
        return x.plan.part((x.shape, *key), make)
    return make()
