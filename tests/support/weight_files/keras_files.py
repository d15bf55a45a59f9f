"""Writes HDF5 files as Keras 1 and 2 did and Keras 3 does, with h5py."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Layers = Mapping[str, Mapping[str, np.ndarray]]

CHUNK = 64512
"""Bytes of a list of names above which Keras 2 splits it (`HDF5_OBJECT_HEADER_LIMIT`)."""


def _names(group: h5py.Group, attribute: str, names: list[str], limit: int) -> None:
    texts = np.array([name.encode() for name in names])
    parts = 1
    while names and max(part.nbytes for part in np.array_split(texts, parts)) > limit:
        parts += 1
    if parts == 1:
        group.attrs[attribute] = texts
        return
    for index, part in enumerate(np.array_split(texts, parts)):
        group.attrs[f"{attribute}{index}"] = part


def write_keras2(
    path: Path, layers: Layers, *, config: Any = None, limit: int = CHUNK, suffix: str = ":0"
) -> Path:
    """Writes weights, or a whole model when `config` is given.

    Args:
        path: the file.
        layers: values by "module/variable", by layer.
        config: of the model.
        limit: bytes above which a list of names is split.
        suffix: behind the variable's name; Keras 1 and 3 have none.
    """
    with h5py.File(path, "w") as file:
        root = file
        if config is not None:
            file.attrs["keras_version"] = "2.15.0"
            file.attrs["backend"] = "tensorflow"
            file.attrs["model_config"] = json.dumps(config).encode()
            file.create_group("optimizer_weights")
            root = file.create_group("model_weights")
        _names(root, "layer_names", list(layers), limit)
        root.attrs["backend"] = b"tensorflow"
        root.attrs["keras_version"] = b"2.15.0"
        for layer, weights in layers.items():
            group = root.create_group(layer)
            _names(group, "weight_names", [f"{name}{suffix}" for name in weights], limit)
            for name, values in weights.items():
                group.create_dataset(f"{name}{suffix}", data=values)
    return path


def write_keras3(path: Path, layers: Layers) -> Path:
    """Writes a .weights.h5: a group a layer, that bears its name and numbers its variables."""
    with h5py.File(path, "w") as file:
        for number, (layer, weights) in enumerate(layers.items()):
            group = file.create_group(f"layers/layer_{number}/vars")
            group.attrs["name"] = layer
            for index, values in enumerate(weights.values()):
                group.create_dataset(str(index), data=values)
    return path


def keras2_layers(model: Any) -> dict[str, dict[str, np.ndarray]]:
    """Returns the layers of a model as Keras 2 names them; those without weights are listed too."""
    return {
        layer.name: {
            f"{layer.name}/{variable.name}": np.asarray(variable) for variable in layer.weights
        }
        for layer in model.layers
    }
