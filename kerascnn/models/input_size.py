"""Chooses the input shape of a network for a given data set."""

from __future__ import annotations

from kerascnn.models.planning import SMALL_IMAGE
from kerascnn.models.registry import Variant
from kerascnn.models.request import ImageShape

LEAST_IMAGE = 32
"""Smallest input side chosen here: CIFAR's, which every architecture for photographs accepts."""


def input_shape_for(variant: Variant, image_shape: ImageShape) -> tuple[int, int, int]:
    """Returns (height, width, channels) of the input that a network for this data should have.

    This is the paper's input shape. If all images have the same size of at most 64 pixels a side
    and the paper's input is larger, it is the images' size, but at least 32 pixels a side; the
    network is then built with stem="auto".

    Args:
        variant: the architecture's record.
        image_shape: height, width and channels of the data; height and width are None if images
            differ in size.
    """
    height, width, channels = variant.input_shape
    sides = [side for side in image_shape[:2] if side is not None]
    if len(sides) == 2 and max(sides) <= SMALL_IMAGE < min(height, width):
        height, width = (max(side, LEAST_IMAGE) for side in sides)
    if image_shape[2] not in (1, 3):  # only grey and colour images can be converted
        channels = image_shape[2]
    return height, width, channels
