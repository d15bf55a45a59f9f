"""Arrays on their way into a model's variables, copied no more than needed.

TensorFlow takes over a NumPy array without a copy when it is contiguous and lies at a multiple of
64 bytes; otherwise each tensor is copied twice more, which is most of the time that a load takes.
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
"""Columns that are moved at once when the last axis becomes the first: a cache line of float32, so
that each line of the result is written whole while it is in the cache."""


def packed(array: np.ndarray, dtype: Any) -> np.ndarray:
    """Returns the values in a type, contiguous and aligned; the array itself where it is so."""
    kind = np.dtype(dtype)
    placed = array.flags.c_contiguous and array.ctypes.data % ALIGNMENT == 0
    if placed and array.dtype == kind and array.flags.writeable:
        return array
    made = aligned(array.shape, kind)
    if array.flags.c_contiguous or array.ndim < 2:
        np.copyto(made, array, casting="unsafe")
    else:
        fill(made, array)
    return made


def fill(made: np.ndarray, array: np.ndarray) -> None:
    """Copies values whose last axis was the first where they come from, cast as needed."""
    for start in range(0, array.shape[-1], BLOCK):
        part = (..., slice(start, start + BLOCK))
        np.copyto(made[part], array[part], casting="unsafe")


def is_finite(array: np.ndarray) -> bool:
    """Returns whether no value is NaN or infinite."""
    # A sum with such a value is never finite; a sum of finite values may be, if they are huge.
    with np.errstate(over="ignore", invalid="ignore"):
        total = float(np.add.reduce(array, axis=None))
    return math.isfinite(total) or bool(np.isfinite(array).all())


def put(variable: keras.Variable, array: np.ndarray) -> None:
    """Sets a variable to an array of its shape and type, without a copy where it can."""
    handle = _handle(variable)
    if handle is None or not array.size:
        variable.assign(array)
        return
    value = array
    # A type that the exchange does not know, such as bfloat16, is copied.
    with contextlib.suppress(TypeError, BufferError):
        value = _operations().tensor(array.__dlpack__())
    _operations().assign(resource=handle, value=value, validate_shape=True)


def value_of(variable: keras.Variable) -> Any:
    """Returns a variable's value, which stays when the variable is assigned another.

    On TensorFlow it is no copy: a variable that is assigned takes over another buffer.
    """
    handle = _handle(variable)
    if handle is None:
        return keras.ops.copy(variable)
    return _operations().read(resource=handle, dtype=variable.value.dtype)


def _handle(variable: keras.Variable) -> Any:
    """Returns TensorFlow's handle of a variable; None elsewhere, and where it is spread."""
    if keras.backend.backend() != "tensorflow":
        return None
    value = variable.value
    return None if isinstance(value, _operations().spread) else value.handle


class _Operations(NamedTuple):
    """TensorFlow's own; Keras's ways to set a variable and to read it take twice as long."""

    tensor: Callable[[Any], Any]
    assign: Callable[..., None]
    read: Callable[..., Any]
    spread: type


@functools.cache
def _operations() -> _Operations:
    import tensorflow as tf

    return _Operations(
        tf.experimental.dlpack.from_dlpack,
        tf.raw_ops.AssignVariableOp,
        tf.raw_ops.ReadVariableOp,
        tf.distribute.DistributedValues,
    )
