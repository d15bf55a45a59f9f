"""Paths, encoded bytes, arrays or Pillow images as one batch of a network's inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from kerascnn.data.read_images import sources
from kerascnn.data.sources.dataset import as_images
from kerascnn.errors import MismatchError
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.lazy import np

if TYPE_CHECKING:
    import numpy as np


ImageSize = tuple[int, int, int]
"""Height, width and channels of an image."""


def inputs_for(
    images: Any, channels: int, preprocessing: Callable[[ImageSize], Preprocessing]
) -> np.ndarray:
    """Returns images as one batch of inputs, float32 (N, height, width, channels).

    Args:
        images: as in `preprocess`.
        channels: of the network's input.
        preprocessing: returns what to apply to images of a height, width and number of channels.
    """
    if getattr(images, "ndim", 0) == 4:
        batch = as_images(np.asarray(images))
        return preprocessing(_shape(batch.shape[1:]))(batch)
    inputs = []
    for read in sources(images, channels):
        _, pixels = read()
        inputs.append(preprocessing(_shape(pixels.shape))(pixels))
    if not inputs:
        raise MismatchError("there is no image; give at least one")
    sizes = {array.shape for array in inputs}
    if len(sizes) > 1:
        first, second = sorted(sizes)[:2]
        raise MismatchError(
            f"the images become {first[0]} x {first[1]} and {second[0]} x {second[1]} pixels, as "
            "the network takes any size; give images of one size, or one at a time"
        )
    return np.stack(inputs)


def _shape(shape: Sequence[int]) -> ImageSize:
    height, width, channels = (*shape, 1)[:3]
    return height, width, channels
