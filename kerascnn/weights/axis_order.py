"""Converts a layer's tensors between the axis orders of Keras and PyTorch, with NumPy only.

Our order is Keras's: kernels are (height, width, inputs, outputs), dense kernels (inputs, outputs).
A style says how a source names its tensors and orders their axes: "torch" (torchvision, timm) or
"keras" (keras.applications).
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from kerascnn.lazy import np
from kerascnn.weights.buffers import packed

if TYPE_CHECKING:
    import numpy as np

MapShape = tuple[int, int, int]
"""Height, width and channels of a feature map that is flattened before a dense layer."""

_TORCH_NAMES = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def tensor_names(kind: str, variable: str, style: str) -> tuple[str, ...]:
    """Returns the names that a source may give to one of our variables, within its layer.

    Args:
        kind: our layer's class, such as "Conv2D".
        variable: our variable's name, such as "kernel".
        style: "torch" or "keras".
    """
    if style == "torch":
        return (_TORCH_NAMES.get(variable, variable),)
    if variable != "kernel":
        return (variable,)
    # Keras's SeparableConv2D contains the kernels of two of our layers, under these names. Keras 2
    # also called the kernel of a DepthwiseConv2D depthwise_kernel.
    return ("kernel", "depthwise_kernel" if kind == "DepthwiseConv2D" else "pointwise_kernel")


def fits(
    stored: tuple[int, ...],
    kind: str,
    variable: str,
    shape: tuple[int, ...],
    style: str,
    flattened: MapShape | None = None,
) -> bool:
    """Returns whether a tensor of shape `stored` can be converted to one of our variables.

    Args:
        stored: the shape of the source's tensor.
        kind: our layer's class.
        variable: our variable's name.
        shape: our variable's shape.
        style: "torch" or "keras".
        flattened: as for `from_torch`.
    """
    if style == "keras":
        return _same_values(stored, shape)
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
    """Returns a PyTorch tensor in our axis order.

    A dense layer may be stored as a 1x1 convolution, and a convolution as a dense layer whose input
    is the flattened window.

    Args:
        array: the tensor in PyTorch's axis order.
        kind: our layer's class.
        variable: our variable's name.
        shape: our variable's shape.
        flattened: the shape of the feature map, for a dense layer behind a flattened one: PyTorch
            flattens it channel by channel, Keras position by position.

    Raises:
        ValueError: the tensor's shape does not fit.
    """
    if variable != "kernel":
        return _reshaped(array, shape, (shape,))
    grid, allowed = _torch_shapes(kind, shape, flattened)
    moved: np.ndarray = _reshaped(array, grid, allowed).transpose(
        _TO_OURS[kind == "DepthwiseConv2D"]
    )
    # To join the axes of a flattened map takes a copy; `packed` is the fastest way.
    return (moved if len(shape) == 4 else packed(moved, moved.dtype)).reshape(shape)


def to_torch(
    array: np.ndarray,
    kind: str,
    variable: str,
    shape: tuple[int, ...],
    flattened: MapShape | None = None,
) -> np.ndarray:
    """Returns one of our tensors in PyTorch's axis order; the inverse of `from_torch`.

    Args:
        array: the tensor in our axis order.
        kind: our layer's class.
        variable: our variable's name.
        shape: the shape of PyTorch's tensor.
        flattened: as for `from_torch`.

    Raises:
        ValueError: PyTorch's shape does not fit.
    """
    if variable != "kernel":
        return _reshaped(array, shape, (shape,))
    grid, allowed = _torch_shapes(kind, array.shape, flattened)
    if shape not in allowed:
        raise ValueError(
            f"a {kind} kernel of shape {array.shape} cannot become one of shape {shape}"
        )
    depthwise = kind == "DepthwiseConv2D"
    ours = tuple(grid[axis] for axis in _TO_OURS[depthwise])
    return array.reshape(ours).transpose(_TO_TORCH[depthwise]).reshape(shape)


def as_keras(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Returns a tensor of Keras in the shape that another layer needs.

    A dense layer and a 1x1 convolution have the same values in the same order, and so have a
    convolution over a whole feature map and a dense layer that reads the flattened map.

    Raises:
        ValueError: the shapes do not fit.
    """
    if not _same_values(array.shape, shape):
        raise ValueError(f"a tensor of shape {array.shape} cannot become one of {shape}")
    return array.reshape(shape)


def _same_values(stored: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Returns whether tensors of two shapes have the same values, as `as_keras` says."""
    if stored == shape:
        return True
    same_inputs = prod(stored[:-1]) == prod(shape[:-1])
    return {len(stored), len(shape)} == {2, 4} and stored[-1] == shape[-1] and same_inputs


# The axes of kernels, ours and PyTorch's; both libraries compute correlations, so that no axis is
# reversed:
#   convolution  (h, w, inputs, filters)       (filters, inputs / groups, h, w)
#   transposed   (h, w, filters, inputs)       (inputs, filters, h, w)
#   depthwise    (h, w, channels, multiplier)  (channels * multiplier, 1, h, w)
# The key of these tables: whether the kernel is depthwise.
_TO_OURS = {False: (2, 3, 1, 0), True: (2, 3, 0, 1)}
_TO_TORCH = {False: (3, 2, 0, 1), True: (2, 3, 0, 1)}


def _torch_shapes(
    kind: str, shape: tuple[int, ...], flattened: MapShape | None
) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]:
    """Returns PyTorch's shape with all axes separate, and the shapes that it may be stored in."""
    if kind == "DepthwiseConv2D":
        height, width, channels, multiplier = shape
        grid = channels, multiplier, height, width
        return grid, ((channels * multiplier, 1, height, width),)
    *_, filters = shape
    height, width, inputs = flattened or (shape[:3] if len(shape) == 4 else (1, 1, shape[0]))
    flat = inputs * height * width
    grid = filters, inputs, height, width
    return grid, (grid, (filters, flat), (filters, flat, 1, 1))


def _reshaped(
    array: np.ndarray, shape: tuple[int, ...], allowed: tuple[tuple[int, ...], ...]
) -> np.ndarray:
    if array.shape not in allowed:
        raise ValueError(f"a tensor of shape {array.shape} cannot become one of {shape}")
    return array.reshape(shape)


def without_bias(mean: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Returns the moving mean of a batch norm after the bias of its convolution is removed.

    norm(conv + bias) subtracts `mean`, so that norm(conv) must subtract `mean - bias`.
    """
    return mean - bias


def with_epsilon(
    variance: np.ndarray, source: float, target: float
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the moving variance for another epsilon, and a factor for each value of gamma.

    With both, the batch norm's predictions are unchanged. The new variance is the old one plus the
    difference of the epsilons. Where this would be negative, it is zero, and gamma is scaled
    instead; all other factors are 1. Training is not the same, since it uses the variances of
    batches with the new epsilon.

    Args:
        variance: moving variance for the epsilon `source`; not negative.
        source: epsilon of the batch norm that the variance comes from.
        target: epsilon of the batch norm that the new variance is for.
    """
    exact = variance.astype(np.float64)
    changed = np.maximum(exact + (source - target), 0)
    low = exact + source < target
    scale = np.sqrt(np.divide(target, exact + source, out=np.ones_like(exact), where=low))
    return changed, scale
