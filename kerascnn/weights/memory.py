"""Arrays on their way into a model's variables, copied no more than needed.

TensorFlow takes over a NumPy array without a copy when it is contiguous and lies at a multiple of
64 bytes; otherwise each tensor is copied twice more, which is most of the time that a load takes.
"""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Any

from kerascnn.lazy import keras, np
from kerascnn.weights.region import ALIGNMENT, aligned

if TYPE_CHECKING:
    import keras
    import numpy as np

BLOCK = 64
"""Columns that are moved at once when the last axis becomes the first: they stay in the cache."""


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
    if keras.backend.backend() != "tensorflow" or not array.size:
        variable.assign(array)
        return
    import tensorflow as tf

    value = array
    # A type that the exchange does not know, such as bfloat16, is copied.
    with contextlib.suppress(TypeError, BufferError):
        value = tf.experimental.dlpack.from_dlpack(array.__dlpack__())
    # Keras's own `assign` reads the variable again, which takes longer than to set it.
    variable.value.assign(value, read_value=False)


def value_of(variable: keras.Variable) -> Any:
    """Returns a variable's value, which stays when the variable is assigned another.

    On TensorFlow it is no copy: a variable that is assigned takes over another buffer.
    """
    if keras.backend.backend() == "tensorflow":
        return variable.value.value()
    return keras.ops.copy(variable)
