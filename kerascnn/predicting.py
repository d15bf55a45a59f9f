"""Predicting: the likeliest classes of images from files, bytes, Pillow or arrays."""

from __future__ import annotations

import io
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.classifiers import Classifier, open_classifier
from kerascnn.data import as_images
from kerascnn.endpoints import adopted_class_names
from kerascnn.errors import DataError, MismatchError, UsageError
from kerascnn.images import load_image
from kerascnn.lazy import np
from kerascnn.runs import Run

if TYPE_CHECKING:
    import keras
    import numpy as np
    import PIL.Image

    from kerascnn.preprocessing import Preprocessing

CHUNK = 64
"""Images that are held in memory and predicted at a time."""
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


def predict(
    model_or_run: keras.Model | Run | str | os.PathLike[str],
    images: Any,
    *,
    top: int = 5,
    preprocessing: Preprocessing | None = None,
    class_names: Sequence[str] | None = None,
    trust: bool = False,
) -> list[Prediction]:
    """Names the likeliest classes of images.

    A model is compiled at its first use here: keep it, or the `Run`, for one image after another.

    Args:
        model_or_run: a model, a `Run` (its best model), or the path of a run directory, .keras
            file, file of `save_weights`, ONNX file, SavedModel or export.
        images: paths, encoded bytes, Pillow images or arrays, one or a list of them; a folder
            (its image files, subfolders included, in sorted order); or an array of N x H x W x C
            images. Arrays hold values from 0 to 255, or floats from 0 to 1.
        top: number of classes to name, at least 1; at most all.
        preprocessing: the run's or artifact's, or else the architecture's, when None.
        class_names: the run's or artifact's, or those that the model's weights name, when None.
        trust: open a SavedModel, which is a program.

    Returns:
        One `Prediction` an image, in order; [] for [].

    Raises:
        DataError: a file is missing, or a folder holds no images.
        DamagedFileError: a file is no image that can be read.
        MismatchError: the number of names is not the model's, or an array does not fit.
        UnsafeFileError: a SavedModel without `trust`, or a file with code in it.
    """
    if isinstance(top, bool) or not isinstance(top, int) or top < 1:
        raise UsageError(f"top={top!r}; it must be a whole number from 1")
    network = open_classifier(model_or_run, trust=trust)
    names = _names(network, class_names)
    predictions: list[Prediction] = []
    for chunk in _chunks(_sources(images), CHUNK):
        ready = [(name, _prepared(network, pixels, preprocessing)) for name, pixels in chunk]
        for _, group in itertools.groupby(ready, key=lambda pair: pair[1].shape):
            sources, arrays = zip(*group, strict=True)
            probabilities = np.exp(network.log_probabilities(np.stack(arrays)))
            predictions += [
                _best(*pair, names, top) for pair in zip(sources, probabilities, strict=True)
            ]
    return predictions


def _names(network: Classifier, names: Sequence[str] | None) -> tuple[str, ...]:
    if names is None:
        adopted = None if network.model is None else adopted_class_names(network.model)
        return network.class_names or adopted or tuple(map(str, range(network.classes)))
    if len(names) != network.classes:
        raise MismatchError(
            f"{len(names)} class names for a model of {network.classes} classes; give one for each "
            "output"
        )
    return tuple(names)


def _sources(images: Any) -> Iterator[tuple[str, np.ndarray]]:
    """Yields a name and the pixels (H x W x C or H x W) of each image, one at a time."""
    if isinstance(images, (str, os.PathLike)) and Path(images).is_dir():
        images = _folder(Path(images))
    elif _is_one_image(images):
        images = [images]
    elif hasattr(images, "ndim"):
        images = as_images(np.asarray(images))  # together: their range tells what 1.0 means
    for place, image in enumerate(images):
        yield _read(image, place)


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


def _read(image: Any, place: int) -> tuple[str, np.ndarray]:
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


def _prepared(
    network: Classifier, pixels: np.ndarray, preprocessing: Preprocessing | None
) -> np.ndarray:
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


def _chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    iterator = iter(items)
    while chunk := list(itertools.islice(iterator, size)):
        yield chunk


def _best(source: str, scores: np.ndarray, names: tuple[str, ...], top: int) -> Prediction:
    order = np.argsort(-scores, kind="stable")[:top]
    return Prediction(
        source,
        tuple(names[index] for index in order),
        tuple(float(scores[index]) for index in order),
        tuple(int(index) for index in order),
    )
