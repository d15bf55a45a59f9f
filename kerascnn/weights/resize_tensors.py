"""Making a tensor fit a layer of another size: input channels, classifier, flattened maps.

Pure NumPy; each returns the new array and says what it did.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kerascnn.lazy import np

if TYPE_CHECKING:
    import numpy as np


def input_channels(kernel: np.ndarray, channels: int) -> tuple[np.ndarray, str]:
    """Returns a first convolution (h, w, C, filters) for images of other channels.

    One channel: the sum over the old ones. N channels: the old ones in turn, each divided by how
    often it comes. Either way an image whose channels are all equal gives what it gave.
    """
    old = kernel.shape[2]
    if channels == 1:
        return kernel.sum(axis=2, keepdims=True), f"sum over {old} input channels"
    chosen = np.arange(channels) % old
    times = np.bincount(chosen, minlength=old)[chosen]
    made = kernel[:, :, chosen] / times[None, None, :, None].astype(kernel.dtype)
    if channels < old:  # what the dropped channels gave is shared by those that stay
        made = made + (kernel.sum(axis=2) - made.sum(axis=2))[:, :, None] / channels
    return made.astype(kernel.dtype), f"{old} input channels spread over {channels}"


def without_background(array: np.ndarray) -> tuple[np.ndarray, str]:
    """Returns a classifier's tensor without its first class, which stands for none of them."""
    return array[..., 1:], "the background class dropped"


def overlap(
    stored: np.ndarray,
    fresh: np.ndarray,
    source: Sequence[str],
    target: Sequence[str],
) -> tuple[np.ndarray, str]:
    """Returns `fresh` with the columns of the classes that `stored` has too."""
    places = {name: index for index, name in enumerate(source)}
    made = fresh.copy()
    shared = [(i, places[name]) for i, name in enumerate(target) if name in places]
    for here, there in shared:
        made[..., here] = stored[..., there]
    return made, f"{len(shared)} of {len(target)} classes copied by name"


def flattened_map(
    kernel: np.ndarray, before: tuple[int, int, int], after: tuple[int, int, int]
) -> tuple[np.ndarray, str]:
    """Returns a dense kernel that reads a map of another height and width.

    The kernel, seen as (height, width, channels, units), is resampled bilinearly and scaled by the
    ratio of the areas, so that a constant map gives what it gave.
    """
    units = kernel.shape[-1]
    grid = kernel.reshape(*before, units)
    for axis in (0, 1):
        grid = _resampled(grid, axis, after[axis])
    ratio = (before[0] * before[1]) / (after[0] * after[1])
    made = (grid * ratio).reshape(-1, units).astype(kernel.dtype)
    return made, f"resampled from a map of {before[0]} x {before[1]} to {after[0]} x {after[1]}"


def _resampled(grid: np.ndarray, axis: int, size: int) -> np.ndarray:
    old = grid.shape[axis]
    places = np.clip((np.arange(size) + 0.5) * old / size - 0.5, 0, old - 1)
    low = np.floor(places).astype(int)
    high = np.minimum(low + 1, old - 1)
    shape = [1] * grid.ndim
    shape[axis] = size
    weight = (places - low).reshape(shape)
    return np.take(grid, low, axis) * (1 - weight) + np.take(grid, high, axis) * weight
