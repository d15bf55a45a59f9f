"""A model's weights as another library would store them: its names, its order of axes."""

from __future__ import annotations

from collections import Counter
from math import prod
from typing import Any

import numpy as np

from kerascnn.weights import axis_order
from kerascnn.weights.expected_shapes import Expected
from kerascnn.weights.name_maps import layouts
from kerascnn.weights.target_model import TargetModel
from support import seeded_weights


def scrambled(model: Any, salt: str = "") -> dict[str, np.ndarray]:
    """Gives every variable other values, variances positive, and returns them by name."""
    arrays = {}
    for layer in model.layers:
        for variable in layer.weights:
            name = f"{layer.name}/{variable.name}"
            values = seeded_weights.uniform(f"{salt}{name}", tuple(variable.shape))
            if variable.name == "moving_variance":
                values = np.abs(values) + 0.5
            variable.assign(values)
            arrays[name] = np.asarray(variable)
    return arrays


def values(model: Any) -> dict[str, np.ndarray]:
    """Returns the values of all variables by name."""
    return {
        f"{layer.name}/{v.name}": np.asarray(v) for layer in model.layers for v in layer.weights
    }


def torch_shape(layer: Expected, variable: str) -> tuple[int, ...]:
    """Returns the shape in which PyTorch holds one of our variables."""
    shape = layer.variables[variable]
    if variable != "kernel":
        return shape
    if layer.kind == "DepthwiseConv2D":
        return shape[2] * shape[3], 1, *shape[:2]
    if len(shape) == 4:
        return shape[3], shape[2], *shape[:2]
    return shape[1], prod(shape[:1])


TORCH_NAMES = {
    "kernel": "weight",
    "gamma": "weight",
    "bias": "bias",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def as_torch(model: Any, source: str) -> dict[str, np.ndarray]:
    """Returns the state dict that the twin in `source` would have, counters of steps included."""
    target = TargetModel.of(model)
    assert target.family is not None
    modules = layouts(target.family)[source](list(target.layers))
    arrays: dict[str, np.ndarray] = {}
    for name, layer in target.layers.items():
        for variable in layer.variables:
            array = np.asarray(target.variables[f"{name}/{variable}"])
            shape = torch_shape(layer, variable)
            built = axis_order.to_torch(array, layer.kind, variable, shape, layer.flattened)
            arrays[f"{modules[name]}.{TORCH_NAMES[variable]}"] = np.ascontiguousarray(built)
        if "moving_mean" in layer.variables:
            arrays[f"{modules[name]}.num_batches_tracked"] = np.array(7)
    return arrays


def as_keras(model: Any) -> dict[str, dict[str, np.ndarray]]:
    """Returns the layers of the twin in keras.applications, by "layer/variable".

    A separable convolution there is two of our layers.
    """
    target = TargetModel.of(model)
    assert target.family is not None
    modules = layouts(target.family)["keras"](list(target.layers))
    shared = {key for key, count in Counter(modules.values()).items() if count > 1}
    arrays: dict[str, dict[str, np.ndarray]] = {}
    for name, layer in target.layers.items():
        module = modules[name]
        for variable in layer.variables:
            spelled = variable
            if module in shared and variable == "kernel":
                part = "depthwise" if layer.kind == "DepthwiseConv2D" else "pointwise"
                spelled = f"{part}_kernel"
            array = np.asarray(target.variables[f"{name}/{variable}"])
            arrays.setdefault(module, {})[f"{module}/{spelled}"] = array
    return arrays
