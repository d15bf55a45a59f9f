"""The order of an image's axes: height, width, channels everywhere in this package."""

from __future__ import annotations

from collections.abc import Sequence

from kerascnn.errors import DataError

CHANNEL_COUNTS = (1, 3, 4)
"""Usual numbers of channels: grey, colour, colour with alpha."""


def is_channels_first(shape: Sequence[int | None]) -> bool:
    """Returns whether three sizes can only be (channels, height, width), as in PyTorch.

    They are if the first is 1, 3 or 4, the second is larger or open, and the last is open or
    larger than 4. So (3, 224, 224) is, and (3, 32, 3), an image that is 3 pixels high, is not.
    """
    first, height, last = shape
    return (
        first in CHANNEL_COUNTS
        and (height is None or height > first)
        and (last is None or last > max(CHANNEL_COUNTS))
    )


def channels_last(shape: Sequence[int | None]) -> tuple[int | None, ...]:
    """Returns (height, width, channels) of (channels, height, width)."""
    channels, height, width = shape
    return height, width, channels


def refuse_channels_first(shape: Sequence[int | None], where: str) -> None:
    """Raises DataError if images of this shape, without a batch axis, have their channels first.

    Args:
        shape: of one image, two or three sizes.
        where: the name of the images, for the message.
    """
    if len(shape) == 3 and is_channels_first(shape):
        raise DataError(
            f"{where} are {_text(shape)}, which is channels x height x width; move the channels to "
            f"the end, {_text(channels_last(shape))}, as numpy.moveaxis(images, -3, -1) does"
        )


def _text(shape: Sequence[int | None]) -> str:
    return " x ".join("?" if size is None else str(size) for size in shape)
