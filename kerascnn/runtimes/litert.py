"""Opens LiteRT files and runs them."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.lazy import np, tf

if TYPE_CHECKING:
    import numpy.typing as npt


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
