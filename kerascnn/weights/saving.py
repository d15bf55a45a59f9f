"""`save_weights` and `load_model`: tensors by name, and the record that rebuilds the network.

A file holds arrays and texts, never objects: the architecture comes from the registry when it is
read. The SHA-256 of every tensor lies beside it, so that a flipped bit is found and named.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn import __version__
from kerascnn.assemble import provenance
from kerascnn.errors import DamagedFileError, MismatchError, UsageError
from kerascnn.files import atomic_file
from kerascnn.lazy import keras, np
from kerascnn.preprocessing import Preprocessing
from kerascnn.registry import create_model
from kerascnn.weights.checkpoint import Checkpoint, open_checkpoint
from kerascnn.weights.loading import load_weights
from kerascnn.weights.readers.archive import METADATA_MEMBER
from kerascnn.weights.readers.hdf5_file import METADATA_ATTRIBUTE

if TYPE_CHECKING:
    import keras
    import numpy as np

SUFFIXES = (".weights.h5", ".safetensors", ".npz")
SAFETENSORS_TYPES = {"float32": "F32", "float16": "F16", "float64": "F64", "bfloat16": "BF16"}


def save_weights(
    model: keras.Model,
    path: str | os.PathLike[str],
    *,
    class_names: Sequence[str] | None = None,
    preprocessing: Preprocessing | None = None,
) -> Path:
    """Writes a model's weights by name, with what it takes to build the model again.

    Args:
        model: a model of `create_model`; of others the tensors are written without a record.
        path: ends in .weights.h5 (which Keras loads too), .safetensors or .npz. An older file is
            replaced when the new one is complete.
        class_names: one for each class, to be found again by `load_model`.
        preprocessing: how images get into the model; the row's own when None.

    Returns:
        The path.

    Raises:
        UsageError: another suffix, or the number of names is not the number of classes.
        OutputError: the file cannot be written.
    """
    path = Path(path)
    suffix = next((one for one in SUFFIXES if path.name.endswith(one)), None)
    if suffix is None:
        raise UsageError(f"{path} must end in {', '.join(SUFFIXES)}")
    classes = model.output_shape[-1] if not isinstance(model.output_shape, dict) else None
    if class_names is not None and classes is not None and len(class_names) != classes:
        raise UsageError(f"{len(class_names)} class names for a model of {classes} classes")
    variables = {
        f"{layer.name}/{variable.name}": variable
        for layer in model.layers
        for variable in layer.weights
        if "seed_generator" not in variable.path
    }
    metadata = _metadata(model, variables, class_names, preprocessing)
    with atomic_file(path) as temporary:
        if suffix == ".weights.h5":
            _write_hdf5(model, temporary, metadata)
        elif suffix == ".npz":
            _write_npz(variables, temporary, metadata)
        else:
            _write_safetensors(variables, temporary, metadata)
    return path


def _metadata(
    model: keras.Model,
    variables: Mapping[str, Any],
    class_names: Sequence[str] | None,
    preprocessing: Preprocessing | None,
) -> dict[str, str]:
    digests = {name: _digest(np.asarray(variable)) for name, variable in variables.items()}
    found: dict[str, Any] = {
        "kerascnn": __version__,
        "keras": keras.__version__,
        "digests": digests,
    }
    origin = provenance(model)
    if origin is not None:
        found["row"] = origin.name
        found["arguments"] = origin.arguments
    if class_names is not None:
        found["class_names"] = list(class_names)
    if preprocessing is not None:
        found["preprocessing"] = preprocessing.to_json()
    return {key: json.dumps(value) for key, value in found.items()}


def _digest(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def _write_hdf5(model: keras.Model, path: Path, metadata: dict[str, str]) -> None:
    import h5py

    model.save_weights(path)
    # "latest" lets an attribute be larger than 64 KiB, which a thousand digests are.
    with h5py.File(path, "r+", libver="latest") as file:
        file.attrs[METADATA_ATTRIBUTE] = json.dumps(metadata)


def _write_npz(variables: Mapping[str, Any], path: Path, metadata: dict[str, str]) -> None:
    with path.open("wb") as stream:
        np.savez(stream, **{name: np.asarray(variable) for name, variable in variables.items()})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(METADATA_MEMBER, json.dumps(metadata))


def _write_safetensors(variables: Mapping[str, Any], path: Path, metadata: dict[str, str]) -> None:
    header: dict[str, Any] = {"__metadata__": metadata}
    position = 0
    for name, variable in variables.items():
        array = np.asarray(variable)
        end = position + array.nbytes
        header[name] = {
            "dtype": SAFETENSORS_TYPES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [position, end],
        }
        position = end
    text = json.dumps(header).encode("utf-8")
    text += b" " * (-len(text) % 8)  # tensors then begin at a multiple of eight, as the format asks
    with path.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for variable in variables.values():
            stream.write(np.ascontiguousarray(np.asarray(variable)).tobytes())


def load_model(path: str | os.PathLike[str]) -> keras.Model:
    """Builds the network that `save_weights` wrote, from its record and its tensors alone.

    Args:
        path: a file of `save_weights`.

    Returns:
        The model, its weights loaded.

    Raises:
        MismatchError: the file has no record of ours; build the model and use `load_weights`.
        DamagedFileError: a tensor is not the one that was written.
    """
    with open_checkpoint(path) as checkpoint:
        row, arguments = _record(checkpoint)
    model = create_model(row, **arguments)
    load_weights(model, path)
    return model


def _record(checkpoint: Checkpoint) -> tuple[str, dict[str, Any]]:
    metadata = checkpoint.metadata
    if "row" not in metadata:
        raise MismatchError(
            f"{checkpoint.path} does not say what network it is of; build one with create_model and "
            "call load_weights"
        )
    try:
        row, arguments = json.loads(metadata["row"]), json.loads(metadata["arguments"])
    except (KeyError, ValueError, RecursionError) as error:
        raise DamagedFileError(f"{checkpoint.path}: its record is damaged") from error
    if not isinstance(row, str) or not isinstance(arguments, dict):
        raise DamagedFileError(f"{checkpoint.path}: its record is damaged")
    shape = arguments.get("input_shape")
    if isinstance(shape, list):
        arguments["input_shape"] = tuple(shape)
    return row, arguments
