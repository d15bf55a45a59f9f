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
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.errors import DamagedFileError, MismatchError, UsageError
from kerascnn.fileio.atomic import atomic_file
from kerascnn.fileio.untrusted import named, reading
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.lazy import keras, np
from kerascnn.models.build import build_model
from kerascnn.models.planning import plan
from kerascnn.models.registry import model_info
from kerascnn.models.request import ARGUMENTS, Request, provenance
from kerascnn.models.signature import adopted_preprocessing
from kerascnn.version import __version__
from kerascnn.weights import file_metadata
from kerascnn.weights.axis_order import fits
from kerascnn.weights.expected_shapes import expected
from kerascnn.weights.formats import safetensors_file
from kerascnn.weights.formats.archive import METADATA_MEMBER
from kerascnn.weights.formats.checkpoint import Checkpoint, naming, open_checkpoint
from kerascnn.weights.formats.hdf5_file import METADATA_NAME
from kerascnn.weights.load import load_open
from kerascnn.weights.match_names import match_layout
from kerascnn.weights.name_maps.types import OURS

if TYPE_CHECKING:
    import keras
    import numpy as np

SUFFIXES = (".weights.h5", ".safetensors", ".npz")
SAFETENSORS_TYPES = {dtype: name for name, dtype in safetensors_file.DTYPES.items()}
WRITTEN = ("float32", "float16", "float64", "bfloat16")
"""What the weights of a network are; other arrays have other types too."""
NOT_RECORDED = ("weights", "input_tensor", "name")
"""Arguments of a builder that no file may choose."""


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
        preprocessing: how images get into the model; when None, what its weights came with, or else
            the row's own.

    Returns:
        The path.

    Raises:
        UsageError: another suffix, the number of names is not the number of classes, or the model
            has models inside.
        OutputError: the file cannot be written.
    """
    path = Path(path)
    suffix = next((one for one in SUFFIXES if path.name.endswith(one)), None)
    if suffix is None:
        raise UsageError(f"{named(path)} must end in {', '.join(SUFFIXES)}")
    classes = model.output_shape[-1] if not isinstance(model.output_shape, dict) else None
    if class_names is not None and classes is not None and len(class_names) != classes:
        raise UsageError(f"{len(class_names)} class names for a model of {classes} classes")
    arrays = _arrays(model)
    if suffix == ".npz":  # whose format has no bfloat16
        arrays = {name: _plain(array) for name, array in arrays.items()}
    metadata = _metadata(model, arrays, class_names, preprocessing)
    with atomic_file(path) as temporary:
        if suffix == ".weights.h5":
            _write_hdf5(model, temporary, metadata)
        elif suffix == ".npz":
            _write_npz(arrays, temporary, metadata)
        else:
            write_safetensors(arrays, temporary, metadata)
    return path


def _arrays(model: keras.Model) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for layer in model.layers:
        for variable in layer.weights:
            name = f"{layer.name}/{variable.name}"
            if name in found:
                raise UsageError(
                    f"{model.name!r} has two variables called {name!r}: models inside a model are "
                    "saved one by one"
                )
            found[name] = np.asarray(variable)
            if found[name].dtype.name not in WRITTEN:
                raise UsageError(f"{name!r} is of {found[name].dtype}, which is not written here")
    return found


def _plain(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array


def _metadata(
    model: keras.Model,
    arrays: Mapping[str, np.ndarray],
    class_names: Sequence[str] | None,
    preprocessing: Preprocessing | None,
) -> dict[str, str]:
    found: dict[str, Any] = {
        "kerascnn": __version__,
        "keras": keras.__version__,
        file_metadata.DIGESTS: {name: _digest(array) for name, array in arrays.items()},
    }
    origin = provenance(model)
    preprocessing = preprocessing or adopted_preprocessing(model)
    if origin is not None:
        found["row"] = origin.name
        found["arguments"] = origin.arguments
        preprocessing = preprocessing or model_info(origin.name).preprocessing
    if class_names is not None:
        found["class_names"] = list(class_names)
    if preprocessing is not None:
        found["preprocessing"] = preprocessing.to_json()
    return file_metadata.sealed(found)


def _digest(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def _write_hdf5(model: keras.Model, path: Path, metadata: dict[str, str]) -> None:
    import h5py

    model.save_weights(path)
    with h5py.File(path, "r+") as file:
        # An attribute cannot be as long as a thousand digests; an array of bytes can.
        text = json.dumps(metadata).encode()
        file.create_dataset(METADATA_NAME, data=np.frombuffer(text, np.uint8))


def _write_npz(arrays: Mapping[str, Any], path: Path, metadata: dict[str, str]) -> None:
    with path.open("wb") as stream:
        np.savez(stream, **arrays)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(METADATA_MEMBER, json.dumps(metadata))


def write_safetensors(
    arrays: Mapping[str, np.ndarray], path: Path, metadata: dict[str, str]
) -> None:
    """Writes arrays and texts in the safetensors format; `path` is written in place."""
    header: dict[str, Any] = {"__metadata__": metadata}
    position = 0
    for name, array in arrays.items():
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
        for array in arrays.values():
            stream.write(np.ascontiguousarray(array).tobytes())


def load_model(path: str | os.PathLike[str]) -> keras.Model:
    """Builds the network that `save_weights` wrote, from its record and its tensors alone.

    Args:
        path: a file of `save_weights`.

    Returns:
        The model, its weights loaded; `predict` and `evaluate` prepare images as the file says.

    Raises:
        MismatchError: the file has no record of ours, or its tensors are of another network.
        DamagedFileError: a tensor is not the one that was written.
    """
    with open_checkpoint(path) as checkpoint:
        with naming(checkpoint.path):
            row, arguments = _architecture(checkpoint)
            _check_tensors(checkpoint, row, arguments)
            with reading(f"its record describes no {row}"):
                model = build_model(model_info(row), Request.of(arguments))
        load_open(checkpoint, model)
    return model


def _architecture(checkpoint: Checkpoint) -> tuple[str, dict[str, Any]]:
    found = file_metadata.opened(checkpoint.metadata)
    if "row" not in found:
        raise MismatchError(
            f"{named(checkpoint.path)} does not say what network it is of; build one with "
            "create_model and call load_weights"
        )
    row, arguments = found["row"], found.get("arguments")
    if not isinstance(row, str) or not isinstance(arguments, dict):
        raise DamagedFileError("its record is damaged")
    try:
        table_row, taken = model_info(row).row_for(arguments)
    except UsageError as error:
        raise DamagedFileError(f"its record is of another version: {error}") from error
    columns = [column.name for column in fields(table_row)]
    allowed = {*ARGUMENTS, *columns} - set(NOT_RECORDED)
    if not allowed.issuperset(taken):
        raise DamagedFileError(f"its record has arguments that {row} does not have")
    return row, {name: _plain_value(value) for name, value in arguments.items()}


def _plain_value(value: Any) -> Any:
    """Returns a value with tuples, as the tables have them, for JSON's lists.

    A table of JSON is refused: Keras builds an object of any class from one.
    """
    if isinstance(value, dict):
        raise DamagedFileError("its record has arguments that are no numbers and texts")
    return tuple(_plain_value(one) for one in value) if isinstance(value, list) else value


def _check_tensors(checkpoint: Checkpoint, row: str, arguments: dict[str, Any]) -> None:
    """Raises before anything is built when the record asks for more than the file has."""
    try:
        with reading(f"its record describes no {row}"):
            wanted = expected(plan(model_info(row), Request.of(arguments)))
    except (UsageError, MismatchError) as error:
        raise DamagedFileError(f"its record describes no {row}: {error}") from error
    match = match_layout(checkpoint.tensors, wanted, OURS, {name: name for name in wanted})
    agree = not match.missing and not match.unexpected
    for name, key in match.keys.items():
        layer, _, variable = name.rpartition("/")
        shape = wanted[layer].variables[variable]
        agree = agree and fits(
            checkpoint.tensors[key].shape, wanted[layer].kind, variable, shape, "keras"
        )
    if not agree:
        raise DamagedFileError(f"its tensors are not those of the {row} that its record describes")
