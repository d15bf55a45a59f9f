"""Predicting: the likeliest classes of images from files, bytes, Pillow or arrays."""

from __future__ import annotations

import functools
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.data.sources.dataset import as_images
from kerascnn.errors import DataError, MismatchError, UsageError
from kerascnn.imaging.decode import load_image
from kerascnn.inference.classifier import Classifier
from kerascnn.lazy import np

if TYPE_CHECKING:
    import numpy as np
    import PIL.Image

    from kerascnn.imaging.preprocessing import Preprocessing

BATCH = 64
"""Images that are predicted at a time."""
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class Prediction:
    """The likeliest classes of one image, the likeliest first.

    Args:
        source: the file's path, or what kind of object and its place in the list.
        labels: class names, or class numbers where no names are known.
        scores: their probabilities in [0, 1].
        indices: their class numbers.
    """

    source: str
    labels: tuple[str, ...]
    scores: tuple[float, ...]
    indices: tuple[int, ...]


def sources(images: Any) -> Iterator[Callable[[], tuple[str, np.ndarray]]]:
    """Yields a function for each image that reads it: its name and H x W x C or H x W pixels."""
    if isinstance(images, (str, os.PathLike)) and Path(images).is_dir():
        images = _folder(Path(images))
    elif _is_one_image(images):
        images = [images]
    elif hasattr(images, "ndim"):
        # Together, since their range tells what 1.0 means.
        for place, image in enumerate(as_images(np.asarray(images))):
            yield functools.partial(_named, f"array[{place}]", image)
        return
    for place, image in enumerate(images):
        yield functools.partial(read, image, place)


def _named(name: str, pixels: np.ndarray) -> tuple[str, np.ndarray]:
    return name, pixels


def _is_one_image(images: Any) -> bool:
    """A 3-D array is one image when its last axis looks like channels, otherwise grey images."""
    if hasattr(images, "ndim"):
        return images.ndim == 2 or (images.ndim == 3 and images.shape[-1] in (1, 3))
    return isinstance(images, (str, os.PathLike, bytes)) or _is_pillow(images)


def _is_pillow(image: Any) -> bool:
    from PIL import Image

    return isinstance(image, Image.Image)


def _folder(folder: Path) -> list[Path]:
    files = sorted(
        path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file()
    )
    if not files:
        raise DataError(f"{folder} holds no images; looked for {', '.join(SUFFIXES)}")
    return files


def read(image: Any, place: int) -> tuple[str, np.ndarray]:
    """Returns the name and the pixels of one image: a path, bytes, a Pillow image or an array.

    Raises:
        DataError, DamagedFileError: there is no such file, or it is no image.
        UsageError: it is something else.
    """
    if isinstance(image, (str, os.PathLike)):
        return str(image), load_image(image, "rgb")
    if isinstance(image, bytes):
        return f"bytes[{place}]", load_image(image, "rgb")
    if _is_pillow(image):
        return getattr(image, "filename", "") or f"image[{place}]", load_image(
            _encoded(image), "rgb"
        )
    if hasattr(image, "shape"):
        return f"array[{place}]", as_images(np.asarray(image)[np.newaxis], f"image {place}")[0]
    raise UsageError(
        f"image {place} is a {type(image).__name__}; give a path, bytes, a Pillow image or an array"
    )


def _encoded(image: PIL.Image.Image) -> bytes:
    """Returns a Pillow image as a file: then alpha, palettes and 16 bits mean the same in both."""
    from PIL import ImageOps

    stream = io.BytesIO()
    ImageOps.exif_transpose(image).save(stream, "TIFF")
    return stream.getvalue()


def prepared(
    network: Classifier, pixels: np.ndarray, preprocessing: Preprocessing | None
) -> np.ndarray:
    """Returns the network's input, float32 H x W x C, for the pixels of one image.

    Raises:
        MismatchError: the preprocessing gives another size than the network takes.
    """
    if preprocessing is None:
        shape = (*pixels.shape, 1)[:3] if pixels.ndim in (2, 3) else pixels.shape
        preprocessing = network.preprocessing_for(shape)
    ready = preprocessing(pixels)
    for wanted, got in zip(network.image_shape, ready.shape, strict=True):
        if wanted not in (None, got):
            raise MismatchError(
                f"an image comes out of the preprocessing as {ready.shape}, but {network.name} "
                f"takes {network.image_shape}; give a preprocessing of that size"
            )
    return ready


def best(source: str, scores: np.ndarray, names: tuple[str, ...], top: int) -> Prediction:
    """Returns the `top` likeliest classes of one image, the first of equals first."""
    order = np.argsort(-scores, kind="stable")[:top]
    return Prediction(
        source,
        tuple(names[index] for index in order),
        tuple(float(scores[index]) for index in order),
        tuple(int(index) for index in order),
    )
