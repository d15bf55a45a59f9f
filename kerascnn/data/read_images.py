"""Reads images for prediction from paths, folders, bytes, Pillow images and arrays."""

from __future__ import annotations

import functools
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.data.sources.dataset import as_images
from kerascnn.errors import DataError, MismatchError, UsageError
from kerascnn.imaging.axes import channels_last, is_channels_first
from kerascnn.imaging.decode import EXTENSIONS, load_image
from kerascnn.lazy import np

if TYPE_CHECKING:
    import numpy as np
    import PIL.Image


def sources(images: Any, channels: int) -> Iterator[Callable[[], tuple[str, np.ndarray]]]:
    """Yields for each image a function that reads it.

    The function returns the image's name and its pixels, H x W x C or H x W.

    Args:
        images: one image, several, or a folder, as `predict` takes them.
        channels: of the network's input.

    Raises:
        MismatchError: an array may be one colour image with channels first, or three grey images.
    """
    if isinstance(images, (str, os.PathLike)) and Path(images).is_dir():
        images = _folder(Path(images))
    elif _is_single_image(images, channels):
        images = [images]
    elif hasattr(images, "ndim"):
        # All at once: their common range tells whether values go up to 1 or to 255.
        array = np.asarray(images)
        if array.ndim == 3 and array.shape[0] == channels == 3 and is_channels_first(array.shape):
            raise MismatchError(
                f"an array of shape {array.shape} can be one colour image with its channels first "
                f"or 3 grey images; give {channels_last(array.shape)} or {(*array.shape, 1)}"
            )
        for index, image in enumerate(as_images(array)):
            yield functools.partial(_name_and_pixels, f"array[{index}]", image)
        return
    for index, image in enumerate(images):
        yield functools.partial(read, image, index)


def _name_and_pixels(name: str, pixels: np.ndarray) -> tuple[str, np.ndarray]:
    return name, pixels


def _is_single_image(images: Any, channels: int) -> bool:
    """Tells whether `images` is one image.

    A 3-D array is one image when its last axis has 1, 3 or `channels` entries, otherwise several
    grey images.
    """
    if hasattr(images, "ndim"):
        return images.ndim == 2 or (images.ndim == 3 and images.shape[-1] in (1, 3, channels))
    return isinstance(images, (str, os.PathLike, bytes)) or _is_pillow(images)


def _is_pillow(image: Any) -> bool:
    from PIL import Image

    return isinstance(image, Image.Image)


def _folder(folder: Path) -> list[Path]:
    files = sorted(
        path for path in folder.rglob("*") if path.suffix.lower() in EXTENSIONS and path.is_file()
    )
    if not files:
        raise DataError(f"{folder} holds no images; looked for {', '.join(sorted(EXTENSIONS))}")
    return files


def read(image: Any, index: int) -> tuple[str, np.ndarray]:
    """Returns the name and the pixels of one image.

    Args:
        image: a path, encoded bytes, a Pillow image or an array.
        index: of the image among all, for its name.

    Raises:
        DataError: there is no such file.
        DamagedFileError: it cannot be read as an image.
        UsageError: it has another type.
    """
    if isinstance(image, (str, os.PathLike)):
        return str(image), load_image(image, "rgb")
    if isinstance(image, bytes):
        return f"bytes[{index}]", load_image(image, "rgb")
    if _is_pillow(image):
        return getattr(image, "filename", "") or f"image[{index}]", load_image(
            _encoded(image), "rgb"
        )
    if hasattr(image, "shape"):
        return f"array[{index}]", as_images(np.asarray(image)[np.newaxis], f"image {index}")[0]
    raise UsageError(
        f"image {index} is a {type(image).__name__}; give a path, bytes, a Pillow image or an array"
    )


def _encoded(image: PIL.Image.Image) -> bytes:
    """Returns a Pillow image as a TIFF file.

    Alpha channels, palettes and 16-bit pixels are then handled as those of files are.
    """
    from PIL import ImageOps

    stream = io.BytesIO()
    ImageOps.exif_transpose(image).save(stream, "TIFF")
    return stream.getvalue()
