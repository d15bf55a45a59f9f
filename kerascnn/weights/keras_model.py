"""`read_keras_model`: builds the model of a .keras file, which is read as data.

A network that this package built is built again from the registry. Any other is built by Keras from
a configuration that `keras_config` has checked and written anew. Its arrays are counted before
memory is reserved for them, and Keras reads them from a copy that this module writes.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.errors import DamagedFileError, KerasCNNError, OutputError, UnsafeFileError
from kerascnn.fileio.untrusted import open_regular, quoted, reading
from kerascnn.lazy import keras
from kerascnn.models.adopted import adopt_unknown
from kerascnn.models.build import build_model
from kerascnn.models.identity import record_of
from kerascnn.models.images_and_classes import attach
from kerascnn.models.planning import plan
from kerascnn.models.registry import model_info
from kerascnn.models.request import Request
from kerascnn.weights.buffers import is_finite
from kerascnn.weights.expected_shapes import expected
from kerascnn.weights.fit import FLOATS
from kerascnn.weights.formats import keras_arrays, keras_config
from kerascnn.weights.formats.archive import KERAS_CONFIG, KERAS_WEIGHTS
from kerascnn.weights.formats.byte_range import Region, as_floats, volume
from kerascnn.weights.formats.checkpoint import naming
from kerascnn.weights.formats.keras_arrays import KerasArrays, StoredArray
from kerascnn.weights.formats.zipped import Zipped
from kerascnn.weights.recorded import recorded_network

if TYPE_CHECKING:
    import keras

MAXIMUM_OUTPUT = 2**31
"""Values that one layer may give for one image."""
MAXIMUM_LAYERS = 2_000
"""Layers of a network beside one for each of its arrays; each takes 16 KiB while it is planned."""
FEATURES = "kerascnn>Features"
"""Registered name of the layer of our networks whose configuration records the network."""
RECORD = "kerascnn"
"""Key of that record in the layer's `build_config`."""

Shapes = Counter[tuple[int, ...]]


@dataclass(frozen=True)
class KerasFile:
    """The checked contents of an open .keras file; the values of its arrays are not read yet.

    Args:
        config: the model's configuration, as `keras_config.checked` returns it.
        contents: the arrays of the file.
    """

    config: dict[str, Any]
    contents: KerasArrays


def read_keras_model(path: str | os.PathLike[str], *, compiled: bool = True) -> keras.Model:
    """Builds the model of a .keras file and loads its arrays; runs no code of the file.

    Args:
        path: a file that Keras 3 wrote with `model.save`.
        compiled: compile the model as the file says, and load the state of its optimizer.

    Returns:
        The model; for a network of this package with its preprocessing and class names.

    Raises:
        DataError: there is no such regular file.
        DamagedFileError: it is truncated or corrupt, or does not hold the arrays of its network.
        UnsafeFileError: its configuration names anything but layers, losses, metrics and optimizers
            of Keras and of this package, or it has links or claims of absurd size.
        OutputError: the temporary directory has no space for a copy of the arrays.
    """
    path = Path(path)
    with open_keras_file(path) as file, naming(path), reading("it cannot be read"):
        if not compiled:
            file.config.pop("compile_config", None)
        model = _rebuilt(file)
        with _copied(file) as directory:
            if model is None:
                _check_arrays(file, directory)
                model = keras.saving.load_model(directory, compile=compiled)
                if record_of(model) is None:
                    adopt_unknown(model)
                attach(model)
                return model
            if "compile_config" in file.config:
                model.compile_from_config(file.config["compile_config"])
            model.load_weights(directory / KERAS_WEIGHTS)
        return model


@contextlib.contextmanager
def open_keras_file(path: Path) -> Iterator[KerasFile]:
    """Opens a .keras file and checks its archive, its configuration and its checksums.

    Args:
        path: the file; its arrays can be read as long as the `with` block lasts.

    Raises: as `read_keras_model`.
    """
    with open_regular(path) as stream:
        descriptor = stream.fileno()
        with naming(path), reading("it cannot be read"):
            archive = Zipped(Region(descriptor, 0, os.fstat(descriptor).st_size))
            for member in (KERAS_CONFIG, KERAS_WEIGHTS):
                if member not in archive.members:
                    raise DamagedFileError(f"it is not a complete .keras file: it has no {member}")
            text = archive.extract(KERAS_CONFIG, keras_config.LIMIT)
            config = keras_config.checked(text, KERAS_CONFIG)
            archive.check_sums()
            file = KerasFile(config, keras_arrays.read(archive.view(KERAS_WEIGHTS)))
        yield file


def refusal(path: Path) -> KerasCNNError | None:
    """Returns the error that `read_keras_model` raises before it builds anything, or None."""
    try:
        with open_keras_file(path):
            return None
    except KerasCNNError as error:
        return error


def _rebuilt(file: KerasFile) -> keras.Model | None:
    """Returns the network that the file records, built from the registry, with new weights.

    None if it records none, or if that network is not exactly what the configuration describes: a
    layer may have been changed since it was built.
    """
    features = _features(file.config)
    record = None if features is None else features["build_config"][RECORD]
    if features is None or not isinstance(record, dict):
        return None
    try:
        with reading("its record cannot be read"):
            row, arguments = recorded_network(record.get("row"), record.get("arguments"))
            variant, request = model_info(row), Request.of(arguments)
            layers = expected(plan(variant, request))
    except KerasCNNError:  # of another version of this package, or damaged
        return None
    shapes = Counter(shape for layer in layers.values() for shape in layer.variables.values())
    if shapes != file.contents.weight_shapes():
        return None
    model = build_model(variant, request, name=file.config["config"].get("name"))
    if _comparable(_configuration(model)) != _comparable(file.config):
        return None
    model.get_layer(features["name"]).build_from_config(features["build_config"])
    return model


def _features(config: dict[str, Any]) -> dict[str, Any] | None:
    """Returns the configuration of the layer with the record of the network, or None."""
    for layer in config["config"].get("layers", ()):
        if layer.get("registered_name") == FEATURES and RECORD in layer.get("build_config", {}):
            return layer
    return None


def _configuration(model: keras.Model) -> dict[str, Any]:
    """Returns a model's configuration in the form of `keras_config.checked`."""
    text = json.dumps(keras.saving.serialize_keras_object(model))
    return keras_config.checked(text.encode(), KERAS_CONFIG)


def _comparable(value: Any) -> Any:
    """Returns a configuration without shapes, which follow from it, and numbers of shared objects.

    Layers share the object of their type; Keras numbers it by its address in memory.
    """
    if isinstance(value, dict):
        kept = value.keys() - {"build_config", "compile_config", "shared_object_id"}
        return {key: _comparable(value[key]) for key in kept}
    return [_comparable(item) for item in value] if isinstance(value, list) else value


def _check_arrays(file: KerasFile, directory: Path) -> None:
    """Raises DamagedFileError unless the file has the arrays of its network.

    The network is planned first, in a thread of its own: within a `StatelessScope`, Keras reserves
    no memory for variables. Leaving the scope would initialise them, so the thread ends inside it.

    Args:
        file: the file.
        directory: the copy of it.
    """
    layers, arrays = sum(1 for _ in _layers(file.config)), len(file.contents.arrays)
    if layers > MAXIMUM_LAYERS + arrays:
        raise UnsafeFileError(f"it describes {layers:,} layers and has only {arrays:,} arrays")
    # Keras visits the layers by recursion; see `build_model`.
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 1000 + layers))
    try:
        with ThreadPoolExecutor(1, thread_name_prefix="plan") as thread:
            declared = thread.submit(_declared_shapes, directory).result()
    except (KerasCNNError, MemoryError):
        raise
    except Exception as error:  # Keras raises any class of exception for arguments that are wrong
        raise DamagedFileError(
            f"Keras {keras.__version__} cannot build the network of its {KERAS_CONFIG} with its "
            f"arrays: {_reason(error)}"
        ) from error
    stored = file.contents.weight_shapes()
    if declared != stored:
        total = sum(volume(shape) * count for shape, count in declared.items())
        here = sum(volume(shape) * count for shape, count in stored.items())
        raise DamagedFileError(
            f"its configuration describes a network of {total:,} values in {declared.total():,} "
            f"arrays, and it has other arrays: {here:,} values in {stored.total():,}; save it again"
        )


def _reason(error: Exception) -> str:
    """Returns the cause in a message of Keras, which has a configuration or a list before it."""
    cause = str(error).rpartition("Exception encountered: ")[2].strip()
    if cause.startswith("A total of"):
        cause = cause.partition("\n\n")[2].strip()
    return cause.splitlines()[0][:160] if cause else type(error).__name__


def _layers(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yields the configurations of all layers, those of models inside included."""
    for layer in config.get("config", {}).get("layers", ()):
        yield layer
        yield from _layers(layer)


def _declared_shapes(directory: Path) -> Shapes:
    """Returns the shapes of the weights of the model in a directory; call it in a new thread.

    Keras compares each of them with the file's array.
    """
    keras.StatelessScope().__enter__()
    model = keras.saving.load_model(directory, compile=False)
    for layer in model.layers:
        with contextlib.suppress(AttributeError, ValueError):  # a layer that is used several times
            for tensor in keras.tree.flatten(layer.output):
                if volume([side or 1 for side in tensor.shape[1:]]) > MAXIMUM_OUTPUT:
                    raise UnsafeFileError(
                        f"its layer {quoted(layer.name)} gives absurdly many values"
                    )
    return Counter(tuple(weight.shape) for weight in model.weights)


@contextlib.contextmanager
def _copied(file: KerasFile) -> Iterator[Path]:
    """Writes configuration and arrays to a temporary directory that Keras reads as a model.

    The HDF5 library, which is not safe for untrusted files, so reads only what was written here.
    """
    import h5py

    with tempfile.TemporaryDirectory(prefix="kerascnn-") as name:
        directory = Path(name)
        try:
            (directory / KERAS_CONFIG).write_text(json.dumps(file.config), "utf-8")
            with h5py.File(directory / KERAS_WEIGHTS, "w") as target:
                for path, texts in file.contents.groups.items():
                    group = target.require_group(path or "/")
                    group.attrs.update(texts)
                for path, array in file.contents.arrays.items():
                    _copy(target, path, array)
        except OSError as error:
            raise OutputError(
                f"cannot write a copy of the arrays to {directory}: {error}; set TMPDIR to a "
                "directory with more space"
            ) from error
        yield directory


def _copy(target: Any, path: str, stored: StoredArray) -> None:
    raw = stored.raw()
    checked = stored.dtype in FLOATS and keras_arrays.is_weight(path)
    if checked and not is_finite(as_floats(raw, stored.dtype)):
        raise DamagedFileError(f"its tensor {quoted(path)} has a value that is not finite")
    if stored.dtype != "bfloat16":
        target.create_dataset(path, data=raw)
        return
    import ml_dtypes

    data = target.create_dataset(path, data=raw.view(ml_dtypes.bfloat16))
    data.attrs["dtype"] = "bfloat16"
