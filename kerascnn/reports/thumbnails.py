"""Thumbnails of the images of a data set, for the report."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.evaluation.test_time_views import raw_images
from kerascnn.imaging.decode import load_image
from kerascnn.lazy import np

if TYPE_CHECKING:
    import numpy as np

    from kerascnn.evaluation.evaluate import Evaluation

SIDE = 192
"""The most pixels of the longer side; smaller images keep their size."""


def thumbnails(evaluation: Evaluation, indices: Iterable[int]) -> Iterator[tuple[int, bytes, str]]:
    """Yields index, thumbnail (PNG or JPEG) and file name, if any, of held-out images.

    If the order of the dataset has changed, images whose label differs are left out.
    """
    wanted = [int(index) for index in indices]
    images, labels = evaluation.data.test.images, evaluation.outcomes.labels
    if isinstance(images, tuple):
        for index in wanted:
            yield index, thumbnail(load_image(images[index], "rgb")), _file(images[index])
    elif hasattr(images, "shape"):
        for index in wanted:
            yield index, thumbnail(images[index]), ""
    else:
        places = set(wanted)
        images_by_index = {
            index: image
            for index, (image, label) in enumerate(raw_images(evaluation.data.test))
            if index in places and label == labels[index]
        }
        for index in wanted:
            if index in images_by_index:
                yield index, thumbnail(images_by_index[index]), ""


def thumbnail(image: Any) -> bytes:
    """Returns an image (H x W x C, 0 to 255) as PNG, or as JPEG if it was made smaller.

    An image with other than 1 or 3 channels is shown as the mean of its channels.
    """
    from PIL import Image

    image = np.asarray(image)
    if image.shape[-1] not in (1, 3):
        image = image.mean(axis=-1, keepdims=True)
    pixels = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    large = max(picture.size) > SIDE
    picture.thumbnail((SIDE, SIDE))
    stream = io.BytesIO()
    if large:
        picture.save(stream, "JPEG", quality=85)
    else:
        picture.save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _file(image: Any) -> str:
    """Returns the folder and name of a file, without the folders above."""
    return "/".join(image.parts[-2:]) if isinstance(image, Path) else ""
