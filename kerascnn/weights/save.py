"""`save_weights` writes tensors and a record of the network; `load_model` builds it again.

A file holds arrays and texts, never objects: `load_model` takes the architecture from the registry.
The record has the SHA-256 of every tensor, so that a changed bit is detected.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.errors import DamagedFileError, MismatchError, UsageError
from kerascnn.fileio.atomic import atomic_file
from kerascnn.fileio.untrusted import named, reading
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.lazy import keras, np
from kerascnn.models.adopted import Known, adopted_class_names, weights_preprocessing
from kerascnn.models.build import build_model
from kerascnn.models.planning import plan
from kerascnn.models.provenance import provenance
from kerascnn.models.registry import model_info
from kerascnn.models.request import Request
from kerascnn.version import __version__
from kerascnn.weights import file_metadata
from kerascnn.weights.axis_order import fits
from kerascnn.weights.expected_shapes import expected
from kerascnn.weights.formats import safetensors_file
from kerascnn.weights.formats.archive import METADATA_MEMBER
from kerascnn.weights.formats.checkpoint import Checkpoint, naming, open_checkpoint
from kerascnn.weights.formats.hdf5_file import METADATA_NAME
from kerascnn.weights.load import load_open
from kerascnn.weights.match_names import match_layout, own_names
from kerascnn.weights.name_maps.layout import OURS
from kerascnn.weights.recorded import recorded_network

if TYPE_CHECKING:
    import keras
    import numpy as np

SUFFIXES = (".weights.h5", ".safetensors", ".npz")
SAFETENSORS_TYPES = {dtype: name for name, dtype in safetensors_file.DTYPES.items()}
WEIGHT_TYPES = ("float32", "float16", "float64", "bfloat16")
"""Types that `save_weights` writes; `write_safetensors` writes integers too."""


def save_weights(
    model: keras.Model,
    path: str | os.PathLike[str],
    *,
    class_names: Sequence[str] | None = None,
    preprocessing: Preprocessing | None = None,
) -> Path:
    """Writes a model's weights by name, with a record from which `load_model` builds the model.

    Args:
        model: a model of `create_model`; for other models, no record is written.
        path: the file, whose name ends in .weights.h5 (which Keras loads too), .safetensors or
            .npz. An existing file is replaced when the new one is complete.
        class_names: a name for each class, for `load_model`; by default those of the weights.
        preprocessing: the preprocessing that the model needs; by default that of the weights. If
            nothing tells that, the file does not either.

    Returns:
        The path.

    Raises:
        UsageError: the suffix is another, the number of names is not the number of classes, or the
            model contains other models.
        OutputError: the file cannot be written.
    """
    path = Path(path)
    suffix = next((suffix for suffix in SUFFIXES if path.name.endswith(suffix)), None)
    if suffix is None:
        raise UsageError(f"{named(path)} must end in one of {', '.join(SUFFIXES)}")
    classes = model.output_shape[-1] if not isinstance(model.output_shape, dict) else None
    if class_names is not None and classes is not None and len(class_names) != classes:
        raise UsageError(f"{len(class_names)} class names for a model of {classes} classes")
    arrays = _arrays(model)
    if suffix == ".npz":
        arrays = {name: _without_bfloat16(array) for name, array in arrays.items()}
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
    arrays: dict[str, np.ndarray] = {}
    for layer in model.layers:
        for variable in layer.weights:
            name = f"{layer.name}/{variable.name}"
            if name in arrays:
                raise UsageError(
                    f"{model.name!r} has two variables called {name!r}; save each of the models "
                    "inside it separately"
                )
            arrays[name] = np.asarray(variable)
            if arrays[name].dtype.name not in WEIGHT_TYPES:
                raise UsageError(
                    f"{name!r} has type {arrays[name].dtype}; only {', '.join(WEIGHT_TYPES)} can "
                    "be saved"
                )
    return arrays


def _without_bfloat16(array: np.ndarray) -> np.ndarray:
    """Returns bfloat16 values, which .npz does not support, as float32; others unchanged."""
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array


def _metadata(
    model: keras.Model,
    arrays: Mapping[str, np.ndarray],
    class_names: Sequence[str] | None,
    preprocessing: Preprocessing | None,
) -> dict[str, str]:
    digests = {name: file_metadata.tensor_digest(array) for name, array in arrays.items()}
    record: dict[str, Any] = {
        "kerascnn": __version__,
        "keras": keras.__version__,
        file_metadata.DIGESTS: digests,
    }
    origin = provenance(model)
    known = weights_preprocessing(model) if preprocessing is None else Known(preprocessing, False)
    if origin is not None:
        record["row"] = origin.name
        record["arguments"] = origin.arguments
    class_names = adopted_class_names(model) if class_names is None else class_names
    if class_names is not None:
        record["class_names"] = list(class_names)
    if known is not None:
        record["preprocessing"] = known.preprocessing.to_json()
        record["preprocessing_exact"] = known.exact
    return file_metadata.sealed(record)


def _write_hdf5(model: keras.Model, path: Path, metadata: dict[str, str]) -> None:
    import h5py

    model.save_weights(path)
    with h5py.File(path, "r+") as file:
        # An attribute of HDF5 is too short for a thousand digests; an array of bytes is not.
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
    """Writes arrays and texts to `path` in the safetensors format; an error leaves part of it."""
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
    text += b" " * (-len(text) % 8)  # the format requires that tensors begin at a multiple of eight
    with path.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for array in arrays.values():
            stream.write(np.ascontiguousarray(array).tobytes())


def load_model(path: str | os.PathLike[str]) -> keras.Model:
    """Builds a model from a file of `save_weights` and loads its weights.

    Args:
        path: a file that `save_weights` wrote.

    Returns:
        The model with its weights; `predict` and `evaluate` use the preprocessing of the file.

    Raises:
        MismatchError: the file has no record of the network, or the tensors of another network.
        DamagedFileError: the record or a tensor has changed since it was written.
    """
    with open_checkpoint(path) as checkpoint:
        with naming(checkpoint.path):
            row, arguments = _architecture(checkpoint)
            _check_tensors(checkpoint, row, arguments)
            with reading(f"its record does not describe a {row}"):
                model = build_model(model_info(row), Request.of(arguments))
        load_open(checkpoint, model)
    return model


def _architecture(checkpoint: Checkpoint) -> tuple[str, dict[str, Any]]:
    """Returns the row and the builder's arguments that the file records."""
    record = file_metadata.opened(checkpoint.metadata)
    if "row" not in record:
        raise MismatchError(
            f"{named(checkpoint.path)} does not say what network it is of; build one with "
            "create_model and call load_weights"
        )
    return recorded_network(record["row"], record.get("arguments"))


def _check_tensors(checkpoint: Checkpoint, row: str, arguments: dict[str, Any]) -> None:
    """Raises DamagedFileError if the tensors are not those of the network that is recorded.

    This is checked before the network is built, so that a file cannot ask for a huge network.
    """
    fault = f"its record does not describe a {row}"
    try:
        with reading(fault):
            request = replace(Request.of(arguments), prefix="")
            layers = expected(plan(model_info(row), request))
    except (UsageError, MismatchError) as error:
        raise DamagedFileError(f"{fault}: {error}") from error
    names = own_names(checkpoint.tensors, list(layers), arguments.get("prefix", ""))
    match = match_layout(checkpoint.tensors, layers, OURS, names)
    agree = not match.missing and not match.unexpected
    for name, key in match.keys.items():
        layer, _, variable = name.rpartition("/")
        shape = layers[layer].variables[variable]
        agree = agree and fits(
            checkpoint.tensors[key].shape, layers[layer].kind, variable, shape, "keras"
        )
    if not agree:
        raise DamagedFileError(f"its tensors are not those of the {row} that its record describes")
