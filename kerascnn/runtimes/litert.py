"""Opens LiteRT (TensorFlow Lite) files."""

from __future__ import annotations

import threading
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from kerascnn.fileio.untrusted import named, open_regular, reading
from kerascnn.lazy import np, tf
from kerascnn.runtimes.artifact import Artifact, require_one_image_input
from kerascnn.runtimes.available import processor_count
from kerascnn.runtimes.contract import LITERT_METADATA
from kerascnn.runtimes.metadata import LARGEST_FILE, read_metadata_stream, refuse_large
from kerascnn.runtimes.quiet import quiet_stderr

if TYPE_CHECKING:
    from kerascnn.runtimes.artifact import Array


def open_artifact(path: Path, *, threads: int | None = None) -> Artifact:
    """Opens a LiteRT file, on the CPU; quantized inputs and outputs are converted.

    It runs in LiteRT, or in TensorFlow's copy of it when LiteRT is not installed.

    Args:
        path: the file.
        threads: to compute with; None uses all processors.

    Raises:
        DamagedFileError: it is truncated or corrupt.
        MismatchError: it does not take one batch of images.
    """
    with open_regular(path, limit=LARGEST_FILE) as stream:
        metadata = _metadata_in(stream, named(path))
        stream.seek(0)
        content = stream.read()
    with reading(f"{named(path)} is no complete LiteRT file"):
        return replace(_load(content, threads), metadata=metadata)


def read_metadata(path: Path) -> dict[str, Any]:
    """Returns the metadata, a zip archive behind the model, without loading the model.

    Raises:
        DamagedFileError: the metadata is damaged.
    """
    with open_regular(path, limit=LARGEST_FILE) as stream:
        return _metadata_in(stream, named(path))


def _metadata_in(stream: IO[bytes], name: str) -> dict[str, Any]:
    with reading(f"the metadata of {name} is damaged"):
        if not zipfile.is_zipfile(stream):
            return {}
        with zipfile.ZipFile(stream) as archive:
            if LITERT_METADATA not in archive.namelist():
                return {}
            refuse_large(archive.getinfo(LITERT_METADATA).file_size, name)
            with archive.open(LITERT_METADATA) as entry:
                return dict(read_metadata_stream(entry, name))


def _load(content: bytes, threads: int | None) -> Artifact:
    interpreter = _interpreter(content, threads or processor_count())
    inputs = interpreter.get_input_details()
    require_one_image_input(
        [(entry["name"], entry["dtype"], entry["shape_signature"]) for entry in inputs]
    )
    (image,), output = inputs, interpreter.get_output_details()[0]
    lock = threading.Lock()
    allocated_shape: tuple[int, ...] = ()

    def run(batch: Array) -> Array:
        nonlocal allocated_shape
        with lock:
            if allocated_shape != batch.shape:
                interpreter.resize_tensor_input(image["index"], batch.shape)
                interpreter.allocate_tensors()
                allocated_shape = batch.shape
            interpreter.set_tensor(image["index"], _quantize(batch, image))
            interpreter.invoke()
            return _dequantize(interpreter.get_tensor(output["index"]), output)

    shape = tuple(None if size < 0 else int(size) for size in image["shape_signature"][1:])
    dtype = "float32" if _is_quantized(image) else np.dtype(image["dtype"]).name
    return Artifact("litert", run, shape, dtype)


def _interpreter(content: bytes, threads: int) -> Any:
    """Returns an interpreter of LiteRT, or of TensorFlow when LiteRT is not installed."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        Interpreter = tf.lite.Interpreter
    with warnings.catch_warnings(), quiet_stderr():
        warnings.simplefilter("ignore")  # TensorFlow announces that tf.lite will be removed
        return Interpreter(model_content=content, num_threads=threads)


def _is_quantized(tensor: Any) -> bool:
    return tensor["dtype"] in (np.int8, np.uint8)


def _quantize(values: Array, tensor: Any) -> Array:
    """Returns real numbers in the type and scale of a LiteRT tensor."""
    scale, zero_point = tensor["quantization"]
    if not _is_quantized(tensor) or not scale:
        return values.astype(tensor["dtype"], copy=False)
    limits = np.iinfo(tensor["dtype"])
    rounded = np.round(values / scale + zero_point)
    return np.clip(rounded, limits.min, limits.max).astype(tensor["dtype"])


def _dequantize(values: Array, tensor: Any) -> Array:
    """Returns the real numbers that the values of a LiteRT tensor stand for."""
    scale, zero_point = tensor["quantization"]
    if not _is_quantized(tensor) or not scale:
        return values
    return (values.astype(np.float32) - zero_point) * np.float32(scale)
