"""One layer's tensors between Keras's layout and PyTorch's, both ways: pure functions, NumPy only.

Ours is Keras's: kernels (height, width, inputs, outputs), dense ones (inputs, outputs). A style
says how a source names and orders its tensors: "torch" (torchvision, timm) or "keras"
(keras.applications, whose order is ours).
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from kerascnn.lazy import np
from kerascnn.weights.buffers import packed

if TYPE_CHECKING:
    import numpy as np

MapShape = tuple[int, int, int]
"""Height, width and channels of the feature map that a `Flatten` before a dense layer reads."""

_TORCH_NAMES = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def names(kind: str, variable: str, style: str) -> tuple[str, ...]:
    """Returns what a source may call one of our variables, inside the module of its layer.

    Args:
        kind: our layer's class, such as "Conv2D".
        variable: our variable's name, such as "kernel".
        style: "torch" or "keras".
    """
    if style == "torch":
        return (_TORCH_NAMES[variable],)
    if variable != "kernel":
        return (variable,)
    # A SeparableConv2D holds the kernels of two of our layers, and Keras 2 named a depthwise
    # convolution's so as well.
    return ("kernel", "depthwise_kernel" if kind == "DepthwiseConv2D" else "pointwise_kernel")


def fits(
    stored: tuple[int, ...],
    kind: str,
    variable: str,
    shape: tuple[int, ...],
    style: str,
    flattened: MapShape | None = None,
) -> bool:
    """Returns whether a tensor of shape `stored` can become one of ours, told by shapes alone.

    Args:
        stored: the source's shape.
        kind: our layer's class.
        variable: our variable's name.
        shape: our variable's shape.
        style: "torch" or "keras".
        flattened: as for `from_torch`.
    """
    if style == "keras":
        return _alike(stored, shape)
    if variable != "kernel":
        return stored == shape
    return stored in _torch_shapes(kind, shape, flattened)[1]


def from_torch(
    array: np.ndarray,
    kind: str,
    variable: str,
    shape: tuple[int, ...],
    flattened: MapShape | None = None,
) -> np.ndarray:
    """Returns a PyTorch tensor in our order.

    A dense layer may have been stored as a 1x1 convolution, and a convolution as the dense layer
    that reads its window flattened.

    Args:
        array: as PyTorch stores it.
        kind: our layer's class.
        variable: our variable's name.
        shape: our variable's shape.
        flattened: for a dense layer behind a flattened map, the map's shape: PyTorch flattens
            channel by channel, we position by position.

    Raises:
        ValueError: the tensor's shape does not fit.
    """
    if variable != "kernel":
        return _reshaped(array, shape, (shape,))
    grid, allowed = _torch_shapes(kind, shape, flattened)
    moved: np.ndarray = _reshaped(array, grid, allowed).transpose(
        _TO_OURS[kind == "DepthwiseConv2D"]
    )
    # A flattened map's axes cannot be joined without a copy; this is the fast one.
    return (moved if len(shape) == 4 else packed(moved, moved.dtype)).reshape(shape)


def to_torch(
    array: np.ndarray,
    kind: str,
    variable: str,
    shape: tuple[int, ...],
    flattened: MapShape | None = None,
) -> np.ndarray:
    """Returns one of our tensors in PyTorch's order; undoes `from_torch`.

    Args:
        array: as ours.
        kind: our layer's class.
        variable: our variable's name.
        shape: of PyTorch's tensor.
        flattened: as for `from_torch`.

    Raises:
        ValueError: PyTorch's shape does not fit.
    """
    if variable != "kernel":
        return _reshaped(array, shape, (shape,))
    grid, allowed = _torch_shapes(kind, array.shape, flattened)
    if shape not in allowed:
        raise ValueError(f"a {kind} kernel of shape {array.shape} is no tensor of shape {shape}")
    depthwise = kind == "DepthwiseConv2D"
    ours = tuple(grid[axis] for axis in _TO_OURS[depthwise])
    return array.reshape(ours).transpose(_TO_TORCH[depthwise]).reshape(shape)


def as_keras(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Returns a Keras tensor for another Keras layer, whichever of the two comes from a file.

    A 1x1 convolution may stand for a dense layer, and a convolution over a whole map for the dense
    layer that reads it flattened: Keras orders their values alike.

    Raises:
        ValueError: the shapes do not fit.
    """
    if not _alike(array.shape, shape):
        raise ValueError(f"a tensor of shape {array.shape} cannot become one of {shape}")
    return array.reshape(shape)


def _alike(stored: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    if stored == shape:
        return True
    together = prod(stored[:-1]) == prod(shape[:-1])
    return {len(stored), len(shape)} == {2, 4} and stored[-1] == shape[-1] and together


# Ours is (h, w, inputs, filters), PyTorch's (filters, inputs / groups, h, w); a transposed
# convolution's are (h, w, filters, inputs) and (inputs, filters, h, w). Both libraries correlate:
# nothing is flipped. A depthwise kernel is (h, w, channels, multiplier) and
# (channels * multiplier, 1, h, w).
_TO_OURS = {False: (2, 3, 1, 0), True: (2, 3, 0, 1)}
_TO_TORCH = {False: (3, 2, 0, 1), True: (2, 3, 0, 1)}


def _torch_shapes(
    kind: str, shape: tuple[int, ...], flattened: MapShape | None
) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]:
    """Returns PyTorch's order with every axis apart, and the shapes that it may be stored in."""
    if kind == "DepthwiseConv2D":
        height, width, channels, multiplier = shape
        grid = channels, multiplier, height, width
        return grid, ((channels * multiplier, 1, height, width),)
    *_, filters = shape
    height, width, inputs = flattened or (shape[:3] if len(shape) == 4 else (1, 1, shape[0]))
    together = inputs * height * width
    grid = filters, inputs, height, width
    return grid, (grid, (filters, together), (filters, together, 1, 1))


def _reshaped(
    array: np.ndarray, shape: tuple[int, ...], allowed: tuple[tuple[int, ...], ...]
) -> np.ndarray:
    if array.shape not in allowed:
        raise ValueError(f"a tensor of shape {array.shape} cannot become one of {shape}")
    return array.reshape(shape)


def without_bias(mean: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Returns the moving mean of a batch norm whose convolution loses its bias.

    norm(conv + bias) subtracts `mean`; norm(conv) must subtract `mean - bias`.
    """
    return mean - bias


def with_epsilon(
    variance: np.ndarray, source: float, target: float
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the moving variance for another epsilon, and the factors of gamma, the result equal.

    A variance below the difference of the two would become negative: it becomes zero, and gamma
    has to make up for the rest. All other factors are 1. Equal holds for prediction: training
    replaces the variances by those of batches, and works with the epsilon that is there.

    Args:
        variance: as stored beside `source`; not negative.
        source: epsilon of the batch norm that it comes from.
        target: epsilon of the one that it goes to.
    """
    exact = variance.astype(np.float64)
    moved = np.maximum(exact + (source - target), 0)
    low = exact + source < target
    scale = np.sqrt(np.divide(target, exact + source, out=np.ones_like(exact), where=low))
    return moved, scale
