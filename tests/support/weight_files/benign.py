"""Good files of weights for LeNet-5 in every container; the hostile ones are these, changed."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from kerascnn.weights.file_metadata import sealed
from support.weight_files.keras_files import write_keras2
from support.weight_files.torch_files import state_dict, write_old, write_zip

SHAPES = {
    "c1": {"kernel": (5, 5, 1, 6), "bias": (6,)},
    "c3": {"kernel": (5, 5, 6, 16), "bias": (16,)},
    "c5": {"kernel": (5, 5, 16, 120), "bias": (120,)},
    "f6": {"kernel": (120, 84), "bias": (84,)},
    "predictions": {"kernel": (84, 10), "bias": (10,)},
}
"""LeNet-5's variables."""


def layers() -> dict[str, dict[str, np.ndarray]]:
    """Returns the values that every good file holds, by layer and variable."""
    random = np.random.default_rng(0)
    return {
        layer: {name: random.normal(size=shape).astype("f4") for name, shape in variables.items()}
        for layer, variables in SHAPES.items()
    }


def flat() -> dict[str, np.ndarray]:
    """Returns the same by "layer/variable"."""
    return {
        f"{layer}/{v}": value for layer, inner in layers().items() for v, value in inner.items()
    }


def write_keras3(path: Path) -> Path:
    """Writes .weights.h5 as Keras 3 does."""
    with h5py.File(path, "w") as file:
        file.create_group("vars")
        for number, (layer, variables) in enumerate(layers().items()):
            kind = "dense" if layer in ("f6", "predictions") else "conv2d"
            group = file.create_group(f"layers/{kind}_{number}/vars")
            group.attrs["name"] = layer
            for index, values in enumerate(variables.values()):
                group[str(index)] = values
    return path


def write_legacy(path: Path, config: Any = None) -> Path:
    """Writes .h5 as Keras 2 does."""
    named = {
        layer: {f"{layer}/{name}": variable for name, variable in variables.items()}
        for layer, variables in layers().items()
    }
    return write_keras2(path, named, config=config)


def write_keras(path: Path, config: bytes | None = None) -> Path:
    """Writes a .keras file, its configuration given or nearly empty."""
    weights = write_keras3(path.with_suffix(".inside.h5"))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
        archive.writestr("config.json", config or json.dumps({"class_name": "Functional"}))
        archive.write(weights, "model.weights.h5")
    weights.unlink()
    return path


def safetensors(
    tensors: dict[str, np.ndarray] | None = None, metadata: dict[str, str] | None = None
) -> bytes:
    """Returns a safetensors file; without arguments the good one."""
    header: dict[str, Any] = {"__metadata__": metadata} if metadata is not None else {}
    data = b""
    for name, values in (flat() if tensors is None else tensors).items():
        end = len(data) + values.nbytes
        offsets = [len(data), end]
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": offsets}
        data += values.tobytes()
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def write_safetensors(path: Path) -> Path:
    path.write_bytes(safetensors())
    return path


def write_npz(path: Path) -> Path:
    np.savez(path, **flat())
    return path


def write_packed_npz(path: Path) -> Path:
    np.savez_compressed(path, **flat())
    return path


def write_npz_of_ours(path: Path) -> Path:
    """Writes .npz with a record, as `save_weights` does."""
    write_npz(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("kerascnn.json", json.dumps(sealed({"row": "lenet5", "arguments": {}})))
    return path


def write_torch(path: Path) -> Path:
    return write_zip(path, state_dict(flat()))


def write_old_torch(path: Path) -> Path:
    return write_old(path, state_dict(flat()))


def write_onnx(path: Path) -> Path:
    import onnx
    from onnx import helper, numpy_helper

    value = [helper.make_tensor_value_info("x", 1, [1])]
    tensors = [numpy_helper.from_array(values, name) for name, values in flat().items()]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["x2"])], "g", value, [], tensors
    )
    onnx.save(helper.make_model(graph), path)
    return path


GOOD: dict[str, Callable[[Path], Path]] = {
    "good.weights.h5": write_keras3,
    "good.h5": write_legacy,
    "whole.h5": lambda path: write_legacy(path, {"class_name": "Functional", "config": {}}),
    "good.keras": write_keras,
    "good.safetensors": write_safetensors,
    "good.npz": write_npz,
    "packed.npz": write_packed_npz,
    "ours.npz": write_npz_of_ours,
    "good.pth": write_torch,
    "old.pth": write_old_torch,
    "good.onnx": write_onnx,
}
"""File name -> what writes it."""
