"""Arrays on their way into a model's variables, copied no more than needed.

TensorFlow takes over a NumPy array without a copy when it is contiguous and lies at a multiple of
64 bytes; otherwise each tensor is copied twice more, which is most of the time that a load takes.
"""

from __future__ import annotations

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
        return made
    for start in range(0, array.shape[-1], BLOCK):
        part = (..., slice(start, start + BLOCK))
        np.copyto(made[part], array[part], casting="unsafe")
    return made


def is_finite(array: np.ndarray) -> bool:
    """Returns whether no value is NaN or infinite."""
    # A sum with such a value is never finite; a sum of finite values may be, if they are huge.
    with np.errstate(over="ignore", invalid="ignore"):
        total = array.sum()
    return bool(np.isfinite(total)) or bool(np.isfinite(array).all())


def as_tensor(array: np.ndarray) -> Any:
    """Returns what `Variable.assign` takes without copying an array of `packed` where it can."""
    if keras.backend.backend() != "tensorflow" or not array.size:
        return array
    import tensorflow as tf

    try:
        return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
    except (TypeError, BufferError):  # a type that the exchange does not know, such as bfloat16
        return array


def value_of(variable: keras.Variable) -> Any:
    """Returns a variable's value, which stays when the variable is assigned another.

    On TensorFlow it is no copy: a variable that is assigned takes over another buffer.
    """
    if keras.backend.backend() == "tensorflow":
        return variable.value.value()
    return keras.ops.copy(variable)
