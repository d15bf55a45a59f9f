"""Setting a model's variables: all of them, or none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from kerascnn.lazy import np
from kerascnn.weights.buffers import put, value_of
from kerascnn.weights.target import Target

if TYPE_CHECKING:
    import numpy as np


def fresh_values(target: Target, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Returns new first values of variables, as their layers' initialisers draw them."""
    layers = {layer.name: layer for layer in target.model.layers}
    made = {}
    for name in names:
        variable = target.variables[name]
        layer, _, attribute = name.rpartition("/")
        maker = getattr(layers[layer], f"{attribute}_initializer", None)
        if maker is not None:
            # A copy, since an initialiser draws the same values when it is asked again.
            made[name] = np.asarray(maker.clone()(variable.shape, dtype=variable.dtype))
    return made


def assign(target: Target, arrays: dict[str, np.ndarray]) -> None:
    """Sets the variables; whatever happens on the way, all of the old values come back.

    Args:
        target: the model.
        arrays: new values by "layer/variable"; emptied, so that they are not held twice.
    """
    old: dict[str, Any] = {}
    try:
        for name in list(arrays):
            variable = target.variables[name]
            old[name] = value_of(variable)
            put(variable, arrays.pop(name))
    except BaseException:
        for name, value in old.items():
            target.variables[name].assign(value)
        raise
