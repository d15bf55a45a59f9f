"""Sets a model's variables: all of them, or none if an error occurs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from kerascnn.lazy import np
from kerascnn.weights.buffers import put, value_of
from kerascnn.weights.target_model import TargetModel

if TYPE_CHECKING:
    import numpy as np


def fresh_values(target: TargetModel, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Returns new initial values of variables, drawn by their layers' initialisers.

    Variables without an initialiser are left out.

    Args:
        target: the model.
        names: the variables, "layer/variable".
    """
    layers = {layer.name.removeprefix(target.prefix): layer for layer in target.model.layers}
    values = {}
    for name in names:
        variable = target.variables[name]
        layer, _, attribute = name.rpartition("/")
        initializer = getattr(layers[layer], f"{attribute}_initializer", None)
        if initializer is not None:
            # A clone has another seed; the same initialiser would draw the same values again.
            clone = initializer.clone()
            values[name] = np.asarray(clone(variable.shape, dtype=variable.dtype))
    return values


def assign(target: TargetModel, arrays: dict[str, np.ndarray]) -> None:
    """Sets the variables; on any error or interrupt, all of them get their old values back.

    Args:
        target: the model.
        arrays: new values by "layer/variable". The dictionary is emptied, to free memory early.
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
