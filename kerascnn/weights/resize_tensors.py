"""Converts tensors for layers of another size: input channels, classes, flattened maps.

Each function uses NumPy only, and returns the new array and a description of the change.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kerascnn.lazy import np

if TYPE_CHECKING:
    import numpy as np


def input_channels(kernel: np.ndarray, channels: int) -> tuple[np.ndarray, str]:
    """Returns the kernel of the first convolution for images with another number of channels.

    For one channel, it is the sum over the old channels. For more, the old channels are repeated
    in turn, and each is divided by its number of repetitions. In both cases, an image whose
    channels are all equal has the same output as before.

    Args:
        kernel: the old kernel, (height, width, channels, filters).
        channels: the new number of channels.
    """
    old = kernel.shape[2]
    if channels == 1:
        return kernel.sum(axis=2, keepdims=True), f"sum over {old} input channels"
    sources = np.arange(channels) % old
    repetitions = np.bincount(sources, minlength=old)[sources]
    new = kernel[:, :, sources] / repetitions[None, None, :, None].astype(kernel.dtype)
    if channels < old:  # the contribution of the dropped channels is added to the others
        new = new + (kernel.sum(axis=2) - new.sum(axis=2))[:, :, None] / channels
    return new.astype(kernel.dtype), f"{old} input channels spread over {channels}"


def without_background(array: np.ndarray) -> tuple[np.ndarray, str]:
    """Returns a classifier's tensor without its first class, the background."""
    return array[..., 1:], "the background class dropped"


def overlap(
    stored: np.ndarray,
    fresh: np.ndarray,
    source: Sequence[str],
    target: Sequence[str],
) -> tuple[np.ndarray, str]:
    """Returns the new classifier's tensor with the columns of the classes that the old one has too.

    Args:
        stored: the tensor of the old classifier.
        fresh: the initial tensor of the new classifier.
        source: class names of the old classifier.
        target: class names of the new classifier.
    """
    indices = {name: index for index, name in enumerate(source)}
    copied = fresh.copy()
    shared = [(i, indices[name]) for i, name in enumerate(target) if name in indices]
    for new, old in shared:
        copied[..., new] = stored[..., old]
    return copied, f"{len(shared)} of {len(target)} classes copied by name"


def flattened_map(
    kernel: np.ndarray, before: tuple[int, int, int], after: tuple[int, int, int]
) -> tuple[np.ndarray, str]:
    """Returns the kernel of a dense layer for a flattened map of another height and width.

    The kernel, as (height, width, channels, units), is resampled bilinearly and scaled by the ratio
    of the areas, so that a constant map has the same output as before.

    Args:
        kernel: the old kernel, (height * width * channels, units).
        before: height, width and channels of the old map.
        after: height, width and channels of the new map.
    """
    units = kernel.shape[-1]
    grid = kernel.reshape(*before, units)
    for axis in (0, 1):
        grid = _resampled(grid, axis, after[axis])
    ratio = (before[0] * before[1]) / (after[0] * after[1])
    resampled = (grid * ratio).reshape(-1, units).astype(kernel.dtype)
    return (
        resampled,
        f"resampled from a map of {before[0]} x {before[1]} to {after[0]} x {after[1]}",
    )


def _resampled(grid: np.ndarray, axis: int, size: int) -> np.ndarray:
    """Returns the grid, interpolated linearly to another size of one axis."""
    old = grid.shape[axis]
    positions = np.clip((np.arange(size) + 0.5) * old / size - 0.5, 0, old - 1)
    low = np.floor(positions).astype(int)
    high = np.minimum(low + 1, old - 1)
    shape = [1] * grid.ndim
    shape[axis] = size
    weight = (positions - low).reshape(shape)
    return np.take(grid, low, axis) * (1 - weight) + np.take(grid, high, axis) * weight
