"""Moves arrays into a model's variables with as few copies as possible.

TensorFlow uses a NumPy array without a copy if it is contiguous and its address is a multiple of 64
bytes. Otherwise it copies each tensor twice, which is most of the time that a load takes.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from kerascnn.lazy import keras, np
from kerascnn.weights.formats.byte_range import ALIGNMENT, aligned

if TYPE_CHECKING:
    import keras
    import numpy as np

BLOCK = 16
"""Columns that `fill` copies at once: 16 values of float32 fill a cache line, so that each line of
the result is written once."""


def packed(array: np.ndarray, dtype: Any) -> np.ndarray:
    """Returns a contiguous, aligned and writable array of a type with the values of `array`.

    This is `array` itself if it fulfils all of that, otherwise a copy.
    """
    numpy_type = np.dtype(dtype)
    in_place = array.flags.c_contiguous and array.ctypes.data % ALIGNMENT == 0
    if in_place and array.dtype == numpy_type and array.flags.writeable:
        return array
    copy = aligned(array.shape, numpy_type)
    if array.flags.c_contiguous or array.ndim < 2:
        np.copyto(copy, array, casting="unsafe")
    else:
        fill(copy, array)
    return copy


def fill(target: np.ndarray, source: np.ndarray) -> None:
    """Copies values block by block, casting them to the target's type.

    This is fast for a source that is a transposed view whose last axis is the first in memory.
    """
    for start in range(0, source.shape[-1], BLOCK):
        block = (..., slice(start, start + BLOCK))
        np.copyto(target[block], source[block], casting="unsafe")


def is_finite(array: np.ndarray) -> bool:
    """Returns whether no value is NaN or infinite."""
    # A finite sum proves that all values are finite. A sum of huge finite values may overflow.
    with np.errstate(over="ignore", invalid="ignore"):
        total = float(np.add.reduce(array, axis=None))
    return math.isfinite(total) or bool(np.isfinite(array).all())


def put(variable: keras.Variable, array: np.ndarray) -> None:
    """Sets a variable to an array of its shape and type, if possible without a copy."""
    handle = _handle(variable)
    if handle is None or not array.size:
        variable.assign(array)
        return
    value = array
    # DLPack does not support some types, such as bfloat16; arrays of these are copied.
    with contextlib.suppress(TypeError, BufferError):
        value = _operations().tensor(array.__dlpack__())
    _operations().assign(resource=handle, value=value, validate_shape=True)


def value_of(variable: keras.Variable) -> Any:
    """Returns a variable's current value, which later assignments do not change.

    On TensorFlow it is not a copy, since an assignment gives the variable another buffer.
    """
    handle = _handle(variable)
    if handle is None:
        return keras.ops.copy(variable)
    return _operations().read(resource=handle, dtype=variable.value.dtype)


def _handle(variable: keras.Variable) -> Any:
    """Returns TensorFlow's handle of a variable; None on other backends and if distributed."""
    if keras.backend.backend() != "tensorflow":
        return None
    value = variable.value
    return None if isinstance(value, _operations().distributed) else value.handle


class _Operations(NamedTuple):
    """TensorFlow's operations on variables, which take half the time of Keras's."""

    tensor: Callable[[Any], Any]
    assign: Callable[..., None]
    read: Callable[..., Any]
    distributed: type


@functools.cache
def _operations() -> _Operations:
    import tensorflow as tf

    return _Operations(
        tf.experimental.dlpack.from_dlpack,
        tf.raw_ops.AssignVariableOp,
        tf.raw_ops.ReadVariableOp,
        tf.distribute.DistributedValues,
    )
