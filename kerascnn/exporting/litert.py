"""LiteRT (TensorFlow Lite): float32, float16 and int8, metadata as an archive behind the model."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.errors import MismatchError, UsageError
from kerascnn.exporting.common.network import INPUT, Network
from kerascnn.exporting.common.options import ExportOptions, Job
from kerascnn.exporting.common.quiet import quiet
from kerascnn.lazy import np, tf

if TYPE_CHECKING:
    import numpy.typing as npt

NAME = "litert"
METADATA = "kerascnn.json"
_LARGEST = 2**31 - 2**20


def check(network: Network, options: ExportOptions) -> None:
    """Refuses a network that one flat buffer does not hold."""
    if network.parameter_bytes > _LARGEST:
        raise MismatchError(
            f"the weights take {network.parameter_bytes / 2**30:.1f} GiB, one LiteRT file holds "
            'less than 2; export it with formats=("savedmodel",)'
        )


def write(job: Job, path: Path) -> dict[str, Any]:
    """Writes one file with the signature `serving_default`.

    Raises:
        MismatchError: an operation is none of LiteRT's own.
        UsageError: int8 without real images.
    """
    network, precision = job.network, job.precision
    module = tf.Module()
    module.weights = network.variables
    module.serve = network.function
    concrete = network.function.get_concrete_function()
    with quiet("tensorflow", logging.ERROR), quiet("absl", logging.ERROR), _silence():
        converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)
        if precision != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if precision == "int8":
            converter.representative_dataset = lambda: _representative(job)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.int8
        try:
            content = converter.convert()
        except Exception as error:  # the converter's own class is not public
            lines = [line for line in str(error).splitlines() if line.strip()]
            raise MismatchError(
                f"LiteRT cannot express this network: {lines[-1][:200] if lines else error!r}; "
                'export it with formats=("savedmodel",)'
            ) from error
    path.write_bytes(content)
    with zipfile.ZipFile(path, "a") as archive:
        # A fixed date, so that equal exports are equal bytes.
        entry = zipfile.ZipInfo(METADATA, (1980, 1, 1, 0, 0, 0))
        archive.writestr(entry, json.dumps(job.metadata, indent=2, ensure_ascii=False))
    return {}


def _representative(job: Job) -> Iterator[dict[str, Any]]:
    if not job.calibration:
        raise UsageError("int8 is calibrated with real images, and none are at hand; give samples")
    for image in job.calibration:
        yield {INPUT: image[None]}


def read_metadata(path: Path) -> dict[str, Any]:
    """Returns what `write` was given, without loading the model."""
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read(METADATA))


def open_runtime(path: Path) -> Callable[[npt.NDArray[Any]], npt.NDArray[Any]]:
    """Loads the file in LiteRT, or in TensorFlow's copy of it, as a function of a batch."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says that tf.lite is going to move
            return _runner(tf.lite.Interpreter, path)
    return _runner(Interpreter, path)


def _runner(interpreter_class: Any, path: Path) -> Callable[[Any], Any]:
    with _silence():
        interpreter = interpreter_class(model_path=str(path), num_threads=os.cpu_count() or 1)
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()

    def run(images: npt.NDArray[Any]) -> npt.NDArray[Any]:
        interpreter.resize_tensor_input(taken["index"], images.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(taken["index"], _stored(images, taken))
        interpreter.invoke()
        return _real(np.array(interpreter.get_tensor(given["index"])), given)

    return run


def _stored(values: Any, details: Any) -> Any:
    """Returns real numbers as the model stores them."""
    scale, zero = details["quantization"]
    if details["dtype"] not in (np.int8, np.uint8) or not scale:
        return values.astype(details["dtype"])
    limits = np.iinfo(details["dtype"])
    return np.clip(np.round(values / scale + zero), limits.min, limits.max).astype(details["dtype"])


def _real(values: Any, details: Any) -> Any:
    scale, zero = details["quantization"]
    if details["dtype"] not in (np.int8, np.uint8) or not scale:
        return values.astype(np.float32)
    return (values.astype(np.float32) - zero) * np.float32(scale)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keeps what the converter's C++ part prints on standard error from the user's screen."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with tempfile.TemporaryFile() as sink:
            os.dup2(sink.fileno(), 2)
            yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
