"""The image that a network is built for when it is asked for by name, for some data."""

from __future__ import annotations

from kerascnn.models.planning import SMALL_IMAGE
from kerascnn.models.registry import Variant
from kerascnn.models.request import ImageShape

LEAST_IMAGE = 32
"""CIFAR's size, which every network for photographs can take; smaller images are enlarged to it."""


def input_shape_for(variant: Variant, image_shape: ImageShape) -> tuple[int, int, int]:
    """Returns the paper's input, or the data's where that is much smaller.

    Where all images are of one size up to 64 pixels and the paper's are larger, the network is
    built for theirs, 32 pixels or more; it goes with stem="auto".

    Args:
        variant: the architecture's record.
        image_shape: height, width and channels of the data; None where images differ.
    """
    height, width, channels = variant.input_shape
    sides = [side for side in image_shape[:2] if side is not None]
    if len(sides) == 2 and max(sides) <= SMALL_IMAGE < min(height, width):
        height, width = (max(side, LEAST_IMAGE) for side in sides)
    if image_shape[2] not in (1, 3):  # grey and colour are converted; others have to fit
        channels = image_shape[2]
    return height, width, channels
